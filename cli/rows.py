"""How `kbtools sql` prints the rows of an answer: JSON, CSV or the first of them as a table."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click
import pyarrow as pa

from kbtools.cli import printing


def show_json(rows: pa.RecordBatchReader) -> None:
    """Print a list of objects on one line, batch by batch."""
    columns = [printing.to_json(name) for name in _unique(rows.schema.names)]
    out = sys.stdout
    out.write("[")
    comma = ""
    for row in _values(rows):
        values = (printing.to_json(printing.plain(value)) for value in row)
        pairs = ",".join(f"{name}:{value}" for name, value in zip(columns, values, strict=True))
        out.write(f"{comma}{{{pairs}}}")
        comma = ","
    out.write("]\n")


def show_csv(rows: pa.RecordBatchReader) -> None:
    """Print a line of names and one line a row; null is empty, lists and structs are JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows.schema.names)
    for row in _values(rows):
        writer.writerow([_field(printing.plain(value)) for value in row])


def _field(value: Any) -> Any:
    return printing.to_json(value) if isinstance(value, (bool, list, dict)) else value


def show_table(rows: pa.RecordBatchReader, limit: int) -> None:
    """Print the first rows as a table, and how many more there are."""
    first: list[tuple[Any, ...]] = []
    total = 0
    for batch in rows:
        wanted = limit - len(first)
        first += _values([batch.slice(0, wanted)] if wanted else [])
        total += batch.num_rows
    if rows.schema.names == ["explain_key", "explain_value"]:
        for _, text in first:
            click.echo(text)
        return
    numeric = [
        field.name
        for field in rows.schema
        if pa.types.is_integer(field.type)
        or pa.types.is_floating(field.type)
        or pa.types.is_decimal(field.type)
    ]
    printing.show_table(rows.schema.names, first, right=numeric)
    if more := total - len(first):
        hint = "--limit N shows more, --csv or --json all"
        click.echo(f"... and {printing.plural(more, 'more row')}; {hint}", err=True)
    elif not first:
        click.echo("no rows", err=True)


def _values(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _unique(names: list[str]) -> list[str]:
    """Tell columns of one name apart, as a JSON object must: `id`, `id_2`."""
    found: list[str] = []
    for name in names:
        number = 1
        while (told := name if number == 1 else f"{name}_{number}") in found:
            number += 1
        found.append(told)
    return found
