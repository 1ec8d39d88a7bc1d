"""Tasks that the tests hand to executors; a worker finds them by name."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from kbtools.artefact import Outcome
from kbtools.errors import ConfigError, SourceError


def write(folder: Path, *, file: str, text: str = "", pause: float = 0) -> Outcome:
    """Write a file, and leave a mark for each time that it was done."""
    time.sleep(pause)
    _mark(folder, file)
    path = folder / "new" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Outcome(files=[f"new/{file}"], facts={"length": len(text)})


def upper(folder: Path, *, source: str, file: str) -> Outcome:
    """Turn one file into another; the first is meant to be consumed."""
    return write(folder, file=file, text=(folder / source).read_text().upper())


def facts(folder: Path, **given: Any) -> Outcome:
    """Return what was given."""
    return Outcome(facts=given)


def big(folder: Path, *, size: int) -> Outcome:
    return Outcome(facts={"text": "x" * size})


def who(folder: Path, *, pause: float = 0) -> Outcome:
    time.sleep(pause)
    return Outcome(
        facts={
            "pid": os.getpid(),
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "json": "json" in sys.modules,
        }
    )


def busy(folder: Path, *, pause: float) -> Outcome:
    _mark(folder, "busy")
    time.sleep(pause)
    return Outcome()


def die(folder: Path, *, name: str, times: int, how: int = signal.SIGKILL) -> Outcome:
    """Be killed in the middle of the work, the first `times` times."""
    if _mark(folder, name) <= times:
        os.kill(os.getpid(), how)
        time.sleep(60)
    return Outcome(facts={"survived": True})


def leave(folder: Path, *, code: int) -> Outcome:
    os._exit(code)


def fail(folder: Path, *, name: str, kind: str, times: int = 99) -> Outcome:
    """Raise an exception the first `times` times."""
    if _mark(folder, name) <= times:
        raise {
            "source": SourceError("no such thing", path=folder / "dump", line=7, byte=12345),
            "config": ConfigError("no setting 'x'"),
            "special": SpecialError("a finer error"),
            "space": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "some/file"),
            "memory": MemoryError(),
            "value": ValueError("unheard of"),
            "exit": SystemExit("enough"),
        }[kind]
    return Outcome(facts={"tries": times + 1})


def chatter(folder: Path) -> Outcome:
    """Print to everything that can be printed to."""
    print("stray print")
    os.write(1, b"stray bytes\n")
    return Outcome(facts={"printed": True})


class SpecialError(ConfigError):
    """An error of our tree that kbtools.errors does not know."""


def _mark(folder: Path, name: str) -> int:
    """Count a visit on disk, so that it outlives the process; return how many there were."""
    log = folder / "marks" / name
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write("x")
    return log.stat().st_size
