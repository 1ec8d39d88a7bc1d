"""Measure the training loop of `kbtools train bert` beside bare loops over the same model, in one run.

    python benchmarks/train_loop.py [--quick] [--device cuda] [--json]

`kbtools` is all of it: shards on disk, batches, masks, the loop, sums, metrics.jsonl. The bare loops are
forward, loss, zero_grad, backward, clip_grad_norm_, step over batches that lie in memory, masked and collated
beforehand; nothing is read, counted, checked or written:

- `transformers`: BertForPreTraining as people use it, with `labels` [B, T] and scores of the vocabulary for
  every token;
- `own model`: the very model that kbtools trains, with the losses it has: what is left is the loop alone.

All have the same sizes, batches, precision, dropout and torch's fused AdamW. They take turns, some
steps each; a ratio is the median over rounds of (seconds of the bare loop / seconds of
kbtools), with its quartiles. `cpu` is the same ratio of processor time of the whole process, the thread that
makes batches included: it tells more than the clock on a machine that others use. On a GPU: bert-base, bf16.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import make_training_shards
import numpy as np
import torch
from bare_training import OURS, SMALL, Bare, Case, Times, about, loader, summed
from tables import show
from transformers import BertConfig, BertForPreTraining

from kbtools.models.batch import Batch, moved
from kbtools.models.recipe import Stage
from kbtools.models.training import costs
from kbtools.models.training.feeding import TARGETS
from kbtools.models.training.recording import Recorder
from kbtools.models.training.running import Training
from kbtools.models.training.stage import Prepared, prepare
from kbtools.models.training.world import World
from kbtools.shards.reading.settings import Reading

BATCHES = 128  # of an epoch
LEAST = 3  # turns, the first one to warm up

Advance = Callable[[int], None]  # so many steps

TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 256}
CPU = [Case("H=256 L=4", SMALL, 16, 128, 1), Case("H=64 L=2", TINY, 8, 64, 40)]
GPU = [
    Case(
        f"bert-base{', compiled' * compiled}",
        {},
        32_768 // length,
        length,
        precision="bf16",
        compiled=compiled,
        vocabulary=30_528,
    )
    for compiled in (False, True)
    for length in (128, 512)
]


class Turn(Exception):  # noqa: N818 - no error
    """Ends a run."""


class Watch(Recorder):
    """A recorder that hands over to others every so many steps."""

    turn: Callable[[], None]
    waited = trained = 0.0  # seconds

    def step(self, *told: Any) -> None:
        """Take a step in, as ever; then it may be the turn of others."""
        super().step(*told)
        self.waited += told[0].waited
        self.trained += told[0].seconds
        self.turn()


def prepared(ready: Prepared, device: torch.device) -> tuple[list[Batch], float]:
    """Make the batches of an epoch, with masks and all, where they are needed; tell the seconds of each."""
    batches = loader(ready, Reading(rows=ready.recipe.run.batch))
    begun = time.process_time()
    made = [*batches]
    took = time.process_time() - begun
    return [moved(batch, device) for batch in made], took / len(made)


def own(ready: Prepared, batches: list[Batch], case: Case, device: torch.device) -> Bare:
    """Train the model that kbtools trains."""
    model = ready.model().to(device)
    if case.compiled:
        model.body.compile()
    return Bare(model, summed(model, ready.data.objectives(Stage())), cycle(batches), case)


def theirs(ready: Prepared, batches: list[Batch], case: Case, device: torch.device) -> Bare:
    """Train transformers' own model, told what it is used to be told."""
    config = BertConfig(**{**ready.model().config.encoder().to_dict(), "attn_implementation": "sdpa"})
    model = BertForPreTraining(config).to(device)
    told = []
    for batch in batches:
        labels = torch.full(batch["input_ids"].shape, -100, device=device)
        labels.view(-1)[batch["mlm.places"]] = batch["mlm.targets"]
        told.append(
            {
                "input_ids": batch["input_ids"],
                "token_type_ids": batch["segment"].long(),
                "attention_mask": batch["attention_mask"].long() if batch["batch.padded"] else None,
                "labels": labels,
                "next_sentence_label": batch["nsp.targets"],
            }
        )
    run: Any = torch.compile(model) if case.compiled else model
    return Bare(model, lambda batch: run(**batch).loss, cycle(told), case)


def turns(times: Times, others: dict[str, Advance], steps: int, seconds: float) -> Callable[[], None]:
    """Return what is called after each step of kbtools: times it, and lets the others run in between."""
    state: Iterator[None] = _turns(times, others, steps, seconds)
    next(state)
    return lambda: next(state)


