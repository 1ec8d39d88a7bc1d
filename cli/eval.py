"""`kbtools eval`: how good answers are, in a report."""

from __future__ import annotations

from typing import Any

import click

from kbtools import config, plugins, report
from kbtools.cli.evaluated import show
from kbtools.cli.options import common
from kbtools.cli.printing import show_json
from kbtools.cli.settings import Choices, flags, given, holding
from kbtools.extras import need

MODELS = "kbtools.models.tasks"  # those that run a model
TASKS, EVALUATIONS = ("kbtools.tasks", MODELS), "kbtools.cli.evaluations"


def _evaluate(name: str) -> click.Command:
    package = holding(TASKS, name)
    if package == MODELS:
        need("torch", extra="train", why="running a model")
    about, task = plugins.summary(package, name), plugins.load(package, name)
    evaluation = plugins.load(EVALUATIONS, name)
    several = getattr(evaluation, "SEVERAL", False)
    metavar = "[TASK=]PATH" if several else "PATH"

    @click.option("--data", required=True, multiple=several, metavar=metavar, help=evaluation.DATA)
    @click.option("--out", required=True, metavar="REPORT", help="The folder to write.")
    @flags(evaluation.Settings)
    @common("overwrite", "seed", "quiet", "json")
    def command(out: str, overrides: tuple[str, ...], as_json: bool, **options: Any) -> None:
        names = {setting.name for setting in config.describe(evaluation.Settings)}
        told = {key: value for key, value in given(evaluation.Settings, options).items() if key in names}
        settings = config.build(evaluation.Settings, told, where=f"eval {name}", overrides=overrides)
        asked = evaluation.opened(options, settings)
        report.make(out, asked.run, task=name, **asked.lineage, overwrite=options["overwrite"])
        found = report.load(out)
        show_json(found) if as_json else show(found, out)

    for option in reversed(evaluation.OPTIONS):
        command = option(command)
    return click.command(name, short_help=about, help=f"{about}\n\n\b\n{task.EXAMPLE}")(command)


@click.group(cls=Choices, package=TASKS, build=_evaluate)
def command() -> None:
    """Compare answers with what is right, and write a report: tables, plots, every prediction.

    Example: kbtools eval candidates --alias alias --index fuzzy --data mentions.jsonl --out report
    """
