"""Vectors in other programs' formats: what is written is read, and files of those programs are."""

from __future__ import annotations

import gzip
import json
import struct

import numpy as np
import pytest

from kbtools import about, plugins, vectors
from kbtools.artefact import read
from kbtools.errors import ConfigError, MissingExtraError, SourceError
from kbtools.vectors.exporting import export
from tests import foreign_vectors

FORMATS = "kbtools.vectors.formats"
WRITTEN = [
    ("word2vec", "v.vec"), ("word2vec", "v.txt.gz"), ("openke", "o"), ("pykeen", "p"), ("npy", "n"),
    ("pbg", "t.tsv"), ("pbg", "t.tsv.gz"),
]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return foreign_vectors.world(tmp_path_factory.mktemp("world"))


def bring(path, format_, kb=None, **more):
    return vectors.bring(path, path.parent / "brought", format=format_, kb=kb, **more)


@pytest.mark.parametrize("words", [False, True], ids=["entities", "words-too"])
@pytest.mark.parametrize(("format_", "name"), WRITTEN)
def test_what_is_written_is_read(world, tmp_path, format_, name, words):
    source = foreign_vectors.made(tmp_path / "source", world, words=words)
    told = export(source.path, tmp_path / name, format=format_)
    assert told.entities == 4
    found = bring(tmp_path / name, format_, world)
    again = vectors.Vectors(tmp_path / "brought")
    assert again.eids().tolist() == foreign_vectors.EIDS
    assert np.array_equal(again.array, source.array)
    holds = plugins.load(FORMATS, format_).HOLDS
    assert told.left_out.keys() == ({"relations"} | ({"words"} if words else set())) - holds
    if "relations" in holds:
        assert np.array_equal(again.relations()["relations"], source.relations()["relations"])
    if words and "words" in holds:
        assert foreign_vectors.words_of(again.path).texts.to_pylist() == foreign_vectors.WORDS
        mine = foreign_vectors.words_of(source.path)
        assert np.array_equal(foreign_vectors.words_of(again.path).array, mine.array)
    assert found.kbs[0].name == "tiny"
    assert found.counts["entities"] == 4
    lengths = np.linalg.norm(source.array, axis=1)
    assert found.notes["norms"]["entities"] == pytest.approx(
        {"mean": lengths.mean(), "min": lengths.min(), "max": lengths.max()}, rel=1e-4
    )
    assert told.norms == found.notes["norms"] or not words or "words" not in holds
    assert about.verify(tmp_path / "brought", deep=True).sound


def test_half_precision_survives(world, tmp_path):
    source = foreign_vectors.made(tmp_path / "source", world, kind="float16")
    export(source.path, tmp_path / "v.vec", format="word2vec")
    bring(tmp_path / "v.vec", "word2vec", world, overrides=["dtype=float16"])
    again = vectors.Vectors(tmp_path / "brought")
    assert again.array.dtype == np.float16
    assert np.array_equal(again.array, source.array)


def test_openke_is_what_ernie_reads(world, tmp_path):
    source = foreign_vectors.made(tmp_path / "source", world)
    export(source.path, tmp_path / "o", format="openke")
    lines = (tmp_path / "o" / "entity2id.txt").read_text().splitlines()
    assert lines == ["4", "Q42\t0", "Q5\t1", "Q515\t2", "Q64\t3"]
    rows = (tmp_path / "o" / "entity2vec.vec").read_text().splitlines()
    parsed = np.array([[float(one) for one in row.split("\t")] for row in rows], np.float32)
    assert np.array_equal(parsed, source.array)
    assert (tmp_path / "o" / "relation2id.txt").read_text() == "3\nP31\t0\nP17\t1\nP569\t2\n"


@pytest.mark.parametrize("between", ["\t", " "], ids=["tab", "space"])
def test_openke_of_others_is_read(world, tmp_path, between):
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / "entity2id.txt").write_text(f"3\r\nQ64{between}1\r\nQ5{between}0\r\nQ9999{between}2\r\n")
    (folder / "entity2vec.vec").write_text("1.0\t2\t\n3e-1\t-4\t\n5\t6\t\n")
    made = bring(folder, "openke", world)
    found = vectors.Vectors(tmp_path / "brought")
    assert found.eids().tolist() == [0, 3]
    assert found.array.tolist() == [[1, 2], [np.float32(0.3), -4]]
    assert made.counts["skipped: ids the KB lacks"] == 1
    assert made.notes["ids the KB lacks"] == ["Q9999"]


