"""A Ctrl-C that comes while Python clears an object away is not lost.

What is raised in a finaliser goes nowhere: Python writes "Exception ignored in ..." and goes on. If that was
KeyboardInterrupt, the command would never hear of it.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SOON = 0.01  # seconds: by then the finaliser is done


@contextmanager
def kept() -> Iterator[None]:
    """Send an interrupt that a finaliser has swallowed once more."""
    before = sys.unraisablehook

    def hear(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)
            return
        # A real signal, to the thread that Python handles them in: it wakes that from a sleep or a read.
        main = threading.main_thread().ident
        again = threading.Timer(SOON, signal.pthread_kill, (main, signal.SIGINT))
        again.daemon = True
        with suppress(RuntimeError):  # Python is ending: nothing is left to interrupt
            again.start()

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before
