"""JSON files in two layouts: a record a line, or objects laid out anyhow, which are made into lines.

"lines" is the layout of the big dumps ("[", then an object and a comma on each line, then "]") and of ndjson.
"objects" is anything else: pretty-printed arrays or documents, several objects on a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from kbtools.arrays import ranges
from kbtools.errors import SourceError

if TYPE_CHECKING:
    from kbtools.io.opening import Stream

BOM = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"
LOOK = 1 << 20
LONGEST_LOOK = 64 << 20
LOOK_LINES = 10


def sniff(stream: Stream) -> tuple[str, bytes]:
    """Return the layout of a JSON file, and the bytes that were read to find out."""
    head = stream.read(LOOK)
    more = True
    while True:
        if not more and stream.damage and not head.strip(SPACE):
            return "lines", head  # a damaged container with nothing in it is damaged, not foreign
        layout = layout_of(head, whole=not more, path=stream.path)
        if layout:
            return layout, head
        chunk = stream.read(max(LOOK, len(head)))
        head += chunk
        more = bool(chunk) and len(head) < LONGEST_LOOK


def layout_of(head: bytes, *, whole: bool, path: str = "") -> str | None:
    r"""Return the layout of a file that begins with `head`; None if more of it is needed to tell.

    >>> layout_of(b'[\n{"id": 1},\n', whole=True), layout_of(b'{"id":\n1}\n', whole=True)
    ('lines', 'objects')
    """
    text = head.removeprefix(BOM).lstrip(SPACE)
    if text[:1] not in {b"[", b"{"} and (text or whole):
        raise _refusal(head, len(head) - len(text), path)
    if text.startswith(b"["):
        beside, _, text = text[1:].partition(b"\n")
        if beside.strip(SPACE):
            return "objects"
        text = text.lstrip(SPACE)
    lines = text.split(b"\n", LOOK_LINES)
    if len(lines) == 1 and not whole:
        return None
    return "lines" if is_record(lines[0]) or _is_broken_record(lines) else "objects"


def is_record(line: bytes) -> bool:
    """Tell whether a line is an object by itself, maybe with the comma of a list."""
    if not line.startswith(b"{"):
        return False
    try:
        msgspec.json.decode(line.rstrip(SPACE).removesuffix(b","), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_broken_record(lines: list[bytes]) -> bool:
    """Tell whether a first line that is no record is a broken one among good ones, not a layout.

    A record is rarely cut off just after a bracket; a document often goes on in the next line there.
    """
    liner = Liner()
    liner.feed(lines[0])
    goes_on = lines[0].rstrip(SPACE)[-1:] in {b"{", b"["}
    return not goes_on and liner.within and any(map(is_record, lines[1:LOOK_LINES]))


def _refusal(head: bytes, at: int, path: str) -> SourceError:
    found = repr(head[at : at + 20].decode(errors="replace")) if at < len(head) else "the end"
    what = f"not JSON: expected '[' or '{{' at byte {at:,}, found {found}; is it a Wikidata JSON dump?"
    return SourceError(what, path=path)


OPEN, CLOSE, QUOTE = b'{}"'
SPACE_BYTE, NEWLINE = b" \n"
OBJECT, SEPARATOR, GARBAGE = 0, 1, 2
Places = npt.NDArray[np.int64]
SEPARATORS = np.zeros(256, np.bool_)
SEPARATORS[list(b" \t\r\n[],")] = True
UNWRAP = bytes.maketrans(b"\r\n", b"  ")


def to_lines(chunks: Iterator[bytes], size: int = 1 << 20) -> Iterator[bytes]:
    """Lay out objects one a line, byte for byte in the same place."""
    liner = Liner()
    for block in gathered(chunks, size):
        yield liner.feed(block)
    yield liner.finish()


def gathered(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Join chunks to blocks of about `size` bytes: numpy works on large arrays only."""
    parts: list[bytes] = []
    have = 0
    for chunk in chunks:
        parts.append(chunk)
        have += len(chunk)
        if have >= size:
            yield b"".join(parts)
            parts, have = [], 0
    if have:
        yield b"".join(parts)


def _joined(*parts: Places | list[int]) -> Places:
    return np.concatenate([np.asarray(part, np.int64) for part in parts])


class Liner:
    """Turns a stream of JSON objects into lines, in blocks of any size.

    Line breaks within an object become spaces: JSON strings cannot hold them. Between objects the first
    separator after something becomes a newline, further ones spaces. Anything else stays, on lines of its
    own, for a decoder to refuse. Only where something follows an object at once, or an object something
    else, a newline is put in.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = 0
        self._held = b""  # a backslash whose partner is in the next block
        self._before = SEPARATOR  # what the last byte was
        self._first = True

    @property
    def within(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._depth > 0

    def finish(self) -> bytes:
        """Return what was held back."""
        return self._lay(self._held) if self._held else b""

    def feed(self, data: bytes) -> bytes:
        """Return the next block as lines."""
        data = self._held + data
        if self._first and data.startswith(BOM):
            data = b"   " + data[3:]
        self._first = False
        odd = (len(data) - len(data.rstrip(b"\\"))) & 1
        self._held = data[-1:] if odd else b""
        data = data[:-1] if odd else data
        return self._lay(data) if data else b""

    def _lay(self, data: bytes) -> bytes:
        begin = [] if self.within else [0]
        starts, ends = self._objects(data)
        end = [] if self.within else [len(data)]
        first = _joined(begin, ends + 1)
        outside = ranges(first, _joined(starts, end) - first)
        out = np.frombuffer(bytearray(data.translate(UNWRAP)), np.uint8)
        raw = np.frombuffer(data, np.uint8)
        kind = np.full(len(data) + 1, OBJECT, np.uint8)  # of each byte; the first is the one before the block
        kind[0] = self._before
        kind[outside + 1] = np.where(SEPARATORS[raw[outside]], SEPARATOR, GARBAGE)
        separators = outside[kind[outside + 1] == SEPARATOR]
        out[separators] = np.where(kind[separators] == SEPARATOR, SPACE_BYTE, NEWLINE)
        garbage = outside[kind[outside + 1] == GARBAGE]
        glued = _joined(starts[kind[starts] != SEPARATOR], garbage[kind[garbage] == OBJECT])
        self._before = int(kind[-1])
        return (np.insert(out, glued, NEWLINE) if len(glued) else out).tobytes()

    def _objects(self, data: bytes) -> tuple[Places, Places]:
        """Find where objects begin and where they end; count depth and quotes on."""
        clean = data.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in data else data
        raw = np.frombuffer(clean, np.uint8)
        places = np.flatnonzero((raw == QUOTE) | (raw == OPEN) | (raw == CLOSE))
        marks = raw[places]
        quotes = marks == QUOTE
        parity = (np.cumsum(quotes, dtype=np.uint8) + np.uint8(self._in_string)) & 1
        braces = ~quotes & (parity == 0)
        places, marks = places[braces], marks[braces]
        total = np.cumsum(np.where(marks == OPEN, 1, -1)) + self._depth
        # a brace too many outside of all objects does not count
        depth = total - np.minimum(np.minimum.accumulate(total), 0)
        before = _joined([self._depth], depth[:-1])
        starts = places[(marks == OPEN) & (before[: len(marks)] == 0)]
        ends = places[(marks == CLOSE) & (before[: len(marks)] == 1)]
        self._depth = int(depth[-1]) if len(depth) else self._depth
        self._in_string = int(parity[-1]) if len(parity) else self._in_string
        return starts, ends
