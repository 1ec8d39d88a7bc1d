"""One way to show progress: a bar on a terminal, now and then a line in a log, nothing if quiet.

All of it goes to standard error; standard output belongs to results.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

FIRST, EVERY = 2.0, 5.0  # seconds until the first line in a log, and between lines
BRIEF = 0.5  # seconds; what takes less needs no line
WINDOW = 30.0  # seconds over which the rate is taken
REFRESH = 0.2  # seconds between refreshes of the bar


class Progress:
    """Progress of one piece of work; a context manager.

    `total` and what `advance` adds are counted in `unit`; "B" is bytes. Other counts (records, rejects)
    are shown beside them. `done` units were done before, by a build that goes on now. It is for one thread.
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        unit: str = "B",
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        done: int = 0,
    ) -> None:
        self.what, self.total, self.unit, self.quiet = what, total, unit, quiet
        self.done = self._first = done
        self._said: tuple[str, ...] = ()
        self.counts: dict[str, int] = {}
        self._stream = stream if stream is not None else sys.stderr
        self._bar: Bar | None = None
        self._start = self._end = 0.0
        self._next = 0.0
        self._marks: deque[tuple[float, int]] = deque()

    @property
    def seconds(self) -> float:
        """How long the work has taken so far or, when it is over, took."""
        return (self._end or time.monotonic()) - self._start

    def __enter__(self) -> Progress:
        self._start = time.monotonic()
        self._next = self._start + FIRST
        self._marks.append((self._start, self._first))
        if not self.quiet and self._stream.isatty() and os.environ.get("TERM") != "dumb":
            self._bar = _bar(self._stream, self.what, self.total)
            self._bar.start()
            self._next = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end = time.monotonic()
        if self._bar is not None:
            self._show_bar(self._end)
            self._bar.stop()
        elif not self.quiet and self.seconds >= BRIEF:
            self._print(self._last_line(stopped=kind is not None))

    def advance(self, n: int = 0, **counts: int) -> None:
        """Count `n` more units, and more of other things: `p.advance(len(block), records=1000)`."""
        self.done += n
        for name, more in counts.items():
            self.counts[name] = self.counts.get(name, 0) + more
        now = time.monotonic()
        if self.quiet or now < self._next:
            return
        if self._bar is not None:
            self._show_bar(now)
            self._next = now + REFRESH
        else:
            self._print(self._line(now))
            self._next = now + EVERY
        self._mark(now)

    def say(self, *facts: str) -> None:
        """Show these facts from now on, in place of the rate."""
        self._said = facts

    def note(self, message: str) -> None:
        """Print a line for the user without breaking the bar."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)
        else:
            self._print(message)

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _show_bar(self, now: float) -> None:
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(task, completed=self.done, facts=" · ".join(self._facts(now)))

    def _line(self, now: float) -> str:
        share = f"{percent(self.done, self.total)} · " if self.total else ""
        return f"{self.what}: {share}{' · '.join(self._facts(now))}"

    def _facts(self, now: float) -> list[str]:
        """List how far, how fast and how long to go."""
        rate = self._rate(now)
        facts = [self._how_far(), *self._pace(rate)]
        if self.total and rate and not self._end:
            facts.append(f"ETA {clock((max(self.total - self.done, 0)) / rate)}")
        return facts

    def _last_line(self, *, stopped: bool) -> str:
        rate = (self.done - self._first) / self.seconds
        end = f"stopped at {percent(self.done, self.total)} · " if stopped and self.total else ""
        end = end or ("stopped · " if stopped else "")
        made = amount(self.done - self._first, self.unit)
        facts = [f"{made} in {clock(self.seconds)}", *self._pace(rate)]
        return f"{self.what}: {end}{' · '.join(facts)}"

    def _how_far(self) -> str:
        """Say how much is done, and of how much; the unit of things is named once."""
        if not self.total:
            return amount(self.done, self.unit)
        done = amount(self.done) if self.unit == "B" else f"{self.done:,}"
        return f"{done} of {amount(self.total, self.unit)}"

    def _pace(self, rate: float) -> list[str]:
        counted = [f"{number:,} {name}" for name, number in self.counts.items()]
        return [*(self._said or [f"{amount(rate, self.unit)}/s"]), *counted]

    def _mark(self, now: float) -> None:
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and self._marks[1][0] < now - WINDOW:
            self._marks.popleft()

    def _rate(self, now: float) -> float:
        """Units a second of late, so that what a resumed build finds done does not flatter it for long."""
        then, done = (self._start, self._first) if self._end else self._marks[0]
        return (self.done - done) / (now - then) if now > then else 0.0


def amount(number: float, unit: str = "B") -> str:
    """Write a number of bytes, or of other things, for people.

    >>> amount(1_234_567_890), amount(999), amount(12_345, "tasks")
    ('1.2 GB', '999 B', '12,345 tasks')
    """
    if unit != "B":
        return f"{number:,.0f} {unit}" if number >= 10 or number == int(number) else f"{number:.1f} {unit}"
    size = float(number)
    for prefix in ("", "k", "M", "G"):
        if size < 999.5:
            digits = 1 if prefix and size < 99.95 else 0
            return f"{size:.{digits}f} {prefix}B"
        size /= 1000
    return f"{size:,.1f} TB"


def percent(part: float, whole: float | None) -> str:
    """Write a share, rounded down: 100 % is all of it."""
    return f"{int(100 * part / whole)} %" if whole else ""


def clock(seconds: float) -> str:
    """Write a time to the second.

    >>> clock(11.4), clock(100_000)
    ('0:00:11', '1 day, 3:46:40')
    """
    return str(timedelta(seconds=round(seconds)))


def _bar(stream: TextIO, what: str, total: int | None) -> Bar:
    from rich.console import Console  # noqa: PLC0415  only a terminal needs it
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        TimeElapsedColumn(),
        console=Console(file=stream),
        redirect_stdout=False,
    )
    bar.add_task(what, total=total, facts="")
    return bar
