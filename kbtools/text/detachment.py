"""WordNet's rules of detachment: what an English form ends in, and what its lemma ends in instead.

Miller et al. (1990), morphy(7WN): a noun "wishes" is looked up as "wish" if that is a noun, because `shes`
may be `sh`. Irregular forms are in WordNet's lists of exceptions; a form that is there has no other lemma.
"""

from __future__ import annotations

RULES: dict[str, tuple[tuple[str, str], ...]] = {  # by part of speech; no adverb is inflected
    "n": (
        ("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
        ("men", "man"), ("ies", "y"),
    ),
    "v": (
        ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""),
    ),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
}  # fmt: skip
SHORT = 2  # no noun of so few letters is a plural, and none that ends in ss