def _turns(times: Times, others: dict[str, Advance], steps: int, seconds: float) -> Iterator[None]:
    names, settle = [*others], int(steps > 1)  # what a turn begins with is not timed, if it has more
    number, begun_at = 0, time.perf_counter()
    while number < LEAST or time.perf_counter() - begun_at < seconds:
        for _ in range(settle):
            yield
        begun = times.now()
        for _ in range(steps):
            yield
        times.add(OURS, begun)
        for at in range(len(names)):
            name = names[(at + number) % len(names)]
            others[name](settle)
            begun = times.now()
            others[name](steps)
            times.add(name, begun)
        if not number:  # that was to warm up
            times.found.clear()
            begun_at = time.perf_counter()
        number += 1
    raise Turn


def measure(case: Case, folder: Path, steps: int, seconds: float) -> list[dict[str, Any]]:
    """Let all of them train in turns."""
    shards, out = folder / f"{case.rows}x{case.length}", folder / f"{case.name}-{case.length}"
    if not shards.exists():
        sizes = np.full(BATCHES * case.rows, case.length)
        make_training_shards.write(shards, sizes, vocabulary=case.vocabulary, most=case.length)
    out.mkdir()
    ready = prepare("bert", shards=[shards], overrides=case.overrides)
    world, run = World(ready.recipe.run), ready.recipe.run
    kept, loading = prepared(ready, world.device)
    makers = {"transformers": theirs, "own model": own}
    others: dict[str, Advance] = {one: make(ready, kept, case, world.device) for one, make in makers.items()}
    model, times = ready.model(), Times(world.device)
    if case.compiled:
        model.body.compile()
    with Watch(out, run, world, total=run.steps, done=0, quiet=True) as watch:
        watch.turn = turns(times, others, steps, seconds)
        with suppress(Turn):
            Training(ready.recipe, ready.data, model, ready.plan, world=world, out=out).run(watch)
    return _told(case, times, model, kept, watch, loading=loading, steps=steps)


def _told(
    case: Case, times: Times, model: Any, kept: list[Batch], watch: Watch, *, loading: float, steps: int
) -> list[dict[str, Any]]:
    """Make rows of a table."""
    tokens = case.rows * case.length * steps
    targets = statistics.mean(batch[TARGETS]["mlm"] for batch in kept) * steps
    flops = costs.work(model).flops(tokens, case.length, targets, case.rows * steps)
    peak = costs.peak(torch.cuda.get_device_name(), case.precision) if times.cuda else None
    rows = []
    for name, found in times.found.items():
        seconds = statistics.median(wall for wall, _ in found)
        row: dict[str, Any] = {
            "case": f"{case.name}, {case.rows} x {case.length}, {case.precision}", "loop": name,
            "turns": len(found),
            "ms a step": round(1000 * seconds / steps, 2), "tokens/s": round(tokens / seconds),
            "kbtools is x as fast": "", "quartiles": "", "cpu": "",
            "waiting for batches": "", "making a batch, cpu ms": "",
        }  # fmt: skip
        if name == OURS:
            row["waiting for batches"] = f"{watch.waited / watch.trained:.1%}"
            row["making a batch, cpu ms"] = round(1000 * loading, 2)
        else:
            low, middle, high = times.ratios(name, 0)
            row["kbtools is x as fast"], row["quartiles"] = round(middle, 3), f"{low:.3f}-{high:.3f}"
            row["cpu"] = round(times.ratios(name, 1)[1], 3)
        if peak and name != "transformers":  # that does more than is needed
            row["MFU"] = f"{costs.mfu(flops, seconds, peak) or 0:.1%}"
        rows.append(row)
    return rows


def main() -> None:
    """Measure all cases; print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few turns")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="else a GPU if there is one")
    parser.add_argument("--steps", type=int, help="of a turn")
    parser.add_argument("--seconds", type=float, help="for each case")
    parser.add_argument("--only", default="", help="cases whose names begin so")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks
    cuda = torch.cuda.is_available()
    if asked.device == "cuda" and not cuda:
        parser.error("there is no GPU")
    rows = []
    with tempfile.TemporaryDirectory() as passing:
        for case in GPU if cuda else CPU:
            if case.name.startswith(asked.only):
                seconds = asked.seconds or (10 if asked.quick else 50)
                rows += measure(case, Path(passing), asked.steps or case.steps, seconds)
    if asked.json:
        print(json.dumps({"about": about(), "rows": rows}))
        return
    show(about(), rows)


if __name__ == "__main__":
    main()
