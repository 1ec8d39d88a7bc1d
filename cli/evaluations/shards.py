"""`kbtools eval shards`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from kbtools.cli.options import OPTIONS as SHARED
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.evaluation import Evaluation

__all__ = ["DATA", "OPTIONS", "SEVERAL", "Settings", "opened"]

DATA = "Shards; each task's own, if the run has several."
SEVERAL = True
OPTIONS = (
    click.option("--model", required=True, metavar="RUN", help="What `kbtools train` has made."),
    SHARED["kbs"],
)


def opened(options: Mapping[str, Any], settings: Settings) -> Evaluation:
    """Open what is evaluated."""
    return Evaluation(
        options["model"],
        options["data"],
        kbs=options["kbs"],
        settings=settings,
        seed=options["seed"],
        quiet=options["quiet"],
    )
