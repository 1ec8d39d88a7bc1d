"""How tasks are run: on this machine now, elsewhere later; one engine = one file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from kbtools import plugins
from kbtools.artefact.task import Done, Task


class Pool(Protocol):
    """An engine's workers; `local.Pool` says more."""

    @property
    def peak_mb(self) -> float:
        """The largest resident memory that one worker has had, in MB."""
        ...

    def run(
        self, tasks: Iterable[Task], *, on_done: Callable[[Done], None] | None = None
    ) -> Generator[Done, None, None]:
        """Do `tasks`; yield the record of each as it is done."""
        ...


def run(
    tasks: Iterable[Task],
    *,
    folder: Path,
    workers: int = 1,
    engine: str = "local",
    on_done: Callable[[Done], None] | None = None,
) -> Generator[Done, None, None]:
    """Do `tasks` with the engine of that name; yield the record of each as it is done."""
    done: Generator[Done, None, None] = plugins.load(__name__, engine).run(
        tasks, folder=folder, workers=workers, on_done=on_done
    )
    return done


def pool(
    folder: Path, *, workers: int = 1, engine: str = "local", preload: Iterable[str] = ()
) -> AbstractContextManager[Pool]:
    """Open an engine's workers, to be kept over the stages of one build."""
    made: AbstractContextManager[Pool] = plugins.load(__name__, engine).Pool(folder, workers, preload=preload)
    return made
