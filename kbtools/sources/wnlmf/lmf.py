"""From the records of WN-LMF to rows.

What becomes what:

- a Synset is an entity; ILI in `xref`, its lexicographer file (`lexfile`, before 1.1 `dc:subject`) its type;
- a Lemma or Form is a surface of each synset its entry has a sense in; `atom` is the sense key where the file
  has one (`dc:identifier`, or Open English WordNet's ids, which are made from it), else the id of the sense;
- relations of synsets are triples; those of senses are triples between their synsets, with the `atom` of
  either sense as qualifiers `source_sense` and `target_sense`; `other` has its dc:type behind it;
- the frames of SyntacticBehaviour are literals `verb_frame`;
- pronunciations and tags speak of words, not of synsets: they are counted and left out.

Of two records with one id the first counts. A lexicon extension adds to what another lexicon declares; what
it says of words whose lexicon is not among the files is counted as skipped.
"""

from __future__ import annotations

from collections.abc import Iterable

from kbtools.io.nouns import Damage
from kbtools.kb.named import NamedPart
from kbtools.sources.wnlmf.elements import LEXICONS, Element, Elements
from kbtools.sources.wnlmf.gathered import FRAME, FRAME_ID, Gathered, Lexicon, Sense
from kbtools.sources.wnlmf.ids import offset, sense_key
from kbtools.sources.wnlmf.languages import shorten

ELSEWHERE = "skipped: on words of a lexicon that is not here"
SKIPPED = {"Pronunciation": "skipped: pronunciations", "Tag": "skipped: tags"}
OTHER_OFFSETS = {"ewn", "oewn"}  # lexicons whose ids look like those of OMW
LONGEST_COUNT = 18  # digits


