"""`kbtools encode`: texts become vectors of a model's layers."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.options import common, complain, shared
from kbtools.cli.settings import Listed
from kbtools.features.settings import Settings


@click.command(cls=Listed, settings=Settings)
@click.argument("documents", metavar="CORPUS")
@click.option("--model", metavar="RUN|FOLDER|NAME", help="A run, a model's folder, or its name on the hub.")
@click.option(
    "--layers", default="-1", show_default=True, metavar="-4:", help="Numbers or slices; 0: embeddings."
)
@click.option(
    "--pool",
    metavar="mean|cls|tokens",
    help="max too; of words and spans first, last, ends.  [default: mean]",
)
@click.option("--out", metavar="FEATURES", help="The folder to write.")
@shared("corpus_settings")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting listed below.")
@common("max_rejects", "overwrite", "restart", "quiet", "json")
def command(documents: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Write the states of a model's layers as vectors: of documents, sentences, words, tokens or spans.

    For those who train no transformer: the model stays as it is, and what it makes of a text is Parquet that
    anything reads. Several layers stand one after the other, or are averaged. Long texts are run in windows
    that overlap.

    Example: kbtools encode news.jsonl --model run --layers -4: -o unit=sentence --out features
    """
    from kbtools import models  # noqa: PLC0415 - torch is slow to load, and --help needs none of it

    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    made = models.encode(documents, **options)
    out = options["out"]
    click.echo(msgspec.json.encode(made).decode() if as_json else models.features_summary(made, out))
    complain(api.judge(made, out, max_rejects=max_rejects))
