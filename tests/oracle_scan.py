"""A slow scan and a slow compiler, written from the definitions: what the fast ones are compared with."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.alias.scanning import finding
from kbtools.alias.scanning.boundaries import prefixes
from kbtools.alias.schema import LEVELS
from kbtools.text import BARE, CASE, CJK, EXACT, FOLDED, normalise, normalise_with_offsets

BREAKS = set(",;:!?。！？；：，、，､｡،؛؟।॥")
APOSTROPHES = set("'`´‘’‛′ʹʻʼʽˈ")
NO_SPACES = re.compile(
    f"[{CJK}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f☀-➿🀀-\U0001faff]"
)
Look = Callable[[str], tuple[str, Any, str] | None]
KNOWN = {"exact", "case", "folded"}
LINES = "\n\x0b\r\x85\u2028"


class Tables(NamedTuple):
    """A compiled look-up, and what it says of each norm: forms (with the norm as a whole as None)."""

    arrays: dict[str, NDArray[Any]]
    names: dict[str, list[str | None]]


def compiled(surfaces: list[str], forms: Mapping[str, list[str]] | None = None, bits: int = 3) -> Tables:
    """Compile names, each with a candidate of its own; `forms` adds entries to norms."""
    names: dict[str, list[str]] = {}
    for surface in surfaces:
        exact = normalise(surface)
        norm = normalise(exact, BARE) or normalise(exact, FOLDED)
        if norm and exact not in names.setdefault(norm, []):
            names[norm].append(exact)
    entries: dict[str, list[str | None]] = {}
    tags, counts = [], [0]
    for norm in sorted(names, key=str.encode):
        pointed = {normalise(surface, FOLDED) for surface in names[norm]} - {norm}
        extra = {*pointed, *(names[norm] if pointed else ()), *(forms or {}).get(norm, [])}
        entries[norm] = [None, *sorted(extra)]
        alone = not extra and len(names[norm]) == 1
        tags.append(_hash(names[norm][0]) & 0xFFFFFFFF if alone else 0)
        tags += [_hash(form) & 0xFFFFFFFF for form in sorted(extra)]
        counts.append(counts[-1] + len(extra) + 1)
    strings = pa.array(list(entries), pa.string())
    hashes = hashing.of_strings(strings)
    order = np.lexsort((np.arange(len(hashes)), hashes))
    buckets = np.zeros((1 << bits) + 1, dtype=np.uint32)
    np.cumsum(np.bincount((hashes >> np.uint64(64 - bits)).astype(int), minlength=1 << bits), out=buckets[1:])
    encoded = [norm.encode() for norm in entries]
    known, begun = np.zeros(64, dtype=np.uint64), np.zeros(64, dtype=np.uint64)
    finding.mark(known, hashes)
    finding.mark(begun, prefixes(strings))
    size = counts[-1]
    arrays: dict[str, NDArray[Any]] = {
        "norms": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "offsets": np.concatenate([[0], np.cumsum([len(norm) for norm in encoded])]).astype(np.uint32),
        "buckets": buckets,
        "tags": (hashes[order] >> np.uint64(48 - bits)).astype(np.uint16),
        "places": order.astype(np.uint32),
        "known": known,
        "prefixes": begun,
        "entries": np.array(counts, dtype=np.uint32),
        "form_tags": np.array(tags, dtype=np.uint32),
        "firsts": np.arange(size, dtype=np.uint32),
        "lengths": np.ones(size, dtype=np.uint16),
        "links": np.linspace(0, 1, size, dtype=np.float32),
        "eids": np.arange(size, dtype=np.uint32),
        "priors": np.ones(size, dtype=np.float32),
    }
    return Tables(
        arrays, {norm: [*entries[norm], *(names[norm] if len(names[norm]) == 1 else ())] for norm in entries}
    )


def _hash(text: str) -> int:
    return int(hashing.of_strings(pa.array([text], pa.string()))[0])


def lookup(tables: Tables, text: str) -> tuple[str, str | None, str] | None:
    """Return the norm, the form (None: as a whole) and the level of a name."""
    norm = normalise(text, BARE) or normalise(text, FOLDED)
    if norm not in tables.names:
        stem = singular(norm)
        return (stem, None, "inflected") if stem in tables.names else None
    for level, form in (("exact", EXACT), ("case", CASE), ("folded", FOLDED)):
        if normalise(text, form) in tables.names[norm]:
            return norm, normalise(text, form), level
    return norm, None, "norm"


def singular(norm: str) -> str:
    """Take an English plural off."""
    if not re.search("[a-z]{3}s$", norm):
        return ""
    if re.search("[^ae]ies$", norm):
        return norm[:-3] + "y"
    return "" if norm[-2] in "us" else norm[:-1]


def brute_force(look: Look, text: str) -> list[tuple[int, int, str, str]]:
    """Try every pair of boundaries between walls; return start, end, norm and level.

    `look` looks a name up and returns norm, form and level, or None.
    """
    found = []
    cuts = [-1, *walls(text), len(text)]
    for before, after in itertools.pairwise(cuts):
        low = before + 1
        starts, ends, owned = boundaries(text[low:after])
        for start, end in itertools.product(sorted(starts), sorted(ends)):
            match = look(text[low + start : low + end]) if start < end else None
            if match:
                norm, _, level = match
                if level == "inflected" and end in owned:
                    continue
                first, last, level = widened(look, text[low:after], start, end, level)
                if level in KNOWN or not breaks(text, low + start, low + end):
                    found.append((low + first, low + last, norm, level))
        found += [(low + at, low + end, norm, level) for at, end, norm, level in alone(look, text[low:after])]
    return sorted(found)


def widened(look: Look, text: str, start: int, end: int, level: str) -> tuple[int, int, str]:
    """Take punctuation in: of all ways those with the best level, of them the longest, of them the first."""
    best = (LEVELS.index(level), start - end, start)
    left = next(n for n in range(5) if n == 4 or start - n < 1 or not point(text[start - n - 1]))
    right = next(n for n in range(5) if n == 4 or end + n >= len(text) or not point(text[end + n]))
    for low, high in itertools.product(range(start - left, start + 1), range(end, end + right + 1)):
        match = look(text[low:high])
        if level != "inflected" and match and match[2] in KNOWN:
            best = min(best, (LEVELS.index(match[2]), low - high, low))
    return best[2], best[2] - best[1], LEVELS[best[0]]


def alone(look: Look, text: str) -> list[tuple[int, int, str, str]]:
    """Find names of punctuation alone, with white space on both sides."""
    found = []
    for blank, word in itertools.groupby(range(len(text)), lambda at: not normalise(text[at])):
        at = list(word)
        if not blank and all(map(point, text[at[0] : at[-1] + 1])):
            match = look(text[at[0] : at[-1] + 1])
            found += [(at[0], at[-1] + 1, match[0], match[2])] if match else []
    return found


def point(char: str) -> bool:
    """Tell whether the normal form leaves a character out that is not white space."""
    return bool(normalise(char)) and not normalise(char, BARE)


def walls(text: str) -> list[int]:
    """Find form feeds, and line breaks after which the line before was blank."""
    found, line = [], None
    for at, char in enumerate(text):
        if char in "\f\u2029":
            found.append(at)
        if char in LINES and text[at : at + 2] != "\r\n":
            if (
                line is not None
                and not (set(text[line:at]) & {"\f", "\u2029"})
                and not normalise(text[line:at])
            ):
                found.append(at)
            line = at + 1
    return sorted(found)


def boundaries(text: str) -> tuple[set[int], set[int], set[int]]:
    """Return where names may begin and end in a text without walls, and the ends after a possessive s."""
    normal = normalise_with_offsets(text, BARE)
    codes, low, high = f" {normal.text} ", normal.starts.tolist(), normal.ends.tolist()
    starts, ends, owned = set(), set(), set()
    for at in range(len(normal.text) + 1):
        before, after = codes[at], codes[at + 1]
        within = 0 < at < len(low) and low[at] < high[at - 1]
        if within or mark(after):
            continue
        if is_parted(before, after) and after != " ":
            starts.add(low[at])
        if before == " ":
            continue
        if is_end(before, after):
            ends.add(high[at - 1])
        if after == "s" and is_end(after, codes[at + 2]) and text[low[at] - 1] in APOSTROPHES:
            ends.add(high[at - 1])
            owned.add(high[at])
    return starts, ends, owned


def is_parted(before: str, after: str) -> bool:
    """Tell whether words part between two characters."""
    return not mark(after) and bool(
        " " in (before, after) or NO_SPACES.match(before) or NO_SPACES.match(after)
    )


def is_end(before: str, after: str) -> bool:
    """Tell whether a name may end between two characters."""
    return is_parted(before, after) or (not mark(after) and (hangul(before) or hangul(after)))


def mark(char: str) -> bool:
    """Tell whether a character belongs to the one before."""
    combining = unicodedata.category(char)[0] == "M" and ord(char) < 0x20000
    return combining or "\U0001f3fb" <= char <= "\U0001f3ff"


def hangul(char: str) -> bool:
    """Tell whether a character is a Korean syllable."""
    return "가" <= char <= "\ud7a3"


def breaks(text: str, start: int, end: int) -> bool:
    """Tell whether a clause or a sentence ends within a span."""
    for at in range(start, end):
        if text[at] in BREAKS:
            return True
        if text[at] == "." and at >= 4 and normalise(text[at + 1]) == "":
            words = [normalise(char, BARE) for char in text[at - 4 : at]]
            if all(words) and text[at + 1].isspace():
                return True
    return False
