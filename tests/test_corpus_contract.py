"""What every format in kbtools/corpus must do; a new one needs a sample in tests/corpus_samples.py."""

from __future__ import annotations

import dataclasses
import gzip
import importlib
import io
import random

import pyarrow as pa
import pytest

from kbtools import config, corpus, plugins
from kbtools.corpus import _files, _whole
from kbtools.errors import KbError
from tests.corpus_read import Read, document, link, written
from tests.corpus_samples import SAMPLES

FORMATS = plugins.names("kbtools.corpus")
LINES = [name for name in FORMATS if not SAMPLES[name].binary]
FILES = [name for name in FORMATS if not SAMPLES[name].lay]
PLACES = 25  # at which a sample is damaged

DEEP = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
HALF = b"""{"text":"\\ud800 x","id":"\\udfff","lang":"\\ud800","meta":{"\\ud800":1},"title":"\\ud800",\
"input":"\\ud800","mentions":[{"start":0,"end":1,"id":"\\ud800"}],"tokens":["\\ud800"]}
"""
NO_CORPORA = {
    "nothing": b"",
    "blank lines": b"\n \n\n",
    "a byte order mark": b"\xef\xbb\xbf",
    "NUL": bytes(5000),
    "random bytes": random.Random(1).randbytes(5000),
    "random lines": b"\n".join(random.Random(n).randbytes(40) for n in range(100)),
    "control characters": bytes(range(32)) * 20,
    "UTF-16": "a text".encode("utf-16"),
    "half a character": "é".encode()[:1] * 10,
    "1 MB of one line": b"a" * 1_000_000,
    "1 MB of tabs": b"a\t" * 500_000,
    "deep JSON": DEEP,
    "deep arrays": b"[" * 100_000,
    "deep XML": b"<a>" * 50_000,
    "half a pair of surrogates": HALF,
    "a number": b"42\n",
    "an array": b"[]\n",
    "an array of odd things": b'[1, null, [], {}, {"text": 1}, {"a": [1]}]\n',
    "an object": b"{}\n",
    "JSON that is not UTF-8": b'{"te\xfft": [{"a": 1}]}\n',
    "a large number": b'{"text":"a","id":' + b"9" * 5000 + b"}\n",
    "other XML": b"<?xml version='1.0'?><a><b>c</b></a>",
    "XML that breaks off": b"<collection><document><passage>",
    "entities": b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
}


def checked(name, path, *, sound=True):
    """Read a corpus, and look at all that is read: links stand in their texts, rejects say why and where."""
    report = corpus.Report()
    rows = []
    for batch in corpus.documents(f"{name}:{path}", report=report):
        batch.validate(full=True)
        assert batch.schema.equals(corpus.DOCUMENTS)
        rows += batch.to_pylist()
    for row in rows if sound else ():
        assert row["doc_id"]
        places = [(one["start"], -one["end"]) for one in row["links"] or ()]
        assert all(0 <= start < -end <= len(row["text"]) for start, end in places)
        assert places == sorted(places)
    for one in report.rejects:
        assert one["reason"]
        assert one["file"]
        assert "\n" not in one["reason"]
        assert len(one["snippet"]) <= 200
    assert report.counts["rejected"] == len(report.rejects)
    return rows, report


def attempt(name, path, *, sound=True):
    """Read what may be no corpus at all; None if it is refused, in one line."""
    try:
        corpus.inputs(f"{name}:{path}")
        return checked(name, path, sound=sound)
    except KbError as error:
        what = str(error)
    assert "\n" not in what
    assert len(what) < 500
    return None


def texts(rows):
    """Return what documents hold but their names, which may be places in a file."""
    return [(row["text"], row["lang"], row["meta"], row["links"]) for row in rows]


def suffix(name):
    found = corpus.format_of(name)
    return next(iter([*found.suffixes, *getattr(found, "below", ())]), ".txt")


