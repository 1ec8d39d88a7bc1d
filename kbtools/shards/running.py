"""One task: a piece of the input becomes examples, in runs that are sorted by their keys.

A run is a record batch of a file of Arrow's own format; `merging` makes the artefact's files of them. Memory:
a batch of documents (4 MiB of text, or one that is longer), its tokens and what views find in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from kbtools import corpus
from kbtools.artefact import Outcome
from kbtools.corpus import Piece, Report
from kbtools.corpus import linked as linked_documents
from kbtools.shards import duplicates
from kbtools.shards.base import SPLITS, Examples
from kbtools.shards.columns import finished, text_schema
from kbtools.shards.keys import key, parts, purpose
from kbtools.shards.merging import write_batches
from kbtools.shards.opening import Asked, Opened, opened
from kbtools.shards.texts import tokenised, with_spans

KEY = "key"
WORK = "work/runs"
BOUNDS = [16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096]


def make_piece(folder: Path, *, number: int, asked: dict[str, Any], piece: dict[str, Any] | None = None,
               part: dict[str, Any] | None = None) -> Outcome:  # fmt: skip
    """Make the examples of one piece of a corpus, or of one part of a knowledge base or trees."""
    mine = opened(msgspec.convert(asked, Asked), folder)
    report = Report()
    if piece is not None:
        made = of_piece(mine, msgspec.convert(piece, Piece), folder, report)
    else:
        made = mine.layout.examples(part or {}, mine.chosen.settings, mine.here)
    files, facts = _write(folder, number, schema_of(mine), made)
    counts = Counter(report.counts) + mine.here.counts
    told = report.facts() | {"counts": dict(counts)}
    return Outcome(files=files, facts=told | facts)


def schema_of(mine: Opened) -> pa.Schema:
    """Say what columns the examples have."""
    if mine.layout.takes == "corpus":
        added = [one for _, view, settings in mine.views for one in view.fields(settings, mine.here)]
        return text_schema(mine.layout, added)
    return mine.layout.schema(mine.chosen.settings, mine.here)


def tables_of(mine: Opened) -> dict[str, pa.Schema]:
    """Say what tables a layout has beside its examples."""
    found: dict[str, pa.Schema] = {}
    if hasattr(mine.layout, "tables"):
        found = mine.layout.tables(mine.chosen.settings, mine.here)
    return found


def make_table(
    folder: Path, *, number: int, asked: dict[str, Any], table: str, part: dict[str, Any], suffix: str
) -> Outcome:
    """Write a part of a table that a layout has beside its examples."""
    mine = opened(msgspec.convert(asked, Asked), folder)
    name = f"new/{table}/{number:06}.{suffix}"
    rows = write_batches(
        folder / name, tables_of(mine)[table], mine.layout.rows(table, part, mine.chosen.settings, mine.here)
    )
    facts = {"rows": rows, "tokens": 0, "counts": dict(mine.here.counts), "rejects": [], "damage": []}
    return Outcome(files=[name], facts=facts)


def of_piece(mine: Opened, piece: Piece, folder: Path, report: Report) -> Iterator[Examples]:
    """Make the examples of a piece of a corpus."""
    if mine.linked is not None:
        batches = linked_documents.rows(piece.part, report)
    else:
        batches = corpus.read(piece, folder, report)
    gone = duplicates.dropped(folder, piece.number) if mine.chosen.common.duplicates != "no" else None
    row = 0
    for batch in batches:
        here = row + np.arange(batch.num_rows)
        row += batch.num_rows
        if gone is not None:
            batch = batch.filter(pa.array(~gone[here]))  # noqa: PLW2901 - the rest of it
        if batch.num_rows:
            yield from of_batch(mine, batch)


def of_batch(mine: Opened, batch: pa.RecordBatch) -> Iterator[Examples]:
    """Make the examples of a batch of documents, split by split, copy by copy."""
    here, common = mine.here, mine.chosen.common
    if hasattr(mine.layout, "documents"):  # what it joins to the texts, before they are tokens
        batch = mine.layout.documents(batch, mine.chosen.settings)
    texts = tokenised(batch, here)
    prepared = [view.prepare(texts, settings, here) for _, view, settings in mine.views]
    texts = with_spans(texts, prepared)
    split = splits(mine, batch)
    filled = np.diff(texts.stream.begins) > 0
    for place in range(len(SPLITS)):
        chosen = np.flatnonzero((split == place) & filled)
        for copy in range(common.copies if len(chosen) else 0):
            found = finished(mine, texts, prepared, chosen, copy=copy, split=place)
            if found is not None:
                yield found


def splits(mine: Opened, batch: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Say of each document where it belongs: by its id, or by what the corpus says in `meta`."""
    found = parts(key(purpose(mine.here.seed, "split"), batch["doc_id"]), mine.here.shares)
    if mine.chosen.common.split == "hash":
        return found
    told = [_told(meta) for meta in batch["meta"].to_pylist()]
    mine.here.counts["documents without a split"] += told.count(None)
    return np.array(
        [where if one is None else one for one, where in zip(told, found.tolist(), strict=True)], np.uint8
    )


class _Meta(msgspec.Struct):
    split: str | None = None


_meta = msgspec.json.Decoder(_Meta)
_NAMES = {"train": 0, "training": 0, "dev": 1, "valid": 1, "validation": 1, "val": 1, "test": 2, "testing": 2}


def _told(meta: str | None) -> int | None:
    try:
        found = _meta.decode(meta) if meta else _Meta()
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return _NAMES.get((found.split or "").lower())


def _write(
    folder: Path, number: int, schema: pa.Schema, made: Iterator[Examples]
) -> tuple[list[str], dict[str, Any]]:
    """Write each split's examples to a file of its own, every batch of them a sorted run."""
    whole = schema.append(pa.field(KEY, pa.uint64(), nullable=False))
    files: list[str] = []
    rows, tokens, sizes = Counter[str](), Counter[str](), Counter[str]()
    lengths = {name: np.zeros(len(BOUNDS) + 1, np.int64) for name in SPLITS}
    with ExitStack() as stack:
        writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        for one in made:
            for place, name in enumerate(SPLITS):
                chosen = np.flatnonzero(one.split == place)
                if not len(chosen):
                    continue
                order = chosen[np.argsort(one.key[chosen], kind="stable")]
                batch = one.batch.take(pa.array(order))
                if name not in writers:
                    files.append(f"{WORK}/{name}/{number:06}.arrow")
                    (folder / files[-1]).parent.mkdir(parents=True, exist_ok=True)
                    writers[name] = stack.enter_context(pa.ipc.new_file(folder / files[-1], whole))
                writers[name].write_batch(
                    pa.RecordBatch.from_arrays([*batch.columns, pa.array(one.key[order])], schema=whole)
                )
                rows[name] += len(order)
                tokens[name] += int(one.tokens[order].sum())
                sizes[name] += batch.get_total_buffer_size()
                lengths[name] += np.bincount(
                    np.searchsorted(BOUNDS, one.tokens[order]), minlength=len(BOUNDS) + 1
                )
    told = {name: lengths[name].tolist() for name in rows}
    return files, {"rows": dict(rows), "tokens": dict(tokens), "bytes": dict(sizes), "lengths": told}
