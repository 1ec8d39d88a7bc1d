"""Processes that train by turns, so that what disturbs a machine disturbs all of them alike.

One process starts the others (`Side`), each with a file of settings. Such a one (`Turns`) tells its versions,
then reads a line for each turn: a number of epochs, or `rank`; and answers each with a line of JSON: seconds
of training alone, by the clock and by the processor, or what ranking found. No line: it ends.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any


class Stop(Exception):  # noqa: N818 - no error
    """Ends training."""


class Turns:
    """What a side does after each epoch: count it, and wait where a turn ends."""

    def __init__(self, rank: Callable[[], dict[str, float]]) -> None:
        self.rank, self.left = rank, 0

    def ended(self) -> None:
        """Count an epoch; at the end of a turn tell its seconds, and wait for another."""
        self.left -= 1
        if not self.left:
            wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            answer({"seconds": wall, "cpu": cpu, "peak MB": peak})
            self.wait()

    def wait(self) -> None:
        """Do what is asked, until it is to train."""
        while (asked := sys.stdin.readline().strip()) == "rank":
            answer(self.rank())
        if not asked:
            raise Stop
        self.left = int(asked)
        self.wall, self.cpu = time.perf_counter(), time.process_time()


class Side:
    """Another process that trains when it is told to; a context manager."""

    def __init__(self, python: Path | str, script: Path, told: dict[str, Any], folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps({**told, "folder": str(folder)}), encoding="utf-8")
        with (folder / "errors.txt").open("w") as errors:
            self.process = subprocess.Popen(
                [str(python), str(script), str(folder / "settings.json")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**os.environ, "OMP_NUM_THREADS": str(told["threads"])},
            )  # fmt: skip
        self.errors = folder / "errors.txt"
        self.versions = self._answer()

    def __enter__(self) -> Side:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def ask(self, what: str | int) -> dict[str, Any]:
        """Let it train so many epochs, or `rank`."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args}:\n{self.errors.read_text()[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found


def answer(found: dict[str, Any]) -> None:
    """Write a line."""
    print(json.dumps(found), flush=True)


def settings() -> dict[str, Any]:
    """Read what this side is told."""
    found: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return found


def quartiles(first: list[dict[str, float]], second: list[dict[str, float]], clock: str) -> list[float]:
    """Compare what two sides took, turn by turn: how many times as fast the second one is."""
    found = [one[clock] / other[clock] for one, other in zip(first, second, strict=True)]
    return statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
