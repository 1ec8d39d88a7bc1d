"""Ctrl-C, or the end that a cluster announces, while a model is trained."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

AT_ONCE = 1.0  # seconds


class Asked:
    """Whether somebody has asked for an end."""

    def __init__(self) -> None:
        self.since: float | None = None

    def __call__(self) -> bool:
        """Say so."""
        return self.since is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let a signal wait for the end of a step; a later one does not wait.

        One that comes at once is the same: from a terminal or a cluster, and again from torchrun.
        """

        def hear(number: int, _frame: Any) -> None:
            now = time.monotonic()
            if self.since is not None and now - self.since > AT_ONCE:
                raise KeyboardInterrupt
            self.since = self.since if self.since is not None else now

        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's
            return
        old = {one: signal.signal(one, hear) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in old.items():
                signal.signal(one, handler)
