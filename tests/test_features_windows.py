"""Long texts in windows: each token once, from where it is most central."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools.models.features import stage  # noqa: E402
from kbtools.models.features.windows import of_spans, of_texts, slices, windows  # noqa: E402
from tests import encoded_texts  # noqa: E402
from tests.encoded_texts import WINDOW  # noqa: E402

LONG = " ".join(f"word {at} of Geneva" for at in range(60)) + "."
CLOSE: Any = {"atol": 2e-6, "rtol": 1e-5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return encoded_texts.model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def slow(folder):
    return encoded_texts.Slow(folder)


@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.9])
def test_a_long_text(overlap, folder, slow, tmp_path):
    texts = encoded_texts.corpus(tmp_path, "Li.", LONG, "Bo.")
    asked = [f"overlap={overlap}"]
    step = max(1, WINDOW - int(WINDOW * overlap))
    expected, firsts = slow.windows(LONG, WINDOW, step)
    places, vectors = encoded_texts.rows(
        encoded_texts.made(tmp_path, texts, folder, pool="tokens", overrides=asked)
    )
    mine = [at for at, place in enumerate(places) if place[0] == "d1"]
    np.testing.assert_allclose(vectors[mine], expected, **CLOSE)
    whole = encoded_texts.made(tmp_path, texts, folder, "whole", overrides=asked)
    np.testing.assert_allclose(whole.array[1], expected.mean(0), **CLOSE)
    assert whole.manifest.counts["texts in several windows"] == 1
    most = encoded_texts.made(tmp_path, texts, folder, "max", pool="max", overrides=asked)
    np.testing.assert_allclose(most.array[1], expected.max(0), **CLOSE)
    first = encoded_texts.made(tmp_path, texts, folder, "cls", pool="cls", overrides=asked).array[1]
    states = np.stack([state for state, _ in firsts])
    assert (states.min(0) - 1e-6 <= first).all()
    assert (first <= states.max(0) + 1e-6).all()


def test_a_block_in_parts_is_the_same(folder, tmp_path, monkeypatch):
    texts = encoded_texts.corpus(tmp_path, LONG, {"text": LONG, "mentions": [{"start": 0, "end": len(LONG)}]})
    ways = [{"pool": "tokens"}, {"unit": "word"}, {"unit": "span"}, {"unit": "document"}]
    whole = [encoded_texts.made(tmp_path, texts, folder, f"w{at}", **way) for at, way in enumerate(ways)]
    monkeypatch.setattr(stage, "AT_ONCE", 1 << 13)
    monkeypatch.setattr(stage, "GROUP", 1 << 10)
    for at, way in enumerate(ways):
        parts = encoded_texts.made(tmp_path, texts, folder, f"p{at}", **way)
        assert parts.places.equals(whole[at].places)
        np.testing.assert_allclose(parts.array, whole[at].array, **CLOSE)
    assert whole[2].manifest.counts["spans cut by a window"] == 1


LENGTHS = st.lists(st.integers(1, 40), max_size=6)


@given(LENGTHS, st.integers(2, 12), st.data())
def test_every_token_is_one_windows_own(lengths, size, data):
    step = data.draw(st.integers(1, size))
    ends = np.cumsum(lengths, dtype=np.int64)
    texts = np.stack([ends - np.array(lengths, np.int64), ends], axis=1)
    found = windows(texts, size, step)
    tokens = [at for low, high in zip(found.low, found.high, strict=True) for at in range(low, high)]
    assert tokens == list(range(sum(lengths)))
    assert (found.start <= found.low).all()
    assert (found.high <= found.stop).all()
    assert ((found.stop - found.start) == np.minimum(size, np.array(lengths)[found.text])).all()
    middle = (found.start + found.stop) / 2
    for window in range(len(found.text)):
        rivals = np.flatnonzero(found.text == found.text[window])
        for token in range(found.low[window], found.high[window]):
            assert abs(token + 0.5 - middle[window]) == min(abs(token + 0.5 - middle[rivals]))
    assert of_texts(found).cut == 0
    if lengths:
        spans = np.sort(
            np.array(
                data.draw(st.lists(st.tuples(*[st.integers(0, lengths[0])] * 2), max_size=5)), np.int64
            ).reshape(-1, 2),
            axis=1,
        )
        spans = spans[spans[:, 0] < spans[:, 1]]
        places = of_spans(found, spans)
        assert (places.start < places.stop).all()
        kept = (places.start == spans[:, 0]) & (places.stop == spans[:, 1])
        assert places.cut == (~kept).sum()
        assert kept[spans[:, 1] - spans[:, 0] <= (size - step) // 2].all()


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 8))
def test_places_are_divided_at_changes_of_the_window(steps, most):
    window = np.cumsum(steps, dtype=np.int64)
    places = of_texts(windows(np.zeros((0, 2), np.int64), 4, 2))._replace(unit=window, window=window)
    found = slices(places, most)
    assert found[0][0] == 0
    assert found[-1][1] == len(steps)
    for (_, one), (other, _) in pairwise(found):
        assert one == other
        assert window[one - 1] != window[one]
    for low, high in found:
        assert high - low <= most or len(set(window[low:high])) == 1
