"""What shards say of themselves: what they were made of, how many, how long, what was lost on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kbtools import artefact
from kbtools.artefact import Done, Input, Manifest, Table, begin, published, unite
from kbtools.corpus import Report
from kbtools.kb.bases import strangers
from kbtools.kb.rejects import rejects_table
from kbtools.kb.schema_digest import schema_digest
from kbtools.shards.base import SPLITS
from kbtools.shards.opening import Asked, Opened
from kbtools.shards.running import BOUNDS, schema_of, tables_of

MISSING = ("documents without", "dialogues without", "chunks without")  # counts that tell of no example


MANY_UNKNOWN = 0.1  # of the tokens of trees


class Told(NamedTuple):
    """All that a build has to tell."""

    asked: Asked
    settings: dict[str, Any]
    inputs: list[Input]
    done: Sequence[Done]  # the tasks that made runs
    merged: Mapping[str, Sequence[Done]]  # by split: those that made files
    beside: Mapping[str, Sequence[Done]]  # by table: those that wrote what a layout has beside its examples
    report: Report
    folder: Path


def manifest_of(mine: Opened, told: Told) -> Manifest:
    """Return the manifest of shards from what their tasks told."""
    whole = told.report.whole(chain(told.done, *told.beside.values()))
    counts = whole.counts
    schema = schema_digest(schema_of(mine))
    schemas = {name: schema_digest(one) for name, one in tables_of(mine).items()}
    special = mine.here.tokenizer.special._asdict()
    notes = {
        "layout": mine.chosen.layout,
        "views": list(mine.chosen.views),
        "index": {
            split: [[one.facts["rows"], one.facts["tokens"]] for one in files]
            for split, files in told.merged.items()
        },
        "lengths": _lengths(told.done),
        "without room": _without_room(counts),
        "warnings": _warnings(mine, told.asked, counts),
        "tokenizer": {"content": mine.here.tokenizer.content, "size": mine.here.tokenizer.size, **special},
    }
    parents = artefact.parents(told.inputs)
    return begin(
        "shards",
        settings=told.settings,
        inputs=[*told.inputs, *_spoken_of(mine, told)],
        kbs=list(mine.here.kbs),
        tables={split: _table(files, schema) for split, files in told.merged.items()}
        | {name: _table(files, schemas[name]) for name, files in told.beside.items()}
        | rejects_table(told.folder / "new", whole.rejects),
        counts={name: number for name, number in counts.items() if number},
        notes=notes,
        licences=unite(licence for parent in parents for licence in parent.licences),
        incomplete=bool(whole.damage) or any(parent.incomplete for parent in parents),
    )


def _table(files: Sequence[Done], schema: str) -> Table:
    return Table(rows=sum(one.facts["rows"] for one in files), files=published(files), schema=schema)


def _spoken_of(mine: Opened, told: Told) -> list[Input]:
    """Say where the knowledge bases are that linked documents speak of and nobody gave.

    Forced, those given may be of another release: then two of one name would stand there.
    """
    given = {one.content for one in told.inputs}
    theirs = mine.linked.inputs if mine.linked and not told.asked.force_lineage else []
    return [one for one in theirs if one.kind == "kb" and one.content not in given]


def _warnings(mine: Opened, asked: Asked, counts: Counter[str]) -> list[str]:
    found = []
    if asked.force_lineage and mine.linked is not None:
        found += [
            f"{name}: not the release that {asked.input} was linked to; its numbers may mean other entities"
            for name in strangers(mine.linked, mine.here.bases)
        ]
    unknown, looked_up = counts["tokens that the tokenizer has not"], counts["tokens looked up"]
    if unknown > MANY_UNKNOWN * looked_up:
        found.append(
            f"the tokenizer does not have {unknown / looked_up:.0%} of the tokens; "
            f"make {asked.input} with `kbtools tree --tokenizer {asked.tokenizer}`"
        )
    return found


def _without_room(counts: Counter[str]) -> dict[str, float]:
    """Return for each view the share of its spans that are in no example."""
    views = [name.removesuffix(": spans") for name in counts if name.endswith(": spans")]
    return {
        view: round(counts[f"{view}: spans without room"] / counts[f"{view}: spans"], 6)
        for view in views
        if counts[f"{view}: spans"]
    }


def _lengths(done: Sequence[Done]) -> dict[str, list[list[int | None]]]:
    """Return a histogram of lengths for each split: the upper bound and how many; the last has none."""
    found: dict[str, Any] = {}
    for split in SPLITS:
        told = [np.array(one.facts["lengths"][split]) for one in done if split in one.facts["lengths"]]
        if told:
            bars = zip([*BOUNDS, None], np.sum(told, axis=0).tolist(), strict=True)
            found[split] = [[bound, number] for bound, number in bars if number]
    return found


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was made."""
    index = made.notes["index"]
    told = []
    for split, files in index.items():
        rows, tokens = sum(one[0] for one in files), sum(one[1] for one in files)
        told.append(
            f"{split} {rows:,} examples"
            + (f" ({tokens:,} tokens, {tokens / rows:.0f} each)" if tokens else "")
        )
    seconds = made.resources.get("seconds") or 0
    tokens = sum(one[1] for files in index.values() for one in files)
    pace = f"{float(f'{tokens / seconds:.3g}'):,.0f} tokens a second; " if seconds and tokens else ""
    lines = [f"{out}: {'; '.join(told) or 'no examples'}"]
    beside = [f"{name} {one.rows:,}" for name, one in made.tables.items() if name not in {*index, "rejects"}]
    lines += [f"  beside: {', '.join(beside)} rows"] if beside else []
    for name, number in made.counts.items():
        view, _, lost = name.partition(": ")
        if lost == "spans without room":
            spans = made.counts.get(f"{view}: spans", 0)
            lines.append(
                f"  {view}: {number:,} of {spans:,} spans are in no example: there was no room for them"
            )
        elif name.startswith(MISSING) or name == "examples left out by views":
            lines.append(f"  {number:,} {name}")
    lines.append(f"  {made.counts.get('read', 0):,} read, {made.counts.get('rejected', 0):,} rejected")
    largest = made.resources.get("peak worker MB", 0)
    lines.append(f"  {seconds:.1f} s, {pace}largest worker {largest:,} MB; content {made.content}")
    return "\n".join(lines)
