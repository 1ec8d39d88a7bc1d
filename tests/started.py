"""A command that runs while a test kills it, stops it, fills its disk, and looks what it leaves."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from click.testing import CliRunner

from kbtools import artefact
from kbtools.cli.main import main as kbtools
from tests.running import Running, disk

RESUME = "Interrupted; run the same command again: it goes on where it stopped\n"

PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background is deaf to it
import kbtools.corpus._files as files
files.PIECE = {}
from kbtools.cli.main import main
main()
"""


class Started(Running):
    """A command of which `piece` says how many bytes of a corpus are a task."""

    def __init__(self, arguments, out, *, piece):
        super().__init__([sys.executable, "-c", PROGRAM.format(piece), *arguments], out)


def owner_of(path):
    """Import a module, or the class in it, that something is to be put in place of."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, attribute = path.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


def files(made):
    """Return all files but the manifest, which tells when and where it was made."""
    return {
        str(path.relative_to(made)): path.read_bytes()
        for path in sorted(made.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def same(one, other):
    return files(one) == files(other) and artefact.read(one).content == artefact.read(other).content


def run(*arguments):
    return CliRunner().invoke(kbtools, [str(one) for one in arguments])


def refused(what, *arguments):
    done = run(*arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.output
    assert what in done.stderr, done.stderr
    return done


class Staged(NamedTuple):
    """A command that makes an artefact piece by piece; whatever befalls it, it ends with the reference."""

    command: list[object]  # without --out
    reference: Path  # what it makes undisturbed
    piece: int  # bytes of a corpus

    def line(self, out, workers=1):
        return [*self.command, "--out", out, "--workers", workers, "--quiet"]

    def start(self, out, workers):
        return Started(self.line(out, workers), out, piece=self.piece)

    def finish(self, out, workers=1):
        """Run it again, unless it was faster than what should befall it."""
        if not out.exists() or out.with_name(f"{out.name}.partial").exists():
            done = run(*self.line(out, workers))
            assert done.exit_code == 0, done.output
        assert same(out, self.reference)
        assert [path.name for path in out.parent.iterdir()] == [out.name]

    def killed(self, out, tasks, workers):
        """Kill it after so many tasks."""
        started = self.start(out, workers)
        if started.wait_for(tasks):
            started.kill()
            assert not out.exists()
        else:
            started.end()
        self.finish(out, workers)

    def interrupted(self, out, tasks, workers):
        """Press Ctrl-C after so many tasks."""
        started = self.start(out, workers)
        if started.wait_for(tasks):
            crew = started.workers()
            os.killpg(started.process.pid, signal.SIGINT)
            code, told, err = started.end()
            if code:
                assert (code, told, err) == (130, "", RESUME)
                assert not out.exists()
            assert not psutil.wait_procs(crew, timeout=5)[1]
        else:
            started.end()
        self.finish(out)

    def without_space(self, out, what, at):
        """Have no space on the disk from call number `at` of a function on."""
        owner, _, attribute = what.rpartition(".")
        target, calls = owner_of(owner), []
        real = getattr(target, attribute)

        def full(*args, **options):
            calls.append(1)
            if len(calls) >= at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out.parent))
            return real(*args, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, attribute, full)
            done = refused("no space left on device", *self.line(out))
        assert "run the same command again" in done.stderr
        assert not out.exists()
        self.finish(out)

    def on_a_small_disk(self, folder, *sizes):
        """Write to a disk of so many KiB, then of more; at last there is room."""
        out = folder / "made"
        with disk(folder, f"size={sizes[0]}k"):
            for size in sizes:
                subprocess.run(["mount", "-o", f"remount,size={size}k", folder], check=True)
                refused("no space left on device", *self.line(out))
                assert not out.exists()
            subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
            self.finish(out)
