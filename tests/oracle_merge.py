"""Merging, slowly: knowledge bases as lists of rows, joined one pair after the other."""

from __future__ import annotations

from collections import Counter
from typing import Any

Rows = list[dict[str, Any]]
Kb = dict[str, Rows]
Place = tuple[int, int]  # a base, and an eid of it

ENTITY_COLUMNS = {"eid", "head", "tail", "type", "ancestor", "to_eid", "target"}


def groups(kbs: list[Kb], pairs: set[tuple[Place, Place]]) -> dict[Place, Place]:
    """Say which entity each becomes: the first of its group, or itself where the group is ambiguous."""
    every = [(base, row["eid"]) for base, kb in enumerate(kbs) for row in kb["entities"]]
    of = {place: {place} for place in every}
    for one, two in pairs:
        if of[one] is not of[two]:
            joined = of[one] | of[two]
            for place in joined:
                of[place] = joined
    leader = {}
    for place in every:
        bases = [base for base, _ in of[place]]
        leader[place] = min(of[place]) if len(set(bases)) == len(bases) else place
    return leader


def by_id(kbs: list[Kb], _names: list[str]) -> set[tuple[Place, Place]]:
    return {
        ((a, one["eid"]), (b, two["eid"]))
        for a, first in enumerate(kbs)
        for b, second in enumerate(kbs)
        for one in first["entities"]
        for two in second["entities"]
        if a < b and one["id"] == two["id"]
    }


def by_xref(kbs: list[Kb], names: list[str]) -> set[tuple[Place, Place]]:
    """Join by the scheme `same`, which is one for all, and by schemes that are called like a base."""
    said = [(base, row) for base, kb in enumerate(kbs) for row in kb["xref"]]
    pairs = set()
    for a, one in said:
        for b, two in said:
            if a != b and one["scheme"] == two["scheme"] == "same" and one["value"] == two["value"]:
                pairs.add(((a, one["eid"]), (b, two["eid"])))
        for b, kb in enumerate(kbs):
            for row in kb["entities"]:
                if a != b and one["scheme"] == names[b] and one["value"] == row["id"]:
                    pairs.add(((a, one["eid"]), (b, row["eid"])))
    return pairs


def merge(kbs: list[Kb], names: list[str], joined: set[tuple[Place, Place]]) -> Kb:
    leader = groups(kbs, joined)
    alive = [place for place in leader if leader[place] == place]
    eids = {place: alive.index(leader[place]) for place in leader}
    relations: list[str] = []
    for kb in kbs:
        relations += [row["id"] for row in kb["relations"] if row["id"] not in relations]
    made: Kb = {"triples": [], "literals": [], "types": [], "xref": [], "labels": [], "qualifiers": []}
    statement = 0
    for base, kb in enumerate(kbs):
        rids = {row["rid"]: relations.index(row["id"]) for row in kb["relations"]}
        for table, rows in made.items():
            for row in kb.get(table, []):
                new = {
                    name: eids[base, v] if name in ENTITY_COLUMNS and v is not None else v
                    for name, v in row.items()
                }
                new |= {name: rids[row[name]] for name in ("relation",) if name in row}
                new |= {name: row[name] + statement for name in ("statement",) if name in row}
                rows.append(new)
        used = [
            row["statement"] for table in ("triples", "literals", "qualifiers") for row in kb.get(table, [])
        ]
        statement += max(used, default=-1) + 1
    ids = _ids(kbs, names, alive)
    for (base, eid), eid_now in eids.items():
        own = kbs[base]["entities"][eid]["id"]
        if leader[base, eid] != (base, eid) or own != ids[eid_now]:
            made["xref"].append({"eid": eid_now, "scheme": names[base], "value": own})
    judge(made)
    for table in ("types", "xref", "labels"):
        made[table] = [dict(row) for row in {tuple(sorted(row.items())): None for row in made[table]}]
    made["entities"] = []
    for eid, place in enumerate(alive):
        mine = [kbs[base]["entities"][old] for base, old in sorted(leader) if leader[base, old] == place]
        made["entities"].append(_entity(mine, eid, ids[eid], made))
    pairs = [
        (eids[base, row["type"]], eids[base, row["ancestor"]], row["depth"])
        for base, kb in enumerate(kbs)
        for row in kb["classes"]
    ]
    edges = {(child, parent) for child, parent, depth in pairs if depth == 1 and child != parent}
    classes = {child for child, _, depth in pairs if depth == 0} | {row["type"] for row in made["types"]}
    made["classes"] = [
        {"type": child, "ancestor": parent, "depth": depth}
        for child, parent, depth in closure(edges, classes)
    ]
    made["relations"] = [{"rid": rid, "id": id_} for rid, id_ in enumerate(relations)]
    return made


def _ids(kbs: list[Kb], names: list[str], alive: list[Place]) -> list[str]:
    ids: list[str] = []
    for base, eid in alive:
        own = kbs[base]["entities"][eid]["id"]
        ids.append(f"{names[base]}:{own}" if own in ids else own)
    return ids


def judge(made: Kb) -> None:
    said = [*made["triples"], *made["literals"]]
    for row in said:
        ranks = [o["rank"] for o in said if (o["head"], o["relation"]) == (row["head"], row["relation"])]
        row["best"] = row["rank"] == max(ranks) and row["rank"] >= 0


def _entity(mine: Rows, eid: int, id_: str, made: Kb) -> dict[str, Any]:
    named = next((row for row in mine if row["label"] is not None), None)
    langs = [row["lang"] for row in mine if row["lang"] is not None]
    lang = langs[0] if langs else None
    if named is not None and named["lang"] is not None:
        lang = named["lang"]
    heads, tails = (Counter(row[end] for row in made["triples"]) for end in ("head", "tail"))
    return {
        "eid": eid,
        "id": id_,
        "kind": mine[0]["kind"],
        "label": named["label"] if named else None,
        "description": next((row["description"] for row in mine if row["description"] is not None), None),
        "lang": lang,
        "sitelinks": max(row["sitelinks"] for row in mine),
        "in_degree": tails[eid],
        "out_degree": heads[eid],
        "freq": sum(row["freq"] for row in mine),
        "flags": min(row["flags"] for row in mine),
    }


def closure(edges: set[tuple[int, int]], classes: set[int]) -> set[tuple[int, int, int]]:
    """Return every class with its ancestors and their distances, by walking up from each."""
    found = set()
    for start in classes | {end for edge in edges for end in edge}:
        depth, level, known = 0, {start}, {start}
        while level:
            found |= {(start, one, depth) for one in level}
            level = {parent for child, parent in edges if child in level} - known
            known |= level
            depth += 1
    return found
