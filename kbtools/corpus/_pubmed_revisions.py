"""Which citations of PubMed are still right: told by their numbers alone, before any is parsed.

What happens to a version of a citation happens in the order of the files' numbers (`pubmed24n0001`: year and
number) and of what stands in them, however the files are sorted: the last revision counts, unless the
version is deleted after it. Of the versions that are left of a citation the highest counts. `DateRevised` is
no order: the library changes citations without it. Only files that have no number are ordered by it; they
follow all that have one, and what they delete is deleted.

Memory: 10 bytes a citation, 4 more if a file has no number; sorting takes a 16th of the citations at a time.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.corpus._pubmed_blocks import ANY, OWN, blocks
from kbtools.io import open_stream

NUMBER = re.compile(r"(\d\d)n(\d{4,6})(?!\d)")
DATE = re.compile(rb"<DateRevised>\s*<Year>(\d{4})</Year>\s*<Month>(\d\d?)</Month>\s*<Day>(\d\d?)</Day>")
SHARES = 16
NEVER = 0xFFFF_FFFF  # the date of what comes after everything
HEAD = 4096  # bytes of a citation in which its number stands
Bools = NDArray[np.bool_]


class Events(NamedTuple):
    """What a file says of citations, in order; `date` only where the file's name tells no order."""

    pmid: NDArray[np.uint32]
    version: NDArray[np.uint16]
    gone: Bools
    date: NDArray[np.uint32] | None


class Standing(NamedTuple):
    """What is to be skipped, file by file, by the number of the citation in its file; and how many why."""

    skip: list[NDArray[np.uint32]]
    earlier: int
    deleted: int


def rank(file: str) -> tuple[int, int, int, str]:
    """Return what orders the files: numbered ones first.

    >>> rank("update/pubmed24n1220.xml.gz")[:3], rank("results.xml")[:3]
    ((0, 24, 1220), (1, 0, 0))
    """
    found = NUMBER.search(Path(file).name)
    return (0, int(found[1]), int(found[2]), file) if found else (1, 0, 0, file)


def events_of(file: str) -> Events:
    """Look through a file for the numbers of its citations."""
    pmids, versions, gone, dates = array("I"), array("H"), array("B"), array("I")
    dated = rank(file)[0] == 1
    with open_stream(file) as stream:
        for block in blocks(stream.chunks()):
            if block.kind == "article":
                own = OWN.search(block.data, 0, HEAD)
                found = [(own[1], own[2])] if own else [(b"0", b"0")]
            elif block.kind == "deletions":
                found = ANY.findall(block.data)
            else:
                continue
            for version, pmid in found:
                pmids.append(int(pmid))
                versions.append(int(version or 1))
                gone.append(block.kind == "deletions")
                if dated:
                    dates.append(NEVER if gone[-1] else _date(block.data))
    return Events(
        np.asarray(pmids, np.uint32),
        np.asarray(versions, np.uint16),
        np.asarray(gone, bool),
        np.asarray(dates, np.uint32) if dated else None,
    )


def _date(data: bytes) -> int:
    found = DATE.search(data, 0, HEAD)
    return int(found[1]) * 10000 + int(found[2]) * 100 + int(found[3]) if found else 1


def standing(files: Sequence[str], events: Iterable[Events]) -> Standing:
    """Decide what counts; the events are those of the files, in the same order."""
    held = list(events)
    order = sorted(range(len(files)), key=lambda at: rank(files[at]))
    at = np.cumsum([0, *(len(held[one].pmid) for one in order)])
    all_ = _in_order([held[one] for one in order])
    held.clear()
    keep = all_.pmid == 0  # without a number: whoever parses it will tell
    deleted = 0
    for share in range(SHARES):
        mine = np.flatnonzero((all_.pmid % SHARES == share) & (all_.pmid > 0))
        deleted += _decide(mine, all_, keep)
    skip: list[NDArray[np.uint32]] = [np.zeros(0, np.uint32)] * len(files)
    for place, one in enumerate(order):
        cut = slice(at[place], at[place + 1])
        skip[one] = np.flatnonzero(~keep[cut][~all_.gone[cut]]).astype(np.uint32)
    return Standing(skip, sum(map(len, skip)) - deleted, deleted)


def _in_order(events: list[Events]) -> Events:
    dated = any(one.date is not None for one in events)
    dates = [np.zeros(len(one.pmid), np.uint32) if one.date is None else one.date for one in events]
    return Events(
        np.concatenate([np.zeros(0, np.uint32), *(one.pmid for one in events)]),
        np.concatenate([np.zeros(0, np.uint16), *(one.version for one in events)]),
        np.concatenate([np.zeros(0, np.bool_), *(one.gone for one in events)]),
        np.concatenate(dates) if dated else None,
    )


def _decide(mine: NDArray[np.int64], events: Events, keep: Bools) -> int:
    """Mark in `keep` what counts of some events; return how many citations were deleted after all."""
    pmid, version, gone, dates = events
    keys = pmid[mine].astype(np.uint64) << np.uint64(16) | version[mine]
    by = np.argsort(keys, kind="stable") if dates is None else np.lexsort((dates[mine], keys))
    mine, keys = mine[by], keys[by]
    last = _ends(keys)
    left = mine[last]
    fell = keys[last][gone[left]]
    left = left[~gone[left]]
    keep[left[_ends(pmid[left])]] = True
    return int(np.count_nonzero(np.isin(keys[~gone[mine]], fell)))


def _ends(keys: NDArray[np.unsignedinteger[Any]]) -> Bools:
    """Tell which is the last of its run."""
    return np.append(keys[1:] != keys[:-1], True)[: len(keys)]
