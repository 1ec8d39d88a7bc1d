"""Glosses taken apart: a definition, and examples in double quotes with the author that some name.

    mild weather; "a soft day" - A. N. Other; bright   →   mild weather; bright + a soft day (A. N. Other)

Not all that is quoted is an example: a definition may quote a word. An example is not in parentheses, and
stands at the beginning, or after a semicolon, a colon or another example; or, if it is of several words and
nothing but a semicolon follows, after a comma or a parenthesis. A quote that is never closed ends with the
gloss; one that nothing opened is dropped.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_QUOTED = re.compile(r'"(?!\s*[;,]\s*")([^"]*)(?:"|$)')  # what is before `; "` closes a quote
_JOINS = {"", ",", ":", ".", "or", "and"}  # what may stand between two examples, but for a semicolon


class Example(NamedTuple):
    """A sentence or phrase, and who wrote it, if the gloss says so."""

    text: str
    by: str | None


def apart(gloss: str) -> tuple[str, list[Example]]:
    """Return the definition and the examples.

    >>> apart('the deed (as in "brave deed"); "an act"- I. Nobody; "acts"')
    ('the deed (as in "brave deed")', [Example(text='an act', by='I. Nobody'), Example(text='acts', by=None)])
    """
    kept, texts, authors = "", list[str](), list[str | None]()
    end, after_example = 0, False
    for quoted in _QUOTED.finditer(gloss):
        between, end = gloss[end : quoted.start()], quoted.end()
        if after_example:
            authors[-1], between = _author(between)
        kept = _joined(kept, between, after_example)
        last = " " in quoted[1] and gloss[end:].lstrip()[:1] in {"", ";"}
        if not quoted[1].strip():
            after_example = False
        elif _opens(kept, between, after_example, last):
            texts.append(quoted[1].strip())
            authors.append(None)
            after_example = True
        else:
            kept += quoted[0] if len(quoted[0]) > 1 and quoted[0].endswith('"') else quoted[1]
            after_example = False
    rest = gloss[end:]
    if after_example:
        authors[-1], rest = _author(rest)
    kept = _joined(kept, rest, after_example)
    return kept.strip().strip(";:, "), [Example(*pair) for pair in zip(texts, authors, strict=True)]


def _author(text: str) -> tuple[str | None, str]:
    """Take what follows an example apart: its author, and what goes on after the semicolon."""
    by, _, rest = text.partition(";")
    if by.strip() in _JOINS:
        return None, rest
    if by.lstrip()[:1] in {"-", "(", "–", "—"}:
        return by.strip(" -–—()") or None, rest
    return None, text


def _opens(kept: str, between: str, after_example: bool, last: bool) -> bool:
    """Say whether a quote is an example, from the definition so far and what stands before the quote."""
    if kept.count("(") > kept.count(")"):
        return False
    before = between.strip()
    if not before:
        return after_example or not kept.strip()
    return before[-1] in {";", ":"} or (last and before[-1] in {",", ")"})


def _joined(kept: str, more: str, after_example: bool) -> str:
    """Append to the definition; what comes after an example is a part of its own."""
    more = more.replace('"', "")
    if after_example and more.strip() and kept.strip():
        return f"{kept.rstrip(' ;:')}; {more.lstrip()}"
    return kept + more
