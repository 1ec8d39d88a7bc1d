"""Hugging Face datasets reads the files as they are."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools.shards.reader import Shards
from kbtools.shards.reading.rows import Rows
from tests import tiny_shards


@pytest.fixture(scope="module")
def datasets():
    found = pytest.importorskip("datasets")
    found.disable_progress_bars()
    return found


@pytest.fixture(scope="module")
def examples():
    return tiny_shards.rows([5, 9, 3, 16, 8, 8, 2])


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_the_same_examples_are_read(datasets, tmp_path, examples, kind):
    folder = tiny_shards.write(tmp_path / "s", {"train": examples, "dev": examples[:2]}, suffix=kind)
    files = {split: str(folder / split / f"*.{kind}") for split in ("train", "dev")}
    found = datasets.load_dataset(kind, data_files=files, cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in found.items()} == {"train": 7, "dev": 2}
    assert found["train"].column_names == Shards(folder).columns
    assert list(found["train"]) == examples
    ours = Rows(Shards(folder))[3]
    theirs = found["train"].with_format("numpy")[3]
    assert np.array_equal(theirs["input_ids"], ours["input_ids"])
    assert np.array_equal(theirs["entities.w.spans"], ours["entities.w.spans"])
