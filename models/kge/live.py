"""What a person sees while vectors are learned: how far, the loss, positives a second, how good."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from kbtools.progress import Progress


class Live:
    """Progress of a run; a context manager. `done` triples were learned before, by a run that goes on."""

    def __init__(
        self, triples: int, epochs: int, *, done: int = 0, quiet: bool = False, stream: TextIO | None = None
    ) -> None:
        self.epochs = epochs
        self._progress = Progress("embed", triples, "triples", quiet=quiet, stream=stream, done=done)
        self._said = {"epoch": "", "loss": "", "mrr": ""}

    def __enter__(self) -> Live:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)

    def step(self, triples: int) -> None:
        """Count triples that are learned."""
        self._progress.advance(triples)

    def epoch(self, number: int, loss: float) -> None:
        """Say what the loss of an epoch was."""
        self._tell(epoch=f"epoch {number:,} of {self.epochs:,}", loss=f"loss {loss:.4f}")

    def look(self, found: Mapping[str, Any], *, best: bool) -> None:
        """Say how well validation is ranked."""
        self._tell(mrr=f"MRR {found['mrr']:.3f}")
        self._progress.note(
            f"epoch {found['epoch']:,}: MRR {found['mrr']:.4f} · hits@10 {found['hits@10']:.3f} "
            f"on {found['triples']:,} triples of {found['split']}{' (best so far)' if best else ''}"
        )

    def note(self, message: str) -> None:
        """Print a line without breaking the bar."""
        self._progress.note(message)

    def _tell(self, **said: str) -> None:
        self._said.update(said)
        self._progress.say(*(one for one in self._said.values() if one))
