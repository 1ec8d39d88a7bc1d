"""What comes next is made by a thread while what is there is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def ahead(found: Iterator[T], many: int = 2, device: int = -1) -> Iterator[T]:
    """Yield what `found` yields, so many made in advance; a thread that pins memory needs to know for what.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    pool = ThreadPoolExecutor(1, "ahead", torch.cuda.set_device, (device,))
    try:
        coming = deque(pool.submit(next, found, None) for _ in range(many))
        while (item := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, found, None))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
