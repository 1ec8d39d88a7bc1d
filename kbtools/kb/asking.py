"""Questions about some entities of a knowledge base: theirs is the table `asked`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from kbtools.kb.reader import Kb
from kbtools.kb.views import add_views, connect, told


def answer(
    beside: Path,
    sql: str,
    asked: Mapping[str, Any] | None = None,
    *,
    parts: Sequence[Kb] = (),
    only: Collection[str] = (),
) -> pa.Table:
    """Run one query over the columns `asked` and the tables `only` of a base and its overlays."""
    with connect(beside) as con:
        if parts:
            add_views(con, list(parts), only=only)
        if asked is not None:
            con.register("asked", pa.table(dict(asked)))
        with told():
            found: Any = con.sql(sql)
            return found.to_arrow_table()
