"""How `kbtools inspect --exposure` prints what examples show of a knowledge base."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kbtools.cli.printing import heading, plural, show_table
from kbtools.shards.exposure import Exposure, Relation, Shown

TOLD = (
    "never, 1–9, 10+: facts, by how many examples name both ends; shown: how often in all;",
    "with a cue: how often a word of the relation stands beside",
)
COUNTS = ["facts", "never", "1–9", "10+", "shown", "with a cue"]


def show(found: Sequence[Exposure], *, top: int) -> None:
    """Print the relations with most facts of each knowledge base."""
    for one in found:
        heading(f"{one.kb}: {plural(one.examples, 'example')} of {one.table}, {plural(one.tokens, 'token')}")
        click.echo(f"  {plural(one.mentions, 'mention')} with an entity")
        for line in TOLD:
            click.echo(f"  {line}")
        for note in one.notes:
            click.echo(f"  {note}")
        rows = [_row("all", None, one.relations)]
        rows += [_row(relation.id, relation.label, [relation]) for relation in one.relations[:top]]
        show_table(["relation", "label", *COUNTS], rows, right=COUNTS, indent=2)
        if len(one.relations) > top:
            click.echo(f"  and {len(one.relations) - top:,} more relations: --top, or --json for all")
        _examples("shown most", [(r, fact) for r in one.relations[:top] for fact in r.most])
        _examples("shown least", [(r, fact) for r in one.relations[:top] for fact in r.least])


def _row(name: str, label: str | None, relations: Sequence[Relation]) -> tuple[str | None, ...]:
    sums = [
        sum(getattr(one, part) for one in relations)
        for part in ("triples", "never", "few", "many", "together")
    ]
    cued = sum(one.with_cue for one in relations)
    return name, label, *(f"{count:,}" for count in sums), f"{cued / sums[-1]:.1%}" if sums[-1] else ""


def _examples(title: str, facts: Sequence[tuple[Relation, Shown]]) -> None:
    if facts:
        heading(title)
        rows = [
            (
                fact.head_label or fact.head, relation.label or relation.id, fact.tail_label or fact.tail,
                f"{fact.together:,}", f"{fact.with_cue:,}",
            )
            for relation, fact in facts
        ]  # fmt: skip
        columns = ["head", "relation", "tail", "examples", "with a cue"]
        show_table(columns, rows, right=columns[-2:], indent=2)
