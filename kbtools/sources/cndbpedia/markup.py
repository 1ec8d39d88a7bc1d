"""What stands in a value: links, other markup, names joined by commas."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

_TAGS = (
    "a|b|i|u|s|em|strong|sup|sub|br|p|div|span|img|font|small|big|center|li|ul|ol|dl|dt|dd|h[1-6]|table|tbody"
    "|tr|td|th|hr|pre|code|cite|label"
)
_VALUE = r"""(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
# only tags that there are: a<b and c>d is no markup
TAG = re.compile(rf"</?(?:{_TAGS})(?:\s+[\w:-]+\s*=\s*{_VALUE})*\s*/?>", re.IGNORECASE)
BREAK = re.compile(r"<(?:br|/?p|/?div|/?li|hr)\b[^<>]*>", re.IGNORECASE)
LINK = re.compile(r"<a(?:\s[^<>]*)?>((?:(?!<a[\s>]).)*?)</a\s*>", re.IGNORECASE | re.DOTALL)
BARE_LINK = re.compile("<a>([^<]*)</a>")
BLANKS = re.compile(r"[^\S\n]+")

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# a remark in brackets, at the end of a name
REMARK = re.compile(r"\s*[（(][^（()）]*[）)]\s*(?=等?$|[、，；;,/|])")
PARTING = re.compile(
    rf"(?:\s*[、，；;|]\s*|(?<=[{_CJK}])\s*[,/]\s*|\s*[,/]\s*(?=[{_CJK}])|\s+/\s+)"
    r"(?![^《]*》)"  # not inside the title of a book
)
NO_NAMES = {"无", "暂无", "没有", "不详", "未知", "待定", "待考", "空", "-", "--", "—", "——", "/", "等"}
LONGEST = 1000  # characters; more is no list of names
_EDGES = " \t\u3000,，、;；|"


class Value(NamedTuple):
    """A value without its markup, the targets of its links, and whether there is more than links."""

    text: str
    links: list[str]
    more: bool


def read_value(marked_up: str) -> Value:
    """Take a value apart.

    >>> read_value("河南<a>兰考县</a>城关镇")
    Value(text='河南兰考县城关镇', links=['兰考县'], more=True)
    >>> read_value("<a>北京</a>、<a href='x'>上海 &amp; 天津</a>")
    Value(text='北京、上海 & 天津', links=['北京', '上海 & 天津'], more=False)
    """
    links = [link.strip() for link in BARE_LINK.findall(marked_up)]
    if 2 * len(links) == marked_up.count("<") and all(links) and _is_plain(marked_up):
        text = marked_up.replace("<a>", "").replace("</a>", "").strip()
        return Value(text, links, _says_more(BARE_LINK.sub("", marked_up)))
    links = [link for found in LINK.findall(marked_up) if (link := one_line(found))]
    return Value(clean(marked_up), links, not links or _says_more(clean(LINK.sub("", marked_up))))


def _is_plain(marked_up: str) -> bool:
    """Tell whether there is nothing to clean: no references, no blanks but single spaces."""
    return "&" not in marked_up and "  " not in marked_up and marked_up.isprintable()


def _says_more(around: str) -> bool:
    return any(map(str.isalnum, around))


def clean(text: str) -> str:
    r"""Remove markup and resolve character references; line breaks stay.

    >>> clean("3<sup>2</sup> &lt; a<b<br/>x &nbsp; y")
    '32 < a<b\nx y'
    """
    text = TAG.sub("", BREAK.sub("\n", text)) if "<" in text else text
    text = html.unescape(text) if "&" in text else text
    return "\n".join(line for part in text.split("\n") if (line := BLANKS.sub(" ", part).strip()))


def one_line(text: str) -> str:
    """Clean what is a name: there are no lines in it."""
    return " ".join(clean(text).split())


def one_line_of(name: str) -> str:
    """Resolve the character references of a title; what looks like a tag is part of it."""
    return " ".join(html.unescape(name).split())


def split_names(text: str) -> list[str]:
    """Part the names that a value lists.

    >>> split_names("土豆、洋芋（西北）、山药蛋等"), split_names("AC/DC"), split_names("Apple, Inc.")
    (['土豆', '洋芋', '山药蛋'], ['AC/DC'], ['Apple, Inc.'])
    """
    if len(text) > LONGEST:
        return []
    text = " ".join(text.split())
    parts = [part.strip(_EDGES) for part in PARTING.split(REMARK.sub("", text) or text)]
    if len(parts) > 1:
        parts[-1] = parts[-1].removesuffix("等")
    return [part for part in dict.fromkeys(parts) if part and part not in NO_NAMES]
