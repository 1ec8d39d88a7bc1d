"""What people read of a report: the same tables in Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

from kbtools.metrics import Comparison, Measure, breakdowns
from kbtools.report.document import Document

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ccc; padding: .25rem .7rem; text-align: left; white-space: nowrap; }
td.right, th.right { text-align: right; font-variant-numeric: tabular-nums; }
small { color: #777; }
svg { max-width: 100%; height: auto; }
"""


class Grid(NamedTuple):
    """One table of a report; the columns from `right` on are numbers."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    right: int


def markdown(document: Document, plots: Sequence[str]) -> str:
    """Write report.md; `plots` are the files that it shows."""
    parts = [f"# {_line(document.title)}", *(_line(note) for note in document.notes)]
    for grid in grids(document):
        head = f"| {' | '.join(map(_cell, grid.columns))} |"
        rule = f"|{'|'.join('---:' if at >= grid.right else '---' for at in range(len(grid.columns)))}|"
        rows = [f"| {' | '.join(map(_cell, row))} |" for row in grid.rows]
        parts += [f"## {_line(grid.title)}", "\n".join([head, rule, *rows])]
    parts += [f"![{name}]({name})" for name in plots]
    return "\n\n".join(parts) + "\n"


def html(document: Document, plots: Sequence[bytes]) -> str:
    """Write report.html, with the plots in it."""
    parts = [
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(document.title)}</title>',
        '<meta name="viewport" content="width=device-width">',
        f"<style>{STYLE}</style>",
        f"<h1>{escape(document.title)}</h1>",
        *(f"<p>{escape(note)}</p>" for note in document.notes),
    ]
    all_grids = list(grids(document))
    parts += map(_html_table, all_grids[:1])
    parts += [plot[plot.index(b"<svg") :].decode() for plot in plots]
    parts += map(_html_table, all_grids[1:])
    return "\n".join(parts) + "\n</html>\n"


def grids(document: Document) -> Iterator[Grid]:
    """Lay the numbers out: all items first, then each breakdown, comparisons, and what it was made from."""
    for by in breakdowns(document.measures):
        yield _grid(by, [measure for measure in document.measures if measure.by == by])
    if document.comparisons:
        columns = ["of", "to", "metric", "n", "difference", "p"]
        yield Grid("Differences", columns, [_difference(one) for one in document.comparisons], 3)
    if document.counts:
        yield Grid("Counts", ["what", "n"], [[name, shown(n)] for name, n in document.counts.items()], 1)
    yield Grid("Settings", ["setting", "value"], [[k, _plain(v)] for k, v in document.settings.items()], 2)
    yield Grid(
        "Made from", ["name", "kind", "content"], [[i.name, i.kind, i.content] for i in document.inputs], 3
    )


def _difference(one: Comparison) -> list[str]:
    gap = f"{one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
    return [one.system, one.other, one.metric, f"{one.n:,}", gap, f"{one.p:.4f}"]


def _grid(by: str, measures: Sequence[Measure]) -> Grid:
    """Put the metrics of a group and system into one row."""
    metrics = list(dict.fromkeys(measure.metric for measure in measures))
    rows: dict[tuple[str, str], dict[str, Measure]] = {}
    for measure in measures:
        rows.setdefault((measure.group, measure.system), {})[measure.metric] = measure
    lead = [by, "system"] if by else ["system"]
    return Grid(
        f"By {by}" if by else "All",
        [*lead, "n", *metrics],
        [
            [*((group, system) if by else (system,)), f"{max(one.n for one in found.values()):,}"]
            + [_with_interval(found.get(metric)) for metric in metrics]
            for (group, system), found in rows.items()
        ],
        len(lead),
    )


def shown(value: Any) -> str:
    """Write a number as people read it: shares and the like with three decimals, counts with commas.

    >>> shown(0.81234), shown(1234567), shown(43.21), shown("half")
    ('0.812', '1,234,567', '43.2', 'half')
    """
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) <= 1 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _with_interval(measure: Measure | None) -> str:
    if measure is None:
        return ""
    if measure.low is None or measure.high is None:
        return shown(measure.value)
    return f"{shown(measure.value)} [{shown(measure.low)}, {shown(measure.high)}]"


def _html_table(grid: Grid) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=right' if at >= grid.right else ''}>{_small(escape(text))}</{tag}>"
            for at, text in enumerate(row)
        )

    rows = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in grid.rows)
    return f"<h2>{escape(grid.title)}</h2>\n<table>\n<tr>{cells('th', grid.columns)}</tr>\n{rows}\n</table>"


def _small(text: str) -> str:
    """Set an interval smaller than its mean."""
    mean, bracket, interval = text.partition(" [")
    return f"{mean} <small>[{interval}</small>" if bracket and text.endswith("]") else text


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    return "" if value is None else str(value)


def _cell(text: str) -> str:
    return _line(text).replace("\\", "\\\\").replace("|", "\\|")


def _line(text: str) -> str:
    """Keep a text of a knowledge base in one line and out of the page's own markup."""
    return escape(" ".join(text.split()), quote=False)
