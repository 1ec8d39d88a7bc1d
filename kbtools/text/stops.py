"""Whether a sentence ends at a stop: the patterns and rules for one place, whatever stands around it."""

from __future__ import annotations

import re
from functools import lru_cache

from kbtools.text import CJK
from kbtools.text.abbreviations import goes_on, listed, may_go_on

REACH = 40  # code points before a full stop that are looked at

CLOSERS = r"""["'”’»›)\]}」』）】》〉〕］｝*_]"""
OPENERS = r"""["'“‘„‚«‹(\[{「『（【《〈¿¡`*_–—•-]"""
EMOJI = "[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]"
EXTENDING = (
    "[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]"  # of one character with these
)
LATIN = ".!?…‼⁇⁈⁉؟۔։።\u037e"  # must be followed by white space
WIDE = "。！？｡；।॥"  # need not
QUOTES = "\"'”’」』»"
BEGINNING = "#@$€£%&§"  # a sentence may begin with these, and with all that is no ASCII sign: beyond 0x2000
STOP = re.compile(
    rf"""
    (?: (?<![{LATIN}]) (?P<soft> [{LATIN}]++ ) | (?P<hard> [{WIDE}] [{WIDE}{LATIN}]*+ ) )
    {EXTENDING}*+
    (?P<close> (?: {CLOSERS} | \[\d+\] | [ ](?:''|[”»]) | [ ]?{EMOJI} {EXTENDING}*+ )*+ )
    (?P<gap> \s*+ )
    (?P<open> (?: {OPENERS} \s* )*+ )
    """.replace("[ ]", r"[\ ]"),
    re.VERBOSE,
)
SAID = re.compile(rf"(?:[^\W\d_]+\s+){{1,2}}(?:{'|'.join(sorted(listed('saying')))})\b")
SAID_CJK = re.compile("[一-鿿]{0,6}[说說问問道喊叫答](?:[，。：,:]|$)|[，、,的]")
WORD = re.compile(r"[^\W\d_]+")
BEFORE_WORD = "\"'“‘„‚«‹([{*_–-"
ACRONYM = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
LISTED = re.compile(r"(?:\d{1,3}|[ivxIVX]{1,5}|[A-Za-z])")
IN_URL = re.compile(r"(?:://|www\.)[!-~]*\Z")
HAN = re.compile(f"[{CJK}]")


def ends(text: str, found: re.Match[str], since: int, end: int, *, wall: int, lang: str | None) -> bool:
    """Tell whether a sentence ends at a stop; it began at `since`. The text ends at `wall`."""
    at, follows = found.start(), found.end()
    quoted = any(mark in found["close"] for mark in QUOTES)
    if found["hard"]:
        return not (quoted and not found["gap"] and SAID_CJK.match(text, follows, wall))
    here = text[follows] if follows < end else " "
    soft = found["soft"]
    if not found["gap"]:  # 很好!下次再来 is two, 3.5 and example.com/?q are one
        wide = HAN.match(text, found.end("close")) is not None
        wide = (wide and soft[-1] in "!?") or (soft[-1] == "…" and found["open"][:1] in ("“", "「", "『"))
        return wide and not IN_URL.search(text[max(since, at - REACH) : at])
    if here.islower():
        return soft == "." and text[follows + 1 : follows + 2].isupper()  # iPhone
    begins = here.isalnum() or found["open"] != "" or here in BEGINNING or ord(here) > 0x2000
    if not begins or (quoted and SAID.match(text, follows, wall)):
        return here == " "  # the last stop of all
    return soft != "." or _full_stop(text, at, follows, since, lang)


def _full_stop(text: str, at: int, follows: int, since: int, lang: str | None) -> bool:
    """Tell whether one full stop ends a sentence, by the words beside it."""
    reach = text[max(since, at - REACH) : at].rstrip()
    token = reach.rsplit(None, 1)[-1].rpartition("—")[2].lstrip(BEFORE_WORD) if reach else ""
    if not token:
        return True
    first = at - since < REACH and not reach[: -len(token)].strip(" \t\r\n([")
    if first and LISTED.fullmatch(token):
        return False  # "1. Introduction"
    number = token.isdigit() and len(token) <= 2 and lang == "de"  # "am 3. Oktober"
    if number or goes_on(token, text[follows : follows + 1].isdigit()):
        return False
    initial = len(token) == 1 and token.isupper()
    if initial or ACRONYM.fullmatch(token) or may_go_on(token):
        word = WORD.match(text, follows)
        return bool(word and word[0].lower() in listed("starters") and not (initial and len(word[0]) == 1))
    return True


@lru_cache(maxsize=1 << 16)
def plain(token: str) -> bool:
    """Tell of what stands before a full stop, up to white space, that it is a word and none written short.

    A sentence ends there then, wherever it began and whatever follows that can begin one.
    """
    word = token.lstrip(BEFORE_WORD)
    if not word.isalpha() or LISTED.fullmatch(word) or (len(word) == 1 and word.isupper()):
        return False
    return not goes_on(word, True) and not may_go_on(word)
