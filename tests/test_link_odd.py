"""Documents that nobody would write, and what is promised of every document: order, groups, probabilities."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import api, artefact, corpus, linkers
from kbtools.errors import KbError
from kbtools.linked.verify import problems
from kbtools.linkers import preset as presets
from tests import tiny_kb, tiny_linking
from tests.tiny_alias import name
from tests.tiny_linking import document, found, rows


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"))


def link(alias, folder, *documents, **options):
    path = tiny_linking.corpus(folder, *documents)
    made = linkers.link(path, folder / "linked", alias=alias, overwrite=True, **options)
    assert list(problems(folder / "linked", ["documents"])) == []
    return rows(folder / "linked"), made


ODD = {
    "nothing": ("", []),
    "a space": (" ", []),
    "emoji": ("😀👩‍👩‍👧‍👦🏳️‍🌈🇫🇷", []),
    "control characters": ("\x00\x01\x1b[31m\x7f\x85", []),
    "a name between control characters": ("\x00 Paris \x00", ["Paris"]),
    "a name after emoji": ("😀😀 Paris 👩‍👩‍👧 中国", ["Paris", "中国"]),
    "astral letters": ("𝒳𠮷 Paris 𠮷中国𠮷", ["Paris", "中国"]),
    "right to left": ("\u202eParis\u202c فرنسا France", ["Paris", "France"]),
    "zero width": ("\u200bParis\u200b, Fra\u200bnce", ["Paris", "Fra\u200bnce"]),
    "combining": ("Pari\u0301s, Paris\u0301", ["Pari\u0301s", "Paris\u0301"]),
    "Windows": ("Paris\r\nFrance\r\n", ["Paris", "France"]),
    "a name over lines": ("New York\nCity", ["New York\nCity"]),
    "other line ends": ("Paris\u2028France\u2029China\x0bNYC\x0c", ["Paris", "France", "China", "NYC"]),
    "a byte order mark": ("\ufeffParis", ["Paris"]),
    "full width": ("ＰＡＲＩＳ Ｃｈｉｎａ", ["ＰＡＲＩＳ", "Ｃｈｉｎａ"]),
    "noncharacters": ("\uffff\ufdd0 Paris", ["Paris"]),
    "private": ("\ue000Paris\U0010ffff", None),
    "one long word": ("Paris" * 5000, []),
    "one character": ("中" * 3000, []),
    "markup": ("<script> Paris </script>&amp;", ["Paris"]),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_texts(case, alias, tmp_path):
    text, wanted = ODD[case]
    (row,), _ = link(alias, tmp_path, {"text": text})
    assert row["text"] == text
    words = [word for word, _ in found(row, 0)]
    if wanted is not None:
        assert words == wanted
    (read,) = [one for batch in corpus.documents(str(tmp_path / "linked")) for one in batch.to_pylist()]
    assert read["text"] == text


def test_half_a_pair_of_surrogates_is_no_text(alias, tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(
        b'{"text": "\\ud800 Paris"}\n{"text": "\\ud83d\\ude00 Paris"}\n{"text": "\xed\xa0\x80"}\n'
    )
    made = linkers.link(path, tmp_path / "linked", alias=alias)
    assert (made.counts["read"], made.counts["rejected"]) == (1, 2)
    (row,) = rows(tmp_path / "linked")
    assert found(row, 0) == [("Paris", 0)]
    assert row["mentions"][0]["start"] == 2


@pytest.mark.parametrize(
    "lang", [None, "", "en", "zh", "zh-Hant", "xx-unknown", "🏳", "\x00", "a" * 5000, "EN"]
)
def test_unknown_languages_are_languages(lang, alias, tmp_path):
    (row,), _ = link(alias, tmp_path, {"text": "Paris 中国", "lang": lang})
    assert found(row, 0) == [("Paris", 0), ("中国", 5)]
    assert row["lang"] == lang


def test_ids_that_are_no_names(alias, tmp_path):
    ids = ["a", "a", "", "\x00", "x" * 10_000, 7, None, "../../etc", "a\tb\n"]
    told, _ = link(alias, tmp_path, *({"id": id_, "text": "Paris"} for id_ in ids))
    assert [row["doc_id"] for row in told] == [
        "a", "a", "corpus.jsonl:3", "\x00", "x" * 10_000, "7", "corpus.jsonl:7", "../../etc", "a\tb\n"
    ]  # fmt: skip
    assert {len(row["mentions"]) for row in told} == {2}


def test_a_hundred_thousand_mentions(alias, tmp_path):
    begun = time.perf_counter()
    (row,), made = link(alias, tmp_path, {"text": "Paris, 中国 " * 34_000})
    assert made.counts["mentions"] == len(row["mentions"]) == 102_000
    assert time.perf_counter() - begun < 60  # nothing in it is quadratic


@pytest.mark.long
@pytest.mark.parametrize("preset", ["prior", "gold"])
def test_ten_megabytes(preset, alias, tmp_path):
    rng = random.Random(1)
    words = ["Paris", "in", "the", "New York City", "word", "lorem", "中国", "é", "NYC Inc."]
    text = " ".join(rng.choices(words, k=1_700_000))
    begun = time.perf_counter()
    (row,), _ = link(alias, tmp_path, document(text, ("Paris", "Q90")), linker=preset)
    assert len(text) > 9e6
    assert row["mentions"]
    assert time.perf_counter() - begun < 300


# what a corpus tells


def told(*mentions, text="Paris, France 😀"):
    return {"text": text, "mentions": [{"kind": "gold", **one} for one in mentions]}


def test_gold_that_overlaps_stays_apart(alias, tmp_path):
    one = told({"start": 0, "end": 13, "id": "Q142"}, {"start": 0, "end": 5, "id": "Q90"},
               {"start": 0, "end": 5, "id": "Q830149"})  # fmt: skip
    (row,), _ = link(alias, tmp_path, one, linker="gold", overlap="all")
    assert found(row, 0)[0] == ("Paris, France", 2)
    assert {eid for _, eid in found(row, 0)} <= {2, 0, 1}
    (row,), _ = link(alias, tmp_path, one, linker="gold", overlap="best")
    places = sorted((m["start"], m["end"]) for m in row["mentions"] if m["kb"] == 0)
    assert all(b <= c for (_, b), (c, _) in pairwise(places))


def test_gold_beyond_the_text_is_rejected(alias, tmp_path):
    one = told({"start": 0, "end": 5, "id": "Q90"}, {"start": 7, "end": 99, "id": "Q142"},
               {"start": 3, "end": 3, "id": "Q142"}, {"start": 5, "end": 2, "id": "Q142"},
               {"start": -2, "end": 2, "id": "Q142"},
               {"start": 1 << 70, "end": 1 << 71, "id": "Q142"})  # fmt: skip
    (row,), made = link(alias, tmp_path, one, linker="gold")
    assert found(row, 0) == [("Paris", 0)]
    assert made.counts["rejected"] == made.tables["rejects"].rows == 5


@pytest.mark.parametrize(("units", "width"), [("bytes", "utf-8"), ("utf-16", "utf-16-le")])
def test_offsets_of_others_are_told_or_found_out(units, width, alias, tmp_path):
    text = "😀 中国 und Paris"
    size = 2 if units == "utf-16" else 1
    before = len(text[: text.index("Paris")].encode(width)) // size
    bare = {"start": before, "end": before + 5, "id": "Q90"}
    (row,), made = link(alias, tmp_path, told(bare, text=text), linker="gold")
    if made.counts["rejected"]:
        assert f"set offsets={units}" in rejects(tmp_path / "linked")
    (row,), made = link(
        alias, tmp_path, told(bare, text=text), linker="gold", corpus_settings=[f"offsets={units}"]
    )
    assert found(row, 0) == [("Paris", 0)]
    (row,), made = link(alias, tmp_path, told({**bare, "surface": "Paris"}, text=text), linker="gold")
    assert found(row, 0) == [("Paris", 0)]


def rejects(linked):
    from kbtools.linked import Linked  # noqa: PLC0415

    return " ".join(row["reason"] for batch in Linked(linked).scan("rejects") for row in batch.to_pylist())


def test_ids_of_another_knowledge_base_are_nil_there(alias, tmp_path):
    one = told({"start": 0, "end": 5, "id": "C0030561", "kb": "umls"},
               {"start": 7, "end": 13, "id": "no such thing"})  # fmt: skip
    (row,), _ = link(alias, tmp_path, one, linker="gold")
    assert {eid for _, eid in found(row)} == {None}
    assert {m["kind"] for m in row["mentions"]} == {"gold"}


def test_numbers_of_another_knowledge_base_mean_nothing(alias, tmp_path):
    """A number beyond the last entity, or of something that is not here, must not be taken for one."""
    one = told({"start": 0, "end": 5, "eid": 10_000, "kb": "places"},
               {"start": 7, "end": 13, "eid": 1, "kb": "umls"})  # fmt: skip
    (row,), _ = link(alias, tmp_path, one, linker="gold")
    assert all(m["eid"] is None or m["eid"] < 7 for m in row["mentions"])
    assert ("France", 1) not in found(row)


# what is promised of every document

LETTERS = ["Paris", "New York", "City", "中国", "NYC", "Inc.", " ", ", ", "\n", "é", "😀", "a", "France"]
TEXTS = st.lists(st.sampled_from(LETTERS), max_size=25).map("".join)
OPTIONS = st.fixed_dictionaries({
    "overlap": st.sampled_from(["best", "all"]),
    "candidates": st.sampled_from(["top5", "none", "all"]),
    "features": st.sampled_from(["none", "all"]),
    "linker": st.sampled_from(["prior", "tagme", "gold"]),
})  # fmt: skip


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A world in which names mean many entities, and entities lead to each other."""
    folder = tmp_path_factory.mktemp("crowd")
    rng = random.Random(4)
    ids = [f"Q{n}" for n in range(60)]
    words = ("Paris", "NYC", "中国", "New York City", "City")
    names = [
        name(eid, word, "anchor", rng.randint(1, 9)) for word in words for eid in rng.sample(range(60), 12)
    ]
    kbs = []
    for called in ("one", "two"):
        triples = [tiny_kb.triple(rng.randrange(60), 0, rng.randrange(60), n) for n in range(200)]
        tables = {"triples": sorted(triples, key=lambda row: (row["head"], row["tail"])),
                  "relations": [{"rid": 0, "id": "P1", "label": "x"}]}  # fmt: skip
        kbs.append(tiny_linking.kb(folder / called, ids, names, called, **tables))
    api.build_alias(kbs, folder / "alias")
    linkers.build_index(kbs, folder / "profile", kind="profile")
    return folder


