"""Pairs of words: which are true, and which false ones are found for them."""

from __future__ import annotations

import gzip
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import api, config
from kbtools.errors import ConfigError
from kbtools.kb.reader import Kb, gather
from kbtools.shards.base import Here
from kbtools.shards.layouts import _choosing, _neighbours, _pairs, _word_vectors, lexical
from kbtools.shards.layouts.lexical import LAYOUT, Settings
from tests import tiny_kb
from tests.layout_tokens import read, tokenizer
from tests.tiny_kb import triple

WORDS = ["car", "auto", "road", "street", "way", "new", "york", "vehicle"]


def kb(folder: Path, sets: list[list[str]], above: list[tuple[int, int]] = [], name: str = "words") -> Path:  # noqa: B006
    """Write synsets with their lemmas, and which is above which."""
    surfaces = [
        {"eid": eid, "text": word, "lang": "en", "source": "lemma"}
        for eid, words in enumerate(sets)
        for word in words
    ]
    tables = {
        "entities": [
            tiny_kb.entity(eid, f"{eid:08}-n", None) | {"kind": "synset"} for eid in range(len(sets))
        ],
        "relations": [{"rid": 0, "id": "hypernym"}, {"rid": 1, "id": "antonym"}],
        "surfaces": sorted(surfaces, key=lambda row: str(row["text"])),
        "triples": [triple(low, 0, high, number) for number, (low, high) in enumerate(sorted(above))],
    }
    return tiny_kb.write(folder, tables, name=name)


def made(folder: Path, kbs: list[Path], *overrides: str, **more: Any) -> tuple[list[dict[str, Any]], Here]:
    folder.mkdir(exist_ok=True)
    here = Here(
        tokenizer=tokenizer(folder, WORDS),
        max_length=32,
        bases=dict(enumerate(gather(kbs))),
        folder=folder,
        **more,
    )
    settings = config.build(Settings, where="lexical", overrides=overrides)
    parts = LAYOUT.parts([], settings, here)
    found = [one for part in parts for one in LAYOUT.examples(part, settings, here)]
    keys = np.concatenate([one.key for one in found])
    assert len(np.unique(keys)) == len(keys) == sum(one.batch.num_rows for one in found)
    split = np.concatenate([one.split for one in found]).tolist()
    rows = pa.Table.from_batches([one.batch for one in found], lexical.SCHEMA).to_pylist()
    return [row | {"split": at} for row, at in zip(rows, split, strict=True)], here


def pairs(rows: list[dict[str, Any]], *labels: str) -> set[tuple[str, ...]]:
    names = ("lexical.a", "lexical.b", "lexical.relation")
    return {tuple(row[name] for name in names) for row in rows if row["lexical.relation"] in labels}


def unordered(rows: list[dict[str, Any]], *labels: str) -> Counter[frozenset[str]]:
    return Counter(frozenset(pair[:2]) for pair in pairs(rows, *labels))


def test_true_pairs(tmp_path: Path) -> None:
    sets = [["car", "Auto", "auto"], ["motor_vehicle", "vehicle"], ["Road"], ["road"], ["way", "street"]]
    rows, here = made(tmp_path / "w", [kb(tmp_path / "kb", sets, [(0, 1), (2, 3)])])
    words = [("car", "auto"), ("motor vehicle", "vehicle"), ("way", "street")]
    assert unordered(rows, "syn") == {frozenset(pair): 1 for pair in words}
    assert pairs(rows, "hyp") == {
        (low, high, "hyp") for low in ("car", "auto") for high in ("motor vehicle", "vehicle")
    }
    assert here.counts["pairs: true"] == 7
    assert {row["lexical.source"] for row in rows} == {"words", "near"}
    assert all(row["lexical.label"] == (row["lexical.relation"] != "none") for row in rows)


def test_both_synonyms_and_above(tmp_path: Path) -> None:
    """A pair that is both comes once; a pair above each other in two ways comes twice."""
    sets = [["car", "auto"], ["car"], ["auto"], ["road"], ["way"], ["way"], ["road"]]
    rows, _ = made(tmp_path / "w", [kb(tmp_path / "kb", sets, [(1, 2), (3, 4), (5, 6)])])
    assert unordered(rows, "syn") == {frozenset(["car", "auto"]): 1}
    assert pairs(rows, "hyp") == {("road", "way", "hyp"), ("way", "road", "hyp")}


