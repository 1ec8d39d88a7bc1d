r"""The syntax of OBO: stanzas of lines `tag: value {modifiers} ! comment`.

- `!` begins a comment at the start of a line, or after white space where it is not quoted.
- A list of `key="value"` pairs in braces at the end of a line qualifies the value. Braces that hold anything
  else are part of it, for names of chemicals have them.
- A backslash at the end of a line joins the next one to it; before a letter it stands for another character
  (`\n` a new line, `\W` a space, `\t` a tab), before all else for that itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"{_QUOTED}|\\.|(\s+!)")
_PAIR = rf'[^\s=,{{}}"]+\s*=\s*(?:{_QUOTED}|[^\s,"{{}}]*)'
_MODIFIERS = re.compile(rf"(?:^|\s+)\{{\s*({_PAIR}(?:\s*,\s*{_PAIR})*)?\s*\}}$")
_ONE_PAIR = re.compile(rf"([^\s=,{{}}\"]+)\s*=\s*({_QUOTED}|[^\s,\"{{}}]*)")
_TAG = re.compile(r"[A-Za-z0-9_.\-]+")
_HEADING = re.compile(r"\[([^\]]*)\]\s*(?:!.*)?")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LETTERS = {"n": "\n", "W": " ", "t": "\t"}
_TEXT = re.compile(rf"({_QUOTED})\s*(.*)", re.DOTALL)

Reject = Callable[[str, int, int, bytes], None]  # reason, line, byte, text


class Tag(NamedTuple):
    """A line; the value still has its escapes."""

    name: str
    value: str
    modifiers: tuple[tuple[str, str], ...]
    line: int
    byte: int


@dataclass(slots=True)
class Stanza:
    """A heading and the lines below it; the header of the file is the stanza called ""."""

    kind: str
    line: int
    byte: int
    tags: list[Tag] = field(default_factory=list)

    def first(self, name: str) -> str:
        """Return the first value of a tag, without escapes; "" if there is none."""
        return next((plain(tag.value) for tag in self.tags if tag.name == name), "")

    def true(self, name: str) -> bool:
        """Tell whether a flag is set."""
        return self.first(name).lower() == "true"


def stanzas(data: bytes, reject: Reject) -> Iterator[Stanza]:
    """Yield the stanzas of a file; lines that cannot be read are rejected, the rest of a stanza stays."""
    now = Stanza("", 0, 0)
    for line, byte, raw in _lines(data):
        try:
            text = raw.decode().strip()
        except UnicodeDecodeError:
            reject("not UTF-8", line, byte, raw)
            continue
        if not text or text.startswith("!"):
            continue
        if "\0" in text:
            reject("NUL byte", line, byte, raw)
        elif text.startswith("["):
            heading = _HEADING.fullmatch(text)
            if heading:
                yield now
                now = Stanza(heading[1].strip(), line, byte)
            else:
                reject("neither a heading nor a tag with its value", line, byte, raw)
        elif tag := _tag(text, line, byte):
            now.tags.append(tag)
        else:
            reject("not a tag with a colon and a value", line, byte, raw)
    yield now


def _lines(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield lines with their number and first byte; those that end in a backslash with the next."""
    held, start = b"", (0, 0)
    byte = len(BOM) if data.startswith(BOM) else 0
    for line, raw in enumerate(data[byte:].split(b"\n")):
        here = raw.removesuffix(b"\r")
        if not held:
            start = (line, byte)
        byte += len(raw) + 1
        if (len(here) - len(here.rstrip(b"\\"))) % 2:
            held += here[:-1]
            continue
        yield *start, held + here
        held = b""
    if held:
        yield *start, held


def _tag(text: str, line: int, byte: int) -> Tag | None:
    name, colon, value = text.partition(":")
    if not colon or not _TAG.fullmatch(name):
        return None
    if "!" in value:
        cut = next((match.start() for match in _COMMENT.finditer(value) if match[1]), len(value))
        value = value[:cut]
    value = value.strip()
    modifiers: tuple[tuple[str, str], ...] = ()
    if value.endswith("}") and (found := _MODIFIERS.search(value)):
        pairs = _ONE_PAIR.findall(found[1] or "")
        modifiers = tuple((key, plain(one[1:-1] if one.startswith('"') else one)) for key, one in pairs)
        value = value[: found.start()]
    return Tag(name, value, modifiers, line, byte)


def plain(text: str) -> str:
    r"""Undo escapes.

    >>> plain(r"a\: \"b\"\Wc\\d")
    'a: "b" c\\d'
    """
    return _ESCAPE.sub(lambda match: _LETTERS.get(match[1], match[1]), text) if "\\" in text else text


def quoted(value: str) -> tuple[str, str] | None:
    """Split a value into the text in quotes that it begins with, and what follows; None if it does not."""
    found = _TEXT.fullmatch(value)
    return (plain(found[1][1:-1]), found[2]) if found else None
