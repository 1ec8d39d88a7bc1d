"""Dumps of triples whose ids are text, made up; what is made of them, and runs of their own to be killed."""

from __future__ import annotations

import contextlib
import random
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from kbtools import api
from kbtools.artefact import Manifest
from tests import records
from tests.small_dump import command, no_trace

PIECE = 20_000  # bytes; the dump has some ten such pieces
OLD, NEW = ("old.spo",), ("first.spo", "second.spo")


def triples(count: int, seed: int) -> bytes:
    """Make up triples: some names are rare, some common, a few lines are none, a few come twice."""
    rng = random.Random(seed)
    names = [rng.choice(["", "城市", "x ", "é"]) + f"{n}" for n in range(count)]
    lines = []
    for at in range(count):
        some = names[int(count * rng.random() ** 3)]
        lines.append(f"{some}\tr{rng.randrange(9) ** 2}\t{rng.choice(names)}\n")
        if at % 500 == 99:
            lines += [lines[-1], "neither fish nor fowl\n", f"{some}\t\t\n", "\n"]
    return "".join(lines).encode()


def make(home: Path) -> Path:
    """Write two dumps and what one worker makes of them in one piece; before them an older release."""
    for seed, name in enumerate([*OLD, *NEW]):
        (home / name).write_bytes(triples(3000, seed))
    ingest(home, home / "old", dumps=OLD)
    ingest(home, home / "reference")
    ingest(home, home / "next", ids_from=home / "old")
    return home


def ingest(home: Path, out: Path, *, dumps: Sequence[str] = NEW, **options: Any) -> Manifest:
    return api.ingest("spo", [home / name for name in dumps], out, **{"lang": "zh", **options})


def line(home: Path, out: Path, *more: object, dumps: Sequence[str] = NEW) -> list[object]:
    given = [home / name for name in dumps]
    return ["ingest", "spo", *given, "--out", out, "--lang", "zh", "--max-rejects", "none", "--quiet", *more]


class Started:
    """`kbtools ingest spo` in processes of its own, to be killed."""

    def __init__(self, home, out, *more, piece=PIECE, dumps=NEW):
        self.partial = out.with_name(f"{out.name}.partial")
        self.process = subprocess.Popen(
            command(*line(home, out, *more, dumps=dumps), piece=piece),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, tasks):
        """Wait until so many tasks are done, or the run is over."""
        while self.process.poll() is None and records.count(self.partial) < tasks:
            time.sleep(0.002)

    def kill(self, *, parent=True):
        """Kill -9: the parent, whose workers go by themselves, or one of the workers."""
        workers = []
        with contextlib.suppress(psutil.NoSuchProcess):  # it was faster
            workers = psutil.Process(self.process.pid).children(recursive=True)
        if parent:
            self.process.kill()
            self.process.communicate(timeout=60)
            assert not psutil.wait_procs(workers, timeout=10)[1]
        elif workers:
            workers[0].kill()

    def end(self):
        _, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, err
        assert no_trace(err)
