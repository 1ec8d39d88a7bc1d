"""What entities and relations are called: in the language that is asked for, else as well as one can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.kb.reader import Base
from kbtools.kb.schema import STR
from kbtools.trees.base import I64, Bools
from kbtools.trees.writing import TextFile

PROPERTIES = ["property", "relation"]  # kinds of entities that are relations, too


class Titled(NamedTuple):
    """What relations are called as entities: Wikidata's properties have labels in many languages."""

    id: list[str]
    label: list[str]


def name_entities(base: Base, name: I64, texts: TextFile, lang: str | None) -> Titled:
    """Find a text for each entity; `name` takes its number.

    A label in the language, one of a variant of it (zh-hans), the entity's own, any, the id.
    """
    if lang is not None:
        for wanted in (lang, f"{lang}-"):
            _labels(base, name, texts, wanted)
    own = name >= 0  # in the language
    for batch in base.kb.scan("entities", ["eid", "label"]):
        _take(name, texts, batch["eid"].to_numpy(), batch["label"])
    if (name < 0).any():
        _labels(base, name, texts, None)
    relations = _relation_ids(base)
    titled = Titled([], [])
    for batch in base.kb.scan("entities", ["eid", "id", "kind", "label"]):
        eids = batch["eid"].to_numpy()
        _take(name, texts, eids, batch["id"])
        if lang is not None:
            _titles(titled, batch, pc.is_in(batch["id"], relations), own, (base, lang))
    return titled


def properties(base: Base) -> NDArray[np.uint32]:
    """List entities that are relations: in text "born in" says one, and is not about it."""
    kinds = pa.array(PROPERTIES)
    found = [
        batch["eid"].filter(pc.is_in(batch["kind"].cast(STR), kinds)).to_numpy()
        for batch in base.kb.scan("entities", ["eid", "kind"])
    ]
    return np.concatenate([np.zeros(0, np.uint32), *found])


def _labels(base: Base, name: I64, texts: TextFile, lang: str | None) -> None:
    """Name those that have no name yet by the first label of a language; with a dash, of its variants."""
    for part in base.parts:
        if not part.rows("labels"):
            continue
        for batch in part.scan("labels", ["eid", "lang", "text"]):
            label = batch["text"]
            if lang is not None:
                spoken = batch["lang"].cast(STR)
                fits = pc.starts_with(spoken, lang) if lang.endswith("-") else pc.equal(spoken, lang)
                label = pc.if_else(fits, label, pa.scalar(None, STR))
            _take(name, texts, batch["eid"].to_numpy(), label)


def _take(name: I64, texts: TextFile, eids: NDArray[np.uint32], labels: pa.Array) -> None:
    """Give names to those that have none yet; of several labels the first that is there."""
    labels = labels.cast(STR)
    there = pc.fill_null(pc.greater(pc.utf8_length(labels), 0), False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(there & (name[eids] < 0))
    if not len(rows):
        return
    distinct, first = np.unique(eids[rows], return_index=True)
    chosen = labels.take(pa.array(rows[first]))
    name[distinct] = texts.add(chosen) + np.arange(len(distinct))


def _relation_ids(base: Base) -> pa.StringArray:
    parts = [part.table("relations", ["id"])["id"] for part in base.parts if part.rows("relations")]
    return pa.chunked_array(parts, STR).combine_chunks() if parts else pa.array([], STR)


def _titles(
    titled: Titled, batch: pa.RecordBatch, named: pa.BooleanArray, own: Bools, labels: tuple[Base, str]
) -> None:
    """Note relations that are entities with a label in the language."""
    kind = pc.is_in(batch["kind"].cast(STR), pa.array(PROPERTIES))
    meant = pc.and_(kind, named).to_numpy(zero_copy_only=False)
    eids = batch["eid"].to_numpy()
    rows = np.flatnonzero(meant & own[eids])
    if len(rows):
        titled.id.extend(batch["id"].take(pa.array(rows)).to_pylist())
        titled.label.extend(_told(*labels, eids[rows]))


def _told(base: Base, lang: str, eids: NDArray[np.uint32]) -> Iterator[str]:
    """Look labels of some entities up; there are few, and this is done once."""
    found: dict[int, str] = {}
    for wanted in (lang, f"{lang}-"):
        for part in base.parts:
            for batch in part.scan("labels", ["eid", "lang", "text"]) if part.rows("labels") else ():
                rows = batch.filter(pc.is_in(batch["eid"], pa.array(eids)))
                for eid, spoken, text in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                    if spoken == wanted or (wanted.endswith("-") and spoken.startswith(wanted)):
                        found.setdefault(eid, text)
    return (found[eid] for eid in eids.tolist())


def name_relations(base: Base, titled: Titled, labels: TextFile, ids: TextFile) -> None:
    """Write the labels and ids of relations, in order of their numbers."""
    known = dict(zip(titled.id, titled.label, strict=True))
    for part in base.parts:
        if part.rows("relations"):
            table = part.table("relations", ["id", "label"])
            own, called = table["id"].to_pylist(), table["label"].to_pylist()
            told = [known.get(id_) or label or id_ for id_, label in zip(own, called, strict=True)]
            labels.add(pa.array(told, STR))
            ids.add(pa.array(own, STR))
