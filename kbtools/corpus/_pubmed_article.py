"""A citation of PubMed as a document."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import msgspec

from kbtools.corpus.base import Document

# A citation is parsed by itself: no document type can stand before it, so no entity can be declared. Prefixes
# that some declare at the root are declared here.
HEAD = b'<x xmlns:mml="mml" xmlns:xlink="xlink" xmlns:xsi="xsi">'
FOOT = b"</x>"
YEAR = re.compile(r"\d{4}")
NO_LABEL = {"", "UNLABELLED", "UNLABELED"}


class BrokenError(Exception):
    """It cannot be read; `line` counts from 0 in it."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


def article(data: bytes, lang: str | None) -> Document:
    """Read a citation: title, and paragraph by paragraph its abstract."""
    try:
        root = _parsed(_without_names(data))
    except ElementTree.ParseError:
        try:
            root = _parsed(data)  # the place of what is wrong has to be told
        except ElementTree.ParseError as error:
            raise BrokenError(
                f"not XML: {error.msg.rpartition(': line')[0]}", error.position[0] - 1
            ) from None
    citation = root.find("PubmedArticle/MedlineCitation")
    parts = {} if citation is None else {child.tag: child for child in citation}
    own = (parts["PMID"].text or "").strip() if "PMID" in parts else ""
    if not (own.isascii() and own.isdecimal()):
        raise BrokenError("a citation without a PMID")
    head = parts.get("Article")
    if head is None:
        raise BrokenError(f"citation {own} has no <Article>")
    title = _flat(head.find("ArticleTitle"))
    text, sections = _text(title, head.find("Abstract"))
    meta = {
        "title": title,
        "version": _number(parts["PMID"].get("Version", "")),
        **_ids(root.find("PubmedArticle/PubmedData/ArticleIdList")),
        **_meta(head),
        "mesh": [_heading(one) for one in parts.get("MeshHeadingList", ())],
        "sections": sections,
    }
    kept = {key: value for key, value in meta.items() if value}
    return Document(own, text, lang, msgspec.json.encode(kept).decode())


def _number(told: str) -> int:
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 5 else 1


def _text(title: str, abstract: ElementTree.Element | None) -> tuple[str, list[list[Any]]]:
    """Put title and abstract together; return also where its parts stand."""
    parts, sections, end = [title] if title else [], [], len(title)
    for one in () if abstract is None else abstract:
        if one.tag == "AbstractText" and (text := _flat(one)):
            label = (one.get("Label") or "").strip()
            label = "" if label in NO_LABEL else label
            text = f"{label}: {text}" if label else text
            start = end + 1 if parts else 0
            end = start + len(text)
            parts.append(text)
            sections.append([start, end, label or None])
    return "\n".join(parts), sections


def _parsed(data: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(b"".join((HEAD, data, FOOT)))  # noqa: S314 - see HEAD


def _without_names(data: bytes) -> bytes:
    """Cut out authors and references, which are half of the bytes and none of what is read."""
    begin = data.find(b"<AuthorList")
    end = data.find(b"</AuthorList>", begin)
    if 0 <= begin < end:
        data = data[:begin] + data[end + 13 :]
    begin, end = data.find(b"<ReferenceList"), data.rfind(b"</ReferenceList>")  # they may hold others
    return data[:begin] + data[end + 16 :] if 0 <= begin < end else data


def _flat(element: ElementTree.Element | None) -> str:
    if element is None:
        return ""
    text = "".join(element.itertext()) if len(element) else element.text or ""
    return " ".join(text.split())


def _meta(head: ElementTree.Element) -> dict[str, Any]:
    """Read the journal, the languages, and a DOI if it is told here."""
    told: dict[str, Any] = {}
    for one in head:
        if one.tag == "Journal":
            told |= {"journal": _flat(one.find("Title")), "year": _year(one)}
        elif one.tag == "Language" and one.text:
            told.setdefault("language", []).append(one.text)
        elif (
            one.tag == "ELocationID"
            and one.get("EIdType") == "doi"
            and one.get("ValidYN") != "N"
            and one.text
        ):
            told.setdefault("doi", one.text.strip())
    return told


def _year(journal: ElementTree.Element) -> int | None:
    date = journal.find("JournalIssue/PubDate")
    found = None if date is None else YEAR.search(date.findtext("Year") or date.findtext("MedlineDate") or "")
    return int(found[0]) if found else None


def _ids(ids: ElementTree.Element | None) -> dict[str, str]:
    """Read the article's own ids; those of its references are cut out."""
    found: dict[str, str] = {}
    for one in () if ids is None else ids:
        if (kind := one.get("IdType")) in {"doi", "pmc"} and one.text:
            found.setdefault(str(kind), one.text.strip())
    return found


def _heading(heading: ElementTree.Element) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for one in heading:
        name: dict[str, Any] = {"id": one.get("UI"), "name": one.text}
        if one.get("MajorTopicYN") == "Y":
            name["major"] = True
        if one.tag == "DescriptorName":
            told |= name
        else:
            told.setdefault("qualifiers", []).append(name)
    return told
