"""Documents made from templates: which facts, under which names, in which words."""

from __future__ import annotations

import re
from collections import defaultdict

from tiny_facts import OUT_OF_20, SPLITS, Dice, Fact, World, number, rows

TEMPLATED = {"en": 270, "zh": 270}  # documents
STYLES = ("entry", "news", "talk")
SENTENCES = (1, 2, 2, 3, 3, 4, 5)
# English names that have an article, and those that have none.
ARTICLE = re.compile(
    r"(United|Netherlands|Kingdom|Republic|Federal|Federative|Commonwealth|State of|Soviet|USSR|U\.S"
    r"|USA?$|UK$|U\.K|UN$|U\.N|EU$|E\.U|WHO$|WTO$|World|European|African Union|North Atlantic T"
    r"|Association|G20|G-20|Group|University|Massachusetts I|California I|Institute|Imperial|Swiss"
    r"|Argentine|Arab R|French R|Italian R|Hellenic|People|Dead|Portuguese|Russian [FE]|German E"
    r"|Hashemite|British|Tang|Qing|Sun$|Moon$|Solar|Milky|universe|West Bank|Amazon [rj]|Beatles"
    r"|Pythons|Fab Four|Royal)"
)
BARE = re.compile(r"(?i)the |la |le |il |l'|musée|java ")


class Writer:
    """Makes documents of one language from templates."""

    def __init__(self, world: World, lang: str) -> None:
        self.world, self.lang = world, lang
        self.templates: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for relation, style, kind, text in rows(f"templates_{lang}.txt"):
            for one in STYLES if style == "any" else [style]:
                self.templates[relation, one].append((kind, text))
        self.frames: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows("frames.txt"):
            if row[0] == lang:
                self.frames[row[1], row[2]].append(row[3])
        self.nobodies = {ner: [name for tag, one, name in rows("nobodies.txt") if (tag, one) == (ner, lang)]
                         for ner in ("PER", "ORG")}  # fmt: skip
        self.about: dict[str, list[Fact]] = defaultdict(list)
        self.means: dict[str, set[str]] = defaultdict(set)
        for fact in world.facts:
            self.about[fact.head].append(fact)
            self.about[fact.tail].append(fact)
        for id_ in self.about:
            for name in world.names(id_, lang):
                self.means[name.lower()].add(id_)

    def fitting(self, fact: Fact, style: str) -> list[str]:
        """List the sentences that can tell a fact."""
        kind = self.world.kinds[fact.head][0]
        return [text for only, text in self.templates[fact.relation, style] if only in {"any", kind}]

    def left(self, fact: Fact, style: str, taken: list[Fact]) -> bool:
        """Tell whether there is a sentence for a fact that the document has not used up."""
        again = sum(fact.relation == one.relation for one in taken)
        return again < min(2, len(self.fitting(fact, style)))

    def chosen(self, seed: str, split: str, style: str, dice: Dice) -> list[Fact]:
        """Choose the facts of a document: the first belongs to its split, none to a later one."""
        wanted, taken, centre = dice.pick(SENTENCES), [], seed
        while len(taken) < wanted:
            order = SPLITS[: SPLITS.index(split) + 1] if taken else (split,)
            free = [fact for fact in self.about[centre] if self.world.split(fact) in order
                    and all(fact.pair != one.pair for one in taken)
                    and self.left(fact, style, taken)]  # fmt: skip
            if not free:
                if centre == seed:
                    break
                centre = seed
                continue
            relation = dice.pick(sorted({fact.relation for fact in free}))
            fact = dice.pick([one for one in free if one.relation == relation])
            taken.append(fact)
            others = [one for one in (fact.head, fact.tail) if one != seed and len(self.about[one]) < 60]
            centre = dice.pick(others) if others and dice(4) == 0 else seed
        return taken

    def name(self, id_: str, known: set[str], dice: Dice) -> str:
        """Choose a name: one that means several things rather often, and a short one the second time."""
        label, *aliases = self.world.names(id_, self.lang)
        shorter = [one for one in aliases if one in label]
        shared = [one for one in aliases if len(self.means[one.lower()]) > 1]
        if id_ in known and shorter and dice(4):
            return str(dice.pick(shorter))
        if shared and dice(2):
            return str(dice.pick(shared))
        return str(dice.pick(aliases)) if aliases and dice(5) < 2 else str(label)

    def marked(self, id_: str, tag: str, known: set[str], dice: Dice) -> dict[str, str]:
        """Return a name with its mark-up: with its article, without one, with a or an."""
        name = self.name(id_, known, dice)
        known.add(id_)
        bare = f"[[{id_} {tag}|{name}]]"
        kind, _, how = self.world.kinds[id_]
        the = how == "the" or (ARTICLE.match(name) and (name != "Sun" or kind == "heavenly body"))
        the = the and self.lang == "en" and not BARE.match(name)
        an = "an" if name[0].lower() in "aeio" else "a"
        return {"": f"the {bare}" if the else bare, "0": bare, "a": f"{an} {bare}"}

    def document(self, facts: list[Fact], style: str, dice: Dice) -> str:
        """Write the sentences of some facts, marked up."""
        known: set[str] = set()
        told: list[str] = []
        used: set[str] = set()
        speakers = [
            f"[[NIL:PER|{dice.pick(half)}]]"
            for half in (self.nobodies["PER"][::2], self.nobodies["PER"][1::2])
        ]
        for i, fact in enumerate(facts):
            fitting = self.fitting(fact, style)
            sentence = dice.pick([one for one in fitting if one not in used] or fitting)
            used.add(sentence)
            for side, id_ in (("h", fact.head), ("t", fact.tail)):
                tag = f"@{side}{i}:{fact.relation}"
                named = self.marked(id_, tag, known, dice)
                for how, place in (("", f"{{{side}}}"), ("0", f"{{{side}0}}"), ("a", f"{{a{side}}}")):
                    sentence = sentence.replace(place, named[how])
            if self.lang == "en":
                sentence = re.sub(
                    r"^((?:\[\[[^|]*\|)?)([a-z])(?![A-Z])", lambda m: m[1] + m[2].upper(), sentence
                )
            if style == "talk":
                sentence = f"{speakers[i % 2]}{'：' if self.lang == 'zh' else ': '}{sentence}"
            told.append(sentence)
        between = "\n" if style == "talk" else "" if self.lang == "zh" else " "
        text = (
            dice.pick(self.frames[style, "open"])
            + between.join(told)
            + dice.pick(self.frames[style, "close"])
        )
        for ner, place in (("PER", "{nper}"), ("ORG", "{norg}")):
            text = text.replace(place, f"[[NIL:{ner}|{dice.pick(self.nobodies[ner])}]]")
        return text

    def documents(self) -> list[tuple[str, str, str]]:
        """Write them all: mark-up, style, split."""
        seeds = sorted(self.about, key=lambda id_: number(f"{self.lang}{id_}"))
        shared = [
            id_
            for id_ in seeds
            if any(len(self.means[one.lower()]) > 1 for one in self.world.names(id_, self.lang))
        ]
        found: dict[str, tuple[str, str, str]] = {}
        turn = 0
        while len(found) < TEMPLATED[self.lang]:
            dice = Dice(f"{self.lang} {turn}")
            seed = dice.pick(shared) if turn % 2 else seeds[turn // 2 % len(seeds)]
            turn += 1
            split, style = dice.pick(OUT_OF_20), dice.pick(STYLES)
            if facts := self.chosen(seed, split, style, dice):
                text = self.document(facts, style, dice)
                found.setdefault(text, (text, style, split))
        return list(found.values())
