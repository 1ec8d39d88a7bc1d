"""A base and its overlays read as one: whose numbers go on where those of the part before end.

An overlay numbers its relations and statements from where its base ends, and its pages from 0, for it knows
of no other overlay. With several, the later ones' numbers are shifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from kbtools.kb.reader import Tables

STATED = ("triples", "literals")
RELATIONS = ("rid", "relation", "inverse_rid")


def end_of_statements(kb: Tables) -> int:
    """Return the number that follows the last statement."""
    files = [path for table in STATED if kb.rows(table) for path in kb.files(table)]
    return max((largest + 1 for path in files for largest in _maxima(path, "statement")), default=0)


def shifted(parts: Sequence[Tables]) -> list[dict[str, str]]:
    """Return for each part the SQL of the columns whose numbers are not its own."""
    found: list[dict[str, str]] = []
    base = parts[0]
    relations, statements = base.rows("relations"), end_of_statements(base) if len(parts) > 2 else 0
    page = relation = statement = 0
    for part in parts:
        mine: dict[str, str] = {}
        if page:
            mine["page"] = f"(page + {page})::UINTEGER"
        if relation:
            case = "CASE WHEN {0} >= {1} THEN {0} + {2} ELSE {0} END"
            mine |= {name: f"({case.format(name, relations, relation)})::UINTEGER" for name in RELATIONS}
        if statement:
            mine["statement"] = f"(statement + {statement})::UBIGINT"
        found.append(mine)
        page += part.rows("pages")
        if part is not base and len(parts) > 2:
            relation += part.rows("relations")
            statement += max(0, end_of_statements(part) - statements)
    return found


def _maxima(path: Path, column: str) -> list[int]:
    found = pq.read_metadata(path)
    place = next(i for i in range(found.num_columns) if found.schema.column(i).name == column)
    return [found.row_group(i).column(place).statistics.max for i in range(found.num_row_groups)]
