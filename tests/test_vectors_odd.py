"""Odd ids, files and places of vectors: what is written is read again, and nothing else is touched."""

from __future__ import annotations

import os
import stat

import numpy as np
import pytest

from kbtools import api, artefact, vectors
from kbtools.errors import ArtefactError, ConfigError, SourceError
from kbtools.kb import resolving
from kbtools.kb.ids import Ids
from kbtools.kb.reader import gather
from kbtools.models import embeddings
from kbtools.vectors.exporting import export
from kbtools.vectors.near import _nearest, near
from tests import tiny_kb

IDS = ["1", "GO:1", "GO:2", "a b", "x\u2028y", "x\u0085z", "g\x1ch", " lead", "#x", "A", "a", "nan", "中 文"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Ids that are hard to write down, each with a vector of its own."""
    home = tmp_path_factory.mktemp("odd")
    (home / "text").mkdir()
    pairs = zip(IDS, [*IDS[1:], IDS[0]], strict=True)
    lines = [f"{head}\tis_a\t{tail}\n" for head, tail in pairs]
    (home / "text" / "train.txt").write_text("".join(lines), encoding="utf-8", newline="")
    kb = home / "kb"
    api.ingest("linkprediction", [str(home / "text")], kb, workers=1, quiet=True)
    numbers = np.arange(2 * len(IDS), dtype=np.float32).reshape(-1, 2) + 1
    vectors.write(home / "v", np.arange(len(IDS)), numbers, kb=kb)
    return kb, home / "v"


def test_an_id_is_itself_before_it_is_anything_else(odd):
    kb, folder = odd
    (base,) = gather([kb])
    names = Ids(base.kb).take(np.arange(len(IDS))).to_pylist()
    assert resolving.own(base, names).tolist() == [*range(len(IDS))]
    assert near(folder, "GO:1").id == "GO:1"  # and not "1", of whatever GO is


@pytest.mark.parametrize("format_", ["openke", "pykeen", "npy"])
def test_odd_ids_come_back(odd, tmp_path, format_):
    kb, folder = odd
    export(folder, tmp_path / "x", format=format_)
    vectors.bring(tmp_path / "x", tmp_path / "back", format=format_, kb=kb)
    before, after = vectors.Vectors(folder), vectors.Vectors(tmp_path / "back")
    rows = {eid: row for row, eid in enumerate(after.eids().tolist())}
    assert [after.array[rows[eid]].tolist() for eid in before.eids().tolist()] == before.array.tolist()


@pytest.mark.parametrize(
    ("name", "lines"),
    [("openke", "²\na\t0\n"), ("openke", f"a\t{'9' * 5000}\n"), ("pykeen", f"id\tlabel\n{'9' * 5000}\ta\n")],
)
def test_numbers_of_names_that_are_none(odd, tmp_path, name, lines):
    files = {
        "openke": ("entity2id.txt", "entity2vec.vec"),
        "pykeen": ("entity_to_id.tsv", "entity_embeddings.npy"),
    }
    ids, numbers = (tmp_path / one for one in files[name])
    ids.write_text(lines, encoding="utf-8")
    if name == "openke":
        numbers.write_text("1\t2\n")
    else:
        np.save(numbers, np.ones((1, 2), np.float32))
    with pytest.raises(SourceError, match="is no id and its"):
        vectors.bring(tmp_path, tmp_path / "out", format=name, kb=odd[0])


@pytest.mark.parametrize(
    "head", [f"{'9' * 5000} {'9' * 5000}\n", "2 99999999999999999999\na \x01\x02\x03\x04"]
)
def test_a_first_line_of_impossible_counts(odd, tmp_path, head):
    (tmp_path / "x.vec").write_text(head)
    with pytest.raises(SourceError):
        vectors.bring(tmp_path / "x.vec", tmp_path / "out", format="word2vec", kb=odd[0])


@pytest.mark.parametrize("shape", [b"(2, 99999999999999999999999)", b"(2, 3", b"('x')"])
def test_an_array_whose_header_lies(odd, tmp_path, shape):
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + b"}"
    head = head.rstrip(b"}") if shape.endswith(b"3") else head
    data = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(24)
    (tmp_path / "entities.npy").write_bytes(data)
    (tmp_path / "entities.json").write_text('["a", "b"]')
    with pytest.raises(SourceError, match="no array of numpy"):
        vectors.bring(tmp_path, tmp_path / "out", format="npy", kb=odd[0])


@pytest.mark.parametrize("what", ["group", "words", "garbage"])
def test_hdf5_that_holds_no_numbers(odd, tmp_path, what):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "embeddings_all_0.v1.h5"
    (tmp_path / "entity_names_all_0.json").write_text('["a", "A"]')
    path.write_bytes(b"garbage")
    if what != "garbage":
        with h5py.File(path, "w") as file:
            if what == "group":
                file.create_group("embeddings")
            else:
                file.create_dataset("embeddings", data=[[b"1", b"2"], [b"3", b"4"]])
    with pytest.raises(SourceError, match=path.name):
        vectors.bring(tmp_path, tmp_path / "out", format="pbg", kb=odd[0])


def test_nothing_beside_the_export_is_touched(odd, tmp_path):
    (tmp_path / "partial-x").mkdir()
    (tmp_path / "partial-x" / "mine").write_text("kept")
    for _ in range(2):
        export(odd[1], tmp_path / "x", format="npy", overwrite=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["partial-x", "x"]
    assert (tmp_path / "partial-x" / "mine").read_text() == "kept"


def test_what_is_neither_file_nor_folder_is_not_replaced(odd, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for out in (tmp_path / "pipe", "/"):
        with pytest.raises(ConfigError, match="no place"):
            export(odd[1], out, format="npy", overwrite=True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_link_stays_one(odd, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    export(odd[1], tmp_path / "link", format="npy", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "entities.npy").is_file()


def test_lengths_whose_squares_are_no_numbers():
    for size in (1e-25, 1.0, 1e25):
        table = np.array([[1, 1], [1, 0], [3, 3]], np.float32) * np.float32(size)
        found = _nearest([table], table[0], 3, 0)
        assert [row for row, _ in found] == [2, 1]
        assert [near for _, near in found] == pytest.approx([1, 0.5**0.5])


def test_what_is_no_text_is_near_to_nothing(odd):
    with pytest.raises(ConfigError, match="UTF-8"):
        near(odd[1], "\udcff")


def test_options_may_be_lists(odd, tmp_path):
    with pytest.raises(ConfigError, match="--workers does nothing"):
        embeddings.embed(odd[0], tmp_path / "v", model="transe", corpus_settings=(), workers=[1])


def test_relations_of_overlays_go_out_and_come_back(tmp_path):
    base = tiny_kb.write(tmp_path / "b", tiny_kb.world())
    whole = artefact.read(base)
    ref = artefact.KbRef(name="tiny", content=whole.content, id_space=whole.id_space)
    more = {"relations": [{"rid": 3, "id": "mine", "label": None}]}
    over = tiny_kb.write(tmp_path / "o", more, name="over", base=ref)
    numbers = np.arange(8, dtype=np.float32).reshape(4, 2)
    vectors.write(tmp_path / "v", [0, 1], numbers[:2], kb=base, relations={"relations": numbers})
    export(tmp_path / "v", tmp_path / "n", format="npy", kbs=[base, over])
    vectors.bring(tmp_path / "n", tmp_path / "back", format="npy", kb=[base, over])
    assert vectors.Vectors(tmp_path / "back").relations()["relations"].tolist() == numbers.tolist()
    with pytest.raises(ArtefactError, match="overlay"):
        export(tmp_path / "v", tmp_path / "m", format="npy", kbs=[base])
