"""Let the C library keep freed memory: tasks fill and free the same tens of megabytes block after block.

Given back to the system each time, they cost a third of the time in page faults (measured on decoding).
"""

from __future__ import annotations

import contextlib
import ctypes

KEEP, PAD = 1 << 28, 1 << 26  # bytes: what is kept, and how much is asked for at a time

# for new processes, which read it when they start; Arrow's own pools give memory back as eagerly
FOR_WORKERS = {
    "MALLOC_MMAP_THRESHOLD_": str(KEEP),
    "MALLOC_TRIM_THRESHOLD_": str(KEEP),
    "MALLOC_TOP_PAD_": str(PAD),
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of <malloc.h>


def keep_in_this_process() -> None:
    """Do the same here, where there is a C library that can (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        option = ctypes.CDLL(None).mallopt
        for parameter, value in ((_MMAP_THRESHOLD, KEEP), (_TRIM_THRESHOLD, KEEP), (_TOP_PAD, PAD)):
            option(parameter, value)
