"""A command in processes of its own, that bad things can be done to, and a disk that is soon full."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests import records
from tests.small_dump import no_trace

ROOT = os.geteuid() == 0
linux_root = pytest.mark.skipif(
    not ROOT or not Path("/proc").exists() or not shutil.which("mount"), reason="needs root, to mount a disk"
)


class Running:
    """A command that builds `out`."""

    def __init__(self, command, out):
        self.out, self.partial = out, out.with_name(f"{out.name}.partial")
        self.process = subprocess.Popen(
            [str(one) for one in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.crew = psutil.Process(self.process.pid)

    def wait_for(self, tasks):
        """Wait until so many tasks are done; False if the run was faster."""
        end = time.monotonic() + 60
        while self.process.poll() is None:
            done = records.count(self.partial)
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
        assert no_trace(err), err
        return self.process.returncode, out, err

    def kill(self):
        """Kill -9 the parent; the workers go by themselves."""
        workers = self.workers()
        self.process.kill()
        self.process.communicate(timeout=60)
        assert not psutil.wait_procs(workers, timeout=5)[1]


@contextlib.contextmanager
def disk(folder, options):
    """Mount a small disk of its own."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # what a trace still holds may go later
