"""Sentence trees as they stand: tokens with branches, their soft places and the words they belong to.

A row is a tree, with the columns of a `trees` artefact; which tokens see each other follows from `branch` and
`word`. Trees without numbers are looked up token by token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools.config import setting
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.reader import Tables
from kbtools.kb.schema import STR
from kbtools.shards.assembly import lists
from kbtools.shards.base import Examples, Here
from kbtools.shards.keys import key, parts, purpose

KIND = TABLE = "trees"
I16 = pa.list_(pa.int16())
SCHEMA = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32()), False),
        pa.field("segment", pa.list_(pa.int8()), False),
        pa.field("soft", I16, False),
        pa.field("branch", I16, False),
        pa.field("word", I16, False),
        pa.field("label", STR),
        pa.field("labels", pa.list_(STR)),
        pa.field("id", STR, False),
        pa.field("group", STR),
    ]
)
COLUMNS = ["sentence_id", "doc_id", "tokens", *(name for name in SCHEMA.names if name != "id")]
AT_ONCE = 4096  # trees


class _Trees(Tables):
    """A folder of trees."""

    kind = KIND


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the numbers of tokens come from."""

    ids: Literal["stored", "tokens"] = setting(
        "Numbers as the trees have them, or the tokens looked up in this tokenizer.", "stored"
    )


class Tree:
    """Makes examples of trees."""

    takes: ClassVar[Literal["trees"]] = "trees"
    settings: ClassVar[type] = Settings

    def schema(self, settings: Settings, here: Here) -> pa.Schema:
        """Return the columns."""
        return SCHEMA

    def parts(self, inputs: Sequence[Path], settings: Settings, here: Here) -> list[dict[str, Any]]:
        """Take a row group at a time."""
        opened = [_Trees(path) for path in inputs]
        for trees in opened if settings.ids == "stored" else ():
            made_with = {one.content: one.path for one in trees.manifest.inputs if one.kind == "tokenizer"}
            if made_with and here.tokenizer.content not in made_with:
                path = next(iter(made_with.values()))
                raise ConfigError(
                    f"{trees.path}: made with another tokenizer, {path}: give that, or tree.ids=tokens"
                )
        return [
            {"file": str(path), "group": group}
            for trees in opened
            for path in trees.files(TABLE)
            for group in range(_groups(path))
        ]

    def examples(self, part: dict[str, Any], settings: Settings, here: Here) -> Iterator[Examples]:
        """Yield the trees of a row group; those that are too long here are left out."""
        path = part["file"]
        try:
            with pq.ParquetFile(path) as file:
                there = [name for name in COLUMNS if name in file.schema_arrow.names]
                for batch in file.iter_batches(AT_ONCE, row_groups=[part["group"]], columns=there):
                    yield _finished(batch, settings, here)
        except (pa.ArrowException, OSError) as error:
            raise ArtefactError(f"{path}: damaged: {' '.join(str(error).split())}") from error


LAYOUT = Tree()


def _groups(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_row_groups)
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(f"{path}: damaged: {' '.join(str(error).split())}") from error


def _finished(batch: pa.RecordBatch, settings: Settings, here: Here) -> Examples:
    sizes = pc.list_value_length(batch["tokens"]).to_numpy().astype(np.int32)
    fits = sizes <= here.max_length
    here.counts["trees"] += len(sizes)
    here.counts["trees too long"] += int((~fits).sum())
    if not fits.all():
        batch, sizes = batch.filter(pa.array(fits)), sizes[fits]
    ids = _ids(batch, settings, here)
    columns = {name: batch[name] for name in SCHEMA.names if name in batch.schema.names}
    columns |= {"input_ids": ids, "id": batch["sentence_id"].cast(STR)}
    columns.setdefault("group", pa.nulls(batch.num_rows, STR))  # of trees made before there was one
    made = pa.RecordBatch.from_arrays(
        [columns[name].cast(SCHEMA.field(name).type) for name in SCHEMA.names], schema=SCHEMA
    )
    document = pc.coalesce(batch["doc_id"].cast(STR), columns["id"])
    split = parts(key(purpose(here.seed, "split"), document), here.shares)
    return Examples(made, key(here.seed, columns["id"]), split, sizes)


def _ids(batch: pa.RecordBatch, settings: Settings, here: Here) -> pa.Array:
    """Return the numbers of the tokens."""
    tokens = batch["tokens"]
    if settings.ids == "stored":
        stored = batch["input_ids"]
        if not stored.null_count:
            largest = pc.max(stored.flatten()).as_py()
            if largest is not None and largest >= here.tokenizer.size:
                raise ConfigError(
                    f"the trees have a token of number {largest}, the tokenizer has {here.tokenizer.size:,}: "
                    "give the tokenizer they were made with, or tree.ids=tokens"
                )
            return stored
    words = tokens.flatten()
    found = here.tokenizer.ids_of(words)
    here.counts["tokens looked up"] += len(found)
    here.counts["tokens that the tokenizer has not"] += int((found == here.tokenizer.special.unk).sum())
    if (found < 0).any():
        missing = words[int(np.flatnonzero(found < 0)[0])].as_py()
        raise ConfigError(
            f"the tokenizer has no token {missing!r} and none for what is unknown; give another"
        )
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(tokens).to_numpy())])
    return lists(offsets, pa.array(found))
