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
@click.option("--for", "model", is_eager=True, metavar="MODEL|TOML", help="Whose examples.")
@click.option("--tokenizer", metavar="TOKENIZER|NAME", help="A folder, a file, or a name of the model hub.")
@click.option("--kb", "kbs", multiple=True, metavar="KB", help="What numbers and ids of entities mean.")
@click.option("--vectors", metavar="VECTORS", help="Only candidates that have a vector.")
@click.option("--out", metavar="SHARDS", help="The folder to write.")
@shared("corpus_settings")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as listed below.")
@click.option("--max-rejects", default="0.1%", show_default=True, help="A share, a number, or none.")
@click.option("--force-lineage", is_flag=True, help="Take a KB of another release than was linked to.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
@click.option("--restart", is_flag=True, help="Throw away what an interrupted build has done.")
@common("seed", "workers", "quiet", "json")
def command(documents: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Make training examples: tokens, and beside them what the model knows of the text.

    Documents are tokenised once, cut into examples, shuffled by --seed and divided by the hash of their ids
    into train, dev and test. `kbtools shard --for MODEL --help` lists the settings of its layout and views.

    Example: kbtools shard linked --for ernie_thu --tokenizer tokenizer --out shards -o max_length=256
    """
    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    made = api.shard(documents, **options)
    click.echo(msgspec.json.encode(made).decode() if as_json else api.shard_summary(made, options["out"]))
    for warning in made.notes.get("warnings", ()):
        click.echo(f"Warning: {warning}", err=True)
    complain(api.judge(made, options["out"], max_rejects=max_rejects))
