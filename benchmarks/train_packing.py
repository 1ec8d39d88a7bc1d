"""Measure what packing gains: useful tokens a second of training, packed and padded, in one run.

    python benchmarks/train_packing.py [--quick] [--device cuda] [--compile] [--dropout 0] [--json]

The same examples, model (masked words and next sentences), optimiser and tokens a batch, padding too; what
differs is how examples become rows of at most T tokens:

- `full`: one a row, each row padded to T, as BERT's own code has it;
- `random`: one a row, padded to the longest of the batch: what most scripts do, and what the ratio is over;
- `by length`: one a row, of those of a hundred batches the ones of like length together: what kbtools does
  unless it is told to pack, and the harder one to beat;
- `packed`: several in a row, each seeing itself alone.

Lengths are drawn from log-normals, with a seed: of sentences (28 tokens in the middle) and of paragraphs
(90); what is longer than T is cut. All take turns, a step each, batches being made in a thread meanwhile.
`useful` counts tokens that are no padding over all rows of an epoch. `cpu` is the ratio in processor time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import make_training_shards
import numpy as np
import torch
from bare_training import SMALL, Bare, Case, Times, about, loader, summed
from tables import show

from kbtools.models.batch import Batch, moved
from kbtools.models.recipe import Stage
from kbtools.models.training.feeding import TOKENS
from kbtools.models.training.stage import Prepared, prepare
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading

BASE, PACKED = "random", "packed"
VOCABULARY = {"cpu": 8192, "cuda": 30_528}
TOKENS_AT_ONCE = {"cpu": 2048, "cuda": 32_768}


def ways(most: int, tokens: int) -> dict[str, Reading]:
    """Say how examples become batches, by name."""
    return {
        "full": Reading(tokens=tokens, window=0, multiple_of=most),
        BASE: Reading(tokens=tokens, window=0),
        "by length": Reading(tokens=tokens),
        PACKED: Reading(tokens=tokens, packed=True),
    }


class Way:
    """A model and the batches that it is trained on."""

    def __init__(self, ready: Prepared, reading: Reading, case: Case, device: torch.device) -> None:
        self.loader = loader(ready, reading, pin=device.type == "cuda")
        self.device, self.useful = device, 0
        model = ready.model().to(device)
        if case.compiled:
            model.body.compile()
        self.train = Bare(model, summed(model, ready.data.objectives(Stage())), self._batches(), case)

    def _batches(self) -> Iterator[Batch]:
        for epoch in repeat(self.loader):
            for batch in epoch:
                self.useful += batch[TOKENS]
                yield moved(batch, self.device)

    def share(self) -> float:
        """Return the share of an epoch that is no padding."""
        useful = room = 0
        made = self.loader.batches
        for batch in Batches(made.shards, "train", made.reading):
            useful += int(np.count_nonzero(batch["attention_mask"]))
            room += batch["attention_mask"].size
        return useful / room


def measure(kind: str, most: int, folder: Path, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Train in all ways by turns."""
    device = torch.device(asked.device)
    tokens, vocabulary = TOKENS_AT_ONCE[asked.device], VOCABULARY[asked.device]
    shards = folder / f"{kind}-{most}"
    count = 400 * tokens // make_training_shards.KINDS[kind][0]
    sizes = make_training_shards.lengths(kind, min(count, 60_000), most)
    make_training_shards.write(shards, sizes, vocabulary=vocabulary, most=most)
    text = {"hidden_dropout_prob": asked.dropout, "attention_probs_dropout_prob": asked.dropout}
    small = asked.device == "cpu"
    case = Case(kind, {**(SMALL if small else {}), **text}, 1, most)
    case = case._replace(precision="fp32" if small else "bf16", compiled=asked.compile)
    told = [*case.overrides, f"run.attention={asked.attention}"]
    ready = prepare("bert", shards=[shards], overrides=told)
    found = {name: Way(ready, one, case, device) for name, one in ways(most, tokens).items()}
    times = Times(device)
    useful = _take_turns(found, times, asked.seconds)
    rows = []
    wall = {name: sum(one[0] for one in took) for name, took in times.found.items()}
    cpu = {name: sum(one[1] for one in took) for name, took in times.found.items()}
    for name, way in found.items():
        rows.append(
            {
                "examples": f"{kind}, at most {most}",
                "tokens: 5, 50, 95 %": " ".join(f"{one:.0f}" for one in np.percentile(sizes, [5, 50, 95])),
                "rows": name,
                "useful": f"{way.share():.1%}",
                "useful tokens/s": round(useful[name] / wall[name]),
                f"x {BASE}": round(useful[name] / wall[name] / (useful[BASE] / wall[BASE]), 2),
                "cpu": round(useful[name] / cpu[name] / (useful[BASE] / cpu[BASE]), 2),
            }
        )
    return rows


def _take_turns(found: dict[str, Way], times: Times, seconds: float) -> dict[str, int]:
    """Let each train a step, again and again; return how many tokens of use each had."""
    useful = dict.fromkeys(found, 0)
    spent, warm = 0.0, 2
    while spent < seconds * len(found):
        for name, way in found.items():
            before = way.useful
            begun = times.now()
            way.train(1)
            times.add(name, begun)
            useful[name] += way.useful - before
            spent += times.found[name][-1][0]
        if warm:
            times.found.clear()
            useful, spent, warm = dict.fromkeys(found, 0), 0.0, warm - 1
    return useful


def main() -> None:
    """Measure all; print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="sentences alone, and not for long")
    parser.add_argument("--lengths", help="of rows, else 128,256,512")
    parser.add_argument("--seconds", type=float, help="of training, for each way")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--device", choices=["cpu", "cuda"], help="else a GPU if there is one")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--attention", choices=["sdpa", "eager", "flex"], default="sdpa")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    asked.device = asked.device or ("cuda" if torch.cuda.is_available() else "cpu")
    asked.seconds = asked.seconds or (2 if asked.quick else 6)
    lengths = [
        int(one) for one in (asked.lengths or ("128,512" if asked.quick else "128,256,512")).split(",")
    ]
    kinds = ["sentences"] if asked.quick else [*make_training_shards.KINDS]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as passing:
        for kind in kinds:
            for most in lengths:
                rows += measure(kind, most, Path(passing), asked)
    if asked.json:
        print(json.dumps({"about": about(), "rows": rows}))
    else:
        show(about(), rows)


if __name__ == "__main__":
    main()
