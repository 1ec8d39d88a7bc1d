"""Vectors of descriptions: which texts count, how they become one vector, and with which encoders."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools import vectors  # noqa: E402
from kbtools.errors import ArtefactError, ConfigError, KbError  # noqa: E402
from kbtools.models.embedding import _telling, description  # noqa: E402
from kbtools.vectors import Vectors  # noqa: E402
from tests import encoded_texts, tiny_kb  # noqa: E402


class Letters:
    """How often a, b and c stand in a text."""

    name, dim = "letters", 3

    def __init__(self):
        self.seen = []

    def __call__(self, texts):
        self.seen.append(list(texts))
        return np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)


def said(eid, kind, text, lang="en"):
    return {"eid": eid, "lang": lang, "kind": kind, "text": text, "source": "x"}


@pytest.fixture
def kb(tmp_path):
    """Entity 0 has a label and two glosses, 1 three aliases, 2 a Chinese label, 3 nothing, 4 is gone."""
    entities = [
        tiny_kb.entity(eid, f"E{eid}", label) for eid, label in enumerate(["aaaa", "b", "甲a", None, "a"])
    ]
    entities[0]["description"] = "a c"
    entities[2]["lang"] = "zh"
    entities[4]["flags"] = 1
    tables = {
        "entities": entities,
        "labels": [
            {"eid": 0, "lang": "en", "text": "aaaa"},
            {"eid": 2, "lang": "en", "text": "cc"},
            {"eid": 2, "lang": "zh", "text": "甲a"},
        ],
        "surfaces": [
            {"eid": 1, "text": "c", "lang": "en", "source": "alias"},
            {"eid": 1, "text": "cc", "lang": "en", "source": "alias"},
            {"eid": 1, "text": "ccc", "lang": None, "source": "lemma"},
            {"eid": 1, "text": "aaa", "lang": "en", "source": "anchor"},
        ],
        "descriptions": [
            said(0, "abstract", "abc"),
            said(0, "definition", "bbb"),
            said(0, "gloss", "b"),
            said(0, "short", "a c"),
            said(0, "short", "aaaaaaaaa", "de"),
        ],
    }  # fmt: skip
    return tiny_kb.write(tmp_path / "kb", tables)


def rows(path):
    found = Vectors(path)
    return dict(zip(found.eids().tolist(), np.asarray(found.array, np.float64).tolist(), strict=True))


def embed(kb, *told, encoder=None, out="v", **options):
    return description.embed(kb, kb.parent / out, overrides=told, encoder=encoder or Letters(), **options)


def test_fields_are_averaged_and_then_the_entity(kb):
    made = embed(kb)
    # label 4 0 0, description 1 0 1, glosses (0 3 0 + 0 1 0) / 2
    assert rows(kb.parent / "v") == {0: pytest.approx([5 / 3, 2 / 3, 1 / 3]), 1: [0, 1, 0], 2: [1, 0, 0]}
    assert (made.counts["entities"], made.counts["without a vector"], made.counts["texts"]) == (3, 1, 6)
    assert [ref.name for ref in made.kbs] == ["tiny"]
    assert (made.settings["model"], made.settings["encoder"]) == ("description", "letters")


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (["fields=alias"], {1: [0, 0, 2]}),
        (["fields=label,alias"], {0: [4, 0, 0], 1: [0, 0.5, 1], 2: [1, 0, 0]}),
        (["fields=abstract"], {0: [1, 1, 1]}),
        (["fields=label", "lang=en"], {0: [4, 0, 0], 1: [0, 1, 0], 2: [0, 0, 2]}),
        (["fields=description", "lang=de"], {0: [9, 0, 0]}),
        (["fields=label", "normalise=true"], {0: [1, 0, 0], 1: [0, 1, 0], 2: [1, 0, 0]}),
    ],
)
def test_the_texts_that_are_asked_for_count(kb, told, wanted):
    embed(kb, *told)
    assert rows(kb.parent / "v") == wanted


def test_an_overlay_tells_more_of_its_base(kb):
    manifest = Vectors.__mro__[1](kb).manifest
    base = {"name": "tiny", "content": manifest.content, "id_space": []}
    over = tiny_kb.write(kb.parent / "over", {"descriptions": [said(3, "abstract", "ccc")]}, name="over")
    tiny_kb.edit_manifest(over, base=base)
    description.embed(kb, kb.parent / "v", kbs=[over], overrides=["fields=abstract"], encoder=Letters())
    assert rows(kb.parent / "v") == {0: [1, 1, 1], 3: [0, 0, 3]}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_build_that_broke_off_goes_on_and_blocks_do_not_matter(kb, monkeypatch, size):
    whole = embed(kb, out="whole")
    monkeypatch.setattr(description, "BLOCK", size)

    class Breaking(Letters):
        def __call__(self, texts):
            if self.seen:
                raise KeyboardInterrupt
            return super().__call__(texts)

    first, second = Breaking(), Letters()
    if size < 4:
        with pytest.raises(KeyboardInterrupt):
            embed(kb, encoder=first)
        assert (kb.parent / "v.partial").exists()
    assert embed(kb, encoder=second).content == whole.content
    texts = [text for block in first.seen + second.seen for text in block]
    assert sorted(texts) == ["a c", "aaaa", "b", "b", "bbb", "甲a"]  # none is encoded again


def test_entities_are_not_parted(kb, tmp_path):
    telling_of: dict[str, Any] = {
        "paths": [str(kb)],
        "fields": ["alias", "gloss", "label"],
        "lang": None,
        "memory": None,
    }
    (tmp_path / "work").mkdir()
    _telling.write(tmp_path, **telling_of)
    eids = [block.eid.tolist() for block in _telling.blocks(tmp_path, 2)]
    assert [eid for block in eids for eid in block] == [0, 0, 0, 1, 1, 1, 1, 2]
    assert not any(set(one) & set(two) for one, two in pairwise(eids))


def test_a_model_gives_what_transformers_gives(kb, tmp_path):
    folder = encoded_texts.model(tmp_path / "model")
    description.embed(
        kb, tmp_path / "v", overrides=[f"encoder={folder}", "layers=-1", "pool=mean", "fields=label"]
    )
    slow = encoded_texts.Slow(folder)
    found = rows(tmp_path / "v")
    for eid, text in [(0, "aaaa"), (1, "b"), (2, "甲a")]:
        states = slow.states(text)[-1]
        np.testing.assert_allclose(found[eid], states[1:-1].mean(0), atol=1e-5)
    assert [one.kind for one in Vectors(tmp_path / "v").manifest.inputs] == ["kb", "model", "tokenizer"]


@pytest.fixture
def words(tmp_path):
    texts = ["a", "c", "aaaa", "bbb", "new", "york", "new york"]
    array = np.eye(7, dtype=np.float32)
    vectors.write(
        tmp_path / "words",
        [],
        np.zeros((0, 7), np.float32),
        words=vectors.Words(texts, array),
        settings={"form": "case"},
    )
    return tmp_path / "words"


def test_words_are_averaged_and_a_known_phrase_is_a_word(tmp_path, words):
    entities = [
        tiny_kb.entity(eid, f"E{eid}", text)
        for eid, text in enumerate(["A, c!", "New York", "York (new) zz", "zz", "aaaa"])
    ]
    kb = tiny_kb.write(tmp_path / "kb", {"entities": entities})
    made = description.embed(kb, tmp_path / "v", overrides=[f"words={words}", "numbers=float16"])
    eye = np.eye(7)
    assert rows(tmp_path / "v") == {
        0: [*((eye[0] + eye[1]) / 2)], 1: [*eye[6]], 2: [*((eye[4] + eye[5]) / 2)], 4: [*eye[2]]
    }  # fmt: skip
    assert Vectors(tmp_path / "v").array.dtype == np.float16
    assert made.counts["without a vector"] == 1
    assert str(tmp_path) not in str(made.settings)


def test_what_cannot_be_made_is_refused_in_a_line(kb, tmp_path, words):
    alone = vectors.write(tmp_path / "alone", [0], np.ones((1, 2), np.float32), kb=kb)
    assert alone.kind == "vectors"
    for told, error, what in [
        ([], ConfigError, "one of them is needed"),
        (["encoder=x", f"words={words}"], ConfigError, "only one of them"),
        (["encoder=/nowhere/at/all"], KbError, "/nowhere/at/all"),
        ([f"words={tmp_path / 'none'}"], ArtefactError, "no such artefact"),
        ([f"words={tmp_path / 'alone'}"], ConfigError, "no words"),
        ([f"words={words}", "fields=lable"], ConfigError, "did you mean 'label'"),
        ([f"words={words}", "lang=fr"], ConfigError, "none of its 4 entities has a text"),
    ]:
        with pytest.raises(error, match=what) as found:
            description.embed(kb, tmp_path / "v", overrides=told)
        assert "\n" not in str(found.value)
        assert not (tmp_path / "v").exists()
        assert not (tmp_path / "v.partial").exists()


class Wrong(Letters):
    def __init__(self, made):
        self.made = made

    def __call__(self, texts):
        return self.made(len(texts))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda many: np.full((many, 3), np.nan), "NaN or infinite numbers for eid 0"),
        (lambda many: np.ones((many, 4)), "not rows of 3"),
        (lambda many: np.zeros((many, 3)), "nothing is known of any of 6 texts"),
    ],
    ids=["nan", "width", "nothing"],
)
def test_an_encoder_that_gives_nonsense_is_named(kb, made, told):
    with pytest.raises(ConfigError, match=f"letters.*{told}"):
        embed(kb, encoder=Wrong(made))
