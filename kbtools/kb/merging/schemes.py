"""Which cross references of one knowledge base speak of which entities of another.

A rule `P2892=umls` says: what stands under the scheme P2892 is an id of the knowledge base `umls`. If no
knowledge base is called so, the right side is a scheme: `P5063=ili` says that both mean the same. A scheme
alone (`ili`) joins the entities that have the same value under it; `umls` alone says `umls=umls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from kbtools.errors import ConfigError
from kbtools.kb.reader import Base, Kb

WAYS = ("xref", "id")

# What is known without being told. A name stands for that knowledge base and its releases: umls, umls-2024ab.
USUAL = (
    "P2892=umls",  # Wikidata: UMLS CUI
    "UMLS_CUI=umls",  # OBO ontologies
    "UMLS=umls",
    "P8814=wordnet",  # Wikidata: WordNet 3.1 synset id
    "P5063=ili",  # Wikidata: Interlingual Index id
    "ili",
    "sense_key",
)
RELEASE = {"P8814": "3.1"}  # a scheme that speaks of one release: offsets mean nothing in another


class Rule(NamedTuple):
    """`scheme` speaks of the ids of the base at `base`, or of the same as scheme `other`."""

    scheme: str
    other: str
    base: int | None

    def __str__(self) -> str:
        return self.scheme if self.scheme == self.other else f"{self.scheme}={self.other}"


def rules(bases: Sequence[Base], given: Sequence[str]) -> list[Rule]:
    """Read the rules given, or choose among the usual ones those that can say something."""
    if given:
        return [rule for text in given for rule in _given(bases, text)]
    found = [rule for text in USUAL for rule in _read(bases, text, releases=True)]
    # what an earlier merge has kept: own ids under the names of knowledge bases
    return [*found, *(Rule(base.name, base.name, place) for place, base in enumerate(bases))]


def _given(bases: Sequence[Base], text: str) -> list[Rule]:
    scheme, _, other = (part.strip() for part in text.partition("="))
    if not scheme or text.endswith("="):
        raise ConfigError(f"--scheme {text!r}: write scheme=kb, scheme=scheme, or a scheme alone")
    known = sorted({value for base in bases for part in base.parts for value in _schemes(part)})
    names = [base.name for base in bases]
    for side in {scheme: known, **({other: [*known, *names]} if other else {})}.items():
        if side[0] not in side[1]:
            near = get_close_matches(side[0], side[1], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(side[1][:30]) or 'none'}"
            raise ConfigError(
                f"--scheme {text!r}: no knowledge base has cross references {side[0]!r}; {hint}"
            )
    return _read(bases, text)


def _read(bases: Sequence[Base], text: str, *, releases: bool = False) -> list[Rule]:
    scheme, _, other = (part.strip() for part in text.partition("="))
    other = other or scheme
    exact = [place for place, base in enumerate(bases) if base.name == other]
    if not releases:
        return [Rule(scheme, other, exact[0] if exact else None)]
    called = [
        place for place, base in enumerate(bases) if base.name == other or base.name.startswith(f"{other}-")
    ]
    if scheme in RELEASE:
        called = [place for place in called if release(bases[place].kb) in {None, RELEASE[scheme]}]
    named = [Rule(scheme, bases[place].name, place) for place in called]
    return named or ([Rule(scheme, other, None)] if other in {scheme, "ili"} else [])


def release(kb: Kb) -> str | None:
    """Return the release of the dump that a knowledge base was made from, if its manifest tells."""
    found = kb.manifest.notes.get("release")
    return None if found is None else str(found)


def _schemes(kb: Kb) -> list[str]:
    if "xref" not in kb.tables:
        return []
    found: set[str] = set()
    for batch in kb.scan("xref", ["scheme"]):
        found.update(batch["scheme"].dictionary.to_pylist())
    return sorted(found)