@pytest.mark.parametrize("name", FORMATS)
def test_it_says_what_it_is(name):
    found = corpus.format_of(name)
    assert plugins.summary("kbtools.corpus", name)
    assert importlib.import_module(type(found).__module__).__doc__
    assert type(found).__doc__
    assert found.example
    assert all(one.startswith(".") for one in found.suffixes)
    assert dataclasses.is_dataclass(found.settings)
    assert vars(found.settings)["__dataclass_params__"].frozen
    for setting in config.describe(found.settings):
        assert setting.help.endswith("."), setting.name
    with pytest.raises(KbError, match="no setting 'sieve'"):
        config.build(found.settings, where=name, overrides=["sieve=1"])


@pytest.mark.parametrize("name", FORMATS)
def test_the_sample_is_read(name, tmp_path):
    path = SAMPLES[name].put(tmp_path)
    rows, report = checked(name, path)
    assert (report.counts["read"], report.rejects, report.damage) == (len(rows), [], [])
    assert len({row["doc_id"] for row in rows}) == len(rows) >= 1
    assert any(row["text"] for row in rows)
    told = corpus.inputs(f"{name}:{path}")
    assert [one.content for one in told] == [one.content for one in corpus.inputs(f"{name}:{path}")]


@pytest.mark.parametrize("name", FILES)
def test_a_sample_that_changes_is_another_corpus(name, tmp_path):
    sample = SAMPLES[name]
    before = [one.content for one in corpus.inputs(f"{name}:{sample.put(tmp_path)}")]
    for file, data in sample.files.items():
        sample.put(tmp_path)
        (tmp_path / file).write_bytes(data + b"\n")
        assert [
            one.content for one in corpus.inputs(f"{name}:{tmp_path / next(iter(sample.files))}")
        ] != before


@pytest.mark.parametrize("name", LINES)
def test_a_byte_order_mark_makes_no_difference(name, tmp_path):
    sample = SAMPLES[name]
    plain, _ = checked(name, sample.put(tmp_path))
    for file, data in sample.files.items():
        (tmp_path / file).write_bytes(b"\xef\xbb\xbf" + data)
    marked, report = checked(name, tmp_path / next(iter(sample.files)))
    assert (texts(marked), report.rejects) == (texts(plain), [])


@pytest.mark.parametrize("name", [name for name in LINES if not SAMPLES[name].exact])
def test_line_ends_of_windows_make_no_difference(name, tmp_path):
    sample = SAMPLES[name]
    plain, _ = checked(name, sample.put(tmp_path))
    for file, data in sample.files.items():
        (tmp_path / file).write_bytes(data.replace(b"\n", b"\r\n"))
    windows, report = checked(name, tmp_path / next(iter(sample.files)))
    assert (texts(windows), report.rejects) == (texts(plain), [])


