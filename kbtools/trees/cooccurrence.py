"""Counting which ends of facts meet in the units of a corpus: one pass, a piece of the corpus a task.

A unit is a sentence with the ones behind it in the same document, `window` in all, or with 0 a document. Its
entities are the links of the corpus; where it has none, the names of a table of names in its text, each with
the candidate that it means most often.

Memory: 8 bytes a pair of ends and 8 an entity, in each worker, and a batch of documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools import corpus
from kbtools.alias.lookup import Alias
from kbtools.artefact import Outcome, Task
from kbtools.corpus import Piece, Report
from kbtools.errors import ConfigError
from kbtools.executors import Pool
from kbtools.kb.reader import gather
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import STR
from kbtools.metrics.cooccurrence import Counts, Pairs, distinct, keys_of, npmi
from kbtools.text.segment import sentences_of
from kbtools.trees.base import I64
from kbtools.trees.facts import Facts, mapped

FOLDER = "cooccurrence"  # beside the facts
KEYS, PAIRS, ENTITIES, UNITS = "keys.bin", "pairs.bin", "entities.bin", "units.bin"
LETTERS = 2  # of a name in raw text, at least
FACTS = 1 << 22  # facts whose ends are gathered together


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to count: plain data, to be sent to any process."""

    facts: str  # the folder they lie in
    kb: str  # the name of the knowledge base that they are of
    entities: int
    window: int = 1
    alias: str | None = None
    kbs: list[str] = []  # the base and its overlays, to look up links that name entities by their ids


@dataclass(frozen=True)
class Counted:
    """What was counted, mapped into memory."""

    pairs: Pairs
    together: NDArray[np.int64]  # [P] units that name both
    named: NDArray[np.int64]  # [E] units that name the entity
    units: int

    def npmi(self, one: I64, other: I64) -> NDArray[np.float64]:
        """Return the NPMI of pairs of entities that are ends of facts; of an entity and itself it is 1."""
        place = self.pairs.places(one, other)
        together = np.zeros(len(place), np.int64)
        together[place >= 0] = self.together[place[place >= 0]]
        found = npmi(together, self.named[one], self.named[other], self.units)
        found[one == other] = 1.0
        return found

    def share(self, entities: I64) -> NDArray[np.float64]:
        """Return the share of units that name each entity."""
        found: NDArray[np.float64] = self.named[entities] / max(self.units, 1)
        return found


def prepare(
    facts: Facts, spec: str, *, kb: str, kbs: Sequence[str] = (), alias: str | None = None, window: int = 1,
    site: Path | None = None, crew: Pool | None = None,
) -> None:  # fmt: skip
    """Count a corpus beside the facts; `crew` are workers whose folder is the building site `site`."""
    folder = facts.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pairs = _pairs(facts)
    pairs.keys.tofile(folder / KEYS)
    asked = Asked(
        facts=str(facts.folder.absolute()), kb=kb, entities=facts.entities, window=window,
        alias=None if alias is None else str(alias), kbs=list(kbs),
    )  # fmt: skip
    report = Report()
    mine = site if crew is not None and site is not None else folder
    planned = tasks(spec, mine, asked, report)
    if crew is not None and site is not None:
        outcomes = ((mine / one.files[0].path, one.facts["units"]) for one in crew.run(planned))
    else:
        made = (_counted_here(mine, task) for task in planned)
        outcomes = ((mine / one.files[0], one.facts["units"]) for one in made)
    together, named = np.zeros(len(pairs), np.int64), np.zeros(facts.entities, np.int64)
    units = 0
    for path, some in outcomes:
        with np.load(path, allow_pickle=False) as part:
            together[part["pair"]] += part["together"]
            named[part["entity"]] += part["named"]
        units += some
    if not named.any():
        raise ConfigError(f"--cooccurrence {spec}: names no entity of {kb}")
    together.tofile(folder / PAIRS)
    named.tofile(folder / ENTITIES)
    np.array([units]).tofile(folder / UNITS)
    opened.cache_clear()


@lru_cache(maxsize=2)
def opened(folder: Path) -> Counted:
    """Map what was counted beside the facts in a folder."""
    here = folder / FOLDER
    if not (here / UNITS).is_file():
        raise ConfigError("unexpectedness needs counts: pass --cooccurrence CORPUS|LINKED")
    together, named = mapped(here / PAIRS, np.int64), mapped(here / ENTITIES, np.int64)
    units = int(np.fromfile(here / UNITS, np.int64)[0])
    return Counted(Pairs(mapped(here / KEYS, np.uint64)), together, named, units)


def _pairs(facts: Facts) -> Pairs:
    """Gather the ends of all facts. Memory: 16 bytes a fact."""
    keys = [np.zeros(0, np.uint64)]
    for low in range(0, len(facts), FACTS):
        rows = np.arange(low, min(low + FACTS, len(facts)))
        rows = rows[facts.tail[rows] >= 0]
        keys.append(distinct(keys_of(facts.heads(rows), facts.tail[rows])))
    return Pairs(distinct(np.concatenate(keys)))


def tasks(spec: str, folder: Path, asked: Asked, report: Report | None = None) -> Iterator[Task]:
    """Yield a task for each piece of a corpus."""
    for piece in corpus.plan(spec, folder, room="work/cooccurrence/corpus", report=report):
        name = f"cooccurrence/{piece.number:06}"
        yield Task(
            name=name,
            call=f"{__name__}:count",
            args={
                "piece": msgspec.to_builtins(piece),
                "asked": msgspec.to_builtins(asked),
                "part": f"work/{name}.npz",
            },
            consumes=piece.consumes,
        )


