"""`kbtools ingest`: a dump becomes a knowledge base."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import msgspec

from kbtools import api, plugins
from kbtools.artefact import manifest
from kbtools.cli.options import common
from kbtools.cli.settings import flags, given
from kbtools.errors import ConfigError

LOOK_AT_REJECTS = 3
_LIMIT = re.compile(r"\d+(\.\d+)?%|\d+|none")


class Sources(click.Group):
    """A sub-command a source, with the flags of the source's own settings."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return plugins.names(api.SOURCES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: D102
        source = plugins.load(api.SOURCES, cmd_name).SOURCE

        @click.option("--name", help="What the knowledge base is called.  [default: the source's name]")
        @click.option("--ids-from", metavar="OLD", help="The release before: its ids keep their eids.")
        @click.option("--expect", metavar="OLD", help="Exit with 3 if a count is 5 % off that of OLD.")
        @click.option("--max-rejects", default="0.1%", show_default=True, help="A share, a number, or none.")
        @click.option("--overwrite", is_flag=True, help="Replace the artefact at KB.")
        @click.option("--restart", is_flag=True, help="Throw away what an interrupted build has done.")
        @common("workers", "memory", "engine", "quiet", "json")
        def command(dumps: tuple[str, ...], out: str, as_json: bool, **options: Any) -> None:
            judging = {name: options.pop(name) for name in ("expect", "max_rejects")}
            _refuse(**judging)
            settings = given(source.settings, options)
            made = api.ingest(cmd_name, dumps, out, **options, **settings)
            complaints = api.judge(made, out, **judging)
            click.echo(msgspec.json.encode(made).decode() if as_json else api.summary(made, out))
            for complaint in complaints:
                click.echo(f"Look: {complaint}", err=True)
            if complaints:
                raise SystemExit(LOOK_AT_REJECTS)

        command = flags(source.settings)(command)
        command = click.option("--out", required=True, metavar="KB", help="The folder to write.")(command)
        command = click.argument("dumps", nargs=-1, required=True, metavar="DUMP...")(command)
        about = plugins.summary(api.SOURCES, cmd_name)
        text = f"{about}\n\n\b\n{source.example}"
        return click.command(cmd_name, help=text, short_help=about)(command)


@click.group(cls=Sources)
def command() -> None:
    r"""Read the dumps of a SOURCE and write a knowledge base: a folder of Parquet tables.

    A dump may be plain, .gz, .bz2, .zst or .xz, a URL, or - for standard input. Interrupted, the same
    command goes on where it stopped.

    \b
    Example:
      kbtools ingest wikidata latest-all.json.gz --langs en,zh --out kb/wikidata
    """


def _refuse(max_rejects: str, expect: str | None) -> None:
    """Refuse a yardstick that is none now, not after hours of work."""
    if not _LIMIT.fullmatch(max_rejects):
        raise ConfigError(f"--max-rejects {max_rejects!r}: give a share like 0.1%, a number, or none")
    if expect is not None:
        manifest.read(Path(expect), "kb")