def test_wikipedia2vec_has_words_and_titles(world, tmp_path):
    (tmp_path / "w.txt").write_text(
        "5 2\nthe 1 2\nENTITY/Douglas_Adams 3 4\nENTITY/Berlin 5 6\nENTITY/No_Such 7 8\nQ5 9 10\n"
    )
    made = bring(tmp_path / "w.txt", "word2vec", world)
    found = vectors.Vectors(tmp_path / "brought")
    assert found.eids().tolist() == [1, 3]
    assert foreign_vectors.words_of(found.path).texts.to_pylist() == ["the", "Q5"]
    assert made.counts["skipped: ids the KB lacks"] == 1
    only = vectors.bring(tmp_path / "w.txt", tmp_path / "words", format="word2vec")
    assert (only.counts["entities"], only.counts["words"]) == (0, 2)
    assert only.counts["skipped: entities, for want of --kb"] == 3


def test_titles_may_stand_without_a_prefix(world, tmp_path):
    (tmp_path / "w.txt").write_text("Douglas Adams\t1 2\nUniverse\t3 4\nQ999\t5 6\n")
    bring(tmp_path / "w.txt", "word2vec", world, overrides=["names=titles"])
    # Q999 is a redirect to Q42, which has a vector by now
    assert vectors.Vectors(tmp_path / "brought").eids().tolist() == [1, 2]
    assert read(tmp_path / "brought").counts["rejected"] == 1


@pytest.mark.parametrize("end", [b"\n", b""], ids=["line-ends", "none"])
def test_binary_word2vec_is_read(world, tmp_path, end):
    rows = {"Q42": [1.5, -2.0], "Q1": [1e-3, 7.0], "Q5": [0.0, 1.0]}
    data = b"3 2\n" + b"".join(
        name.encode() + b" " + struct.pack("<2f", *row) + end for name, row in rows.items()
    )
    (tmp_path / "w.bin").write_bytes(data)
    bring(tmp_path / "w.bin", "word2vec", world)
    found = vectors.Vectors(tmp_path / "brought")
    assert found.eids().tolist() == [1, 2, 0]
    assert found.array.tolist() == [np.array(row, np.float32).tolist() for row in rows.values()]
    (tmp_path / "cut.bin").write_bytes(data[:-6])
    with pytest.raises(SourceError, match="says 3 rows, and has 2"):
        vectors.bring(tmp_path / "cut.bin", tmp_path / "no", format="word2vec", kb=world)


def test_the_joined_table_of_wikidata_is_read(world, tmp_path):
    lines = [
        '<http://www.wikidata.org/entity/Q42>\t1\t2', '"a text"@en\t3\t4',
        "<http://www.wikidata.org/entity/Q5>\t5\t6",
    ]  # fmt: skip
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    made = bring(tmp_path / "t.tsv.gz", "pbg", world)
    assert vectors.Vectors(tmp_path / "brought").eids().tolist() == [1, 0]
    assert made.notes["ids the KB lacks"] == ['"a text"@en']


def test_checkpoints_of_pbg_go_both_ways(world, tmp_path):
    pytest.importorskip("h5py")
    source = foreign_vectors.made(tmp_path / "source", world)
    export(source.path, tmp_path / "c", format="pbg")
    assert json.loads((tmp_path / "c" / "entity_names_all_0.json").read_text())[0] == "Q42"
    bring(tmp_path / "c", "pbg", world)
    assert np.array_equal(vectors.Vectors(tmp_path / "brought").array, source.array)


def test_checkpoints_of_pbg_name_the_extra(world, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "entity_names_all_0.json").write_text('["Q42"]')
    (tmp_path / "embeddings_all_0.v3.h5").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=r"kbtools\[pbg\]"):
        vectors.bring(tmp_path, tmp_path.parent / "no", format="pbg", kb=world)


def test_pykeen_with_complex_numbers_and_ids_in_the_other_order(world, tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "entity_to_id.tsv").write_text("Q5\t1\nQ42\t0\n")
    np.save(folder / "entity_embeddings.npy", np.array([[1 + 2j, 3 + 4j], [5 + 6j, 7 + 8j]], np.complex64))
    bring(folder, "pykeen", world)
    found = vectors.Vectors(tmp_path / "brought")
    assert found.eids().tolist() == [1, 0]
    assert found.array.tolist() == [[1, 3, 2, 4], [5, 7, 6, 8]]


@pytest.mark.parametrize("name", ["trained_model.pkl", "model.pt"])
def test_pickles_are_refused_with_what_to_do(world, tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(SourceError, match=r"numpy\.save\('entity_embeddings\.npy'"):
            vectors.bring(path, tmp_path.parent / "no", format="pykeen", kb=world)


def test_an_unknown_format_is_named(world, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'openke'"):
        bring(tmp_path, "openkee", world)


def test_the_table_of_wikidata_begins_with_three_numbers_and_has_relations(world, tmp_path):
    rows = [f"<http://www.wikidata.org/{one}>\t1\t2" for one in ("entity/Q42", "prop/direct/Q1")]
    (tmp_path / "v.tsv").write_text("\n".join(["1\t1\t2", *rows, ""]))
    made = bring(tmp_path / "v.tsv", "pbg", world)
    assert made.counts["entities"] == 1
    assert made.counts["skipped: ids the KB lacks"] == 1
