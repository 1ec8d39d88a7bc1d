"""Time that passes when a test says so, for what shows progress."""

from __future__ import annotations

from kbtools import progress


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Say what time it is."""
        return self.now


def stopped(monkeypatch) -> Clock:
    """Put such a clock in place of progress's own."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock
