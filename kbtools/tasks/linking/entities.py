"""What knowledge bases know of the entities that are scored: numbers, ids, how frequent, how ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.kb.asking import answer
from kbtools.kb.reader import Base
from kbtools.kb.resolving import resolve
from kbtools.kb.schema import STR
from kbtools.tasks.linking.answers import SHIFT

Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

LOW = (1 << SHIFT) - 1


class Entities:
    """The entities of some knowledge bases; a number is the place of its base, then its eid."""

    def __init__(self, bases: dict[int, Base]) -> None:
        self.bases = bases
        self.places = {base.name: place for place, base in bases.items()}

    def numbered(self, kbs: Sequence[str | None], eids: Longs) -> Longs:
        """Turn eids into numbers; of a base that is not here they are those of nothing known."""
        only = next(iter(self.bases)) if len(self.bases) == 1 else -1
        place = np.array([self.places.get(name, -1) if name else only for name in kbs], np.int64)
        return np.where(place >= 0, (place << SHIFT) + eids, -1)

    def resolve(self, kbs: Sequence[str | None], ids: Sequence[str]) -> Longs:
        """Turn ids into numbers, through redirects and names in other schemes; −1 where nobody knows one."""
        found = resolve(self.bases, ids, kbs)
        return np.where(found.eid >= 0, (found.kb.astype(np.int64) << SHIFT) + found.eid, -1)

    def ids(self, numbers: Longs) -> list[str | None]:
        """Return the ids of entities; none of what is no entity."""
        return self._words("id", numbers)

    def labels(self, numbers: Longs) -> list[str | None]:
        """Return what entities are called."""
        return self._words("label", numbers)

    def _words(self, column: str, numbers: Longs) -> list[str | None]:
        sql = f"SELECT place, e.{column} AS value FROM entities e JOIN asked a ON a.eid = e.eid"
        found = self._column(sql, numbers, None, {"entities"})
        return [None if one is None else str(one) for one in found.tolist()]

    def frequency(self, numbers: Longs) -> Longs:
        """Return how often entities are linked, or where nobody counted, how many facts lead to them."""
        for column in ("freq", "in_degree"):
            sql = f"SELECT place, e.{column} AS value FROM entities e JOIN asked a ON a.eid = e.eid"
            found = self._column(sql, numbers, 0, {"entities"}).astype(np.int64)
            if found.any():
                break
        return found

    def namesakes(self, surfaces: Sequence[str], of: int) -> Longs | None:
        """Return how many entities of a base bear just this name; None if it has no names."""
        base = self.bases[of]
        if "surfaces" not in base.tables:
            return None
        words = pc.dictionary_encode(pa.array(surfaces, STR))
        asked = {"place": np.arange(len(words.dictionary)), "text": words.dictionary}
        sql = (
            "SELECT place, count(DISTINCT s.eid) AS value FROM surfaces s JOIN asked a ON a.text = s.text "
            "GROUP BY place"
        )
        told = answer(base.kb.path, sql, asked, parts=base.parts, only={"surfaces"})
        found = np.zeros(len(words.dictionary), np.int64)
        found[told["place"].to_numpy()] = told["value"].to_numpy()
        counts: Longs = found[words.indices.to_numpy()]
        return counts

    def is_of(self, numbers: Longs, classes: Sequence[str], of: int) -> Bools | None:
        """Mark the entities of some classes or of classes below them; None if the base tells no types."""
        base = self.bases[of]
        if "types" not in base.tables or not classes:
            return None
        wanted = resolve({of: base}, list(classes)).eid
        listed = ", ".join(str(one) for one in wanted[wanted >= 0].tolist())
        if not listed:
            return None
        below = (
            f" OR t.type IN (SELECT type FROM classes WHERE ancestor IN ({listed}))"
            if "classes" in base.tables
            else ""
        )
        sql = (
            "SELECT DISTINCT place, 1 AS value FROM types t JOIN asked a ON a.eid = t.eid "
            f"WHERE t.type IN ({listed}){below}"
        )
        return self._column(sql, numbers, 0, {"types", "classes"}).astype(np.bool_)

    def _column(self, sql: str, numbers: Longs, default: Any, only: set[str]) -> NDArray[Any]:
        """Ask each base for a value of its entities."""
        distinct, at = np.unique(numbers, return_inverse=True)
        values = np.full(distinct.size, default, object)
        for place, base in self.bases.items():
            mine = np.flatnonzero((distinct >= 0) & (distinct >> SHIFT == place))
            if mine.size:
                asked = {"place": mine, "eid": (distinct[mine] & LOW).astype(np.uint32)}
                told = answer(base.kb.path, sql, asked, parts=base.parts, only=only)
                values[told["place"].to_numpy()] = told["value"].to_numpy(zero_copy_only=False)
        return values[at]
