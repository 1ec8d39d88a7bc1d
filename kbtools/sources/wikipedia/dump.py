"""The XML of MediaWiki dumps: what their head says of the site, and the pages of a block.

The layout is fixed and made by a program, so tags are found by searching for them; nothing is nested in
itself. What a general XML document might hold besides (DTDs, entities, CDATA) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from kbtools.errors import SourceError
from kbtools.io import Block, open_stream
from kbtools.io.frames import CLOSE, OPEN
from kbtools.sources._lines import beginning
from kbtools.sources.wikipedia.site import Site

LONGEST_TITLE = 1000  # characters; MediaWiki allows 255 bytes
HEAD = 4 << 20  # bytes within which the first page must begin
_FIELD = re.compile(rb'<(title|ns|id)>([^<]*)</\1>|<redirect(?:\s+title="([^"]*)")?\s*/?>')
_TEXT = re.compile(rb"<text\b([^<>]*?)(/?)>")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_MODEL = re.compile(rb"<model>([^<]*)</model>")
_ENTITY = re.compile(rb"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(\w+));")
_REVISION, _REVISION_END = b"<revision>", b"</revision>"
_NAMED = {b"lt": b"<", b"gt": b">", b"amp": b"&", b"quot": b'"', b"apos": b"'"}
_DECLARED = re.compile(rb"""<\?xml[^>]*\bencoding\s*=\s*["']([^"']+)""")
_WIKIDATA = re.compile(r"\[?\s*+\{[^{}]{0,100}\"id\":\"[QPL]\d")
_OF_ITEMS = re.compile(r"<dbname>\s*wikidatawiki\s*</|<sitename>\s*Wikidata\s*</")
_INDEX = re.compile(r"\d+:\d+:\S")
_NAMESPACE = re.compile(r'<namespace\s+key="(-?\d+)"[^>]*?(?:/>|>([^<]*)</namespace>)')


class Page(NamedTuple):
    """One page: its last revision. `redirect` is None if it is none, "" if the dump does not say where to."""

    title: str
    namespace: int | None  # old dumps do not say
    number: int | None
    redirect: str | None
    model: str
    text: bytes | None  # still escaped; None if it was deleted, or is not in the dump
    revisions: int
    line: int
    byte: int


class Bad(NamedTuple):
    """What stands where a page should be."""

    reason: str
    line: int
    byte: int
    text: bytes


class UnreadableError(ValueError):
    """What a page holds that has no meaning."""


def pages(block: Block) -> Iterator[Page | Bad]:
    """Yield the pages of a block, in order."""
    data, line, counted = block.data, block.line, 0
    start = data.find(OPEN)
    while start >= 0:
        end = data.find(OPEN, start + len(OPEN))
        line += data.count(b"\n", counted, start)
        counted = start
        yield _page_or_bad(data[start : end if end >= 0 else len(data)], line, block.byte + start)
        start = end


def _page_or_bad(data: bytes, line: int, byte: int) -> Page | Bad:
    try:
        return _page(data, line, byte)
    except UnreadableError as error:
        return Bad(str(error), line, byte, data)


def _page(data: bytes, line: int, byte: int) -> Page:
    if CLOSE not in data:
        raise UnreadableError("a page that is cut off in the middle: </page> is missing")
    if b"<!" in data:
        data = _COMMENT.sub(b"", data)
        if b"<!" in data:
            raise UnreadableError("a declaration or CDATA section within a page; MediaWiki writes none")
    if b"\0" in data:
        raise UnreadableError("NUL bytes within a page")
    first, last = data.find(_REVISION), data.rfind(_REVISION)
    after = data.rfind(_REVISION_END)
    outside = data if first < 0 else data[:first] + (data[after:] if after >= 0 else b"")
    fields: dict[bytes, bytes] = {}
    redirect = None
    for match in _FIELD.finditer(outside):
        if match[1]:
            fields.setdefault(match[1], match[2])
        else:
            redirect = plain(match[3] or b"")
    title = plain(fields.get(b"title", b"")).strip()
    if not title:
        raise UnreadableError("a page without a title")
    if len(title) > LONGEST_TITLE:
        raise UnreadableError(f"a title of {len(title):,} characters")
    namespace, number = fields.get(b"ns"), fields.get(b"id", b"")
    model = _MODEL.search(data, last) if last >= 0 else None
    return Page(
        title=title,
        namespace=None if namespace is None else _number(namespace, "namespace"),
        number=_number(number, "page id") if number else None,
        redirect=redirect,
        model=plain(model[1]) if model else "wikitext",
        text=_text(data, last) if last >= 0 else None,
        revisions=data.count(_REVISION),
        line=line,
        byte=byte,
    )


def _number(text: bytes, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UnreadableError(f"a {what} that is no number: {text[:20].decode(errors='replace')!r}") from None


def _text(data: bytes, at: int) -> bytes | None:
    begin = _TEXT.search(data, at)
    if begin is None or b"deleted=" in begin[1]:
        return None
    if begin[2]:
        # an empty page, or a dump of stubs: those tell how long the text is that they leave out
        size = re.search(rb'bytes="(\d+)"', begin[1])
        return None if size and int(size[1]) else b""
    end = data.find(b"</text>", begin.end())
    if end < 0:
        raise UnreadableError("a text that does not end: </text> is missing")
    return data[begin.end() : end]


def plain(data: bytes) -> str:
    """Return what escaped text means.

    >>> plain(b"AT&amp;T &lt;b&gt; &#20013;&#x6587; &amp;nbsp;")
    'AT&T <b> 中文 &nbsp;'
    """
    if b"<" in data:
        raise UnreadableError("a tag within text")
    if b"&" in data:
        data = _unescaped(data)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8: {error.reason}") from None


def _unescaped(data: bytes) -> bytes:
    known = sum(data.count(b"&" + name + b";") for name in (b"lt", b"gt", b"quot", b"amp"))
    if known != data.count(b"&"):
        return _ENTITY.sub(_character, _checked(data))
    data = data.replace(b"&lt;", b"<").replace(b"&gt;", b">").replace(b"&quot;", b'"')
    return data.replace(b"&amp;", b"&")


def _checked(data: bytes) -> bytes:
    if data.count(b"&") != len(_ENTITY.findall(data)):
        raise UnreadableError("an '&' that begins no entity")
    return data


def _character(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, name = match.groups()
    if name:
        if name not in _NAMED:
            raise UnreadableError(f"an unknown entity &{name[:30].decode(errors='replace')};")
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000 or code == 0:
        raise UnreadableError(f"&#{code}; is no character")
    return chr(code).encode()


def head(path: str) -> str:
    """Return what stands before the first page of a dump; refuse what is none."""
    with open_stream(path) as stream:
        data = stream.read(1 << 16)
        while not _begins(data) and len(data) < HEAD and (more := stream.read(1 << 16)):
            data += more
        damage = stream.damage
    text = _decoded(data, path)
    before, found, _ = text.partition(OPEN.decode())
    if "<!DOCTYPE" in before or "<!ENTITY" in before:
        raise SourceError(
            "declares a document type; MediaWiki dumps have none, and entities are not expanded", path=path
        )
    if "<mediawiki" not in before:
        if _INDEX.match(text):
            what = "is the index of a multistream dump, which is not needed: leave it out"
            raise SourceError(what, path=path)
        what = f"not a MediaWiki XML dump: expected <mediawiki>, found {beginning(data)}"
        cure = "give …-pages-articles.xml.bz2"
        if _WIKIDATA.match(text.lstrip()):
            cure = "is it Wikidata's JSON, for kbtools ingest wikidata?"
        raise SourceError(f"{what}; {cure}", path=path)
    if not found and damage is None:
        raise SourceError("a MediaWiki XML dump without a <page>; give …-pages-articles.xml.bz2", path=path)
    models = set(_MODEL.findall(data))
    if _OF_ITEMS.search(before) or (models and all(model.startswith(b"wikibase-") for model in models)):
        what = "is Wikidata, whose items are no wikitext; take its JSON dump (…-all.json.bz2)"
        raise SourceError(f"{what} and kbtools ingest wikidata", path=path)
    return before


def _begins(data: bytes) -> bool:
    return any(OPEN.decode().encode(encoding) in data for encoding in ("utf-8", "utf-16-le", "utf-16-be"))


def _decoded(data: bytes, path: str) -> str:
    wide = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
    encoding = wide.get(data[:2])
    declared = _DECLARED.search(data)
    if encoding is None and declared and declared[1].lower() not in {b"utf-8", b"utf8", b"us-ascii"}:
        name = declared[1].decode(errors="replace")
        raise SourceError(f"is declared as {name}; UTF-8 and UTF-16 are read", path=path)
    return data.decode(encoding or "utf-8-sig", "replace")


def site_of(before: str, path: str, override: str | None = None) -> Site:
    """Read a site's description from the head of its dump; `override` is its true database name."""

    def one(pattern: str) -> str:
        found = re.search(pattern, before)
        return plain(found[1].encode()).strip() if found else ""

    dbname = override or one(r"<dbname>([^<]*)</dbname>")
    lang = one(r'<mediawiki\b[^>]*\bxml:lang="([^"]*)"')
    host = re.match(r"https?://([a-z-]+)\.wikipedia\.org/", one(r"<base>([^<]*)</base>"))
    if override or not lang:
        lang = language_of(override or dbname) or (host[1] if host else lang)
    if not lang:
        raise SourceError("does not say what language it is in; say --site, such as --site enwiki", path=path)
    named = {int(key): plain(name.encode()) for key, name in _NAMESPACE.findall(before) if int(key)}
    return Site(
        lang=lang,
        dbname=dbname or f"{lang.replace('-', '_')}wiki",
        case=one(r"<case>([^<]*)</case>") or "first-letter",
        namespaces=named,
        name=one(r"<sitename>([^<]*)</sitename>"),
    )


def language_of(dbname: str) -> str:
    """Return the language of a Wikipedia's database name.

    >>> language_of("zh_yuewiki"), language_of("dewiki"), language_of("wikidatawiki")
    ('zh-yue', 'de', '')
    """
    found = re.fullmatch(r"([a-z_]+)wiki", dbname)
    return found[1].replace("_", "-") if found and found[1] not in {"wikidata", "commons", "meta"} else ""
