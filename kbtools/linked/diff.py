"""What changed between two folders of linked documents: mentions and what they mean, compared out of core.

Documents are matched by their ids (those that share one, in order), mentions by document, place and knowledge
base. Entities are the same if their numbers are where these mean the same in both, else if their ids are,
which needs both knowledge bases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from kbtools.artefact import KbRef
from kbtools.kb.comparing import belonging, one_space, settings_changed
from kbtools.kb.diff import Change
from kbtools.kb.quoting import quote, read_parquet
from kbtools.kb.views import ask, ask_one, connect
from kbtools.linked.changes import Documents, LinkedDifference, Meaning, Turn, Turns
from kbtools.linked.naming import Called
from kbtools.linked.reader import Linked
from kbtools.linked.schema import KIND, TABLE

__all__ = ["KIND", "diff"]

MOVED = 0.01  # a smaller difference of p is not counted as a move
KEY = "doc_id, again"  # of a document
PLACE = f'{KEY}, kb, start, "end"'  # of a mention
SAME = "o IS NOT NULL AND n IS NOT NULL AND o.key IS NOT DISTINCT FROM n.key"


def diff(
    old: Path,
    new: Path,
    *,
    kbs: Sequence[Path | str] = (),
    examples: int = 5,
    memory: int | None = None,
    threads: int | None = None,
) -> LinkedDifference:
    """Compare two folders of linked documents; `examples` are shown of each change."""
    with connect(new, memory=memory, threads=threads) as con:
        return _Comparison(con, Linked(old), Linked(new), examples, kbs).run()


class _Comparison:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        before: Linked,
        after: Linked,
        examples: int,
        kbs: Sequence[Path | str],
    ) -> None:
        self.con, self.before, self.after, self.examples = con, before, after, examples
        self.sides = {"old": before, "new": after}
        self.who = _called(self.sides, kbs)
        self.names = list(dict.fromkeys(ref.name for one in self.sides.values() for ref in one.kbs))
        self.lost: list[str] = []  # knowledge bases whose entities cannot be compared

    def run(self) -> LinkedDifference:
        """Compare."""
        for side in self.sides:
            self._read(side)
        self._match()
        changed = "o IS NOT NULL AND n IS NOT NULL AND o.key IS DISTINCT FROM n.key"
        return LinkedDifference(
            old=str(self.before.path),
            new=str(self.after.path),
            same=self.before.manifest.content == self.after.manifest.content,
            tables=[Change(name=TABLE, old=self.before.rows(TABLE), new=self.after.rows(TABLE))],
            settings=settings_changed(self.before.manifest, self.after.manifest),
            kbs=self._kbs(),
            documents_added=self._documents("o.doc_id IS NULL"),
            documents_vanished=self._documents("n.doc_id IS NULL"),
            documents_changed=self._documents("o.text <> n.text"),
            kept=ask_one(self.con, f"SELECT count(*) FILTER ({SAME}) FROM pairs"),
            added=self._turns("o IS NULL", "n.p"),
            removed=self._turns("n IS NULL", "o.p"),
            changed=self._turns(changed, "greatest(o.p, n.p)"),
            moved=self._turns(f"{SAME} AND abs(o.p - n.p) >= {MOVED}", "abs(o.p - n.p)"),
            notes=list(self._notes()),
        )

    def _read(self, side: str) -> None:
        """Lay out the documents and the mentions of one side; places of knowledge bases become names."""
        linked = self.sides[side]
        files = read_parquet([path.absolute() for path in linked.files(TABLE)])
        told = files.removesuffix(")") + ", file_row_number = true, filename = true)"
        ask(
            self.con,
            f"CREATE VIEW {side}_d AS SELECT doc_id, text, mentions, row_number() OVER"
            f" (PARTITION BY doc_id ORDER BY filename, file_row_number) AS again FROM {told}",
        )
        ask(
            self.con,
            f"CREATE VIEW {side}_m AS SELECT {KEY}, {self._place(linked.kbs)} AS kb, m.kb AS place, m.start,"
            f' m."end", m.eid, m.p FROM (SELECT {KEY}, unnest(mentions) AS m FROM {side}_d)',
        )

    def _place(self, kbs: Sequence[KbRef]) -> str:
        """Write which knowledge base a mention is of, as its place in the names of both sides."""
        places = " ".join(f"WHEN {at} THEN {self.names.index(ref.name)}" for at, ref in enumerate(kbs))
        return f"CASE m.kb {places} END"

    def _match(self) -> None:
        """Put the mentions of both sides together; `key` is the same for the same entity."""
        ask(self.con, "CREATE TABLE numbers (kb INTEGER, eid UINTEGER, key BIGINT)")  # of the old side
        for at, name in enumerate(self.names):
            self._number(at, name)
        keys = {
            "old": "CASE WHEN numbers.kb IS NULL THEN m.eid::BIGINT ELSE numbers.key END",
            "new": "m.eid::BIGINT",
        }
        for side, key in keys.items():
            joined = " LEFT JOIN numbers USING (kb, eid)" if side == "old" else ""
            ask(
                self.con,
                f'CREATE VIEW {side}_k AS SELECT {KEY}, m.kb, m.start, m."end",'
                f" {{'key': {key}, 'eid': m.eid, 'place': m.place, 'p': m.p}} AS s"
                f" FROM {side}_m AS m{joined}",
            )
        ask(
            self.con,
            f"CREATE TABLE pairs AS SELECT {PLACE}, o.s AS o, n.s AS n"
            f" FROM old_k AS o FULL JOIN new_k AS n USING ({PLACE})",
        )

    def _number(self, at: int, name: str) -> None:
        """Find out what the numbers of the old side are in the new one, where they mean others."""
        refs = [next((ref for ref in one.kbs if ref.name == name), None) for one in self.sides.values()]
        if refs[0] is None or refs[1] is None or one_space(refs[0], refs[1]):
            return
        bases = [
            next((base for base in self.who[side].bases.values() if base.name == name), None)
            for side in self.sides
        ]
        if bases[0] is None or bases[1] is None:
            self.lost.append(name)
            return
        old, new = (read_parquet(base.kb.files("entities")) for base in bases if base is not None)
        ask(  # one that is gone is another than any: its key is below 0
            self.con,
            f"INSERT INTO numbers SELECT {at}, o.eid, coalesce(n.eid::BIGINT, -1 - o.eid::BIGINT)"
            f" FROM {old} AS o LEFT JOIN {new} AS n USING (id)",
        )

    def _kbs(self) -> list[Change]:
        counts = {
            side: dict(ask(self.con, f"SELECT kb, count(*) FROM {side}_m GROUP BY kb")) for side in self.sides
        }
        return [
            Change(name=name, old=counts["old"].get(at, 0), new=counts["new"].get(at, 0))
            for at, name in enumerate(self.names)
        ]

    def _documents(self, which: str) -> Documents:
        joined = f"old_d AS o FULL JOIN new_d AS n USING ({KEY}) WHERE {which}"
        found = ask(self.con, f"SELECT doc_id FROM {joined} ORDER BY {KEY} LIMIT {self.examples}")
        count = ask_one(self.con, f"SELECT count(*) FROM {joined}")
        return Documents(count=count, examples=[row[0] for row in found])

    def _turns(self, which: str, order: str) -> Turns:
        """Count changes, and take those that are surest."""
        count = ask_one(self.con, f"SELECT count(*) FROM pairs WHERE {which}")
        rows = ask(
            self.con,
            f"SELECT {PLACE}, o, n FROM pairs WHERE {which}"
            f" ORDER BY {order} DESC, {PLACE} LIMIT {self.examples}",
        )
        called = {
            side: self.who[side].names(
                (row[at]["place"], row[at]["eid"]) for row in rows if row[at] and row[at]["eid"] is not None
            )
            for side, at in (("old", 5), ("new", 6))
        }

        def meaning(side: str, told: dict[str, Any] | None) -> Meaning | None:
            if told is None:
                return None
            id_, label = called[side].get((told["place"], told["eid"]), (None, None))
            return Meaning(eid=told["eid"], id=id_, label=label, p=told["p"])

        turns = [
            Turn(
                doc_id=doc_id,
                start=start,
                end=end,
                surface=self._surface("new" if new else "old", doc_id, again, start, end),
                kb=self.names[kb],
                before=meaning("old", old),
                after=meaning("new", new),
            )
            for doc_id, again, kb, start, end, old, new in rows
        ]
        return Turns(count=count, examples=turns)

    def _surface(self, side: str, doc_id: str, again: int, start: int, end: int) -> str | None:
        found = ask(
            self.con,
            f"SELECT text[{start + 1}:{end}] FROM {side}_d"
            f" WHERE doc_id = {quote(doc_id)} AND again = {again}",
        )
        return found[0][0] if found else None

    def _notes(self) -> Iterator[str]:
        for name in self.lost:
            yield (
                f"{name}: another release whose numbers mean others, and not where it was; its entities are "
                "compared by number (--kb KB says where it is)"
            )
        if not self.lost:
            yield from dict.fromkeys(who.note for who in self.who.values() if who.note)


def _called(sides: dict[str, Linked], kbs: Sequence[Path | str]) -> dict[str, Called]:
    opens = {side: lambda kb, linked=linked: Called(linked.manifest, [kb]) for side, linked in sides.items()}
    mine = belonging(kbs, opens)
    return {side: Called(linked.manifest, mine[side]) for side, linked in sides.items()}
