"""`kbtools eval linkprediction`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from kbtools.cli.options import OPTIONS as SHARED
from kbtools.extras import need
from kbtools.tasks.linkprediction import Settings

if TYPE_CHECKING:
    from kbtools.models.kge.evaluation import Evaluation

__all__ = ["DATA", "OPTIONS", "Settings", "opened"]

DATA = "The knowledge base with its splits, or triples of it as text (ids, tabs between)."
OPTIONS = (
    click.option("--vectors", required=True, metavar="VECTORS", help="What `kbtools embed` has learned."),
    SHARED["kbs"],
    SHARED["memory"],
)


def opened(options: Mapping[str, Any], settings: Settings) -> Evaluation:
    """Open what is evaluated."""
    need("torch", extra="train", why="scoring triples")
    from kbtools.models.kge.evaluation import Evaluation  # noqa: PLC0415 - torch takes seconds to import

    return Evaluation(
        options["vectors"],
        options["data"],
        kbs=options["kbs"],
        settings=settings,
        memory=options["memory"],
        seed=options["seed"],
        quiet=options["quiet"],
    )
