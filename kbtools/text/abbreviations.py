"""What a full stop says nothing about: words written short, and words that begin a sentence.

The lists stand in tables/abbreviations.toml: English first; German, French, Spanish and Italian words do no
harm elsewhere.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

_VOWELS = frozenset("aeiouyäöüáéíóúàèìòùâêîôûåøæœïëãõаеёиоуыэюяіїєαεηιουω")


@cache
def listed(name: str) -> frozenset[str]:
    """Return one of the lists."""
    table = files("kbtools").joinpath("tables/abbreviations.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(table)[name].split())


def goes_on(word: str, before_number: bool) -> bool:
    """Tell whether a sentence always goes on behind a word with a full stop.

    >>> goes_on("Dr", False), goes_on("no", False), goes_on("no", True), goes_on("Inc", False)
    (True, False, True, False)
    """
    low = word.lower()
    return (
        low in listed("before_anything")
        or (word[:1].isupper() and low in listed("titles"))
        or (before_number and low in listed("before_numbers"))
    )


def may_go_on(word: str) -> bool:
    """Tell whether a sentence may go on behind a word with a full stop, or else end there.

    A short word without a vowel counts as well: it stands in no dictionary.

    >>> may_go_on("Inc"), may_go_on("Wash"), may_go_on("wash"), may_go_on("Hrsg"), may_go_on("NBC")
    (True, True, False, True, False)
    """
    low = word.lower()
    if low in listed("before_names") or (word[:1].isupper() and low in listed("places_and_days")):
        return True
    letters = 1 < len(word) <= 4 and word.isalpha() and not word.isupper()
    return letters and not _VOWELS.intersection(low)
