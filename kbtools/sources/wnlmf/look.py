"""What a file is, told from its beginning, and under which terms its lexicons come."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from kbtools.artefact import Licence
from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.sources._lines import beginning, is_utf8
from kbtools.sources.wnlmf.elements import LEXICONS, Elements
from kbtools.sources.wnlmf.tab import Header

HEAD = 1 << 16
_FREE = re.compile(r"creativecommons\.org/(licenses/by|publicdomain)|wordnet|\bcc[ -]?(by|0)|\bmit\b|apache")
_BOUND = re.compile(r"by-(sa-)?(nc|nd)|noncommercial")
_LEXICON = re.compile(rb"""<Lexicon(?:Extension)?(?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""")
_ROW = re.compile(r"\d{8}-[a-z]\t")
_HEADER = re.compile(r"#[^\t]*\t[^\t]*\t[^\t]*")
KINDS = "neither WN-LMF XML nor a .tab file of the Open Multilingual Wordnet"


def look(path: str) -> str:
    """Return what a file is: "xml" or "tab"; refuse all else."""
    head = _head(path)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if start.startswith(b"<") or (utf16 and "<" in head[:4].decode("utf-16", "replace")):
        _look_at_xml(path, head)
        return "xml"
    if utf16:
        raise SourceError("is UTF-16; a .tab file must be UTF-8: convert it with iconv", path=path)
    _look_at_tab(path, start)
    return "tab"


def licences(path: str) -> list[Licence]:
    """Return the terms of each lexicon in a file that `look` knows."""
    kind = look(path)
    with open_stream(path) as stream:
        if kind == "tab":
            header = Header.of(stream.read(HEAD))
            return [_licence(header.name, header.licence, header.url)] if header.licence else []
        found = []
        for tag in _tags(stream.chunks()):
            for element in Elements(path).read([b"<LexicalResource>", tag], last=False):
                at = element.at
                name = " ".join(filter(None, [at.get("label") or at.get("id", ""), at.get("version")]))
                found.append(_licence(name, at.get("license", ""), at.get("citation") or at.get("url", "")))
        return found


def _tags(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Find the tags that begin a lexicon, in UTF-8; parsing all to find these few takes ten times as long."""
    held = b""
    for chunk in chunks:
        held += chunk
        done = 0
        for match in _LEXICON.finditer(held):
            yield match[0]
            done = match.end()
        start = max(held.rfind(b"<"), done)
        held = held[start:] if len(held) - start < HEAD else b""


def _licence(source: str, terms: str, attribution: str) -> Licence:
    lower = terms.lower()
    free = _FREE.search(lower) and not _BOUND.search(lower)
    return Licence(
        source=source,
        licence=terms or "not stated",
        attribution=attribution,
        redistribute="yes" if free else "ask",
    )


def _head(path: str) -> bytes:
    with open_stream(path) as stream:
        return stream.read(HEAD)


def _look_at_xml(path: str, head: bytes) -> None:
    elements = Elements(path)
    found = [one.tag for one in elements.read([head], last=len(head) < HEAD)]
    if elements.broken and not found:
        at = elements.broken
        raise SourceError(at.reason, path=path, line=elements.broken_line + 1, byte=at.byte)
    if not LEXICONS & {*found}:
        raise SourceError("is WN-LMF, but has no lexicon in it: nothing to read", path=path)


def _look_at_tab(path: str, head: bytes) -> None:
    lines = head.splitlines() if len(head) < HEAD else head.splitlines()[:-1] or [head]
    good = [line for line in lines if is_utf8(line) and b"\0" not in line]
    if len(good) <= len(lines) // 2:
        raise SourceError(
            f"{KINDS} (tried UTF-8: {len(good)} of its first {len(lines)} lines are)", path=path
        )
    first = next((line.decode() for line in good if line.strip()), "")
    rows = (line.decode() for line in good if not line.startswith(b"#"))
    if not (_HEADER.match(first) or any(_ROW.match(row) for row in rows)):
        raise SourceError(f"{KINDS}; it begins with {beginning(first.encode())}", path=path)
