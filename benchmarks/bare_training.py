"""What the benchmarks of training share: what is trained, bare loops, clocks and tables."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from kbtools.models.batch import Batch
from kbtools.models.recipe import Stage
from kbtools.models.training.data import Loader
from kbtools.models.training.feeding import ALWAYS, TARGETS, Prepare
from kbtools.models.training.stage import Prepared
from kbtools.shards.reading.batches import Batches
from kbtools.shards.reading.settings import Reading

OURS = "kbtools"
COLUMNS = ("pair.kind",)  # beside those that are always read
SMALL = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}


class Case(NamedTuple):
    """What is trained."""

    name: str
    text: dict[str, int]
    rows: int
    length: int
    steps: int = 20  # of a turn
    precision: str = "fp32"
    compiled: bool = False
    vocabulary: int = 8192

    @property
    def overrides(self) -> list[str]:
        """What the recipe of BERT is told."""
        text = [f"model.text.{name}={value}" for name, value in self.text.items()]
        run = {
            "steps": 1_000_000, "batch": self.rows, "micro": self.rows, "precision": self.precision,
            "evaluate": 0, "save": 0, "compile": str(self.compiled).lower(),
        }  # fmt: skip
        most = max(round(self.length * 0.15), 1)
        return [
            *text, *(f"run.{name}={value}" for name, value in run.items()), "stages=[]", "tasks={}",
            "optimiser.bias_correction=true", "optimiser.warmup=0", f"objectives.mlm.max_predictions={most}",
        ]  # fmt: skip


class Bare:
    """A plain loop, the same for all models: `loss` makes a loss of a batch."""

    def __init__(
        self, model: torch.nn.Module, loss: Callable[[Any], Tensor], batches: list[Any], case: Case
    ) -> None:
        self.model, self.loss, self.batches = model, loss, batches
        self.device = next(model.parameters()).device.type
        self.bf16 = case.precision == "bf16"
        self.optimiser = torch.optim.AdamW(model.parameters(), 1e-4, eps=1e-6, weight_decay=0.01, fused=True)
        model.train()

    def __call__(self, steps: int) -> None:
        """Train."""
        weights = [*self.model.parameters()]
        for batch in islice(self.batches, steps):
            self.optimiser.zero_grad()
            with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
                loss = self.loss(batch)
            loss.backward()
            clip_grad_norm_(weights, 1.0)
            self.optimiser.step()


def loader(ready: Prepared, reading: Reading, *, pin: bool = False) -> Loader:
    """Make what yields batches with masks and all, read in some way."""
    (shards,) = ready.data.shards.values()
    words = {name: tuple(ready.data.classes[name]) for name in COLUMNS if name in ready.data.classes}
    told = replace(reading, columns=(*ALWAYS, *COLUMNS), classes=words)
    prepare = Prepare(ready.data.objectives(Stage()), 0)
    return Loader(Batches(shards, "train", told), prepare=prepare, pin=pin)


def summed(model: Any, objectives: Mapping[str, Any]) -> Callable[[Batch], Tensor]:
    """Return what makes a loss of a batch: the objectives of kbtools, each a mean over its targets."""

    def loss(batch: Batch) -> Tensor:
        output = model(batch)
        parts = [
            one.loss(model, output, batch).total / max(batch[TARGETS][name], 1)
            for name, one in objectives.items()
        ]
        return sum(parts[1:], parts[0])

    return loss


class Times:
    """Seconds of the clock and of the processor, by who took them; one entry a round."""

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.found: dict[str, list[tuple[float, float]]] = {}

    def now(self) -> tuple[float, float]:
        """Read both clocks; what a GPU has been sent is done then."""
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    def add(self, name: str, begun: tuple[float, float]) -> None:
        """Note what has passed."""
        wall, cpu = self.now()
        self.found.setdefault(name, []).append((wall - begun[0], cpu - begun[1]))

    def ratios(self, name: str, which: int) -> tuple[float, float, float]:
        """Compare round by round: quartiles of bare over kbtools."""
        pairs = zip(self.found[name], self.found[OURS], strict=True)
        low, middle, high = np.percentile([bare[which] / ours[which] for bare, ours in pairs], [25, 50, 75])
        return float(low), float(middle), float(high)


def about() -> str:
    """Say when and on what this is measured."""
    cuda = torch.cuda.is_available()
    return (
        f"{time.strftime('%Y-%m-%d')}, {torch.cuda.get_device_name() if cuda else platform.machine()}, "
        f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}"
    )
