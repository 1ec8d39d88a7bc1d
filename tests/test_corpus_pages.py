"""The pages of a knowledge base as documents, with the links that stand in them."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from kbtools import corpus
from kbtools.errors import ArtefactError, KbError
from tests import tiny_kb

TEXTS = ["柏林 is a city", "", "No links here", "Adams, Adams"]
LINKS = [(0, 0, 2, 3), (0, 8, 12, 5), (3, 0, 5, 1), (3, 7, 12, None)]


def with_pages(out, *, files=1):
    pages: tiny_kb.Rows = [
        {
            "page": i,
            "eid": i if i != 2 else None,
            "title": f"T{i}",
            "lang": "en",
            "text": text,
            "sections": [],
        }
        for i, text in enumerate(TEXTS)
    ]
    anchors = [
        {
            "page": page, "start": start, "end": end, "surface": TEXTS[page][start:end], "target": target,
            "target_title": "x", "kind": "link",
        }
        for page, start, end, target in LINKS
    ]  # fmt: skip
    return tiny_kb.write(out, {**tiny_kb.world(), "pages": pages, "anchors": anchors}, files=files)


@pytest.mark.parametrize("files", [1, 2, 4])
def test_pages_bring_their_links(tmp_path, files, monkeypatch):
    monkeypatch.setattr("kbtools.corpus.pages.ROWS", 2)
    kb = with_pages(tmp_path / "kb", files=files)
    pieces = list(corpus.plan(str(kb), tmp_path))
    assert [piece.format for piece in pieces] == ["pages"] * files
    rows = [row for piece in pieces for batch in corpus.read(piece, tmp_path) for row in batch.to_pylist()]
    assert [row["doc_id"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["text"] for row in rows] == TEXTS
    assert json.loads(rows[2]["meta"]) == {"title": "T2", "eid": None, "kb": "tiny"}
    found = [
        (int(row["doc_id"]), one["start"], one["end"], one["eid"]) for row in rows for one in row["links"]
    ]
    assert found == LINKS
    assert rows[1]["links"] == []


def test_pages_without_links(tmp_path):
    kb = with_pages(tmp_path / "kb")
    tiny_kb.edit_manifest(
        kb,
        tables={
            name: table
            for name, table in json.loads((kb / "manifest.json").read_text())["tables"].items()
            if name != "anchors"
        },
    )
    rows = [row for batch in corpus.documents(f"pages:{kb}") for row in batch.to_pylist()]
    assert [row["links"] for row in rows] == [None] * 4


def test_a_folder_without_pages(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    with pytest.raises(ArtefactError, match="has no pages"):
        list(corpus.documents(str(kb)))
    with pytest.raises(ArtefactError, match="has no pages"):
        corpus.inputs(str(kb))
    assert corpus.inputs(str(with_pages(tmp_path / "paged")))[0].kind == "kb"


def test_damaged_pages_are_one_line(tmp_path):
    kb = with_pages(tmp_path / "kb")
    (file,) = (kb / "pages").iterdir()
    data = file.read_bytes()
    file.write_bytes(data[:40] + bytes(40) + data[80:])
    with pytest.raises(KbError) as error:
        list(corpus.documents(str(kb)))
    assert "\n" not in str(error.value)
    file.write_bytes(b"no")
    with pytest.raises(KbError, match="not a Parquet file"):
        list(corpus.documents(str(kb)))
    assert pq.read_metadata(next((kb / "anchors").iterdir())).num_rows == len(LINKS)
