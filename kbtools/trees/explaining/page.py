"""A sentence tree as one HTML page that needs nothing else: drawn, who sees whom, what was considered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kbtools.artefact import write_whole
from kbtools.io import html
from kbtools.io.html import line
from kbtools.trees.explaining import picture
from kbtools.trees.explaining.explained import Branch, Explained, Mention
from kbtools.trees.explaining.style import STYLE
from kbtools.trees.visibility import visible

OURS = html.mark("kbtools explain tree")
TREE = {
    "trunk": "the sentence (trunk); below a token its soft position",
    "second": "the second sentence of a pair",
    "branches": "branches: each counts on from its word",
}
MATRIX = {
    "within trunk": "tokens of the trunk see each other",
    "within branches": "a branch sees itself",
    "across branches": "a word and its branch see each other",
    "none": "invisible",
}


def write_page(found: Explained, path: str | Path) -> None:
    """Write the page to a file; only a page of ours is written over."""
    there = Path(path)
    html.refuse(there, OURS)
    write_whole(there, page(found).encode())


def page(found: Explained) -> str:
    """Write the page."""
    parts = [
        f'<p class="sentence" dir="auto">{"<br>".join(line(text) for text in found.text.split(chr(10)))}</p>',
        f'<p class="note">{line(counted(found))}</p>',
        *(f'<p class="note">{line(note)}</p>' for note in found.notes),
        *_drawn(found),
        *_considered(found),
        _foot(found),
    ]
    return html.document(OURS, "A sentence with what is known of its words", STYLE, parts)


def counted(found: Explained) -> str:
    """Say how large the tree is."""
    tree = found.tree
    branches = len({number for number in tree.branch if number})
    inside = sum(1 for number in tree.branch if number)
    told = [_many(len(tree.tokens), "token"), f"{len(tree.tokens) - inside:,} of the sentence"]
    told.append(f"{inside:,} in {_many(branches, 'branch', 'branches')}" if branches else "no branches")
    if found.lost:
        told.append(f"{_many(found.lost, 'token')} of the sentence had no room")
    return " · ".join(told)


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _drawn(found: Explained) -> Iterator[str]:
    tree = found.tree
    if not tree.tokens:
        return
    pair, branches = any(tree.segment), any(tree.branch)
    told = {
        look: words
        for look, words in TREE.items()
        if (pair or look != "second") and (branches or look != "branches")
    }
    yield f'<div class="wide">{picture.tree(tree)}</div>'
    yield _legend(told)
    yield "<h2>Who sees whom</h2>"
    sees = visible(np.array(tree.branch), np.array(tree.word))
    yield f'<div class="wide">{picture.matrix(tree, sees)}</div>'
    yield _legend(MATRIX if branches else {"within trunk": MATRIX["within trunk"]})


def _legend(told: dict[str, str]) -> str:
    items = "".join(
        f'<li><span class="key">{_squares(look)}</span> {line(words)}</li>' for look, words in told.items()
    )
    return f'<ul class="legend">{items}</ul>'


def _squares(look: str) -> str:
    """Draw what a legend speaks of; of branches some of their colours."""
    looks = [look.replace("branches", f"b{at}") for at in range(3)] if "branches" in look else [look]
    squares = "".join(
        f'<rect class="{one}" x="{at * 16}" width="14" height="14"/>' for at, one in enumerate(looks)
    )
    return f'<svg class="drawn" width="{len(looks) * 16}" height="14" aria-hidden="true">{squares}</svg>'


def _considered(found: Explained) -> Iterator[str]:
    yield "<h2>What was considered</h2>"
    if not found.mentions:
        yield '<p class="note">Nothing in the sentence is known to the knowledge base.</p>'
    for one in found.mentions:
        if one.entity is not None:
            yield _mention(one)
    passed = [one for one in found.mentions if one.entity is None]
    if passed:
        rows = "\n".join(
            f"<tr><td><bdi>{line(one.surface)}</bdi></td><td>{line(one.why)}</td></tr>" for one in passed
        )
        head = "<tr><th>name</th><th>why</th></tr>"
        yield f"<h2>Passed over</h2>\n<div class=wide><table>\n{head}\n{rows}\n</table></div>"


def _mention(one: Mention) -> str:
    who = " ".join(part for part in (one.entity, one.label) if part)
    likely = "" if one.p is None else f" <small>p {one.p:.3f}</small>"
    arrow = f" → <bdi>{line(who)}</bdi>{likely}" if who else ""
    parts = [
        f'<article class="card {"" if any(b.number for b in one.branches) else "bare"}">',
        f"<h4><bdi>{line(one.surface)}</bdi>{arrow}</h4>",
        f'<p class="soft">{line(one.why)}</p>' if one.why else "",
        _table(one),
        f'<p class="soft">and {one.more:,} more facts</p>' if one.more else "",
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _table(one: Mention) -> str:
    if not one.branches:
        return ""
    scored = any(each.score is not None for each in one.branches)
    names = list(dict.fromkeys(name for each in one.branches for name in each.parts))
    numbers = [*(["score"] if scored else []), *names]
    heads = "".join(f"<th class=n>{line(name)}</th>" for name in numbers)
    rows = "\n".join(_row(each, scored, names) for each in one.branches)
    return (
        "<div class=wide><table>\n<tr><th></th><th>branch</th><th>relation</th><th>object</th>"
        f"{heads}<th></th></tr>\n{rows}\n</table></div>"
    )


def _row(one: Branch, scored: bool, names: list[str]) -> str:
    values = [*([one.score] if scored else []), *(one.parts.get(name) for name in names)]
    numbers = "".join(f"<td class=n>{'' if value is None else f'{value:.3f}'}</td>" for value in values)
    look = picture.hue(one.number) if one.number else "left"
    told = f"branch {one.number}" if one.number else one.why
    return (
        f'<tr class="{look}"><td><span class="dot"></span></td>'
        f"<td class=about><bdi>{line(one.text or '')}</bdi></td>"
        f"<td>{_named(one.relation, one.relation_label)}</td><td>{_named(one.tail, one.tail_label)}</td>"
        f"{numbers}<td>{line(told)}</td></tr>"
    )


def _named(id_: str | None, label: str | None) -> str:
    """Write a label, and the id in small letters."""
    if label is None or label == id_:
        return f"<bdi>{line(id_ or '')}</bdi>"
    return f"<bdi>{line(label)}</bdi>" + (f" <small>{line(id_)}</small>" if id_ else "")


def _foot(found: Explained) -> str:
    sources = "\n".join(
        f"<tr><td>{line(one.kind)}</td><td>{line(one.path)}</td><td><code>{line(one.content)}</code></td></tr>"
        for one in found.sources
    )
    settings = "\n".join(
        f"<tr><td>{line(name)}</td><td>{line(_told(value))}</td></tr>"
        for name, value in found.settings.items()
    )
    return (
        f"<footer>\n<h2>Made from</h2>\n<div class=wide><table>\n{sources}\n</table></div>\n"
        f"<details><summary>Settings</summary>\n<div class=wide><table>\n{settings}\n</table></div>\n"
        "</details>\n</footer>"
    )


def _told(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
