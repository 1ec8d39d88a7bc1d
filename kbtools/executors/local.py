"""Tasks on this machine: in this process, or in N fresh interpreters that outlive a stage.

Workers are started anew, not forked: that works from notebooks and unguarded scripts and beside threads.
A worker that dies is noticed at once, and its task is tried once more on another.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

from kbtools.artefact.task import Done, Task, ensure
from kbtools.errors import ConfigError, KbError, TaskError
from kbtools.executors import _memory as memory
from kbtools.executors._wire import Fault, Job, Reply, peak_memory, receive, send

ATTEMPTS = 2


def run(
    tasks: Iterable[Task],
    *,
    folder: Path,
    workers: int = 1,
    on_done: Callable[[Done], None] | None = None,
) -> Generator[Done, None, None]:
    """Do `tasks` and yield the record of each as it is done; what was done before is not done again."""
    if isinstance(tasks, Sized):
        workers = min(workers, max(len(tasks), 1))
    with Pool(folder, workers) as pool:
        yield from pool.run(tasks, on_done=on_done)


class Pool:
    """N workers kept warm over the stages of one build; a context manager.

    With one worker the work is done in this process. `preload` names modules that the workers import
    while the first task is being prepared.
    """

    def __init__(self, folder: Path, workers: int = 1, *, preload: Iterable[str] = ()) -> None:
        if workers < 1:
            raise ConfigError(f"workers is {workers}; it must be 1 or more")
        self.folder, self.workers, self.preload = folder.absolute(), workers, tuple(preload)
        self._crew: list[Worker] = []
        self._busy: dict[Worker, Task] = {}
        self._peak = 0

    def __enter__(self) -> Pool:
        if self.workers == 1:
            memory.keep_in_this_process()
        self._fill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the workers; those that wait have nothing to lose, the others' tasks are done again."""
        for worker in self._crew:
            worker.kill()
        for worker in self._crew:
            worker.reap()
        self._crew.clear()
        self._busy.clear()

    @property
    def peak_mb(self) -> float:
        """The largest resident memory that one worker has had, in MB (10^6 bytes)."""
        return (peak_memory() if self.workers == 1 else self._peak) / 1e6

    def run(
        self, tasks: Iterable[Task], *, on_done: Callable[[Done], None] | None = None
    ) -> Generator[Done, None, None]:
        """Do `tasks` and yield the record of each as it is done.

        The next task is taken from `tasks` only when a worker is free, so an iterable that does work of
        its own (unpacking, say) runs at most one task ahead. On an error the workers are killed.
        """
        stage = Stage(iter(tasks))
        results = self._in_turn(stage) if self.workers == 1 else self._side_by_side(stage)
        with contextlib.closing(results):
            for done in results:
                if on_done is not None:
                    on_done(done)
                yield done

    def _in_turn(self, stage: Stage) -> Generator[Done, None, None]:
        """Do the tasks here, with the errors and the second try that a worker would give them."""
        while (task := stage.next()) is not None:
            try:
                with _interruptible():
                    done = ensure(msgspec.json.decode(msgspec.json.encode(task), type=Task), self.folder)
            except KbError:
                raise
            except (Exception, SystemExit) as error:
                fault = Fault.of(error, self.folder)
                if fault.final or not stage.again(task):
                    raise fault.revive(task.name) from error
            else:
                yield done

    def _side_by_side(self, stage: Stage) -> Generator[Done, None, None]:
        try:
            while True:
                self._fill()
                if (free := self._free()) is not None and (task := stage.next()) is not None:
                    self._busy[free] = task
                    free.begin(task, self.folder)
                if not self._busy:
                    return
                wait = self._free() is None or not stage.more
                for worker in _ready(self._busy, wait=wait):
                    if (done := self._result(worker, stage)) is not None:
                        yield done
        finally:
            if self._busy:
                self.close()

    def _result(self, worker: Worker, stage: Stage) -> Done | None:
        """Take what `worker` has to say; None if its task must be tried again."""
        task = self._busy[worker]
        reply = receive(worker.socket, Reply)
        if reply is None:
            worker.kill()
            end = worker.reap()
            self._crew.remove(worker)
            del self._busy[worker]
            if stage.again(task):
                return None
            raise TaskError(f"{end} twice; use fewer --workers, or look in the system's log", task=task.name)
        del self._busy[worker]
        self._peak = max(self._peak, reply.peak)
        if reply.fault is not None and (reply.fault.final or not stage.again(task)):
            raise reply.fault.revive(task.name)
        return reply.done

    def _free(self) -> Worker | None:
        return next((worker for worker in self._crew if worker not in self._busy), None)

    def _fill(self) -> None:
        """Bring the crew to its number; one that died while it waited costs no task a try."""
        for worker in [w for w in self._crew if w not in self._busy and w.process.poll() is not None]:
            self._crew.remove(worker)
            worker.reap()
        if self.workers > 1:
            while len(self._crew) < self.workers:
                self._crew.append(Worker(self.preload))


class Stage:
    """The tasks of one run: those that must be tried again come first."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks, self._again = tasks, list[Task]()
        self._failures: dict[str, int] = {}
        self._exhausted = False

    @property
    def more(self) -> bool:
        """Whether there may be a task that no worker has."""
        return bool(self._again) or not self._exhausted

    def next(self) -> Task | None:
        """Take a task; may take long where the iterable does work of its own."""
        if self._again:
            return self._again.pop()
        task = None if self._exhausted else next(self._tasks, None)
        self._exhausted = task is None
        return task

    def again(self, task: Task) -> bool:
        """Note that `task` failed; tell whether it is tried again."""
        failures = self._failures[task.name] = self._failures.get(task.name, 0) + 1
        if failures == ATTEMPTS:
            return False
        self._again.append(task)
        return True


class Worker:
    """A process and our end of the socket to it."""

    def __init__(self, preload: Iterable[str]) -> None:
        self.socket, theirs = socket.socketpair()
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        # SIGINT stays blocked in the child until it ignores it: a Ctrl-C while it starts is for us alone
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", f"{__package__}._worker", str(theirs.fileno()), *preload],
                stdin=subprocess.DEVNULL,
                stdout=2,  # standard output belongs to the command
                pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | memory.FOR_WORKERS,
            )
        except BaseException:
            self.socket.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def begin(self, task: Task, folder: Path) -> None:
        """Send `task`; a worker that is gone is noticed when its reply is waited for."""
        with contextlib.suppress(OSError):
            send(self.socket, Job(task, str(folder)))

    def kill(self) -> None:
        """End the process if it has not ended by itself."""
        self.process.kill()

    def reap(self) -> str:
        """Wait for the end of the process, close its socket, and say how it ended."""
        code = self.process.wait()
        self.socket.close()
        if code >= 0:
            return f"worker ended with exit code {code}"
        oom = " (out of memory?)" if code == -signal.SIGKILL else ""
        return f"worker was killed by signal {-code}{oom}"


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Make sure of Ctrl-C: a library may turn it into an error of its own, or lose it."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception as error:
        if pressed:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _ready(workers: Iterable[Worker], *, wait: bool) -> list[Worker]:
    """Return the workers that have replied or died; `wait` for the first if there is none."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.socket, selectors.EVENT_READ, worker)
        return [key.data for key, _ in selector.select(None if wait else 0)]
