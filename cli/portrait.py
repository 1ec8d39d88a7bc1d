"""How `kbtools inspect` prints an artefact."""

from __future__ import annotations

from typing import Any

import click

from kbtools.alias.about.overview import AliasOverview, Known
from kbtools.artefact.manifest import a
from kbtools.cli import documents, runs, shards, trees
from kbtools.cli.printing import cell, facts, heading, plural, show_table
from kbtools.kb.overview import Description, Overview, Sample, Top, Unfinished
from kbtools.linked.overview import LinkedOverview
from kbtools.progress import amount
from kbtools.runs.overview import RunOverview, UnfinishedRun
from kbtools.shards.about.overview import ShardsOverview
from kbtools.trees.about.overview import TreesOverview

MOST_LANGUAGES = 20


def show(found: Description) -> None:
    """Print what was found."""
    if isinstance(found, Unfinished):
        _show_unfinished(found)
    else:
        _show_overview(found)


def _show_unfinished(found: Unfinished) -> None:
    click.secho(f"{found.path}: an unfinished build of {found.out}", bold=True)
    facts(
        [
            ("so far", f"{plural(found.tasks, 'finished task')}, {amount(found.bytes)}"),
            ("by", f"{found.holder} (running)" if found.busy else ""),
            ("next", found.resume),
        ]
    )
    if isinstance(found, UnfinishedRun):
        runs.show_unfinished(found)


def _show_overview(found: Overview) -> None:
    click.secho(f"{found.kind}{f' {found.name}' if found.name else ''}  {found.path}", bold=True)
    facts(
        [
            (
                "made",
                f"{found.created} by kbtools {found.kbtools}, as version {found.version} of {a(found.kind)}",
            ),
            ("command", cell(found.command)),
            ("settings", "" if isinstance(found, RunOverview) else _settings(found.settings)),
            *(("from", f"{source.kind} {cell(source.path)}  {source.content}") for source in found.inputs),
            *(("speaks of", f"kb {ref.name}  {ref.content}") for ref in found.kbs),
            ("lies over", f"kb {found.base.name}  {found.base.content}" if found.base else ""),
            *(("licence", _licence(licence)) for licence in found.licences),
            ("counts", _settings(found.counts)),
            (
                "notes",
                _settings(_brief(found.notes))
                if found.kind in {"index", "linker", "tokenizer", "vectors"}
                else "",
            ),
            (
                "id space",
                f"{found.id_space[-1]} ({plural(len(found.id_space), 'release')})" if found.id_space else "",
            ),
            ("content", found.content),
        ]
    )
    if found.incomplete:
        click.secho(
            "  INCOMPLETE: a container of its dump was damaged; rows are missing", fg="red", bold=True
        )
    if found.tables:
        _show_tables(found)
    _show_particular(found)
    _show_tops("largest classes", "direct instances", found.classes)
    _show_tops("most used relations", "triples", found.relations)
    if found.languages:
        heading(f"labels in {plural(len(found.languages), 'language')}")
        most = " · ".join(f"{lang.id} {lang.count:,}" for lang in found.languages[:MOST_LANGUAGES])
        more = len(found.languages) - MOST_LANGUAGES
        click.echo(f"  {most}" + (f" · and {more:,} more" if more > 0 else ""))
    rows = {table.table: table.rows for table in found.tables}
    for sample in found.samples:
        if sample.rows:
            heading(f"{sample.table}: {len(sample.rows):,} of {plural(rows[sample.table], 'row')}")
            _show_sample(sample)


def _show_particular(found: Overview) -> None:
    """Print what only its kind has."""
    if isinstance(found, AliasOverview):
        _show_names(found)
    if isinstance(found, LinkedOverview):
        documents.show(found)
    if isinstance(found, TreesOverview):
        trees.show(found)
    if isinstance(found, ShardsOverview):
        shards.show(found)
    if isinstance(found, RunOverview):
        runs.show(found)


def _show_names(found: AliasOverview) -> None:
    """Print what is particular to an alias table."""
    heading(f"{plural(found.names, 'name')}, {plural(found.surfaces, 'spelling')}")
    click.echo(
        f"  {found.single:.1%} have one candidate; the look-up takes {found.bytes_per_name:,.0f} bytes a name"
    )
    for name, count in found.per_kb.items():
        click.echo(f"  {count:,} have candidates in {name}")
    for remark in found.remarks:
        click.echo(f"  {remark}")
    heading("sources")
    rows = [(source.source, f"{source.rows:,}", f"{source.n:,}") for source in found.sources]
    show_table(["source", "rows", "together"], rows, right=["rows", "together"], indent=2)
    for title, names in (("most ambiguous", found.ambiguous), ("most frequent", found.frequent)):
        if names:
            heading(f"{title} names")
            _show_known(names)


def _show_known(names: list[Known]) -> None:
    rows = [
        (
            one.norm,
            f"{one.candidates:,}",
            f"{one.n:,.6g}",
            one.kb,
            one.id or (None if one.eid is None else f"eid {one.eid}"),
            one.label,
            None if one.prior is None else f"{one.prior:.3f}",
        )
        for one in names
    ]
    columns = ["name", "candidates", "n", "kb", "best", "label", "prior"]
    show_table(columns, rows, right=["candidates", "n", "prior"], indent=2)


def _show_sample(sample: Sample) -> None:
    """Print rows; columns without a single value are left out."""
    columns = {name: [row[at] for row in sample.rows] for at, name in enumerate(sample.columns)}
    columns = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    numeric = [name for name, values in columns.items() if _numeric(values)]
    show_table(list(columns), list(zip(*columns.values(), strict=True)), right=numeric, indent=2)


def _show_tables(found: Overview) -> None:
    click.echo()
    rows = [(t.table, f"{t.rows:,}", f"{t.files:,}", amount(t.bytes)) for t in found.tables]
    if len(rows) > 1:
        total = [
            sum(column) for column in zip(*((t.rows, t.files, t.bytes) for t in found.tables), strict=True)
        ]
        rows.append(("together", f"{total[0]:,}", f"{total[1]:,}", amount(total[2])))
    show_table(["table", "rows", "files", "size"], rows, right=["rows", "files", "size"], indent=2)


def _show_tops(title: str, counted: str, tops: list[Top]) -> None:
    if tops:
        heading(title)
        rows = [(top.id, top.label, f"{top.count:,}") for top in tops]
        show_table(["id", "label", counted], rows, right=[counted], indent=2)


def _brief(notes: dict[str, Any]) -> dict[str, Any]:
    """Show of several looks at validation the best, and how many there are."""
    looks, best = notes.get("looks"), notes.get("best")
    if not looks or not isinstance(best, int):
        return notes
    return {**notes, "looks": len(looks), "best": looks[best]}


def _settings(settings: dict[str, Any]) -> str:
    """Write settings or counts in one line; nested ones with dotted names."""
    flat: list[str] = []

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), item)
        elif isinstance(value, int) and not isinstance(value, bool):
            flat.append(f"{prefix} {value:,}")
        elif value not in (None, "", []):
            flat.append(f"{prefix} {cell(value)}")

    walk("", settings)
    return " · ".join(flat)


def _licence(licence: Any) -> str:
    told = f"level {licence.level}"
    level = f" {told}" if licence.level and told not in licence.licence else ""
    return f"{licence.source}: {licence.licence}{level} (redistribute: {licence.redistribute})"


def _numeric(values: list[Any]) -> bool:
    return all(
        value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values
    )
