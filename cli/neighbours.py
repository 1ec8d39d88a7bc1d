"""How `kbtools inspect --near` prints what is near."""

from __future__ import annotations

import click

from kbtools.cli.printing import heading, show_table
from kbtools.vectors.near import Near


def show(found: Near) -> None:
    """Print what was asked for, then its neighbours: entities, and words."""
    label = f"  {found.label}" if found.label else ""
    click.secho(f"{found.kind} {found.id}{label}", bold=True)
    click.echo(f"  its vector is {found.length:g} long")
    if found.others:
        click.echo(f"  of the same name: {', '.join(found.others)}")
    if found.entities:
        heading("nearest entities")
        rows = [(one.id, one.label, f"{one.similarity:.4f}") for one in found.entities]
        show_table(["id", "label", "cosine"], rows, right=["cosine"], indent=2)
    if found.words:
        heading("nearest words")
        words = [(one.id, f"{one.similarity:.4f}") for one in found.words]
        show_table(["word", "cosine"], words, right=["cosine"], indent=2)
