"""`kbtools ingest`: a dump becomes a knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from kbtools import api, plugins
from kbtools.artefact import manifest
from kbtools.cli.options import common, complain
from kbtools.cli.settings import Choices, flags, given


def _ingest_from(name: str) -> click.Command:
    source = plugins.load(api.SOURCES, name).SOURCE
    about = plugins.summary(api.SOURCES, name)

    @click.command(name, short_help=about, help=f"{about}\n\n\b\n{source.example}")
    @click.argument("dumps", nargs=-1, required=True, metavar="DUMP...")
    @click.option("--out", required=True, metavar="KB", help="The folder to write.")
    @flags(source.settings)
    @click.option("--name", help="What the knowledge base is called.  [default: the source's name]")
    @click.option("--ids-from", metavar="OLD", help="The release before: its ids keep their eids.")
    @click.option("--onto", metavar="BASE", help="Add tables to the entities of BASE: an overlay.")
    @click.option("--expect", metavar="OLD", help="Exit with 3 if a count is 5 % off that of OLD.")
    @common("max_rejects", "overwrite", "restart", "workers", "memory", "engine", "quiet", "json")
    def command(
        dumps: tuple[str, ...], out: str, expect: str | None, max_rejects: str, as_json: bool, **options: Any
    ) -> None:
        api.allowed(max_rejects, 0)  # refused now, not after hours of work
        if expect:
            manifest.read(Path(expect), "kb")
        made = api.ingest(name, dumps, out, **given(source.settings, options))
        complaints = api.judge(made, out, max_rejects=max_rejects, expect=expect)
        click.echo(msgspec.json.encode(made).decode() if as_json else api.summary(made, out))
        complain(complaints)

    return command


@click.group(cls=Choices, package=api.SOURCES, build=_ingest_from)
def command() -> None:
    """Read the dumps of a SOURCE and write a knowledge base: a folder of Parquet tables.

    A dump may be plain, .gz, .bz2, .zst or .xz, a URL, or - for standard input. Interrupted, the same
    command goes on where it stopped.

    Example: kbtools ingest wikidata latest-all.json.gz --langs en,zh --out kb/wikidata
    """
