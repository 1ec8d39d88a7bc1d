"""What it takes to be a system that `--compat` can stand in for.

A module here has `ABOUT`, `Settings` with the published values as defaults, and `weigh`. It is given the
counts of one range of norms (all rows of a norm are there) and says what the system would answer:

- a row with a form: the candidates of a text spelt exactly so. Every spelling that the knowledge bases have
  gets such rows if the system knows it, also by way of another spelling.
- the case-folded string of a spelling as form: what the system gives for capitals it has not seen.
- a row without a form: what it gives for any other spelling of the norm.

Where a system gives nothing there are no rows. Spellings are the surfaces of `counts`: in canonical
composition, with single spaces, as `kbtools.text.EXACT` leaves them. Each knowledge base is a world of its
own: its counts, frequencies and priors know nothing of the others.

Ties, which the published programs break by the order in which they read their files, are broken by eid here.
Sums run over rows in order of norm, surface, knowledge base, entity and source: whoever computes them, and
wherever a table is cut into ranges, they are the same to the last bit.
"""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa

from kbtools.alias.schema import F32
from kbtools.kb.schema import F64, STR, U8, U32, U64

COUNTS = pa.schema([("surface", STR), ("norm", STR), ("kb", U8), ("eid", U32), ("source", STR), ("n", U64)])
OCCURRENCES = pa.schema([("surface", STR), ("n", U64)])  # how often text has it, linked or not
ANSWERS = pa.schema(
    [("norm", STR), ("form", STR), ("kb", U8), ("eid", U32), ("n", F64), ("prior", F32), ("sources", U32)]
)


class System(Protocol):
    """One module of this package."""

    ABOUT: str  # the formula, whose it is, what is reproduced and what is not
    Settings: type  # a frozen dataclass

    def weigh(self, counts: pa.Table, occurrences: pa.Table | None = None, settings: Any = ...) -> pa.Table:
        """Return the system's candidates for one range of norms, in any order, as ANSWERS."""
        ...
