"""Sentences found one stop after another: slow, and what the fast way must agree with."""

from __future__ import annotations

import re
from itertools import pairwise

from kbtools.text import stops
from kbtools.text.stops import HAN, LATIN, STOP

LINE_END = re.compile(r"\r\n|[\n\r\x0b\x85\u2028]|(?P<paragraph>[\x0c\x1c\x1d\x1e\u2029])")
BULLET = re.compile(r"(?:[-*•‣◦·]|\(?\d{1,3}[.)])\s")


def slow_sentences(text, lang=None):
    """Return the spans of the sentences."""
    begins = slow_blocks(text)
    edges = []
    for start, end in pairwise([*begins, len(text)]):
        edges += [start, *_cuts(text, start, end, lang)]
    spans = []
    for start, end in pairwise([*sorted(set(edges)), len(text)]):
        words = text[start:end]
        if words.strip():
            left = start + len(words) - len(words.lstrip())
            spans.append((left, left + len(words.strip())))
    return spans


def slow_blocks(text):
    """Return where blocks begin."""
    lines, at = [], 0  # start, solid start, solid end, whether a paragraph ends behind it or a line is blank
    for found in [*LINE_END.finditer(text), None]:
        end = found.start() if found else len(text)
        words = text[at:end]
        if words.strip():
            left = at + len(words) - len(words.lstrip())
            lines.append([at, left, left + len(words.strip()), bool(found and found["paragraph"])])
        elif lines:
            lines[-1][3] = True
        at = found.end() if found else len(text)
    begins, first = ([0] if lines else []), 0
    for number, (one, two) in enumerate(pairwise(lines)):
        last = next((i for i in range(first, len(lines)) if lines[i][3]), len(lines) - 1)
        width = max(line[2] - line[1] for line in lines[first : last + 1])
        if one[3]:
            first = number + 1
        if one[3] or not _wrapped(text, one, two, width):
            begins.append(two[0])
    return begins


def _wrapped(text, one, two, width):
    head, tail = text[two[1]], text[one[2] - 1]
    han = HAN.match(head)
    more = 1 if han else len(text[two[1] :].split(None, 1)[0]) + 1
    full = one[2] - one[1] + more > width and (20 if han else 40) <= width < 161
    small = head.islower() and tail not in LATIN
    return (full or small) and not BULLET.match(text, two[1])


def _cuts(text, start, end, lang):
    since = start
    for found in STOP.finditer(text, start, end):
        cut = found.end("gap")
        if cut >= end:
            return
        opened = found["open"]
        if opened.startswith('"') and opened[1:2].isspace() and found["gap"]:
            cut += text.count('"', start, found.start()) % 2
        if stops.ends(text, found, since, end, wall=len(text), lang=lang):
            yield cut
            since = cut
