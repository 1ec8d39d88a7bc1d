"""`kbtools embed`: a vector for each entity, from triples, texts, or a file of somebody else's."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.embeddings import Embeddings
from kbtools.cli.options import Memory, common, complain, shared
from kbtools.cli.together import one_speaks


@click.command(cls=Embeddings)
@click.argument("sources", nargs=-1, required=True, metavar="KB|CORPUS...")
@click.option(
    "--model",
    is_eager=True,
    metavar="NAME|RECIPE.toml|FORMAT:PATH",
    help="What makes the vectors; see below.",
)
@click.option("--out", metavar="VECTORS", help="The folder to write.")
@shared("kbs", "corpus_settings")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting of the model.")
@click.option("--seed", type=int, help="Of all that is drawn.  [default: the model's]")
@click.option("--workers", type=click.IntRange(min=1), help="Busy processes, of sgns.  [default: 1]")
@click.option("--memory", type=Memory(), help="What tables may take where they are trained, like 4GB.")
@common("max_rejects", "overwrite", "restart", "quiet", "json")
def command(sources: tuple[str, ...], out: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Make vectors of entities: learned from a knowledge graph, made of texts, or brought from a file.

    What stops early goes on with the same command. Tables larger than --memory are trained part by part, from
    disk. `kbtools embed KB --model NAME --help` shows a model's recipe and all its settings.

    Example: kbtools embed kb --model rotate --out vectors -o dim=200 -o judge.every=10 -o judge.patience=3
    """
    from kbtools import models  # noqa: PLC0415 - torch is slow to load, and --help needs none of it

    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    with one_speaks():
        made = models.embed(sources, out, **options)
    if models.is_main():
        click.echo(msgspec.json.encode(made).decode() if as_json else models.vectors_summary(made, str(out)))
        complain(api.judge(made, out, max_rejects=max_rejects))
