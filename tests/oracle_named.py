"""The tables that a dump of text ids ought to become: built with dicts, one row at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

from kbtools.kb.schema import TABLES
from tests.named_world import Dump, statements_of
from tests.staged_world import LITERAL, Row, Tables, in_order

SHOWN = ("kind", "label", "description", "sitelinks", "freq")
FOUND_BY_LINK = {"source": "anchor", "pos": None, "atom": None}
FOUND_BY_ID = {"source": "name", "pos": None, "atom": None, "count": None}
AS_IS = {  # tables that take their columns over, as sets
    "surfaces": {"lang": None, "pos": None, "count": None, "atom": None},
    "descriptions": {},
    "sitelinks": {},
    "xref": {},
}


class Expected:
    """All tables but the classes; `lost` counts what was left out.

    `old` are the tables of the release before; `base` those of the base of an overlay.
    """

    def __init__(self, dump: Dump, *, old: Tables | None = None, base: Tables | None = None) -> None:
        self.dump, self.old, self.base = dump, old or {}, base
        self.lost: Counter[str] = Counter()
        self.tables: Tables = {name: [] for name in TABLES if name != "classes"}
        self.live, self.keeps = self._numbered()  # ids to eids: entities, and redirects of an overlay's base
        self.moved = self._redirects()
        self.rids = self._relations()
        self.first_statement = self._first_statement()
        if base is None:
            self._entities()
        self._labels()
        for table, usual in AS_IS.items():
            for row in self.rows(table):
                self._add(
                    table, row, usual | {k: v for k, v in row.items() if k in TABLES[table].schema.names}
                )
        self._types()
        self._statements()
        self._pages()
        self._own_names()
        self._rejects()
        self._degrees()
        self.tables = {name: self._in_order(name, rows) for name, rows in self.tables.items()}
        may_be_empty = {"rejects"} if base is not None else {"rejects", "entities"}
        self.tables = {name: rows for name, rows in self.tables.items() if rows or name in may_be_empty}

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table in dump order, with numbers that count through the whole dump."""
        statement = page = 0
        places = count()
        for number, tables in enumerate(self.dump.parts):
            for row in tables.get(table, ()):
                made = {**row, "place": next(places), "part": number}
                if "statement" in row:
                    made["statement"] += statement + self.first_statement
                if table == "anchors":
                    made["page"] += page
                yield made
            statement, page = statement + statements_of(tables), page + len(tables.get("pages", ()))

    def eid(self, name: str | None) -> int | None:
        """Return what an id stands for."""
        return None if name is None else self.live.get(name, self.moved.get(name))

    def _numbered(self) -> tuple[dict[str, int], set[str]]:
        if self.base is not None:
            return self._names_of_the_base(), set()
        known = {row["id"]: row["eid"] for row in self.old.get("entities", ())}
        live: dict[str, int] = {}
        for row in self.rows("entities"):
            live[row["entity"]] = known.setdefault(row["entity"], len(known))
        return live, set(live)

    def _names_of_the_base(self) -> dict[str, int]:
        assert self.base is not None
        kind, _, site = self.dump.names.partition(":")
        if kind == "site":
            found: dict[str, int] = {}
            for row in self.base.get("sitelinks", ()):
                if row["site"] == site:
                    found[row["title"]] = min(row["eid"], found.get(row["title"], row["eid"]))
            return found
        names = {row["id"]: row["eid"] for row in self.base["entities"]}
        return names | {row["from_id"]: row["to_eid"] for row in self.base.get("redirects", ())}

    def _redirects(self) -> dict[str, int]:
        leads: dict[str, tuple[str, str]] = {}
        for row in self.rows("redirects"):
            said = (row["to"], row["kind"])
            leads[row["from_id"]] = min(said, leads.get(row["from_id"], said))
        moved = {}
        for name, (target, _) in leads.items():
            seen = {name}
            while target not in self.live and target in leads and target not in seen:
                seen.add(target)
                target = leads[target][0]  # noqa: PLW2901
            if name not in self.live and target in self.live:
                moved[name] = self.live[target]
        self.elsewhere = len(leads) - len(moved)
        rows = {name: {"from_id": name, "to_eid": eid, "kind": leads[name][1]} for name, eid in moved.items()}
        gone = {row["eid"]: row["id"] for row in self.old.get("entities", ()) if row["id"] not in self.live}
        for row in self.old.get("redirects", ()):
            if row["kind"] != "retired" and row["from_id"] not in self.live:
                eid = moved.get(gone.get(row["to_eid"], ""), row["to_eid"])
                rows.setdefault(row["from_id"], {**row, "to_eid": eid})
        for eid, name in gone.items():
            rows.setdefault(name, {"from_id": name, "to_eid": eid, "kind": "retired"})
        self.tables["redirects"] = list(rows.values())
        return moved

    def _relations(self) -> dict[str, int]:
        described: dict[str, Row] = {}
        for row in self.rows("relations"):
            mine = described.setdefault(row["relation"], {})
            for name in ("label", "description", "inverse"):
                if mine.get(name) is None:
                    mine[name] = row.get(name)
        earlier = (self.base or self.old).get("relations", [])
        spoken_of = {row["inverse"] for row in described.values() if row["inverse"] is not None}
        for table in ("triples", "literals", "qualifiers"):
            spoken_of |= {row["relation"] for part in self.dump.parts for row in part.get(table, ())}
        rids = {row["id"]: row["rid"] for row in earlier}
        for name in [*described, *sorted(spoken_of)]:
            rids.setdefault(name, len(rids))
        rows = {row["id"]: row for row in earlier}
        for name in [*described, *sorted(spoken_of)]:
            row = described.get(name, {})
            shown = {"label": row.get("label"), "description": row.get("description")}
            inverse = rids.get(row.get("inverse", ""))
            rows[name] = {"rid": rids[name], "id": name, **shown, "inverse_rid": inverse}
        kept = len(earlier) if self.base is not None else 0
        self.tables["relations"] = [row for row in rows.values() if row["rid"] >= kept]
        return rids

    def _first_statement(self) -> int:
        told = [row for name in ("triples", "literals") for row in (self.base or {}).get(name, ())]
        return max((row["statement"] for row in told), default=-1) + 1

    def _entities(self) -> None:
        said: dict[str, list[Row]] = {}
        for row in self.rows("entities"):
            said.setdefault(row["entity"], []).append(row)
        for name, rows in said.items():
            rows.sort(key=lambda row: (row.get("order") or 0, row["place"]))
            made = {column: _first(rows, column) for column in SHOWN}
            labelled = [row for row in rows if row.get("label") is not None]
            made["lang"] = labelled[0].get("lang") if labelled else _first(rows, "lang")
            if self.dump.own_names and not labelled:
                made |= {"label": name, "lang": self.dump.lang}
            numbers = {"sitelinks": made["sitelinks"] or 0, "freq": made["freq"] or 0, "flags": 0}
            kind = made["kind"] or "entity"
            self.tables["entities"].append(
                {"eid": self.live[name], "id": name, **made, **numbers, "kind": kind}
            )
        for row in self.old.get("entities", ()):
            if row["id"] not in self.live:
                self.tables["entities"].append({**row, "flags": row["flags"] | 1})

    def _labels(self) -> None:
        chosen: dict[tuple[int, str], Row] = {}
        for row in sorted(self.rows("labels"), key=lambda row: (row.get("order") or 0, row["place"])):
            eid = self.eid(row["entity"])
            if eid is None:
                self.lost["labels"] += 1
            else:
                chosen.setdefault((eid, row["lang"]), {"eid": eid, "lang": row["lang"], "text": row["text"]})
        known = {(row["eid"], row["lang"]) for row in (self.base or {}).get("labels", ())}
        self.tables["labels"] = [row for key, row in chosen.items() if key not in known]

    def _add(self, table: str, row: Row, made: Row, column: str = "eid", key: str = "entity") -> None:
        eid = self.eid(row[key])
        if eid is None:
            self.lost[table] += 1
        else:
            self.tables[table].append({column: eid, **made})

    def _types(self) -> None:
        for row in self.rows("types"):
            kind = self.eid(row["type"])
            if kind is None:
                self.lost["types"] += 1
            else:
                self._add("types", row, {"type": kind})

    def _statements(self) -> None:
        for row in self.rows("triples"):
            own = {name: row[name] for name in ("rank", "best", "statement")}
            own["relation"] = self.rids[row["relation"]]
            tail = self.eid(row["tail"])
            if tail is not None:
                self._add("triples", row, {**own, "tail": tail, "split": row.get("split")}, "head")
            else:
                outside = {"datatype": row.get("otherwise") or "entity-id", "value": row["tail"]}
                self._add("literals", row, {**LITERAL, **own, **outside}, "head")
        for row in self.rows("literals"):
            own = {name: row.get(name) for name in (*LITERAL, "rank", "best", "statement")}
            self._add("literals", row, {**own, "relation": self.rids[row["relation"]]}, "head")
        for row in self.rows("qualifiers"):
            made = {name: row.get(name) for name in (*LITERAL, "statement", "ord")}
            made |= {"relation": self.rids[row["relation"]], "tail": self.eid(row.get("tail"))}
            if row.get("tail") is not None and made["tail"] is None:
                made |= {"datatype": "entity-id", "value": row["tail"]}
            if self.eid(row["entity"]) is None:
                self.lost["qualifiers"] += 1
            else:
                self.tables["qualifiers"].append(made)

    def _pages(self) -> None:
        for number, row in enumerate(self.rows("pages")):
            shown = {name: row[name] for name in ("title", "lang", "text", "sections")}
            self.tables["pages"].append({"page": number, "eid": self.eid(row["entity"]), **shown})
        if without := sum(row["eid"] is None for row in self.tables["pages"]):
            self.lost["pages"] = without
        linked: Counter[tuple[int, str]] = Counter()
        for row in self.rows("anchors"):
            target = self.eid(row["target"])
            shown = {name: row[name] for name in ("page", "start", "end", "surface", "target_title", "kind")}
            self.tables["anchors"].append({**shown, "target": target})
            if target is not None:
                linked[target, row["surface"]] += 1
        langs = [row["lang"] for row in self.tables["pages"]]
        for (eid, text), times in linked.items():
            own = {"eid": eid, "text": text, "lang": min(langs), "count": times}
            self.tables["surfaces"].append({**own, **FOUND_BY_LINK})

    def _own_names(self) -> None:
        if self.dump.own_names and self.base is None:
            for name, eid in self.live.items():
                own = {"eid": eid, "lang": self.dump.lang, "text": name}
                self.tables["surfaces"].append({**own, **FOUND_BY_ID})
                if self.dump.lang is not None:
                    self.tables["labels"].append(own)

    def _rejects(self) -> None:
        for row in self.rows("rejects"):
            line = None if row["line"] is None else 100 * row["part"] + row["line"] + 1
            file = f"dump{row['part'] // 2}"
            told = {"file": file, "line": line, "byte": None, "reason": row["reason"], "snippet": row["text"]}
            self.tables["rejects"].append(told)
        if self.base is None:
            return
        kept = {row["entity"] for row in self.rows("pages")} | {row["tail"] for row in self.rows("triples")}
        lines: dict[tuple[str, str], list[int]] = {}
        for row in self.rows("entities"):
            if self.eid(row["entity"]) is None and row["entity"] not in kept:
                said = lines.setdefault((f"dump{row['part'] // 2}", row["entity"]), [])
                said += [] if row.get("line") is None else [100 * row["part"] + row["line"] + 1]
        for (file, name), said in lines.items():
            line = min(said, default=None)
            reason = "tiny has no such entity, and an overlay adds none"
            told = {"file": file, "line": line, "byte": None, "reason": reason, "snippet": name}
            self.tables["rejects"].append(told)
        self.unknown = len(lines)

    def _degrees(self) -> None:
        for column, end in (("in_degree", "tail"), ("out_degree", "head")):
            counts = Counter(row[end] for row in self.tables["triples"])
            for row in self.tables["entities"]:
                row[column] = counts[row["eid"]]

    def _in_order(self, table: str, rows: list[Row]) -> list[Row]:
        if table in {*AS_IS, "types"}:
            known = (self.base or {}).get(table, [])
            rows = [row for at, row in enumerate(rows) if row not in rows[:at] and row not in known]
        return in_order(table, rows)


def _first(rows: list[Row], column: str) -> Any:
    return next((row[column] for row in rows if row.get(column) is not None), None)
