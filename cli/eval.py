"""`kbtools eval`: how good answers are, in a report."""

from __future__ import annotations

from typing import Any

import click

from kbtools import config, linkers, plugins, report
from kbtools.cli.encoder import load as load_encoder
from kbtools.cli.evaluated import show
from kbtools.cli.options import common
from kbtools.cli.printing import show_json
from kbtools.cli.settings import Choices, flags, given
from kbtools.linkers.index.evaluation import Evaluation, Settings

TASKS = "kbtools.tasks"


def _evaluate(name: str) -> click.Command:
    about, task = plugins.summary(TASKS, name), plugins.load(TASKS, name)

    @click.command(name, short_help=about, help=f"{about}\n\n\b\n{task.EXAMPLE}")
    @click.option("--alias", required=True, metavar="ALIAS", help="The table of names.")
    @click.option("--index", "indexes", multiple=True, metavar="INDEX", help="An index beside it.")
    @click.option("--encoder", metavar="NAME|PATH", help="What dense indexes were made with.")
    @click.option("--kb", "kbs", multiple=True, metavar="KB", help="What they were made from, if it moved.")
    @click.option("--data", required=True, metavar="PATH", help="What is right: .jsonl, .tsv, a Wikipedia.")
    @click.option("--out", required=True, metavar="REPORT", help="The folder to write.")
    @flags(Settings)
    @click.option("--overwrite", is_flag=True, help="Replace the artefact at --out.")
    @common("seed", "quiet", "json")
    def command(out: str, overrides: tuple[str, ...], as_json: bool, **options: Any) -> None:
        names = {setting.name for setting in config.describe(Settings)}
        told = {key: value for key, value in given(Settings, options).items() if key in names}
        alias, data, encoder = options["alias"], options["data"], load_encoder(options["encoder"])
        asked = Evaluation(
            alias,
            data,
            indexes=[linkers.open_index(index, encoder) for index in options["indexes"]],
            kbs=options["kbs"],
            settings=config.build(Settings, told, where=f"eval {name}", overrides=overrides),
            seed=options["seed"],
            quiet=options["quiet"],
        )
        report.make(out, asked.run, task=name, **asked.lineage, overwrite=options["overwrite"])
        found = report.load(out)
        show_json(found) if as_json else show(found, out)

    return command


@click.group(cls=Choices, package=TASKS, build=_evaluate)
def command() -> None:
    """Compare answers with what is right, and write a report: tables, plots, every prediction.

    Example: kbtools eval candidates --alias alias --index fuzzy --data mentions.jsonl --out report
    """
