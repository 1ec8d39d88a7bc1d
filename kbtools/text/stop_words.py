"""Words that are no names by themselves: function words of some languages, titles, months.

The lists stand in tables/stop_words.toml.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def stop_words() -> tuple[str, ...]:
    """Return all of them, in small letters.

    >>> "the" in stop_words(), "的" in stop_words()
    (True, True)
    """
    return tuple(dict.fromkeys(word for name in _lists() for word in listed(name)))


@cache
def listed(name: str) -> tuple[str, ...]:
    """Return one of the lists.

    >>> listed("function_words")[:3]
    ('a', 'an', 'the')
    """
    return tuple(_lists()[name].split())


@cache
def _lists() -> dict[str, str]:
    text = files("kbtools").joinpath("tables/stop_words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
