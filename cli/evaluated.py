"""How `kbtools eval` prints a report: the numbers over all items, notes, and where the rest is."""

from __future__ import annotations

import click

from kbtools.cli.printing import plural, show_table
from kbtools.report import Document, pages


def show(found: Document, out: str) -> None:
    """Print the first table of a report."""
    whole = next(pages.grids(found), None)
    if whole is not None:
        click.secho(found.title, bold=True)
        show_table(whole.columns, whole.rows, right=whole.columns[whole.right :])
    for note in found.notes:
        click.echo(f"Look: {note}", err=True)
    click.echo(f"{out}: {plural(len(found.measures), 'number')}; open {out}/report.html")
