"""Ranks of right answers: by hand, as the reference has them, and beside a slow count."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.kge import ranking
from kbtools.models.kge.ranking import Ranker
from kbtools.models.kge.scorers.base import Scorer
from kbtools.tasks.linkprediction import judging
from kbtools.tasks.linkprediction.ranks import HEAD, TAIL


class Sum(Scorer):
    """Query = anchor + relation, as TransE; compared as it is told."""

    def __init__(self, compare="l1", offset=0.0, width=2):
        super().__init__(None)
        self.compare, self.offset, self.width, self.relation_width = compare, offset, width, width

    def query(self, anchor, relation):
        moved = anchor + relation
        return torch.cat([moved, torch.ones(*moved.shape[:-1], 2)], -1) if self.compare == "sine" else moved

    def inverse(self, relation):
        return -relation


class OneWay(Sum):
    """No way back."""

    inverts = False


class Rows:
    """Entities in memory, in blocks of so many."""

    def __init__(self, table, block=1 << 30):
        self.table, self.block = torch.as_tensor(table), block

    @property
    def rows(self):
        return len(self.table)

    def gather(self, rows):
        return self.table[rows]

    def blocks(self):
        for at in range(0, len(self.table), self.block):
            yield at, self.table[at : at + self.block]


class Told:
    """Known triples, slowly; as often as they are stated."""

    def __init__(self, triples):
        self.triples = [tuple(map(int, one)) for one in triples]

    def answers(self, anchor, relation, heads):
        found = []
        for query, (a, r, of_head) in enumerate(
            zip(anchor.tolist(), relation.tolist(), heads.tolist(), strict=True)
        ):
            for head, rid, tail in self.triples:
                if rid == r and (tail if of_head else head) == a:
                    found.append((query, head if of_head else tail))
        pairs = torch.tensor(found, dtype=torch.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


def slow(scores, target, left_out):
    """Count one query by its definition."""
    slack = 1e-5 * max(1.0, abs(scores[target]))
    others = [score for row, score in enumerate(scores) if row != target and row not in left_out]
    better = sum(score > scores[target] + slack for score in others)
    return better, sum(abs(score - scores[target]) <= slack for score in others)


def test_the_example_of_the_protocol():
    """Right answer 10, the others 10, 10, 11, 9: between 2 and 4."""
    entities = Rows([[0.0, 0.0], [10.0, 0], [10.0, 0], [10.0, 0], [11.0, 0], [9.0, 0]])
    ranker = Ranker(Sum("dot"), entities, torch.tensor([[1.0, 0.0]]))
    found = ranker.rank(torch.tensor([[0, 0, 1]]))
    assert [found.of(ties)[0, TAIL] for ties in judging.TIES] == [3.0, 2.0, 4.0]
    assert found.score[0, TAIL] == 10


def test_all_rows_of_the_reference(golden):
    told = json.loads((golden / "09_kge" / "ranking_ties.json").read_bytes())
    splits = [torch.tensor(told[split]) for split in ("train", "valid", "test")]
    ranker = Ranker(Sum("l1", 6.0), Rows(told["entity"], 5), torch.tensor(told["relation"]))
    found = ranker.rank(splits[2], Told(torch.cat(splits)), top=3)
    place = {tuple(one): at for at, one in enumerate(splits[2].tolist())}
    assert len(told["rows"]) == 20
    for row in told["rows"]:
        here = place[tuple(row["triple"])], HEAD if row["mode"] == "head-batch" else TAIL
        for ties in judging.TIES:
            assert found.of(ties)[here] == row[ties]
            assert found.of(ties, raw=True)[here] == row[f"raw_{ties}"]
        assert found.score[here] == row["scores"][row["target"]]
        assert found.known[here] == len(row["filtered_out"])
        best = sorted(
            (score for at, score in enumerate(row["scores"]) if at not in row["filtered_out"]), reverse=True
        )
        assert found.top_score[here].tolist() == best[:3]
        assert found.of("optimistic")[here] <= row["reference_rank"] <= found.of("pessimistic")[here]
    mrr = {ties: (1 / found.of(ties)).mean() for ties in judging.TIES}
    assert mrr == pytest.approx({"realistic": 0.366, "optimistic": 0.506, "pessimistic": 0.300}, abs=6e-4)
    assert mrr["pessimistic"] <= told["reference_test_step_metrics"]["MRR"] <= mrr["optimistic"]
    assert found.mrr() == mrr["realistic"]


@pytest.mark.parametrize("compare", ["dot", "l1", "l2", "modulus", "sine"])
def test_a_constant_scorer_is_in_the_middle(compare):
    entities = np.full((11, 4), 3.7, np.float32)
    found = Ranker(Sum(compare, width=4), Rows(entities), torch.full((1, 4), 0.3)).rank(
        torch.tensor([[0, 0, 1], [2, 0, 2]])
    )
    assert (found.of() == 6.0).all()
    assert found.mrr() == pytest.approx(1 / ((11 + 1) / 2))


@given(data=st.data())
def test_as_a_slow_count_finds(data):
    seed, rows, relations = data.draw(st.integers(0, 999)), data.draw(st.integers(1, 9)), 2
    rng = np.random.default_rng(seed)
    table = rng.integers(-2, 3, (rows, 2)).astype(np.float32)  # many ties
    shifts = rng.integers(-1, 2, (2 * relations, 2)).astype(np.float32)
    triples = np.stack([rng.integers(0, n, 7) for n in (rows, relations, rows)], axis=1)
    train, test = triples[:4], triples[2:]  # some of the test are in training, some twice
    reciprocal = torch.from_numpy(shifts[relations:]) if data.draw(st.booleans()) else None
    ranker = Ranker(
        Sum("l1"),
        Rows(table, data.draw(st.integers(1, 9))),
        torch.from_numpy(shifts[:relations]),
        reciprocal,
        memory=data.draw(st.sampled_from([1, 1 << 10, 1 << 28])),
    )
    known = Told(np.concatenate([train, test]))
    top = data.draw(st.integers(0, 4))
    found = ranker.rank(torch.from_numpy(test), known, top=top)
    for at, (head, relation, tail) in enumerate(test.tolist()):
        for side, anchor, target in ((TAIL, head, tail), (HEAD, tail, head)):
            way = shifts[relation] if side == TAIL else -shifts[relation]
            if reciprocal is not None and side == HEAD:
                way = shifts[relations + relation]
            scores = (-np.abs(table[anchor] + way - table).sum(1)).tolist()
            others = {t for h, r, t in known.triples if side == TAIL and (h, r) == (head, relation)}
            others |= {h for h, r, t in known.triples if side == HEAD and (t, r) == (tail, relation)}
            others -= {target}
            better, equal = slow(scores, target, others)
            raw_better, raw_equal = slow(scores, target, set())
            assert (found.better[at, side], found.equal[at, side]) == (better, equal)
            assert found.of("pessimistic", raw=True)[at, side] == 1 + raw_better + raw_equal
            assert found.of("optimistic", raw=True)[at, side] == 1 + raw_better
            assert found.of()[at, side] <= found.of(raw=True)[at, side]
            assert found.candidates()[at, side] == rows - len(others)
            left = sorted((score for row, score in enumerate(scores) if row not in others), reverse=True)
            best = [score for score in found.top_score[at, side].tolist() if np.isfinite(score)]
            assert best == left[: min(top, rows)]
            kept = found.top[at, side]
            assert [scores[row] for row in kept[kept >= 0]] == best
            assert not others & {*kept.tolist()}


def test_scores_that_differ_in_their_last_bits_are_ties():
    entities = Rows([[0.0, 0], [1000.0, 0], [1000.0 + 1e-3, 0], [1000.1, 0], [999.0, 0]])
    found = Ranker(Sum("dot"), entities, torch.tensor([[1.0, 0.0]])).rank(torch.tensor([[0, 0, 1]]))
    assert (found.better[0, TAIL], found.equal[0, TAIL]) == (1, 1)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_numbers_that_are_none_do_not_win(wrong, row):
    entities = torch.ones(3, 2)
    entities[row, 1] = wrong
    with pytest.raises(ArtefactError, match="no numbers") as error:
        Ranker(Sum("dot"), Rows(entities), torch.ones(1, 2)).rank(torch.tensor([[0, 0, 1]]))
    assert "\n" not in str(error.value)


def test_no_triples_and_no_way_back():
    entities, relations = Rows(torch.ones(3, 2)), torch.ones(1, 2)
    found = Ranker(Sum(), entities, relations).rank(torch.empty(0, 3), top=2)
    assert found.better.shape == (0, 2)
    assert found.top.shape == (0, 2, 2)
    assert np.isnan(found.mrr())
    with pytest.raises(ConfigError, match="reciprocal=true"):
        Ranker(OneWay(), entities, relations)
    assert Ranker(OneWay(), entities, relations, relations).rank(torch.tensor([[0, 0, 1]])).better.shape == (
        1,
        2,
    )


def test_half_numbers_and_a_scorer_in_training_are_taken():
    scorer = Sum().train()
    Ranker(scorer, Rows(torch.ones(3, 2).half()), torch.ones(1, 2)).rank(torch.tensor([[0, 0, 1]]))
    assert scorer.training


def test_memory_is_bounded():
    """What is held at once does not grow with the number of queries and entities."""
    few = Ranker(Sum(), Rows(torch.ones(1 << 17, 2)), torch.ones(1, 2), memory=1 << 20)
    assert few._scores * ranking.BYTES <= 1 << 19
    assert few._queries * few._block <= few._scores
    assert few._held * 4 * 2 <= 1 << 19
