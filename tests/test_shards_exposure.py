"""What examples show of a knowledge base: the same as looking at each, and counts checked by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kbtools import artefact
from kbtools.artefact import KbRef
from kbtools.cli.main import main
from kbtools.errors import ArtefactError
from kbtools.metrics.cooccurrence import Pairs, keys_of
from kbtools.shards import cues, exposed
from kbtools.shards.cues import Cues
from kbtools.shards.exposed import Exposed, Facts
from kbtools.shards.exposure import exposure
from tests import tiny_kb
from tests.shown_facts import VOCABULARY, batch, row, tokenizer, write

# the facts of the tiny world: Adams (1) is a human (0), Berlin (3) a city (5), in the country Germany (4)
ROWS = [
    row("[CLS] x is in the country y z [SEP]", [(1, 2, [3], 3), (6, 7, [4, 0], -1)]),  # Berlin, Germany: cue
    row("[CLS] x y [SEP]", [(1, 2, [3], 3), (2, 3, [4], 4)]),  # no cue
    row("[CLS] x country ##place y [SEP]", [(1, 2, [3], 3), (4, 5, [4], 4)]),  # no word: goes on
    row("[CLS] country y [SEP]", [(1, 2, [3], 3), (2, 3, [4], 4)]),  # the word is Berlin's own
    row("[CLS] x is y [SEP]", [(1, 2, [3], 3), (3, 4, [4], -2)]),  # what y means is in no knowledge base
    row("[CLS] x the instance of y [SEP]", [(1, 2, [5, 0], -1), (5, 6, [3], 3)]),
    row("[CLS] country [SEP]"),
    row("[CLS] x [SEP]", [(1, 2, [], -1)]),
]


def world(tmp_path: Path) -> Path:
    tables = tiny_kb.world()
    described = tiny_kb.entity(6, "P17", "country", kind="property")
    tables["entities"].append(described)
    tables["labels"].append({"eid": 6, "lang": "zh", "text": "国家"})
    return tiny_kb.write(tmp_path / "kb", tables)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write(tmp_path / "shards", world(tmp_path), ROWS, made_by=tokenizer(tmp_path / "tokenizer"))


def test_counts_by_hand(shards):
    (found,) = exposure(shards)
    assert (found.kb, found.table, found.examples, found.tokens) == ("tiny", "train", 8, 41)
    kinds, countries = found.relations
    assert (kinds.id, kinds.label, kinds.triples, kinds.never, kinds.few, kinds.many) == (
        "P31",
        "instance of",
        2,
        1,
        1,
        0,
    )
    assert (kinds.together, kinds.with_cue, kinds.cues) == (1, 1, ["instance"])
    assert (countries.triples, countries.never, countries.together, countries.with_cue) == (1, 0, 4, 1)
    assert countries.cues == ["country", "国家"]
    (most,) = countries.most
    assert (most.head, most.head_label, most.tail, most.together, most.with_cue) == (
        "Q64",
        "柏林",
        "Q183",
        4,
        1,
    )
    assert [(one.head, one.together) for one in kinds.most] == [("Q64", 1)]
    assert [(one.head, one.together) for one in kinds.least] == [("Q42", 0)]


def test_how_near_a_cue_must_be(shards, tmp_path):
    rows = [
        row("country" + " z" * gap + " x y", [(gap + 1, gap + 2, [3], 3), (gap + 2, gap + 3, [4], 4)])
        for gap in range(5)
    ]
    rows += [row("x y" + " z" * gap + " country", [(0, 1, [4], 4), (1, 2, [3], 3)]) for gap in range(5)]
    folder = write(
        tmp_path / "near", tmp_path / "kb", rows, made_by=tmp_path / "tokenizer" / "tokenizer.json"
    )
    for near in range(4):
        (found,) = exposure(folder, near=near)
        assert found.relations[1].with_cue == 2 * near


def test_chinese_cues_are_found_within_words(shards, tmp_path):
    rows = [
        row("x 在 国 家 的 y", [(0, 1, [3], 3), (5, 6, [4], 4)]),
        row("x 国 的 家 y", [(0, 1, [3], 3), (4, 5, [4], 4)]),
    ]
    folder = write(tmp_path / "zh", tmp_path / "kb", rows, made_by=tmp_path / "tokenizer" / "tokenizer.json")
    (found,) = exposure(folder)
    assert (found.relations[1].together, found.relations[1].with_cue) == (2, 1)


def test_without_the_tokenizer_no_cues(shards, tmp_path):
    (tmp_path / "tokenizer" / "tokenizer.json").rename(tmp_path / "moved.json")
    (found,) = exposure(shards)
    assert found.relations[1].together == 4
    assert found.relations[1].with_cue == 0
    assert "tokenizer" in found.notes[0]
    (again,) = exposure(shards, tokenizer=tmp_path / "moved.json")
    assert (again.relations[1].with_cue, again.notes) == (1, [])


def test_shards_of_another_knowledge_base_or_without_entities(shards, tmp_path):
    (tmp_path / "kb").rename(tmp_path / "elsewhere")
    with pytest.raises(ArtefactError, match="pass --kb KB"):
        exposure(shards)
    assert exposure(shards, [tmp_path / "elsewhere"])[0].examples == 8
    with pytest.raises(ArtefactError, match="shards"):
        exposure(tmp_path / "elsewhere")


def test_relations_of_several_overlays_are_told_apart(shards, tmp_path):
    base = artefact.read(tmp_path / "kb")
    refers = KbRef(name="tiny", content=base.content, id_space=base.id_space)
    overlays = [
        tiny_kb.write(
            tmp_path / label,
            {
                "relations": [{"rid": 3, "id": f"X-{label}", "label": label}],
                "triples": [tiny_kb.triple(head, 3, 4, 9), tiny_kb.triple(head, 1, 5, 10)],
            },
            name=label, base=refers,
        )
        for head, label in ((3, "river"), (0, "born"))
    ]  # fmt: skip
    (found,) = exposure(shards, [tmp_path / "kb", *overlays])
    told = {one.id: (one.label, one.triples, one.together) for one in found.relations}
    assert told["X-river"] == ("river", 1, 4)
    assert told["X-born"] == ("born", 1, 0)
    assert told["P17"] == ("country", 3, 5)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command(shards, tmp_path, as_json):
    asked = [
        "inspect",
        str(shards),
        "--exposure",
        "--kb",
        str(tmp_path / "kb"),
        *(["--json"] if as_json else []),
    ]
    run = CliRunner().invoke(main, asked)
    assert run.exit_code == 0, run.output
    if as_json:
        (found,) = json.loads(run.stdout)
        assert [one["id"] for one in found["relations"]] == ["P31", "P17"]
    else:
        assert "instance of" in run.stdout
        assert "8 examples" in run.stdout


# --- the same as looking at each example ------------------------------------------------------------------

WORD = st.sampled_from(["x", "y", "country", "place", "##place", "国", "家", "of"])
FACT = st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 4))
CUES: list[tuple[int, bool, tuple[str, ...]]] = [
    (0, True, ("country",)), (1, True, ("place",)), (1, True, ("place", "##place")), (2, False, ("国", "家")),
    (2, False, ("国",)), (1, True, ("country",)),
]  # fmt: skip


@st.composite
def example(draw: Any) -> dict[str, Any]:
    tokens = ["[CLS]", *draw(st.lists(WORD, min_size=1, max_size=14)), "[SEP]"]
    mentions = []
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(1, len(tokens) - 2))
        end = draw(st.integers(start + 1, min(start + 3, len(tokens) - 1)))
        eids = draw(st.lists(st.integers(0, 4), max_size=2))
        mentions.append((start, end, eids, draw(st.sampled_from([-2, -1, -1, 0, 1, 2, 3, 4]))))
    return row(" ".join(tokens), sorted(mentions))


def facts_of(triples: list[tuple[int, int, int]]) -> Facts:
    apart = sorted(
        {one for one in triples if one[0] != one[2]},
        key=lambda t: (min(t[0], t[2]), max(t[0], t[2]), t[1], t[0]),
    )
    head, relation, tail = (np.array([one[at] for one in apart], np.uint32) for at in range(3))
    keys, begins = np.unique(keys_of(head, tail), return_index=True)
    return Facts(head, relation, tail, Pairs(keys), np.append(begins, len(apart)), 0)


def looked_at(rows: list[dict[str, Any]], facts: Facts, near: int) -> tuple[list[int], list[int]]:
    """Count by looking at every example, every fact, every two mentions and every token."""
    together, with_cue = [0] * len(facts.head), [0] * len(facts.head)
    patterns = [(relation, whole, [VOCABULARY[word] for word in words]) for relation, whole, words in CUES]
    for one in rows:
        ids, opens = one["input_ids"], [*one["word_start"], True]
        means = [
            gold if gold != -1 else (eids[0] if eids else -1)
            for eids, gold in zip(one["entities.tiny.eids"], one["entities.tiny.gold"], strict=True)
        ]
        spans = one["entities.tiny.spans"]
        hits = {
            (relation, at)
            for relation, whole, wanted in patterns
            for at in range(len(ids) - len(wanted) + 1)
            if ids[at : at + len(wanted)] == wanted and (not whole or (opens[at] and opens[at + len(wanted)]))
        }
        for number, fact in enumerate(
            zip(facts.head.tolist(), facts.relation.tolist(), facts.tail.tolist(), strict=True)
        ):
            pairs = [
                (a, b) for a, one_eid in zip(spans, means, strict=True) if one_eid == fact[0]
                for b, other in zip(spans, means, strict=True) if other == fact[2]
            ]  # fmt: skip
            together[number] += bool(pairs)
            with_cue[number] += any(
                (fact[1], at) in hits and not (a[0] <= at < a[1]) and not (b[0] <= at < b[1])
                for a, b in pairs
                for at in range(max(0, min(a[0], b[0]) - near), min(len(ids), max(a[1], b[1]) + near))
            )
    return together, with_cue


@given(st.lists(example(), max_size=6), st.lists(FACT, max_size=12), st.integers(0, 3), st.integers(1, 6))
def test_the_same_as_looking_at_each(rows, triples, near, size):
    facts = facts_of(triples)
    sequences = [
        (relation, whole, tuple(VOCABULARY[word] for word in words)) for relation, whole, words in CUES
    ]
    counted = Exposed(facts, Cues(sequences), near)
    for low in range(0, len(rows), size):
        whole = batch(rows)  # a slice, as it is read
        counted.add(exposed.read(whole.slice(low, size), "tiny", range(5)))
    together, with_cue = looked_at(rows, facts, near)
    assert counted.together.tolist() == together
    assert counted.with_cue.tolist() == with_cue
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exposed, "CHUNK", 2)
        again = Exposed(facts, Cues(sequences), near)
        again.add(exposed.read(batch(rows), "tiny", range(5)))
    assert again.with_cue.tolist() == with_cue


def test_words_of_names():
    assert cues.words_of(["date of birth", "Geburtsdatum", "born on", "出生日期", "id", "P31"]) == [
        "date", "birth", "geburtsdatum", "born", "出生日期",
    ]  # fmt: skip
