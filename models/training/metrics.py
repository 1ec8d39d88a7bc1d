"""`metrics.jsonl`, written: a line at a time, each on disk before the next; cut where a run goes on.

How it is read, and what stands in it: `kbtools.runs.metrics`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from kbtools.artefact import write_whole
from kbtools.runs import metrics
from kbtools.runs.metrics import Line, read

__all__ = ["Line", "Metrics", "read"]


class Metrics:
    """The file of a run, to which lines are added; a context manager.

    Whatever a line that was cut off left at its end is taken away on entry, so that the next one stands by
    itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Metrics:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, line: Mapping[str, Any]) -> Line:
        """Add a line; return it as it stands there. It has a step."""
        told = finite(line)
        if self._file is None:
            self._open()
        assert self._file is not None  # noqa: S101 - for mypy
        self._file.write(msgspec.json.encode(told) + b"\n")
        self._file.flush()
        return told

    def cut(self, step: int) -> int:
        """Take away what was told of later steps, for a run that goes on behind `step`; say how many lines.

        The file is replaced as a whole: it is never found half cut.
        """
        self.close()
        if not self.path.exists():
            return 0
        lines = read(self.path)
        kept = [line for line in lines if line["step"] <= step]
        if len(kept) < len(lines):
            write_whole(self.path, b"".join(msgspec.json.encode(line) + b"\n" for line in kept))
        return len(lines) - len(kept)

    def close(self) -> None:
        """Close the file; a line that is added later opens it again."""
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("ab")
        whole, _, rest = self.path.read_bytes().rpartition(b"\n")
        if rest and metrics.line(rest) is not None:
            file.write(b"\n")
        elif rest:
            file.truncate(len(whole) + bool(whole))
        self._file = file


def finite(line: Mapping[str, Any]) -> Line:
    """Put null where there is NaN or infinity, which JSON has not, and say in `reason` what it was.

    >>> finite({"step": 3, "loss": float("nan"), "dev": {"loss": float("inf")}})
    {'step': 3, 'loss': None, 'dev': {'loss': None}, 'reason': {'loss': 'nan', 'dev.loss': 'inf'}}
    """
    reasons: dict[str, str] = {}

    def told(value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {key: told(item, f"{name}.{key}" if name else str(key)) for key, item in value.items()}
        if isinstance(value, float) and not math.isfinite(value):
            reasons[name] = str(value)
            return None
        return value

    found: Line = told(line, "")
    return {**found, "reason": {**found.get("reason", {}), **reasons}} if reasons else found
