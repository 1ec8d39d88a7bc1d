"""Merged ids are not in the JSON dump: read them from the RDF dump or from the SQL tables beside it.

RDF: the `owl:sameAs` triples of a .nt or .ttl dump, in any container. SQL: the `redirect` table names the
page it leads from by number, so it takes the `page` table too (its rows are read only for those numbers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kbtools.artefact import Outcome
from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.kb.staged import PartWriter
from kbtools.sources.wikidata.columns import batch
from kbtools.sources.wikidata.keys import key_of

BLOCK = 8 << 20
_ENTITY = rb"(?:<https?://www\.wikidata\.org/entity/|wd:)([QPL]\d+)>?"
_SAME_AS = re.compile(_ENTITY + rb"\s+(?:<http://www\.w3\.org/2002/07/owl#sameAs>|owl:sameAs)\s+" + _ENTITY)
# (number, namespace, 'title' begins a row of both tables: rd_from … rd_title and page_id … page_title; other
# namespaces have pages of such names too (Talk:Q42). A row follows a space or a comma, or stands on its line.
_ROW = re.compile(rb"(?:^|[\s,])\((\d+),(?:0,'(?=Q)|120,'(?=P)|146,'(?=L))([QPL]\d+)'")

Pairs = list[tuple[str, int | None]]  # an id, and the key of the entity that it means now


def stage(folder: Path, *, files: Sequence[str], part: str) -> Outcome:
    """Write the redirects of all files as a staged part, block by block."""
    kinds = {file: _kind(file) for file in files}
    redirects, pages = ([f for f in files if kinds[f] == kind] for kind in ("redirect", "page"))
    if bool(redirects) != bool(pages):
        what, other = ("redirect", "page") if redirects else ("page", "redirect")
        raise SourceError(
            f"the {what} table says nothing by itself, for redirects name pages by number; give the {other} "
            "table too: --redirects …-redirect.sql.gz --redirects …-page.sql.gz",
            path=(redirects or pages)[0],
        )
    read = 0
    with PartWriter(folder / part) as out:
        for file in files:
            if kinds[file] == "rdf":
                for block in _blocks(file):
                    found = _SAME_AS.findall(block)
                    read += _add(out, [(a.decode(), key_of(b.decode())) for a, b in found])
        if redirects:
            targets = Targets(redirects)
            for block in (block for file in pages for block in _blocks(file)):
                read += _add(out, targets.of(_ROW.findall(block)))
    return Outcome(files=[part], facts={"redirects read": read})


def _add(out: PartWriter, pairs: Pairs) -> int:
    """Write pairs that make sense; return how many there were."""
    keyed = [(name, key_of(name), to) for name, to in pairs]
    kept = [row for row in keyed if None not in row and row[1] != row[2]]
    if kept:
        names, keys, targets = (list(column) for column in zip(*kept, strict=True))
        out.add("redirects", batch("redirects", from_id=names, key=keys, to=targets, kind="merge"))
        out.end_block()
    return len(pairs)


class Targets:
    """The redirect table: page number → key, 16 bytes each."""

    def __init__(self, files: Sequence[str]) -> None:
        numbers, keys = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for block in (block for file in files for block in _blocks(file)):
            rows = _ROW.findall(block)
            numbers.append(np.array([int(number) for number, _ in rows], np.int64))
            keys.append(np.array([key_of(title.decode()) or 0 for _, title in rows], np.int64))
        self._numbers, first = np.unique(np.concatenate(numbers), return_index=True)
        self._keys = np.concatenate(keys)[first]

    def of(self, pages: list[tuple[bytes, bytes]]) -> Pairs:
        """Return what the pages among `pages` that redirect lead to."""
        numbers = np.array([int(number) for number, _ in pages], np.int64)
        places = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        if not len(self._numbers):
            return []
        leads = (self._numbers[places] == numbers) & (self._keys[places] > 0)
        return [(pages[i][1].decode(), int(self._keys[places[i]])) for i in np.flatnonzero(leads).tolist()]


def _kind(file: str) -> str:
    """Tell by the first block whether a file is RDF, the redirect table or the page table."""
    with open_stream(file) as stream:
        head = stream.read(1 << 16)
    if b"INSERT INTO" not in head and b"CREATE TABLE" not in head:
        if not any(mark in head for mark in (b"<http", b"@prefix", b"PREFIX")):
            raise SourceError("no redirects are in this: give RDF (.nt, .ttl) or SQL tables", path=file)
        return "rdf"
    for name in ("redirect", "page"):
        if b"`%s`" % name.encode() in head:
            return name
    raise SourceError("neither the redirect nor the page table; give RDF (.nt, .ttl) or these", path=file)


def _blocks(file: str) -> Iterator[bytes]:
    """Yield blocks that end with a line; a damaged file is an error, for its redirects would be lost."""
    with open_stream(file) as stream:
        rest = b""
        while data := stream.read(BLOCK):
            data = rest + data
            cut = data.rfind(b"\n") + 1
            rest = data[cut:]
            yield data[:cut]
        if stream.damage:
            raise SourceError(f"{stream.damage.reason}; fetch it again", path=file, byte=stream.damage.byte)
        yield rest
