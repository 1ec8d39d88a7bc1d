"""Shards made by hand: examples with columns of every kind, in small files and record batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.artefact import KbRef
from kbtools.kb.schema_digest import schema_digest
from kbtools.shards.base import SPAN

Row = dict[str, Any]
PAD, CLS, SEP = 0, 1, 2

I32, I64 = pa.int32(), pa.int64()
DOCUMENT = pa.struct([pa.field("start", I32, False), pa.field("id", pa.string(), False)])
SCHEMA = pa.schema(
    [
        pa.field("input_ids", pa.list_(I32), False),
        pa.field("word_start", pa.list_(pa.bool_()), False),
        pa.field("sentences", pa.list_(I32), False),
        pa.field("documents", pa.list_(DOCUMENT), False),
        pa.field("segment", pa.list_(pa.int8()), False),
        pa.field("pair.kind", pa.int8(), False),
        pa.field("heads", pa.list_(I32), False),
        pa.field("labels", pa.list_(I64)),  # some are null
        pa.field("score", pa.float32()),
        pa.field("topic", pa.dictionary(pa.int32(), pa.string())),
        pa.field("entities.w.spans", pa.list_(SPAN), False),
        pa.field("entities.w.eids", pa.list_(pa.list_(I64)), False),
        pa.field("entities.w.priors", pa.list_(pa.list_(pa.float32())), False),
        pa.field("entities.w.gold", pa.list_(I64), False),
        pa.field("lexical.ids", pa.list_(pa.string()), False),
    ]
)


def row(number: int, length: int) -> Row:
    """An example of so many tokens, special ones too; what is in it follows from its number."""
    random = np.random.default_rng(number)
    ids = [CLS, *random.integers(3, 30_000, length - 2).tolist(), SEP]
    mentions = sorted(
        random.choice(np.arange(1, length), min(number % 4, length - 1), replace=False).tolist()
    )
    many = [int(random.integers(0, 4)) for _ in mentions]
    return {
        "input_ids": ids,
        "word_start": (random.random(length) < 0.6).tolist(),
        "sentences": [1, *([length // 2] if length > 3 else [])],
        "documents": [{"start": 1, "id": f"文{number}"}, *([{"start": 2, "id": "b"}] if number % 3 else [])],
        "segment": [0] * (length // 2) + [1] * (length - length // 2),
        "pair.kind": number % 3,
        "heads": [-1, *random.integers(0, length, length - 1).tolist()],
        "labels": None if number % 5 == 0 else [None if at % 4 == 0 else at for at in range(length)],
        "score": None if number % 7 == 0 else number / 2,
        "topic": None if number % 6 == 0 else ("sport", "艺术", "law")[number % 3],
        "entities.w.spans": [[at, at + 1] for at in mentions],
        "entities.w.eids": [[number * 10 + one for one in range(count)] for count in many],
        "entities.w.priors": [[0.5**one for one in range(count)] for count in many],
        "entities.w.gold": [number * 10 - 1 if count else -2 for count in many],
        "lexical.ids": [f"{number}-{one}" for one in range(number % 3)],
    }


def rows(lengths: Sequence[int], first: int = 0) -> list[Row]:
    """Examples of these lengths."""
    return [row(first + number, length) for number, length in enumerate(lengths)]


def write(
    out: Path,
    tables: dict[str, list[Row]],
    *,
    schema: pa.Schema = SCHEMA,
    files: int = 2,
    batch: int = 5,
    suffix: str = "arrow",
    compression: str | None = None,
) -> Path:
    """Write an artefact; `batch` rows make a record batch, or a row group."""
    with artefact.Staging(out, f"tiny {out.name}") as staging:
        told, index = {}, {}
        for split, examples in tables.items():
            size = -(-len(examples) // files) or 1
            parts = [examples[at : at + size] for at in range(0, len(examples), size)] or [[]]
            names = [f"{split}/{number:06}.{suffix}" for number in range(len(parts))]
            for name, part in zip(names, parts, strict=True):
                _write(staging.new / name, pa.Table.from_pylist(part, schema), batch, compression)
            told[split] = artefact.Table(
                rows=len(examples),
                files=[artefact.entry(staging.new, name) for name in names],
                schema=schema_digest(schema),
            )
            index[split] = [[len(part), sum(len(one.get("input_ids", ())) for one in part)] for part in parts]
        tokenizer = {"content": "t", "size": 30_000, "pad": PAD, "unk": 3, "cls": CLS, "sep": SEP, "mask": 4}
        staging.commit(
            artefact.begin(
                "shards",
                settings={"common": {"max_length": 16}},
                kbs=[KbRef(name="w", content="c")],
                tables=told,
                notes={"index": index, "tokenizer": tokenizer},
            )
        )
    return out


def _write(path: Path, table: pa.Table, batch: int, compression: str | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=batch)
        return
    options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=True)
    with pa.ipc.new_file(str(path), table.schema, options=options) as file:
        for one in table.combine_chunks().to_batches(max_chunksize=batch):
            file.write_batch(one)
