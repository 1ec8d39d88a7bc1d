"""The tiny world as those need it who write about it: facts, names, ids in each knowledge base, mark-up."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
SAMPLE = HERE.parent
LANGS = ("en", "zh")
PASSING = {"P17", "P30", "P36", "P37", "P38", "P47", "P127", "P131", "P159", "P169", "P361", "P463", "P749"}
SPLITS = ("train", "dev", "test")
OUT_OF_20 = ("train",) * 13 + ("dev",) * 3 + ("test",) * 4

MARK = re.compile(r"\[\[([^|\[\]]+)\||\]\]")
SENSE = re.compile(r"[^ ]+%\d:\d\d:\d\d:")
ITEM = re.compile(r"Q\d+$")
# Names that are not for running text, and some that are all the same.
UNFIT = re.compile(r"[(),/]|^[A-Z]{1,3}$|^.$|City$|^City|State$|Apple$|^Land of|^Seven|^Father|^\w\. |\.$")
FIT = {"US", "USA", "UK", "UN", "EU", "WHO", "WTO", "NYC", "MIT", "IBM", "PSG", "Apple"}
LEX = {"03": "Tops", "04": "act", "05": "animal", "07": "attribute", "09": "cognition", "10": "communication",
       "13": "food", "14": "group", "15": "location", "17": "object", "18": "person", "20": "plant",
       "27": "substance"}  # fmt: skip
OTHER_LEX = {"2:29": "verb.body", "2:34": "verb.consumption", "2:38": "verb.motion", "4:02": "adv.all"}

Json = dict[str, Any]


class Fact(NamedTuple):
    """Two entities and what stands between them."""

    head: str
    relation: str
    tail: str

    @property
    def pair(self) -> frozenset[str]:
        """What a fact and its inverse have in common: they are learnt together."""
        return frozenset((self.head, self.tail))


class Dice:
    """Numbers that follow from a word, the same in every release of Python."""

    def __init__(self, word: str) -> None:
        self.word, self.thrown = word, 0

    def __call__(self, sides: int) -> int:
        """Return a number below `sides`."""
        self.thrown += 1
        return number(f"{self.word}|{self.thrown}") % sides

    def pick(self, things: Any) -> Any:
        """Return one of several."""
        return things[self(len(things))]


def number(word: str) -> int:
    return int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")


def rows(name: str) -> list[list[str]]:
    """Read a file of tab-separated lines; those that begin with # speak to the reader."""
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def sample_builder() -> Any:
    spec = importlib.util.spec_from_file_location("sample_build", SAMPLE / "build.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


class World:
    """The tiny world as those need it who write sentences about it."""

    def __init__(self) -> None:
        release = sample_builder().World().release()
        self.items = {id_: item for id_, item in release.items() if id_[0] == "Q" and item["labels"]}
        self.heldout = {row[0] for row in rows("heldout.txt")}
        self.senses, self.lemmas = senses()
        self.ids: dict[str, dict[str, str]] = defaultdict(dict)
        for id_, kb, other in rows("ids.txt"):
            self.ids[id_][kb] = self.senses[other] if kb == "wordnet" else other
        self.above = {id_: self.targets(id_, "P31") + self.targets(id_, "P279") for id_ in self.items}
        self.classes = [(row[0], row[1], row[2], set(row[3].split())) for row in rows("classes.txt")]
        self.kinds = {id_: self.kind(id_) for id_ in self.items}
        wanted = {row[0] for lang in LANGS for row in rows(f"templates_{lang}.txt")}
        told = {
            Fact(id_, pid, tail) for id_ in self.items for pid in wanted for tail in self.targets(id_, pid)
        }
        told = {fact for fact in told if fact.tail in self.items and len(fact.pair) == 2}
        # "makes car" is no sentence: of products only those with names of their own
        self.facts = sorted(
            fact for fact in told if fact.relation != "P1056" or self.kinds[fact.tail][0] != "class"
        )
        for fact in self.facts:
            if fact.relation == "P106":
                self.kinds[fact.tail] = ("occupation", "", "plain")

    def targets(self, id_: str, pid: str) -> list[str]:
        """Return what the best statements point to; of what passes only what still holds."""
        claims = dict(self.items[id_]["claims"]).get(pid, [])
        best = [one for one in claims if one["rank"] == "preferred"]
        best = best or [one for one in claims if one["rank"] == "normal"]
        if pid in PASSING:
            best = [one for one in best if "P582" not in one.get("qualifiers", {})]
        found = [one["mainsnak"].get("datavalue", {}).get("value") for one in best]
        return [one["id"] for one in found if isinstance(one, dict) and "id" in one]

    def kind(self, id_: str) -> tuple[str, str, str]:
        """Return type, NER tag and how such a thing is named."""
        over, new = {id_}, {id_}
        while new:
            new = {up for one in new for up in self.above.get(one, [])} - over
            over |= new
        return next(
            ((kind, ner, how) for kind, ner, how, ids in self.classes if ids & over), ("class", "", "plain")
        )

    def names(self, id_: str, lang: str) -> list[str]:
        """Return the label and the aliases that can stand in a sentence."""
        item = self.items[id_]
        label = item["labels"].get(lang, item["labels"].get("en"))["value"]
        aliases = [one["value"] for one in item["aliases"].get(lang, [])]
        if self.kinds[id_][2] == "plain":
            aliases = [one for one in aliases if one[0].isupper() and one in label.split()]
        fit = [one for one in aliases if one in FIT or not UNFIT.search(one)]
        return [label, *(one for one in fit if lang == "en" or one[0] > "一")]

    def split(self, fact: Fact) -> str:
        """Say which split a fact is first seen in."""
        if self.heldout & fact.pair:
            return "test"
        return OUT_OF_20[number("|".join(sorted(fact.pair))) % 20]

    def mention(self, target: str, surface: str) -> Json:
        """Say what a mention means in each knowledge base; `target` is as in the mark-up."""
        target, *flags = target.split()
        told: Json = {}
        if SENSE.match(target):
            kind = OTHER_LEX.get(target.split("%")[1][:4]) or "adj.all"
            if target.split("%")[1][0] == "1":
                kind = "noun." + LEX[target.split("%")[1][2:4]]
            told = {"ids": {"wordnet": self.senses[target]}, "type": kind, "sense": target}
        elif target.startswith(("NIL", "NER")):
            told = {"kind": "ner"} if target.startswith("NER") else {}
            told |= {"ner": target[4:]} if target[4:] else {}
        elif ITEM.match(target):
            kind, ner, _ = self.kinds[target]
            cuis = [
                one["mainsnak"]["datavalue"]["value"] for one in self.items[target]["claims"].get("P2892", [])
            ]
            ids = {"wikidata": target, **self.ids[target], **({"umls": cuis[0]} if cuis else {})}
            told = {"ids": ids, "type": kind} | ({"ner": ner} if ner else {})
            sense = self.lemmas.get((ids.get("wordnet", ""), surface.lower().replace(" ", "_")))
            told |= {"sense": sense} if sense else {}
        else:
            kb, _, id_ = target.partition(":")
            told = {"ids": {kb: id_}}
        return told | {flag: True for flag in flags if not flag.startswith("@")}


def senses() -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Read the tiny WordNet: sense key -> synset; synset and lemma -> sense key."""
    keys, lemmas = {}, {}
    for line in (SAMPLE / "wordnet/dict/index.sense").read_text("utf-8").splitlines():
        key, offset, *_ = line.split()
        keys[key] = f"{offset}-{' nvara'[int(key.split('%')[1][0])]}"
        lemmas[keys[key], key.split("%")[0]] = key
    return keys, lemmas


def parsed(marked: str, world: World) -> tuple[str, list[Json], list[Json]]:
    """Take the mark-up out of a text; return it with its mentions and the relations between them."""
    text, at, opened, found = "", 0, [], []
    for mark in MARK.finditer(marked):
        text += marked[at : mark.start()]
        at = mark.end()
        if mark[1]:
            opened.append((len(text), mark[1]))
        else:
            start, target = opened.pop()
            found.append((start, len(text), target))
    text += marked[at:]
    if opened or "[[" in text:
        raise ValueError(f"mark-up is left open: {marked!r}")
    found.sort(key=lambda one: (one[0], -one[1]))
    mentions = [{"start": a, "end": b, **world.mention(target, text[a:b])} for a, b, target in found]
    places = {tag: i for i, one in enumerate(found) for tag in one[2].split() if tag.startswith("@")}
    relations = [{"head": i, "relation": tag.split(":")[1], "tail": places["@t" + tag[2:]]}
                 for tag, i in places.items() if tag.startswith("@h")]  # fmt: skip
    return text, mentions, sorted(relations, key=lambda one: (one["head"], one["tail"]))
