"""`kbtools train` in several processes that train together, and in one that is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import torch
from safetensors.torch import load_file

from tests import training
from tests.small_dump import no_trace

ALIKE = ("model.text.hidden_dropout_prob=0", "model.text.attention_probs_dropout_prob=0")  # whoever draws

PROGRAM = """
import os, signal, sys
left, real = [int(sys.argv.pop(1))], os.fsync
def counted(handle):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    real(handle)
os.fsync = counted
from kbtools.cli.main import main
main()
"""


def command(out, *overrides, recipe="bert.tiny", quiet=True):
    """Return what comes behind `kbtools`; as `training.train` does it."""
    told = [part for one in (*training.TINY, *overrides) for part in ("-o", one)]
    return [
        "train",
        recipe,
        "--shards",
        str(training.shards()),
        "--out",
        str(out),
        *told,
        *["--quiet"][:quiet],
    ]


class Process:
    """One that trains; it dies at its call number `dies` of fsync, if that is not 0."""

    def __init__(self, arguments, *, dies=0, before=None, **env):
        line = before or [sys.executable, "-c", PROGRAM, str(dies)]
        self.process = subprocess.Popen(
            [*line, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **env}, start_new_session=True,
        )  # fmt: skip

    def kill(self, how=signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)

    def end(self):
        """Return the exit code, and what was said."""
        try:
            out, err = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.communicate(timeout=10)
            raise
        return self.process.returncode, out, err


class Crew:
    """Some processes, as torchrun would start them."""

    def __init__(self, many, arguments):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        env = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(many)}
        self.all = [Process(arguments, RANK=str(rank), LOCAL_RANK=str(rank), **env) for rank in range(many)]

    def end(self):
        told = [one.end() for one in self.all]
        assert all(no_trace(err) for _, _, err in told), told
        return told

    def kill(self, how=signal.SIGKILL):
        for one in self.all:
            one.kill(how)


def wait_for(path, process):
    """Wait until something is there; False if the process has ended before."""
    end = time.monotonic() + 90
    while not path.exists():
        if process.process.poll() is not None:
            return False
        assert time.monotonic() < end
        time.sleep(0.002)
    return True


def checkpoint(out, step):
    """Say where the checkpoint of a step is, while a run is not done."""
    return out.with_name(f"{out.name}.partial") / "new" / "checkpoints" / f"step-{step}"


def same(one, other):
    """Whether two runs have the same losses and weights, to the bit."""
    first, second = (load_file(run / "model" / "model.safetensors") for run in (one, other))
    return (
        training.losses(one) == training.losses(other)
        and first.keys() == second.keys()
        and all(torch.equal(first[name], second[name]) for name in first)
    )
