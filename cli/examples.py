"""How `kbtools inspect --decode` prints examples."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from shutil import get_terminal_size
from textwrap import TextWrapper

import click
from rich.cells import cell_len

from kbtools.cli import drawn
from kbtools.cli.printing import cell, plural
from kbtools.shards.about.examples import Candidate, Decoded, Example, Span, bare, joined

JOINT = "·"  # between the pieces of a word
MOST_CANDIDATES = 5
TEXT = 60  # characters of a span that are shown


def show(found: Decoded) -> None:
    """Print examples."""
    told = f"{len(found.examples):,} of {plural(found.total, 'example')}"
    click.secho(f"{cell(found.path)}: {told}", bold=True)
    for note in found.notes:
        click.echo(f"  {note}")
    for one in found.examples:
        _show(one)


def _show(one: Example) -> None:
    click.echo()
    long = f"  {plural(len(one.tokens), 'token')}" if one.tokens else ""
    click.secho(f"{one.split} {one.number:,}{long}", bold=True)
    numbers = _numbered(one)
    _show_text(one, numbers)
    for group in one.groups:
        count = plural(len(group.spans), "span") if group.spans else "none"
        click.echo(f"  {click.style(cell(group.name), dim=True)}  {count}")
        for at, span in enumerate(group.spans):
            _show_span(span, numbers[group.name, at])
    if one.tree is not None:
        click.echo(click.style("  tree", dim=True))
        drawn.show(one.tree, get_terminal_size().columns, indent=4)
    if one.heads is not None:
        _wrap("heads", "  ".join(_arcs(one)) or "none")
    for name, value in one.rest.items():
        _wrap(name, cell(value))


def _numbered(one: Example) -> dict[tuple[str, int], int]:
    """Give each span of all views a number."""
    found: dict[tuple[str, int], int] = {}
    for group in one.groups:
        for at in range(len(group.spans)):
            found[group.name, at] = len(found) + 1
    return found


def _show_text(one: Example, numbers: dict[tuple[str, int], int]) -> None:
    """Print the tokens, a line a sentence, documents with their names; spans in brackets with numbers."""
    if not one.tokens or one.tree is not None:
        return
    opens: dict[int, int] = {}
    closes: dict[int, list[tuple[int, int]]] = {}
    for group in one.groups:
        for at, span in enumerate(group.spans):
            opens[span.start] = opens.get(span.start, 0) + 1
            closes.setdefault(span.end - 1, []).append((span.start, numbers[group.name, at]))
    begun = {_first(one, begin.start): begin.id for begin in one.documents}
    edges = sorted(
        {0, *(_first(one, start) for start in one.sentences), *begun, *_changes(one.segment)}
        - {len(one.tokens)}
    )
    digits = len(str(edges[-1]))
    for low, high in zip(edges, [*edges[1:], len(one.tokens)], strict=True):
        if low in begun:
            kind = f"  segment {one.segment[low]}" if one.segment else ""
            click.secho(f"  document {cell(begun[low])}{kind}", dim=True)
        words = list(_words(one, low, high, opens, closes))
        first = f"  {low:>{digits}}  "
        _filled(first, " " * len(first), words)


def _first(one: Example, start: int) -> int:
    """Take what stands before the first text to it."""
    return 0 if set(range(start)) <= set(one.special) else start


def _changes(segment: Sequence[int] | None) -> Iterator[int]:
    if segment:
        yield from (at for at in range(1, len(segment)) if segment[at] != segment[at - 1])


def _words(
    one: Example, low: int, high: int, opens: dict[int, int], closes: dict[int, list[tuple[int, int]]]
) -> Iterator[str]:
    """Yield words: their pieces joined, special tokens between angles, spans in brackets."""
    words, special = None if one.words is None else set(one.words), set(one.special)
    held = ""
    for place in range(low, high):
        begins = words is None or place in words
        text = one.tokens[place] if words is None else bare(one.tokens[place], begins=begins)
        text = cell(text) or "∅"
        text = f"‹{text}›" if place in special else text
        text = "[" * opens.get(place, 0) + text
        text += "".join(f"]{number}" for _, number in sorted(closes.get(place, []), reverse=True))
        if held and not begins:
            held += JOINT + text
            continue
        if held:
            yield held
        held = text
    if held:
        yield held


def _filled(first: str, rest: str, words: Sequence[str]) -> None:
    """Print words in lines that the terminal has room for."""
    width, line = get_terminal_size().columns, first
    for word in words:
        if cell_len(line) + cell_len(word) + 1 > width and line.strip() and line not in (first, rest):
            click.echo(line.rstrip())
            line = rest
        line += word + " "
    click.echo(line.rstrip())


def _show_span(one: Span, number: int) -> None:
    """Print a span in a line, or some: where it is, what it says, what it may mean, what else is told."""
    text = cell(one.text)
    text = text if len(text) <= TEXT else text[: TEXT - 1] + "…"
    told = [f"{one.start}–{one.end}", text]
    if one.candidates:
        shown = one.candidates[:MOST_CANDIDATES]
        shown += [each for each in one.candidates[MOST_CANDIDATES:] if each.gold]
        more = len(one.candidates) - len(shown)
        told.append(
            "→ " + " · ".join([_candidate(each) for each in shown] + ([f"and {more:,} more"] * (more > 0)))
        )
    if one.gold is not None and not any(each.gold for each in one.candidates):
        told.append(f"gold {cell(one.gold)}")
    told += [f"{cell(name)} {cell(value)}" for name, value in one.said.items()]
    _filled(f"    {number}  ", "         ", "  ".join(told).split(" "))


def _candidate(one: Candidate) -> str:
    numbers = "".join(f" {value:.3f}" for value in (one.prior, one.p) if value is not None)
    return f"{'✓ ' if one.gold else ''}{cell(one.name)}{numbers}"


def _arcs(one: Example) -> Iterator[str]:
    """Yield words with their heads; a root is its own."""
    for arc in one.heads or []:
        head = "root" if arc.head == arc.token else _word(one, arc.head)
        yield f"{_word(one, arc.token)}←{head}"


def _word(one: Example, place: int) -> str:
    """Write the word that begins at a token."""
    words = one.words or []
    at = bisect_right(words, place)
    end = (words[at] if at < len(words) else len(one.tokens)) if words else place + 1
    return cell(joined(one.tokens, one.words, place, end))


def _wrap(name: str, text: str) -> None:
    """Print a column's name and value, over several lines if need be."""
    width = max(get_terminal_size().columns, 40)
    wrapper = TextWrapper(width, initial_indent=f"  {cell(name)}  ", subsequent_indent="      ")
    lines = wrapper.wrap(text) or [f"  {cell(name)}"]
    head = f"  {click.style(cell(name), dim=True)}  "
    click.echo(lines[0].replace(f"  {cell(name)}  ", head, 1))
    for line in lines[1:]:
        click.echo(line)
