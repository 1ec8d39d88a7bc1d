"""What a run is: what was trained, how far it came, and how well; of an unfinished one too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kbtools.config import load_table
from kbtools.errors import KbError
from kbtools.kb.overview import Overview, Unfinished
from kbtools.runs import metrics
from kbtools.runs.metrics import LOSS, Line

KIND = "run"
NEW, RECIPE, CHECKPOINTS = "new", "recipe.toml", "checkpoints"
STEP = re.compile(r"step-(\d+)")
CURVE = 40  # points of the curve that is shown


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A loss, or the share that is right: at the end and at its best."""

    name: str
    train: float | None  # as it was told last
    dev: float | None
    best: float | None  # on dev
    step: int | None  # of the best


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How a run went, from its metrics."""

    step: int  # the last that is told of
    stage: str | None
    seconds: float
    tokens: int
    measured: list[Measured]
    curve: list[float]  # the loss, in so many parts of the run
    best: Line | None  # the look at dev with the lowest loss
    note: str = ""  # why nothing is told


class RunOverview(Overview, frozen=True, kw_only=True):
    """A run in plain words."""

    model: str
    start: str | None
    objectives: list[str]
    steps: int  # planned
    course: Course
    checkpoints: list[int]  # their steps


class UnfinishedRun(Unfinished, frozen=True, kw_only=True):
    """A run that goes on, or was broken off."""

    steps: int | None  # planned, if that is known
    course: Course
    checkpoints: list[int]


def describe(general: Overview) -> RunOverview:
    """Describe a run from its manifest and its metrics."""
    path, settings = Path(general.path), general.settings
    fields = {name: getattr(general, name) for name in Overview.__struct_fields__}
    model = settings.get("model") or {}
    steps = general.notes.get("steps") or (settings.get("run") or {}).get("steps") or 0
    return RunOverview(
        **fields,
        model=str(model.get("name", "")),
        start=model.get("start"),
        objectives=list(settings.get("objectives") or ()),
        steps=int(steps),
        course=course(path, best_of(settings)),
        checkpoints=checkpoints(path),
    )


def is_unfinished(path: Path) -> bool:
    """Tell whether a building site is that of a run."""
    return any((path / NEW / name).exists() for name in (metrics.NAME, CHECKPOINTS))


def describe_unfinished(general: Unfinished) -> UnfinishedRun:
    """Describe a run that is not done: how far it is, and where it would go on."""
    folder = Path(general.path) / NEW
    settings = _recipe(folder / RECIPE)
    found = checkpoints(folder)
    resume = general.resume
    if not general.busy:
        where = f"at step {found[-1]:,}" if found else "at the beginning: there is no checkpoint yet"
        again = f"run the command that makes {general.out} again"
        resume = f"{again}: it goes on {where}; with --restart it begins anew"
    steps = (settings.get("run") or {}).get("steps")
    fields = {name: getattr(general, name) for name in Unfinished.__struct_fields__}
    return UnfinishedRun(
        **{**fields, "resume": resume},
        steps=steps if isinstance(steps, int) and steps else None,
        course=course(folder, best_of(settings)),
        checkpoints=found,
    )


def best_of(settings: dict[str, Any]) -> str:
    """Say what is better when it is lower."""
    return str((settings.get("run") or {}).get("best") or LOSS)


def course(folder: Path, best: str = LOSS) -> Course:
    """Tell how the run in a folder went; of metrics that cannot be read, why."""
    note, lines = "", list[Line]()
    try:
        lines = metrics.read(folder / metrics.NAME)
    except KbError as error:
        note = str(error)
    train, dev = metrics.trained(lines), metrics.looked(lines)
    stage = next((line["stage"] for line in reversed(train) if line.get("stage")), None)
    return Course(
        step=lines[-1]["step"] if lines else 0,
        stage=stage,
        seconds=sum(metrics.points(train, "seconds").values),
        tokens=int(sum(metrics.points(train, "tokens").values)),
        measured=measured(train, dev),
        curve=curve(metrics.points(train, LOSS).values),
        best=metrics.best(dev, best),
        note=note,
    )


def measured(train: Sequence[Line], dev: Sequence[Line]) -> list[Measured]:
    """List the losses and the shares that are right, with what they were last and at best."""
    names = [metrics.LOSS]
    for what in (metrics.LOSS, metrics.RIGHT, metrics.F1):
        names += metrics.measures([*train, *dev], what)
    found = []
    for name in names:
        told, seen = metrics.points(train, name), metrics.points(dev, name)
        if not told.steps and not seen.steps:
            continue
        best = _best(seen, highest=name.endswith((f".{metrics.RIGHT}", f".{metrics.F1}")))
        found.append(
            Measured(
                name=name,
                train=told.values[-1] if told.steps else None,
                dev=seen.values[-1] if seen.steps else None,
                best=None if best is None else seen.values[best],
                step=None if best is None else seen.steps[best],
            )
        )
    return found


def _best(seen: metrics.Points, *, highest: bool) -> int | None:
    if not seen.steps:
        return None
    return int(np.argmax(seen.values) if highest else np.argmin(seen.values))


def curve(values: Sequence[float], most: int = CURVE) -> list[float]:
    """Return the means of equal parts of a line."""
    parts = np.array_split(np.array(values), min(most, len(values)) or 1)
    return [float(part.mean()) for part in parts if len(part)]


def checkpoints(folder: Path) -> list[int]:
    """List the steps of the checkpoints that there are."""
    try:
        found = [STEP.fullmatch(path.name) for path in (folder / CHECKPOINTS).iterdir() if path.is_dir()]
    except OSError:
        return []
    return sorted(int(match[1]) for match in found if match)


def _recipe(path: Path) -> dict[str, Any]:
    try:
        return load_table(path)
    except KbError:
        return {}