class Lmf:
    """Reads files into one part; `finish` hands over what had to wait."""

    def __init__(self, out: NamedPart, *, by_offset: bool, several: bool) -> None:
        self.out = out
        self.all = Gathered(out, by_offset=by_offset, several=several)
        self._words: dict[str, tuple[str, str]] = {}  # entry -> lemma, part of speech
        self._members: dict[str, list[Sense]] = {}  # by the synset's own id
        self._counts: dict[str, int] = {}  # by synset
        self._frames: dict[str, str] = {}
        self._lexicons: list[str] = []
        self._needed: dict[str, str] = {}
        self._take = {
            "LexicalEntry": self._entry, "ExternalLexicalEntry": self._more_of_entry, "Synset": self._synset,
            "ExternalSynset": self._more_of_synset, "SyntacticBehaviour": self._frame,
            "Requires": self._needs, "Extends": self._needs,
        }  # fmt: skip

    def read(self, chunks: Iterable[bytes], path: str, name: str) -> Damage | None:
        """Read a file, which rejects call `name`; return where it stops being XML, if it does."""
        elements = Elements(path)
        for element in elements.read(chunks):
            if element.tag in LEXICONS:
                at = element.at
                lang = shorten(at.get("language", "")) or "und"
                self.all.lexicon = Lexicon(at.get("id", ""), at.get("version", ""), lang, name)
                self._lexicons.append(at.get("id", ""))
            elif element.tag in self._take:
                self.out.counts["read"] += 1
                self._take[element.tag](element)
            else:
                self.out.counts[f"skipped: elements {element.tag}"] += 1
        for line, byte, entity in elements.unknown:
            self.all.reject(f"the entity {entity!r} is not declared: its text is missing", line, byte)
        if elements.broken:
            self.all.reject(elements.broken.reason, elements.broken_line, elements.broken.byte)
        return elements.broken

    def finish(self) -> list[str]:
        """Hand over what had to wait; return what the user should know."""
        self.all.finish(self._frames)
        foreign = [name for name in self._lexicons if name in OTHER_OFFSETS and self.all.by_offset]
        return [
            *(f"{name}: its ids hold offsets of WordNet 3.1 and its own, not of 3.0" for name in foreign),
            *(
                f"{who} builds on {needed}, which is not among the files: what it refers to there is missing"
                for needed, who in self._needed.items()
                if needed not in self._lexicons
            ),
        ]

    def _needs(self, element: Element) -> None:
        needed = element.at.get("ref") or element.at.get("id", "")
        self._needed.setdefault(needed, self.all.lexicon.id)

    def _entry(self, element: Element) -> None:
        """Take a word: its senses, each with lemma and forms."""
        entry = element.at.get("id", "")
        lemma = next(element.all("Lemma"), None)
        text = " ".join(lemma.at.get("writtenForm", "").split()) if lemma else ""
        if not lemma or not text:
            self.all.refuse(element, "a lexical entry without a lemma")
        elif entry in self._words:
            self.all.refuse(element, f"a second lexical entry with the id {entry!r}")
        else:
            self._words[entry] = (text, lemma.at.get("partOfSpeech", ""))
            self._more_of_entry(element)

    def _more_of_entry(self, element: Element) -> None:
        """Take the senses and forms of a word that is known, or that another lexicon declares."""
        entry = element.at.get("id", "")
        lemma, pos = self._words.get(entry, ("", ""))
        senses = [self._sense(sense, entry, lemma, pos) for sense in element.all("Sense")]
        for external in element.all("ExternalSense"):
            self._more_of_sense(external)
            senses.append(self.all.senses.get(external.at.get("id", "")))
        self._forms(element, dict.fromkeys(sense.synset for sense in senses if sense), pos)
        every = [sense.at.get("id", "") for sense in element.all("Sense")]
        for frame in element.all("SyntacticBehaviour"):
            for sense in frame.at.get("senses", "").split() or every:
                self.all.wait(sense, FRAME, frame.at.get("subcategorizationFrame", ""))

    def _forms(self, element: Element, synsets: Iterable[str], pos: str) -> None:
        for holder in element.all("Lemma", "ExternalLemma", "Form", "ExternalForm"):
            for child in holder.inside:
                if child.tag in SKIPPED:
                    self.out.counts[SKIPPED[child.tag]] += 1
        for form in element.all("Form"):
            text = " ".join(form.at.get("writtenForm", "").split())
            if not text:
                self.all.refuse(form, "a form that is not written")
            for synset in synsets if text else ():
                self.all.surface(synset, text, "form", pos=pos)

    def _sense(self, element: Element, entry: str, lemma: str, pos: str) -> Sense | None:
        own, synset = element.at.get("id", ""), element.at.get("synset", "")
        if not lemma:
            self.out.counts[ELSEWHERE] += 1
        elif not own or not synset:
            self.all.refuse(element, "a sense without an id or a synset")
        elif own in self.all.senses:
            self.all.refuse(element, f"a second sense with the id {own!r}")
        else:
            lexicon = self.all.lexicon
            key = element.at.get("dc:identifier") or sense_key(own, lexicon.id, lexicon.version)
            key = key if key and "%" in key else None  # there are other schemes of identifiers
            sense = self.all.senses[own] = Sense(own, self.all.id(synset), key or own, lemma, entry)
            self._members.setdefault(synset, []).append(sense)
            count = self._more_of_sense(element)
            self.all.surface(sense.synset, lemma, "lemma", pos=pos, count=count, atom=sense.atom)
            if key:
                self.all.rows.add("xref", entity=sense.synset, scheme="sense_key", value=key)
            for frame in element.at.get("subcat", "").split():
                self.all.wait(own, FRAME_ID, frame)
            return sense
        return None

    def _more_of_sense(self, element: Element) -> int | None:
        """Take what a sense holds; return how often it was counted."""
        own = element.at.get("id", "")
        sense = self.all.senses.get(own)
        if sense is None:
            self.out.counts[ELSEWHERE] += 1
            return None
        counts = []
        for child in element.inside:
            if child.tag == "SenseRelation":
                self.all.wait(own, _relation(child), child.at.get("target", ""))
            elif child.tag == "Count":
                if child.text.isdecimal() and len(child.text) <= LONGEST_COUNT:
                    counts.append(int(child.text))
                else:
                    self.all.refuse(child, f"{child.text[:LONGEST_COUNT]!r} is no count")
            else:
                self.all.describe(sense.synset, child)
        if counts:
            self._counts[sense.synset] = self._counts.get(sense.synset, 0) + sum(counts)
        return sum(counts) if counts else None

    def _synset(self, element: Element) -> None:
        own = element.at.get("id", "")
        if not own or own in self.all.synsets:
            what = f"a second synset with the id {own!r}" if own else "a synset without an id"
            return self.all.refuse(element, what)
        if self.all.by_offset and offset(own) is None:
            return self.all.refuse(element, f"{own!r} ends in no offset, which is to be its id")
        synset = self.all.synsets[own] = self.all.id(own)
        name = self._name(own, element.at.get("members", "").split())
        self.all.rows.add(
            "entities",
            entity=synset,
            kind="synset",
            label=name,
            description=next((child.text for child in element.all("Definition") if child.text.strip()), None),
            lang=self.all.lexicon.lang,
            freq=self._counts.get(synset),
            line=element.line,
        )
        if name:
            self.all.label(synset, name)
        if (ili := element.at.get("ili", ""))[1:].isdecimal():  # "in" proposes a new one
            self.all.rows.add("xref", entity=synset, scheme="ili", value=ili)
        if kind := element.at.get("lexfile") or element.at.get("dc:subject"):
            self.all.type(synset, kind)
        return self._more_of_synset(element)

    def _name(self, own: str, members: list[str]) -> str | None:
        """Return the first lemma: in the order of the synset's members if it has one, else of the file."""
        places = {member: place for place, member in reversed([*enumerate(members)])}
        senses = self._members.get(own, [])
        first = min(senses, default=None, key=lambda s: places.get(s.own, places.get(s.entry, len(places))))
        return first.lemma if first else None

    def _more_of_synset(self, element: Element) -> None:
        """Take what a synset holds, also one that another lexicon declares."""
        synset = self.all.id(element.at.get("id", ""))
        for child in element.inside:
            if child.tag != "SynsetRelation":
                self.all.describe(synset, child)
            elif target := child.at.get("target"):
                self.all.triple(synset, _relation(child), self.all.id(target), self.all.rows.statement())
            else:
                self.all.refuse(child, "a relation without a target")

    def _frame(self, element: Element) -> None:
        """Take a frame that stands in the lexicon: senses name it, or it names senses."""
        frame = element.at.get("subcategorizationFrame", "")
        self._frames[element.at.get("id", "")] = frame
        for sense in element.at.get("senses", "").split():
            self.all.wait(sense, FRAME, frame)


def _relation(element: Element) -> str:
    """Name a relation; WN-LMF's own names have no room for others, which it calls `other`."""
    name = element.at.get("relType") or "other"
    kind = element.at.get("dc:type")
    return f"{name}:{kind}" if name == "other" and kind else name
