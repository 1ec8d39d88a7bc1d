"""Documents from Parquet: a row each."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kbtools import corpus
from kbtools.errors import ConfigError, SourceError


def rows(spec, report=None, **more):
    return [row for batch in corpus.documents(str(spec), report=report, **more) for row in batch.to_pylist()]


def test_parquet(tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus.parquet.PIECE", 500)
    table = pa.table(
        {"text": [f"text {i}" for i in range(200)], "id": range(200), "lang": ["en"] * 200, "n": [0.5] * 200}
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=30)
    pq.write_table(table.drop_columns(["id", "lang"]), tmp_path / "b.parquet", row_group_size=70)
    pieces = list(corpus.plan(str(tmp_path), tmp_path))
    assert len(pieces) > 4
    found = rows(tmp_path)
    assert [row["text"] for row in found] == 2 * table["text"].to_pylist()
    assert [row["doc_id"] for row in found[:200]] == [str(i) for i in range(200)]
    assert [row["doc_id"] for row in found[200:]] == [f"b.parquet:{i + 1}" for i in range(200)]
    assert {row["lang"] for row in found} == {"en", None}
    assert rows(tmp_path / "a.parquet", settings=["meta=n"])[0]["meta"] == '{"n":0.5}'


def test_parquet_with_faults(tmp_path):
    raw = pa.array([b"one", None, b"\xff", b"two"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 4, raw.buffers(), raw.null_count)
    pq.write_table(pa.table({"text": text, "n": [1, 2, 3, 4]}), tmp_path / "a.parquet")
    report = corpus.Report()
    assert [row["text"] for row in rows(tmp_path / "a.parquet", report)] == ["one", "two"]
    assert [(r["file"], r["reason"]) for r in report.rejects] == [
        ("a.parquet:2", "no text"), ("a.parquet:3", "not UTF-8"),
    ]  # fmt: skip
    for wrong in ["text=n", "text=tex", "id=nn", "meta=m"]:
        with pytest.raises(ConfigError, match=r"a\.parquet"):
            rows(tmp_path / "a.parquet", settings=[wrong])
    (tmp_path / "b.parquet").write_text("PAR1 no")
    with pytest.raises(SourceError, match="not a Parquet file"):
        rows(tmp_path / "b.parquet")
