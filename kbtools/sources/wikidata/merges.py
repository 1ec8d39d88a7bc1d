"""Merged ids are not in the JSON dump: read them from the RDF dump or from the SQL tables beside it.

RDF: the `owl:sameAs` triples of a .nt or .ttl dump, in any container. SQL: the `redirect` table names the
page it leads from by number, so it takes the `page` table too (its rows are read only for those numbers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

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

Pairs = list[tuple[str, str]]


def stage(folder: Path, *, files: Sequence[str], part: str) -> Outcome:
    """Write the redirects of all files as a staged part."""
    pairs: Pairs = []
    leads_to: dict[int, str] = {}
    pages = []
    for file in files:
        kind = _kind(file)
        if kind == "rdf":
            pairs += _same_as(file)
        elif kind == "redirect":
            leads_to |= {int(number): title.decode() for number, title in _rows(file)}
        else:
            pages.append(file)
    if leads_to and not pages:
        raise SourceError(
            "the redirect table names pages by number only; give the page table too: "
            "--redirects …-redirect.sql.gz --redirects …-page.sql.gz",
            path=next(f for f in files if _kind(f) == "redirect"),
        )
    for file in pages:
        pairs += [
            (title.decode(), leads_to[int(number)])
            for number, title in _rows(file)
            if int(number) in leads_to
        ]
    kept = [(a, b) for a, b in pairs if key_of(a) is not None and key_of(b) is not None and a != b]
    with PartWriter(folder / part) as out:
        if kept:
            ids, targets = zip(*kept, strict=True)
            out.add(
                "redirects",
                batch(
                    "redirects",
                    from_id=list(ids),
                    key=[key_of(name) for name in ids],
                    to=[key_of(name) for name in targets],
                    kind="merge",
                ),
            )
    return Outcome(files=[part], facts={"redirects read": len(pairs)})


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


def _same_as(file: str) -> Pairs:
    found = []
    for block in _blocks(file):
        found += [(a.decode(), b.decode()) for a, b in _SAME_AS.findall(block)]
    return found


def _rows(file: str) -> Iterator[tuple[bytes, bytes]]:
    for block in _blocks(file):
        yield from _ROW.findall(block)


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
