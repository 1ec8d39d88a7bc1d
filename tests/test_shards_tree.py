"""Trees as examples: as they stand, in the split of their documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kbtools import artefact
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.schema_digest import schema_digest
from kbtools.shards.base import Here
from kbtools.shards.layouts.tree import LAYOUT, SCHEMA, Settings
from tests.layout_tokens import tokenizer

TREES = pa.schema([
    pa.field("sentence_id", pa.string(), False), pa.field("doc_id", pa.string()),
    pa.field("text", pa.string(), False),
    pa.field("tokens", pa.list_(pa.string()), False), pa.field("input_ids", pa.list_(pa.int32())),
    pa.field("segment", pa.list_(pa.int8()), False), pa.field("soft", pa.list_(pa.int16()), False),
    pa.field("branch", pa.list_(pa.int16()), False), pa.field("word", pa.list_(pa.int16()), False),
    pa.field("label", pa.string()), pa.field("labels", pa.list_(pa.string())),
    pa.field("lost_trunk", pa.uint16(), False), pa.field("group", pa.string()),
])  # fmt: skip
WORDS = ["berlin", "is", "large", "capital"]


def tree(number: int, tokens: str = "[CLS] berlin capital is large", **more: Any) -> dict[str, Any]:
    words = tokens.split()
    flat = list(range(len(words)))
    return {
        "sentence_id": f"s{number}", "doc_id": None,
        "text": "Berlin is large", "tokens": words, "input_ids": None,
        "segment": [0] * len(words), "soft": flat, "branch": [0, 0, 1, 0, 0][: len(words)],
        "word": flat, "label": "x",
        "labels": ["O", "B", None, "O", "O"], "lost_trunk": 0, "group": "q1", **more,
    }  # fmt: skip


def write(
    out: Path,
    rows: list[dict[str, Any]],
    *,
    group: int = 1000,
    kind: str = "trees",
    schema: pa.Schema = TREES,
) -> Path:
    with artefact.Staging(out, artefact.plan("tiny", {}, [])) as staging:
        (staging.new / "trees").mkdir()
        pq.write_table(
            pa.Table.from_pylist(rows, schema), staging.new / "trees/0.parquet", row_group_size=group
        )
        table = artefact.Table(
            rows=len(rows),
            files=[artefact.entry(staging.new, "trees/0.parquet")],
            schema=schema_digest(schema),
        )
        staging.commit(artefact.begin(kind, tables={"trees": table}))
    return out


def made(folder: Path, path: Path, ids: Any = "stored", **more: Any) -> tuple[list[dict[str, Any]], Here]:
    here = Here(tokenizer=tokenizer(folder, WORDS), max_length=more.pop("max_length", 16), **more)
    settings = Settings(ids=ids)
    found = []
    for part in LAYOUT.parts([path], settings, here):
        for one in LAYOUT.examples(part, settings, here):
            assert one.batch.schema == LAYOUT.schema(settings, here) == SCHEMA
            assert one.tokens.tolist() == [len(row) for row in one.batch["input_ids"].to_pylist()]
            rows = zip(one.batch.to_pylist(), one.split.tolist(), one.key.tolist(), strict=True)
            found += [row | {"split": split, "key": key} for row, split, key in rows]
    return found, here


def test_as_they_stand(tmp_path: Path) -> None:
    rows = [tree(0, input_ids=[2, 5, 8, 6, 7]), tree(1, input_ids=[2, 5, 8, 6, 7], label=None, labels=None)]
    found, here = made(tmp_path, write(tmp_path / "t", rows))
    for given, row in zip(rows, found, strict=True):
        assert {name: row[name] for name in SCHEMA.names if name != "id"} == {
            name: given[name] for name in SCHEMA.names if name != "id"
        }
        assert row["id"] == given["sentence_id"]
    assert here.counts["trees"] == 2


def test_trees_that_know_of_no_groups(tmp_path: Path) -> None:
    schema = TREES.remove(TREES.get_field_index("group"))
    found, _ = made(tmp_path, write(tmp_path / "t", [tree(0)], schema=schema))
    assert [row["group"] for row in found] == [None]


@pytest.mark.parametrize("ids", ["stored", "tokens"])
def test_tokens_are_looked_up(tmp_path: Path, ids: str) -> None:
    found, here = made(tmp_path, write(tmp_path / "t", [tree(0), tree(1, "berlin xyz is")]), ids)
    assert here.tokenizer.words(found[0]["input_ids"]).to_pylist() == tree(0)["tokens"]
    assert here.tokenizer.words(found[1]["input_ids"]).to_pylist() == ["berlin", "[UNK]", "is"]
    assert here.counts["tokens that the tokenizer has not"] == 1


def test_numbers_of_another_tokenizer(tmp_path: Path) -> None:
    path = write(tmp_path / "t", [tree(0, input_ids=[1, 2, 30_000, 3, 4])])
    with pytest.raises(ConfigError, match="a token of number 30000, the tokenizer has"):
        made(tmp_path, path)
    assert made(tmp_path, path, "tokens")[0][0]["input_ids"][2] < 100


def test_trees_that_are_too_long(tmp_path: Path) -> None:
    found, here = made(tmp_path, write(tmp_path / "t", [tree(0), tree(1, "berlin is")]), max_length=4)
    assert [row["id"] for row in found] == ["s1"]
    assert here.counts["trees too long"] == 1


def test_sentences_of_a_document_stay_together(tmp_path: Path) -> None:
    rows = [tree(number, doc_id=f"d{number // 10}") for number in range(500)]
    whole, _ = made(tmp_path, write(tmp_path / "t", rows), shares=(0.5, 0.25, 0.25))
    splits: dict[int, set[int]] = {}
    for row in whole:
        splits.setdefault(int(row["id"][1:]) // 10, set()).add(row["split"])
    assert {len(one) for one in splits.values()} == {1}
    assert set.union(*splits.values()) == {0, 1, 2}
    assert len({row["key"] for row in whole}) == 500
    assert made(tmp_path, write(tmp_path / "u", rows, group=7), shares=(0.5, 0.25, 0.25))[0] == whole


def test_no_trees(tmp_path: Path) -> None:
    assert made(tmp_path, write(tmp_path / "t", []))[0] == []
    with pytest.raises(ArtefactError):
        made(tmp_path, write(tmp_path / "k", [tree(0)], kind="kb"))
