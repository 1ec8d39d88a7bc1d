"""Documents from plain text and JSON Lines: the same in one piece and in many, whatever the container."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kbtools import corpus
from kbtools.corpus import _files, base
from kbtools.errors import ConfigError, KbError, SourceError


def rows(spec, report=None, **more):
    return [row for batch in corpus.documents(str(spec), report=report, **more) for row in batch.to_pylist()]


def texts(spec, **more):
    return [row["text"] for row in rows(spec, **more)]


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def ndjson(*objects):
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)


def test_a_file_is_a_document_and_a_folder_is_all_below_it_in_order(tmp_path):
    for name, text in {
        "b/z.txt": "four",
        "a.txt": "one",
        "b/A.txt": "three",
        "b.txt.gz": "two",
        "c.md": "no",
    }.items():
        write(tmp_path / name, gzip.compress(text.encode()) if name.endswith("gz") else text)
    write(tmp_path / ".hidden/x.txt", "no")
    assert [(row["doc_id"], row["text"]) for row in rows(tmp_path)] == [
        ("a.txt", "one"), ("b.txt.gz", "two"), ("b/A.txt", "three"), ("b/z.txt", "four"),
    ]  # fmt: skip
    assert rows(tmp_path / "a.txt") == [
        {"doc_id": "a.txt", "text": "one", "lang": None, "meta": None, "links": None}
    ]
    assert rows(tmp_path / "a.txt", settings=["lang=zh"])[0]["lang"] == "zh"


def test_texts_stay_as_they_are(tmp_path):
    write(tmp_path / "a.txt", b"\xef\xbb\xbf one\r\n\r\ntwo \xe4\xb8\xad\0 ")
    write(tmp_path / "b.txt", b"")
    assert texts(tmp_path) == [" one\r\n\r\ntwo 中\0 ", ""]


def test_what_is_no_text_is_rejected_with_its_place(tmp_path):
    write(tmp_path / "a.txt", b"one\ntwo \xff\n")
    write(tmp_path / "b.txt", "utf".encode("utf-16"))
    write(tmp_path / "c.txt", "fine")
    report = corpus.Report()
    assert texts(tmp_path, report=report) == ["fine"]
    assert [(r["file"], r["line"], r["byte"]) for r in report.rejects] == [
        ("a.txt", 2, 8),
        ("b.txt", None, 0),
    ]
    assert report.rejects[0]["reason"] == "not UTF-8"
    assert "iconv" in report.rejects[1]["reason"]
    assert report.counts == {"read": 1, "rejected": 2}


def test_lines_can_be_documents(tmp_path):
    path = write(tmp_path / "a.txt", b"one\n\n  \nt\xffo\nthree")
    report = corpus.Report()
    found = rows(path, report, settings=["document=line"])
    assert [(row["doc_id"], row["text"]) for row in found] == [("a.txt:1", "one"), ("a.txt:5", "three")]
    assert (report.rejects[0]["line"], report.rejects[0]["byte"]) == (4, 8)


def test_a_document_can_be_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus._whole.LONGEST", 5)
    report = corpus.Report()
    write(tmp_path / "a.txt", "123456")
    write(tmp_path / "b.txt", "12345")
    assert texts(tmp_path, report=report) == ["12345"]
    assert "document=line" in report.rejects[0]["reason"]


GOOD = [
    {"text": "one", "id": "a", "lang": "en", "label": 1, "more": {"x": ["中"]}},
    {"text": "", "id": 7},
    {"text": "\u0000 😀 中", "id": None},
]


def test_json_lines(tmp_path):
    path = write(tmp_path / "a.jsonl", ndjson(*GOOD))
    first, second, third = rows(path)
    assert (first["doc_id"], first["text"], first["lang"]) == ("a", "one", "en")
    assert first["meta"] == '{"label":1,"more":{"x": ["中"]}}'
    assert (second["doc_id"], second["text"], second["meta"]) == ("7", "", None)
    assert (third["doc_id"], third["text"]) == ("a.jsonl:3", "\u0000 😀 中")
    assert rows(path, settings=["meta=false"])[0]["meta"] is None
    named = write(tmp_path / "b.jsonl", ndjson({"body": "x", "key": 3, "text": "y"}))
    (only,) = rows(named, settings=["text=body", "id=key"])
    assert (only["doc_id"], only["text"], only["meta"]) == ("3", "x", '{"text":"y"}')


BAD = {
    b"{": "malformed",
    b"[]": "expected `object`",
    b'{"text": 1}': "field 'text'",
    b'{"id": "x"}': "field 'text'",
    b'{"text": "x", "id": 1.5}': "field 'id'",
    b'{"text": "x", "id": true}': "field 'id'",
    b'{"text": "x", "lang": 1}': "field 'lang'",
    b'{"text": "\xff"}': "not UTF-8",
    b'{"text": "\\ud800"}': "malformed",
    b'{"text": "x"} {"text": "y"}': "trailing",
    b'{"text": "x", "a": ' + b"[" * 100_000 + b"}": "nested",
}


def test_bad_lines_cost_no_others(tmp_path):
    data = b"".join(ndjson({"text": str(i)}).encode() + bad + b"\r\n" for i, bad in enumerate(BAD))
    path = write(tmp_path / "a.jsonl", data)
    report = corpus.Report()
    assert texts(path, report=report) == [str(i) for i in range(len(BAD))]
    assert [r["line"] for r in report.rejects] == list(range(2, 2 * len(BAD) + 1, 2))
    for one, (line, why) in zip(report.rejects, BAD.items(), strict=True):
        assert why in one["reason"], line
        assert data[one["byte"] :].startswith(line)
        assert len(one["snippet"]) <= 200


PACK: dict[str, Any] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(_files, "PIECE", 300)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("container", PACK)
def test_pieces_are_the_same_whatever_the_container(tmp_path, container):
    """Read in any order, with lines and bytes that are those of the whole file."""
    data = b"".join(b'{"text": "%d"}\n{bad %d\n' % (i, i) for i in range(100))
    path = write(tmp_path / f"a.jsonl{container}", PACK[container](data))
    pieces = list(corpus.plan(str(path), tmp_path))
    assert len(pieces) == -(-len(data) // 300)
    found, rejected = {}, {}
    for piece in pieces[::-1]:
        travelled = msgspec.convert(msgspec.json.decode(msgspec.json.encode(piece)), corpus.Piece)
        report = corpus.Report()
        found[piece.number] = pa.Table.from_batches(
            corpus.read(travelled, tmp_path, report), corpus.DOCUMENTS
        )
        rejected[piece.number] = report.rejects
    table = pa.concat_tables([found[i] for i in range(len(pieces))])
    assert table["text"].to_pylist() == [str(i) for i in range(100)]
    assert table["doc_id"].to_pylist() == [f"a.jsonl{container}:{2 * i + 1}" for i in range(100)]
    told = [one for i in range(len(pieces)) for one in rejected[i]]
    assert [one["line"] for one in told] == list(range(2, 201, 2))
    assert all(data[one["byte"] :].startswith(one["snippet"].encode()) for one in told)
    for piece in pieces:
        assert bool(piece.consumes) == bool(container)
        assert all((tmp_path / name).is_file() for name in piece.consumes)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30)), st.integers(1, 400))
def test_json_lines_in_pieces_of_any_size(tmp_path_factory, given_texts, size):
    path = write(
        tmp_path_factory.mktemp("x") / "a.jsonl", ndjson({"text": "x"}, *({"text": t} for t in given_texts))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_files, "PIECE", size)
        patch.setattr(base, "BATCH", size)
        assert texts(path) == ["x", *given_texts]


def test_a_damaged_container_is_told(tmp_path):
    whole = ndjson(*({"text": str(i) * 50} for i in range(20_000))).encode()
    path = write(tmp_path / "a.jsonl.gz", gzip.compress(whole)[:-5000])
    report = corpus.Report()
    found = texts(path, report=report)
    assert found == [str(i) * 50 for i in range(len(found))]
    assert 0 < len(found) < 20_000
    assert "truncated" in report.damage[0][2]
    write(tmp_path / "t/b.txt.gz", gzip.compress(whole)[:-5000])
    assert len(texts(tmp_path / "t", report=report)) == 1
    assert [one[0] for one in report.damage] == ["a.jsonl.gz", "b.txt.gz"]
    assert [(one["file"], one["byte"]) for one in report.rejects] == [
        (file, at) for file, at, _ in report.damage
    ]


def test_standard_input(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(ndjson(*GOOD).encode())))
    assert texts("jsonl:-") == ["one", "", "\0 😀 中"]


def test_what_a_name_means(tmp_path):
    write(tmp_path / "j/x.jsonl", "{}")
    write(tmp_path / "mixed/x.jsonl", "{}")
    write(tmp_path / "mixed/x.txt", "x")
    write(tmp_path / "odd.csv", "x")
    assert corpus.named(f"{tmp_path}/j").format == "jsonl"
    assert corpus.named("text:odd.csv") == ("text", "odd.csv")
    assert corpus.named("s3://bucket/x.parquet").format == "parquet"
    for spec, what in [
        (f"{tmp_path}/mixed", "several formats (jsonl, text)"),
        (f"{tmp_path}/odd.csv", "nobody knows its format"),
        ("conl:dev.txt", "'conl' is no format of corpora"),
        ("text:", "no path is given"),
    ]:
        with pytest.raises(ConfigError) as error:
            corpus.named(spec)
        assert what in str(error.value)
        assert all(name in str(error.value) for name in ("jsonl", "pages")) or "no path" in what
    for spec, what in [
        ("-", "standard input: say what it is in, such as jsonl:-"),
        ("", "no corpus is given"),
    ]:
        with pytest.raises(ConfigError, match=what):
            corpus.named(spec)
    with pytest.raises(SourceError, match="no such file"):
        corpus.named(f"{tmp_path}/none")


@pytest.mark.parametrize("spec", ["text:{}/none", "jsonl:{}/none.jsonl", "parquet:{}/none", "pages:{}/none"])
def test_what_is_not_there_is_one_line(spec, tmp_path):
    for ask in (corpus.inputs, lambda spec: list(corpus.documents(spec))):
        with pytest.raises(KbError) as error:
            ask(spec.format(tmp_path))
        assert "\n" not in str(error.value)
    (tmp_path / "none").mkdir()
    with pytest.raises(KbError):
        list(corpus.documents(spec.format(tmp_path)))


def test_an_empty_file_of_records_is_refused_at_once(tmp_path):
    path = write(tmp_path / "a.jsonl", "")
    with pytest.raises(SourceError, match="is empty"):
        corpus.inputs(str(path))


def test_settings_are_checked(tmp_path):
    path = write(tmp_path / "a.txt", "x")
    with pytest.raises(ConfigError, match="document"):
        rows(path, settings=["document=word"])
    with pytest.raises(ConfigError, match="did you mean 'lang'"):
        rows(path, settings=["lan=en"])


def test_what_a_corpus_is_for_a_manifest(tmp_path):
    path = write(tmp_path / "t/a.txt", "x")
    (one,) = corpus.inputs(str(path))
    assert (one.path, one.kind) == (str(path), "corpus")
    (before,) = corpus.inputs(str(tmp_path / "t"))
    assert before == corpus.inputs(str(tmp_path / "t"))[0]
    write(tmp_path / "t/.b.txt", "y")
    assert before == corpus.inputs(str(tmp_path / "t"))[0]
    path.rename(path.with_name("b.txt"))
    assert before.content != corpus.inputs(str(tmp_path / "t"))[0].content
