"""What is gathered of the lexicons while they are read, and how it becomes rows."""

from __future__ import annotations

from typing import NamedTuple

from kbtools.kb.named import NamedPart
from kbtools.sources._rows import Rows
from kbtools.sources.wnlmf.elements import Element
from kbtools.sources.wnlmf.ids import offset
from kbtools.sources.wnlmf.languages import shorten
from kbtools.sources.wnlmf.relations import INVERSE, named

TEXTS = {"Definition": "gloss", "Example": "example", "ILIDefinition": "definition"}
FRAME, FRAME_ID = "verb_frame", "frame"


class Lexicon(NamedTuple):
    """The lexicon that is being read."""

    id: str = ""
    version: str = ""
    lang: str = "und"
    file: str = ""


class Sense(NamedTuple):
    """What is kept of a sense until the end: others may refer to it."""

    own: str
    synset: str  # as the tables know it
    atom: str
    lemma: str
    entry: str


class Later(NamedTuple):
    """What can only be said when all senses are known: a relation to a sense or synset, or a frame."""

    statement: int
    sense: str
    relation: str
    target: str


class Gathered:
    """The senses and synsets read so far, and the part that rows go to."""

    def __init__(self, out: NamedPart, *, by_offset: bool, several: bool) -> None:
        self.out, self.rows = out, Rows(out)
        self.by_offset, self.several = by_offset, several
        self.lexicon = Lexicon()
        self.senses: dict[str, Sense] = {}
        self.synsets: dict[str, str] = {}  # own id -> as the tables know it
        self.later: list[Later] = []
        self._labelled: set[tuple[str, str]] = set()
        self._relations: dict[str, None] = {}
        self._types: dict[str, None] = {}

    def id(self, synset: str) -> str:
        """Return how the tables know a synset; one whose id holds no offset keeps it."""
        return (offset(synset) or synset) if self.by_offset else synset

    def reject(self, reason: str, line: int, byte: int, text: str = "") -> None:
        """Note what is bad."""
        file = self.lexicon.file if self.several else None
        self.out.reject(reason, line=line, byte=byte, text=text, file=file)

    def refuse(self, element: Element, reason: str) -> None:
        """Note an element that is bad."""
        at = "".join(f' {name}="{value}"' for name, value in element.at.items())
        self.reject(reason, element.line, element.byte, f"<{element.tag}{at}>")

    def surface(
        self,
        synset: str,
        text: str,
        source: str,
        *,
        pos: str,
        count: int | None = None,
        atom: str | None = None,
    ) -> None:
        """Add a word for a synset."""
        lang = self.lexicon.lang
        self.rows.add(
            "surfaces",
            entity=synset, text=text, lang=lang, source=source, pos=pos or None, count=count, atom=atom,
        )  # fmt: skip

    def label(self, synset: str, text: str) -> None:
        """Label a synset, unless it has a label in this language."""
        if (synset, self.lexicon.lang) not in self._labelled:
            self._labelled.add((synset, self.lexicon.lang))
            self.rows.add("labels", entity=synset, lang=self.lexicon.lang, text=text)

    def describe(self, synset: str, element: Element) -> None:
        """Add a definition or an example."""
        kind = TEXTS.get(element.tag)
        if kind is None:
            self.out.counts[f"skipped: elements {element.tag}"] += 1
        elif not element.text.strip():
            self.out.counts["skipped: blank definitions and examples"] += 1
        else:
            lang = shorten(element.at.get("language", "")) or self.lexicon.lang
            source = self.lexicon.id or "WN-LMF"
            self.rows.add(
                "descriptions", entity=synset, lang=lang, kind=kind, text=element.text, source=source
            )

    def type(self, synset: str, kind: str) -> None:
        """Say which lexicographer file a synset stands in."""
        self._types[kind] = None
        self.rows.add("types", entity=synset, type=kind)

    def triple(self, head: str, relation: str, tail: str, statement: int) -> None:
        """Add a triple."""
        self._relations[relation] = None
        self.rows.add("triples", entity=head, relation=relation, tail=tail, statement=statement)

    def wait(self, sense: str, relation: str, target: str) -> None:
        """Keep a statement about a sense until all senses are known."""
        self.later.append(Later(self.rows.statement(), sense, relation, target))

    def finish(self, frames: dict[str, str]) -> None:
        """Hand over what had to wait for senses, and what was mentioned on the way."""
        for number, sense, relation, target in self.later:
            if (source := self.senses.get(sense)) is None:
                self.out.counts[f"skipped: {relation} of a sense that is not here"] += 1
            elif relation == FRAME:
                self._frame(number, source, target)
            elif relation == FRAME_ID and target not in frames:
                self.out.counts["skipped: frames that are not here"] += 1
            elif relation == FRAME_ID:
                self._frame(number, source, frames[target])
            else:
                self._relation(number, source, relation, target)
        for kind in self._types:
            self.rows.add("entities", entity=kind, kind="concept", label=kind, lang="en")
        for relation in self._relations:
            inverse = INVERSE.get(relation)
            self.rows.add("relations", relation=relation, label=named(relation), inverse=inverse)
        self.rows.flush()

    def _frame(self, number: int, source: Sense, frame: str) -> None:
        self.rows.add(
            "literals",
            entity=source.synset, relation=FRAME, datatype="string", value=frame, statement=number,
        )  # fmt: skip
        self._qualify(source.synset, number, "source_sense", source.atom, 0)

    def _relation(self, number: int, source: Sense, relation: str, target: str) -> None:
        """Relate the synsets of two senses; the target may be a synset, or be elsewhere."""
        other = self.senses.get(target)
        self.triple(source.synset, relation, other.synset if other else self.id(target), number)
        self._qualify(source.synset, number, "source_sense", source.atom, 0)
        if other:
            self._qualify(source.synset, number, "target_sense", other.atom, 1)

    def _qualify(self, synset: str, statement: int, relation: str, value: str, place: int) -> None:
        self.rows.add(
            "qualifiers",
            entity=synset, statement=statement, relation=relation, datatype="external-id", value=value,
            ord=place,
        )  # fmt: skip
