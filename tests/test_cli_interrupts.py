"""A Ctrl-C in a finaliser still ends the command."""

import signal
import sys
import time

import pytest

from kbtools.cli import interrupts


class Finalised:
    """Something in whose finaliser what is given happens."""

    def __init__(self, happens):
        self.happens = happens

    def __del__(self):
        self.happens()


def fail():
    raise ValueError("in a finaliser")


def test_an_interrupt_in_a_finaliser_comes_again():
    def wait():
        Finalised(lambda: signal.raise_signal(signal.SIGINT))
        time.sleep(30)

    with interrupts.kept(), pytest.raises(KeyboardInterrupt):
        wait()


def test_other_errors_in_finalisers_are_told_as_before(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    with interrupts.kept():
        Finalised(fail)
    assert told == [ValueError]


def test_the_hook_is_put_back():
    before = sys.unraisablehook
    with interrupts.kept():
        assert sys.unraisablehook is not before
    assert sys.unraisablehook is before
