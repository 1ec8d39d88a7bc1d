"""Which patterns of relations a scorer learns: what is held out follows from the rest, by one pattern each.

Sixty entities: pairs, who are `beside` each other; lines, where one comes `next` after another, which is
`before` it, and two places on is `second`; the first of a line `owns` all others of it.
"""

from __future__ import annotations

import pytest
import torch

from kbtools.kb import statements
from kbtools.models import embed
from kbtools.models.kge import graph, recipes
from kbtools.models.kge.known import Known
from kbtools.models.kge.ranking import Ranker
from kbtools.models.kge.trained import Trained
from tests import kge_worlds

PAIRS, LINES, LENGTH = 12, 6, 6
COMMON = (
    "epochs=300", "batch=64", "negatives.number=32", "negatives.share=32", "optimiser.kind=adam",
    "optimiser.lr=0.03", "optimiser.drop=[0.7]", "reciprocal=false", "judge.every=0", "seed=1",
)  # fmt: skip
DISTANT = (*COMMON, "loss.kind=adversarial", "loss.temperature=1.0", "scorer.gamma=6", "regulariser.weight=0")
BILINEAR = (*COMMON, "dim=16", "loss.kind=softmax", "regulariser.weight=0.01", "scorer.spread=0.1")
TOLD = {
    "transe": (*DISTANT, "dim=32", "scorer.norm=1"),
    "rotate": (*DISTANT, "dim=16"),
    "distmult": BILINEAR,
    "complex": BILINEAR,
}
LEARNED = {  # what is held out that a scorer finds
    "transe": {"before", "second"},  # inverse, composition; a move that is its own inverse is none
    "rotate": {"beside", "next", "before", "second"},
    "distmult": {"beside"},  # symmetric: heads and tails are the same to it
    "complex": {"beside", "next", "before", "second"},
}


def world() -> dict[str, list[kge_worlds.Triple]]:
    """Make the triples; of each pattern a part is for test."""
    splits: dict[str, list[kge_worlds.Triple]] = {"train": [], "test": []}
    for pair in range(PAIRS):
        first, second = f"left{pair:02}", f"right{pair:02}"
        splits["train"].append((first, "beside", second))
        splits["test" if pair % 3 == 0 else "train"].append((second, "beside", first))
    for line in range(LINES):
        names = [f"line{line}at{place}" for place in range(LENGTH)]
        for at in range(LENGTH - 1):
            one, other, turn = names[at], names[at + 1], (at + line) % LENGTH
            splits["test" if turn == 0 else "train"].append((one, "next", other))
            splits["test" if turn == 1 else "train"].append((other, "before", one))
            splits["train"].append((names[0], "owns", other))
            if at + 2 < LENGTH:
                splits["test" if turn == 3 else "train"].append((one, "second", names[at + 2]))
    return splits


class Learned:
    """What one scorer learned of the world."""

    def __init__(self, kb, out, name):
        embed(kb, out, model=name, overrides=TOLD[name], quiet=True)
        base, self.trained = graph.opened([kb])[0], Trained.open(out)
        folder = out.with_suffix(".graph")
        folder.mkdir()
        self.graph = graph.read([base], recipes.load(name).triples, folder, shuffled=None, seed=0)
        self.relations = statements.relations(base)["id"].to_pylist()

    def hits(self, split):
        """Return how often the first answer is right, asked for tails and heads, by relation."""
        one, triples = self.trained, getattr(self.graph, split)
        known = Known([self.graph.train, self.graph.test], self.graph.rows, self.graph.relations)
        ranks = (
            Ranker(one.scorer, one.entities, one.relations).rank(torch.from_numpy(triples.copy()), known).of()
        )
        of = {name: triples[:, 1] == rid for rid, name in enumerate(self.relations)}
        return {name: float((ranks[some] <= 1).mean()) for name, some in of.items() if some.any()}


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patterns")
    kb = kge_worlds.ingested(folder, **world())
    return {name: Learned(kb, folder / name, name) for name in TOLD}


def test_the_world_has_sixty_entities(learned):
    assert learned["transe"].graph.rows == 60
    assert {*learned["transe"].hits("test")} == {"beside", "next", "before", "second"}


@pytest.mark.parametrize("name", TOLD)
def test_what_follows_by_a_pattern_is_found(learned, name):
    found = learned[name].hits("test")
    for relation in LEARNED[name]:
        least = 0.6 if name == "transe" else 0.9
        assert found[relation] > least, (relation, found)


def test_what_contradicts_a_scorer_is_not(learned):
    assert learned["transe"].hits("test")["beside"] < 0.1  # who asks is always nearer
    found = learned["distmult"].hits("test")
    for relation in ("next", "before"):  # whoever comes next is as good as who came before
        assert found[relation] < 0.6


def test_owners_are_found_whatever_they_own(learned):
    for name in ("transe", "rotate", "complex"):
        assert learned[name].hits("train")["owns"] > 0.9
