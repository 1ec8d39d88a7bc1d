"""Controls of trees: what is told in the place of the entities' own facts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kbtools import api
from kbtools.errors import ConfigError

WORKS = ("baker", "poet", "mason")
NAMES = [f"{first}{last}" for first in ("Bor", "Kel", "Tam", "Zun") for last in ("ado", "imi", "uno", "epa")]
KIND = {name: ("person", "firm")[at % 2] for at, name in enumerate(NAMES)}
WORK = {name: WORKS[at % 3] for at, name in enumerate(NAMES)}
HOME = {name: ("hill", "gate")[at // 8] for at, name in enumerate(NAMES)}
MAP = """
[[entities]]
file = "entities.jsonl"
id = "id"
label = { en = "label" }
aliases = { column = "also", lang = "en" }
types = "types"
[[triples]]
file = "triples.tsv"
head = "head"
relation = "relation"
tail = "tail"
create = true
[licence]
licence = "made up"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("controls")
    rows = [{"id": one, "label": one, "also": None, "types": [KIND[one]]} for one in NAMES]
    rows[1]["also"] = NAMES[0]  # a namesake
    rows[0]["also"] = f"{NAMES[0]}s"
    (folder / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = [(one, "works as", WORK[one]) for one in NAMES] + [(one, "lives at", HOME[one]) for one in NAMES]
    lines = ["head\trelation\ttail", *("\t".join(fact) for fact in facts)]
    (folder / "triples.tsv").write_text("\n".join(lines) + "\n")
    (folder / "map.toml").write_text(MAP)
    sources = [folder / "entities.jsonl", folder / "triples.tsv"]
    api.ingest("table", sources, folder / "kb", name="made", overrides=[f"map={folder / 'map.toml'}"])
    corpus = [f"we met {one} and {other} here" for one in NAMES for other in NAMES[3:9]]
    (folder / "corpus.txt").write_text("\n".join(corpus) + "\n")
    return folder


def told(world: Path, out: Path, facts: str, *overrides: str, corpus: str = "corpus.txt") -> list[list[str]]:
    """Grow trees; return the branches of each, in order."""
    api.tree(
        world / corpus, out, kbs=[world / "kb"],
        overrides=[f"choice.facts={facts}", *overrides],
    )  # fmt: skip
    rows = [row for path in sorted(out.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    found = []
    for row in rows:
        branches: dict[int, list[str]] = {}
        for token, branch in zip(row["tokens"], row["branch"], strict=True):
            if branch:
                branches.setdefault(branch, []).append(token)
        found.append([" ".join(one) for _, one in sorted(branches.items())])
    return found


def entity(branches: list[str]) -> list[str]:
    """Say what each entity of a sentence was told to be: two branches for each."""
    return [" | ".join(branches[at : at + 2]) for at in range(0, len(branches), 2)]


def own(name: str) -> str:
    return f"works as {WORK[name]} | lives at {HOME[name]}"


PAIRS = [(one, other) for one in NAMES for other in NAMES[3:9]]


def test_true_facts_are_the_default(world, tmp_path):
    found = told(world, tmp_path / "a", "true")
    assert found[7:] == told(world, tmp_path / "b", "true", "choice.seed=5")[7:]
    assert [entity(one) for one in found[12:]] == [[own(one), own(other)] for one, other in PAIRS[12:]]


def test_none_is_the_sentence_alone(world, tmp_path):
    assert not any(told(world, tmp_path / "a", "none"))


@pytest.mark.parametrize("facts", ["permuted", "swap"])
def test_always_the_facts_of_the_same_other(world, tmp_path, facts):
    found = [entity(one) for one in told(world, tmp_path / "a", facts)]
    seen: dict[str, set[str]] = {}
    for pair, two in list(zip(PAIRS, found, strict=True))[12:]:
        for one, said in zip(pair, two, strict=True):
            seen.setdefault(one, set()).add(said)
    assert all(len(said) == 1 for said in seen.values())
    every = {own(one) for one in NAMES}
    assert all(said <= every for said in seen.values())


def test_redrawn_at_each_occurrence(world, tmp_path):
    found = [entity(one) for one in told(world, tmp_path / "a", "redrawn")]
    said = Counter(two[1] for pair, two in zip(PAIRS, found, strict=True) if pair[1] == NAMES[5])
    assert len(said) > 3
    assert set(said) <= {own(one) for one in NAMES}
    assert found != [entity(one) for one in told(world, tmp_path / "b", "redrawn", "choice.seed=1")]


def test_random_facts_are_always_the_same(world, tmp_path):
    found = told(world, tmp_path / "a", "random")
    first = [two[2:] for pair, two in zip(PAIRS, found, strict=True) if pair[1] == NAMES[5]]
    assert all(one == first[0] for one in first)
    assert all(said.startswith(("works as ", "lives at ")) for two in found for said in two)


def test_wrong_is_another_of_that_name(world, tmp_path):
    found = [entity(one) for one in told(world, tmp_path / "a", "wrong")]
    true = [entity(one) for one in told(world, tmp_path / "b", "true")]
    for pair, said, was in zip(PAIRS, found, true, strict=True):
        if pair[0] == NAMES[0]:  # that name is also its neighbour's
            assert {said[0], was[0]} == {own(NAMES[0]), own(NAMES[1])}


def test_the_same_however_the_corpus_is_cut(world, tmp_path):
    whole = told(world, tmp_path / "a", "redrawn")
    assert whole == told(world, tmp_path / "b", "redrawn", "max_length=200")


def test_what_may_not_be_said_is_not(world, tmp_path):
    for facts in ("random", "redrawn", "permuted"):
        found = told(world, tmp_path / facts, facts, "choice.deny=lives at")
        assert found[20]
        assert all(said.startswith("works as ") for two in found for said in two)


def test_nobody_to_draw_is_refused(world, tmp_path):
    with pytest.raises(ConfigError, match="no two entities"):
        told(world, tmp_path / "a", "redrawn", 'choice.deny=["lives at", "works as"]')
