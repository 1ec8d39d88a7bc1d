"""Bold and italic: runs of apostrophes, read as MediaWiki reads them, line by line.

Two are italic, three bold, five both; of four, and of more than five, an apostrophe remains. Where a line has
an odd number of bold and of italic marks, one bold mark is an apostrophe and an italic mark: l'''amour'' is
l'amour.
"""

from __future__ import annotations

import re

from kbtools.sources.wikipedia.marks import NOTHING

_RUN = re.compile("('{2,})")


def without_quotes(text: str) -> str:
    """Remove the marks of bold and italic text."""
    position = text.find("''")
    if position < 0:
        return text
    text = text.replace("]]''", f"]]{NOTHING}''")  # letters after the quotes are not part of the link
    pieces = []
    done = 0
    while (position := text.find("''", done)) >= 0:
        start = max(done, text.rfind("\n", done, position) + 1)
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        pieces.append(text[done:start])
        pieces.append(_line(text[start:end]))
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


def _line(line: str) -> str:
    parts = _RUN.split(line)
    runs = parts[1::2]
    italic = bold = 0
    literal = False
    for run in runs:
        length = len(run)
        italic += length == 2 or length > 4
        bold += length > 2
        literal = literal or length == 4 or length > 5
    if not literal and not (italic & bold & 1):
        return "".join(parts[::2])
    if literal:
        parts[1::2] = ["'" if len(run) == 4 or len(run) > 5 else "" for run in runs]
    else:
        parts[1::2] = [""] * len(runs)
    if italic & bold & 1:
        chosen = _apostrophe(parts[::2], [len(run) in (3, 4) for run in runs])
        if chosen is not None:
            parts[2 * chosen + 1] += "'"
    return "".join(parts)


def _apostrophe(texts: list[str], bold: list[bool]) -> int | None:
    """Choose the bold mark to read as an apostrophe: after one letter, after more, or after a blank."""
    after_word = after_blank = None
    for number, is_bold in enumerate(bold):
        if is_bold:
            before = texts[number]
            if before[-1:] == " ":
                after_blank = number if after_blank is None else after_blank
            elif before[-2:-1] == " ":
                return number
            elif after_word is None:
                after_word = number
    return after_blank if after_word is None else after_word
