"""A worker: a fresh interpreter that does the tasks it is sent, one at a time, until its parent is gone.

Started by `local.py` as `python -m kbtools.executors._worker FD MODULE...`; the modules are imported
while it waits for its first task.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

from kbtools.artefact.task import ensure
from kbtools.executors._wire import Fault, Job, Reply, peak_memory, receive, send


def main(fd: int, preload: list[str]) -> None:
    """Serve the parent at the other end of socket `fd`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    sys.stdout = sys.stderr  # no stray print may reach the command's own output
    parent = socket.socket(fileno=fd)
    jobs: SimpleQueue[Job] = SimpleQueue()
    threading.Thread(target=_listen, args=(parent, jobs), daemon=True).start()
    for module in preload:
        with contextlib.suppress(ImportError):  # a task that needs it will say so
            importlib.import_module(module)
    while True:
        job = jobs.get()
        reply = _do(job)
        with contextlib.suppress(OSError):
            send(parent, reply)


def _do(job: Job) -> Reply:
    try:
        done = ensure(job.task, Path(job.folder))
    except (Exception, SystemExit) as error:
        return Reply(fault=Fault.of(error, job.folder), peak=peak_memory())
    return Reply(done=done, peak=peak_memory())


def _listen(parent: socket.socket, jobs: SimpleQueue[Job]) -> None:
    """Take in jobs while the main thread works, so that the parent's end is noticed at once."""
    while (job := receive(parent, Job)) is not None:
        jobs.put(job)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
