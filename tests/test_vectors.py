"""Vectors of entities: what is written is read, by row and by eid; what is wrong is said in a line."""

from __future__ import annotations

import gc
from itertools import pairwise

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kbtools import about, vectors
from kbtools.artefact import digest, read
from kbtools.errors import ArtefactError, ConfigError
from kbtools.io import tensors
from kbtools.kb.overview import Overview
from kbtools.models.vectors import Lookup, Vectors
from tests import tiny_kb, tiny_vectors

EIDS = tiny_vectors.EIDS


def test_what_is_written_is_read(tmp_path):
    wanted = tiny_vectors.made(tmp_path / "v")
    opened = Vectors.open(tmp_path / "v")
    assert (opened.rows, opened.dim, opened.dtype) == (4, 3, torch.float32)
    assert opened.eids().tolist() == EIDS
    rows = opened.row_of(torch.tensor([0, 9, -1, -2, 5, 4_000_000_000]))
    assert rows.tolist() == [1, 2, -1, -1, -1, -1]
    assert opened.gather(rows[:2]).tolist() == [wanted[0].tolist(), wanted[9].tolist()]
    assert opened.row_of(torch.tensor([[4], [7]])).tolist() == [[0], [3]]
    assert opened.kbs[0].name == "tiny"


def test_the_layout_is_the_one_that_is_told(tmp_path):
    wanted = tiny_vectors.made(tmp_path / "v", kind="float16")
    found = vectors.Vectors(tmp_path / "v")
    assert sorted(file.name for file in (tmp_path / "v").iterdir()) == [
        "ids.parquet", "manifest.json", "vectors.safetensors",
    ]  # fmt: skip
    assert found.table("ids").to_pydict() == {"row": [1, 0, 3, 2], "eid": [0, 4, 7, 9]}
    array = tensors.load(tmp_path / "v" / "vectors.safetensors").arrays["vectors"]
    assert array.dtype == np.float16
    assert array[2].tolist() == wanted[9].tolist()
    assert Vectors.open(tmp_path / "v").gather(torch.tensor([2])).dtype == torch.float16


def test_of_a_knowledge_base(tmp_path):
    kb = tmp_path / "kb"
    tiny_kb.write(kb, tiny_kb.world())
    wanted = read(kb)
    told = {"relations": tiny_vectors.numbers(3, 2), "core": tiny_vectors.numbers(5, 5)}
    made = vectors.write(
        tmp_path / "v", [2, 0], tiny_vectors.numbers(2), kb=kb, relations=told, settings={"scorer": "transe"}
    )
    assert [(one.name, one.content) for one in made.kbs] == [(wanted.name or "", wanted.content)]
    assert [(one.kind, one.content) for one in made.inputs] == [("kb", wanted.content)]
    assert made.settings == {"scorer": "transe", "rows": 2, "dim": 3, "dtype": "float32"}
    assert made.tables["relations"].rows == 3
    found = vectors.Vectors(tmp_path / "v").relations()
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in told.items()
    }


@given(st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=40), st.booleans(), st.data())
def test_the_look_up_is_that_of_a_dict(eids, dense, data):
    eids = [eid % 97 for eid in eids] if dense else eids
    eids = list(dict.fromkeys(eids))
    rows = {eid: row for row, eid in enumerate(eids)}
    asked = data.draw(st.lists(st.sampled_from([-2, -1, 0, 5, 96, 2**32 - 1, *eids])))
    found = Lookup(torch.tensor(eids, dtype=torch.int64))(torch.tensor(asked, dtype=torch.int64))
    assert found.tolist() == [rows.get(eid, -1) for eid in asked]


@pytest.mark.parametrize("cut", [[10], [3, 7], [0, 1, 0, 9]])
def test_bytes_do_not_depend_on_blocks(tmp_path, cut):
    eids, drawn = [*range(10)], tiny_vectors.numbers(10)
    whole = vectors.write(tmp_path / "a", eids, drawn)
    edges = np.cumsum([0, *cut])
    parts = (drawn[low:high] for low, high in pairwise(edges))
    assert vectors.write(tmp_path / "b", eids, parts).content == whole.content
    for name in ("vectors.safetensors", "ids.parquet"):
        assert digest.of_file(tmp_path / "a" / name) == digest.of_file(tmp_path / "b" / name)


def test_none_at_all(tmp_path):
    vectors.write(tmp_path / "v", [], np.zeros((0, 5), np.float32))
    found = Vectors.open(tmp_path / "v")
    assert (found.rows, found.dim) == (0, 5)
    assert found.row_of(torch.tensor([0, -1])).tolist() == [-1, -1]
    assert found.gather(torch.empty(0, dtype=torch.int64)).shape == (0, 5)
    assert about.verify(tmp_path / "v", deep=True).sound


