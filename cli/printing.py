"""Tables, sizes and JSON on standard output: for a terminal through rich, for a pipe in plain columns."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from kbtools.kb.diff import Change

WIDEST = 60  # cells of one column in plain output


def plain(value: Any) -> Any:
    """Turn a value of Arrow into one that JSON has: big numbers stay exact, NaN is null."""
    match value:
        case bool() | int() | str() | None:
            found: Any = value
        case float():
            found = value if math.isfinite(value) else None
        case Decimal():
            found = int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            found = value.hex()
        case dict():
            found = {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            found = [plain(item) for item in value]
        case _:
            found = str(value)
    return found


def to_json(value: Any) -> str:
    """Write one JSON document on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def show_json(document: Any) -> None:
    """Print a structure as one JSON document on one line."""
    click.echo(to_json(plain(msgspec.to_builtins(document, builtin_types=(bytes, Decimal)))))


def cell(value: Any) -> str:
    """Show a value in one line; nothing in it can move the cursor or break the table."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _text(plain(value))
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)


def _escaped(char: str) -> str:
    return " " if char.isspace() and char not in "\n\r" else char.encode("unicode_escape").decode()


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = (), indent: int = 0
) -> None:
    """Print a table; the columns `right` are aligned there."""
    texts = [[cell(value) for value in row] for row in rows]
    headings, to_right = [cell(column) for column in columns], set(right)
    numeric = [column in to_right for column in columns]
    if sys.stdout.isatty():
        _show_rich(headings, texts, numeric, indent)
    else:
        _show_plain(headings, texts, numeric, indent)


def _show_rich(columns: list[str], rows: list[list[str]], right: list[bool], indent: int) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column, at_right in zip(columns, right, strict=True):
        if at_right:
            table.add_column(Text(column), justify="right", no_wrap=True)
        else:
            table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(text) for text in row))
    Console().print(Padding(table, (0, 0, 0, indent)))


def _show_plain(columns: list[str], rows: list[list[str]], right: list[bool], indent: int) -> None:
    def fitted(text: str, width: int, at_right: bool) -> str:
        space = width - cell_len(text)
        if space < 0:
            return set_cell_size(text, width - 1) + "…"
        return " " * space + text if at_right else text + " " * space

    widths = [
        min(WIDEST, max(cell_len(text) for text in [column, *(row[at] for row in rows)]))
        for at, column in enumerate(columns)
    ]
    for row in [columns, ["-" * width for width in widths], *rows]:
        line = "  ".join(fitted(*one) for one in zip(row, widths, right, strict=True))
        click.echo(" " * indent + line.rstrip())


def heading(text: str) -> None:
    """Print the title of a section, after an empty line."""
    click.echo()
    click.secho(text, bold=True)


def facts(pairs: Iterable[tuple[str, str | None]], *, width: int = 10) -> None:
    """Print names and their values, one a line; what has no value is left out."""
    for name, value in pairs:
        if value:
            click.echo(f"  {click.style(f'{name:<{width}}', dim=True)}  {value}")


def show_changes(title: str, counted: str, changes: Iterable[Change]) -> None:
    """Print numbers before and after, of what is `counted`."""
    heading(title)
    old, new = f"{counted} before", "after"
    rows = [(one.name, f"{one.old:,}", f"{one.new:,}", _change(one.old, one.new)) for one in changes]
    show_table(["", old, new, "change"], rows, right=[old, new, "change"], indent=2)


def show_settings(changed: Mapping[str, tuple[object, object]]) -> None:
    """Print what was set otherwise."""
    if changed:
        heading("settings")
    for name, (old, new) in changed.items():
        click.echo(f"  {name}: {cell(old) or '(none)'} → {cell(new) or '(none)'}")


def show_counted(what: str, count: int, examples: Sequence[str]) -> None:
    """Print how many of something there are, some of them, and how many more."""
    click.echo(f"  {count:>12,}  {what}")
    for line in examples:
        click.echo(f"                {line}".rstrip())
    if examples and count > len(examples):
        click.echo(f"                … and {count - len(examples):,} more")


def _change(old: int, new: int) -> str:
    """Write a change in percent of what was."""
    if old == new:
        return "="
    return f"{(new - old) / old:+.1%}" if old else "new"


def plural(count: int, noun: str) -> str:
    """Write a count and its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
