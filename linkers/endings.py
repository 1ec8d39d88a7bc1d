"""Last words that are often left out of names: Jr., III, Inc., GmbH."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias import hashing, normal
from kbtools.kb.schema import STR

# As they are in the norms of names: small letters, no full stops.
ENDINGS = [
    "jr",
    "sr",
    "ii",
    "iii",
    "iv",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "ltd",
    "limited",
    "llc",
    "llp",
    "lp",
    "plc",
    "pty",
    "ag",
    "gmbh",
    "kg",
    "se",
    "sa",
    "sas",
    "spa",
    "srl",
    "sarl",
    "nv",
    "bv",
    "ab",
    "as",
    "asa",
    "oy",
    "oyj",
    "kk",
]


@cache
def hashes() -> NDArray[np.uint64]:
    """Return their hashes, ascending."""
    return np.sort(hashing.of_strings(pa.array(ENDINGS, STR)))


def without(norm: str) -> str:
    """Take endings off the norm of a name, but not its only word.

    >>> without("merck and co inc"), without("martin luther king jr"), without("company")
    ('merck', 'martin luther king', 'company')
    """
    words = norm.split(" ")
    while len(words) > 1 and words[-1] in ENDINGS:
        words.pop()
        while len(words) > 1 and words[-1] == "and":
            words.pop()
    return " ".join(words)


def shortened(names: Sequence[str]) -> list[str]:
    """Return the norms of names without endings."""
    found: list[str] = normal.spell(normal.words(names)).norm.to_pylist()
    return [without(name) for name in found]
