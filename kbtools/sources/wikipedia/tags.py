"""HTML inside wikitext: tags go, what they enclose stays; character references become characters."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from html.entities import html5

from kbtools.sources.wikipedia.marks import BREAK, CUT, hide

_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*+)(?=[\s/>])[^<>]*+>")
_REFERENCE = re.compile(r"&(#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_URL = re.compile(
    r"\[(?:(?:[a-z]{2,10}:)?//|(?:mailto|news|tel|sips?|sms|urn|geo|magnet|xmpp|bitcoin):)"
    r"[^\s\[\]<>\"\x01-\x08]++ *+((?:[^\[\]\n]++|\[\[[^\[\]\n]*+\]\])*+)\]",
    re.IGNORECASE,
)
_WITHIN_LINES = """
a abbr b bdi bdo big cite code data del dfn em font i ins kbd mark q rb rbc rp rt rtc ruby s samp small span
strike strong sub sup time tt u var wbr ref references nowiki math noinclude includeonly onlyinclude poem
section pre source syntaxhighlight gallery link meta img ce chem tvar translate languages imagemap timeline
score"""
_LINES = "center dd div dl dt h1 h2 h3 h4 h5 h6 li ol ul caption table tbody td th thead tr"
_INSTEAD = (
    dict.fromkeys(_WITHIN_LINES.split(), "")
    | dict.fromkeys(_LINES.split(), "\n")
    | {"br": BREAK, "hr": BREAK, "p": "\n\n", "blockquote": "\n\n"}
)


def without_tags(text: str) -> str:
    """Remove the tags that MediaWiki knows; what else stands between < and > is text."""
    return _TAG.sub(_tag, text) if "<" in text else text


def _tag(match: re.Match[str]) -> str:
    return _INSTEAD.get(match[1].lower(), match[0])


def with_characters(text: str) -> str:
    """Resolve character references once; blanks of every width become a blank."""
    if "&" not in text:
        return text
    return _REFERENCE.sub(_character, text.replace("&nbsp;", " "))


def _character(match: re.Match[str]) -> str:
    return _resolved(match[1])


@lru_cache(4096)
def _resolved(name: str) -> str:
    if name[0] == "#":
        text = html.unescape(f"&{name};")
    else:
        text = html5.get(f"{name};", "")
        if not text:
            return f"&{name};"
    if not text.strip():
        return " " if text else ""
    return hide(text)


def without_addresses(text: str) -> str:
    """Keep the words of links to the web; an address that stands alone is text."""
    return _URL.sub(_words, text) if "//" in text or "mailto:" in text else text


def _words(match: re.Match[str]) -> str:
    return match[1] or CUT
