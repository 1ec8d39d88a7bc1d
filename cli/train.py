"""`kbtools train`: what a model learns from shards."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools.cli.options import common, shared
from kbtools.cli.recipes import Recipes
from kbtools.cli.together import one_speaks


@click.command(cls=Recipes)
@click.argument("recipe", metavar="MODEL|RECIPE.toml", is_eager=True)
@click.option("--shards", multiple=True, metavar="[TASK=]SHARDS", help="What it reads; each task's own.")
@shared("kbs")
@click.option(
    "--vectors", multiple=True, metavar="VECTORS", help="Vectors of entities, for those that read them."
)
@click.option("--out", metavar="RUN", help="The folder to write.")
@click.option(
    "--entity-ablation",
    metavar="CONTROL",
    help="Other entities than the true ones (none, permuted, redrawn, random, wrong, swap): -o run.entities.",
)
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting of the recipe.")
@click.option("--dry-run", is_flag=True, help="Say what would be trained, on what, and stop.")
@click.option("--seed", type=int, help="Of weights, order, masks and dropout.  [default: run.seed]")
@common("overwrite", "restart", "quiet", "json")
def command(recipe: str, dry_run: bool, as_json: bool, entity_ablation: str | None, **options: Any) -> None:
    """Train a model: a recipe says which, and how; -o changes the recipe.

    What stops early (Ctrl-C, a signal, a kill) goes on with the same command, at the exact example. Several
    processes or GPUs: `torchrun --nproc_per_node N --no-python kbtools train ...`. `kbtools train MODEL
    --help` shows the model's recipe and all settings.

    Example: kbtools train bert.tiny --shards shards --out run -o run.steps=200
    """
    from kbtools import models  # noqa: PLC0415 - torch is slow to load, and --help needs none of it

    if entity_ablation is not None:
        options["overrides"] = (*options["overrides"], f"run.entities={entity_ablation}")
    if dry_run:
        for name in ("out", "overwrite", "restart", "quiet"):
            options.pop(name)
        found = models.plan_run(recipe, **options)
        click.echo(msgspec.json.encode(found).decode() if as_json else models.tell_plan(found))
        return
    with one_speaks():
        made = models.train(recipe, **options)
    if models.is_main():
        click.echo(
            msgspec.json.encode(made).decode() if as_json else models.run_summary(made, options["out"])
        )