def test_the_example_of_two_pairs(tmp_path: Path) -> None:
    vectors = tmp_path / "words.vec"
    vectors.write_text("4 2\ncar 1 0\nauto .98 .2\nroad .8 .6\nstreet .7 .7\n")
    sets = [["car", "auto"], ["road", "street"]]
    rows, here = made(tmp_path / "w", [kb(tmp_path / "kb", sets)], f"vectors={vectors}", "batch=2")
    assert pairs(rows, "none") == {
        ("car", "road", "none"), ("auto", "road", "none"), ("road", "auto", "none"),
        ("street", "auto", "none")
    }  # fmt: skip
    assert here.counts["pairs: false"] == 2 * here.counts["pairs: true"]


def test_tokens(tmp_path: Path) -> None:
    rows, here = made(
        tmp_path / "w", [kb(tmp_path / "kb", [["New York", "car"], ["road", "way"]])], "both=true"
    )
    row = next(row for row in rows if (row["lexical.a"], row["lexical.b"]) == ("new york", "car"))
    assert read(here.tokenizer, row["input_ids"]) == "[CLS] new york [SEP] car [SEP]"
    assert row["segment"] == [0, 0, 0, 0, 1, 1]
    assert len(pairs(rows, "syn")) == 4


def test_words_that_are_too_long(tmp_path: Path) -> None:
    rows, here = made(tmp_path / "w", [kb(tmp_path / "kb", [["q" * 40, "car"], ["road", "way"]])])
    assert not any("q" * 40 in (row["lexical.a"], row["lexical.b"]) for row in rows)
    assert here.counts["pairs too long"] > 0


def test_words_without_vectors_are_never_near(tmp_path: Path) -> None:
    vectors = tmp_path / "words.vec.gz"
    vectors.write_bytes(gzip.compress(b"Car 1 0\nauto 1 .1\nnew 0 1\nyork .5 1\nroad 0 1\n"))
    rows, here = made(
        tmp_path / "w", [kb(tmp_path / "kb", [["car", "auto"], ["street", "way"], ["new york", "road"]])],
        f"vectors={vectors}",
    )  # fmt: skip
    false = pairs(rows, "none")
    assert not {"street", "way"} & {word for pair in false for word in pair[:2]}
    assert ("car", "new york", "none") in false
    assert here.counts["words without a near one"] == 2


def test_splits_hold_pairs_together(tmp_path: Path) -> None:
    sets = [[f"word {n}", f"other {n}"] for n in range(300)]
    rows, _ = made(tmp_path / "w", [kb(tmp_path / "kb", sets)], "both=true", shares=(0.5, 0.3, 0.2))
    of: dict[frozenset[str], set[int]] = {}
    for row in rows:
        if row["lexical.label"]:
            of.setdefault(frozenset([row["lexical.a"], row["lexical.b"]]), set()).add(row["split"])
    assert len(of) == 300
    assert {len(splits) for splits in of.values()} == {1}
    assert set.union(*of.values()) == {0, 1, 2}


def test_parts_and_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kb(tmp_path / "kb", [[f"word{n}", f"term{n}", f"name{n % 50}"] for n in range(200)])
    whole, _ = made(tmp_path / "w", [path], "batch=8", seed=5)
    monkeypatch.setattr(lexical, "TASK", 20)
    monkeypatch.setattr(_neighbours, "AT_ONCE", 1)
    parted, _ = made(tmp_path / "v", [path], "batch=8", seed=5)
    assert sorted(map(str, parted)) == sorted(map(str, whole))
    other, _ = made(tmp_path / "u", [path], "batch=8", seed=6)
    assert unordered(other, "syn") == unordered(whole, "syn")
    assert unordered(other, "none") != unordered(whole, "none")


