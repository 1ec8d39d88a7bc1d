"""Wikidata ids as the integer keys of `kb/keymap.py`: items, properties and lexemes are a space each."""

from __future__ import annotations

import re

from kbtools.kb import keymap
from kbtools.kb.keymap import SPACE_BITS

KINDS = {"item": 0, "property": 1, "lexeme": 2}
LETTERS = "QPL"
LARGEST = 2**31 - 1  # Wikibase's own limit
_ID = re.compile(r"([QPL])([1-9]\d{0,9})", re.ASCII)


def key_of(text: str) -> int | None:
    """Return the key of an id, None if it is not one of an item, property or lexeme.

    >>> key_of("Q42"), key_of("L1-F2")
    (42, None)
    """
    match = _ID.fullmatch(text)
    if match is None or (number := int(match[2])) > LARGEST:
        return None
    return (LETTERS.index(match[1]) << SPACE_BITS) + number


def id_of(key: int) -> str:
    """Turn a key back into the id.

    >>> id_of(42)
    'Q42'
    """
    return keymap.id_of(key, LETTERS)


class PropertyKeys(dict[str, int]):
    """Property id → key, remembered: a dump has thousands of properties and billions of uses."""

    def __missing__(self, text: str) -> int:
        key = key_of(text)
        if key is None or key >> SPACE_BITS != KINDS["property"]:
            raise ValueError(f"{text!r} is not a property id")
        self[text] = key
        return key


PROPERTY = PropertyKeys()
INSTANCE_OF = PROPERTY["P31"]
