"""The feature `dense`: the cosine of a candidate's vector and that of the text around its mention."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kbtools import linkers
from kbtools.artefact import KbRef
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block
from kbtools.linkers.features import dense
from tests import known_world, tiny_kb
from tests.some_mentions import Said, mentions_of

pytest.importorskip("faiss")

TEXTS = ["a jaguar is a wild cat of South America", "cars of Jaguar have engines, and cities have a Jaguar"]
SAID = [Said(0, "jaguar", [(0, 0.5), (1, 0.5), (99, 0.0)]), Said(1, "Jaguar", [(0, 0.5), (1, 0.5)]),
        Said(1, "Jaguar", [(1, 1.0), (6, 0.0)], nth=1), Said(1, "cars", [(0, 1.0)], kb=1)]  # fmt: skip


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense")
    one = known_world.write(folder / "one", name="known")
    two = tiny_kb.write(folder / "two", tiny_kb.world(), name="tiny")
    linkers.build_index([two, one], folder / "both", kind="dense")
    linkers.build_index(one, folder / "alone", kind="dense")
    return [linkers.open_index(folder / name) for name in ("both", "alone")]


def feature(indexes, kbs, **settings):
    knowledge: Any = SimpleNamespace(indexes=tuple(indexes), kbs=kbs)
    return dense.make(knowledge, dense.Settings(**settings))


def cosine(index, kb, eid, text):
    rows = [row for row in range(len(index)) if (0 if index._kbs is None else index._kbs[row]) == kb
            and index._eids[row] == eid]  # fmt: skip
    if not rows:
        return 0.0
    vector, asked = index.raw[rows[0]].astype(float), np.asarray(index.encoder([text])[0], float)
    return float(vector @ asked / np.linalg.norm(vector) / np.linalg.norm(asked))


@pytest.mark.parametrize("which", [0, 1])
def test_cosines_are_those_of_a_slow_reader(indexes, which, monkeypatch):
    index = indexes[which]
    block = Block(TEXTS)
    mentions = mentions_of(block, SAID)
    known = next(ref for ref in index.kbs if ref.name == "known")
    kbs = [known, next((ref for ref in index.kbs if ref.name == "tiny"), KbRef(name="x", content="x"))]
    place = {ref.name: number for number, ref in enumerate(index.kbs)}
    found = feature([index], kbs)(block, mentions, {})
    wanted = [
        cosine(index, place.get(kbs[one.kb].name, -1), eid, TEXTS[one.text])
        for one in SAID
        for eid, _ in one.candidates
    ]
    assert found.tolist() == pytest.approx(wanted, abs=1e-3)
    assert found[0] > found[1]
    assert found[3] < found[4]
    monkeypatch.setattr(dense, "NUMBERS", 1)
    assert np.array_equal(feature([index], kbs)(block, mentions, {}), found)


def test_long_texts_are_encoded_by_passages(indexes):
    index = indexes[1]
    words = [f"word{number}" for number in range(40)]
    words[5] = words[35] = "jaguar"
    block = Block([" ".join(words), "😀"])
    said = [Said(0, "jaguar", [(0, 1.0)]), Said(0, "jaguar", [(0, 1.0)], nth=1), Said(1, "😀", [(0, 1.0)])]
    found = feature([index], index.kbs, passage=4, whole=12)(block, mentions_of(block, said), {})
    wanted = [cosine(index, 0, 0, " ".join(words[low:high])) for low, high in ((0, 12), (28, 40))]
    assert found.tolist() == pytest.approx([*wanted, 0.0], abs=1e-3)


def test_several_indexes_are_asked_in_turn(indexes):
    block = Block(TEXTS)
    mentions = mentions_of(block, SAID)
    both, alone = indexes
    kbs = [alone.kbs[0], next(ref for ref in both.kbs if ref.name == "tiny")]
    assert feature([alone, both], kbs)(block, mentions, {}).tolist() == pytest.approx(
        feature([both], kbs)(block, mentions, {}).tolist(), abs=1e-3
    )


def test_without_a_dense_index_it_says_what_to_do():
    with pytest.raises(ConfigError, match="--kind dense"):
        feature([], [])
    with pytest.raises(ConfigError, match="passage"):
        dense.Settings(passage=0)
