"""How well the words around a mention fit what is known of a candidate.

bm25    Σ idf(t) · s(n_t, k) · s(w_t, k₁ (1 − b + b |e| / avg)), where s(n, k) = n (k + 1) / (n + k) lets the
        n-th time count less than the first (Robertson and Zaragoza 2009); the last + k is what k₁ stands for
lm      Σ n_t log[λ w_t / |e| + (1 − λ) P(t)] − Σ n_t log[(1 − λ) P(t)]: how much likelier the words are of a
        text about the entity than of one about nothing known (Daiber, Jakob, Hokamp and Mendes 2013)
cosine  of the vectors n_t idf(t) and w_t idf(t)

t are the words of the passage the mention stands in and of its neighbours, but not those of the mention
itself; n_t is how often a word is there, w_t how often the entity has it. With `related`, the words of the
entity's neighbours are its own to a part, as glosses of related senses are (Banerjee and Pedersen 2003).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, Feature, Floats, Longs, Mentions
from kbtools.linkers.features._entries import Doubles, Entries, Gatherer
from kbtools.linkers.features._passages import counted, inside, passages, places, terms_of
from kbtools.linkers.index.profile import SIXTEENTHS, Profile
from kbtools.linkers.knowledge import Knowledge

PAIRS = 1 << 21  # words of candidates that are looked for at once
CELLS = 1 << 18  # of a table of contexts and terms: what stays in the cache


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How contexts and candidates are compared."""

    model: Literal["bm25", "lm", "cosine"] = setting("What is summed up over the words they share.", "bm25")
    passage: int = setting("Words of a passage; the context is it and its neighbours.", 128)
    whole: int = setting("A text of up to so many words is one passage.", 384)
    k1: float = setting("bm25: how much a word counts that the entity has more often.", 1.2)
    b: float = setting("bm25: how much entities with many words are held back; 0 to 1.", 0.75)
    k: float = setting("bm25: how much a word counts that the context has more often.", 1.0)
    smoothing: float = setting("lm: λ, the entity's share beside what all entities have.", 0.2)
    power: float = setting("The sum to the power of this: with 0.5, long contexts shout less.", 1.0)
    related: int = setting("Neighbours whose words are taken too.", 0)
    related_worth: float = setting("What their words are worth.", 0.3)

    def __post_init__(self) -> None:
        if self.passage < 1:
            raise ConfigError(f"passage is {self.passage}; it is 1 or more")
        for name in ("whole", "k1", "k", "related", "related_worth"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 0 or more")
        if self.power <= 0:
            raise ConfigError(f"power is {self.power}; it is more than 0")
        if not 0 <= self.b <= 1 or not 0 < self.smoothing < 1:
            raise ConfigError(f"b is {self.b} (0 to 1), smoothing {self.smoothing} (between 0 and 1)")


def make(knowledge: Knowledge, settings: Settings) -> Feature:
    """Make the feature."""
    profile = knowledge.need_profile("the feature context")
    gatherer = Gatherer(profile, related=settings.related, worth=settings.related_worth)

    def context(block: Block, mentions: Mentions, _: Mapping[str, Floats]) -> Floats:
        rows = profile.rows(mentions.kb[mentions.owner], mentions.eid)
        return _scores(block, mentions, rows, gatherer, settings)

    return context


class _Around(NamedTuple):
    """The contexts of a block, and the mentions' own words."""

    of: Longs  # [M] the context of each mention
    keys: Longs  # context << 32 | term, in order
    gain: Doubles  # what the word is worth in the context
    own: Longs  # mention << 32 | term, in order


def _scores(block: Block, mentions: Mentions, rows: Longs, gatherer: Gatherer, settings: Settings) -> Floats:
    found = np.zeros(len(rows), np.float32)
    known = np.flatnonzero(rows >= 0)
    if not len(known):
        return found
    owner = mentions.owner[known]
    around = _around(block, mentions, gatherer, settings)
    entity, place = np.unique(rows[known], return_inverse=True)
    terms = np.unique(np.concatenate([around.keys, around.own]) & 0xFFFFFFFF)
    entries = gatherer.entries(entity, terms, norms=settings.model == "cosine")
    worth = _worth(gatherer, entries, settings)
    pair, back = np.unique(around.of[owner] << 32 | place, return_inverse=True)
    score = _shared(pair, around, entries, worth, gatherer)[back]
    score -= _of_own(owner, place, around, entries, worth)
    if settings.model == "cosine":
        score /= np.maximum(_norms(around)[owner] * entries.norm[place], 1e-9)
    score = np.maximum(score, 0)  # what was added and taken off again may leave a trace
    found[known] = score if settings.power == 1 else score**settings.power
    return found


def _around(block: Block, mentions: Mentions, gatherer: Gatherer, settings: Settings) -> _Around:
    words = block.words
    distinct, of = np.unique(words.term, return_inverse=True)
    number = gatherer.profile.terms(distinct)[of]
    some = passages(block, mentions, size=settings.passage, whole=settings.whole)
    keys, counts = terms_of(block, some, number)
    first, last = inside(block, mentions)
    term = number[ranges(first, last - first)]
    own, _ = counted((np.repeat(np.arange(len(mentions)), last - first) << 32 | term)[term >= 0])
    gain = counts.astype(np.float64)
    if settings.model == "bm25":
        gain *= (settings.k + 1) / (gain + settings.k)
    elif settings.model == "cosine":
        gain *= gatherer.idf(keys & 0xFFFFFFFF)
    return _Around(some.of, keys, gain, own)


def _worth(gatherer: Gatherer, entries: Entries, settings: Settings) -> Doubles:
    """Return what each word of each candidate is worth where a context has it."""
    profile = gatherer.profile
    owner = np.repeat(np.arange(len(entries.length)), np.diff(entries.offsets))
    if settings.model == "lm":
        return _likelihood(profile, entries, owner, settings.smoothing)
    idf = gatherer.idf(entries.term)
    if settings.model == "cosine":
        return entries.weight * idf
    average = profile.total / max(profile.described, 1)
    held = settings.k1 * (1 - settings.b + settings.b * entries.length / max(average, 1e-9))
    found: Doubles = idf * entries.weight * (settings.k1 + 1) / (entries.weight + held[owner])
    return found


def _likelihood(profile: Profile, entries: Entries, owner: Longs, share: float) -> Doubles:
    background = profile.arrays["words.sums"][entries.term] / (SIXTEENTHS * max(profile.total, 1e-9))
    own = entries.weight / np.maximum(entries.length, 1e-9)[owner]
    found: Doubles = np.log1p(share / (1 - share) * own / np.maximum(background, 1e-300))
    return found


def _shared(pair: Longs, around: _Around, entries: Entries, worth: Doubles, gatherer: Gatherer) -> Doubles:
    """Sum up, for pairs context << 32 | entity, over the words that both have.

    What words are worth in some contexts is laid out as a table of contexts × terms.
    """
    score, width = np.zeros(len(pair)), gatherer.width
    context, entity = pair >> 32, pair & 0xFFFFFFFF
    here, column = around.keys >> 32, gatherer.columns(around.keys & 0xFFFFFFFF)
    theirs = gatherer.columns(entries.term)
    lengths = np.diff(entries.offsets)[entity]
    for low, high in _portions(context, lengths, max(CELLS // width, 1)):
        first, last = int(context[low]), int(context[high - 1]) + 1
        table = np.zeros((last - first) * width)
        words = slice(*np.searchsorted(here, [first, last]))
        table[(here[words] - first) * width + column[words]] = around.gain[words]
        at = ranges(entries.offsets[entity[low:high]], lengths[low:high])
        which = np.repeat(np.arange(high - low), lengths[low:high])
        gain = table[((context[low:high] - first) * width)[which] + theirs[at]]
        score[low:high] = np.bincount(which, gain * worth[at], minlength=high - low)
    return score


def _portions(context: Longs, lengths: Longs, most: int) -> Iterator[tuple[int, int]]:
    """Cut pairs where their contexts are too far apart for one table, or their words too many."""
    number = (context // most << 32) + np.cumsum(lengths) // PAIRS
    heads = np.flatnonzero(np.diff(number, prepend=-1)).tolist()
    return zip(heads, [*heads[1:], len(context)], strict=True)


def _of_own(owner: Longs, place: Longs, around: _Around, entries: Entries, worth: Doubles) -> Doubles:
    """Sum up, for each candidate, over the words of its mention: they do not count."""
    bounds = np.searchsorted(around.own, np.arange(len(around.of) + 1) << 32)
    lengths = np.diff(bounds)[owner]
    term = (around.own & 0xFFFFFFFF)[ranges(bounds[owner], lengths)]
    which = np.repeat(np.arange(len(owner)), lengths)
    theirs = places(entries.keys, place[which] << 32 | term)
    here = places(around.keys, around.of[owner][which] << 32 | term)
    both = np.flatnonzero((theirs >= 0) & (here >= 0))
    value = around.gain[here[both]] * worth[theirs[both]]
    return np.asarray(np.bincount(which[both], value, minlength=len(owner)), np.float64)


def _norms(around: _Around) -> NDArray[np.float64]:
    """Return the length of each mention's context as a vector, without its own words."""
    whole = np.bincount(
        around.keys >> 32, np.square(around.gain), minlength=int(around.of.max(initial=0)) + 1
    )
    mention = around.own >> 32
    here = places(around.keys, around.of[mention] << 32 | (around.own & 0xFFFFFFFF))
    known = here >= 0
    own = np.bincount(mention[known], np.square(around.gain[here[known]]), minlength=len(around.of))
    found: Doubles = np.sqrt(np.maximum(whole[around.of] - own, 0))
    return found
