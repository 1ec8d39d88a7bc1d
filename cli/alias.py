"""`kbtools alias`: knowledge bases become a table of names and what they mean."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api, plugins
from kbtools.alias.settings import Settings
from kbtools.cli.options import common, complain
from kbtools.cli.settings import flags, given

SYSTEMS = plugins.names("kbtools.alias.compat")


@click.command()
@click.argument("kbs", nargs=-1, metavar="KB...")
@click.option("--out", required=True, metavar="ALIAS", help="The folder to write.")
@click.option("--weights", metavar="FILE", help="TOML: what one count of each source is worth.")
@click.option("--prior-file", "prior_files", multiple=True, metavar="FILE", help="Counts of others.")
@click.option("--corpus", "corpora", multiple=True, metavar="CORPUS", help="Text to count names in.")
@click.option("--base", metavar="OLD", help="An earlier table: what has not changed is not read again.")
@click.option("--compat", metavar=f"[{'|'.join(SYSTEMS)}]", help="Another system's formula.")
@flags(Settings)
@common("max_rejects", "overwrite", "restart", "workers", "memory", "quiet", "json")
def command(kbs: tuple[str, ...], out: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Count who is called what, and estimate how likely each name means each of its candidates.

    Overlays may be given with their bases. The table is read by look-ups, by `kbtools link`, and by
    `kbtools explain surface`; its counts can be asked with `kbtools sql`.

    Example: kbtools alias kb/wikidata kb/enwiki --out alias/wikidata
    """
    api.allowed(max_rejects, 0)  # refused now, not after hours of work
    made = api.build_alias(kbs, out, **given(Settings, options))
    click.echo(msgspec.json.encode(made).decode() if as_json else api.alias_summary(made, out))
    complain(api.judge(made, out, max_rejects=max_rejects))
