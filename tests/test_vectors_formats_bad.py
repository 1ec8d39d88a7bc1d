"""Files of vectors that are not what they should be: one clear line each, or rows that are left out."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import vectors
from kbtools.errors import ArtefactError, ConfigError, KbError, SourceError
from kbtools.vectors.exporting import export
from kbtools.vectors.formats import _lines
from kbtools.vectors.formats.base import Reading
from tests import foreign_vectors, tiny_kb


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return foreign_vectors.world(tmp_path_factory.mktemp("world"))


def bring(path, kb, format_="word2vec", *overrides):
    return vectors.bring(path, path.parent / "out", format=format_, kb=kb, overrides=overrides)


def rejected(folder):
    found = vectors.Vectors(folder).table("rejects").to_pylist()
    return [(row["line"], row["reason"]) for row in found]


def test_bad_rows_are_left_out_and_told(world, tmp_path):
    path = tmp_path / "v.vec"
    path.write_bytes(
        b"\xef\xbb\xbf9 3\r\nQ42 1 2 3 \r\nQ5 nan 0 0\nQ1 inf 0 0\n\nQ64 1 2\nQ64 1 2 3 4\nQ183 1 x 3\n"
        b"Q42 7 7 7\nQ\xff 1 2 3\nQ515  1\t2 3"
    )
    made = bring(path, world)
    found = vectors.Vectors(tmp_path / "out")
    assert found.eids().tolist() == [1, 5]
    assert found.array.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert sorted(rejected(tmp_path / "out")) == [
        (3, "NaN or infinite numbers"), (4, "NaN or infinite numbers"), (6, "2 numbers instead of 3"),
        (7, "4 numbers instead of 3"), (8, "a field that is no number"), (9, "a second vector of the same"),
        (10, "not UTF-8"),
    ]  # fmt: skip
    assert (made.counts["read"], made.counts["rejected"]) == (9, 7)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("3 2\nQ42 1 2\n", r"v.vec:1: says 3 rows, and has 1; fetch it again, or .* -o header=ignore"),
        ("1 5\nQ42 1 2\n", r"v.vec:1: says 5 numbers a row, and has 2"),
        ("", "is empty"),
        ("\n \n", "no line of it is a name and numbers"),
        ("no vectors\nat all\n", "not one vector in it: line 1: a field that is no number"),
        ("Q77 1 2\nQ78 3 4\n", r"none of its 2 names is known to .*: 'Q77', 'Q78'; if they are words"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused(world, tmp_path, text, what):
    path = tmp_path / "v.vec"
    path.write_text(text)
    with pytest.raises(SourceError, match=what):
        bring(path, world)
    assert [one.name for one in tmp_path.iterdir()] == ["v.vec"]


def test_a_wrong_first_line_may_be_ignored(world, tmp_path):
    path = tmp_path / "v.vec"
    path.write_text("3 2\nQ42 1 2\n")
    assert bring(path, world, "word2vec", "header=ignore").counts["entities"] == 1


def test_a_damaged_container_is_incomplete(world, tmp_path):
    path = tmp_path / "v.vec.gz"
    rows = np.random.default_rng(0).normal(size=(3000, 3))
    text = "Q42 1 2 3\n" + "".join(f"N{at} {a} {b} {c}\n" for at, (a, b, c) in enumerate(rows))
    path.write_bytes(gzip.compress(text.encode())[:-5000])
    assert bring(path, world).incomplete


def test_entities_need_a_knowledge_base(world, tmp_path):
    source = foreign_vectors.made(tmp_path / "source", world)
    export(source.path, tmp_path / "o", format="openke")
    with pytest.raises(ConfigError, match="4 vectors are of entities; say of which knowledge base with --kb"):
        vectors.bring(tmp_path / "o", tmp_path / "out", format="openke")


@pytest.mark.parametrize(
    ("ids", "what"),
    [
        ("3\nQ42\t0\nQ5\t1\n", "entity2id.txt:1: says 3 ids, and has 2"),
        ("2\nQ42\t0\nQ5\t0\n", "'Q42' and 'Q5' both have number 0"),
        ("2\nQ42\t0\nQ5\t2\n", "'Q5' has number 2 of 2 names"),
        ("2\nQ42\t0\nQ5\n", "entity2id.txt:3: 'Q5' is no id and its number"),
        ("3\nQ42\t0\nQ5\t1\nQ1\t2\n", "has 2 rows, and entity2id.txt 3 names"),
        ("1\nQ42\t0\n", "has 2 rows, and entity2id.txt 1 names"),
    ],
)
def test_openke_that_does_not_fit_is_refused(world, tmp_path, ids, what):
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / "entity2id.txt").write_text(ids)
    (folder / "entity2vec.vec").write_text("1\t2\n3\t4\n")
    with pytest.raises(SourceError, match=what):
        bring(folder, world, "openke")


def test_a_bad_row_of_openke_does_not_move_the_others(world, tmp_path):
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / "entity2id.txt").write_text("3\nQ42\t0\nQ5\t1\nQ1\t2\n")
    (folder / "entity2vec.vec").write_text("1\t2\nnan\t0\n5\t6\n")
    bring(folder, world, "openke")
    found = vectors.Vectors(tmp_path / "out")
    assert (found.eids().tolist(), found.array.tolist()) == ([1, 2], [[1, 2], [5, 6]])


@pytest.mark.parametrize("format_", ["openke", "pykeen", "npy", "pbg"])
def test_a_folder_with_nothing_in_it_is_refused(world, tmp_path, format_):
    (tmp_path / "f").mkdir()
    with pytest.raises(SourceError, match="has no "):
        bring(tmp_path / "f", world, format_)
    with pytest.raises(SourceError, match="is not there"):
        bring(tmp_path / "gone", world, format_)


def test_arrays_of_objects_are_not_read(world, tmp_path):
    folder = tmp_path / "n"
    folder.mkdir()
    np.save(folder / "entities.npy", np.array([{"a": 1}], object), allow_pickle=True)
    (folder / "entities.json").write_text('["Q42"]')
    with pytest.raises(SourceError, match="no array of numpy that can be read"):
        bring(folder, world, "npy")


def test_numbers_too_large_for_half_precision_are_told(world, tmp_path):
    path = tmp_path / "v.vec"
    path.write_text("Q42 1e30 1\n")
    with pytest.raises(ArtefactError, match="NaN or infinite"):
        bring(path, world, "word2vec", "dtype=float16")


def test_names_that_a_format_cannot_hold_are_refused(tmp_path):
    rows = {**tiny_kb.world(), "entities": [tiny_kb.entity(0, "two words", "two")], "redirects": []}
    kb = tiny_kb.write(tmp_path / "kb", {name: rows[name] for name in ("entities", "redirects")})
    vectors.write(tmp_path / "v", [0], np.ones((1, 2), np.float32), kb=kb)
    with pytest.raises(ConfigError, match=r"'two words' has a space, .* -o spaces=_"):
        export(tmp_path / "v", tmp_path / "x.vec", format="word2vec")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kb", "v"]
    export(tmp_path / "v", tmp_path / "x.vec", format="word2vec", overrides=["spaces=_"])
    assert (tmp_path / "x.vec").read_text() == "1 2\ntwo_words 1 1\n"
    export(tmp_path / "v", tmp_path / "o", format="openke")
    vectors.bring(tmp_path / "o", tmp_path / "back", format="openke", kb=kb)
    assert vectors.Vectors(tmp_path / "back").eids().tolist() == [0]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.integers(1, 4).flatmap(lambda dim: st.lists(st.tuples(
    NAMES, st.lists(FLOATS, min_size=dim, max_size=dim)), min_size=2, max_size=6)),
    st.sampled_from([" ", "\t", "  "]), st.sampled_from(["\n", "\r\n", " \n"]))  # fmt: skip
def test_any_layout_of_blanks_is_read(tmp_path_factory, rows, between, end):
    path = tmp_path_factory.mktemp("any") / "v.txt"
    dim = len(rows[0][1])
    head = f"{len(rows)} {dim}{end}"
    body = "".join(between.join([name, *map(repr, row)]) + end for name, row in rows)
    path.write_bytes((head + body).encode())
    reading = Reading(path)
    pieces = list(_lines.rows(reading, path, named=True))
    assert not reading.rejects
    assert [name for piece in pieces for name in piece.names.to_pylist()] == [name for name, _ in rows]
    assert np.array_equal(
        np.concatenate([piece.numbers for piece in pieces]), np.array([row for _, row in rows], np.float32)
    )


@given(st.binary(max_size=200))
def test_garbage_is_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("garbage") / "v.vec"
    path.write_bytes(data)
    try:
        vectors.bring(path, path.parent / "out", format="word2vec")
    except KbError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_blocks_do_not_matter(world, tmp_path, monkeypatch):
    path = tmp_path / "v.vec"
    rows = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    path.write_text(
        "50 5\n" + "".join(f"w{at} {' '.join(map(str, row))}\n" for at, row in enumerate(rows.tolist()))
    )
    whole = vectors.bring(path, tmp_path / "a", format="word2vec")
    monkeypatch.setattr(_lines, "gathered", lambda chunks, _: (
        chunk[at : at + 64] for chunk in chunks for at in range(0, len(chunk), 64)
    ))  # fmt: skip
    assert vectors.bring(path, tmp_path / "b", format="word2vec").content == whole.content
