"""Fields of lines, all at once: where each begins and ends in a file, and what numbers and text are there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools.kb.named import NamedPart

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

_DIGITS = np.full(256, 99, np.int64)  # of each byte: the digit that it is
for _value, _char in enumerate("0123456789abcdef"):
    _DIGITS[[ord(_char), ord(_char.upper())]] = _value

Reject = Callable[[str, int, bytes], None]  # reason, number of the line from 0, the line


class Folder:
    """The files of a dict folder, by name, and where what is found in them goes."""

    def __init__(self, files: dict[str, bytes], out: NamedPart) -> None:
        self.files, self.out = files, out

    def __contains__(self, name: str) -> bool:
        return name in self.files

    def fields(self, name: str) -> Fields:
        """Return the fields of a file."""
        return Fields(self.files[name], partial(self.reject, name))

    def reject(self, name: str, reason: str, line: int, text: bytes | str) -> None:
        """Note a bad line of a file."""
        self.out.reject(reason, line=int(line), text=text, file=name)

    def skip(self, why: str, n: int) -> None:
        """Count what is left out by design."""
        if n:
            self.out.counts[f"skipped: {why}"] += n

    def warn(self, warning: str) -> None:
        """Have a warning printed."""
        self.out.notes.setdefault("warnings", []).append(warning)


class Fields:
    """The fields of a text file, parted by white space; `first[i]` is the first of line i.

    There is one line more than the file has, and one field, empty: what lies beyond the end.
    """

    def __init__(self, data: bytes, reject: Reject) -> None:
        self.data = _sound(data, reject)
        self.bytes = np.frombuffer(self.data, np.uint8)
        blank = np.concatenate([[True], self.bytes <= ord(" "), [True]])
        edges = np.flatnonzero(blank[1:] != blank[:-1])
        end = len(self.data)
        self.starts, self.ends = np.append(edges[::2], end), np.append(edges[1::2], end)
        breaks = np.flatnonzero(self.bytes == ord("\n"))
        self.line_starts = np.concatenate([[0], breaks + 1]).astype(np.int64)
        self.line_ends = np.append(breaks, end).astype(np.int64)
        self.first: Ints = np.append(np.searchsorted(self.starts[:-1], self.line_starts), len(edges) // 2)

    def outdented(self) -> Bools:
        """Say which lines are neither blank nor indented, as the licence at the head of a file is."""
        first = self.first[:-1]
        found: Bools = (np.diff(self.first) > 0) & (self.starts[first] == self.line_starts)
        return found

    def line(self, number: int) -> bytes:
        """Return one line."""
        return self.data[self.line_starts[number] : self.line_ends[number]]

    def numbers(self, at: Ints, digits: int, base: int = 10) -> tuple[Ints, Bools]:
        """Read the fields `at` as numbers of at most `digits` digits → values, and whether they are such."""
        at = np.minimum(at, len(self.starts) - 1)
        start, length = self.starts[at], self.ends[at] - self.starts[at]
        sound, value = (length > 0) & (length <= digits), np.zeros(len(at), np.int64)
        for place in range(digits):
            inside = sound & (length > place)
            digit = _DIGITS[self.bytes[start[inside] + place]]
            value[inside] = value[inside] * base + digit
            sound[inside] &= digit < base
        return value, sound

    def codes(self, at: Ints) -> Ints:
        """Return fields of one or two bytes as numbers (see `code`); 0 for longer ones."""
        at = np.minimum(at, len(self.starts) - 1)
        start, length = self.starts[at], self.ends[at] - self.starts[at]
        found = np.zeros(len(at), np.int64)
        one, two = (length == 1) | (length == 2), length == 2
        found[one] = self.bytes[start[one]]
        found[two] += self.bytes[start[two] + 1].astype(np.int64) << 8
        return found

    def texts(self, at: Ints) -> pa.StringArray:
        """Return fields as text."""
        return self.slices(self.starts[at], self.ends[at])

    def slices(self, starts: Ints, ends: Ints) -> pa.StringArray:
        """Return stretches of the file as text."""
        offsets = np.concatenate([[0], np.cumsum(ends - starts)])
        chars = self.bytes[ragged(starts, ends - starts)[2]]
        places = pa.py_buffer(offsets.astype(np.int32))
        return pa.StringArray.from_buffers(len(starts), places, pa.py_buffer(chars))


def code(field: str) -> int:
    """Return the number that `Fields.codes` has for a field of one or two bytes."""
    return int.from_bytes(field.encode("ascii"), "little")


def ragged(first: Ints, counts: Ints, step: int = 1) -> tuple[Ints, Ints, Ints]:
    """Lay out rows of different lengths one after another → of each element its row, place and position.

    >>> [part.tolist() for part in ragged(np.array([5, 9]), np.array([2, 1]))]
    [[0, 0, 1], [0, 1, 0], [5, 6, 9]]
    """
    row = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, place, np.repeat(first, counts) + place * step


def _sound(data: bytes, reject: Reject) -> bytes:
    """Return the file with its unreadable lines emptied."""
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    if 0 not in data and _is_text(data):
        return data
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        if 0 in line or not _is_text(line):
            reject("a NUL byte" if 0 in line else "not UTF-8", number, line)
            lines[number] = b""
    return b"\n".join(lines)


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
