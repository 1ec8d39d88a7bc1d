"""Features are what transformers makes of each text alone, whatever they are encoded with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests import encoded_texts, tiny_encoders  # noqa: E402

TEXTS = (
    "The river rises.",
    "",
    "He lives in Geneva. She was born in 1950, they say!",
    "北京在中国。",
    "a",
    "Li knows " * 4,
)
CLOSE: Any = {"atol": 2e-6, "rtol": 1e-5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return encoded_texts.model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def slow(folder):
    return encoded_texts.Slow(folder)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return encoded_texts.corpus(tmp_path_factory.mktemp("texts"), *TEXTS)


def filled():
    return [(f"d{at}", text) for at, text in enumerate(TEXTS) if text]


@pytest.mark.parametrize("name", tiny_encoders.NAMES)
@pytest.mark.parametrize("pool", ["mean", "cls", "max"])
def test_documents(name, pool, texts, tmp_path):
    folder = encoded_texts.model(tmp_path / "model", name)
    slow = encoded_texts.Slow(folder)
    found = encoded_texts.made(tmp_path, texts, folder, pool=pool, layers="-1,0")
    places, vectors = encoded_texts.rows(found)
    assert places == [(doc, 0, len(text)) for doc, text in filled()]
    how = {"mean": lambda h: h[:, 1:-1].mean(1), "cls": lambda h: h[:, 0], "max": lambda h: h[:, 1:-1].max(1)}
    expected = [how[pool](slow.states(text)[[-1, 0]]).reshape(-1) for _, text in filled()]
    np.testing.assert_allclose(vectors, expected, **CLOSE)
    assert found.manifest.counts["documents without tokens"] == 1


@pytest.mark.parametrize("batch", [1, 40, 4096])
def test_the_batch_changes_nothing_but_rounding(batch, folder, texts, slow, tmp_path):
    _, vectors = encoded_texts.rows(
        encoded_texts.made(tmp_path, texts, folder, pool="tokens", overrides=[f"batch={batch}"])
    )
    expected = np.concatenate([slow.states(text)[-1, 1:-1] for _, text in filled()])
    np.testing.assert_allclose(vectors, expected, **CLOSE)


def test_tokens_say_where_they_stand(folder, texts, tmp_path):
    places, _ = encoded_texts.rows(encoded_texts.made(tmp_path, texts, folder, pool="tokens"))
    assert [place[1:] for place in places if place[0] == "d3"] == [(at, at + 1) for at in range(6)]
    assert "".join(TEXTS[0][low:high] for doc, low, high in places if doc == "d0") == "Theriverrises."


@pytest.mark.parametrize("pool", ["mean", "first", "last", "max", "ends"])
def test_words(pool, folder, texts, slow, tmp_path):
    found = encoded_texts.made(tmp_path, texts, folder, pool=pool, unit="word")
    places, vectors = encoded_texts.rows(found)
    assert [TEXTS[0][low:high] for doc, low, high in places if doc == "d0"] == ["The", "river", "rises", "."]
    how = {
        "mean": lambda h: h.mean(0), "first": lambda h: h[0], "last": lambda h: h[-1],
        "max": lambda h: h.max(0), "ends": lambda h: np.concatenate([h[0], h[-1]]),
    }  # fmt: skip
    expected = []
    for doc, text in filled():
        told = slow.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        states = slow.states(text)[-1]
        for _, low, high in (place for place in places if place[0] == doc):
            pieces = [at for at, (start, end) in enumerate(told) if low <= start < end <= high]
            expected.append(how[pool](states[pieces]))
    np.testing.assert_allclose(vectors, expected, **CLOSE)


def test_sentences_are_run_by_themselves(folder, texts, slow, tmp_path):
    found = encoded_texts.made(tmp_path, texts, folder, unit="sentence")
    places, vectors = encoded_texts.rows(found)
    mine = [TEXTS[2][low:high] for doc, low, high in places if doc == "d2"]
    assert mine == ["He lives in Geneva.", "She was born in 1950, they say!"]
    expected = [slow.states(dict(filled())[doc][low:high])[-1, 1:-1].mean(0) for doc, low, high in places]
    np.testing.assert_allclose(vectors, expected, **CLOSE)


def test_spans_of_links_and_of_meta_each_place_once(folder, slow, tmp_path):
    text = "Li met Bo in Geneva."
    mentions = [
        {"start": 7, "end": 9},
        {"start": 0, "end": 2},
        {"start": 0, "end": 2},
        {"start": 0, "end": 9},
    ]
    told = {"text": text, "mentions": mentions, "meta": {"spans": [[13, 19], [7, 9], [13, 99]]}}
    others = [{"text": text, "meta": {"spans": "none"}}, {"text": "  ", "meta": {"spans": [[0, 1]]}}]
    found = encoded_texts.made(tmp_path, encoded_texts.corpus(tmp_path, told, *others), folder, unit="span")
    places, vectors = encoded_texts.rows(found)
    assert [place[1:] for place in places] == [(0, 9), (0, 2), (7, 9), (13, 19)]
    offsets = slow.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    states = slow.states(text)[-1]
    for (_, low, high), vector in zip(places, vectors, strict=True):
        pieces = [at for at, (start, end) in enumerate(offsets) if low <= start < end <= high]
        np.testing.assert_allclose(vector, states[pieces].mean(0), **CLOSE)
    counts = found.manifest.counts
    assert counts["spans outside of their text"] == 1
    assert counts["spans without tokens"] == 1
    assert counts["documents whose meta has other spans"] == 1


def test_layers_are_joined_as_asked(folder, texts, slow, tmp_path):
    states = np.stack([slow.states(text)[:, 1:-1].mean(1) for _, text in filled()], axis=1)  # [L + 1, N, H]
    asked = {
        "mean": (["join=mean"], states[1:].mean(0)),
        "sum": (["join=sum"], states[1:].sum(0)),
        "weighted": (["join=mean", "weights=3,1"], (3 * states[1] + states[2]) / 4),
        "one": (["join=sum", "weights=2,0"], 2 * states[1]),
        "concat": ([], np.concatenate([states[1], states[2]], axis=-1)),
        "half": (["numbers=float16"], np.concatenate([states[1], states[2]], axis=-1).astype(np.float16)),
    }
    for name, (overrides, expected) in asked.items():
        found = encoded_texts.made(tmp_path, texts, folder, name, layers="1:", overrides=overrides)
        close = {"atol": 2e-3} if name == "half" else CLOSE
        np.testing.assert_allclose(found.array, expected, err_msg=name, **close)
        assert found.array.dtype == (np.float16 if name == "half" else np.float32)


def test_bf16_is_near(folder, texts, tmp_path):
    exact = encoded_texts.made(tmp_path, texts, folder).array
    near = encoded_texts.made(tmp_path, texts, folder, "near", overrides=["precision=bf16"]).array
    assert 0 < np.abs(exact - near).max() < 0.1
