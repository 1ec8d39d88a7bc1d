"""JSON records of a file that is read whole: an array, an object of arrays, or an object a line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec

from kbtools.corpus._json_lines import reason
from kbtools.corpus.base import Link, Report

Json = msgspec.Raw


class Given(NamedTuple):
    """A record, what it is called if it has no name of its own, and under which key it stood."""

    found: Any
    called: str
    line: int | None
    data: bytes
    key: str | None


def given(
    name: str, text: str, decoder: msgspec.json.Decoder[Any], fields: Collection[str], report: Report
) -> Iterator[Given]:
    """Decode record by record; one that is wrong must not cost its neighbours.

    An object without any of `fields` is one of arrays: its keys say something of the records in them.
    """
    for called, line, key, raw in _raws(name, text, fields, report):
        data = bytes(raw)
        try:
            yield Given(decoder.decode(data), called, line, data, key)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = reason(error) if isinstance(error, msgspec.DecodeError) else "not UTF-8"
            report.reject(name, what, line=line, text=data)
        except RecursionError:
            report.reject(name, "JSON nested too deeply", line=line, text=data)


def entities(told: Collection[tuple[str, int, int, float]] | None) -> Iterator[Link]:
    """Yield what a linker found, as ERNIE's data have it: id, start, end, how sure."""
    for id_, start, end, sure in told or ():
        yield Link(start, end, id_, "wikidata", "dictionary", p=min(max(sure, 0.0), 1.0))


def fit(text: str, links: Collection[Link], given: Given, name: str, report: Report) -> list[Link]:
    """Return the links that stand in the text."""
    good = []
    for one in links:
        if 0 <= one.start < one.end <= len(text):
            good.append(one)
        else:
            what = f"a mention {one.start}..{one.end} is empty or beyond the {len(text):,} characters"
            report.reject(name, what, line=given.line, text=given.data)
    return good


def _raws(
    name: str, text: str, fields: Collection[str], report: Report
) -> Iterator[tuple[str, int | None, str | None, Json]]:
    try:
        whole = msgspec.json.decode(text, type=list[Json] | dict[str, Json])
    except (msgspec.DecodeError, RecursionError):
        yield from _lines(name, text, report)
        return
    if isinstance(whole, list):
        yield from ((f"{name}:{number}", None, None, raw) for number, raw in enumerate(whole, 1))
    elif not whole or whole.keys() & {*fields}:
        yield f"{name}:1", 1, None, Json(text.encode())
    else:
        arrays = {key: raw for key, raw in whole.items() if bytes(raw).lstrip(b"[ \t\r\n")[:1] == b"{"}
        if not arrays:
            report.reject(name, f"no records: none of {', '.join(fields)}", text=text[:200].encode())
        for key, raw in arrays.items():
            try:
                inner = msgspec.json.decode(raw, type=list[Json])
            except (msgspec.DecodeError, RecursionError):
                report.reject(name, f"{key!r:.60} is no array of records", text=bytes(raw))
                continue
            yield from ((f"{name}:{key}:{number}", None, key, one) for number, one in enumerate(inner, 1))


def _lines(name: str, text: str, report: Report) -> Iterator[tuple[str, int | None, str | None, Json]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"{name}:{number}", number, None, Json(line.strip().encode())
            except UnicodeEncodeError:
                report.reject(name, "not UTF-8", line=number)
