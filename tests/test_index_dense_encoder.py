"""The encoder that needs no model, against a slow oracle; vectors in halves; what a template leaves out."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import text as forms
from kbtools.alias import hashing
from kbtools.linkers.index.dense.hashing_encoder import HashingEncoder
from kbtools.linkers.index.dense.template import without
from kbtools.linkers.index.dense.vectors import widen


def slowly(text: str, dim: int) -> np.ndarray:
    norm = forms.normalise(text, forms.BARE) or forms.normalise(text, forms.FOLDED)
    padded = f" {norm} "
    features: Counter[str] = Counter()
    for size in (2, 3, 4):
        for at in range(len(padded) - size + 1):
            gram = padded[at : at + size]
            if " " not in gram[1:-1] and gram.count(" ") < size - 1:
                features[gram] += 1
    features.update(char for char in padded if ord(char) >= 0x2E80)
    for word in norm.split(" "):
        features[word] += 2 if word else 0
    made = np.zeros(dim)
    for feature, count in features.items():
        value = int(hashing.of_strings(pa.array([feature]))[0]) if count else 0
        made[(value >> 32) % dim] += -count if value & 1 else count
    length = np.sqrt((made * made).sum())
    return (made / (length or 1)).astype(np.float32)


TEXTS = st.text(st.sampled_from("ab cABÉ水果 .-!\ud800"), max_size=12) | st.text(max_size=12)


@given(st.lists(TEXTS, max_size=8), st.sampled_from([1, 7, 384]))
@settings(max_examples=60)
def test_it_is_what_it_says(texts, dim):
    found = HashingEncoder(dim)(texts)
    assert found.dtype == np.float32
    assert found.shape == (len(texts), dim)
    for row, text in zip(found, texts, strict=True):
        assert row.tolist() == slowly(text, dim).tolist()


def test_known_texts_are_near_each_other():
    encoder = HashingEncoder()
    near = encoder(["Barack Obama", "obama barack", "Barak Obama", "Angela Merkel", "北京大学", "北京 大學"])
    scores = near @ near.T
    assert scores[0, 1] > 0.9
    assert scores[0, 2] > 0.6
    assert scores[0, 3] < 0.2
    assert scores[4, 5] == pytest.approx(1)


def test_its_name_tells_its_width():
    assert (HashingEncoder(8).name, HashingEncoder(8).dim) == ("hashing-1-8", 8)


def test_long_texts_do_not_change_their_neighbours():
    encoder = HashingEncoder(64)
    texts = ["fox", "owl " * 50_000, "elk"] * 2
    assert (encoder(texts)[[0, 2]] == encoder(["fox", "elk"])).all()


def test_every_finite_half_is_widened_exactly():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    assert widen(halves).tobytes() == halves.astype(np.float32).tobytes()


@pytest.mark.parametrize(
    ("template", "missing", "left"),
    [
        ("{label} ({types}): {description}", "types", "L: D"),
        ("{label} ({types}): {description}", "types description", "L"),
        ("{label} ({types}): {description}", "label", "(T): D"),
        ("{label} ({types}): {description}", "label types", "D"),
        ("{label} ({types}): {description}", "", "L (T): D"),
        ("{label}（{types}）：{description}", "types", "L：D"),
        ("a {label} is [{types}, {types}]", "types", "a L is [, ]"),
        ("{label}", "", "L"),
    ],
)
def test_what_is_missing_takes_its_brackets_along(template, missing, left):
    values = {"label": "L", "types": "T", "description": "D"}
    pieces = without(template, set(missing.split()))
    assert "".join(text + (values[part] if part else "") for text, part in pieces) == left