@given(st.integers(0, 10_000))
def test_near_is_as_brute_force_finds_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    terms, count, size = int(rng.integers(4, 30)), int(rng.integers(1, 25)), int(rng.integers(2, 9))
    first = rng.integers(0, terms, count)
    second = (first + rng.integers(1, terms, count)) % terms
    vectors = rng.integers(-2, 3, (terms, 3)).astype(np.float32)  # some are zeros, many are equally near
    known = np.unique(_neighbours.codes(first, second, terms))
    found = _neighbours.near(first, second, known, vectors, size)
    positive = {frozenset(pair) for pair in zip(first.tolist(), second.tolist(), strict=True)}
    for at in range(count):
        low = at // size * size
        words = sorted({*first[low : low + size].tolist(), *second[low : low + size].tolist()})
        for word, partner, mine in ((first, second, found.of_first), (second, first, found.of_second)):
            own, other = int(word[at]), int(partner[at])
            best = [
                (-round(cosine(vectors[own], vectors[one]), 6), one)
                for one in words
                if vectors[own].any()
                and one not in (own, other)
                and frozenset([own, one]) not in positive
                and vectors[one].any()
            ]
            assert mine[at] == (min(best)[1] if best else -1)


def cosine(one: Any, other: Any) -> float:
    a, b = one.astype(np.float64), other.astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_vectors_of_letters() -> None:
    terms = pa.array(["running", "runner", "北京大学", "a", ""])
    found = _word_vectors.of_letters(terms)
    assert (found[:1] == _word_vectors.of_letters(terms[:1])).all()
    assert cosine(found[0], found[1]) > 0.3 > cosine(found[0], found[2])
    assert np.abs(found).sum(axis=1).tolist()[3:] == [1, 0]  # <a> alone; of <> there is no run of three


def test_bad_vectors(tmp_path: Path) -> None:
    file = tmp_path / "bad.vec"
    for text, what in (
        ("car 1 x\n", "bad.vec:1: no vector"),
        ("car 1 2\nauto 1\n", ":2: no vector of 2"),
        ("x 1\n", "has none of"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=what):
            _word_vectors.read(file, pa.array(["auto", "car"]))
    with pytest.raises(ConfigError, match="cannot be read"):
        _word_vectors.read(tmp_path / "gone.vec", pa.array(["car"]))


def test_bad_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lexical.batch is 1"):
        config.build(Settings, where="lexical", overrides=["batch=1"])
    with pytest.raises(ConfigError, match="no two words of one meaning"):
        made(tmp_path / "w", [kb(tmp_path / "kb", [["car", "auto"]])], "names=title")


def test_sets_with_very_many_words(tmp_path: Path) -> None:
    rows, here = made(
        tmp_path / "w", [kb(tmp_path / "kb", [["car", "auto"], ["road", "way", "street"]])], "most=2"
    )
    assert unordered(rows, "syn") == {frozenset(["car", "auto"]): 1}
    assert here.counts["sets of too many words"] == 1


def test_wordnet(realdata: Path, tmp_path: Path) -> None:
    """Pairs of a real WordNet are what its own tables say, counted by a slow reader."""
    api.ingest("wordnet", [realdata / "wordnet/princeton-3.0"], tmp_path / "kb")
    here = Here(
        tokenizer=tokenizer(tmp_path, []),
        max_length=512,
        bases=dict(enumerate(gather([tmp_path / "kb"]))),
        folder=tmp_path,
    )
    parts = LAYOUT.parts([], Settings(), here)
    found = _pairs.load(tmp_path / _choosing.ROOM)
    words: dict[int, set[str]] = {}
    for row in Kb(tmp_path / "kb").table("surfaces", ["eid", "text", "source"]).to_pylist():
        if row["source"] == "lemma":
            words.setdefault(row["eid"], set()).add(row["text"].lower())
    synonyms = {frozenset(pair) for one in words.values() for pair in itertools.combinations(one, 2)}
    terms = found.terms.to_pylist()
    told = [frozenset([terms[a], terms[b]]) for a, b in zip(found.first, found.second, strict=True)]
    assert len(told) > 400_000
    assert {pair for pair, kind in zip(told, found.kind, strict=True) if kind == _pairs.SYNONYMS} == synonyms
    true, some = set(told), next(LAYOUT.examples(parts[0], Settings(), here)).batch.to_pylist()
    for row in some:
        assert row["lexical.label"] == (frozenset([row["lexical.a"], row["lexical.b"]]) in true)
    assert here.counts["pairs: false"] == 2 * here.counts["pairs: true"]
