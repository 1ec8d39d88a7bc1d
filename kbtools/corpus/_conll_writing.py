"""Documents in AIDA's layout of CoNLL files."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import IO, Any

import msgspec
import pyarrow as pa

from kbtools.corpus._conll_rows import NIL
from kbtools.corpus._uris import WIKIPEDIA, id_of, quoted, uri_of

_WORD = re.compile(r"\w\S*\w|\S")  # and the marks beside it, one by one
_TOKEN, _LINE = re.compile(r"\S+"), re.compile(r"[^\n]+")

Places = list[tuple[int, int]]


def write(documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    """Write documents: a token a line, a blank line after a sentence."""
    for batch in documents:
        for row in batch.to_pylist():
            file.write("".join(_document(row)).encode())


def _document(row: Mapping[str, Any]) -> Iterator[str]:
    text: str = row["text"]
    links = _apart(row["links"] or ())
    told = _told(row["meta"], len(text))
    ends = [end for _, end in told["sentences"] or (found.span() for found in _LINE.finditer(text))]
    yield f"-DOCSTART- ({' '.join(row['doc_id'].split())})\n"
    number = begun = -1
    sentence = 0
    for start, end in _tokens(text, told["tokens"], [(link["start"], link["end"]) for link in links]):
        if sentence != (sentence := bisect_left(ends, end)):
            yield "\n"
        while number + 1 < len(links) and links[number + 1]["start"] <= start:
            number += 1
        fields = [text[start:end]]
        if number >= 0 and end <= links[number]["end"]:
            link = links[number]
            words = " ".join(text[link["start"] : link["end"]].split())
            fields += ["I" if begun == number else "B", words, *_entity(link)]
            begun = number
        yield "\t".join(fields).rstrip("\t") + "\n"
    yield "\n"


def _entity(link: Mapping[str, Any]) -> list[str]:
    """Return the columns that tell the entity: name, address, page, mid, and the type, which is our own."""
    extra = msgspec.json.decode(link["extra"]) if link["extra"] else {}
    page, mid = (str(extra.get(key, "")) for key in ("page", "mid"))
    entity = id_of(link)
    if entity is None:
        return ["" if link["kind"] == "ner" else NIL, "", page, mid, link["type"] or ""]
    name = quoted(entity.id) if entity.kb == WIKIPEDIA else entity.id
    return ["_".join(name.split()), uri_of(*entity), page, mid, link["type"] or ""]


def _apart(links: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out links that overlap one before."""
    found: list[Mapping[str, Any]] = []
    for link in links:
        if not found or link["start"] >= found[-1]["end"]:
            found.append(link)
    return found


def _told(meta: str | None, length: int) -> dict[str, Places]:
    """Take tokens and sentences from `meta` if they are what they should be."""
    told: dict[str, Places] = {"tokens": [], "sentences": []}
    try:
        found = msgspec.json.decode(meta or "{}", type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return told
    for key in told.keys() & found.keys():
        try:
            places = msgspec.json.decode(found[key], type=Places)
        except msgspec.DecodeError:
            continue
        flat = [at for place in places for at in place]
        if flat == sorted(flat) and min(flat, default=0) >= 0 and max(flat, default=0) <= length:
            told[key] = places
    return told


def _tokens(text: str, tokens: Places, links: Places) -> Places:
    """Cut a text where tokens and links begin and end, and at white space; at words if no tokens are told."""
    pattern = _TOKEN if tokens else _WORD
    cuts = {0, len(text), *(at for place in (*tokens, *links) for at in place)}
    found: Places = []
    for begin, end in pairwise(sorted(cuts)):
        found += [(begin + each.start(), begin + each.end()) for each in pattern.finditer(text[begin:end])]
    return found