@settings(max_examples=40)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5), options=OPTIONS, seed=st.integers(0, 99))
def test_every_document_keeps_the_promise(crowd, tmp_path_factory, texts, options, seed):
    folder = tmp_path_factory.mktemp("p")
    rng = random.Random(seed)
    documents = []
    for text in texts:
        spans = [sorted(rng.sample(range(len(text) + 1), 2)) for _ in range(rng.randint(0, 3)) if text]
        kinds, ids = ["gold", "ner", "user"], ["Q1", "Q99", None]
        mentions = [
            {"start": a, "end": b, "kind": rng.choice(kinds), "id": rng.choice(ids)} for a, b in spans
        ]
        documents.append({"text": text, "mentions": mentions})
    told, made = link(crowd / "alias", folder, *documents, indexes=[crowd / "profile"], **options)
    assert [row["text"] for row in told] == texts
    for row in told:
        check(row, options)
    assert made.counts.get("mentions", 0) == sum(len(row["mentions"]) for row in told)


def check(row, options):
    """Contracts of `linked`, in the plainest way."""
    mentions = row["mentions"]
    assert [key(one) for one in mentions] == sorted(key(one) for one in mentions)
    groups: dict[int, Any] = {}
    for at, one in enumerate(mentions):
        place = (one["start"], one["end"])
        assert 0 <= one["start"] < one["end"] <= len(row["text"])
        assert groups.setdefault(one["group"], place) == place
        assert one["parent"] is None or (one["parent"] != at and one["parent"] < len(mentions))
        p = [each["p"] for each in one["candidates"]]
        assert p == sorted(p, reverse=True)
        assert sum(p) + one["nil"] <= 1.001
        assert 0 <= one["p"] <= 1.00001
        assert one["p"] + one["nil"] <= 1.001
        assert len(p) <= {"top5": 5, "none": 0, "all": 1000}[options["candidates"]]
        assert len({each["eid"] for each in one["candidates"]}) == len(p)
        if one["eid"] is not None and p and one["kind"] == "dictionary":
            assert one["eid"] == one["candidates"][0]["eid"]
            assert one["p"] == pytest.approx(p[0], rel=1e-3)
        assert (one["features"] is None) == (options["features"] == "none")
        assert one["features"] is None or len(one["features"]) == len(p)
    assert len(set(groups.values())) == len(groups)
    if options["overlap"] == "best":
        for kb in (0, 1):
            mine = [(one["start"], one["end"]) for one in mentions if one["kb"] == kb]
            assert all(end <= start for (_, end), (start, _) in pairwise(mine))


def key(one):
    return (one["start"], -one["end"], one["kb"])


def test_the_same_bytes_whatever_stands_beside(crowd, tmp_path):
    """A document means the same alone and among others."""
    texts = ["Paris and NYC, City", "中国 Paris", "", "New York City"]
    together, _ = link(crowd / "alias", tmp_path, *({"text": text} for text in texts))
    for text, row in zip(texts, together, strict=True):
        (alone,), _ = link(crowd / "alias", tmp_path, {"text": text})
        assert alone["mentions"] == row["mentions"]


def test_a_preset_that_wants_more_than_there_is_says_so(alias, tmp_path):
    path = tiny_linking.corpus(tmp_path, {"text": "Paris"})
    for preset in presets.PRESETS.names():
        try:
            linkers.link(path, tmp_path / preset, alias=alias, linker=preset)
        except KbError as error:
            told = str(error)
        else:
            told = "" if artefact.read(tmp_path / preset).settings["linker"] == preset else "\n"
        assert "\n" not in told, preset
        assert (tmp_path / preset).exists() == (not told)
        assert not (tmp_path / f"{preset}.partial").exists()
