"""`kbtools sql`: ask knowledge bases, alias tables and their like in SQL."""

from __future__ import annotations

from pathlib import Path

import click

from kbtools import api
from kbtools.cli import rows
from kbtools.cli.options import common
from kbtools.errors import ConfigError


@click.command()
@click.argument("arguments", metavar="KB|ALIAS... SQL", nargs=-1, required=True)
@click.option("--csv", "as_csv", is_flag=True, help="All rows as CSV.")
@click.option("--limit", type=click.IntRange(min=0), default=100, show_default=True, help="Rows to show.")
@common("workers", "memory", "json")
def command(
    *, arguments: tuple[str, ...], as_csv: bool, limit: int, workers: int, memory: int | None, as_json: bool
) -> None:
    """Run one SELECT over knowledge bases or other tables; nothing can be changed.

    There is one view per table; overlays given with their base are part of it. With several bases the
    tables are named KB.table, those of an alias table or linked documents beside them alias.table and
    linked.documents. --csv and --json print all
    rows, without them the first --limit are shown.

    Example: kbtools sql kb/wikidata "SELECT lang, count(*) FROM labels GROUP BY lang"
             kbtools sql kb/wikidata "SHOW TABLES"
    """
    *paths, sql = arguments
    if not paths or (" " not in sql and Path(sql).exists()):
        raise ConfigError(
            'the last argument is the question: kbtools sql KB "SELECT * FROM entities LIMIT 10"'
        )
    if as_csv and as_json:
        raise ConfigError("--csv or --json, not both")
    with api.query(paths, sql, memory=memory, threads=workers) as found:
        if as_json:
            rows.show_json(found)
        elif as_csv:
            rows.show_csv(found)
        else:
            rows.show_table(found, limit)
