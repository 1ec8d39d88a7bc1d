"""How `kbtools inspect` and `kbtools diff` print trees."""

from __future__ import annotations

from collections.abc import Sequence
from shutil import get_terminal_size

import click

from kbtools.cli import drawn
from kbtools.cli.printing import cell, heading, plural, show_changes, show_counted, show_settings, show_table
from kbtools.trees.about.diff import Sentences, TreesDifference
from kbtools.trees.about.overview import Bar, Often, Sample, TreesOverview

BAR = 40  # cells of the longest bar


def show(found: TreesOverview) -> None:
    """Print what is particular to trees."""
    heading(f"{plural(found.sentences, 'sentence')}, {_several(found.branches)}")
    click.echo(f"  {plural(found.trunk, 'token')} of sentences, {found.inside:,} in branches")
    if found.cut:
        click.echo(f"  {plural(found.cut, 'sentence')} lost {plural(found.lost, 'token')} for want of room")
    show_bars("tokens of a tree", _told(found.lengths))
    show_bars("branches of a sentence", _told(found.per_sentence))
    _show_often("relations used most", "relation", found.relations_used)
    _show_often("branches seen most", "branch", found.often)
    for sample in found.first:
        _show_sample(sample)


def _several(count: int) -> str:
    return f"{count:,} {'branch' if count == 1 else 'branches'}"


def _told(bars: Sequence[Bar]) -> list[tuple[str, int]]:
    return [
        (f"{bar.low:,}" if bar.low == bar.high else f"{bar.low:,}–{bar.high:,}", bar.sentences)
        for bar in bars
    ]


def show_bars(title: str, bars: Sequence[tuple[str, int]]) -> None:
    """Print a histogram."""
    if not bars:
        return
    heading(title)
    most = max(count for _, count in bars)
    wide, digits = max(len(name) for name, _ in bars), len(f"{most:,}")
    for name, count in bars:
        long = round(BAR * count / most) if most else 0
        click.echo(f"  {name:>{wide}}  {count:>{digits},}  {'█' * (long or bool(count))}".rstrip())


def _show_often(title: str, what: str, often: Sequence[Often]) -> None:
    if often:
        heading(title)
        rows = [(one.text, f"{one.count:,}") for one in often]
        show_table([what, "count"], rows, right=["count"], indent=2)


def _show_sample(one: Sample) -> None:
    click.echo()
    told = [click.style(cell(one.sentence_id), bold=True), *(cell(text) for text in one.text.split("\n"))]
    if one.label is not None:
        told.append(f"→ {cell(one.label)}")
    if one.lost:
        told.append(f"({plural(one.lost, 'token')} lost)")
    click.echo("  " + "  ".join(told))
    drawn.show(one.tree, get_terminal_size().columns, indent=4)


def show_difference(found: TreesDifference) -> None:
    """Print what changed between trees."""
    show_changes("tables", "rows", found.tables)
    show_settings(found.settings)
    heading("sentences")
    _show_sentences("added", found.added)
    _show_sentences("vanished", found.vanished)
    _show_sentences("with another text or label", found.reworded)
    _show_sentences("with other tokens", found.retokenised)
    _show_sentences("with other branches", found.regrown)
    heading(f"branches: {found.lost:,} lost, {found.gained:,} gained, {found.kept:,} in both")
    if found.turns:
        turns = [(one.text, f"{one.lost:,}", f"{one.gained:,}") for one in found.turns]
        show_table(["branch", "lost", "gained"], turns, right=["lost", "gained"], indent=2)


def _show_sentences(what: str, found: Sentences) -> None:
    show_counted(what, found.count, [cell(sentence_id) for sentence_id in found.examples])
