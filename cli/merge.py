"""`kbtools merge`: several knowledge bases become one."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.options import common


@click.command()
@click.argument("kbs", nargs=-1, required=True, metavar="KB KB...")
@click.option("--on", type=click.Choice(["xref", "id"]), required=True, help="What makes two entities one.")
@click.option("--out", required=True, metavar="KB", help="The folder to write.")
@click.option(
    "--scheme",
    "schemes",
    multiple=True,
    metavar="SCHEME[=KB|SCHEME]",
    help="Cross references that join, such as P2892=umls.  [default: the usual ones]",
)
@click.option("--name", help="What the knowledge base is called.  [default: the names of all]")
@common("overwrite", "restart", "workers", "memory", "quiet", "json")
def command(kbs: tuple[str, ...], out: str, as_json: bool, **options: Any) -> None:
    """Join knowledge bases into a new one with new eids; the first comes first.

    With --on id, entities of equal id become one. With --on xref, those that cross references join: a
    Wikidata item and the UMLS concept that it names, two synsets with the same ILI. What each says is kept,
    and so are all ids. Overlays may be given with their bases.

    Example: kbtools merge kb/wikidata kb/umls --on xref --out kb/both
    """
    made = api.merge(kbs, out, **options)
    click.echo(msgspec.json.encode(made).decode() if as_json else api.merged(made, out))
