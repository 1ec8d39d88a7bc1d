"""`kbtools index`: names or entities become searchable by similarity."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import linkers
from kbtools.cli.encoder import load as load_encoder
from kbtools.cli.options import common
from kbtools.cli.settings import flags
from kbtools.linkers.index.dense.settings import Settings as Dense
from kbtools.linkers.index.fuzzy.settings import Settings as Fuzzy
from kbtools.linkers.index.profile.settings import Settings as Profile


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="ALIAS|KB...")
@click.option("--kind", type=click.Choice(linkers.KINDS), required=True, help="What for: see above.")
@click.option(
    "--encoder", metavar="NAME|PATH", help="dense: a sentence encoder.  [default: a small one here]"
)
@click.option("--base", metavar="OLD", help="An earlier index: what has not changed is taken from it.")
@click.option("--out", required=True, metavar="INDEX", help="The folder to write.")
@flags(Fuzzy, Dense, Profile)
@common("overwrite", "restart", "workers", "memory", "quiet", "json")
def command(sources: tuple[str, ...], out: str, encoder: str | None, as_json: bool, **options: Any) -> None:
    """Make an index of candidates: fuzzy finds misspelt names of an alias table, dense what is described.

    A dense index is made of knowledge bases: the encoder turns label, types and description of each entity
    into a vector. A profile holds what linking compares: words, neighbours and classes of each entity. Every
    setting belongs to one kind; the others refuse it.

    Example: kbtools index alias/wikidata --kind fuzzy --out index/fuzzy
    """
    asked = {name: value for name, value in options.items() if value not in (None, ())}
    made = linkers.build_index(sources, out, encoder=load_encoder(encoder), **asked)
    click.echo(msgspec.json.encode(made).decode() if as_json else linkers.index_summary(made, out))
