"""Documents as CoNLL-U."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

import msgspec
import pyarrow as pa

from kbtools.corpus._conllu_rows import COLUMNS, NOTHING, escaped
from kbtools.text.segment import sentences, words

OURS = {"sentences", "sentence_ids", "tokens", "forms", *COLUMNS, "misc", "multiword", "empty"}
LINK = ("start", "end", "id", "kb", "kind", "type", "others", "extra")

Spans = list[list[int]]


def write(documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    """Write documents, their links as JSON in a comment."""
    for batch in documents:
        for row in batch.to_pylist():
            for line in _document(row):
                file.write(f"{line}\n".encode())


def _document(row: dict[str, Any]) -> Iterator[str]:
    text, meta = row["text"], msgspec.json.decode(row["meta"]) if row["meta"] else {}
    if not isinstance(meta, dict) or not _fits(text, meta):
        others = meta if isinstance(meta, dict) else {}
        meta = {name: value for name, value in others.items() if name not in OURS}
        meta |= {
            "sentences": sentences(text, row["lang"]).tolist(),
            "tokens": words(text, row["lang"]).tolist(),
        }
    spans = meta["tokens"]
    yield f"# newdoc id = {' '.join(row['doc_id'].split())}"
    if row["lang"]:
        yield f"# lang = {row['lang']}"
    if row["links"] is not None:
        yield f"# links = {_json([_link(link) for link in row['links']])}"
    if others := {name: value for name, value in meta.items() if name not in OURS}:
        yield f"# meta = {_json(others)}"
    lead = text[: spans[0][0]] if spans else text
    if lead:
        yield f"# spaces_before = {escaped(lead)}"
    if not spans:
        yield ""
    yield from _sentences(text, meta)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _link(link: dict[str, Any]) -> dict[str, Any]:
    told = {name: link[name] for name in LINK if link[name] is not None}
    if "extra" in told:
        told["extra"] = msgspec.json.decode(told["extra"])
    return told


def _fits(text: str, meta: dict[str, Any]) -> bool:
    """Tell whether tokens and sentences are told, are in order, and leave out nothing but white space."""
    spans, bounds = meta.get("tokens"), meta.get("sentences")
    if not spans or not bounds:
        return False
    try:
        at = 0
        shared = {place for first, end, *_ in meta.get("multiword", ()) for place in range(first + 1, end)}
        for number, (start, end) in enumerate(spans):
            if number in shared:
                continue
            if (
                not at <= start < end <= len(text)
                or text[at:start].strip()
                or set(text[start:end]) & set("\t\n\r")
            ):
                return False
            at = end
        inside = [start for start, _ in bounds] == sorted({start for start, _ in bounds})
        begun = {start for start, _ in spans} >= {start for start, _ in bounds}
        widths = all(len(meta[name]) == len(spans) for name in (*COLUMNS, "forms", "misc") if name in meta)
        return inside and begun and widths and not text[at:].strip() and bounds[0][0] == spans[0][0]
    except (TypeError, ValueError, IndexError, KeyError):
        return False


def _sentences(text: str, meta: dict[str, Any]) -> Iterator[str]:
    spans: Spans = meta["tokens"]
    starts = {start for start, _ in meta["sentences"]}
    ids = meta.get("sentence_ids") or [None] * len(meta["sentences"])
    ends = dict(
        zip(
            [start for start, _ in meta["sentences"]], zip(meta["sentences"], ids, strict=False), strict=False
        )
    )
    multiword = {first: (end, misc) for first, end, misc in meta.get("multiword", ())}
    empty: dict[int, list[str]] = {}
    for place, line in meta.get("empty", ()):
        empty.setdefault(place, []).append(line)
    number, inner = 0, -1  # inner: words before this one are inside a multiword token
    last = len(spans) - 1
    for place, (start, end) in enumerate(spans):
        if start in starts and place >= inner:
            starts.discard(start)
            if place:
                yield ""
            number = 0
            (_, until), called = ends[start]
            if called is not None:
                yield f"# sent_id = {called}"
            yield f"# text = {' '.join(text[start:until].split())}"
            if place:
                yield from ()
        number += 1
        if place == 0 or number == 1:
            yield from (line for line in empty.get(place, ()) if line.startswith("0."))
        following = place + 1
        if place in multiword:
            inner, misc = multiword[place]
            gap = _gap(text, spans, end, inner, last)
            cells = [
                f"{number}-{number + inner - place - 1}",
                text[start:end],
                *[NOTHING] * 7,
                _misc(misc, gap),
            ]
            yield "\t".join(cells)
        gap = None if place < inner else _gap(text, spans, end, following, last)
        yield _row(text, meta, place, number, gap)
        yield from (line for line in empty.get(following, ()) if not line.startswith("0."))
    if spans:
        yield ""


def _gap(text: str, spans: Spans, end: int, following: int, last: int) -> str | None:
    """Return what must be said of the space behind a token; None: what is usual."""
    if following <= last:
        gap = text[end : spans[following][0]]
        return "SpaceAfter=No" if not gap else None if gap == " " else f"SpacesAfter={escaped(gap)}"
    gap = text[end:]
    return f"SpacesAfter={escaped(gap)}" if gap else None


def _misc(told: str | None, gap: str | None) -> str:
    return "|".join(part for part in (None if told == NOTHING else told, gap) if part) or NOTHING


def _row(text: str, meta: dict[str, Any], place: int, number: int, gap: str | None) -> str:
    start, end = meta["tokens"][place]
    form = meta["forms"][place] if "forms" in meta else text[start:end]
    told = [meta[name][place] if name in meta else None for name in COLUMNS]
    misc = _misc(meta["misc"][place] if "misc" in meta else None, gap)
    return "\t".join([str(number), form, *(NOTHING if one is None else str(one) for one in told), misc])
