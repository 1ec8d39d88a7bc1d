"""The template of entity texts: which parts it has, and what is left of it where some are missing."""

from __future__ import annotations

import re
from difflib import get_close_matches
from string import Formatter

from kbtools.errors import ConfigError

PARTS = ("label", "types", "description")
SPEAKING = {"label", "description"}  # an entity with neither has nothing to say

_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|（\s*）|【\s*】|「\s*」|\"\s*\"")
_LOOSE = re.compile(r"\s+(?=[:;,.])")
_EDGES = " \t\n:;,.–—-，：；、。"


def check(template: str) -> None:
    """Refuse a template that cannot be filled."""
    used = _pieces(template)
    for _, part in used:
        if part is not None and part not in PARTS:
            near = get_close_matches(part, PARTS, n=1)
            hint = f"; did you mean {{{near[0]}}}?" if near else ""
            raise ConfigError(
                f"template {template!r}: no part {{{part}}}{hint}; there are {', '.join(PARTS)}"
            )
    if not SPEAKING & {part for _, part in used}:
        raise ConfigError(f"template {template!r}: it needs {{label}} or {{description}}")


def parts(template: str) -> list[str]:
    """List the parts that a template uses, each once."""
    return list(dict.fromkeys(part for _, part in _pieces(template) if part is not None))


def without(template: str, missing: set[str]) -> list[tuple[str, str | None]]:
    """Return text and part, text and part … of a template where some parts are missing.

    >>> without("{label} ({types}): {description}", {"types"})
    [('', 'label'), (': ', 'description')]
    >>> without("{label} ({types}): {description}", {"description"})
    [('', 'label'), (' (', 'types'), (')', None)]
    """
    if not missing:
        return _pieces(template)
    names = parts(template)
    marked = "".join(
        text + (chr(0xE000 + names.index(part)) if part is not None and part not in missing else "")
        for text, part in _pieces(template)
    )
    while (bare := _EMPTY.sub("", marked)) != marked:
        marked = bare
    marked = _LOOSE.sub("", re.sub(r"[ \t]{2,}", " ", marked)).strip(_EDGES)
    split = re.split(f"([{chr(0xE000)}-{chr(0xE000 + len(names) - 1)}])", marked)
    found: list[tuple[str, str | None]] = [
        (text, names[ord(mark) - 0xE000]) for text, mark in zip(split[:-1:2], split[1::2], strict=True)
    ]
    return [*found, (split[-1], None)] if split[-1] else found


def _pieces(template: str) -> list[tuple[str, str | None]]:
    try:
        found = list(Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(f"template {template!r}: {error}") from None
    for _, part, form, conversion in found:
        if part is not None and (form or conversion):
            raise ConfigError(f"template {template!r}: write {{{part}}} and nothing else between the braces")
    return [(text, part) for text, part, _, _ in found]
