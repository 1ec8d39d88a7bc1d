"""A made-up world: people and firms with invented names; what they do is told by the knowledge base alone.

An entity has a `work` (12 of them, 4 of each of 3 classes, in equal shares), a home, and two types: what it
is (person or firm) and a size. Types say nothing of the work, unless `telling`: then persons have works of
two classes only, firms of the third. Each name may mean several entities, of which one is usual: the others
are namesakes with works of their own. An entity is in one sentence, or in some; a document is an entity, so
that a split by documents has others in dev than in train.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kbtools import api
from kbtools.models import embed

NAME = "made"
WORKS = {
    "food": ("baker", "cook", "brewer", "butcher"),
    "craft": ("carpenter", "mason", "weaver", "smith"),
    "word": ("poet", "printer", "teacher", "clerk"),
}
CLASSES = (*WORKS,)
CLASS = {work: one for one, works in WORKS.items() for work in works}
HOMES = ("north hill", "old harbour", "green valley", "long bridge", "south gate", "high moor")
KINDS = ("person", "firm")
SIZES = ("large", "small")
SYLLABLES = [first + last for first in "bdfgklmnprstvz" for last in ("a", "e", "i", "o", "u", "an", "or")]
TEXTS = (
    "{} was seen in town today",
    "{} came by chance yesterday",
    "{} had come and nobody knew why",
    "{} is here as they say",
    "{} wrote a letter this week",
    "{} stood at the door",
)
CLUES = {  # what a text may say of a class
    "food": ("the bread was warm", "it all smelled of soup"),
    "craft": ("the tools were sharp", "there was dust of stone"),
    "word": ("the pages were full", "there was ink on the desk"),
}
NEUTRAL = "and so it was and will be for as long as one can say of it that it is so"
MAP = """
[[entities]]
file = "entities.jsonl"
id = "id"
label = { en = "label" }
types = "types"
freq = "freq"

[[triples]]
file = "triples.tsv"
head = "head"
relation = "relation"
tail = "tail"

[licence]
licence = "made up"
"""


@dataclass(frozen=True)
class Entity:
    """Somebody."""

    id: str
    name: str
    work: str
    home: str
    types: tuple[str, str]
    freq: int

    @property
    def label(self) -> str:
        """The class of the work."""
        return CLASS[self.work]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What the knowledge base says, in its order."""
        return [("works as", self.work), ("lives at", self.home)]


@dataclass(frozen=True)
class World:
    """All that there is; the same for the same seed."""

    seed: int
    many: int = 600  # names
    namesakes: int = 0  # of each name, beside the usual one
    telling: bool = False
    apart: bool = False  # namesakes work at other things than the usual one

    @cached_property
    def people(self) -> list[list[Entity]]:
        """Entities by name, the usual one first."""
        draw, names = random.Random(self.seed), set[str]()
        while len(names) < self.many:
            first, last = ("".join(draw.choices(SYLLABLES, k=2)) for _ in range(2))
            names.add(f"{first} {last}".title())
        return [self._named(draw, at, name) for at, name in enumerate(draw.sample(sorted(names), self.many))]

    def _named(self, draw: random.Random, at: int, name: str) -> list[Entity]:
        usual = self._entity(draw, at, 0, name, [*CLASS])
        others = [work for work in CLASS if not self.apart or CLASS[work] != usual.label]
        rest = (self._entity(draw, at, which, name, others) for which in range(1, 1 + self.namesakes))
        return [usual, *rest]

    def _entity(self, draw: random.Random, at: int, which: int, name: str, works: Sequence[str]) -> Entity:
        work = draw.choice(works)
        kind = draw.choice(KINDS)
        if self.telling:
            kind = KINDS[CLASS[work] == CLASSES[-1]]
        freq = (4, 2, 1)[min(which, 2)] * 10
        return Entity(f"e{at}-{which}", name, work, draw.choice(HOMES), (kind, draw.choice(SIZES)), freq)

    @property
    def entities(self) -> list[Entity]:
        """All of them."""
        return [one for named in self.people for one in named]

    def vectors(self, kb: Path, out: Path, dim: int) -> Path:
        """Learn vectors of all facts."""
        embed(kb, out, model="transe", seed=self.seed, quiet=True, overrides=[f"dim={dim}", "epochs=100"])
        return out

    def build(self, folder: Path) -> Path:
        """Write tables and make a knowledge base of them, and a table of names."""
        source = folder / "tables"
        source.mkdir(parents=True)
        rows = [
            {"id": one.id, "label": one.name, "types": [*one.types], "freq": one.freq}
            for one in self.entities
        ]
        rest = [*dict.fromkeys([*CLASS, *HOMES, *KINDS, *SIZES])]
        rows += [{"id": one, "label": one, "types": ["thing"], "freq": 1} for one in [*rest, "thing"]]
        lines(source / "entities.jsonl", rows)
        triples = [(one.id, relation, tail) for one in self.entities for relation, tail in one.facts]
        told = "\n".join("\t".join(one) for one in [("head", "relation", "tail"), *triples])
        (source / "triples.tsv").write_text(told + "\n", encoding="utf-8")
        (source / "map.toml").write_text(MAP, encoding="utf-8")
        api.ingest(
            "table", [source / "entities.jsonl", source / "triples.tsv"], folder / "kb",
            name=NAME, overrides=[f"map={source / 'map.toml'}"],
        )  # fmt: skip
        counts = "".join(f"{one.name}\t{one.id}\t{one.freq}\n" for one in self.entities)
        (folder / "counts.tsv").write_text(counts, encoding="utf-8")
        api.build_alias([folder / "kb"], folder / "alias", prior_files=[folder / "counts.tsv"])
        return folder / "kb"

    def sentences(self, *, many: int = 1) -> Iterator[tuple[str, Entity, str]]:
        """Yield the id of a document, whom it is about, and a sentence; of the usual ones."""
        draw = random.Random(self.seed + 1)
        for named in self.people:
            for text in draw.sample(TEXTS, many):
                yield named[0].id, named[0], text


def behind(arm: str, one: Entity) -> str:
    """Return what an arm writes behind the sentence: the facts, or as many words that say nothing."""
    told = " ".join(f"{relation} {tail}" for relation, tail in one.facts)
    if arm == "bert_text":
        return f" ; {told}"
    return " ; " + " ".join(NEUTRAL.split()[: len(told.split())]) if arm == "bert_longer" else ""


def lines(path: Path, rows: Sequence[object]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def vocabulary(folder: Path, world: World) -> Path:
    """Learn a small tokenizer in which invented names are several pieces each, and words are one."""
    every = [text.format("") for text in TEXTS] + [NEUTRAL, *(text for two in CLUES.values() for text in two)]
    words = [*CLASS, *HOMES, *KINDS, "works as", "lives at"]
    told = (every + words) * 40 + [one.name for one in world.entities]
    corpus = lines(folder / "words.jsonl", [{"id": str(at), "text": text} for at, text in enumerate(told)])
    api.build_vocab([corpus], folder / "tokenizer", kind="wordpiece", size=400)
    return folder / "tokenizer"
