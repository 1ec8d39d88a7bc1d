"""What a linker says: the mentions of linked documents, as annotations of the documents of gold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ArtefactError
from kbtools.linked import Linked
from kbtools.linked.schema import TABLE
from kbtools.metrics import linking
from kbtools.metrics.linking import Annotations
from kbtools.tasks.linking.gold import Gold

Longs = NDArray[np.int64]

COLUMNS = ["doc_id", "text", "mentions"]
SHIFT = 32  # an entity's number: its knowledge base's place, then its eid


class Answers(NamedTuple):
    """S annotations of one system."""

    name: str
    annotations: Annotations  # [S]
    popular: Longs  # [S] the candidate with the largest prior; −1: none
    counts: dict[str, int]

    def take(self, rows: NDArray[np.bool_]) -> Answers:
        """Keep some annotations."""
        return self._replace(annotations=self.annotations.take(rows), popular=self.popular[rows])


def read(linked: Linked, name: str, gold: Gold, places: dict[str, int], of: int) -> Answers:
    """Read the mentions of one knowledge base, the one at place `of`; `places` are those of all by name.

    Documents are those of equal id; of several with one id, the first is the first. What a linker says of
    other documents, or outside the part of a text that was annotated, is left out.
    """
    place = _places(gold.ids)
    mine = np.array([places.get(ref.name, -1) for ref in linked.kbs], np.int64)
    seen: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    parts = []
    for batch in linked.scan(TABLE, COLUMNS):
        doc = _documents(batch, place, seen)
        _same_texts(linked, batch, doc, gold)
        counts["documents"] += int((doc >= 0).sum())
        counts["documents that gold does not have"] += int((doc < 0).sum())
        parts.append(_mentions(batch["mentions"], doc, mine, of, counts))
    if counts["documents that gold does not have"] and not counts["documents"]:
        raise ArtefactError(f"{linked.path}: gold has none of its documents, by id; link that corpus")
    counts["documents without an answer"] = len(gold.ids) - counts["documents"]
    joined = _joined(parts)
    found = Answers(name, joined[0], joined[1], {})
    inside = gold.judged[found.annotations.doc]
    kept = (found.annotations.start >= inside[:, 0]) & (found.annotations.end <= inside[:, 1])
    counts["mentions outside of what was annotated"] = int((~kept).sum())
    return found.take(kept)._replace(counts={what: n for what, n in counts.items() if n})


def _places(ids: Sequence[str]) -> dict[tuple[str, int], int]:
    """Find documents by id and how often it came before."""
    seen: Counter[str] = Counter()
    places = {}
    for place, name in enumerate(ids):
        places[name, seen[name]] = place
        seen[name] += 1
    return places


def _documents(batch: pa.RecordBatch, place: dict[tuple[str, int], int], seen: Counter[str]) -> Longs:
    found = []
    for name in batch["doc_id"].to_pylist():
        found.append(place.get((name, seen[name]), -1))
        seen[name] += 1
    return np.array(found, np.int64)


def _same_texts(linked: Linked, batch: pa.RecordBatch, doc: Longs, gold: Gold) -> None:
    """Refuse answers to another text: their offsets would mean other words."""
    there = np.flatnonzero((doc >= 0) & pc.is_valid(batch["text"]).to_numpy(zero_copy_only=False))
    for row, text in zip(there.tolist(), batch["text"].take(pa.array(there)).to_pylist(), strict=True):
        if text != gold.texts[doc[row]]:
            name = gold.ids[doc[row]]
            raise ArtefactError(f"{linked.path}: document {name} has another text than gold; link that text")


def _mentions(
    column: pa.ListArray, doc: Longs, places: Longs, of: int, counts: Counter[str]
) -> tuple[Annotations, Longs]:
    """Take the mentions of the wanted knowledge base in the wanted documents."""
    lengths = np.diff(column.offsets.to_numpy())
    owner = np.repeat(doc, lengths)
    values = column.flatten()
    kb = places[values.field("kb").to_numpy()] if len(values) else np.zeros(0, np.int64)
    counts["mentions of other knowledge bases"] += int(((owner >= 0) & (kb != of)).sum())
    kept = (owner >= 0) & (kb == of)
    values, owner = values.filter(pa.array(kept)), owner[kept]
    eid = pc.fill_null(values.field("eid").cast(pa.int64()), -1).to_numpy()
    p, nil = (values.field(name).to_numpy().astype(np.float64) for name in ("p", "nil"))
    lists = values.field("candidates")
    offsets = (lists.offsets.to_numpy() - lists.offsets[0].as_py()).astype(np.int64)
    candidates = lists.flatten()
    entities = (of << SHIFT) + candidates.field("eid").to_numpy().astype(np.int64)
    made = linking.annotate(
        owner,
        values.field("start").to_numpy(),
        values.field("end").to_numpy(),
        np.where(eid >= 0, (of << SHIFT) + eid, linking.NIL),
        score=np.where(eid >= 0, p, nil),
        candidates=linking.Ragged(offsets, entities),
    )
    return made, _popular(made.candidates, candidates.field("prior").to_numpy())


def _popular(candidates: linking.Ragged, prior: NDArray[np.float32]) -> Longs:
    """Find the candidate with the largest prior; of several the first."""
    order = np.lexsort((-prior, candidates.owner))
    found = np.full(len(candidates), -1, np.int64)
    there = candidates.lengths > 0
    found[there] = candidates.values[order][candidates.offsets[:-1][there]]
    return found


def _joined(parts: Sequence[tuple[Annotations, Longs]]) -> tuple[Annotations, Longs]:
    if not parts:
        return linking.annotate([], [], [], []), np.zeros(0, np.int64)
    many = [one for one, _ in parts]
    lengths = np.concatenate([one.candidates.lengths for one in many])
    candidates = linking.Ragged(
        np.concatenate([[0], np.cumsum(lengths)]), np.concatenate([one.candidates.values for one in many])
    )
    columns = (
        np.concatenate([getattr(one, name) for one in many]) for name in ("doc", "start", "end", "entity")
    )
    score = np.concatenate([one.score for one in many])
    popular = np.concatenate([one for _, one in parts])
    return linking.annotate(*columns, score=score, candidates=candidates), popular
