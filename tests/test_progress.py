"""Progress: lines in a log, a bar on a terminal, silence on request."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import pty
import re
import subprocess
import sys
import time

import pytest

from kbtools import progress
from kbtools.progress import Progress
from tests import stopped_clock


@pytest.fixture
def clock(monkeypatch):
    return stopped_clock.stopped(monkeypatch)


def test_a_log_gets_a_line_now_and_then(clock):
    log = io.StringIO()
    with Progress("decode", total=3_500_000_000, stream=log) as p:
        for _ in range(60):
            clock.now += 0.1
            p.advance(20_000_000, records=1000)
    assert p.seconds == pytest.approx(6)
    first, last = log.getvalue().splitlines()
    assert first == "decode: 11 % · 400 MB of 3.5 GB · 200 MB/s · 20,000 records · ETA 0:00:16"
    assert last == "decode: 1.2 GB in 0:00:06 · 200 MB/s · 60,000 records"


def test_the_rate_is_that_of_late(clock):
    log = io.StringIO()
    with Progress("resume", total=1_000_000, unit="tasks", stream=log) as p:
        p.advance(500_000)
        for _ in range(100):
            clock.now += 1
            p.advance(100)
    assert "509,700 of 1,000,000 tasks · 100 tasks/s · ETA 1:21:43" in log.getvalue()


def test_without_a_total_there_is_no_share(clock):
    log = io.StringIO()
    with Progress("stdin", unit="lines", stream=log) as p:
        clock.now += 3
        p.advance(30)
    assert log.getvalue().splitlines() == [
        "stdin: 30 lines · 10 lines/s",
        "stdin: 30 lines in 0:00:03 · 10 lines/s",
    ]


def test_what_is_brief_needs_no_line_and_what_fails_says_where(clock):
    log = io.StringIO()
    with Progress("blink", stream=log) as p:
        clock.now += 0.4
        p.advance(10)
    assert log.getvalue() == ""
    with contextlib.suppress(ZeroDivisionError), Progress("fall", total=1000, stream=log) as p:
        clock.now += 1
        p.advance(999)
        p.advance(1 // 0)
    assert log.getvalue() == "fall: stopped at 99 % · 999 B in 0:00:01 · 999 B/s\n"


def test_quiet_is_silent_and_notes_are_lines(clock):
    log = io.StringIO()
    with Progress("work", stream=log, quiet=True) as p:
        clock.now += 10
        p.advance(10)
        p.note("look")
    assert log.getvalue() == ""
    with Progress("work", stream=log) as p:
        p.note("look [here]")
    assert log.getvalue() == "look [here]\n"


def test_importing_it_does_not_import_rich():
    code = "import sys, kbtools.progress; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_terminal_gets_a_bar():
    ours, theirs = pty.openpty()
    code = (
        "import time; from kbtools.progress import Progress\n"
        "with Progress('decode', total=100) as p:\n"
        "    p.advance(50, records=7); p.note('look [here]'); print('result')\n"
        "    time.sleep(.3); p.advance(50)\n"
    )
    env = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    child = subprocess.run(
        [sys.executable, "-c", code], stderr=theirs, stdout=subprocess.PIPE, env=env, check=True
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert child.stdout == b"result\n"
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert "look [here]" in text
    assert "100 B of 100 B" in text
    assert "100%" in text
    assert "7 records" in text


def test_counting_costs_little():
    with Progress("fast", total=10**9, stream=io.StringIO()) as p:
        start = time.perf_counter()
        for _ in range(10_000):
            p.advance(1, records=1)
    assert time.perf_counter() - start < 0.5


def test_examples():
    assert doctest.testmod(progress).failed == 0
