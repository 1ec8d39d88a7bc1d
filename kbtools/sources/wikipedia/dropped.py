"""What a page of text does without: comments, footnotes, formulas and other extensions, templates, tables.

    text ──one look at each brace run and tag──▶ spans to cut ──▶ pieces, a CUT mark at each hole

Spans are found left to right with a stack, so nesting costs nothing and no input is read twice. What is never
closed is not cut: a template loses its braces, an extension its tag; an open table ends at the next heading.
An unclosed comment hides the rest of the page, as it does for readers of the wiki.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter

from kbtools.sources.wikipedia.marks import CUT, NOTHING, hide

_EXTENSIONS = """
timeline score hiero graph mapframe maplink imagemap inputbox templatedata templatestyles categorytree
indicator charinsert section rss quiz"""
_COUNTED_AS = dict.fromkeys(_EXTENSIONS.split(), "extensions") | {
    "ref": "references", "references": "", "math": "formulas", "chem": "formulas", "ce": "formulas",
    "pre": "code", "syntaxhighlight": "code", "source": "code", "gallery": "galleries", "includeonly": "",
    "nowiki": "",
}  # fmt: skip
_TOKEN = re.compile(rf"\{{\{{++|\}}\}}++|<(?:!--|({'|'.join(_COUNTED_AS)})(?=[\s/>])[^<>]*+>)", re.IGNORECASE)
_END = {name: re.compile(rf"</{name}\s*+>", re.IGNORECASE) for name in _COUNTED_AS}
_INCLUSION = re.compile(r"</?(?:noinclude|onlyinclude)\s*+/?>", re.IGNORECASE)
_NAME = re.compile(r"\{\{\s*+([^|{}<>\[\]\n]*)")

_CHARACTERS = {  # templates that stand for a character
    "nbsp": " ", "space": " ", "snd": " – ", "spnd": " – ", "spaced ndash": " – ", "ndash": "–", "mdash": "—",
    "'": "'", "'s": "'s", "-": "-", "=": "=", "·": " · ", "•": " • ", "dot": " · ", "bull": " • ", "!": "|",
}  # fmt: skip
_LINKS = (  # templates that link without brackets
    "main|main article|main articles|see also|see|further|further information|w|wl|wp|ill|interlanguage link|"
    "ill-wd|about|for|redirect|distinguish|hauptartikel|siehe auch|article détaillé|voir aussi|lien|仮リンク|"
    "main2|see2|link-en|le|tsl|tsl2|internal link helper|alink|flag|flagcountry|country|sortname|ship|uss|hms"
)
_LINKING = frozenset(_LINKS.split("|"))

_TABLE = re.compile(r"\n([ :*#;\x01]*+)(?:(\{\|)|(\|\})|=)|<(/?)table\b[^<>]*+>", re.IGNORECASE)


Span = tuple[int, int, str, str]  # where to cut, from and to; what to put there; as what to count it


def without_dropped(text: str, counts: Counter[str]) -> str:
    """Cut what is not text; `counts` says how much of each kind."""
    if "<" in text or "{{" in text or "}}" in text:
        if "{{!}}" in text:  # how a template writes a table
            text = text.replace("{{{!}}", "{|").replace("{{!}}}", "|}").replace("{{!}}", "|")
        if "include>" in text:
            text = _INCLUSION.sub("", text)
        text = _without(text, _markup_spans(text), counts)
        if "{{" in text:
            text = text.replace("{{", "")
        if "}}" in text:
            text = text.replace("}}", "")
    if "{|" in text or "<table" in text:
        text = _without("\n" + text, _table_spans("\n" + text), counts)
    return text


def _without(text: str, spans: list[Span], counts: Counter[str]) -> str:
    """Cut outermost spans."""
    if not spans:
        return text
    pieces = []
    done = 0
    for start, end, instead, counted in spans:
        pieces.append(text[done:start])
        done = end
        if counted:
            counts[counted] += 1
        if counted == "templates":
            name = _NAME.match(text, start)
            key = name[1].strip().lower() if name else ""
            pieces.append(_CHARACTERS.get(key, CUT))
            if key in _LINKING or text.find("[[", start, end) >= 0:
                counts["templates with links"] += 1
        else:
            pieces.append(instead)
    pieces.append(text[done:])
    return "".join(pieces)


def _markup_spans(text: str) -> list[Span]:
    """Find comments, extensions and templates."""
    spans: list[Span] = []
    open_braces: list[
        tuple[int, int]
    ] = []  # where runs of opening braces begin, and how many are left of them
    never_closed: set[str] = set()
    position = 0
    search = _TOKEN.search
    while token := search(text, position):
        start, position = token.span()
        first = text[start]
        if first == "{":
            open_braces.append((start, position - start))
        elif first == "}":
            if not open_braces:
                continue
            begin, opening = open_braces[-1]
            if opening == 2 == position - start:  # as nearly always
                open_braces.pop()
                while spans and spans[-1][0] > begin:
                    spans.pop()
                spans.append((begin, position, CUT, "templates"))
            else:
                _close_braces(open_braces, spans, position - start, position)
        elif token[1] is None:
            span = _comment(text, start)
            spans.append(span)
            position = span[1]
        else:
            name = token[1].lower()
            extension = None if name in never_closed else _extension(text, name, start, position)
            if extension is None:
                never_closed.add(name)
            else:
                spans.append(extension)
                position = extension[1]
    return spans


def _close_braces(open_braces: list[tuple[int, int]], spans: list[Span], closing: int, end: int) -> None:
    """Match a run of closing braces with the runs before it, two or more at a time."""
    while closing >= 2 and open_braces:
        begin, opening = open_braces.pop()
        both = min(opening, closing)
        closing -= both
        if opening - both >= 2:
            open_braces.append((begin, opening - both))
        start = begin + opening - both
        while spans and spans[-1][0] >= start:
            spans.pop()
        spans.append((start, end - closing, CUT, "templates"))


def _comment(text: str, start: int) -> Span:
    """Find the end of a comment; one that has lines of its own takes them along."""
    end = text.find("-->", start + 4)
    if end < 0:
        return (start, len(text), "", "")
    end += 3
    before, after = start, end
    while before and text[before - 1] == " ":
        before -= 1
    while text.startswith(" ", after):
        after += 1
    if (before == 0 or text[before - 1] == "\n") and text.startswith("\n", after):
        return (before, after + 1, "", "")
    return (start, end, "", "")


def _extension(text: str, name: str, start: int, content: int) -> Span | None:
    """Find the end of what an extension makes of its own; None if it is never closed."""
    if text[content - 2] == "/":
        return (start, content, NOTHING if name == "nowiki" else CUT, _COUNTED_AS[name])
    close = _END[name].search(text, content)
    if close is None:
        return None
    instead = CUT
    if name == "nowiki":
        instead = hide(text[content : close.start()]) or NOTHING
    return (start, close.end(), instead, _COUNTED_AS[name])


def _table_spans(text: str) -> list[Span]:
    """Find tables, in wiki markup and in HTML."""
    spans: list[Span] = []
    headings: list[int] = []
    opened: list[tuple[int, bool]] = []
    number = [0, 0]  # of tables open, by whether they are HTML
    for token in _TABLE.finditer(text):
        _, begin, end, closes_html = token.groups()
        html = closes_html is not None
        if begin or closes_html == "":
            opened.append((token.start() + (not html), html))
            number[html] += 1
        elif not (end or closes_html):
            headings.append(token.start())
        elif number[html]:
            kind = not html
            while kind != html:
                start, kind = opened.pop()
                number[kind] -= 1
            while spans and spans[-1][0] >= start:
                spans.pop()
            spans.append((start, token.end(), CUT, "tables"))
    if not opened:
        return spans
    headings.append(len(text))
    ends = [(start, headings[bisect_right(headings, start)]) for start, _ in opened]
    return _outermost(sorted([*spans, *((start, end, CUT, "tables") for start, end in ends)]))


def _outermost(spans: list[Span]) -> list[Span]:
    """Join spans that overlap."""
    joined: list[Span] = []
    for start, end, instead, counted in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end), instead, counted)
        else:
            joined.append((start, end, instead, counted))
    return joined
