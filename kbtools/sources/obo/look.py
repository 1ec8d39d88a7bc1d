"""What an ontology says of itself in its header."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from kbtools.artefact import Licence
from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.sources._lines import beginning
from kbtools.sources.obo.stanzas import Stanza, stanzas

HEAD = 1 << 18
_OBO = re.compile(rb"^(format-version:|\[(Term|Typedef|Instance)\])", re.MULTILINE)
_OWL = re.compile(rb"<(rdf:RDF|owl:Ontology|Ontology)\b")
_FREE = re.compile(r"creativecommons\.org/(licenses/by|publicdomain)|\bcc[ -]?(by|0|zero)")
_BOUND = re.compile(r"by-(sa-)?(nc|nd)")


def look(path: str) -> tuple[str, Stanza]:
    """Return the name and the header of an ontology; refuse what is none."""
    with open_stream(path) as stream:
        head = stream.read(HEAD)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SourceError("is UTF-16, where UTF-8 was tried; convert it with iconv", path=path)
    if foreign := _foreign(head):
        raise SourceError(foreign, path=path)
    if not _OBO.search(head):
        what = f"not OBO: no format-version and no [Term]; it begins with {beginning(head)}"
        raise SourceError(what, path=path)
    header = next(stanzas(head, lambda *_: None))
    return header.first("ontology") or Path(path).name.partition(".")[0], header


def _foreign(head: bytes) -> str:
    """Say what a file is that is known and not OBO."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    xml = start.startswith(b"<")
    if xml and b"<LexicalResource" in head:
        return "is a wordnet in WN-LMF; kbtools ingest wnlmf reads it"
    if start.startswith((b"Prefix(", b"Ontology(", b"@prefix")) or (xml and _OWL.search(head)):
        return "is an ontology in OWL; convert it to OBO (ROBOT can)"
    if start.startswith((b"{", b"[{")):
        return "is JSON; an ontology in it must be converted to OBO (ROBOT can)"
    return f"is XML, and neither OBO nor OWL: it begins with {beginning(head)}" if xml else ""


def licence(head: tuple[str, Stanza]) -> Licence:
    """Return the terms that the header names, if it does."""
    name, header = head
    values = [tag.value.split(maxsplit=1) for tag in header.tags if tag.name == "property_value"]
    terms = next(
        (
            value[1].split()[0].strip('"')
            for value in values
            if len(value) == 2 and "licen" in value[0].lower()
        ),
        "",
    )
    release = header.first("data-version")
    free = _FREE.search(terms.lower()) and not _BOUND.search(terms.lower())
    return Licence(
        source=f"{name} {release}".strip(),
        licence=terms or "not stated",
        attribution=name,
        redistribute="yes" if free else "ask",
    )
