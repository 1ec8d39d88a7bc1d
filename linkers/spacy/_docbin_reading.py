"""The arrays of a DocBin, read without spaCy's documents: columns of all tokens at once.

    zlib ▷ MessagePack: attrs, tokens [T, attrs] u64, spaces [T], lengths [D], strings, span_groups, user_data

Strings stand in columns as hashes. A file may come from anywhere: it is decoded as plain data of known types.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDS
from spacy.strings import StringStore

from kbtools.corpus.base import Document, Link, Report
from kbtools.linkers.spacy.settings import SPAN_KEY

LARGEST = 4 << 30  # bytes, unpacked
NIL = "NIL"
INSIDE, BEGINS = 1, 3  # of ENT_IOB
SPAN = np.dtype(
    [("id", ">u8"), ("kb_id", ">u8"), ("label", ">u8"), ("start", ">u4"), ("end", ">u4"), ("chars", ">u4", 2)]
)
COLUMNS = {"tags": "TAG", "pos": "POS", "lemmas": "LEMMA"}


class Kept(msgspec.Struct, kw_only=True):
    """What spaCy has no word for; in `user_data`."""

    doc_id: str
    lang: str | None = None
    meta: str | None = None
    links: list[Link] | None = None


class _Bin(msgspec.Struct):
    """What is in the file."""

    attrs: list[int]
    tokens: bytes
    spaces: bytes
    lengths: bytes
    strings: list[str]
    cats: list[dict[str, Any]] = []
    span_groups: list[bytes] = []
    user_data: list[bytes | None] = []


class _Group(msgspec.Struct):
    """A group of spans."""

    name: str
    spans: list[bytes]


class _Tokens(NamedTuple):
    """All tokens of a file, and the documents they are of."""

    columns: dict[str, NDArray[np.uint64]]
    spaces: NDArray[np.bool_]
    bounds: NDArray[np.int64]  # [D + 1]
    strings: StringStore

    def told(self, name: str, low: int, high: int) -> list[str]:
        """Return the strings of a column."""
        numbers, place = np.unique(self.columns[name][low:high], return_inverse=True)
        distinct = [self.strings[int(number)] for number in numbers]
        found: list[str] = np.array(distinct or [""], object)[place].tolist()
        return found


def documents(
    name: str, data: bytes, report: Report, *, kb: str | None, groups: Sequence[str], lang: str | None
) -> Iterator[Document]:
    """Yield the documents of a file; what is wrong with one is told to the report."""
    try:
        held = _decoded(data)
        tokens = _tokens(held)
    except (ValueError, zlib.error, msgspec.DecodeError) as error:
        report.reject(name, f"no DocBin: {error}", text=data[:40])
        return
    for number in range(len(tokens.bounds) - 1):
        try:
            found, kept = _document(held, tokens, number, kb, groups)
        except (KeyError, ValueError, IndexError, msgspec.DecodeError) as error:
            report.reject(name, f"document {number + 1}: {_reason(error)}")
        else:
            called = Kept(doc_id=f"{name}:{number + 1}", lang=lang) if kept is None else kept
            yield found._replace(doc_id=called.doc_id, lang=called.lang)


def _reason(error: Exception) -> str:
    return "a string is missing" if isinstance(error, KeyError) else str(error)


def _decoded(data: bytes) -> _Bin:
    unpacking = zlib.decompressobj()
    raw = unpacking.decompress(data, LARGEST)
    if unpacking.unconsumed_tail:
        raise ValueError(f"more than {LARGEST >> 30} GiB unpacked; make several files of it")
    if not unpacking.eof:
        raise ValueError("it breaks off")
    return msgspec.msgpack.decode(raw, type=_Bin)


def _tokens(held: _Bin) -> _Tokens:
    names = {number: name for name, number in IDS.items()}
    lengths = np.frombuffer(held.lengths, "<i4").astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    table = np.frombuffer(held.tokens, "<u8")
    spaces = np.frombuffer(held.spaces, np.bool_)
    if not held.attrs or len(table) != bounds[-1] * len(held.attrs) or len(spaces) != bounds[-1]:
        raise ValueError("its arrays do not fit each other")
    if (lengths < 0).any() or IDS["ORTH"] not in held.attrs:
        raise ValueError("it holds no words")
    table = table.reshape(-1, len(held.attrs))
    columns = {names.get(attr, ""): table[:, at] for at, attr in enumerate(held.attrs)}
    return _Tokens(columns, spaces, bounds, StringStore(held.strings))


def _document(
    held: _Bin, tokens: _Tokens, number: int, kb: str | None, groups: Sequence[str]
) -> tuple[Document, Kept | None]:
    low, high = tokens.bounds[number : number + 2].tolist()
    words = tokens.told("ORTH", low, high) if high > low else []
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    ends = np.cumsum(lengths + tokens.spaces[low:high]) - tokens.spaces[low:high]
    places = np.stack([ends - lengths, ends], axis=1)
    gaps = np.where(tokens.spaces[low:high], " ", "").tolist()
    text = "".join([part for pair in zip(words, gaps, strict=True) for part in pair])
    links = [link for group in _groups(held, number, groups) for link in _spans(tokens, group, places, kb)]
    seen = {(link.start, link.end, link.id) for link in links}  # these tell whose ids they are
    entities = _entities(tokens, low, high, places, kb)
    links += [link for link in entities if (link.start, link.end, link.id) not in seen]
    kept = _kept(held, number)
    if kept is None:
        return Document("", text, None, _meta(held, tokens, number, places), links), None
    return Document("", text, None, kept.meta, _agreed(kept, links)), kept


def _entities(tokens: _Tokens, low: int, high: int, places: NDArray[np.int64], kb: str | None) -> list[Link]:
    iob = tokens.columns.get("ENT_IOB", np.zeros(0, np.uint64))[low:high]
    inside = (iob == INSIDE) | (iob == BEGINS)
    if not inside.any():
        return []
    before = np.concatenate([[False], inside[:-1]])
    first = np.flatnonzero(inside & ((iob == BEGINS) | ~before))
    closed = np.concatenate([~inside[1:] | (iob[1:] == BEGINS), [True]])
    last = np.flatnonzero(inside & closed)
    none = [""] * (high - low)
    types = tokens.told("ENT_TYPE", low, high) if "ENT_TYPE" in tokens.columns else none
    ids = tokens.told("ENT_KB_ID", low, high) if "ENT_KB_ID" in tokens.columns else none
    starts, ends = places[first, 0].tolist(), places[last, 1].tolist()
    return [
        _link(start, end, ids[at], types[at], kb)
        for start, end, at in zip(starts, ends, first.tolist(), strict=True)
    ]


def _link(start: int, end: int, name: str, kind: str, kb: str | None) -> Link:
    """Make a link: gold if an id is given, or NIL; else but a span."""
    known = name or None if name != NIL else None
    return Link(start, end, known, kb if known else None, "gold" if name else "ner", kind or None)


def _groups(held: _Bin, number: int, wanted: Sequence[str]) -> Iterator[_Group]:
    data = held.span_groups[number] if number < len(held.span_groups) else b""
    told = msgspec.msgpack.decode(data) if data else []
    listed = told.items() if isinstance(told, dict) else [(one, None) for one in told]
    for inner, keys in listed:
        group = msgspec.msgpack.decode(inner, type=_Group)
        if {*(keys or [group.name])} & {*wanted}:
            yield group


def _spans(tokens: _Tokens, group: _Group, places: NDArray[np.int64], kb: str | None) -> list[Link]:
    """Return the spans of a group; those of ours are labelled with the knowledge base."""
    rows = np.frombuffer(b"".join(group.spans), SPAN)
    if len(rows) and (rows["start"] >= rows["end"]).any() | (rows["end"] > len(places)).any():
        raise ValueError(f"a span of {group.name!r} ends behind the text")
    found = []
    for row in rows:
        start, end = int(places[row["start"], 0]), int(places[row["end"] - 1, 1])
        name, label = tokens.strings[int(row["kb_id"])], tokens.strings[int(row["label"])]
        ours = group.name == SPAN_KEY
        link = _link(start, end, name, "" if ours else label, (kb or label) if ours else kb)
        found.append(link)
    return found


def _kept(held: _Bin, number: int) -> Kept | None:
    data = held.user_data[number] if number < len(held.user_data) else None
    told = msgspec.msgpack.decode(data) if data else None
    written = told.get(f"{SPAN_KEY}.document") if isinstance(told, dict) else None
    return msgspec.json.decode(written, type=Kept) if isinstance(written, str) else None


def _agreed(kept: Kept, links: list[Link]) -> list[Link] | None:
    """Return the links as they were written, unless somebody has changed the annotations since."""
    if kept.links is None:
        return links or None
    places = {(one.start, one.end, one.id) for one in kept.links if one.start < one.end}
    return kept.links if places == {(one.start, one.end, one.id) for one in links} else links


def _meta(held: _Bin, tokens: _Tokens, number: int, places: NDArray[np.int64]) -> str:
    low, high = tokens.bounds[number : number + 2].tolist()
    told: dict[str, Any] = {"tokens": places.tolist()}
    starts = tokens.columns.get("SENT_START", np.zeros(0, np.uint64))[low:high] == 1
    if starts.any():
        first = np.flatnonzero(np.concatenate([[True], starts[1:]]))
        last = np.append(first[1:], high - low) - 1
        told["sentences"] = np.stack([places[first, 0], places[last, 1]], axis=1).tolist()
    for name, column in COLUMNS.items():
        if column in tokens.columns and high > low and tokens.columns[column][low:high].any():
            told[name] = tokens.told(column, low, high)
    if number < len(held.cats) and held.cats[number]:
        told["labels"] = held.cats[number]
    return msgspec.json.encode(told).decode()
