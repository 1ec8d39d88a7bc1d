"""`kbtools eval wsd`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from kbtools.tasks.wsd import Settings
from kbtools.tasks.wsd.evaluation import Evaluation

__all__ = ["DATA", "OPTIONS", "Settings", "opened"]

DATA = "What is right: a corpus with sense keys."
OPTIONS = (
    click.option("--linked", multiple=True, metavar="LINKED",
                 help="What a linker says; others are compared with the first."),
    click.option("--kb", "kbs", multiple=True, metavar="KB", help="The wordnet, if it moved."),
)  # fmt: skip


def opened(options: Mapping[str, Any], settings: Settings) -> Evaluation:
    """Open what is evaluated."""
    return Evaluation(
        options["linked"], options["data"], kbs=options["kbs"], settings=settings, seed=options["seed"]
    )
