"""What a person sees of a run: a line now and then in a log, facts of the last steps, silence on request."""

from __future__ import annotations

import doctest
import io

import pytest

from kbtools.models.training import live
from kbtools.models.training.live import Live
from tests import stopped_clock


@pytest.fixture
def clock(monkeypatch):
    return stopped_clock.stopped(monkeypatch)


def test_examples_in_docstrings():
    assert doctest.testmod(live).failed == 0


def test_a_log_gets_lines(clock):
    log = io.StringIO()
    with Live(1000, stream=log) as told:
        told.stage("short", 1, 500)
        for _ in range(400):
            clock.now += 1 / 128
            told.step()
            told.tell({"step": 1, "loss": 2.31, "tokens_per_second": 12345.4, "mfu": 0.414})
        told.look({"step": 400, "dev": {"loss": 2.5, "mlm.right": 0.4214, "nsp.loss": None}}, best=True)
        clock.now += 1
    assert log.getvalue().splitlines() == [
        "stage short: steps 1 to 500 of 1,000",
        "training: 25 % · 256 of 1,000 steps · loss 2.310 · 12,345 tokens/s · MFU 41 % · ETA 0:00:06",
        "step 400: dev loss 2.500 · mlm.right 42.1 % · nsp.loss none (best so far)",
        "training: 400 steps in 0:00:04 · loss 2.310 · 12,345 tokens/s · MFU 41 %",
    ]


def test_what_was_done_before_does_not_count_as_pace(clock):
    log = io.StringIO()
    with Live(1000, done=500, stream=log) as told:
        for _ in range(40):
            clock.now += 0.125
            told.step()
    first, last = log.getvalue().splitlines()
    assert first == "training: 51 % · 516 of 1,000 steps · 8 steps/s · ETA 0:01:00"
    assert last == "training: 40 steps in 0:00:05 · 8 steps/s"


def test_quiet_says_nothing(clock):
    log = io.StringIO()
    with Live(10, quiet=True, stream=log) as told:
        clock.now += 10
        told.step()
        told.note("a note")
        told.look({"step": 1, "dev": {"loss": 1.0}})
    assert log.getvalue() == ""
