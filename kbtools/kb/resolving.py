"""Ids of any kind and release to entities: as gold says them, as other systems answer.

An id is looked for in the knowledge base named with it, or else in each; the first that knows it wins:

    an id             entities, then redirects (merged and retired ids, page titles), then any `xref`
    of a scheme       `xref` of that scheme first, whatever it is called: mesh, MSH, P486
    of "wikipedia"    a title: sitelinks first, those of `site` before others; of "dewiki" its own
    scheme:value      without a space of its own, the same as the value of that scheme

What leads nowhere is eid −1: the entity is in none of these knowledge bases. `own` is for those who name
entities of one knowledge base by its own ids: `GO:1` is what has that id, before it is 1 of GO.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.kb.asking import answer
from kbtools.kb.quoting import quote
from kbtools.kb.reader import Base
from kbtools.kb.schema import STR, TOMBSTONE

TITLES = "wikipedia"  # what is said is a page's title
SENSES = "wordnet"  # an id of a synset, or a sense key
SITE = "enwiki"
CALLED = {  # schemes by the names they go by: in corpora, UMLS, ontologies and Wikidata
    "mesh": ("msh", "p486"),
    "omim": ("mim", "p492"),
    "umls": ("umls_cui", "cui", "p2892"),
    "wordnet": ("sense_key", "p8814"),
    "freebase": ("p646",),
}


class Resolved(NamedTuple):
    """N ids; eid −1: unknown."""

    kb: NDArray[np.uint8]
    eid: NDArray[np.int64]


def resolve(
    bases: Mapping[int, Base],
    ids: Sequence[str | None] | pa.Array,
    spaces: Sequence[str | None] | pa.Array | None = None,
    *,
    site: str = SITE,
) -> Resolved:
    """Find the entities of ids; `bases` go by number, `spaces` say whose each id is (None: anybody's)."""
    said = _said(pa.array(ids, STR), pa.nulls(len(ids), STR) if spaces is None else pa.array(spaces, STR))
    keys = said.group_by(["id", "space"]).aggregate([])  # each pair is asked once
    keys = keys.filter(pc.is_valid(keys["id"])).append_column(
        "n", pa.array(np.arange(len(keys) - keys["id"].null_count), pa.int64())
    )
    kb, eid = np.zeros(len(keys), np.uint8), np.full(len(keys), -1, np.int64)
    names = [base.name for base in bases.values()]
    for place, base in sorted(bases.items()):
        found = _eids(base, keys, names, site)
        mine = (eid < 0) & (found >= 0)
        kb[mine], eid[mine] = place, found[mine]
    rows = _rows(said, keys)
    known = rows >= 0
    out = Resolved(np.zeros(len(ids), np.uint8), np.full(len(ids), -1, np.int64))
    out.kb[known], out.eid[known] = kb[rows[known]], eid[rows[known]]
    return out


def own(base: Base, ids: Sequence[str] | pa.Array) -> NDArray[np.int64]:
    """Find the entities of a knowledge base by its own ids, then in every other way; −1: unknown."""
    eids = np.full(len(ids), -1, np.int64)
    if not len(ids):
        return eids
    asked = {"n": np.arange(len(ids)), "id": pa.array(ids, STR)}
    sql = f"SELECT n, eid FROM asked JOIN entities USING (id) WHERE flags & {TOMBSTONE} = 0"
    found = answer(base.kb.path, sql, asked, parts=base.parts, only={"entities"})
    eids[found["n"].to_numpy()] = found["eid"].to_numpy()
    left = np.flatnonzero(eids < 0)
    if len(left):
        eids[left] = resolve({0: base}, asked["id"].take(pa.array(left))).eid
    return eids


def _said(ids: pa.Array, spaces: pa.Array) -> pa.Table:
    """Put ids and whose they are side by side; `mesh:D001` says it itself."""
    found = pc.extract_regex(ids, r"^(?P<space>[A-Za-z_]{2,12}):(?P<id>[^/].*)$")
    prefixed = pc.and_(pc.is_null(spaces), pc.is_valid(found))
    space, id_ = (pc.struct_field(found, name) for name in ("space", "id"))
    return pa.table({"id": pc.if_else(prefixed, id_, ids), "space": pc.if_else(prefixed, space, spaces)})


def _rows(said: pa.Table, keys: pa.Table) -> NDArray[np.int64]:
    """Return for each pair its row in `keys`; −1 for a null."""
    joined = said.append_column("at", pa.array(np.arange(len(said)))).filter(pc.is_valid(said["id"]))
    filled = [table.set_column(1, "space", pc.fill_null(table["space"], "")) for table in (joined, keys)]
    found = filled[0].join(filled[1], ["id", "space"])
    rows = np.full(len(said), -1, np.int64)
    rows[found["at"].to_numpy()] = found["n"].to_numpy()
    return rows


def _eids(base: Base, keys: pa.Table, names: Sequence[str], site: str) -> NDArray[np.int64]:
    """Return the eids of ids in one knowledge base: the first way that leads to one counts."""
    # a space that is no name of a knowledge base here says nothing about which one is meant
    mine = f"(space IS NULL OR space = {quote(base.name)} OR space NOT IN ({', '.join(map(quote, names))}))"
    title = f"space = {quote(TITLES)} OR (space = site AND site LIKE '%wiki')"
    ways = {
        "sitelinks": f"SELECT n, CASE WHEN site = {quote(site)} THEN 0 ELSE 1 END AS way, eid FROM asked "
        f"JOIN sitelinks ON title = id WHERE {title}",
        "xref": "SELECT n, CASE WHEN space IS NULL THEN 4 ELSE 1 END AS way, eid FROM asked "
        f"JOIN xref ON value = id AND (space IS NULL OR {_scheme('scheme')} = {_scheme('space')})",
        "entities": "SELECT n, 2 AS way, eid FROM asked JOIN entities USING (id) "
        f"WHERE flags & {TOMBSTONE} = 0",
        "redirects": "SELECT n, 3 AS way, to_eid AS eid FROM asked JOIN redirects ON from_id = id",
    }
    sql = " UNION ALL ".join(ways[table] for table in ways if table in base.tables)
    best = f"SELECT n, arg_min(eid, (way, eid)) AS eid FROM ({sql}) GROUP BY n"
    best = f"SELECT n, eid FROM ({best}) JOIN asked USING (n) WHERE {mine}"
    asked = {name: keys[name] for name in ("n", "id", "space")}
    found = answer(base.kb.path, best, asked, parts=base.parts, only=set(ways))
    eids = np.full(len(keys), -1, np.int64)
    eids[found["n"].to_numpy()] = found["eid"].to_numpy()
    return eids


def _scheme(column: str) -> str:
    """Say in SQL what a scheme is called here."""
    arms = " ".join(
        f"WHEN {quote(other)} THEN {quote(name)}" for name, others in CALLED.items() for other in others
    )
    return f"(CASE lower({column}) {arms} ELSE lower({column}) END)"
