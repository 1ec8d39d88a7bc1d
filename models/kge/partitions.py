"""Tables that are larger than what they are held in: parts, buckets of triples, and the order of these.

Rows are cut into P parts, triples into P × P buckets by the parts of head and tail; a bucket needs at most
two parts (Lerer et al. 2019). After the first, a bucket should touch a part that has been trained, or else
the parts' spaces do not fit together: all orders but `random` see to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from kbtools.errors import ConfigError, ResourceError
from kbtools.models.draws import key
from kbtools.progress import amount

Order = Literal["inside-out", "outside-in", "affinity", "random"]
Bucket = tuple[int, int]  # parts of head and tail

HELD = 3  # parts: the two of a bucket, and one that is being read or written
MOST = 256  # parts; a bucket of 65,536 has few triples
FP32 = 4


def edges(rows: int, number: int) -> list[int]:
    """Return where parts begin, and where the last one ends: part p is the rows edges[p] to edges[p + 1].

    >>> edges(10, 4)
    [0, 2, 5, 7, 10]
    """
    if not 1 <= number <= max(1, rows):
        raise ConfigError(
            f"partitions.number={number}: {rows:,} entities can be in 1 to {max(1, rows):,} parts"
        )
    return [rows * part // number for part in range(number + 1)]


def order(number: int, kind: Order, seed: int = 0, epoch: int = 0) -> list[Bucket]:
    """Return all buckets in the order in which they are trained.

    Layer i has the buckets whose lesser part is i; a bucket and its transpose follow one another, so that
    each pair of parts is held once. `inside-out` begins with the last layer, `outside-in` with the first;
    `affinity` is as inside-out with the parts shuffled anew each epoch. In these three, neighbours always
    share a part. `random` does as it says.
    """
    draw = np.random.default_rng(key("buckets", seed, epoch))
    if kind == "random":
        return [divmod(int(at), number) for at in draw.permutation(number * number)]
    inside = [bucket for layer in reversed(range(number)) for bucket in _layer(layer, number)]
    if kind == "affinity":
        names = draw.permutation(number).tolist()
        return [(names[head], names[tail]) for head, tail in inside]
    return inside if kind == "inside-out" else inside[::-1]


def _layer(layer: int, number: int) -> list[Bucket]:
    """Return a layer's buckets; the part of the layer above comes first, as it is held."""
    pairs = [pair for other in range(layer + 1, number) for pair in ((layer, other), (other, layer))]
    return [*pairs, (layer, layer)]


def rounds(number: int, kind: Order, lanes: int = 1, seed: int = 0, epoch: int = 0) -> list[list[Bucket]]:
    """Return the buckets of an epoch in rounds; those of a round share no part, and may be trained at once.

    Each round takes, of what is left in the order, what fits beside what it has, up to `lanes` buckets. In
    the first epoch only a bucket of which a part was trained in a round before is taken, but for the very
    first; so it begins with less than all lanes.
    """
    if lanes < 1:
        raise ConfigError(f"partitions.lanes={lanes}: at least one bucket is trained at a time")
    left = order(number, kind, seed, epoch)
    if lanes == 1:
        return [[bucket] for bucket in left]
    trained = {*range(number)} if epoch or kind == "random" else {*left[0]}
    found = []
    while left:
        places = _beside(left, trained, lanes)
        found.append([left[at] for at in places])
        for at in reversed(places):
            trained.update(left.pop(at))
    return found


def _beside(left: Sequence[Bucket], trained: set[int], lanes: int) -> list[int]:
    """Return the places of the next buckets that share no part, and each touch one that was trained."""
    taken: set[int] = set()
    found: list[int] = []
    for at, bucket in enumerate(left):
        if taken.isdisjoint(bucket) and not trained.isdisjoint(bucket):
            taken.update(bucket)
            found.append(at)
            if len(found) == lanes:
                break
    return found


def number(rows: int, width: int, state: int, memory: int, *, work: int = 0) -> int:
    """Return the least number of parts with which training fits into `memory` bytes.

    `state` are the bytes that the optimiser keeps of a row, `work` what steps take beside the tables. One
    part is held alone; of more, two are held while one is read or written: so 2 and 3 save nothing.
    """
    row = FP32 * width + state
    room = memory - work
    if rows * row <= room:
        return 1
    largest = max(0, room) // (HELD * row)  # rows of a part
    found = max(HELD + 1, -(-rows // largest)) if largest else rows + 1
    most = min(MOST, rows)
    if found <= most:
        return found
    raise ResourceError(
        f"{amount(memory)} of memory do not hold {rows:,} vectors of {width}, not even in {most} parts, of "
        f"which {HELD} are held at a time: {amount(needed(rows, width, state, most, work=work))} would do; "
        "give more --memory, or take a smaller dim or a lighter optimiser"
    )


def needed(rows: int, width: int, state: int, number: int, *, work: int = 0) -> int:
    """Return the bytes that training takes with so many parts; arguments as of `number`."""
    held = min(number, HELD) * -(-rows // number)
    return min(rows, held) * (FP32 * width + state) + work


def check(rows: int, width: int, state: int, memory: int, parts: int, *, work: int = 0) -> None:
    """Refuse a number of parts with which training does not fit; say which would."""
    takes = needed(rows, width, state, parts, work=work)
    if takes <= memory:
        return
    fits = number(rows, width, state, memory, work=work)
    what = "one part takes" if parts == 1 else f"{parts} parts take"
    raise ResourceError(
        f"{rows:,} vectors of {width} in {what} {amount(takes)}, and there are {amount(memory)}: "
        f"{fits} would fit (-o partitions.number={fits})"
    )
