"""What trees are: how many, how long, with how many branches, which most often, and the first ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa

from kbtools.kb.overview import Overview
from kbtools.kb.views import ask, connect
from kbtools.trees.about.rows import ROWS, Array, Flat, Trees
from kbtools.trees.explaining.explained import Drawing
from kbtools.trees.schema import KIND, TABLE

__all__ = ["KIND", "TreesOverview", "describe"]

STEPS = 10  # of a histogram of lengths
MOST_BRANCHES = 12  # of a sentence that are told apart


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Sentences whose number of something is from `low` to `high`."""

    low: int
    high: int
    sentences: int


class Often(msgspec.Struct, frozen=True, kw_only=True):
    """A branch, and in how many places it stands."""

    text: str
    count: int


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One tree."""

    sentence_id: str
    text: str
    label: str | None
    labels: list[str | None] | None
    lost: int
    tree: Drawing


class TreesOverview(Overview, frozen=True, kw_only=True):
    """Trees in plain words."""

    sentences: int
    trunk: int  # tokens
    inside: int  # tokens of branches
    branches: int
    cut: int  # sentences that lost tokens
    lost: int  # tokens there was no room for
    lengths: list[Bar]
    per_sentence: list[Bar]  # branches
    often: list[Often]
    relations_used: list[Often]  # as the stage counted them; rows hold tokens alone
    first: list[Sample]


def describe(
    general: Overview,
    *,
    rows: int = 3,
    top: int = 10,
    memory: int | None = None,
    threads: int | None = None,
) -> TreesOverview:
    """Describe trees: `rows` of them drawn, those with branches, and the `top` branches seen most often."""
    trees = Trees(general.path)
    lengths: Counter[int] = Counter()
    per_sentence: Counter[int] = Counter()
    sums: Counter[str] = Counter()
    with connect(trees.path, memory=memory, threads=threads) as con:
        ask(con, "CREATE TABLE often (text VARCHAR, n BIGINT)")
        columns = ["tokens", "soft", "branch", "word", "segment", "lost_trunk"]
        for batch in trees.scan(TABLE, columns, rows=ROWS):
            flat = Flat.of(batch)
            lost = batch["lost_trunk"].to_numpy()
            lengths.update(_counted(np.diff(flat.offsets)))
            mine = np.bincount(flat.owner[flat.begins], minlength=batch.num_rows)
            per_sentence.update(_counted(mine))
            sums.update(
                trunk=int((flat.branch == 0).sum()),
                inside=int((flat.branch > 0).sum()),
                branches=int(mine.sum()),
                cut=int((lost > 0).sum()),
                lost=int(lost.sum()),
            )
            _remember(con, flat)
        often = ask(
            con,
            f"SELECT text, sum(n)::BIGINT AS n FROM often GROUP BY text ORDER BY n DESC, text LIMIT {top}",
        )
    fields = {name: getattr(general, name) for name in Overview.__struct_fields__ if name != "samples"}
    return TreesOverview(
        **fields,
        samples=[],
        sentences=trees.rows(TABLE),
        trunk=sums["trunk"],
        inside=sums["inside"],
        branches=sums["branches"],
        cut=sums["cut"],
        lost=sums["lost"],
        lengths=bars(lengths, STEPS),
        per_sentence=_single(per_sentence),
        often=[Often(text=text, count=count) for text, count in often],
        relations_used=_relations(general.notes.get("relations"), top),
        first=list(first(trees, rows)),
    )


def _counted(values: Array) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _single(counts: Counter[int]) -> list[Bar]:
    """Make a bar of each small number, and one of all others."""
    few = [Bar(low=n, high=n, sentences=counts[n]) for n in sorted(counts) if n < MOST_BRANCHES]
    more = {n: count for n, count in counts.items() if n >= MOST_BRANCHES}
    return few + ([Bar(low=min(more), high=max(more), sentences=sum(more.values()))] if more else [])


def _remember(con: duckdb.DuckDBPyConnection, flat: Flat) -> None:
    """Count the branches of a batch; there may be more different ones than memory holds."""
    texts = pa.table({"text": flat.texts()})
    con.register("batch", texts.group_by("text").aggregate([([], "count_all")]))
    ask(con, "INSERT INTO often SELECT text, count_all FROM batch")
    con.unregister("batch")


def bars(counts: Counter[int], steps: int) -> list[Bar]:
    """Make at most so many bars of one width, which is a round number."""
    if not counts:
        return []
    low, high = min(counts), max(counts)
    width = _round((high - low + 1) / steps)
    begin = low // width * width
    found = {
        start: Bar(
            low=start,
            high=start + width - 1,
            sentences=sum(n for value, n in counts.items() if start <= value < start + width),
        )
        for start in range(begin, high + 1, width)
    }
    return list(found.values())


def _round(width: float) -> int:
    """Round up to one of 1, 2, 5, 10, 20, 50 and so on."""
    size = 1
    while True:
        for times in (1, 2, 5):
            if size * times >= width:
                return size * times
        size *= 10


def _relations(noted: Any, top: int) -> list[Often]:
    """Take what the stage noted: relations by how many branches they gave."""
    told = noted.items() if isinstance(noted, dict) else []
    counts = [(str(name), count) for name, count in told if isinstance(count, int)]
    ordered = sorted(counts, key=lambda pair: (-pair[1], pair[0]))
    return [Often(text=name, count=count) for name, count in ordered[:top]]


def first(trees: Trees, most: int) -> Iterable[Sample]:
    """Yield the first trees that have branches; if there are too few, the first of all."""
    chosen: list[tuple[int, dict[str, Any]]] = []
    plain: list[tuple[int, dict[str, Any]]] = []
    seen = 0
    for batch in trees.scan(TABLE, rows=ROWS) if most else ():
        with_branches = np.zeros(batch.num_rows, np.bool_)
        flat = Flat.of(batch)
        with_branches[flat.owner[flat.branch > 0]] = True
        for places, into in ((with_branches, chosen), (~with_branches, plain)):
            wanted = np.flatnonzero(places)[: most - len(into)]
            into.extend(zip((seen + wanted).tolist(), batch.take(pa.array(wanted)).to_pylist(), strict=True))
        seen += batch.num_rows
        if len(chosen) >= most:
            break
    both = sorted([*chosen, *plain[: most - len(chosen)]], key=lambda pair: pair[0])
    return [sample(row) for _, row in both]


def sample(row: dict[str, Any]) -> Sample:
    """Make a tree to draw of a row."""
    names: Sequence[str] = ("soft", "branch", "word", "segment")
    return Sample(
        sentence_id=row["sentence_id"],
        text=row["text"],
        label=row["label"],
        labels=row["labels"],
        lost=row["lost_trunk"],
        tree=Drawing(tokens=row["tokens"], **{name: row[name] for name in names}),
    )
