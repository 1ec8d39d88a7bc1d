"""The known names most similar to one that is not known."""

from __future__ import annotations

import duckdb
import msgspec

from kbtools.alias.lookup import Alias
from kbtools.alias.referents import Referents
from kbtools.kb.views import ask

FEWEST = 2  # bytes that may be changed in any name; in a longer one, half of them


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """A known name: how many bytes have to be changed to get there, and what it means most likely."""

    surface: str
    norm: str
    edits: int
    kb: str | None
    eid: int | None
    id: str | None
    label: str | None
    prior: float | None


def neighbours(
    con: duckdb.DuckDBPyConnection, alias: Alias, who: Referents, norm: str, most: int
) -> list[Near]:
    """Return the most similar names; of equally similar ones the most linked win."""
    size = len(norm.encode())
    room = max(FEWEST, size // 2)
    alike = "jaro_winkler_similarity(norm, $1)"
    rows = ask(
        con,
        "WITH near AS (SELECT norm, damerau_levenshtein(norm, $1) AS edits, linked FROM forms"
        f" WHERE surface IS NULL AND strlen(norm) BETWEEN {size - room} AND {size + room}"
        f" AND edits <= {room} ORDER BY edits, {alike} DESC, linked DESC, norm LIMIT $2),"
        " spelt AS (SELECT norm, arg_max(surface, (linked, surface)) AS surface FROM forms"
        " SEMI JOIN near USING (norm) WHERE surface IS NOT NULL GROUP BY norm),"
        " best AS (SELECT norm, kb, eid, prior FROM candidates SEMI JOIN near USING (norm)"
        " WHERE form IS NULL AND rank = 0 QUALIFY row_number() OVER (PARTITION BY norm ORDER BY kb) = 1)"
        " SELECT coalesce(surface, norm), norm, edits, kb, eid, prior"
        " FROM near LEFT JOIN spelt USING (norm) LEFT JOIN best USING (norm)"
        f" ORDER BY edits, {alike} DESC, linked DESC, norm",
        [norm, most],
    )
    known = who.entities(con, {(kb, eid) for _, _, _, kb, eid, _ in rows if kb is not None})
    found = []
    for surface, text, edits, kb, eid, prior in rows:
        entity = known.get((kb, eid))
        found.append(
            Near(
                surface=surface,
                norm=text,
                edits=edits,
                kb=None if kb is None else alias.kbs[kb].name,
                eid=eid,
                id=entity and entity.id,
                label=entity and entity.label,
                prior=prior,
            )
        )
    return found
