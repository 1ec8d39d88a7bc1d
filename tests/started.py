"""A command that runs while a test kills it, stops it, and looks what it leaves."""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
import time

import psutil

PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background is deaf to it
import kbtools.corpus._files as files
files.PIECE = {}
from kbtools.cli.main import main
main()
"""


class Started:
    """A command in processes of its own, that bad things can be done to."""

    def __init__(self, arguments, out, *, piece):
        self.out, self.partial = out, out.with_name(f"{out.name}.partial")
        command = [sys.executable, "-c", PROGRAM.format(piece), *arguments]
        self.process = subprocess.Popen(
            [str(one) for one in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.crew = psutil.Process(self.process.pid)

    def wait_for(self, tasks):
        """Wait until so many tasks are done; False if the run was faster."""
        end = time.monotonic() + 60
        while self.process.poll() is None:
            done = len(list((self.partial / "done").glob("**/*.json")))
            if done >= tasks and (tasks or self.partial.exists()):
                return True
            assert time.monotonic() < end
            time.sleep(0.0005)
        return False

    def workers(self):
        with contextlib.suppress(psutil.NoSuchProcess):
            return self.crew.children(recursive=True)
        return []

    def end(self):
        out, err = self.process.communicate(timeout=60)
        assert "Traceback" not in err, err
        assert "has a bug" not in err, err
        return self.process.returncode, out, err

    def kill(self):
        """Kill -9 the parent; the workers go by themselves."""
        workers = self.workers()
        self.process.kill()
        self.process.communicate(timeout=60)
        assert not psutil.wait_procs(workers, timeout=5)[1]


def owner_of(path):
    """Import a module, or the class in it, that something is to be put in place of."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, attribute = path.rpartition(".")
        return getattr(importlib.import_module(module), attribute)
