"""How tasks are run: on this machine now, elsewhere later; one engine = one file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path

from kbtools import plugins
from kbtools.artefact.task import Done, Task


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
