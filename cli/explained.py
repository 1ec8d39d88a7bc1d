"""How `kbtools explain surface` prints what is known of a name."""

from __future__ import annotations

from collections.abc import Sequence

import click

from kbtools.alias.about.explanation import Candidate, Count, Explanation, Sense
from kbtools.alias.about.neighbours import Near
from kbtools.cli.printing import cell, facts, heading, plural, show_table

MOST_COUNTS = 4  # of one candidate
MOST_SPELLINGS = 10
LEVELS = {
    "exact": "as it is spelt",
    "case": "but for upper and lower case",
    "folded": "but for accents, width, joiners or traditional characters",
    "norm": "but for punctuation, or in a spelling without statistics of its own",
    "inflected": "as the plural of a known name",
}


def show(found: Explanation, top: int) -> None:
    """Print an explanation; of each knowledge base the `top` candidates."""
    click.secho(f"{cell(found.surface)}  {found.alias}", bold=True)
    names = {"exact": "", "case": "case", "folded": "folded", "norm": "norm"}
    last, pairs = found.surface, []
    for form, told in names.items():
        text = found.forms[form]
        if told and text != last:
            pairs.append((told, cell(text)))
        last = text
    facts([*pairs, ("found", _found(found)), ("linked", _share(found.link_prob))])
    for note in found.notes:
        click.echo(f"  {note}")
    for sense in found.senses:
        _show_sense(found, sense, top)
    if found.senses:
        _show_spellings(found)
    if found.near:
        _show_near(found.near)


def _found(found: Explanation) -> str:
    if found.level is None:
        return "nowhere: no knowledge base has this name"
    name = f" {cell(found.norm)}" if found.level == "inflected" else ""
    whose = f"statistics of {cell(found.form)}" if found.form else "statistics of all spellings"
    how = LEVELS[found.level]
    if found.level == "exact" and found.form and all(one.surface != found.form for one in found.spellings):
        how = "as the common form of several spellings"
    return f"{how}{name} ({found.level}); {whose}"


def _show_sense(found: Explanation, sense: Sense, top: int) -> None:
    ranked = [one for one in sense.candidates if one.rank is not None]
    heading(f"{sense.kb}: {plural(len(ranked), 'candidate')}")
    shown = sense.candidates[:top]
    levels = [rung.level for rung in sense.rungs]
    columns = ["", "id", "label", "prior", "n", "π", *levels, "counts"]
    rows = [_row(one, levels) for one in shown]
    numbers = ["", "prior", "n", "π", *levels]
    show_table(columns, rows, right=numbers, indent=2)
    if more := len(sense.candidates) - len(shown):
        click.echo(f"  and {plural(more, 'more candidate')}; --top N shows more")
    if sense.rungs:
        click.echo()
        alpha, kappa = (f"{found.settings[name]:g}" for name in ("alpha", "kappa"))
        steps = [
            (rung.level, rung.form, rung.spellings, f"{rung.n:g}", rung.candidates, f"{rung.weight:.4f}")
            for rung in sense.rungs
        ]
        columns = ["form path", "form", "spellings", "n", "T", "weight"]
        show_table(columns, steps, right=["spellings", "n", "T", "weight"], indent=2)
        click.echo(
            f"  weight of the counts: n / (n + {alpha}) for the norm, the rest is popularity π;"
            f" then n / (n + {kappa} T), the rest is the line before"
        )


def _row(one: Candidate, levels: Sequence[str]) -> list[object]:
    priors = [f"{prior:.4f}" for prior in one.priors] or [""] * len(levels)
    return [
        "–" if one.rank is None else one.rank,
        one.id or f"eid {one.eid}",
        one.label,
        "–" if one.prior is None else f"{one.prior:.4f}",
        f"{one.n:g}",
        "" if one.popularity is None else f"{one.popularity:.3f}",
        *priors,
        _counts(one.counts),
    ]


def _counts(counts: Sequence[Count]) -> str:
    """Write counts as `8 × anchor "NATO"`, and what each is worth if that is not 1."""
    told = [
        f'{one.n:,} {one.source}{"" if one.weight == 1 else f" × {one.weight:g}"} "{one.surface}"'
        for one in counts[:MOST_COUNTS]
    ]
    more = len(counts) - MOST_COUNTS
    return " · ".join([*told, f"and {more:,} more"] if more > 0 else told)


def _show_spellings(found: Explanation) -> None:
    shown = found.spellings[: MOST_SPELLINGS + 1]
    heading(plural(len(found.spellings) - 1, "spelling"))
    counted = any(one.unlinked is not None for one in shown)
    columns = ["spelling", "linked", *(["not linked", "link probability"] if counted else [])]
    rows = [
        [
            "(all)" if one.surface is None else one.surface,
            f"{one.linked:,}",
            *(
                ["" if one.unlinked is None else f"{one.unlinked:,}", _share(one.link_prob)]
                if counted
                else []
            ),
        ]
        for one in shown
    ]
    show_table(columns, rows, right=columns[1:], indent=2)
    if more := len(found.spellings) - len(shown):
        click.echo(f"  and {more:,} more")


def _show_near(near: Sequence[Near]) -> None:
    heading("similar names")
    rows = [
        [
            one.surface,
            one.edits,
            one.kb,
            one.id or (None if one.eid is None else f"eid {one.eid}"),
            one.label,
            "" if one.prior is None else f"{one.prior:.4f}",
        ]
        for one in near
    ]
    columns = ["name", "changes", "kb", "id", "label", "prior"]
    show_table(columns, rows, right=["changes", "prior"], indent=2)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
