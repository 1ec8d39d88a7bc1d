"""How `kbtools inspect` and `kbtools diff` print runs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kbtools.cli.printing import cell, facts, heading, show_settings, show_table
from kbtools.progress import clock
from kbtools.runs.diff import RunsDifference
from kbtools.runs.metrics import F1, RIGHT
from kbtools.runs.overview import RECIPE, Course, Measured, RunOverview, UnfinishedRun

BARS = "▁▂▃▄▅▆▇█"


def show(found: RunOverview) -> None:
    """Print what is particular to a run."""
    begun = f", from {cell(found.start)}" if found.start else ""
    heading(f"{cell(found.model)}{begun}: {', '.join(map(cell, found.objectives))}")
    facts([("recipe", f"{cell(found.path)}/{RECIPE}")])
    _show_course(found.course, found.steps, found.checkpoints)


def show_unfinished(found: UnfinishedRun) -> None:
    """Print how far a run is that is not done."""
    heading("how far")
    _show_course(found.course, found.steps, found.checkpoints)


def _show_course(course: Course, steps: int | None, checkpoints: Sequence[int]) -> None:
    of = f" of {steps:,}" if steps else ""
    stage = f", stage {cell(course.stage)}" if course.stage else ""
    tokens = f", {course.tokens:,} tokens" if course.tokens else ""
    facts(
        [
            ("trained", f"{course.step:,}{of} steps{stage}{tokens} in {clock(course.seconds)}"),
            (
                "loss",
                f"{spark(course.curve)}  {course.curve[0]:.3g} → {course.curve[-1]:.3g}"
                if course.curve
                else "",
            ),
            ("kept", _steps(checkpoints)),
            ("note", cell(course.note)),
        ]
    )
    if course.measured:
        rows = [
            (one.name, _number(one.name, one.train), _number(one.name, one.dev), _best(one))
            for one in course.measured
        ]
        click.echo()
        show_table(["", "train", "dev", "best on dev"], rows, right=["train", "dev", "best on dev"], indent=2)


def spark(values: Sequence[float]) -> str:
    """Draw a line in one row of characters.

    >>> spark([4.0, 3.0, 2.0, 2.0]), spark([1.0, 1.0])
    ('█▅▁▁', '▁▁')
    """
    low, high = min(values), max(values)
    wide = (high - low) or 1.0
    return "".join(BARS[min(int((value - low) / wide * len(BARS)), len(BARS) - 1)] for value in values)


def show_difference(found: RunsDifference) -> None:
    """Print what is different between two runs."""
    show_settings(found.settings)
    if found.inputs:
        heading("made from")
        for old, new in found.inputs:
            click.echo(f"  {cell(old) or '(none)'} → {cell(new) or '(none)'}")
    times = " → ".join(clock(seconds) for seconds in found.seconds)
    heading(f"steps {found.steps[0]:,} → {found.steps[1]:,}, {times}")
    rows = [
        (
            one.name,
            *(_number(one.name, side.train if side else None) for side in (one.old, one.new)),
            *(_best(side) if side else "" for side in (one.old, one.new)),
        )
        for one in found.measured
    ]
    columns = ["", "train before", "train after", "best on dev before", "best after"]
    show_table(columns, rows, right=columns[1:], indent=2)


def _best(one: Measured) -> str:
    return "" if one.best is None else f"{_number(one.name, one.best)} (step {one.step:,})"


def _number(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if name.endswith((f".{RIGHT}", f".{F1}")) else f"{value:.4g}"


def _steps(found: Sequence[int]) -> str:
    return f"checkpoints of steps {', '.join(f'{step:,}' for step in found)}" if found else ""
