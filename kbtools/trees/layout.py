"""Trees laid flat: trunk and branches in one row, with soft positions, branch and word numbers.

Liu et al., K-BERT (AAAI 2020): the tokens of the sentence count 0, 1, 2 …; a branch stands behind the last
token of its head word and counts on from there, and so do its siblings; the next word goes on as if nothing
stood between. All rows of a block lie end to end, so that a running sum places every token.

trunk-first: the sentence has been cut to what there is room for; whole branches follow from left to right,
each if it still fits. reference: everything is laid out, then rows are cut, through branches if need be.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.trees.base import I64, NO_ROOM, NO_TOKENS, TAKEN, Bools, Considered, Mentions, Sentences, Tokens
from kbtools.trees.settings import Settings
from kbtools.trees.tokens import Specials

I8 = NDArray[np.int8]
I16 = NDArray[np.int16]


class Branches(NamedTuple):
    """The tokens of facts, each once."""

    tokens: Tokens
    slot: I64  # [C] which of them a fact that was considered has; −1: it was not taken


class Rows(NamedTuple):
    """N trees, laid end to end: R tokens in all."""

    offsets: I64  # [N + 1]
    source: I64  # [R] the token: of sentences, then (from T) of branches, then special ones
    soft: I16  # [R]
    branch: I16  # [R] 0: trunk
    word: I16  # [R]
    segment: I8  # [R]
    lost: I64  # [N] tokens of the sentences there was no room for
    fact: I64  # [R] the row of Considered that a token of a branch tells; −1: trunk

    @property
    def size(self) -> int:
        """How many trees there are."""
        return len(self.lost)


class _Trunk(NamedTuple):
    """The trunks of all trees, laid end to end: U tokens."""

    begins: I64  # [N + 1]
    source: I64  # [U]
    word: I64  # [U] counted from 0 in each tree
    segment: I8  # [U]
    place: I64  # [T] of each token of the sentences


def kept(sizes: I64, tree: I64, settings: Settings, specials: Specials) -> I64:
    """Say how many tokens of each sentence have room: of a pair the longer one is cut first."""
    second = np.append(False, tree[1:] == tree[:-1])[: len(tree)]
    paired = np.append(second[1:], False)[: len(tree)]
    single = settings.max_length - len(specials.begin) - len(specials.end)
    found: I64 = np.minimum(sizes, single)
    a = np.flatnonzero(paired)
    room = settings.max_length - len(specials.begin) - len(specials.between) - len(_end(specials))
    room = max(room, 0)
    left, right = sizes[a], sizes[a + 1]
    if settings.policy == "reference":
        found[a] = np.minimum(left, settings.max_length)
        found[a + 1] = np.minimum(right, settings.max_length)
        return found
    half, rest = -(-room // 2), room // 2
    over = left + right > room
    found[a] = np.where(over, np.minimum(left, np.maximum(room - right, half)), left)
    found[a + 1] = np.where(over, np.minimum(right, np.maximum(room - left, rest)), right)
    return found


def lay(
    sentences: Sentences, considered: Considered, branches: Branches, settings: Settings, specials: Specials
) -> tuple[Rows, Considered]:
    """Lay trees out; what has no room is told in `why` of what was considered."""
    total, grown = len(sentences.tokens.strings), len(branches.tokens.strings)
    trunk = _trunk(sentences, specials, total + grown)
    mentions = sentences.mentions
    rows = np.flatnonzero(considered.why == TAKEN)
    lengths = np.diff(branches.tokens.begins)[branches.slot[rows]]
    why = considered.why.copy()
    why[rows[lengths == 0]] = NO_TOKENS
    rows, lengths = rows[lengths > 0], lengths[lengths > 0]
    tree = sentences.tree[mentions.sentence[considered.mention[rows]]]
    if settings.policy == "trunk-first":
        fits = _fitting(tree, lengths, settings.max_length - np.diff(trunk.begins))
        why[rows[~fits]] = NO_ROOM
        rows, lengths, tree = rows[fits], lengths[fits], tree[fits]
    chosen = _Chosen(
        rows, considered.mention[rows], lengths, tree, branches.tokens.begins[branches.slot[rows]] + total
    )
    made = _flat(trunk, chosen, mentions, sentences)
    if settings.policy == "reference":
        made = _cut(made, settings.max_length, total)
        why[np.setdiff1d(rows, made.fact)] = NO_ROOM
    return made, considered._replace(why=why)


class _Chosen(NamedTuple):
    """Branches that are laid out, by mention."""

    row: I64  # of Considered
    mention: I64
    length: I64
    tree: I64
    source: I64  # the first token


def _end(specials: Specials) -> list[int]:
    """Return what ends a pair: it ends even where a single sentence does not."""
    return specials.end or specials.between[-1:]


def _trunk(sentences: Sentences, specials: Specials, first_special: int) -> _Trunk:
    tokens, tree = sentences.tokens, sentences.tree
    second = np.append(False, tree[1:] == tree[:-1])[: len(tree)]
    paired = np.append(second[1:], False)[: len(tree)]
    sizes = np.diff(tokens.begins)
    before = np.where(second, 0, len(specials.begin))
    after = np.where(paired, len(specials.between), np.where(second, len(_end(specials)), len(specials.end)))
    whole = before + sizes + after
    at = np.append(0, np.cumsum(whole))
    source = np.empty(int(at[-1]), np.int64)
    place = ranges(at[:-1] + before, sizes)
    source[place] = np.arange(len(place))
    _put(source, at[:-1][~second], specials.begin, first_special)
    close = at[:-1] + before + sizes
    _put(source, close[paired], specials.between, first_special)
    _put(source, close[second], _end(specials), first_special)
    _put(source, close[~paired & ~second], specials.end, first_special)
    starts = np.ones(len(source), np.bool_)
    starts[place] = _word_starts(tokens, sentences.mentions)
    begins = np.append(at[:-1][~second], at[-1])
    count = np.cumsum(starts)
    head = np.repeat(np.append(count, 0)[begins[:-1]], np.diff(begins))
    segment = np.repeat(second.astype(np.int8), whole)
    return _Trunk(begins, source, count - head, segment, place)


def _put(source: I64, places: I64, what: list[int], first: int) -> None:
    for number, special in enumerate(what):
        source[places + number] = first + special


def _word_starts(tokens: Tokens, mentions: Mentions) -> Bools:
    """Mark tokens that begin a word: an entity is one, and behind it another begins."""
    starts = tokens.word.copy()
    starts[ranges(mentions.first, mentions.stop - mentions.first)] = False
    starts[mentions.first] = True
    starts[mentions.stop[mentions.stop < len(starts)]] = True
    return starts


def _fitting(tree: I64, lengths: I64, room: I64) -> Bools:
    """Mark branches that fit, from left to right; one that does not is left out, a later one may fit."""
    fits: Bools = np.ones(len(tree), np.bool_)
    needed = np.bincount(tree, weights=lengths, minlength=len(room))
    tight = np.flatnonzero((needed > room)[tree])
    if not len(tight):
        return fits
    own = tree[tight]
    head = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    ordinal = np.arange(len(own)) - np.repeat(head, np.diff(np.append(head, len(own))))
    order = np.argsort(ordinal, kind="stable")
    ends = np.cumsum(np.bincount(ordinal))
    left = room.copy()
    for low, high in zip(np.append(0, ends[:-1]).tolist(), ends.tolist(), strict=True):  # one of each tree
        some = tight[order[low:high]]
        enough = lengths[some] <= left[tree[some]]
        left[tree[some[enough]]] -= lengths[some[enough]]
        fits[some] = enough
    return fits


def _flat(trunk: _Trunk, chosen: _Chosen, mentions: Mentions, sentences: Sentences) -> Rows:
    """Put each branch behind the last token of its head."""
    last = trunk.place[mentions.stop[chosen.mention] - 1] if len(chosen.mention) else chosen.mention
    inserted = np.bincount(last, weights=chosen.length, minlength=len(trunk.source)).astype(np.int64)
    moved = np.arange(len(trunk.source)) + np.cumsum(inserted) - inserted  # where the tokens of trunks stand
    total = len(trunk.source) + int(chosen.length.sum())
    earlier = np.cumsum(chosen.length) - chosen.length
    head = np.append(True, chosen.mention[1:] != chosen.mention[:-1])[: len(chosen.mention)]
    siblings = earlier - earlier[np.maximum.accumulate(np.where(head, np.arange(len(head)), 0))]
    start = (moved[last] + 1 + siblings) if len(last) else last
    place = ranges(start, chosen.length)
    inside = ranges(np.zeros(len(start), np.int64), chosen.length)
    began = np.append(True, chosen.tree[1:] != chosen.tree[:-1])[: len(chosen.tree)]
    first = np.maximum.accumulate(np.where(began, np.arange(len(began)), 0))
    number = np.arange(len(began)) - first + 1
    soft = np.arange(len(trunk.source)) - np.repeat(trunk.begins[:-1], np.diff(trunk.begins))

    def column(kind: Any, of_trunk: Any, of_branch: Any) -> Any:
        found = np.empty(total, kind)
        found[moved] = of_trunk
        found[place] = np.repeat(of_branch, chosen.length) if of_branch is not None else 0
        return found

    counts = column(np.int16, soft, soft[last] + 1)
    counts[place] += inside.astype(np.int16)
    source = column(np.int64, trunk.source, chosen.source)
    source[place] += inside
    return Rows(
        np.append(moved, total)[trunk.begins],
        source,
        counts,
        column(np.int16, 0, number),
        column(np.int16, trunk.word, trunk.word[last]),
        column(np.int8, trunk.segment, trunk.segment[last]),
        np.bincount(sentences.tree, weights=sentences.lost, minlength=len(trunk.begins) - 1).astype(np.int64),
        column(np.int64, -1, chosen.row),
    )


def _cut(rows: Rows, most: int, total: int) -> Rows:
    """Cut rows blindly; sentences lose what is beyond."""
    sizes = np.diff(rows.offsets)
    inside = np.arange(rows.offsets[-1]) - np.repeat(rows.offsets[:-1], sizes)
    stays = inside < most
    gone = np.bincount(
        np.repeat(np.arange(len(sizes)), sizes), weights=~stays & (rows.source < total), minlength=len(sizes)
    )
    return Rows(
        offsets=np.append(0, np.cumsum(np.minimum(sizes, most))),
        source=rows.source[stays],
        soft=rows.soft[stays],
        branch=rows.branch[stays],
        word=rows.word[stays],
        segment=rows.segment[stays],
        lost=rows.lost + gone.astype(np.int64),
        fact=rows.fact[stays],
    )
