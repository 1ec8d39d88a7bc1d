"""What changed between two alias tables: names, what they mean, how likely; compared out of core.

Names are compared as norms, candidates of norms as a whole. Entities are matched by knowledge base and number
where the numbers mean the same in both (one id space), else by id, which needs both knowledge bases.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kbtools.alias.about.changes import AliasDifference, Meaning, Name, Names, Side, Turn, Turns
from kbtools.alias.about.overview import MASS
from kbtools.alias.about.referents import referents
from kbtools.alias.schema import KIND, TABLES
from kbtools.artefact import KbRef
from kbtools.kb.comparing import one_space, settings_changed
from kbtools.kb.diff import Change
from kbtools.kb.quoting import read_parquet
from kbtools.kb.reader import Tables
from kbtools.kb.views import add_views, ask, ask_one, connect

MOVED = 0.01  # a smaller difference of a prior is not counted as a move


class _Kb(NamedTuple):
    """A knowledge base of either artefact: its places, and how its entities are matched."""

    name: str
    old: int | None
    new: int | None
    matched: str


def diff(
    old: Path,
    new: Path,
    *,
    kbs: Sequence[Path | str] = (),
    examples: int = 5,
    memory: int | None = None,
    threads: int | None = None,
) -> AliasDifference:
    """Compare two alias tables, spilling to disk; `examples` are shown of each change.

    `kbs` are the knowledge bases they speak of, if those are not where they were.
    """
    return _Comparison(old, new, examples, kbs).run(memory, threads)


class _Comparison:
    def __init__(self, old: Path, new: Path, examples: int, kbs: Sequence[Path | str]) -> None:
        self.before, self.after, self.examples = _Alias(old), _Alias(new), examples
        self.who = referents({"old": self.before.manifest, "new": self.after.manifest}, kbs)
        self.kbs = self._kbs(self.before.manifest.kbs, self.after.manifest.kbs)

    def _kbs(self, before: list[KbRef], after: list[KbRef]) -> list[_Kb]:
        places = [{ref.name: place for place, ref in enumerate(refs)} for refs in (before, after)]
        found = []
        for name in dict.fromkeys([*places[0], *places[1]]):
            old, new = places[0].get(name), places[1].get(name)
            matched = "eid"
            if old is not None and new is not None and not one_space(before[old], after[new]):
                here = old in self.who["old"].kbs and new in self.who["new"].kbs
                matched = "id" if here else "no"
            found.append(_Kb(name, old, new, matched))
        return found

    def run(self, memory: int | None, threads: int | None) -> AliasDifference:
        with connect(self.after.path, memory=memory, threads=threads) as con:
            self.con = con
            add_views(con, [self.before], "old", only=TABLES)
            add_views(con, [self.after], "new", only=TABLES)
            self._prepare()
            gained, lost = "o.prior IS NULL", "n.prior IS NULL"
            moved = f"abs(o.prior - n.prior) >= {MOVED}"
            mass = "greatest(coalesce(o.n, 0), coalesce(n.n, 0)) DESC"
            return AliasDifference(
                old=str(self.before.path),
                new=str(self.after.path),
                same=self.before.manifest.content == self.after.manifest.content,
                tables=self._tables(),
                settings=settings_changed(self.before.manifest, self.after.manifest),
                added=self._names("new", "old"),
                vanished=self._names("old", "new"),
                tops=self._turns("tops", "o.key <> n.key", f"{mass}, norm, kb", "kb"),
                gained=self._turns("whole", gained, "n.prior DESC, n.n DESC, norm, kb, n.eid"),
                lost=self._turns("whole", lost, "o.prior DESC, o.n DESC, norm, kb, o.eid"),
                moved=self._turns(
                    "whole", moved, f"abs(o.prior - n.prior) DESC, {mass}, norm, kb, coalesce(n.eid, o.eid)"
                ),
                kbs=self._sides(),
                notes=self._notes(),
            )

    def _prepare(self) -> None:
        """Join the candidates of both, over the names that a knowledge base has in both."""
        self._number()
        for side in ("old", "new"):
            self._renumbered(side)
        ask(
            self.con,
            "CREATE VIEW shared AS SELECT norm, kb FROM old_c WHERE rank = 0"
            " INTERSECT SELECT norm, kb FROM new_c WHERE rank = 0",
        )
        struct = "{'key': key, 'eid': eid, 'n': n, 'prior': prior}"
        for table, rows, key in (("tops", "WHERE rank = 0", ""), ("whole", "", ", key")):
            old, new = (f"(SELECT *, {struct} AS s FROM {side}_c {rows})" for side in ("old", "new"))
            ask(
                self.con,
                f"CREATE TABLE {table} AS SELECT norm, kb, o.s AS o, n.s AS n"
                f" FROM {old} AS o FULL JOIN {new} AS n USING (norm, kb{key})"
                " SEMI JOIN shared USING (norm, kb)"
                " WHERE o.s IS NULL OR n.s IS NULL OR o.key <> n.key"
                f" OR abs(o.prior - n.prior) >= {MOVED}",
            )

    def _number(self) -> None:
        """Find the new numbers of entities that are matched by id."""
        ask(self.con, "CREATE TABLE numbers (kb UTINYINT, old_eid UINTEGER, new_eid UINTEGER)")
        for number, kb in enumerate(self.kbs):
            if kb.matched == "id" and kb.old is not None and kb.new is not None:
                places = (("old", kb.old), ("new", kb.new))
                old, new = (
                    read_parquet(self.who[side].kbs[place].files("entities")) for side, place in places
                )
                ask(
                    self.con,
                    f"INSERT INTO numbers SELECT {number}, o.eid, n.eid FROM {old} AS o"
                    f" LEFT JOIN {new} AS n USING (id)",
                )

    def _renumbered(self, side: str) -> None:
        """Make a view of candidates whose `key` means the same on both sides.

        An old entity gets its new number, or one of its own below 0; a knowledge base that cannot be
        matched is left out.
        """
        places = [(getattr(kb, side), i) for i, kb in enumerate(self.kbs) if kb.matched != "no"]
        values = ", ".join(
            f"({place}, {i}, {self.kbs[i].matched == 'id'})" for place, i in places if place is not None
        )
        key, join = "c.eid::BIGINT", ""
        if side == "old":
            key = "CASE WHEN m.by_id THEN coalesce(new_eid::BIGINT, -1 - c.eid) ELSE c.eid END"
            join = " LEFT JOIN numbers ON m.by_id AND numbers.kb = m.kb AND old_eid = c.eid"
        ask(
            self.con,
            f"CREATE VIEW {side}_c AS SELECT c.norm, m.kb, {key} AS key, c.eid, c.n, c.prior, c.rank"
            f" FROM {side}.candidates AS c"
            f" JOIN (VALUES {values or '(NULL, NULL, false)'}) AS m (place, kb, by_id)"
            f" ON m.place = c.kb{join} WHERE form IS NULL",
        )

    def _tables(self) -> list[Change]:
        return [
            Change(name=table, old=self.before.rows(table), new=self.after.rows(table)) for table in TABLES
        ]

    def _names(self, there: str, absent: str) -> Names:
        """Find the names that are `there` and not in the other."""
        only = (
            f"SELECT norm FROM {there}.forms WHERE surface IS NULL"
            f" EXCEPT SELECT norm FROM {absent}.forms WHERE surface IS NULL"
        )
        rows = ask(
            self.con,
            f"WITH fresh AS ({only}), whole AS (SELECT * FROM {there}.candidates SEMI JOIN fresh USING (norm)"
            f" WHERE form IS NULL), chosen AS (SELECT norm, coalesce({MASS}, 0) AS n FROM fresh"
            f" LEFT JOIN whole USING (norm) GROUP BY norm ORDER BY n DESC, norm LIMIT {self.examples})"
            " SELECT norm, chosen.n, c.kb, c.eid, c.prior FROM chosen LEFT JOIN (FROM whole WHERE rank = 0"
            " QUALIFY row_number() OVER (PARTITION BY norm ORDER BY kb) = 1) AS c USING (norm)"
            " ORDER BY chosen.n DESC, norm",
        )
        known = self.who[there].entities(self.con, {(kb, eid) for _, _, kb, eid, _ in rows if kb is not None})
        refs = (self.before if there == "old" else self.after).manifest.kbs
        found = []
        for norm, n, kb, eid, prior in rows:
            entity = known.get((kb, eid))
            meaning = None
            if kb is not None:
                meaning = Meaning(
                    eid=eid, id=entity and entity.id, label=entity and entity.label, prior=prior
                )
            name = None if kb is None else refs[kb].name
            found.append(Name(norm=norm, n=n, kb=name, meaning=meaning))
        return Names(count=ask_one(self.con, f"SELECT count(*) FROM ({only})"), examples=found)

    def _turns(self, table: str, which: str, order: str, unit: str = "*") -> Turns:
        rows = ask(
            self.con,
            f"SELECT norm, kb, o.eid, o.prior, n.eid, n.prior FROM {table} WHERE {which}"
            f" ORDER BY {order} LIMIT {self.examples}",
        )
        known = {
            side: self.who[side].entities(
                self.con,
                {(getattr(self.kbs[row[1]], side), row[at]) for row in rows if row[at] is not None},
            )
            for side, at in (("old", 2), ("new", 4))
        }

        def meaning(side: str, kb: int, eid: int | None, prior: float | None) -> Meaning | None:
            if eid is None or prior is None:
                return None
            entity = known[side].get((getattr(self.kbs[kb], side), eid))
            return Meaning(eid=eid, id=entity and entity.id, label=entity and entity.label, prior=prior)

        found = [
            Turn(
                norm=norm,
                kb=self.kbs[kb].name,
                before=meaning("old", kb, a, p),
                after=meaning("new", kb, b, q),
            )
            for norm, kb, a, p, b, q in rows
        ]
        return Turns(
            count=ask_one(self.con, f"SELECT count({unit}) FROM {table} WHERE {which}"), examples=found
        )

    def _sides(self) -> list[Side]:
        """Add up names and candidates by knowledge base."""
        totals = {
            side: {
                row[0]: row[1:]
                for row in ask(
                    self.con,
                    "SELECT kb, count(*) FILTER (rank = 0), count(*)"
                    f" FROM {side}.candidates WHERE form IS NULL GROUP BY kb",
                )
            }
            for side in ("old", "new")
        }
        turned = {
            row[0]: row[1:]
            for row in ask(
                self.con,
                "SELECT kb, count(*) FILTER (o IS NULL), count(*) FILTER (n IS NULL) FROM whole GROUP BY kb",
            )
        }
        return [
            Side(
                kb=kb.name,
                matched=kb.matched,
                old_names=totals["old"].get(kb.old, (0, 0))[0],
                new_names=totals["new"].get(kb.new, (0, 0))[0],
                old_candidates=totals["old"].get(kb.old, (0, 0))[1],
                new_candidates=totals["new"].get(kb.new, (0, 0))[1],
                gained=turned.get(number, (0, 0))[0],
                lost=turned.get(number, (0, 0))[1],
            )
            for number, kb in enumerate(self.kbs)
        ]

    def _notes(self) -> list[str]:
        lost = [
            f"{kb.name}: its numbers have changed and it is not where it was; only names are compared"
            " (--kb KB says where it is)"
            for kb in self.kbs
            if kb.matched == "no"
        ]
        return lost or [*dict.fromkeys(who.note for who in self.who.values() if who.note)]


class _Alias(Tables):
    kind = KIND
