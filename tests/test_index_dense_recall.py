"""How much a search looks at is settled by what it finds, and said if it never finds enough."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools.linkers import index_summary
from kbtools.linkers.index import dense
from tests import tiny_kb
from tests.test_index_dense import WORDS, animals


class Noise:
    """An encoder whose vectors have no neighbours: what no structure helps to search."""

    name, dim = "noise", 64

    def __call__(self, texts):
        rows = [np.random.default_rng(len(text) + sum(map(ord, text[::2])) * 31) for text in texts]
        found = np.stack([row.standard_normal(self.dim) for row in rows]).astype(np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def kb(tmp_path):
    return tiny_kb.write(
        tmp_path / "kb", animals([f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS])
    )


def test_a_search_looks_at_more_until_enough_is_found(kb, tmp_path):
    settings = dense.Settings(search="ivf-sq8", lists=64, probes=1, recall=0.9, sample=100)
    made = dense.build(kb, tmp_path / "index", settings=settings)
    curve = list(made.notes["by nprobe"].items())
    assert [probes for probes, _ in curve] == ["1", "2", "4", "8"][: len(curve)]
    assert [found for _, found in curve] == sorted(found for _, found in curve)
    assert made.settings["probes"] == int(curve[-1][0])
    assert dense.open_index(tmp_path / "index").settings.probes == int(curve[-1][0])
    assert all(found < 0.9 for _, found in curve[:-1])


def test_what_is_never_enough_is_said(kb, tmp_path):
    settings = dense.Settings(search="ivf-sq8", lists=64, probes=1, recall=1.0, sample=50)
    made = dense.build(kb, tmp_path / "index", settings=settings, encoder=Noise())
    assert made.notes["recall@10"] < 1
    assert "Warning: recall@10 is" in index_summary(made, "index")
