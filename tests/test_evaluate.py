"""A trained run on examples: the same losses as in its looks at dev, and answers scored as they should be."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kbtools import models  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.training.data import tensors  # noqa: E402
from kbtools.runs import metrics  # noqa: E402
from kbtools.shards.reader import Shards  # noqa: E402
from kbtools.shards.reading.rows import Rows  # noqa: E402
from tests import evaluated_runs, training  # noqa: E402
from tests.test_metrics_spans import slow  # noqa: E402

FEW = ("resamples=20",)


def evaluated(what, split="test", *overrides, shards=None):
    run = evaluated_runs.run(what)
    return models.evaluate(run, shards or evaluated_runs.shards(), split, overrides=[*FEW, *overrides])


def looked(run):
    return metrics.looked(metrics.read(run / metrics.NAME))[-1]


@pytest.mark.parametrize("tokens", [64, 4096])
def test_losses_are_those_of_the_last_look_at_dev(tokens):
    seen, found = looked(evaluated_runs.run("both")), evaluated("both", "dev", f"tokens={tokens}").numbers
    for name in ("mlm", "tags"):
        assert found[f"{name} loss"] == pytest.approx(seen[f"{name}.loss"], rel=1e-5)
    assert found["mlm accuracy"] == pytest.approx(seen["mlm.right"])
    assert found["tags token accuracy"] == pytest.approx(seen["tags.right"])
    assert found["tags F1"] == pytest.approx(seen["tags.f1"])
    assert found["mlm perplexity"] == pytest.approx(math.exp(seen["mlm.loss"]), rel=1e-5)


def test_the_same_masks_each_time():
    one, other = evaluated("both"), evaluated("both")
    assert one.numbers == other.numbers
    assert one.predictions.equals(other.predictions)


def test_packed_runs_are_asked_row_by_row(tmp_path):
    run = training.train(
        tmp_path / "run", "run.steps=4", "run.packed=true", "run.tokens=256", "run.dev_batches=0"
    )
    found = models.evaluate(run, training.shards(), "dev", overrides=FEW).numbers
    assert found["mlm loss"] == pytest.approx(looked(run)["mlm.loss"], rel=1e-4)


def by_hand(what, head):
    """Return gold and answers of test, example by example, from the model alone."""
    shards = Shards(evaluated_runs.shards())
    made = KnowledgeModel.from_pretrained(evaluated_runs.run(what)).eval()
    rows = Rows(shards, "test")
    batch = tensors(rows.take(range(len(rows))))
    with torch.no_grad():
        hidden = made(batch).hidden
        if head == "tags":
            return rows, made.heads["tags"](hidden), made
        return rows, made.heads["labels"](made.heads["pooler"](hidden[:, 0])), made


def test_one_class():
    rows, scores, _ = by_hand("labels", "labels")
    told = rows.shards.table("test", ["label", "group"]).to_pydict()
    gold = np.array([int(one) for one in told["label"]])
    said = scores.argmax(-1).numpy()
    found = evaluated("labels")
    assert found.numbers["labels accuracy"] == pytest.approx((gold == said).mean())
    positive = torch.softmax(scores, -1)[:, 1].double().numpy()
    ranks = []
    for group in sorted(set(told["group"])):
        mine = [at for at, one in enumerate(told["group"]) if one == group]
        best = max((positive[at] for at in mine if gold[at]), default=None)
        if best is not None:
            ranks.append(1 + sum(positive[at] > best for at in mine if not gold[at]))
    assert found.numbers["labels MRR"] == pytest.approx(np.mean([1 / rank for rank in ranks]))
    assert found.numbers["labels P@1"] == pytest.approx(np.mean([rank == 1 for rank in ranks]))
    lines = found.predictions.to_pylist()
    assert [int(one["gold"]) for one in lines] == gold.tolist()
    assert [int(one["answer"]) for one in lines] == said.tolist()
    words = {*evaluated_runs.PEOPLE, *evaluated_runs.PLACES, *evaluated_runs.OTHERS}
    assert all({*one["text"].split()} <= words for one in lines)


def test_a_negative_class_is_left_out_of_micro_f1():
    numbers = evaluated("labels", "test", "negative=0").numbers
    lines = evaluated("labels").predictions.to_pylist()
    hit = sum(one["gold"] == one["answer"] == "1" for one in lines)
    said, gold = (sum(one[side] == "1" for one in lines) for side in ("answer", "gold"))
    assert numbers["labels recall"] == pytest.approx(hit / gold)
    assert numbers["labels F1"] == pytest.approx(2 * hit / (said + gold))


def test_names_in_sentences():
    rows, scores, made = by_hand("tags", "tags")
    names, hit, asked, said = made.heads["tags"].classes, 0, 0, 0
    for row, told in enumerate(rows.shards.table("test", ["labels"])["labels"].to_pylist()):
        places = [at for at, tag in enumerate(told) if tag is not None]
        gold = {*slow([told[at] for at in places])}
        answer = {*slow([names[int(scores[row, at].argmax())] for at in places])}
        hit, asked, said = hit + len(gold & answer), asked + len(gold), said + len(answer)
    found = evaluated("tags")
    assert found.numbers["tags recall"] == pytest.approx(hit / asked)
    assert found.numbers["tags precision"] == pytest.approx(hit / said if said else 0)
    lines = found.predictions.to_pylist()
    assert sum(one["right"] for one in lines) == hit
    assert sum(one["gold"] is not None for one in lines) == asked
    assert sum(one["answer"] is not None for one in lines) == said
    assert all(one["token"] <= one["last token"] and one["surface"] for one in lines)


def test_numbers_and_sets():
    number = evaluated("number")
    lines = number.predictions.to_pylist()
    errors = [float(one["answer"]) - float(one["gold"]) for one in lines]
    assert number.numbers["labels MSE"] == pytest.approx(np.mean(np.square(errors)), rel=1e-3)
    assert number.numbers["labels MSE"] == pytest.approx(number.numbers["labels loss"], rel=1e-4)
    several = evaluated("several")
    lines = several.predictions.to_pylist()
    assert several.numbers["labels exact"] == pytest.approx(
        np.mean([one["gold"] == one["answer"] for one in lines])
    )
    assert {"labels F1", "labels macro F1", "labels precision"} <= several.numbers.keys()


def test_masked_words_have_ranks():
    found = evaluated("both")
    lines = [one for one in found.predictions.to_pylist() if one["asked"] == "mlm"]
    assert found.numbers["mlm MRR"] == pytest.approx(np.mean([1 / one["rank"] for one in lines]))
    assert all(one["right"] == (one["rank"] == 1) for one in lines)
    assert found.counts["targets of mlm"] == len(lines)


def test_some_objectives_alone():
    found = evaluated("both", "test", "objectives=tags")
    assert {one["asked"] for one in found.predictions.to_pylist()} == {"tags"}


def test_run_best_may_be_f1():
    run = evaluated_runs.run("tags", "run.best=tags.f1", "run.take=best")
    seen = [one["tags.f1"] for one in metrics.looked(metrics.read(run / metrics.NAME))]
    found = models.evaluate(run, evaluated_runs.shards(), "dev", overrides=FEW).numbers
    assert found["tags F1"] == pytest.approx(max(seen))
