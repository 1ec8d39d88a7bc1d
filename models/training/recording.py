"""What a run writes and says of itself: metrics.jsonl, the line that is alive, TensorBoard, curves.svg.

All processes take part where sums are added up; the main one writes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from kbtools.artefact import write_whole
from kbtools.models.objectives.base import Objective
from kbtools.models.recipe import Run
from kbtools.models.training import costs, curves
from kbtools.models.training.live import Live
from kbtools.models.training.looking import means
from kbtools.models.training.loop import Step
from kbtools.models.training.metrics import Metrics
from kbtools.models.training.planning import Planned
from kbtools.models.training.trainee import Totals, add
from kbtools.models.training.watching import Watch
from kbtools.models.training.world import World
from kbtools.runs.metrics import NAME, read

CURVES, TENSORBOARD = "curves.svg", "tensorboard"


class Recorder:
    """The record of a run; a context manager."""

    def __init__(self, out: Path, run: Run, world: World, *, total: int, done: int, quiet: bool) -> None:
        self.out, self.run, self.world = out, run, world
        self.metrics = Metrics(out / NAME)
        if world.main:
            self.metrics.cut(done)
        self.live = Live(total, done=done, quiet=quiet or not world.main)
        self.board: Any = None
        self.work: costs.Work | None = None
        self.words: list[str] = []  # objectives whose targets are words
        self.peak: float | None = None
        self.watch = Watch(world)
        self._clear()

    def _clear(self) -> None:
        self.totals: Totals = {}
        self.targets: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.sums = dict.fromkeys(("tokens", "room", "examples", "steps", "seconds", "waited"), 0.0)
        self.norms: Totals = {}
        self.begun = time.perf_counter()

    def __enter__(self) -> Recorder:
        self.live.__enter__()
        if self.world.main and self.run.tensorboard:
            from kbtools.models.training.board import Board  # noqa: PLC0415 - an optional library

            self.board = Board(
                self.out / TENSORBOARD, read(self.out / NAME) if (self.out / NAME).exists() else []
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.__exit__(kind, error, trace)
        self.metrics.close()
        if self.board is not None:
            self.board.close()

    def stage(self, planned: Planned, model: Any, objectives: Mapping[str, Objective]) -> None:
        """Say that a stage begins; what is frozen is frozen now."""
        self.words = [name for name, one in objectives.items() if "lm" in one.heads]
        self.work = costs.work(model)
        self.peak = costs.peak(_name(self.world.device), self.run.precision)
        if planned.stage.name:
            self.live.stage(planned.stage.name, planned.first + 1, planned.stop)
        self._clear()

    def step(self, step: Step, planned: Planned, epochs: Mapping[str, int]) -> None:
        """Take a step in; refuse to go on if its loss is no number."""
        self.watch.take(step)
        add(self.totals, step.totals)
        for name, many in step.targets.items():  # of all processes: each tells its share
            self.targets[name] = self.targets.get(name, 0.0) + many / self.world.size
        self.weights |= step.weights
        for name in ("tokens", "room", "examples", "seconds", "waited"):
            self.sums[name] += getattr(step, name)
        self.sums["steps"] += 1
        there = torch.isfinite(step.norm)  # in fp16 a step may be left out
        add(self.norms, {"sum": torch.where(there, step.norm, 0.0), "steps": there})
        self.tasks, self.rates, self.epochs = step.tasks, step.rates, epochs
        self.live.step()

    def line(self, number: int, planned: Planned) -> None:
        """Write a line about the steps since the last one."""
        if not self.sums["steps"]:
            return
        found = means(self.world.sums, self.totals, self.targets, self.weights)
        counts = ("tokens", "room", "examples")
        summed = dict(zip(counts, self.world.sums([self.sums[name] for name in counts]), strict=True))
        seconds = time.perf_counter() - self.begun
        line: dict[str, Any] = {
            **_at(number, planned),
            "task": ",".join(self.tasks),
            "epoch": max(self.epochs.values(), default=0),
            "seconds": round(seconds, 3),
            "lr": max(self.rates, default=0.0),
            **found,
            "grad_norm": float(self.norms["sum"] / self.norms["steps"].clamp(min=1)),
            "tokens": int(summed["tokens"]),
            "tokens_per_second": summed["tokens"] / max(seconds, 1e-9),
            "useful": summed["tokens"] / max(summed["room"], 1.0),
            "examples": int(summed["examples"]),
            "loader_share": self.sums["waited"] / max(self.sums["seconds"], 1e-9),
            **self._mfu(summed, seconds),
        }
        if self.world.main:
            self._write(line)
        self._clear()

    def _mfu(self, summed: Mapping[str, float], seconds: float) -> dict[str, float]:
        """Say what share of what the devices can do was of use: padding counts for nothing."""
        if self.work is None or self.peak is None:
            return {}
        words = sum(self.targets.get(name, 0.0) for name in self.words) * self.world.size
        length = summed["tokens"] / max(summed["examples"], 1.0)
        flops = self.work.flops(summed["tokens"], length, words, summed["examples"])
        share = costs.mfu(flops, seconds, self.peak, self.world.size)
        return {} if share is None else {"mfu": share}

    def look(self, number: int, planned: Planned, found: Mapping[str, float], *, best: bool) -> None:
        """Write what was seen on dev."""
        line = {**_at(number, planned), "dev": dict(found)}
        if self.world.main:
            self._write(line)
            self.live.look(line, best=best)

    def begin(self) -> None:
        """Measure from here: looks and checkpoints are not training."""
        self.begun = time.perf_counter()

    def _write(self, line: dict[str, Any]) -> None:
        told = self.metrics.write(line)
        if self.board is not None:
            self.board.write(told)
        if "dev" not in line:
            self.live.tell(told)

    def draw(self) -> None:
        """Draw the curves of all that is in the file."""
        if self.world.main and (self.out / NAME).exists():
            write_whole(self.out / CURVES, curves.draw(self.out / NAME).encode())


def _at(number: int, planned: Planned) -> dict[str, Any]:
    """Say where in the run a line stands."""
    return {"step": number, **({"stage": planned.stage.name} if planned.stage.name else {})}


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
