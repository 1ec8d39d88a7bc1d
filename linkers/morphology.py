"""Inflected forms of English lemmas: WordNet's rules of detachment, the other way round.

Every lemma is given all forms that a rule of `kbtools.text.detachment` leads back from, so that a text is
looked up as it is. In a collocation of nouns the last word changes (`dining tables`), in one of verbs the
first one (`takes off`); adjectives change only alone. Irregular forms are in WordNet's lists of exceptions; a
form that is there has no other lemma.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.text.detachment import RULES, SHORT

Found = tuple[NDArray[np.int64], pa.StringArray]  # rows of lemmas, and forms of them

# before, the word that changes, and after
PARTS = {
    "n": r"^(?P<before>(?:.*[ _-])?)(?P<word>[^ _-]+)(?P<after>)$",
    "v": r"^(?P<before>)(?P<word>[^ _-]+)(?P<after>(?:[ _-].*)?)$",
    "a": r"^(?P<before>)(?P<word>[^ _-]+)(?P<after>)$",
}


def inflected(lemmas: pa.StringArray, pos: str) -> Iterator[Found]:
    """Yield forms by rule: the rows of the lemmas, and the forms.

    >>> rows, forms = next(inflected(pa.array(["dining table", "us"]), "n"))
    >>> rows.tolist(), forms.to_pylist()
    ([0], ['dining tables'])
    """
    if pos not in RULES:
        return
    row, (before, word, after) = parted(lemmas, pos)
    for suffix, ending in RULES[pos]:
        fits = pc.ends_with(word, ending)
        some = word.filter(fits)
        stems = pc.utf8_slice_codeunits(some, 0, -len(ending)) if ending else some
        changed = pc.binary_join_element_wise(stems, suffix, "")
        long, sharp = pc.greater(pc.utf8_length(changed), SHORT), pc.ends_with(changed, "ss")
        sound = pc.or_(pc.and_(long, pc.invert(sharp)), pos != "n")
        forms = pc.binary_join_element_wise(before.filter(fits), changed, after.filter(fits), "")
        yield row.filter(fits).filter(sound).to_numpy(), forms.filter(sound)


def irregular(lemmas: pa.StringArray, pos: str, known: dict[str, list[str]]) -> Iterator[Found]:
    """Yield the forms of collocations whose changing word has irregular ones: `took off`."""
    if pos not in PARTS or not known:
        return
    row, (before, word, after) = parted(lemmas, pos)
    wanted = pc.is_in(word, pa.array(list(known), pa.string()))
    columns = [column.filter(wanted).to_pylist() for column in (row, before, word, after)]
    found = [
        (at, f"{left}{form}{right}")
        for at, left, one, right in zip(*columns, strict=True)
        if left or right
        for form in known[one]
    ]
    if found:
        rows, forms = zip(*found, strict=True)
        yield np.array(rows, np.int64), pa.array(forms, pa.string())


def parted(lemmas: pa.StringArray, pos: str) -> tuple[pa.Array, list[pa.StringArray]]:
    """Cut lemmas around the word that changes; return rows of those that have one, and three parts."""
    found = pc.extract_regex(lemmas, PARTS[pos])
    there = pc.is_valid(found)
    row = pa.array(range(len(lemmas)), pa.int64()).filter(there)
    found = found.filter(there)
    return row, [pc.struct_field(found, name) for name in ("before", "word", "after")]
