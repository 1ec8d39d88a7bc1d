"""What an evaluation hands to the report: numbers with their intervals, comparisons, curves, predictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One number: a metric of a system, of all items or of a `group` of those told apart `by` something."""

    system: str
    metric: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    by: str = ""
    group: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """By how much one system is above another on the same items, and how likely chance does as much."""

    system: str
    other: str
    metric: str
    difference: float
    low: float
    high: float
    p: float
    n: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a plot: y over x, and how sure each y is."""

    name: str
    x: Sequence[float | str]
    y: list[float]
    low: list[float] = []
    high: list[float] = []


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A plot: its file's name, its words and its lines; x are numbers, or words at even distances."""

    name: str
    title: str
    x: str
    y: str
    lines: list[Line]
    log_x: bool = False


class Cloud(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of points: in groups, some with a name; the first of the names goes before the others."""

    name: str
    title: str
    x: str
    y: str
    groups: list[Line]
    names: list[tuple[float, float, str]] = []


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a table of counts: how often each of its rows meets each of its columns."""

    name: str
    title: str
    x: str
    y: str
    columns: list[str]
    rows: list[str]
    values: list[list[float]]


class Results(NamedTuple):
    """All that an evaluation found.

    `files` are others that belong to it, by name; they are small. `clouds` and `heats` are drawn, not told in
    numbers.
    """

    title: str
    measures: list[Measure]
    predictions: pa.Table
    comparisons: list[Comparison] = []  # noqa: RUF012 - a default of a tuple, never changed
    curves: list[Curve] = []  # noqa: RUF012
    counts: dict[str, Any] = {}  # noqa: RUF012
    notes: list[str] = []  # noqa: RUF012
    files: dict[str, bytes] = {}  # noqa: RUF012
    clouds: list[Cloud] = []  # noqa: RUF012
    heats: list[Heat] = []  # noqa: RUF012

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers over all items, by `SYSTEM METRIC`."""
        return {f"{one.system} {one.metric}": one.value for one in self.measures if not one.by}


def systems(measures: Iterable[Measure]) -> list[str]:
    """List the systems in order of appearance."""
    return list(dict.fromkeys(measure.system for measure in measures))


def breakdowns(measures: Iterable[Measure]) -> list[str]:
    """List what items are told apart by, in order of appearance; "" is all of them."""
    return list(dict.fromkeys(measure.by for measure in measures))
