"""Pages that hold just what is written on them: texts are shown as text, nothing runs, nothing is fetched.

Characters that browsers would drop or obey (controls, those that turn the direction of writing) are put where
they do no harm, with their names shown beside them. What HTML cannot hold at all becomes its picture: ␀, �.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from kbtools.errors import ConfigError

ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "\r": "&#13;"}
TURNING = {
    "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI",
    "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
}  # fmt: skip
CANNOT = {"\0": "␀"}
SPECIAL = re.compile(
    "[&<>\"'\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
UNSEEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

# Light or dark as the reader's screen is; colours never say anything alone.
STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #667078; --rule: #d5dade; --back: #fff;
  --card: #f6f8f9; --blue: 40, 110, 220; --green: 30, 150, 75; --red: 210, 45, 45; --amber: 220, 150, 0;
  --grey: 125, 130, 140; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #98a2ab; --rule: #3b444c;
  --back: #14181b; --card: #1d2327; --blue: 95, 160, 255; --green: 80, 200, 125; --red: 245, 105, 100;
  --amber: 240, 180, 60; --grey: 150, 155, 165; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--back); }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
p.note, small, .soft { color: var(--soft); }
.odd::before { content: attr(data-c); font: .6em monospace; color: var(--soft); border: 1px solid var(--rule);
  border-radius: .2em; margin: 0 .1em; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; padding: 0; list-style: none; }
.card { background: var(--card); border-left: 4px solid rgb(var(--hue)); border-radius: .3rem; --deep: .25;
  --hue: var(--blue); padding: .6rem 1rem; margin: .7rem 0; }
.card h4 { margin: 0; font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere; }
.card p { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .4rem 0; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--rule); padding: .2rem .6rem; text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
summary { cursor: pointer; } a { color: rgb(var(--blue)); } code { overflow-wrap: anywhere; }
"""


def held(text: str) -> str:
    r"""Return what of a text HTML can hold.

    >>> held("a\0b")
    'a␀b'
    """
    return re.sub("[\\x00\ud800-\udfff]", lambda found: CANNOT.get(found[0], "\ufffd"), text)


def body(text: str) -> str:
    r"""Write a text for a page, all of it.

    >>> body("<b>&\u202e")
    '&lt;b&gt;&amp;<bdi class="odd" data-c="RLO">\u202e</bdi>'
    """
    return SPECIAL.sub(_written, text)


def seen(text: str) -> str:
    """Return a text in one line; what is not seen is shown by a picture."""
    return UNSEEN.sub(_picture, text)


def line(text: str) -> str:
    """Write a text in one line, for labels and attributes; what is not seen is shown by a picture."""
    return SPECIAL.sub(_written, seen(text))


def document(mark: bytes, title: str, style: str, parts: Iterable[str]) -> str:
    """Write a page that begins with `mark`, by which it is known as one of ours."""
    whole = [
        mark.decode(),
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{line(POLICY)}">',
        f'<meta name="viewport" content="width=device-width">\n<title>{line(title)}</title>',
        f"<style>{STYLE}{style}</style>",
        f"<h1>{line(title)}</h1>",
        *parts,
        "</html>",
    ]
    return "\n".join(part for part in whole if part) + "\n"


def mark(command: str) -> bytes:
    """Return what the pages of a command begin with."""
    return f'<!doctype html>\n<html lang="en">\n<meta name="generator" content="{line(command)}">'.encode()


def refuse(path: Path, mark: bytes) -> None:
    """Raise where a page must not be written; only a page that begins with `mark` is written over."""
    if path.exists():
        if not path.is_file() or path.read_bytes()[: len(mark)] != mark:
            raise ConfigError(f"{path}: exists, and is no such page; give another --html")
    elif not path.absolute().parent.is_dir():
        raise ConfigError(f"{path.parent}: no such folder; give another --html")


def _written(found: re.Match[str]) -> str:
    char = found[0]
    if char in ESCAPED:
        return ESCAPED[char]
    shown = held(char)
    if shown != char:
        return shown
    return f'<bdi class="odd" data-c="{_name(char)}">{char}</bdi>'


def _name(char: str) -> str:
    return TURNING.get(char) or f"U+{ord(char):04X}"


def _picture(found: re.Match[str]) -> str:
    char = found[0]
    if char in "\t\n\r":
        return " "
    if char < " ":
        return chr(0x2400 + ord(char))
    return "\ufffd" if unicodedata.category(char) in {"Cs", "Cn"} else f"[{_name(char)}]"
