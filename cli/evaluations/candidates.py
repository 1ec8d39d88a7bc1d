"""`kbtools eval candidates`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from kbtools import linkers
from kbtools.cli.encoder import load as load_encoder
from kbtools.cli.options import OPTIONS as SHARED
from kbtools.linkers.index.evaluation import Evaluation, Settings

__all__ = ["DATA", "OPTIONS", "Settings", "opened"]

DATA = "What is right: .jsonl, .tsv, a Wikipedia."
OPTIONS = (
    click.option("--alias", required=True, metavar="ALIAS", help="The table of names."),
    *(SHARED[name] for name in ("indexes", "encoder", "kbs")),
)


def opened(options: Mapping[str, Any], settings: Settings) -> Evaluation:
    """Open what is evaluated."""
    encoder = load_encoder(options["encoder"])
    return Evaluation(
        options["alias"],
        options["data"],
        indexes=[linkers.open_index(index, encoder) for index in options["indexes"]],
        kbs=options["kbs"],
        settings=settings,
        seed=options["seed"],
        quiet=options["quiet"],
    )
