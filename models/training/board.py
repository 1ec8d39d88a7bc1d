"""TensorBoard's files, written from what metrics.jsonl says.

A run that goes on writes what was there anew, into one file: so no point stands there twice, and none of a
step that was done again. Of a long run that is a selection, more of it than TensorBoard shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from kbtools.extras import need
from kbtools.runs.metrics import Line, is_number, rates

FILES = "events.out.tfevents.*"
REPEATED = 5000  # lines that are written anew, at most; some 600 are written in a second
BESIDE = {"step", "dev", "reason", "lr"}  # what is no number of its own


def check() -> None:
    """Say what is missing before a run begins, not when it writes."""
    need("tensorboardX", extra="train", why="writing TensorBoard's files (run.tensorboard)")


class Board:
    """A folder of TensorBoard; a context manager."""

    def __init__(self, folder: Path, lines: Sequence[Line] = ()) -> None:
        """Begin with `lines`, those of a run that goes on."""
        library: Any = need(
            "tensorboardX", extra="train", why="writing TensorBoard's files (run.tensorboard)"
        )
        for old in folder.glob(FILES):
            old.unlink()
        self._writer = library.SummaryWriter(str(folder))
        every = -(-len(lines) // REPEATED) or 1
        for number, line in enumerate(lines):
            if "dev" in line or number % every == 0:
                self.write(line)
        self._writer.flush()

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, line: Line) -> None:
        """Add the numbers of a line."""
        for name, value in scalars(line):
            self._writer.add_scalar(name, value, line["step"])

    def close(self) -> None:
        """Bring all to the disk."""
        self._writer.close()


def scalars(line: Line) -> Iterator[tuple[str, float]]:
    """Name the numbers of a line as TensorBoard groups them: `train/…`, `dev/…`, `lr/…`.

    >>> list(scalars({"step": 5, "lr": {"rest, no decay": 0.1}, "loss": 2.0, "mfu": None, "stage": "all"}))
    [('lr/rest_no_decay', 0.1), ('train/loss', 2.0)]
    """
    for group, rate in rates(line).items():
        yield f"lr/{'_'.join(group.replace(',', ' ').split()) or 'all'}", rate
    for where, told in (
        ("train", {k: v for k, v in line.items() if k not in BESIDE}),
        ("dev", line.get("dev")),
    ):
        for name, value in (told or {}).items():
            if is_number(value):
                yield f"{where}/{name}", float(value)
