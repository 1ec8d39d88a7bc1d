"""How `kbtools inspect` prints shards."""

from __future__ import annotations

import click

from kbtools.cli.printing import cell, facts, heading, plural, show_table
from kbtools.cli.trees import show_bars
from kbtools.shards.about.overview import ShardsOverview


def show(found: ShardsOverview) -> None:
    """Print what is particular to shards."""
    known = found.tokenizer
    ids = ", ".join(f"{name} {known[name]}" for name in ("pad", "unk", "cls", "sep", "mask") if name in known)
    heading("examples")
    facts(
        [
            ("layout", " + ".join([cell(found.layout or "?"), *map(cell, found.views)])),
            (
                "tokenizer",
                f"{known['size']:,} tokens ({ids})  {known.get('content', '')}" if "size" in known else "",
            ),
        ]
    )
    rows = [
        (
            one.split,
            f"{one.examples:,}",
            f"{one.tokens:,}" if one.tokens else "",
            f"{one.tokens / one.examples:,.1f}" if one.tokens and one.examples else "",
            f"{len(one.files):,}",
        )
        for one in found.splits
    ]
    names = ["examples", "tokens", "each", "files"]
    show_table(["split", *names], rows, right=names, indent=2)
    if any(one.tokens for one in found.splits):
        _show_lengths(found)
    if found.lost:
        heading("spans in no example, for want of room")
        for one in found.lost:
            told = f"{one.without_room:,} of {plural(one.spans, 'span')} ({one.share:.2%})"
            click.echo(f"  {cell(one.view)}: {told}")
    heading("columns")
    show_table(["name", "type"], [(one.name, one.type) for one in found.columns], indent=2)


def _show_lengths(found: ShardsOverview) -> None:
    show_bars(
        "tokens of an example",
        [
            (f"over {bar.above:,}" if bar.to is None else f"{bar.above + 1:,}–{bar.to:,}", bar.examples)
            for bar in found.lengths
        ],
    )
