"""`kbtools eval linking`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from kbtools.tasks.linking import Settings
from kbtools.tasks.linking.evaluation import Evaluation

__all__ = ["DATA", "OPTIONS", "Settings", "opened"]

DATA = "What is right: a corpus with gold links, or linked documents."
OPTIONS = (
    click.option("--linked", required=True, multiple=True, metavar="LINKED",
                 help="What a linker says; others are compared with the first."),
    click.option("--kb", "kbs", multiple=True, metavar="KB", help="What they are linked to, if it moved."),
    click.option("-c", "corpus_settings", multiple=True, metavar="NAME=VALUE",
                 help="A setting of the corpus --data."),
)  # fmt: skip


def opened(options: Mapping[str, Any], settings: Settings) -> Evaluation:
    """Open what is evaluated."""
    return Evaluation(
        options["linked"],
        options["data"],
        kbs=options["kbs"],
        settings=settings,
        corpus_settings=options["corpus_settings"],
        seed=options["seed"],
    )
