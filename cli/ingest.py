"""`kbtools ingest`: a dump becomes a knowledge base."""

from __future__ import annotations

from typing import Any

import click

from kbtools import api, plugins
from kbtools.cli.options import common
from kbtools.cli.printing import print_ingested
from kbtools.cli.settings import flags


class Sources(click.Group):
    """A sub-command a source: each has the flags of its own settings."""

    def list_commands(self, _ctx: click.Context) -> list[str]:  # noqa: D102
        return plugins.names(api.SOURCES)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102
        source = plugins.load(api.SOURCES, cmd_name)

        @click.command(cmd_name, short_help=plugins.summary(api.SOURCES, cmd_name))
        @click.argument("dumps", nargs=-1, required=True, metavar="DUMP...")
        @click.option("--out", required=True, metavar="KB", help="The folder to write.")
        @flags(source.SOURCE.Settings)
        @click.option("--name", help="The knowledge base's name; default: the source's.")
        @click.option("--ids-from", metavar="OLD", help="The release before: its ids keep their eids.")
        @click.option("--expect", metavar="OLD", help="Exit with 3 if a count moved by more than 5 % since OLD.")
        @click.option("--max-rejects", default="0.1%", show_default=True, help="Of all records, or 'none'.")
        @click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
        @click.option("--restart", is_flag=True, help="Throw an unfinished build at --out away.")
        @common("workers", "memory", "engine", "quiet", "json")
        def command(dumps: tuple[str, ...], out: str, as_json: bool, **options: Any) -> None:
            found, complaints = api.ingest_and_judge(cmd_name, dumps, out, **options)
            print_ingested(found, out, complaints, as_json=as_json)

        command.help = source.SOURCE.help
        return command
