"""Ids of synsets and senses, and what stands in them."""

from __future__ import annotations

import re

_OFFSET = re.compile(r"(?:.*-)?(\d{8})-([nvars])", re.DOTALL)
_ESCAPED_KEY = re.compile(r"(.+)__(\d\.\d\d\.\d\d\..*)", re.DOTALL)

# How Open English WordNet writes what an XML id cannot hold: in two letters up to 2024, by name since then.
_LETTERS = {"ap": "'", "cl": ":", "cm": ",", "cn": ":", "ex": "!", "lb": "(", "pl": "+", "rb": ")", "sl": "/"}
_NAMES = {
    "acute": "´", "amp": "&", "apos": "'", "ast": "*", "cent": "¢", "colon": ":", "comma": ",", "copy": "©",
    "deg": "°", "dollar": "$", "excl": "!", "lbrace": "{", "lpar": "(", "num": "#", "ordm": "º",
    "para": "¶", "percnt": "%", "plus": "+", "pound": "£", "rbrace": "}", "reg": "®", "rpar": ")",
    "sect": "§", "sol": "/", "tilde": "~", "vert": "|",
}  # fmt: skip
_BY_LETTERS = re.compile(f"-({'|'.join(_LETTERS)})-")
_BY_NAME = re.compile(f"-({'|'.join(_NAMES)})-|--")
FIRST_BY_NAME = 2025


def offset(synset: str) -> str | None:
    """Return the offset id that a synset's own id ends in; satellites are adjectives there.

    >>> offset("omw-cmn-02084071-n"), offset("oewn-00013442-s"), offset("test-en-0001-n")
    ('02084071-n', '00013442-a', None)
    """
    found = _OFFSET.fullmatch(synset)
    return f"{found[1]}-{found[2].replace('s', 'a')}" if found else None


def sense_key(sense: str, lexicon: str, version: str) -> str | None:
    """Return the sense key that a sense's id was made from, None if it was not made from one.

    >>> sense_key("oewn-dog__1.05.00..", "oewn", "2024")
    'dog%1:05:00::'
    >>> sense_key("oewn--apos-tween_deck--hand__1.18.00..", "oewn", "2025")
    "'tween_deck-hand%1:18:00::"
    """
    found = _ESCAPED_KEY.fullmatch(sense.removeprefix(f"{lexicon}-"))
    if not found:
        return None
    lemma, place = found.groups()
    if version[:4].isdecimal() and int(version[:4]) >= FIRST_BY_NAME:
        lemma = _BY_NAME.sub(lambda match: _NAMES.get(match[1], "-"), lemma)
    else:
        lemma = _BY_LETTERS.sub(lambda match: _LETTERS[match[1]], lemma)
    return f"{lemma}%{place.replace('.', ':').replace('-sp-', '_')}"
