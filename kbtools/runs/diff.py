"""What is different between two runs: what they were told, what they read, how they ended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

import msgspec

from kbtools import artefact
from kbtools.artefact import Manifest
from kbtools.kb.comparing import settings_changed
from kbtools.runs.overview import KIND, Course, Measured, best_of, course


class Both(msgspec.Struct, frozen=True, kw_only=True):
    """A measure in both runs; None: one has it not."""

    name: str
    old: Measured | None
    new: Measured | None


class RunsDifference(msgspec.Struct, frozen=True, kw_only=True):
    """All that is different."""

    old: str
    new: str
    same: bool
    settings: dict[str, tuple[object, object]]
    inputs: list[tuple[str, str]]  # of old and new, where they are not the same
    steps: tuple[int, int]
    seconds: tuple[float, float]
    measured: list[Both]


def diff(
    old: Path,
    new: Path,
    *,
    examples: int = 0,
    top: int = 0,
    memory: int | None = None,
    threads: int | None = None,
) -> RunsDifference:
    """Compare two runs; there is nothing to show examples of."""
    before, after = artefact.read(old, KIND), artefact.read(new, KIND)
    went = course(old, best_of(before.settings)), course(new, best_of(after.settings))
    return RunsDifference(
        old=str(old),
        new=str(new),
        same=before.content == after.content,
        settings=settings_changed(before, after),
        inputs=list(_inputs(before, after)),
        steps=(went[0].step, went[1].step),
        seconds=(went[0].seconds, went[1].seconds),
        measured=list(_both(*went)),
    )


def _inputs(before: Manifest, after: Manifest) -> Iterable[tuple[str, str]]:
    """Pair what each was made from, where contents are not the same; by kind, in order."""
    mine, theirs = ({one.content: one for one in side.inputs} for side in (before, after))
    gone = [one for content, one in mine.items() if content not in theirs]
    come = [one for content, one in theirs.items() if content not in mine]
    for at in range(max(len(gone), len(come))):
        left, right = (side[at] if at < len(side) else None for side in (gone, come))
        yield tuple(
            f"{one.kind} {PurePath(one.path).name} {one.content}" if one else "" for one in (left, right)
        )  # type: ignore[misc]


def _both(old: Course, new: Course) -> Iterable[Both]:
    mine, theirs = ({one.name: one for one in side.measured} for side in (old, new))
    for name in dict.fromkeys([*mine, *theirs]):
        yield Both(name=name, old=mine.get(name), new=theirs.get(name))