@pytest.mark.parametrize("name", LINES)
def test_a_compressed_file_is_the_same_and_one_that_breaks_off_is_told(name, tmp_path):
    sample = SAMPLES[name]
    plain, _ = checked(name, sample.put(tmp_path))
    file = next(iter(sample.files))
    for beside in list(sample.files)[1:]:
        (tmp_path / "gz" / beside).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "gz" / beside).write_bytes(sample.files[beside])
    packed = tmp_path / "gz" / f"{file}.gz"
    packed.parent.mkdir(exist_ok=True)
    whole = gzip.compress(sample.files[file])
    packed.write_bytes(whole)
    found, report = checked(name, packed)
    if not sample.files.keys() - {file}:
        assert texts(found) == texts(plain)
        assert not report.rejects
    packed.write_bytes(whole[: len(whole) // 2])
    broken = attempt(name, packed)
    if broken is not None:
        assert broken[1].damage or broken[1].rejects


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("case", NO_CORPORA)
def test_what_is_no_corpus_is_no_traceback(name, case, tmp_path):
    path = tmp_path / f"a{suffix(name)}"
    path.write_bytes(NO_CORPORA[case])
    found = attempt(name, path)
    if found and not found[0] and case not in {"nothing", "blank lines", "a byte order mark", "an array"}:
        assert found[1].rejects or case == "deep arrays", "nothing was read, and nothing is said about it"
    attempt(name, tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_sample_is_no_traceback(name, tmp_path):
    """Bytes lost, changed, doubled; at places drawn by chance."""
    sample = SAMPLES[name]
    path = sample.put(tmp_path)
    rng = random.Random(name)
    files = [one for one in (tmp_path.rglob("*") if sample.lay else map(tmp_path.joinpath, sample.files))
             if one.is_file() and one.name != "lock"]  # fmt: skip
    for _ in range(PLACES):
        victim = rng.choice(files)
        whole = victim.read_bytes()
        victim.write_bytes(damaged(whole, rng))
        attempt(name, path, sound=not sample.lay)  # of artefacts, `verify --deep` notices
        victim.write_bytes(whole)


def damaged(data, rng):
    at, other = sorted(rng.choices(range(len(data) + 1), k=2))
    kind = rng.randrange(4)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[other:]
    if kind == 2:
        return data[:other] + data[at:]
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


@pytest.mark.parametrize("name", FORMATS)
def test_pieces_read_apart_are_the_whole(name, tmp_path, monkeypatch):
    path = SAMPLES[name].put(tmp_path / "corpus")
    whole, _ = checked(name, path)
    monkeypatch.setattr(_files, "PIECE", 30)
    monkeypatch.setattr(_whole, "PIECE", 30)
    rows = []
    for number, piece in enumerate(corpus.plan(f"{name}:{path}", tmp_path)):
        assert piece.number == number
        for _ in range(2):  # a task may be done twice
            found = [row for batch in corpus.read(piece, tmp_path) for row in batch.to_pylist()]
        rows += found
    assert rows == whole


@pytest.mark.parametrize("name", FILES)
def test_a_folder_of_several(name, tmp_path):
    """All files below it are read, in the order of their paths."""
    for folder in ("b", "a", "c"):
        path = SAMPLES[name].put(tmp_path / "all" / folder)
    alone, _ = checked(name, path)
    (tmp_path / "all" / "d").mkdir()
    found, report = checked(name, tmp_path / "all")
    if name == "pubmed":  # later revisions win
        assert len(found) == len(alone)
    else:
        assert texts(found) == texts(alone) * 3
    assert not report.rejects


WORDS = ["Bonn", "lies", "on", "the", "Rhein", "中国", "é", "😀", "Köln"]


def some_documents(seed):
    """Documents of words with spaces between them, some of which are linked."""
    rng = random.Random(seed)
    rows = []
    for number in range(rng.randint(1, 4)):
        words = rng.choices(WORDS, k=rng.randint(1, 12))
        links, at = [], 0
        for word in words:
            if rng.random() < 0.4:
                links.append(link(at, at + len(word), id=f"Q{rng.randint(1, 99)}", kb="wikidata"))
            at += len(word) + 1
        rows.append(document(f"{number + 1}", " ".join(words), links))
    return rows


@pytest.mark.parametrize("name", corpus.writers())
@pytest.mark.parametrize("seed", range(8))
def test_what_is_written_is_read(name, seed, tmp_path):
    rows = some_documents(seed)
    path = tmp_path / f"a{suffix(name)}"
    path.write_bytes(written(name, rows))
    found = Read(f"{name}:{path}")
    assert found.rejects == []
    assert ["".join(text.split()) for text in found.texts] == ["".join(row["text"].split()) for row in rows]
    told = [[(row["text"][one["start"] : one["end"]], one["id"]) for one in row["links"]] for row in rows]
    read = [[(row["text"][one["start"] : one["end"]], one["id"]) for one in row["links"] or ()]
            for row in found.rows]  # fmt: skip
    assert read == told
    path.write_bytes(written(name, found.rows))
    assert Read(f"{name}:{path}").rows == found.rows  # what it holds, it holds for good


@pytest.mark.parametrize("name", corpus.writers())
def test_no_documents_and_odd_ones_can_be_written(name, tmp_path):
    path = tmp_path / f"a{suffix(name)}"
    path.write_bytes(written(name, []))
    assert attempt(name, path) in (None, *[attempt(name, path)])
    odd = ["", " ", "\n\n", "\u0000", "\t\r\n", "\u202e\u200b", "# x", "-DOCSTART-", "]]>&<", '"\\', "\u2028"]
    file = io.BytesIO()
    rows = [document(f"{at}", text) for at, text in enumerate(odd)]
    try:
        corpus.write(name, [pa.RecordBatch.from_pylist(rows, schema=corpus.DOCUMENTS)], file)
    except KbError:  # some cannot be held
        return
    path.write_bytes(file.getvalue())
    attempt(name, path)
