"""What is right: links of a corpus, whatever its format, as annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.corpus import DOCUMENTS
from kbtools.errors import ArtefactError
from kbtools.linked.schema import KINDS
from kbtools.metrics import linking
from kbtools.metrics.linking import ANY, NIL, Annotations

Longs = NDArray[np.int64]
# Names of knowledge bases or None, and ids: numbers of entities, negative where nobody knows an id.
Resolve = Callable[[Sequence[str | None], Sequence[str]], Longs]
# Names of knowledge bases or None, and eids: numbers of entities.
Numbered = Callable[[Sequence[str | None], Longs], Longs]

VALUES = ("QUANTITY", "DATETIME")  # types of gold that is a number or a date, not an entity
# Kinds of links that say what is right: if there are none of the first, then of the next.
SAID = (["gold", "coreference"], ["anchor"], [kind for kind in KINDS if kind != "ner"])
UNKNOWN = "ids that no knowledge base knows"
FLAGS = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, eq=False)
class Gold:
    """D documents and G annotations of them. Memory: all of it, texts as well."""

    ids: list[str]  # [D]
    texts: list[str]  # [D]
    judged: Longs  # [D, 2] the part of each text whose answers count
    annotations: Annotations  # [G]
    kbs: list[str | None]  # [G] whose id it is, as the corpus says
    told: list[str | None]  # [G] the id as the corpus has it
    names: list[str | None]  # [G] what the corpus calls the entity
    types: list[str | None]  # [G]
    counts: dict[str, int]

    @property
    def surfaces(self) -> list[str]:
        """What is written at each annotation."""
        return surfaces(self.texts, self.annotations)

    def take(self, rows: NDArray[np.bool_]) -> Gold:
        """Keep some annotations, and all documents."""
        at = np.flatnonzero(rows).tolist()
        return Gold(
            self.ids, self.texts, self.judged, self.annotations.take(rows),
            [self.kbs[row] for row in at], [self.told[row] for row in at], [self.names[row] for row in at],
            [self.types[row] for row in at], self.counts,
        )  # fmt: skip


def told_once(gold: Gold, names: Collection[str]) -> Gold:
    """Keep an entity once at each place; an id of a knowledge base not in `names` if no other leads anywhere.

    Corpora tell several ids of one thing. Two may lead to one entity, and one that nobody here can know says
    nothing against another that is known.
    """
    one = gold.annotations
    place = np.unique(np.stack([one.doc, one.start, one.end]), axis=1, return_inverse=True)[1].reshape(-1)
    known = np.flatnonzero(one.known)
    found = np.zeros(len(one), np.bool_)
    found[place[known]] = True
    foreign = np.array([kb is not None and kb not in names for kb in gold.kbs], np.bool_)
    named = np.array([id_ is not None for id_ in gold.told], np.bool_)
    kept = ~one.known & ~(foreign & named & found[place])
    _, first = np.unique(np.stack([place[known], one.entity[known]]), axis=1, return_index=True)
    kept[known[first]] = True
    lost = int((named & kept & (one.entity == NIL)).sum())
    return replace(gold.take(kept), counts={**gold.counts, UNKNOWN: lost})


def surfaces(texts: Sequence[str], one: Annotations) -> list[str]:
    """Cut what is annotated out of the texts."""
    places = zip(one.doc.tolist(), one.start.tolist(), one.end.tolist(), strict=True)
    return [texts[doc][start:end] for doc, start, end in places]


def read(batches: Iterable[pa.RecordBatch], resolve: Resolve, numbered: Numbered, where: str) -> Gold:
    """Read documents and what is right: gold links; without any, anchors, or what another linker said."""
    table = pa.Table.from_batches(batches, DOCUMENTS).combine_chunks()
    links, doc = _flat(table)
    kind = pc.fill_null(links["kind"], "anchor")
    for kinds in SAID:
        named = pc.is_in(kind, pa.array(kinds)).to_numpy(zero_copy_only=False)
        if named.any():
            break
    if not named.any():
        raise ArtefactError(f"{where}: nothing says what is right there: it has no gold links")
    links, doc, kind = links.filter(pa.array(named)), doc[named], kind.filter(pa.array(named))
    extra = [FLAGS.decode(one) if one else {} for one in links["extra"].to_pylist()]
    entity, others, counts = _entities(links, resolve, numbered)
    types = links["type"].to_pylist()
    value = np.array([(one or "").startswith(VALUES) for one in types], np.bool_)
    entity[value & (entity < 0)] = ANY
    coreference = pc.equal(kind, "coreference").to_numpy(zero_copy_only=False)
    made = linking.annotate(
        doc,
        links["start"].to_numpy(),
        links["end"].to_numpy(),
        entity,
        optional=np.array([bool(one.get("optional")) for one in extra], np.bool_) | coreference,
        parent=_parents(doc.tolist(), extra),
        others=others,
    )
    texts = table["text"].to_pylist()
    beyond = np.flatnonzero(made.end > np.array([len(text) for text in texts], np.int64)[doc])
    if beyond.size:
        name = table["doc_id"][int(doc[beyond[0]])]
        raise ArtefactError(
            f"{where}: document {name}: gold beyond the end of the text; are offsets in bytes?"
        )
    return Gold(
        table["doc_id"].to_pylist(), texts, _judged(table["meta"].to_pylist(), texts), made,
        links["kb"].to_pylist(), links["id"].to_pylist(), [one.get("name") for one in extra], types,
        {"documents": table.num_rows, "links that are not gold": int((~named).sum()), **counts},
    )  # fmt: skip


def _flat(table: pa.Table) -> tuple[pa.Table, Longs]:
    """Lay the links out as columns; return the document of each, too."""
    column = pc.fill_null(table["links"], pa.scalar([], table["links"].type)).combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) and column.num_chunks else column
    if not len(column):
        empty = pa.array([], table["links"].type.value_type)
        return pa.Table.from_struct_array(empty), np.zeros(0, np.int64)
    lengths = np.diff(column.offsets.to_numpy())
    doc = np.repeat(np.arange(len(lengths)), lengths)
    return pa.Table.from_struct_array(column.flatten()), doc


def _entities(
    links: pa.Table, resolve: Resolve, numbered: Numbered
) -> tuple[Longs, linking.Ragged, dict[str, int]]:
    """Look up what is right; if nobody knows an id, it is another right one, or else none."""
    kbs, ids, lists = (links[name].to_pylist() for name in ("kb", "id", "others"))
    others = [one or [] for one in lists]
    entity = np.full(len(ids), NIL, np.int64)
    eids = pc.fill_null(links["eid"].cast(pa.int64()), -1).to_numpy()
    there = np.flatnonzero(eids >= 0)
    entity[there] = numbered([kbs[row] for row in there], eids[there])
    asked = [row for row, one in enumerate(ids) if one is not None and eids[row] < 0]
    entity[asked] = np.maximum(resolve([kbs[row] for row in asked], [ids[row] for row in asked]), NIL)
    owner = np.repeat(np.arange(len(ids)), [len(one) for one in others])
    more = resolve([kbs[row] for row in owner], [id_ for one in others for id_ in one])
    owner, more = owner[more >= 0], more[more >= 0]
    rows, first = np.unique(owner, return_index=True)
    entity[rows] = np.where(entity[rows] < 0, more[first], entity[rows])
    offsets = np.searchsorted(owner, np.arange(len(ids) + 1)).astype(np.int64)
    lost = np.array(asked, np.int64)[entity[asked] < 0] if asked else np.zeros(0, np.int64)
    counts = Counter({"gold": len(ids), UNKNOWN: lost.size})
    return entity, linking.Ragged(offsets, more), dict(counts)


def _parents(doc: list[int], extra: list[dict[str, Any]]) -> Longs:
    """Find the rows of the labels that labels are nested in."""
    if not any("parent" in one for one in extra):
        return np.full(len(doc), -1, np.int64)
    rows = {(at, one.get("label")): row for row, (at, one) in enumerate(zip(doc, extra, strict=True))}
    found = [
        rows.get((at, one["parent"]), -1) if "parent" in one else -1
        for at, one in zip(doc, extra, strict=True)
    ]
    return np.array([parent if parent != row else -1 for row, parent in enumerate(found)], np.int64)


def _judged(metas: list[str | None], texts: list[str]) -> Longs:
    """Return the part of each text that was annotated: `evaluation_span`, or all of it."""
    spans = []
    for meta, text in zip(metas, texts, strict=True):
        told = FLAGS.decode(meta).get("evaluation_span") if meta and "evaluation_span" in meta else None
        whole = [0, len(text)]
        spans.append(told if isinstance(told, list) and [type(one) for one in told] == [int, int] else whole)
    return np.array(spans, np.int64).reshape(-1, 2)
