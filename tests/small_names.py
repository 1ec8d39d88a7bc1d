"""Small knowledge bases of names, and hypothesis strategies for them: what alias tables are tested with."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from hypothesis import strategies as st

from tests import tiny_kb

SPELLINGS = (
    "NATO", "Nato", "nato", "N.A.T.O.", "résumé", "Résumé", "resume", "Resume", "US", "us", "U.S.", "Us",
    "北京", "臺灣", "台湾", "台 湾", "Spider-Man", "spider man", "Spider-man", "!!!", "1984", "São Paulo",
    "Sao Paulo", "SAO PAULO", "dogs", "dog", "a", "Ａ", "Paris", "paris, France", "Paris France",
)  # fmt: skip


class Name(NamedTuple):
    """One row of `surfaces`."""

    eid: int
    text: str
    source: str = "label"
    n: int | None = None
    lang: str | None = "en"


def write(
    out: Path,
    names: Iterable[Name],
    *,
    entities: int = 8,
    name: str = "names",
    popularity: Iterable[tuple[int, int]] = (),
    **tables: list[dict[str, Any]],
) -> Path:
    """Write a knowledge base with these names; `popularity` has sitelinks and in-degree by eid."""
    known = {**dict.fromkeys(range(entities), (0, 0)), **dict(enumerate(popularity))}
    rows = [
        tiny_kb.entity(eid, f"E{eid}", f"entity {eid}", sitelinks=known[eid][0], in_degree=known[eid][1])
        for eid in range(entities)
    ]
    surfaces = [
        {**row._asdict(), "count": row.n, "pos": None, "atom": None}
        for row in sorted(names, key=lambda row: (row.text.encode(), row.eid))
    ]  # fmt: skip
    return tiny_kb.write(
        out,
        {"entities": rows, "surfaces": surfaces, **tables},
        name=name,
        overwrite=True,
        id_space=[f"ids of {name}"],
    )


def names(entities: int = 8, spellings: Iterable[str] = SPELLINGS) -> st.SearchStrategy[list[Name]]:
    """Draw names that are likely to collide on some rung."""
    one = st.builds(
        Name,
        st.integers(0, entities - 1),
        st.sampled_from(list(spellings)),
        st.sampled_from(["label", "alias", "redirect", "anchor", "lemma", "title"]),
        st.one_of(st.none(), st.integers(0, 50)),
    )
    return st.lists(one, min_size=1, max_size=40)


def ask(sql: str) -> list[tuple[Any, ...]]:
    """Ask about Parquet files in SQL."""
    with _duckdb().cursor() as con:
        return con.execute(sql).fetchall()


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()
