"""The options that many commands share, each written once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from kbtools.config import parse_size
from kbtools.errors import ConfigError

LOOK_AT_REJECTS = 3
DEBUG = "kbtools.debug"  # the place in a click context's `meta` that --debug sets
GONE = "kbtools.gone"  # the place that says: interrupted, nothing can go on

Command = TypeVar("Command", bound=Callable[..., Any])


class Memory(click.ParamType[int]):
    """An amount of memory: `4GB` (10⁹), `4GiB` (2³⁰), `500M`, or bytes."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        try:
            return value if isinstance(value, int) else parse_size(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _remember_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[DEBUG] = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show the trace of an error.",
)

OPTIONS: dict[str, Callable[[Any], Any]] = {
    "workers": click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=cores,
        show_default="all cores",
        help="Busy processes in all; 1 = in this process.",
    ),
    "memory": click.option("--memory", type=Memory(), help="What to stay below, like 4GB."),
    "engine": click.option(
        "--engine", type=click.Choice(["local"]), default="local", show_default=True, help="Where tasks run."
    ),
    "seed": click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all that is drawn."
    ),
    "alias": click.option("--alias", metavar="ALIAS", help="The table of names."),
    "indexes": click.option("--index", "indexes", multiple=True, metavar="INDEX", help="An index beside it."),
    "kbs": click.option(
        "--kb", "kbs", multiple=True, metavar="KB", help="What they were made from, if it moved."
    ),
    "encoder": click.option("--encoder", metavar="NAME|PATH", help="What dense indexes were made with."),
    "corpus_settings": click.option(
        "-c", "corpus_settings", multiple=True, metavar="NAME=VALUE", help="A setting of the corpus."
    ),
    "max_rejects": click.option(
        "--max-rejects", default="0.1%", show_default=True, help="A share, a number, or none."
    ),
    "force_lineage": click.option(
        "--force-lineage", is_flag=True, help="Take a KB of another release than was linked to."
    ),
    "overwrite": click.option("--overwrite", is_flag=True, help="Replace what is at --out."),
    "restart": click.option("--restart", is_flag=True, help="Throw away what an interrupted build has done."),
    "quiet": click.option("--quiet", is_flag=True, help="Show no progress."),
    "json": click.option("--json", "as_json", is_flag=True, help="One JSON document on one line."),
    "debug": debug_option,
}


def choice(name: str, words: str, text: str) -> Callable[[Command], Command]:
    """Write an option that takes one of some words, the first by default unless it is empty."""
    first, *rest = words.split("|")
    known = [word for word in (first, *rest) if word]
    return click.option(name, type=click.Choice(known), default=first or None, show_default=True, help=text)


def complain(complaints: Sequence[str]) -> None:
    """Say what should be looked at; if there is anything, the command ends with the exit code for that."""
    for complaint in complaints:
        click.echo(f"Look: {complaint}", err=True)
    if complaints:
        raise SystemExit(LOOK_AT_REJECTS)


def shared(*names: str) -> Callable[[Command], Command]:
    """Add shared options by name, in this order."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = OPTIONS[name](command)
        return command

    return decorate


def common(*names: str) -> Callable[[Command], Command]:
    """Add shared options by name, and --debug; the value of --json arrives as `as_json`."""
    return shared(*names, "debug")