GOOD = tiny_vectors.numbers(2)
WRONG = [
    ([1, 1], GOOD, "eid 1 has two vectors"),
    ([1, -1], GOOD, "numbers from 0"),
    ([1, 2**32], GOOD, "numbers from 0"),
    ([0.5, 1.0], GOOD, "whole numbers"),
    ([1, 2, 3], GOOD, "blocks of 24 bytes"),
    ([1], GOOD, "blocks of 24 bytes"),
    ([1, 2], GOOD.astype(np.float64), "float32 or float16"),
    ([1, 2], GOOD[0], "float32 or float16"),
    ([1, 2], GOOD[:, :0], "float32 or float16"),
    ([1, 2], iter([]), "no block"),
    ([1, 2], iter([GOOD[:1], GOOD[:1, :2]]), r"a block of float32 \(1, 2\)"),
    ([1, 2], iter([GOOD[:1], GOOD[:1].astype(np.float16)]), "a block of float16"),
    ([7, 3], np.array([[1, 2], [1, np.nan]], np.float32), r"row 1 of the vectors \(eid 3\) holds NaN"),
]


@pytest.mark.parametrize(("ids", "given", "said"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_written(tmp_path, ids, given, said):
    with pytest.raises((ConfigError, ArtefactError), match=said) as caught:
        vectors.write(tmp_path / "v", ids, given)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_relations_are_called_so(tmp_path):
    with pytest.raises(ConfigError, match="relations"):
        vectors.write(tmp_path / "v", [1, 2], GOOD, relations={"r": GOOD})


def test_a_truncated_file_is_refused(tmp_path):
    tiny_vectors.made(tmp_path / "v")
    file = tmp_path / "v" / "vectors.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(ArtefactError, match="48 bytes, and there are 43; make it again") as caught:
        Vectors.open(tmp_path / "v")
    assert "\n" not in str(caught.value)


def test_another_kind_is_refused(tmp_path):
    tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    with pytest.raises(ArtefactError, match="a kb artefact, where vectors are wanted"):
        Vectors.open(tmp_path / "kb")


def test_rows_that_there_are_not(tmp_path):
    tiny_vectors.made(tmp_path / "v")
    for row in (-1, 4):
        with pytest.raises(IndexError, match="rows from 0 to 3"):
            Vectors.open(tmp_path / "v").gather(torch.tensor([row]))


def test_one_table_is_mapped_once(tmp_path):
    tiny_vectors.made(tmp_path / "v")
    first = Vectors.open(tmp_path / "v")
    assert Vectors.open(tmp_path / "v") is first
    with pytest.raises(ArtefactError, match="replaced"):
        Vectors.open(tmp_path / "v", "other")


def test_memory_does_not_grow_with_the_table(tmp_path):
    """200 MB, of which half of all rows are read, some at a time."""
    rows, dim = 100_000, 512
    tiny_vectors.stretched(tmp_path / "v", rows, dim)
    opened = Vectors.open(tmp_path / "v")
    opened.row_of(torch.tensor([0]))
    gc.collect()
    before = psutil.Process().memory_info().rss
    for part in torch.arange(0, 4096 * 12).split(1024):
        opened.gather(part)
    assert psutil.Process().memory_info().rss - before < 40 << 20
    for _, _block in opened.blocks(torch.arange(10)):
        pass


def test_what_it_says_of_itself(tmp_path):
    wanted = tiny_vectors.made(tmp_path / "v")
    told = about.describe(tmp_path / "v", rows=2)
    assert isinstance(told, Overview)
    (sample,) = told.samples
    assert sample.columns == ["row", "eid", "length", "0", "1", "2"]
    assert [row[:2] for row in sample.rows] == [[0, 4], [1, 0]]
    assert sample.rows[1][2] == pytest.approx(float(np.linalg.norm(wanted[0])), abs=1e-4)
    assert about.verify(tmp_path / "v", deep=True).sound


def test_what_is_not_sound(tmp_path):
    tiny_vectors.made(tmp_path / "v")
    numbers = tiny_vectors.numbers(4)
    numbers[3, 0] = np.inf
    tiny_vectors.spoilt(tmp_path / "v", tmp_path / "a", array=numbers)
    assert about.verify(tmp_path / "a", deep=True).problems == ["vectors: 1 row with NaN or infinite numbers"]
    tiny_vectors.spoilt(tmp_path / "v", tmp_path / "b", ids=[(0, 4), (1, 4), (2, 9), (3, 7)])
    assert about.verify(tmp_path / "b", deep=True).problems == ["ids: not sorted by eid, each once"]
    tiny_vectors.spoilt(tmp_path / "v", tmp_path / "c", ids=[(0, 0), (1, 4), (1, 7), (3, 9)])
    (said,) = about.verify(tmp_path / "c", deep=True).problems
    assert "do not name each row once" in said
    with pytest.raises(ArtefactError, match="do not name each row once"):
        Vectors.open(tmp_path / "c").row_of(torch.tensor([0]))
