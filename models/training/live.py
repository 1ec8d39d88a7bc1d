"""What a person sees while a model is trained: how far, the loss of late, how fast, how long to go."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from kbtools.progress import Progress, percent

SHARES = {"right", "f1", "precision", "recall"}  # shown in per cent
WAITING = 0.05  # a smaller share of the time is not worth a word


class Live:
    """Progress of a training run; a context manager. It is for the one process that tells.

    `done` steps were made before, by a run that goes on now.
    """

    def __init__(
        self,
        steps: int,
        *,
        done: int = 0,
        what: str = "training",
        quiet: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self.steps = steps
        self._progress = Progress(what, steps, "steps", quiet=quiet, stream=stream, done=done)

    def __enter__(self) -> Live:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)

    def step(self, n: int = 1) -> None:
        """Count a step that is done."""
        self._progress.advance(n)

    def tell(self, line: Mapping[str, Any]) -> None:
        """Show what a line of metrics says, from now on until the next."""
        self._progress.say(*facts(line))

    def stage(self, name: str, first: int, last: int) -> None:
        """Say that another part of the run begins."""
        self._progress.note(f"stage {name}: steps {first:,} to {last:,} of {self.steps:,}")

    def look(self, line: Mapping[str, Any], *, best: bool = False) -> None:
        """Say what was seen on dev."""
        told = [f"{name} {shown(name, value)}" for name, value in line.get("dev", {}).items()]
        self._progress.note(
            f"step {line['step']:,}: dev {' · '.join(told)}{' (best so far)' if best else ''}"
        )

    def note(self, message: str) -> None:
        """Print a line without breaking the bar."""
        self._progress.note(message)


def facts(line: Mapping[str, Any]) -> list[str]:
    """List what is worth a look while it runs.

    >>> facts({"step": 9, "loss": 2.3149, "tokens_per_second": 12345.6, "mfu": 0.414, "loader_share": 0.2})
    ['loss 2.315', '12,346 tokens/s', 'MFU 41 %', '20 % of the time waiting for batches']
    """
    found = []
    if (loss := line.get("loss")) is not None:
        found.append(f"loss {loss:.3f}")
    if (pace := line.get("tokens_per_second")) is not None:
        found.append(f"{pace:,.0f} tokens/s")
    if (mfu := line.get("mfu")) is not None:
        found.append(f"MFU {percent(mfu, 1.0)}")
    if (waiting := line.get("loader_share") or 0.0) >= WAITING:
        found.append(f"{percent(waiting, 1.0)} of the time waiting for batches")
    return found


def shown(name: str, value: Any) -> str:
    """Write a measure as people read it: what is right in per cent."""
    if value is None:
        return "none"
    return f"{100 * value:.1f} %" if name.rpartition(".")[2] in SHARES else f"{value:.3f}"
