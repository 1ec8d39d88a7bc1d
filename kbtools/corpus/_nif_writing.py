"""Documents as NIF 2.0 in Turtle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

import pyarrow as pa

from kbtools.corpus._nif_words import ITS, NIF, NIL, uri_of_document, uri_of_type
from kbtools.corpus._uris import OWN, id_of, uri_of

PREFIXES = {"nif": NIF, "itsrdf": ITS, "xsd": "http://www.w3.org/2001/XMLSchema#", "kbtools": OWN}
TOLD = {"gold", "ner"}  # kinds that NIF tells
_LANG = re.compile(r"[a-zA-Z]+(?:-[a-zA-Z0-9]+)*")
_ESCAPED = re.compile(r'[\x00-\x1f\x7f-\x9f"\\\u2028\u2029]')
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def write(documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    """Write documents with their links."""
    for prefix, uri in PREFIXES.items():
        file.write(f"@prefix {prefix}: <{uri}> .\n".encode())
    names: Counter[str] = Counter()
    for batch in documents:
        for row in batch.to_pylist():
            name = row["doc_id"]
            file.write("".join(_document(uri_of_document(name, names[name]), row)).encode())
            names[name] += 1


def _document(uri: str, row: Mapping[str, Any]) -> Iterator[str]:
    text, lang = row["text"], row["lang"]
    tagged = f"@{lang}" if lang and _LANG.fullmatch(lang) else ""
    context = f"<{uri}#char=0,{len(text)}>"
    yield f"\n{context}\n  a nif:Context, nif:RFC5147String ;\n  nif:isString {_string(text)}{tagged} ;\n"
    if lang and not tagged:
        yield f"  kbtools:lang {_string(lang)} ;\n"
    if row["meta"]:
        yield f"  kbtools:meta {_string(row['meta'])} ;\n"
    yield from _place(0, len(text))
    seen = Counter([(0, len(text))])  # the text itself has an address like that of a part
    for link in row["links"] or ():
        start, end = link["start"], link["end"]
        number = seen[start, end]
        seen[start, end] += 1
        yield f"\n<{uri}#char={start},{end}{f';{number}' if number else ''}>\n"
        yield "  a nif:Phrase, nif:RFC5147String ;\n"
        yield f"  nif:referenceContext {context} ;\n  nif:anchorOf {_string(text[start:end])} ;\n"
        yield from _told(link)
        yield from _place(start, end)


def _told(link: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is said of a link."""
    kind = link["kind"] or "anchor"
    entity = id_of(link)
    if entity is not None:
        told = [uri_of(*entity), *(uri_of(entity.kb, other) for other in link["others"] or ())]
        yield f"  itsrdf:taIdentRef {', '.join(f'<{uri}>' for uri in told)} ;\n"
    elif kind != "ner":
        yield f"  itsrdf:taIdentRef <{NIL}> ;\n"
    if link["type"] is not None:
        yield f"  itsrdf:taClassRef <{uri_of_type(link['type'])}> ;\n"
    if kind not in TOLD or (kind == "ner" and entity is not None):
        yield f"  kbtools:kind {_string(kind)} ;\n"
    if link["extra"]:
        yield f"  kbtools:extra {_string(link['extra'])} ;\n"


def _place(start: int, end: int) -> Iterator[str]:
    yield f'  nif:beginIndex "{start}"^^xsd:nonNegativeInteger ;\n'
    yield f'  nif:endIndex "{end}"^^xsd:nonNegativeInteger .\n'


def _string(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda found: _SHORT.get(found[0]) or f"\\u{ord(found[0]):04X}", text) + '"'
