"""`metrics.jsonl` of a run, read: one JSON object a line, of training or, with `dev`, of a look at dev.

    {"step":10,"stage":"all","task":"text","epoch":0.1,"seconds":3.2,"lr":{"all":1e-4},"loss":7.1,...}
    {"step":100,"stage":"all","seconds":31.0,"dev":{"loss":5.9,"mlm.loss":5.9,"mlm.right":0.2}}

A number that is none (NaN, infinity) stands there as null, and `reason` says what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import msgspec

from kbtools.errors import ArtefactError

NAME = "metrics.jsonl"
LOSS, RIGHT, F1 = "loss", "right", "f1"  # as they stand there; of an objective behind its name and a point

Line = dict[str, Any]


class Points(NamedTuple):
    """The values of one measure, and the steps that they are of."""

    steps: list[int]
    values: list[float]


def read(path: Path) -> list[Line]:
    """Read all lines; one that was cut off at the very end (its writer was killed) is left out."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from error
    return list(parse(data, path))


def parse(data: bytes, path: Path) -> Iterator[Line]:
    """Yield the lines in some bytes; `path` is for the message if one is no line of metrics."""
    whole, _, rest = data.rpartition(b"\n")
    for number, text in enumerate(whole.split(b"\n") if whole else [], 1):
        found = line(text)
        if found is None:
            raise ArtefactError(
                f"{path}:{number}: not a line of metrics ({text[:40].decode(errors='replace')!r}); "
                "take the line out, or begin the run anew"
            )
        yield found
    if rest and (last := line(rest)) is not None:
        yield last


def line(text: bytes) -> Line | None:
    """Read a line; None: it is no JSON object with a step."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    step = found.get("step") if isinstance(found, dict) else None
    return found if type(step) is int and step >= 0 else None


def trained(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of training."""
    return [one for one in lines if "dev" not in one]


def looked(lines: Sequence[Line]) -> list[Line]:
    """Return the looks at dev: what was seen, flat, with its step."""
    return [
        {**one["dev"], **{name: one[name] for name in ("step", "stage", "seconds") if name in one}}
        for one in lines
        if isinstance(one.get("dev"), dict)
    ]


def points(lines: Sequence[Line], name: str) -> Points:
    """Return the values of a measure; steps at which it is none, or no number, are left out."""
    found = [(one["step"], value) for one in lines if is_number(value := one.get(name))]
    return Points([step for step, _ in found], [float(value) for _, value in found])


def rates(line: Line) -> dict[str, float]:
    """Return the learning rate of each group; a line may tell one for all, which has no name."""
    told = line.get("lr")
    found = told if isinstance(told, dict) else {"": told}
    return {group: float(rate) for group, rate in found.items() if is_number(rate)}


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell numbers from all else."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def measures(lines: Sequence[Line], what: str = LOSS) -> list[str]:
    """List the names of objectives that have a measure, in order of appearance: `mlm.loss`, `nsp.loss`."""
    names = (name for one in lines for name in one if name.endswith(f".{what}"))
    return list(dict.fromkeys(names))


def best(looks: Sequence[Line], name: str = LOSS) -> Line | None:
    """Return the look at dev at which a measure was lowest, the first of several."""
    there = [one for one in looks if is_number(one.get(name))]
    return min(there, key=lambda one: one[name], default=None)
