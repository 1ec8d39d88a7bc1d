"""Staging folders made by hand: what a source would have staged, written from plain dicts; and slow oracles.

`stage` writes rows as they are given. `World` thinks of whole records instead (an entity with its names and
statements), cuts them into parts, and `expected` builds the tables they ought to become: one row at a time,
with dicts, the way anybody would who had all the memory and time there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools.artefact import Done, perform
from kbtools.kb import finish, numbering, writer
from kbtools.kb.keymap import SPACE_BITS
from kbtools.kb.parts import Part, Parts
from kbtools.kb.schema import TABLES
from kbtools.kb.staged import SCHEMAS, VALUE, PartWriter

Row = dict[str, Any]
Tables = dict[str, list[Row]]

PREFIXES = ["Q", "P"]
MEMORY = 1 << 28
SUBCLASS_OF = "P9"
LITERAL = dict.fromkeys([name for name, _ in VALUE])
WORDS = ["", "a", "b", "ab", "A", "é", "苹果", "𐐷", "\uffee", "tab\there"]  # in no order; two beyond the BMP


def key(name: str) -> int:
    """Return the key of an id such as Q42 or P31."""
    return (PREFIXES.index(name[0]) << SPACE_BITS) + int(name[1:])


def batch(table: str, rows: Sequence[Row]) -> pa.RecordBatch:
    """Make a staged batch; what a row does not say is null."""
    return pa.RecordBatch.from_pylist(
        [dict.fromkeys(SCHEMAS[table].names) | row for row in rows], SCHEMAS[table]
    )


def stage(folder: Path, parts: Sequence[Tables], *, size: int = 3, lines: bool = True) -> list[Part]:
    """Write parts of these rows, in batches of `size`; local numbers count from 0 in each part."""
    made: list[Part] = []
    row = statement = line = byte = 0
    for number, tables in enumerate(parts):
        path = f"work/parts/{number:03}.part"
        with PartWriter(folder / path) as out:
            for table, rows in tables.items():
                for at in range(0, len(rows), size):
                    out.add(table, batch(table, rows[at : at + size]))
                    out.end_block()
        numbers = [row["statement"] for name in ("triples", "literals") for row in tables.get(name, ())]
        count, statements = len(tables.get("entities", ())), max(numbers, default=-1) + 1
        made.append(
            Part(
                path=path,
                file=f"dump{number // 2}",
                row=row,
                rows=count,
                statement=statement,
                statements=statements,
                line=line if lines else None,
                byte=byte,
            )
        )
        row, statement, line, byte = row + count, statement + statements, line + 100, byte + 1000
    Parts.save(folder, made)
    return made


def entity(name: str, *, line: int = 0, **more: Any) -> Row:
    """Return a staged entity."""
    return {"key": key(name), "id": name, "kind": "item", "sitelinks": 0, "chosen": 0, "line": line, **more}


def number(folder: Path, *, old: Path | None = None) -> Row:
    """Run the first wave; return its facts."""
    (task,) = finish.first_wave(prefixes=PREFIXES, old=None if old is None else str(old), memory=MEMORY)
    return perform(task, folder).facts


def finished(
    folder: Path, *, old: Path | None = None, damage: Sequence[list[object]] = (), without: Sequence[str] = ()
) -> tuple[list[Done], Row]:
    """Run all waves in this process; return the records of the tasks, and all facts."""
    facts = number(folder, old=old)
    second = finish.second_wave(folder, without=without, damage=list(damage), memory=MEMORY)
    done = [perform(task, folder) for task in second]
    subclass_of = finish.rid_of(folder, SUBCLASS_OF)
    third = finish.third_wave(folder, subclass_of=subclass_of, memory=MEMORY, workers=2)
    done += [perform(task, folder) for task in third]
    for one in done:
        facts |= one.facts
    return done, facts


def small_groups(monkeypatch: Any, *, group: int = 4, groups: int = 2) -> None:
    """Let row groups and files be so small that a few rows fill several."""
    for module in (numbering, finish):
        monkeypatch.setattr(module, "GROUP", group)
        monkeypatch.setattr(module, "FILE", group * groups)
    monkeypatch.setattr(finish, "GROUPS", groups)
    monkeypatch.setattr(writer, "ROWS_IN_GROUP", group)
    monkeypatch.setattr(writer, "GROUPS_IN_FILE", groups)


def rows_of(folder: Path, table: str) -> list[Row]:
    """Read a table that was written below `new`, file by file in the order of their names."""
    found: list[Row] = []
    for path in sorted((folder / "new" / table).iterdir()):
        with pq.ParquetFile(path) as file:
            assert file.schema_arrow.equals(TABLES[table].schema), f"{path.name}: another schema"
            found += file.read().to_pylist()
    return found


def in_order(table: str, rows: Sequence[Row]) -> list[Row]:
    """Sort rows the slow way: by the key, then by all other columns; nulls last, a type of an entity once."""
    if table == "types":
        rows = [row for at, row in enumerate(rows) if row not in rows[:at]]
    return sorted(rows, key=lambda row: [(row[name] is None, row[name]) for name in TABLES[table].order])


def plain_batches(table: str, rows: Sequence[Row], size: int) -> list[pa.RecordBatch]:
    """Cut rows of a final table into batches, with strings where the table has dictionaries."""
    schema = writer.plain(TABLES[table].schema)
    return [pa.RecordBatch.from_pylist(rows[at : at + size], schema) for at in range(0, len(rows), size)]


def random_rows(table: str, count: int, rng: Random, *, spread: int = 4) -> list[Row]:
    """Make up rows of a final table with few different values, so that many tie; any column may be null."""

    def value(kind: pa.Field) -> Any:
        if kind.nullable and rng.random() < 0.3:
            return None
        if pa.types.is_list(kind.type):
            return []
        if pa.types.is_boolean(kind.type):
            return rng.random() < 0.5
        if pa.types.is_floating(kind.type) or pa.types.is_signed_integer(kind.type):
            return rng.choice([-1.5, 0.0, 2.0, 1e300] if pa.types.is_floating(kind.type) else [-1, 0, 1])
        if pa.types.is_integer(kind.type):
            return rng.randrange(spread)
        return rng.choice(WORDS)

    return [
        {name: value(TABLES[table].schema.field(name)) for name in TABLES[table].schema.names}
        for _ in range(count)
    ]


@dataclass
class World:
    """Records in the order of the dump, and what becomes of them.

    A record is a staged entity that carries its other rows: `labels`, `types` ... without their row number.
    """

    parts: list[list[Row]]
    redirects: list[tuple[str, str]] = field(default_factory=list)
    relations: list[Row] = field(default_factory=list)  # those that the dump describes
    rejects: list[tuple[int, Row]] = field(default_factory=list)  # part, row
    keep: list[bool] | None = None

    BY_ROW: ClassVar = {n: n for n in ("labels", "surfaces", "descriptions", "xref", "types")} | {
        "sitelinks": "links"
    }

    def stage(self, folder: Path, *, size: int = 3) -> Path:
        """Write the parts; redirects lie in one of their own, at the end."""
        parts = [self._staged(records) for records in self.parts]
        for place, row in self.rejects:
            parts[place].setdefault("rejects", []).append(row)
        parts[0]["relations"] = self.relations
        moved = [{"from_id": a, "key": key(a), "to": key(b), "kind": "merge"} for a, b in self.redirects]
        stage(folder, [*parts, {"redirects": moved}], size=size)
        if self.keep is not None:
            np.save(folder / numbering.KEEP, np.array(self.keep, bool))
        return folder

    def _staged(self, records: list[Row]) -> Tables:
        tables: Tables = {name: [] for name in SCHEMAS if name not in ("relations", "redirects", "rejects")}
        statement, used = 0, set()
        for row, record in enumerate(records):
            tables["entities"].append({k: v for k, v in record.items() if k in SCHEMAS["entities"].names})
            for name, place in self.BY_ROW.items():
                tables[name] += [{"row": row, **one} for one in record[place]]
            for made in record["statements"]:
                own = {"row": row, "statement": statement}
                told = {k: v for k, v in made.items() if k != "qualifiers"}
                tables["triples" if "tail" in told else "literals"].append(told | own)
                tables["qualifiers"] += [one | own for one in made["qualifiers"]]
                used |= {made["relation"], *(one["relation"] for one in made["qualifiers"])}
                statement += 1
        tables["used"] = [{"key": one} for one in sorted(used)]
        return tables

    def records(self) -> Iterator[tuple[int, int, int, Row]]:
        """Yield part, row of all, number of the first statement, and record."""
        row = statement = 0
        for place, records in enumerate(self.parts):
            for record in records:
                yield place, row, statement, record
                row, statement = row + 1, statement + len(record["statements"])

    def expected(self, old: Tables | None = None) -> Tables:
        """Build all tables but the classes, one row at a time."""
        return Expected(self, old or {}).tables


class Expected:
    """The tables of a world, built naively."""

    def __init__(self, world: World, old: Tables) -> None:
        self.world, self.old = world, old
        self.tables: Tables = {name: [] for name in TABLES if name not in {"classes", "pages", "anchors"}}
        self.eids = {row["id"]: row["eid"] for row in old.get("entities", ())}
        self.live: dict[str, int] = {}
        self._number()
        self.moved = self._redirects()
        self.rids = self._relations()
        for _, row, statement, record in world.records():
            if row in self.eid_of_row:
                self._record(self.eid_of_row[row], statement, record)
        self._rejects()
        self._degrees_and_tombstones()
        self.tables = {name: in_order(name, rows) for name, rows in self.tables.items()}

    def _number(self) -> None:
        self.eid_of_row: dict[int, int] = {}
        self.repeated: list[tuple[int, Row]] = []
        for place, row, _, record in self.world.records():
            if self.world.keep is not None and not self.world.keep[row]:
                continue
            if record["id"] in self.live:
                self.repeated.append((place, record))
                continue
            self.live[record["id"]] = self.eid_of_row[row] = self.eids.setdefault(
                record["id"], len(self.eids)
            )

    def _redirects(self) -> dict[str, int]:
        leads: dict[str, str] = {}
        for name, target in self.world.redirects:
            leads.setdefault(name, target)
        moved = {}
        for name, target in leads.items():
            if name in self.live:
                continue
            seen, end = {name}, target
            while end not in self.live and end in leads and end not in seen:
                seen.add(end)
                end = leads[end]
            if end in self.live:
                moved[name] = self.live[end]
        rows = {name: {"from_id": name, "to_eid": eid, "kind": "merge"} for name, eid in moved.items()}
        gone = {eid: name for name, eid in self.eids.items() if name not in self.live}
        staged = {record["id"] for *_, record in self.world.records()}
        for row in self.old.get("redirects", ()):
            if row["kind"] != "retired" and row["from_id"] not in staged:
                eid = moved.get(gone.get(row["to_eid"], ""), row["to_eid"])
                rows.setdefault(row["from_id"], {**row, "to_eid": eid})
        for eid, name in gone.items():
            rows.setdefault(name, {"from_id": name, "to_eid": eid, "kind": "retired"})
        self.tables["redirects"] = list(rows.values())
        return moved

    def _relations(self) -> dict[int, int]:
        described = {row["key"]: row for row in reversed(self.world.relations)}
        for *_, record in self.world.records():
            for made in record["statements"]:
                for one in (made, *made["qualifiers"]):
                    described.setdefault(
                        one["relation"], {"key": one["relation"], "id": _id(one["relation"])}
                    )
        rows = {row["id"]: row for row in self.old.get("relations", ())}
        rids = {name: row["rid"] for name, row in rows.items()}
        for one in sorted(described):
            rids.setdefault(described[one]["id"], len(rids))
        for row in described.values():
            inverse = described.get(row.get("inverse"), {}).get("id")
            rows[row["id"]] = {
                "rid": rids[row["id"]],
                "id": row["id"],
                "label": row.get("label"),
                "description": row.get("description"),
                "inverse_rid": rids.get(inverse),
            }
        self.tables["relations"] = list(rows.values())
        return {one: rids[row["id"]] for one, row in described.items()}

    def eid(self, one: int) -> int | None:
        """Return what a key stands for in this base."""
        return self.live.get(_id(one), self.moved.get(_id(one)))

    def _record(self, eid: int, statement: int, record: Row) -> None:
        shown = {k: record[k] for k in ("id", "kind", "label", "description", "lang", "sitelinks")}
        self.tables["entities"].append({"eid": eid, **shown, "freq": 0, "flags": 0})
        for name, place in World.BY_ROW.items():
            rows = [{"eid": eid, **one} for one in record[place]]
            if name == "types":
                kinds = {self.eid(row["type"]) for row in rows} - {None}
                rows = [{"eid": eid, "type": kind} for kind in kinds]
            self.tables[name] += rows
        for number_, made in enumerate(record["statements"], statement):
            own = {"head": eid, "relation": self.rids[made["relation"]], "statement": number_}
            told = {k: v for k, v in made.items() if k not in ("qualifiers", "tail")} | own
            if "tail" not in made:
                self.tables["literals"].append(told)
            elif (tail := self.eid(made["tail"])) is not None:
                self.tables["triples"].append({**told, "tail": tail, "split": None})
            else:
                self.tables["literals"].append({**LITERAL, **told, **_outside(made["tail"])})
            self.tables["qualifiers"] += [self._qualifier(one, number_) for one in made["qualifiers"]]

    def _qualifier(self, made: Row, statement: int) -> Row:
        row = {**LITERAL, **made, "statement": statement, "relation": self.rids[made["relation"]]}
        if row.setdefault("tail", None) is not None:
            tail = self.eid(row["tail"])
            row |= {"tail": tail} if tail is not None else {"tail": None, **_outside(row["tail"])}
        return row

    def _rejects(self) -> None:
        for place, row in self.world.rejects:
            line, byte = row["line"], row["byte"]
            self.tables["rejects"].append(
                {
                    **row,
                    "file": f"dump{place // 2}",
                    "line": None if line is None else place * 100 + line + 1,
                    "byte": None if byte is None else place * 1000 + byte,
                }
            )
        for place, record in self.repeated:
            self.tables["rejects"].append(
                {
                    "file": f"dump{place // 2}",
                    "line": place * 100 + record["line"] + 1,
                    "byte": None,
                    "reason": f"{record['id']} again: the first entity of this id counts",
                    "snippet": record["id"],
                }
            )

    def _degrees_and_tombstones(self) -> None:
        present = {row["eid"] for row in self.tables["entities"]}
        for row in self.old.get("entities", ()):
            if row["eid"] not in present:
                self.tables["entities"].append({**row, "freq": 0, "flags": row["flags"] | 1})
        for column, end in (("in_degree", "tail"), ("out_degree", "head")):
            counts = Counter(row[end] for row in self.tables["triples"])
            for row in self.tables["entities"]:
                row[column] = counts[row["eid"]]


def _id(one: int) -> str:
    return f"{PREFIXES[one >> SPACE_BITS]}{one & ((1 << SPACE_BITS) - 1)}"


def _outside(one: int) -> Row:
    return {"datatype": "entity-id", "value": _id(one)}


def random_world(rng: Random, *, entities: int = 40, parts: int = 4, select: bool = True) -> World:
    """Make up a world in which everything happens: repeats, outside references, chains of merged ids ..."""
    ids = [f"Q{n}" for n in range(2 * entities)] + [f"P{n}" for n in range(12)]
    chosen = [rng.choice(ids) for _ in range(entities)]  # some twice, many never
    cuts = sorted(rng.randrange(entities + 1) for _ in range(parts - 1))
    records = [_record(rng, name, ids) for name in chosen]
    described = [
        {
            "key": key(f"P{n}"),
            "id": f"P{n}",
            "label": rng.choice(WORDS),
            "inverse": rng.choice([None, key(f"P{rng.randrange(14)}")]),
        }
        for n in rng.sample(range(14), 8)
    ]
    split = [records[a:b] for a, b in zip([0, *cuts], [*cuts, entities], strict=True)]
    for place, records in enumerate(split):
        for line, record in enumerate(records):
            record["line"] = 2 * line + place % 2
    return World(
        parts=split,
        redirects=[(rng.choice(ids), rng.choice(ids)) for _ in range(entities)],
        relations=described,
        rejects=[
            (rng.randrange(parts), {"line": n, "byte": n * 7, "reason": rng.choice(WORDS), "snippet": "x"})
            for n in range(rng.randrange(9))
        ],
        keep=[rng.random() < 0.8 for _ in range(entities)] if select else None,
    )


def _record(rng: Random, name: str, ids: list[str]) -> Row:
    def several(most: int) -> range:
        return range(rng.randrange(most + 1))

    def word() -> str:
        return rng.choice(WORDS)

    def value() -> Row:
        number_ = rng.choice([None, -1.5, 0.0, 3.0])
        return {**LITERAL, "datatype": rng.choice(["string", "time"]), "value": word(), "number": number_}

    def qualifier(ord_: int) -> Row:
        own = {"relation": key(f"P{rng.randrange(12)}"), "ord": ord_}
        return {**own, **value()} if rng.random() < 0.5 else {**own, "tail": key(rng.choice(ids))}

    statements = []
    for _ in several(5):
        made: Row = {"relation": key(f"P{rng.randrange(12)}"), "rank": rng.choice([-1, 0, 1])}
        made |= {"best": rng.random() < 0.7, "qualifiers": [qualifier(n) for n in several(2)]}
        statements.append(made | (value() if rng.random() < 0.4 else {"tail": key(rng.choice(ids))}))
    return entity(name) | {
        "kind": "item" if name[0] == "Q" else "property",
        "label": rng.choice([None, word()]),
        "description": rng.choice([None, word()]),
        "lang": rng.choice([None, "en", "zh"]),
        "sitelinks": rng.randrange(5),
        "labels": [{"lang": rng.choice("ab"), "text": word()} for _ in several(2)],
        "surfaces": [
            {
                "text": word(),
                "lang": rng.choice([None, "en"]),
                "source": rng.choice(["label", "alias"]),
                "pos": None,
                "count": rng.choice([None, 7]),
                "atom": rng.choice([None, word()]),
            }
            for _ in several(3)
        ],
        "descriptions": [
            {"lang": "en", "kind": "short", "text": word(), "source": "test"} for _ in several(2)
        ],
        "links": [{"site": rng.choice(["enwiki", "zhwiki"]), "title": word()} for _ in several(2)],
        "types": [{"type": key(rng.choice(ids))} for _ in several(2)],
        "xref": [{"scheme": rng.choice(["P1", "form"]), "value": word()} for _ in several(2)],
        "statements": statements,
    }
