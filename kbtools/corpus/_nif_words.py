"""The words of NIF 2.0: what properties and places are called, and what is kept that it has no words for."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from kbtools.corpus._turtle import RDF_TYPE
from kbtools.corpus._uris import OWN

NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
ITS = "http://www.w3.org/2005/11/its/rdf#"
THING = "http://www.w3.org/2002/07/owl#Thing"
NAMES = {  # of properties that are read, by their addresses
    **{NIF + name: name for name in ("isString", "beginIndex", "endIndex", "anchorOf", "referenceContext",
                                     "sourceUrl")},
    **{ITS + name: name for name in ("taIdentRef", "taClassRef", "taConfidence")},
    **{OWN + name: name for name in ("kind", "meta", "lang", "extra")},
    RDF_TYPE: "type",
}  # fmt: skip
NO_MENTIONS = {"Sentence", "Word", "Paragraph", "Title", "Structure", "Context", "ContextCollection"}
NIL = OWN + "nil"

_DOCUMENT, _TYPE = OWN + "document:", OWN + "type:"
_PLACE = re.compile(r"[#?&](?:(?:char|nif)=|offset_|hash_)[^#?&]*$")
_NUMBERS = re.compile(r"[#?&](?:char=(\d{1,18}),(\d{1,18})|offset_(\d{1,18})_(\d{1,18}))")
_ADDRESS = re.compile(r"(?:https?|urn|file|ftp):[^\s<>\"{}|\\^`\x00-\x20]+")


def bare(uri: str) -> str:
    """Return the address of a document without the part that names a place in it."""
    return _PLACE.sub("", uri)


def place(uri: str) -> tuple[int, int] | None:
    """Read the offsets in an address, as RFC 5147 writes them and as NIF does."""
    found = _NUMBERS.search(uri)
    if found is None:
        return None
    start, end = (int(each) for each in found.groups() if each is not None)
    return start, end


def uri_of_document(name: str, number: int) -> str:
    """Return an address for a document; `number` tells those of one name apart."""
    plain = _ADDRESS.fullmatch(name) and bare(name) == name and not name.startswith(OWN)
    if plain and not number:
        return name
    return f"{_DOCUMENT}{quote(name, safe='')}" + (f":{number}" if number else "")


def name_of_document(uri: str) -> str | None:
    """Return the name of a document that has no address of its own."""
    if not uri.startswith(_DOCUMENT):
        return None
    return unquote(uri.removeprefix(_DOCUMENT).partition(":")[0])


def uri_of_type(name: str) -> str:
    """Return an address for a type."""
    return _TYPE + quote(name, safe="")


def name_of_type(uri: str) -> str:
    """Return what is after the last `#` or `/` of an address."""
    if uri.startswith(_TYPE):
        return unquote(uri.removeprefix(_TYPE))
    return re.split(r"[#/]", uri.rstrip("#/"))[-1]
