"""What CoNLL-U says between its lines: its columns, and white space in MISC."""

from __future__ import annotations

import re
from typing import NamedTuple

NOTHING = "_"
COLUMNS = ("lemmas", "pos", "xpos", "feats", "heads", "deprels", "deps")  # meta: columns 3 to 9
ESCAPES = {
    " ": r"\s",
    "\t": r"\t",
    "\n": r"\n",
    "\r": r"\r",
    "|": r"\p",
    "\\": r"\\",
}  # as UDPipe writes them
_BACK = {escape: char for char, escape in ESCAPES.items()}
_ESCAPED = re.compile(r"\\[stnrp\\]")
NUMBER = re.compile(r"(\d+)(?:-(\d+)|\.\d+)?")


class Row(NamedTuple):
    """A line of a sentence."""

    number: str
    cells: list[str]
    line: int
    kind: str  # word, multiword, empty


def escaped(text: str) -> str:
    r"""Write white space so that it survives.

    >>> escaped(" \n"), unescaped(r"\s\n")
    ('\\s\\n', ' \n')
    """
    return "".join(ESCAPES.get(char, char) for char in text)


def unescaped(text: str) -> str:
    """Turn it back."""
    return _ESCAPED.sub(lambda found: _BACK[found[0]], text)


def after(misc: str) -> tuple[str | None, str]:
    """Tell what stands behind a token by its MISC (None: not said), and what else MISC holds."""
    if misc == NOTHING:
        return None, misc
    gap, rest = None, []
    for one in misc.split("|"):
        name, _, value = one.partition("=")
        if name == "SpacesAfter":
            gap = unescaped(value)
        elif name == "SpaceAfter" and value == "No":
            gap = "" if gap is None else gap
        else:
            rest.append(one)
    return gap, "|".join(rest) or NOTHING


def before(misc: str) -> str:
    """Return what stands before a token, if its MISC says so."""
    found = next((one for one in misc.split("|") if one.startswith("SpacesBefore=")), "")
    return unescaped(found.partition("=")[2])
