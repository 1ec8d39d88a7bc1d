"""Where sentences end: all stops of some texts at once, by the kinds of the characters beside them.

A stop may be followed by one closing quote or bracket, by white space, by one opening one: such places are
decided by arrays; with a look at the word before a full stop, and at the words behind a quote. Whatever is
not of this kind is doubtful, and decided by `stops.ends`, one after another. Both ways agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kbtools.text import stops
from kbtools.text.lines import (
    CJK,
    CLOSE,
    DOT,
    DOTS,
    HARD,
    LOWER,
    MARK,
    OPEN,
    QUOTE,
    SIGN,
    UPPER,
    Bools,
    Laid,
    Places,
)  # fmt: skip


class _Stops(NamedTuple):
    """Runs of stops, in order, and what is around them."""

    at: Places  # [K] where a run begins
    behind: Places  # [K] behind its last
    block: Places  # [K] where its block begins
    limit: Places  # [K] and ends
    text: Places  # [K] which text it is of


class _Decided(NamedTuple):
    """What is known of stops."""

    cut: Places  # [K] where the next sentence would begin
    ends: Bools  # [K] a sentence ends here
    doubt: Bools  # [K] not decided


def cuts(found: Laid, edges: Places, langs: Sequence[str | None]) -> Places:
    """Return where sentences end and others begin, in blocks that begin at `edges`."""
    at, behind = _runs(found)
    if not len(at):
        return np.zeros(0, np.int64)
    block = np.searchsorted(edges, at, "right") - 1
    text = np.searchsorted(found.walls, at)
    limit = np.minimum(np.append(edges, len(found.text))[block + 1], found.walls[text])
    mine = _Stops(at, behind, edges[block], limit, text)
    decided = _decided(found, mine)
    if decided.doubt.any():
        _look(found, mine, decided, langs)
    where: Places = decided.cut[decided.ends & (decided.cut < limit)]
    return where


def _runs(found: Laid) -> tuple[Places, Places]:
    """Find runs of stops: one of soft ones ends where a hard one stands; that takes in all behind it."""
    places: Places = np.flatnonzero((found.kinds >= DOT) & (found.kinds <= HARD))
    fresh = np.diff(places, prepend=-2) != 1
    hard = found.kinds[places] == HARD
    if hard.any():
        so_far = np.cumsum(hard)
        before = (so_far - hard)[fresh][np.cumsum(fresh) - 1]
        fresh |= hard & (so_far - before == 1)
    begins = np.flatnonzero(fresh)
    behind: Places = places[np.append(begins[1:], len(places))[: len(begins)] - 1] + 1
    return places[begins], behind


def _decided(found: Laid, mine: _Stops) -> _Decided:
    kinds = found.kinds
    closed = kinds[mine.behind]
    quoted = closed == QUOTE
    close = mine.behind + (quoted | (closed == CLOSE))
    gap = kinds[close] < SIGN
    cut = np.where(gap, found.onwards(close), close)
    opened = kinds[cut] == OPEN
    follows = cut + opened
    here = kinds[follows]
    ends = kinds[mine.at] == HARD
    hard = ends.copy()
    doubt = kinds[cut] >= QUOTE
    doubt |= (gap | hard) & opened & ((here < SIGN) | (here >= OPEN))
    last = kinds[mine.behind - 1]
    doubt |= ~hard & ~gap & (((here == CJK) & (last == MARK)) | (opened & (last == DOTS)))
    soft = ~hard & gap
    doubt |= soft & (here >= DOT) & (here <= HARD)
    doubt &= cut < mine.limit
    soft &= ~doubt & (cut < mine.limit)
    dot = soft & (last == DOT) & (mine.behind - mine.at == 1)
    small = here == LOWER
    ends |= soft & ~small & (opened | (here != SIGN))
    odd = np.flatnonzero(dot & small & (kinds[follows + 1] != LOWER) & (kinds[follows + 1] >= UPPER))
    ends[odd] = [found.text[at].isupper() for at in (follows[odd] + 1).tolist()]  # iPhone
    _by_words(found, mine, np.flatnonzero(dot & ends & ~small), doubt)
    said = np.flatnonzero(quoted & ends & ~doubt & ~small & ~(hard & gap))
    _by_quotes(found, mine, said, follows, hard=hard, ends=ends)
    return _Decided(cut, ends & ~doubt, doubt)


def _by_words(found: Laid, mine: _Stops, which: Places, doubt: Bools) -> None:
    """Doubt full stops, but for those behind plain words."""
    at = mine.at[which]
    end = found.back(at)
    run = np.searchsorted(found.gap, end) - 1
    start = np.where(run < 0, 0, found.solid[run])
    near = (start >= mine.block[which]) & (start < end) & (at - start <= stops.REACH)
    text, plain = found.text, stops.plain
    pairs = zip(start.tolist(), np.where(near, end, start).tolist(), strict=True)
    doubt[which] = [not plain(text[low:high]) for low, high in pairs]


def _by_quotes(
    found: Laid, mine: _Stops, which: Places, follows: Places, *, hard: Bools, ends: Bools
) -> None:
    """Let sentences go on behind a quote if it is told who said it."""
    text = found.text
    told = zip(
        which.tolist(), follows[which].tolist(), found.walls[mine.text[which]].tolist(), hard[which].tolist(),
        strict=True,
    )  # fmt: skip
    for k, place, wall, is_hard in told:
        if (stops.SAID_CJK if is_hard else stops.SAID).match(text, place, wall):
            ends[k] = False


def _look(found: Laid, mine: _Stops, decided: _Decided, langs: Sequence[str | None]) -> None:
    """Decide what is doubtful, one stop after another."""
    known = np.where(decided.ends & (decided.cut < mine.limit), decided.cut, 0)
    before = np.append(0, np.maximum.accumulate(known)[:-1])
    which = np.flatnonzero(decided.doubt)
    since = np.maximum(mine.block, before)[which].tolist()
    walls = found.walls[mine.text[which]].tolist()
    text, latest, quotes, seen = found.text, 0, 0, -1
    told = zip(which.tolist(), mine.at[which].tolist(), mine.block[which].tolist(),
               mine.limit[which].tolist(), since, walls, mine.text[which].tolist(), strict=True)  # fmt: skip
    for k, at, block, end, begun, wall, number in told:
        match = stops.STOP.match(text, at, end)
        if match is None or match.end("gap") >= end:  # never none: a stop stands here
            continue
        cut = match.end("gap")
        quotes, seen = (0, block) if seen < block else (quotes, seen)
        quotes += text.count('"', seen, at)
        seen = at
        opened = match["open"]
        if opened.startswith('"') and opened[1:2].isspace() and match["gap"] and quotes % 2:
            cut += 1  # a quotation mark between spaces, and one was open
        if stops.ends(text, match, max(begun, latest), end, wall=wall, lang=langs[number]):
            decided.cut[k] = latest = cut
            decided.ends[k] = True
