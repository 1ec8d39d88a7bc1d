"""Hashes of all spans of a text at once.

A string of code points c₀ … cₙ₋₁ has the hash mix(Σ m(cₜ) Bᵗ mod 2⁶⁴). B is odd and so has an inverse: with
the running sum P of m(cₜ) Bᵗ over a whole text, the hash of text[i:j] is mix((P[j] − P[i]) B⁻ⁱ), one
subtraction and one product for any span (Karp and Rabin 1987). Equal strings have equal hashes on every
machine; different ones may, so whoever finds a hash compares the strings.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

BASE = np.uint64(0x9E3779B97F4A7C15)
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))
_STEP = 1 << 16
_STRINGS = 1 << 14  # hashed at once: what stays in the cache


def prefix(codes: NDArray[np.uint32]) -> U64:
    """Return P: the running sums over the code points, with 0 before the first."""
    sums = np.empty(len(codes) + 1, dtype=np.uint64)
    sums[0] = 0
    letters = _table().take(codes, mode="clip")  # what is no code point is in no span
    letters *= powers(len(codes))
    np.cumsum(letters, out=sums[1:])
    return sums


def raw(sums: U64, starts: NDArray[np.integer], ends: NDArray[np.integer]) -> U64:
    """Return the sums of the spans, as if each stood at the beginning; not mixed yet."""
    found: U64 = sums.take(ends)
    found -= sums.take(starts)
    found *= inverses(len(sums)).take(starts)
    return found


def spans(sums: U64, starts: NDArray[np.integer], ends: NDArray[np.integer]) -> U64:
    """Return the hashes of the spans of the text with running sums `sums`."""
    return mix(raw(sums, starts, ends))


def extended(sums: U64, lengths: NDArray[np.integer], letter: str) -> U64:
    """Return the raw sums of spans with `letter` put after them; `sums` are raw, of spans of `lengths`."""
    code = _letters(np.array([ord(letter)], dtype=np.uint32))[0]
    found: U64 = sums + code * powers(int(lengths.max(initial=0)) + 1)[lengths]
    return found


def mix(sums: U64) -> U64:
    """Spread what differs over all 64 bits (the finaliser of MurmurHash3, Appleby 2011)."""
    hashes = sums ^ (sums >> np.uint64(33))
    hashes *= np.uint64(0xFF51AFD7ED558CCD)
    hashes ^= hashes >> np.uint64(33)
    hashes *= np.uint64(0xC4CEB9FE1A85EC53)
    hashes ^= hashes >> np.uint64(33)
    return hashes


def of_strings(strings: pa.StringArray | pa.LargeStringArray) -> U64:
    """Return the hash of each string.

    >>> names = pa.array(["new york", "york"])
    >>> sums = prefix(codes_of("new york"))
    >>> (of_strings(names) == spans(sums, np.array([0, 4]), np.array([8, 8]))).all()
    np.True_
    """
    blocks = [_of_block(strings[low : low + _STRINGS]) for low in range(0, len(strings), _STRINGS)]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.uint64)


def _of_block(strings: pa.StringArray | pa.LargeStringArray) -> U64:
    data, offsets = buffers(strings)
    if (data < 0x80).all():
        codes = data.astype(np.uint32)
    else:
        codes = codes_of(data.tobytes().decode())
        leading = np.zeros(len(data) + 1, dtype=np.int64)
        np.cumsum((data & 0xC0) != 0x80, out=leading[1:])
        offsets = leading[offsets]
    return spans(prefix(codes), offsets[:-1], offsets[1:])


def buffers(strings: pa.StringArray | pa.LargeStringArray) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 of strings, one after the other, and where each begins and the last ends."""
    if not len(strings):
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    size = np.dtype(np.int64 if pa.types.is_large_string(strings.type) else np.int32)
    offsets = np.frombuffer(strings.buffers()[1], dtype=size)[strings.offset :][: len(strings) + 1]
    data = np.frombuffer(strings.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    return data, offsets.astype(np.int64) - offsets[0]


def codes_of(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def powers(count: int) -> U64:
    """Return B⁰ … Bⁿ⁻¹ for n = `count`, worked out once a process for the longest text so far."""
    return _known_powers(BASE, count)


def inverses(count: int) -> U64:
    """Return B⁰ … B⁻⁽ⁿ⁻¹⁾ for n = `count`."""
    return _known_powers(INVERSE, count)


_known: dict[int, U64] = {}


def _known_powers(base: np.uint64, count: int) -> U64:
    found = _known.get(int(base))
    if found is None or len(found) < count:
        length = -(-max(count, 1) // _STEP) * _STEP
        found = np.full(length, base, dtype=np.uint64)
        found[0] = 1
        np.multiply.accumulate(found, out=found)
        _known[int(base)] = found
    return found[:count]


@cache
def _table() -> U64:
    return _letters(np.arange(0x110000, dtype=np.uint32))


def _letters(codes: NDArray[np.uint32]) -> U64:
    """Give each code point a number that differs in many bits from its neighbours'."""
    letters = codes.astype(np.uint64)
    letters += np.uint64(1)
    letters *= np.uint64(0xD6E8FEB86659FD93)
    letters ^= letters >> np.uint64(32)
    return letters
