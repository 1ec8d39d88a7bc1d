"""Small tables of counts, and what a system makes of them, by spelling."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa

from kbtools import plugins
from kbtools.alias.compat.base import COUNTS
from kbtools.text import BARE, EXACT, FOLDED, normalise

Row = tuple[Any, ...]  # surface, eid, source, n and, if it is not 0, the knowledge base
KEY = [(name, "ascending") for name in ("norm", "surface", "kb", "eid", "source")]


def norm_of(text: str) -> str:
    return normalise(text, BARE) or normalise(text, FOLDED)


def counts(*rows: Row) -> pa.Table:
    """Write rows down as `counts`, with their norms, in order."""
    told = [
        {
            "surface": normalise(surface, EXACT),
            "norm": norm_of(surface),
            "kb": more[0] if more else 0,
            "eid": eid,
            "source": source,
            "n": n,
        }
        for surface, eid, source, n, *more in rows
    ]
    return pa.Table.from_pylist(told, schema=COUNTS).sort_by(KEY)


def anchors(spelling: str, *links: int) -> list[Row]:
    """Links of a spelling to the entities 1, 2, 3 ..."""
    return [(spelling, eid, "anchor", n) for eid, n in enumerate(links, 1) if n]


class Answers(dict[tuple[str | None, int], list[tuple[int, float]]]):
    """(form, kb) → [(eid, prior)], best first."""

    def of(self, form: str | None, kb: int = 0) -> dict[int, float]:
        """Return the candidates of a form, to 7 digits."""
        return dict(self.get((form, kb), []))


def weigh(system: str, *rows: Row, occurrences: dict[str, int] | None = None, **settings: Any) -> Answers:
    """Let a system weigh the rows."""
    module = plugins.load("kbtools.alias.compat", system)
    seen = None
    if occurrences is not None:
        seen = pa.table({"surface": pa.array(occurrences), "n": pa.array(occurrences.values(), pa.uint64())})
    table = module.weigh(counts(*rows), seen, module.Settings(**settings))
    found = defaultdict(list)
    for row in table.to_pylist():
        found[row["form"], row["kb"]].append((row["eid"], round(row["prior"], 7)))
    return Answers((key, sorted(best, key=lambda one: (-one[1], one[0]))) for key, best in found.items())
