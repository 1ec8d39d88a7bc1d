"""`kbtools embed KB`: what it refuses, in one line and before it begins, and odd triples that it learns."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from click.testing import CliRunner

from kbtools import artefact, vectors
from kbtools.cli.main import main
from kbtools.errors import KbError, ResourceError
from kbtools.io import tensors
from kbtools.models.kge import losses
from kbtools.models.kge.stepping import Stepper
from kbtools.models.kge.store import Store
from kbtools.models.kge.trained import Trained
from kbtools.models.kge.trainer import Trainer
from tests import kge_worlds, tiny_kb
from tests.kge_runs import LANES, PARTS, Stop, content, learned, often, stops, told, training
from tests.small_dump import no_trace

PATIENT = ("judge.patience=2",)
TUCKER = ("reciprocal=true", "loss.kind=bce", "negatives.number=0", "scorer.relation_dim=3")


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return kge_worlds.ingested(tmp_path_factory.mktemp("ring"), **kge_worlds.ring())


def ran(*arguments):
    """Run the command; return its code and what it said on standard error."""
    found = CliRunner().invoke(main, [str(one) for one in arguments])
    assert no_trace(found.stderr), found.stderr
    return found.exit_code, found.stderr


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("dmi=3",), "no setting 'dmi'; did you mean 'dim'?"),
        (("scorer.gama=3",), "scorer (transe): no setting 'gama'; did you mean 'gamma'?"),
        (("scorer.dim=3",), "scorer.dim: say dim"),
        (("dim=x",), "dim"),
        (("dim=0",), "dim is 0; it is 1 at least"),
        (("batch=0",), "batch is 0; it is 1 at least"),
        (("epochs=0",), "epochs is 0; it is 1 at least"),
        (("optimiser.lr=0",), "optimiser.lr is 0.0; it is more than 0"),
        (("loss.kind=bce",), "bce, which marks all answers among all entities: negatives.number=0"),
        (("negatives.number=0", *PARTS), "all entities are in one partition then, not in 4"),
        (("regulariser.weight=1", "regulariser.of=tables", *PARTS), "regulariser.of is tables: all entities"),
        (("judge.patience=2", "judge.every=0"), "there is one at the end alone: say judge.every"),
        (("partitions.number=25",), "partitions.number=25: 24 entities can be in 1 to 24 parts"),
        (("partitions.number=3", "partitions.lanes=2"), "take 4 partitions, and there are 3"),
        (("partitions.order=sideways",), "sideways"),
        (("triples.hold_out=1",), "triples.hold_out = 1"),
        (("triples.relations=[\"nxt\"]",), "no relation 'nxt'"),
        (("triples.without=[\"nowhere\"]",), "no relation 'nowhere'"),
        (("triples.without=[\"next\",\"before\",\"second\",\"beside\"]",), "there is nothing to learn"),
        (("triples.least=1000",), "there is nothing to learn"),
        (("optimiser.lr=1e38", "optimiser.kind=sgd"), "a lower rate (-o optimiser.lr=...) helps"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(kb, tmp_path, overrides, words):
    code, said = ran(*told(kb, tmp_path / "out", *overrides))
    assert code == 2, said
    assert words in said
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_models_that_there_are_not(kb, tmp_path):
    code, said = ran(*told(kb, tmp_path / "out", model="trasne"))
    assert (code, said.count("\n")) == (2, 1)
    assert "trasne" in said
    assert "transe" in said
    code, said = ran(*told(kb, tmp_path / "out", model="tucker", small=("reciprocal=false",)))
    assert (code, said.count("\n")) == (2, 1)
    assert "tucker asks for tails alone: it goes with reciprocal=true" in said


def test_bases_that_cannot_be_learned(kb, tmp_path):
    out = tmp_path / "out"
    text = kge_worlds.write(tmp_path / "text", **kge_worlds.ring())
    code, said = ran(*told(text, out))
    assert code == 2
    assert f"ingest it first: kbtools ingest linkprediction {text} --out KB" in said
    empty = tiny_kb.write(tmp_path / "empty", {"entities": [tiny_kb.entity(0, "a", "a")]})
    for wrong, words in (
        (tmp_path / "nowhere", "nowhere"),
        (empty, "there are no triples"),
    ):
        code, said = ran(*told(wrong, out))
        assert (code, said.count("\n")) == (2, 1), said
        assert words in said
    other = kge_worlds.ingested(tmp_path / "other", train=[("a", "s", "b")], valid=[("a", "r", "b")])
    code, said = ran(*told(other, out, 'triples.without=["s"]'))
    assert code == 2
    assert "1 triples, but none in train" in said
    code, said = ran(*told(kb, out), empty)
    assert code == 2
    assert "one knowledge base, not of 2" in said
    assert not out.exists()
    assert not training(out).parents[1].exists()


def test_patience_needs_validation(tmp_path):
    graph = kge_worlds.ring()
    kb = kge_worlds.ingested(tmp_path, train=graph["train"])
    code, said = ran(*told(kb, tmp_path / "out", *PATIENT))
    assert code == 2
    assert "judge.patience=2: validation says when to stop" in said
    assert "-o triples.hold_out=0.05 keeps some" in said
    learned(kb, tmp_path / "held", *PATIENT, "triples.hold_out=0.1")
    made = artefact.read(tmp_path / "held")
    assert made.counts["held out"] == made.counts["valid"] > 0
    assert made.notes["looks"]
    assert artefact.read(learned(kb, tmp_path / "none")).notes["looks"] == []


def test_memory_that_does_not_do(kb, tmp_path):
    """24 rows of 6 numbers and a number that the optimiser keeps: 28 bytes each, with `adagrad-rows`."""
    small = ("dim=6", "epochs=1", "negatives.number=4", "optimiser.kind=adagrad-rows")

    def given(memory, *more):
        return ran(*told(kb, tmp_path / "out", *more, small=small), "--memory", memory)

    code, said = given("60")
    assert (code, said.count("\n")) == (2, 1)
    assert "do not hold 24 vectors of 6" in said
    assert "give more --memory" in said
    code, said = given("300", "negatives.number=0")
    assert code == 2
    assert "negatives.number is 0" in said
    assert "give more --memory" in said
    code, said = given("300", "partitions.number=1")
    assert code == 2
    assert "24 vectors of 6 in one part takes 672 B, and there are 300 B: 8 would fit" in said
    assert "-o partitions.number=8" in said
    assert not list(tmp_path.iterdir())
    assert given("300")[0] == 0
    assert artefact.read(tmp_path / "out").settings["partitions"]["number"] == 8


def test_out_that_is_there(kb, tmp_path):
    out = learned(kb, tmp_path / "out")
    code, said = ran(*told(kb, out))
    assert (code, said) == (2, f"Error: {out} exists; give another --out, or --overwrite to replace it\n")
    assert ran(*told(kb, out, "seed=1"), "--overwrite")[0] == 0
    assert content(out) == content(learned(kb, tmp_path / "other", seed=1))


@pytest.mark.parametrize("overrides", [(), PARTS, LANES])
def test_a_disk_that_is_full(kb, tmp_path, monkeypatch, overrides):
    """Whatever is written, a part or what goes with a checkpoint; with room the same command goes on."""
    real, left = tensors.pieces, [7]

    def full(arrays):
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(arrays)

    with monkeypatch.context() as patch:
        often(patch)
        patch.setattr(tensors, "pieces", full)
        with pytest.raises(ResourceError, match=r"no space left on device.*the same command again") as error:
            learned(kb, tmp_path / "out", *overrides)
    assert "\n" not in str(error.value)
    assert content(learned(kb, tmp_path / "out", *overrides)) == content(
        learned(kb, tmp_path / "other", *overrides)
    )


def test_numbers_that_get_too_large_on_the_way(kb, tmp_path, monkeypatch):
    real, made = Stepper.__call__, []

    def step(self, *args):
        made.append(1)
        return real(self, *args) * (float("nan") if len(made) == 30 else 1)

    with monkeypatch.context() as patch:
        often(patch)
        patch.setattr(Stepper, "__call__", step)
        with pytest.raises(KbError, match=r"the loss is nan in epoch 3: a lower rate .* helps"):
            learned(kb, tmp_path / "out")
    assert training(tmp_path / "out").exists()  # two epochs are worth something


def test_odd_triples_are_learned(tmp_path):
    """A relation with one triple, self loops, duplicates; what occurs in validation and test only."""
    graph = {
        "train": [("a", "r", "b"), ("a", "r", "b"), ("b", "r", "b"), ("b", "r", "c"), ("c", "once", "a")],
        "valid": [("v", "r", "a"), ("a", "never", "b")],
        "test": [("a", "r", "t"), ("t", "r", "t")],
    }
    kb = kge_worlds.ingested(tmp_path, **graph)
    for number, overrides in enumerate([(), ("partitions.number=2",), ("loss.subsampling=true",)]):
        out = learned(kb, tmp_path / str(number), *overrides)
        made, opened = artefact.read(out), Trained.open(out)
        assert opened.entities.rows == 5  # a, b, c, and those that training never sees
        assert len(opened.relations) == 3
        assert np.isfinite(vectors.Vectors(out).array).all()
        assert bool(opened.relations.isfinite().all())
        wanted = {"train": 4, "valid": 2, "test": 2, "duplicates": 1, "self loops": 2}
        assert wanted.items() <= made.counts.items()
        assert made.counts["entities not in train"] == 2
        assert made.counts["relations not in train"] == 1


@pytest.mark.parametrize("model", ["transe", "distmult", "complex", "rotate", "protate", "simple", "rescal"])
def test_one_triple_is_a_graph(tmp_path, model):
    kb = kge_worlds.ingested(tmp_path, train=[("a", "r", "b")])
    out = learned(kb, tmp_path / "out", model=model)
    assert np.isfinite(vectors.Vectors(out).array).all()


def test_only_what_is_asked_for_has_rows(tmp_path):
    train = [("a", "r", "b"), ("b", "r", "c"), ("c", "s", "d"), ("d", "s", "e"), ("a", "r", "c")]
    kb = kge_worlds.ingested(tmp_path, train=train)
    for number, (overrides, rows, triples) in enumerate([
        ((), 5, 5),
        (('triples.relations=["r"]',), 3, 3),
        (('triples.without=["r"]',), 3, 2),
        (("triples.least=2",), 4, 4),  # all but e
    ]):  # fmt: skip
        out = learned(kb, tmp_path / str(number), *overrides)
        counts = artefact.read(out).counts
        assert (len(vectors.Vectors(out).array), counts["entities"], counts["train"]) == (rows, rows, triples)
        assert len(Trained.open(out).relations) == 2  # by rid: all have a row


def test_what_fills_a_chunk_up_counts_for_nothing(kb, tmp_path, monkeypatch):
    """Each pair is learned once an epoch, by cross-entropy and by the norms of a batch."""
    real, sizes = losses.labelled, []

    def labelled(settings, scores, labels, weight=None):
        sizes.append(len(scores))
        assert weight is None
        return real(settings, scores, labels, weight)

    monkeypatch.setattr(losses, "labelled", labelled)
    learned(kb, tmp_path / "out", *TUCKER, "epochs=1", model="tucker")
    train = kge_worlds.ring()["train"]
    assert sum(sizes) == len({one[:2] for one in train}) + len({one[1:] for one in train})
    assert len({*sizes}) > 1  # some are not full


def test_weights_of_triples_are_those_of_labels(kb, tmp_path, monkeypatch):
    """Frequent pairs weigh less with cross-entropy, too."""
    real, weights = losses.labelled, []

    def labelled(settings, scores, labels, weight=None):
        weights.append(weight)
        return real(settings, scores, labels, weight)

    monkeypatch.setattr(losses, "labelled", labelled)
    learned(kb, tmp_path / "out", *TUCKER, "epochs=1", "loss.subsampling=true", model="tucker")
    assert all(one is not None and one.shape[0] <= 8 and bool((one > 0).all()) for one in weights)


def test_a_store_is_closed_when_a_run_stops(kb, tmp_path, monkeypatch):
    """Nothing is written any more when the folder is given up."""
    real, closed = Store.close, []

    def close(self):
        closed.append(1)
        real(self)

    monkeypatch.setattr(Store, "close", close)
    stops(monkeypatch, Trainer, "_round", 3)
    with pytest.raises(Stop):
        learned(kb, tmp_path / "out", *PARTS)
    assert closed == [1]


@pytest.mark.parametrize("told", ["dim=1000000000000", "negatives.number=100000000000"])
def test_more_than_memory_is_one_line_and_leaves_nothing(kb, tmp_path, told):
    with pytest.raises(ResourceError, match=r"not enough memory .*--memory makes partitions"):
        learned(kb, tmp_path / "out", told)
    assert not list(tmp_path.iterdir())