def _counted_here(folder: Path, task: Task) -> Outcome:
    """Do a task in this process."""
    made = count(folder, **task.args)
    for name in task.consumes:
        (folder / name).unlink()
    return made


def count(folder: Path, *, piece: Any, asked: Any, part: str) -> Outcome:
    """Count a piece of a corpus."""
    wanted = msgspec.convert(asked, Asked)
    counts = Counts(Pairs(mapped(Path(wanted.facts) / FOLDER / KEYS, np.uint64)), wanted.entities)
    alias = None if wanted.alias is None else Alias(wanted.alias)
    for documents in corpus.read(msgspec.convert(piece, Piece), folder, Report()):
        counts.add(*units(documents, wanted, alias))
    path = folder / part
    path.parent.mkdir(parents=True, exist_ok=True)
    pair, entity = np.flatnonzero(counts.pairs), np.flatnonzero(counts.entities)
    with path.open("wb") as file:
        np.savez(
            file, pair=pair, together=counts.pairs[pair], entity=entity, named=counts.entities[entity],
        )  # fmt: skip
    return Outcome(files=[part], facts={"units": counts.units})


class Named(NamedTuple):
    """Entities that documents name."""

    document: I64
    start: I64  # code points of the document
    entity: I64


def units(documents: pa.RecordBatch, asked: Asked, alias: Alias | None) -> tuple[int, I64, I64]:
    """Return how many units documents have, and unit and entity of all that is named in them."""
    found = _named(documents, asked, alias)
    if not asked.window:
        return documents.num_rows, found.document, found.entity
    texts = documents["text"].to_pylist()
    offsets, spans = sentences_of(texts, documents["lang"].to_pylist(), documents["meta"].to_pylist())
    sizes = pc.utf8_length(documents["text"]).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    base = np.cumsum(sizes) - sizes  # makes one running scale of all documents' code points
    begins = spans[:, 0] + np.repeat(base, np.diff(offsets))
    sentence = np.searchsorted(begins, found.start + base[found.document], side="right") - 1
    first = offsets[found.document]  # of the document
    kept = sentence >= first  # not in white space before all sentences
    sentence, first, entity = sentence[kept], first[kept], found.entity[kept]
    back = np.arange(asked.window)
    unit = sentence[:, None] - back
    inside = unit >= first[:, None]
    return len(spans), unit[inside], np.broadcast_to(entity[:, None], unit.shape)[inside]


def _named(documents: pa.RecordBatch, asked: Asked, alias: Alias | None) -> Named:
    """Take the links of documents; of those that tell of none, what their texts name."""
    links = documents["links"]
    told = links.is_valid().to_numpy(zero_copy_only=False)
    if not told.all() and alias is None:
        raise ConfigError(
            "--cooccurrence: a corpus without links to entities: link it first, or pass --alias"
        )
    counts = links.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = links.flatten()
    eid = _meant(flat, asked)
    mine = np.flatnonzero(eid >= 0)
    document, eid = np.repeat(np.arange(len(counts)), counts)[mine], eid[mine]
    start = flat.field("start").to_numpy(zero_copy_only=False).astype(np.int64)[mine]
    if told.all() or alias is None:
        return Named(document, start, eid)
    silent = np.flatnonzero(~told)
    found = _scanned(documents["text"].take(pa.array(silent)), asked.kb, alias)
    return Named(
        np.append(document, silent[found.document]),
        np.append(start, found.start),
        np.append(eid, found.entity),
    )


def _meant(links: pa.StructArray, asked: Asked) -> I64:
    """Return the entity of each link, told as a number or by an id; −1: none of this knowledge base."""
    told, ids = links.field("eid").cast(pa.int64()), links.field("id")
    theirs = pc.fill_null(pc.equal(links.field("kb").cast(STR), asked.kb), True)
    eid: I64 = pc.fill_null(pc.if_else(theirs, told, None), -1).to_numpy(zero_copy_only=False)
    if asked.kbs and ids.null_count < len(ids):
        found = resolve({0: gather(asked.kbs)[0]}, ids, links.field("kb")).eid
        eid = np.where(found >= 0, found, eid)
    return eid


def _scanned(texts: pa.Array, kb: str, alias: Alias) -> Named:
    """Find the names that are in no longer name; each means its best candidate."""
    names = [one.name for one in alias.kbs]
    if kb not in names:
        raise ConfigError(f"{alias.path}: no candidates of {kb!r} here; there are: {', '.join(names)}")
    spans = alias.scan(texts, LETTERS)
    order = np.lexsort((-spans.end, spans.start, spans.text))
    spans = spans.take(order)
    reach = spans.end + (spans.text.astype(np.int64) << 32)
    before = np.append(-1, np.maximum.accumulate(reach)[:-1]) if len(reach) else reach
    spans = spans.take(np.flatnonzero(before < reach))
    eid, _ = alias.likeliest(spans, names.index(kb))
    mine = np.flatnonzero(eid >= 0)
    return Named(spans.text[mine].astype(np.int64), spans.start[mine].astype(np.int64), eid[mine])
