"""What changed between two folders of trees: sentences, and the branches they gained and lost; out of core.

Sentences are matched by their ids; those that share one, in order. A branch is the text of its tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa

from kbtools.kb.comparing import settings_changed
from kbtools.kb.diff import Change
from kbtools.kb.views import ask, ask_one, connect
from kbtools.trees.about.rows import ROWS, Flat, Trees
from kbtools.trees.schema import TABLE

KEY = "sentence_id, again"


class Sentences(msgspec.Struct, frozen=True, kw_only=True):
    """Sentences to which the same happened."""

    count: int
    examples: list[str]  # ids


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A branch, and in how many places it was lost and gained."""

    text: str
    lost: int
    gained: int


class TreesDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What changed."""

    old: str
    new: str
    same: bool
    tables: list[Change]
    settings: dict[str, tuple[object, object]]
    added: Sentences
    vanished: Sentences
    reworded: Sentences  # another text, label or labels
    retokenised: Sentences  # the same text in other tokens of the trunk
    regrown: Sentences  # the same trunk with other branches
    kept: int  # branches in both
    lost: int
    gained: int
    turns: list[Turn]


def diff(
    old: Path,
    new: Path,
    *,
    examples: int = 5,
    top: int = 20,
    memory: int | None = None,
    threads: int | None = None,
) -> TreesDifference:
    """Compare two folders of trees; `examples` are shown of each change, and the `top` branches."""
    before, after = Trees(old), Trees(new)
    with connect(new, memory=memory, threads=threads) as con:
        for side, trees in (("old", before), ("new", after)):
            _read(con, side, trees)
        _match(con)
        sums = ask(
            con, "SELECT coalesce(sum(kept), 0), coalesce(sum(lost), 0), coalesce(sum(gained), 0) FROM turns"
        )[0]
        return TreesDifference(
            old=str(old),
            new=str(new),
            same=before.manifest.content == after.manifest.content,
            tables=[Change(name=TABLE, old=before.rows(TABLE), new=after.rows(TABLE))],
            settings=settings_changed(before.manifest, after.manifest),
            added=_sentences(con, "o IS NULL", examples),
            vanished=_sentences(con, "n IS NULL", examples),
            reworded=_sentences(con, "said", examples),
            retokenised=_sentences(con, "trunk AND NOT said", examples),
            regrown=_sentences(con, "branches AND NOT trunk AND NOT said", examples),
            kept=int(sums[0]),
            lost=int(sums[1]),
            gained=int(sums[2]),
            turns=[
                Turn(text=text, lost=lost, gained=gained)
                for text, lost, gained in ask(
                    con,
                    "SELECT text, lost, gained FROM turns WHERE lost + gained > 0"
                    f" ORDER BY lost + gained DESC, text LIMIT {top}",
                )
            ],
        )


def _match(con: duckdb.DuckDBPyConnection) -> None:
    """Put sentences of both sides together, and count the branches of each pair of them."""
    ask(
        con,
        "CREATE TABLE pairs AS SELECT sentence_id, again, o.nr AS o, n.nr AS n, o.said <> n.said AS said,"
        " o.trunk <> n.trunk AS trunk, o.branches <> n.branches AS branches"
        f" FROM old_s AS o FULL JOIN new_s AS n USING ({KEY})",
    )
    ask(  # how often each branch stands in each pair of sentences, on either side
        con,
        "CREATE TABLE turns AS SELECT text, sum(least(o, n))::BIGINT AS kept,"
        " sum(greatest(o - n, 0))::BIGINT AS lost, sum(greatest(n - o, 0))::BIGINT AS gained FROM ("
        " SELECT p.pair, text, count(*) FILTER (side = 'old') AS o, count(*) FILTER (side = 'new') AS n"
        " FROM (SELECT 'old' AS side, nr, text FROM old_b UNION ALL SELECT 'new', nr, text FROM new_b) b"
        " JOIN (SELECT 'old' AS side, o AS nr, row_number() OVER (ORDER BY sentence_id, again) AS pair"
        " FROM pairs UNION ALL SELECT 'new', n, row_number() OVER (ORDER BY sentence_id, again)"
        " FROM pairs) p USING (side, nr) GROUP BY p.pair, text) GROUP BY text",
    )


def _read(con: duckdb.DuckDBPyConnection, side: str, trees: Trees) -> None:
    """Lay out the sentences and the branches of one side; of long things only digests are kept."""
    ask(
        con,
        f"CREATE TABLE {side}_r (nr BIGINT, sentence_id VARCHAR, said UBIGINT, trunk UBIGINT,"
        " branches UBIGINT)",
    )
    ask(con, f"CREATE TABLE {side}_b (nr BIGINT, text VARCHAR)")
    seen = 0
    for batch in trees.scan(TABLE, rows=ROWS):
        flat = Flat.of(batch)
        rows = pa.table(
            {
                "nr": seen + np.arange(batch.num_rows),
                **{
                    name: batch[name]
                    for name in ("sentence_id", "text", "label", "labels", "tokens", "segment")
                },
                **{name: batch[name] for name in ("branch", "word", "soft")},
            }
        )
        con.register("batch", rows)
        ask(
            con,
            f"INSERT INTO {side}_r SELECT nr, sentence_id,"
            " hash(text, label, [one FOR one IN labels IF one IS NOT NULL]),"
            " hash([one[1] FOR one IN list_zip(tokens, branch) IF one[2] = 0],"
            " [one[1] FOR one IN list_zip(segment, branch) IF one[2] = 0]),"
            " hash(tokens, branch, word, soft) FROM batch",
        )
        con.unregister("batch")
        con.register("batch", pa.table({"nr": seen + flat.owner[flat.begins], "text": flat.texts()}))
        ask(con, f"INSERT INTO {side}_b SELECT nr, text FROM batch")
        con.unregister("batch")
        seen += batch.num_rows
    ask(
        con,
        f"CREATE VIEW {side}_s AS SELECT *, row_number() OVER (PARTITION BY sentence_id ORDER BY nr) AS again"
        f" FROM {side}_r",
    )


def _sentences(con: duckdb.DuckDBPyConnection, which: str, examples: int) -> Sentences:
    rows: list[tuple[Any, ...]] = ask(
        con, f"SELECT sentence_id FROM pairs WHERE {which} ORDER BY coalesce(n, o), {KEY} LIMIT {examples}"
    )
    count = ask_one(con, f"SELECT count(*) FROM pairs WHERE {which}")
    return Sentences(count=count, examples=[row[0] for row in rows])
