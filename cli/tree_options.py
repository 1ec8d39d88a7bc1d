"""The options that `kbtools tree` and `kbtools explain tree` share: what trees are made with."""

from __future__ import annotations

import click

from kbtools.cli.options import Command, choice

OPTIONS = (
    click.option(
        "--kb", "kbs", multiple=True, metavar="KB", help="Whose facts become branches; overlays, too."
    ),
    click.option(
        "--alias", metavar="ALIAS", help="Table of names to find.  [default: made of the KB's names]"
    ),
    click.option(
        "--tokenizer", metavar="TOKENIZER|NAME", help="A folder, a file, or a name on the model hub."
    ),
    click.option("--lang", help="The language of relations and objects."),
    click.option("--max-entities", type=int, help="Branches of an entity at most.  [default: 2]"),
    click.option("--max-length", type=int, help="Tokens of a tree at most.  [default: 256]"),
    choice("--policy", "|trunk-first|reference", "Whole branches while they fit, or as K-BERT's code does."),
    click.option("--segmented/--no-segmented", default=None, help="Words are parted by single spaces."),
    click.option("--predicate/--no-predicate", default=None, help="Whether branches say the relation, too."),
    click.option(
        "--cooccurrence", metavar="CORPUS|LINKED", help="Prefer facts whose ends seldom meet there."
    ),
    click.option("--encoder", metavar="NAME|PATH", help="What similarity uses.  [default: a small one here]"),
    click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="A setting, as listed below."),
)


def tree_options(command: Command) -> Command:
    """Add them, in this order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
