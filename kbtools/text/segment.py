"""Sentences and words by rules: spans in code points, nothing learnt, nothing looked up but short lists.

A text falls into blocks at blank lines, and at line ends that no one wrapped (see `lines.blocks`); a block
falls into sentences behind . ! ? … 。 and the like, with the quotes and brackets that close there. Whether a
full stop ends a sentence, the word before it and what stands behind it decide: `stops.ends`. Where the kinds
of the characters beside it are enough to tell, all stops are decided at once; only others are looked at.

Known to be missed: a full stop without a space behind it, sentences of scripts without stops (Thai), and a
name that follows a short word like a sentence's first word does ("Acme Inc. Most agree").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kbtools.text.deciding import cuts
from kbtools.text.lines import Laid, Places, blocks, laid
from kbtools.text.words import words

__all__ = ["sentences", "sentences_of", "words"]

Spans = NDArray[np.int32]  # [S, 2]: start and end

TOGETHER = 1 << 18  # code points that are looked at together


class _Told(msgspec.Struct):
    """What a corpus may tell of a document."""

    sentences: list[tuple[int, int]] | None = None


def sentences(text: str, lang: str | None = None) -> Spans:
    """Return the spans of the sentences, in order: they hold all that is not white space.

    >>> text = "Dr. Li saw 3.5 km of it.  “Fine.” 他来了。她走了。"
    >>> [text[start:end] for start, end in sentences(text)]
    ['Dr. Li saw 3.5 km of it.', '“Fine.”', '他来了。', '她走了。']
    """
    return sentences_of([text], [lang])[1]


def sentences_of(
    texts: Sequence[str], langs: Sequence[str | None] | None = None, metas: Sequence[str | None] | None = None
) -> tuple[Places, Spans]:
    """Find the sentences of many texts: of text i they are rows offsets[i] up to offsets[i + 1] of the spans.

    What a corpus tells (`sentences` in the JSON of `metas`) counts, if it is spans of the text in order.
    """
    told = [_told(meta, text) for meta, text in zip(metas, texts, strict=True)] if metas else []
    mine = [i for i in range(len(texts)) if not told or told[i] is None]
    parts: list[Spans] = [np.zeros((0, 2), np.int32)]
    counts = np.zeros(len(texts), np.int64)
    for some in _together([len(texts[i]) for i in mine]):
        which = [mine[i] for i in some]
        found = laid([texts[i] for i in which])
        offsets, spans = _found(found, [langs[i] if langs else None for i in which])
        counts[which] = np.diff(offsets)
        parts.append(spans)
    spans = np.concatenate(parts)
    if len(mine) < len(texts):
        counts, spans = _with_told(told, counts, spans)
    return np.append(0, np.cumsum(counts)), spans


def _together(lengths: list[int]) -> Iterator[range]:
    """Divide texts into groups of some size."""
    begun = size = 0
    for i, length in enumerate(lengths):
        if size and size + length > TOGETHER:
            yield range(begun, i)
            begun, size = i, 0
        size += length
    if begun < len(lengths):
        yield range(begun, len(lengths))


def _told(meta: str | None, text: str) -> Spans | None:
    """Return what a corpus tells of the sentences of a text, if it can be so."""
    if not meta or '"sentences"' not in meta:
        return None
    try:
        spans = np.array(msgspec.json.decode(meta, type=_Told).sentences or [(-1, 0)], np.int64)
    except (msgspec.DecodeError, OverflowError):
        return None
    flat = spans.ravel()
    fits = flat[0] >= 0 and flat[-1] <= len(text) and (spans[:, 0] < spans[:, 1]).all()
    return spans.astype(np.int32) if fits and (flat[1:] >= flat[:-1]).all() else None


def _with_told(told: list[Any], counts: Places, spans: Spans) -> tuple[Places, Spans]:
    """Put the spans that were told between those that were found."""
    parts, at = [], 0
    for i, one in enumerate(told):
        parts.append(spans[at : at + counts[i]] if one is None else one)
        at += int(counts[i])
        counts[i] = len(parts[-1])
    return counts, np.concatenate(parts)


def _found(found: Laid, langs: Sequence[str | None]) -> tuple[Places, Spans]:
    """Find the sentences of some texts."""
    edges = blocks(found)
    begins = np.append(0, found.walls[:-1] + 1)
    edges = np.unique(np.concatenate([edges, cuts(found, edges, langs), found.walls]))
    first, last = found.onwards(edges[:-1]), found.back(edges[1:])
    kept = first < last
    first, last = first[kept], last[kept]
    text = np.searchsorted(found.walls, first)
    offsets = np.searchsorted(text, np.arange(len(begins) + 1))
    return offsets, np.stack([first - begins[text], last - begins[text]], axis=1).astype(np.int32)
