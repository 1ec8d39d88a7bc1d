"""`kbtools shard`: what a model will read."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.models import Presets
from kbtools.cli.options import common, complain, shared


@click.command(cls=Presets)
@click.argument("documents", metavar="CORPUS|LINKED|TREES|KB")
@click.option("--for", "model", is_eager=True, metavar="MODEL|TOML", help="A model listed below, or a file.")
@click.option("--tokenizer", metavar="TOKENIZER|NAME", help="A folder, a file, or a name on the model hub.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="Whose entities are meant, if it moved.")
@click.option("--vectors", metavar="VECTORS", help="Keep only candidates that have a vector there.")
@click.option("--out", metavar="SHARDS", help="The folder to write.")
@shared("corpus_settings")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="See --for MODEL --help.")
@common("max_rejects", "force_lineage", "overwrite", "restart", "seed", "workers", "quiet", "json")
def command(documents: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Make training examples: tokens, and beside them what the model knows of the text.

    Documents are tokenised once, cut into examples, shuffled by --seed and divided by the hash of their ids
    into train, dev and test. A model has a layout, what an example is made of, and views, the columns
    beside the tokens; -o layout=NAME and -o views=NAME,NAME take others. `kbtools shard --for MODEL --help`
    lists all their settings.

    Example: kbtools shard linked --for wklm --tokenizer tokenizer --out shards
    """
    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    made = api.shard(documents, **options)
    click.echo(msgspec.json.encode(made).decode() if as_json else api.shard_summary(made, options["out"]))
    for warning in made.notes.get("warnings", ()):
        click.echo(f"Warning: {warning}", err=True)
    complain(api.judge(made, options["out"], max_rejects=max_rejects))
