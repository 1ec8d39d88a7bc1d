"""Units: stretches of tokens that are chosen as a whole, or not at all.

Where units begin is told by a flag for each token; a unit ends where the next one begins, and at padding,
special tokens and the ends of examples. So tokens, words, n-grams and given spans differ in flags alone, and
every ordinary token is in exactly one unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kbtools.arrays import ranges
from kbtools.models.batch import Columns
from kbtools.models.draws import Draws
from kbtools.models.masking.tokens import I64, Bools, Tokens, flat


class Units(NamedTuple):
    """U units, by their places."""

    first: I64  # [U] the place of the first token
    size: I64  # [U] tokens
    example: I64  # [U]

    def where(self, kept: Bools) -> Units:
        """Return some of them."""
        return Units(self.first[kept], self.size[kept], self.example[kept])

    def places(self) -> I64:
        """Return the places of all their tokens."""
        return ranges(self.first, self.size) if (self.size != 1).any() else self.first


class Spans(NamedTuple):
    """S stretches that were given."""

    first: I64  # [S] place of the first token
    stop: I64  # [S] place behind the last one
    at: I64  # [S] place of each in its flattened column

    def where(self, kept: Bools) -> Spans:
        """Return some of them."""
        return Spans(self.first[kept], self.stop[kept], self.at[kept])


def single(tokens: Tokens) -> Units:
    """Make each token a unit."""
    first = np.flatnonzero(tokens.free())
    return Units(first, np.ones(len(first), np.int64), tokens.example[first])


def begun(tokens: Tokens, starts: Bools) -> Units:
    """Part ordinary tokens where `starts` [P] says; leave out units of which a token is taken already.

    Behind a special token a unit begins whatever `starts` says: a text may have been cut inside a word.
    """
    begins = starts & tokens.ordinary
    begins[1:] |= tokens.ordinary[1:] & ~(tokens.ordinary[:-1] & (tokens.example[1:] == tokens.example[:-1]))
    begins[:1] = tokens.ordinary[:1]
    ends = tokens.ordinary.copy()
    ends[:-1] &= begins[1:] | ~tokens.ordinary[1:]
    first, last = np.flatnonzero(begins), np.flatnonzero(ends)
    units = Units(first, last - first + 1, tokens.example[first])
    return units if tokens.taken is None else units.where(~_any(tokens.taken, first, last + 1))


def words(tokens: Tokens, batch: Columns) -> Units:
    """Make each word a unit (whole-word masking)."""
    return begun(tokens, flat(batch["word_start"]))


def ngrams(tokens: Tokens, batch: Columns, weights: Sequence[float], draws: Draws, purpose: str) -> Units:
    """Part each example into n-grams of words; `weights` are those of 1, 2, 3 … words.

    The n-th number drawn in an example is the length of its n-th n-gram, so that they are as likely as the
    weights say, and each word is as likely as any other to be in a chosen one.
    """
    parts = words(tokens, batch)
    many = len(parts.first)
    bounds = np.cumsum(weights)[:-1] / np.sum(weights)
    length = np.searchsorted(bounds, draws.tokens(purpose).numpy().reshape(-1)[parts.first], "right") + 1
    behind = np.cumsum(length)
    of = np.bincount(parts.example, minlength=len(tokens.lengths))  # words of examples
    begin = (np.cumsum(of) - of)[parts.example]  # the first word of a word's example
    goes = begin + behind - length - (behind - length)[begin] if many else begin  # where its n-gram begins
    begins = np.zeros(many, np.bool_)
    begins[goes[goes < begin + of[parts.example]]] = True
    begins[1:] |= parts.first[1:] != parts.first[:-1] + parts.size[:-1]  # something stands between them
    starts = np.flatnonzero(begins)
    stop = parts.first + parts.size
    last = np.append(starts[1:], many)[: len(starts)] - 1
    first = parts.first[starts]
    return Units(first, stop[last] - first, parts.example[starts])


def spans_of(tokens: Tokens, batch: Columns, name: str) -> Spans:
    """Return the spans of a column [B, M, 2], without those that touch special tokens, and empty ones."""
    column, mask = batch[name].numpy(), flat(batch[f"{name}.mask"])
    width = batch["input_ids"].shape[1]
    rows = np.arange(column.shape[0])[:, None, None] * width
    spans = (column + rows).reshape(-1, 2)
    at = np.flatnonzero(mask & (column[..., 0] < column[..., 1]).reshape(-1))
    first, stop = spans[at, 0], spans[at, 1]
    return Spans(first, stop, at).where(~_any(~tokens.ordinary, first, stop))


def apart(spans: Spans) -> Spans:
    """Sort spans and leave out those that begin before one ends that began earlier."""
    order = np.lexsort((-spans.stop, spans.first))
    spans = Spans(spans.first[order], spans.stop[order], spans.at[order])
    before = np.maximum.accumulate(np.append(0, spans.stop))[:-1]
    return spans.where(spans.first >= before)


def with_spans(tokens: Tokens, starts: Bools, spans: Spans) -> tuple[Units, Bools]:
    """Make spans that lie apart units, and of what is between them what `starts` says.

    Return the units, and which of them are spans.
    """
    starts = starts & ~inside(tokens, spans)
    starts[spans.first] = True
    starts[spans.stop[spans.stop < len(starts)]] = True
    units = begun(tokens, starts)
    is_span = np.zeros(len(starts), np.bool_)
    is_span[spans.first] = True
    return units, is_span[units.first]


def inside(tokens: Tokens, spans: Spans) -> Bools:
    """Tell which tokens are in a span, [P]."""
    size = len(tokens.ids) + 1
    steps = np.bincount(spans.first, minlength=size) - np.bincount(spans.stop, minlength=size)
    found: Bools = np.cumsum(steps)[:-1] > 0
    return found


def _any(flags: Bools, first: I64, stop: I64) -> Bools:
    """Tell which stretches have a flag."""
    return many(flags, first, stop) > 0


def many(flags: Bools, first: I64, stop: I64) -> I64:
    """Count the flags of stretches."""
    before = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=before[1:])
    counted: I64 = before[stop] - before[first]
    return counted
