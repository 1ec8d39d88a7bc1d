"""What this process and its workers say to each other: length-prefixed JSON over a socket, no pickle."""

from __future__ import annotations

import resource
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kbtools import errors
from kbtools.artefact.task import Done, Task, out_of_space
from kbtools.errors import KbError, ResourceError, TaskError

T = TypeVar("T")
HEAD = 8  # bytes of the length before each message


class Job(msgspec.Struct, frozen=True):
    """To a worker: do this."""

    task: Task
    folder: str


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An exception as data; it can be raised again in another process."""

    message: str
    trace: str
    error: str = ""  # the class in kbtools.errors, if it is one of ours
    attributes: dict[str, Any] = {}
    memory: bool = False

    @classmethod
    def of(cls, error: BaseException, folder: Path | str) -> Fault:
        """Describe `error`, caught while a task was done in `folder`."""
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, KbError):
            known = next(c for c in type(error).__mro__ if c.__module__ == errors.__name__)
            attributes = {name: _plain(value) for name, value in vars(error).items() if name[0] != "_"}
            return cls(error=known.__name__, message=str(error), attributes=attributes, trace=trace)
        if out_of_space(error):
            where = getattr(error, "filename", None) or folder
            message = f"no space left on device ({where}); make room and run the same command again"
            return cls(error=ResourceError.__name__, message=message, trace=trace)
        words = f"{type(error).__qualname__}: {error}".rstrip(": ")
        return cls(message=words, trace=trace, memory=isinstance(error, MemoryError))

    @property
    def final(self) -> bool:
        """Whether trying again is of no use: the error was raised on purpose, or the disk is full."""
        return bool(self.error)

    def revive(self, task: str) -> KbError:
        """Make the exception that tells the user of this fault, the trace as its note."""
        if self.error:
            error: KbError = KbError.__new__(getattr(errors, self.error))
            error.args = (self.message,)
            vars(error).update(self.attributes)
        elif self.memory:
            error = TaskError(f"out of memory twice ({self.message}); use fewer --workers", task=task)
        else:
            error = TaskError(f"failed twice: {self.message}; --debug shows the trace", task=task)
        error.add_note(self.trace)
        return error


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """From a worker: the record of the task or what went wrong, and the worker's peak memory so far."""

    done: Done | None = None
    fault: Fault | None = None
    peak: int = 0


def send(to: socket.socket, message: Job | Reply) -> None:
    """Send one message whole."""
    body = msgspec.json.encode(message)
    to.sendall(len(body).to_bytes(HEAD, "big") + body)


def receive(of: socket.socket, kind: type[T]) -> T | None:
    """Wait for one message; None when the other side is gone."""
    try:
        head = _exactly(of, HEAD)
        body = _exactly(of, int.from_bytes(head, "big")) if head else None
    except OSError:
        return None
    return None if body is None else msgspec.json.decode(body, type=kind)


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes.

    Linux hands `ru_maxrss` down from a large parent to a new child; VmHWM is the process's own.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _exactly(of: socket.socket, size: int) -> bytearray | None:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        n = of.recv_into(view[got:])
        if n == 0:
            return None
        got += n
    return data


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | bool | None) else str(value)
