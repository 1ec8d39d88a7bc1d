"""Pairs of text: the second goes on with the first, or stands before it, or is from elsewhere.

    [CLS] A [SEP] B [SEP]

A document is cut into chunks of sentences, as long as there is room; a chunk is cut in two at random.
    next             A is its first part, B the second (Devlin et al. 2019)
    previous         the other way round (Wang et al. 2020; Li et al. 2019)
    random           A is its first part, B is from another document
    apart-next       A is its first part, B stands further on, some sentences away (Li et al. 2019)
    apart-previous   the other way round
What A and B leave of the chunk begins the next one. A chunk of one sentence can only be `random`, so `next`
is rarer than its weight where documents are short. Partners are documents of the same split and the same
batch of the corpus, in the order of a hash of their ids; draws depend on the seed, the copy and the document.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.shards.base import I64, Cut, Here, Segments, Texts
from kbtools.shards.cutting import inwards
from kbtools.shards.keys import key, purpose

Kind = Literal["next", "previous", "random", "apart-next", "apart-previous"]
KINDS: tuple[Kind, ...] = ("next", "previous", "random", "apart-next", "apart-previous")
NAME = pa.dictionary(pa.int8(), pa.string())
_TURNED = tuple(kind.endswith("previous") for kind in KINDS)
_WHOLE = (KINDS.index("next"), KINDS.index("previous"))  # these take all of a chunk
_RANDOM = KINDS.index("random")
_APART = KINDS.index("apart-next")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which pairs there are, and how they are cut to size."""

    kinds: tuple[Kind, ...] = setting(f"What a pair can be: {', '.join(KINDS)}.", ("next", "random"))
    weights: tuple[float, ...] = setting("How often each kind is drawn; none: equally often.", ())
    short: float = setting("The share of documents whose pairs are shorter, by a length at random.", 0.1)
    truncate: Literal["random", "junction"] = setting(
        "Tokens go at random ends of the longer text, or where it is farthest from the other.",
        "random",
    )
    apart: int = setting("Tokens that the two of a pair that stand apart span, about.", 256)

    def __post_init__(self) -> None:
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise ConfigError(f"kinds = {','.join(self.kinds)}: name each kind of pair once")
        if self.weights and (len(self.weights) != len(self.kinds) or min(self.weights) <= 0):
            told = ",".join(map(str, self.weights))
            raise ConfigError(f"weights = {told}: give a number above 0 for each of {len(self.kinds)} kinds")
        if not 0 <= self.short <= 1:
            raise ConfigError(f"short = {self.short}: a share between 0 and 1")


class _Drawn(NamedTuple):
    """A pair, by tokens of the stream."""

    kind: int
    first: tuple[int, int]
    second: tuple[int, int]


class Pairs:
    """Cuts documents into pairs."""

    takes: ClassVar[Literal["corpus"]] = "corpus"
    paired: ClassVar[bool] = True
    settings: ClassVar[type] = Settings
    fields: ClassVar[Sequence[pa.Field]] = (pa.field("pair.kind", NAME, False),)

    def cut(self, texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Cut:
        """Draw pairs of each document, all in a few steps a pair."""
        block = _Block(texts, chosen, settings, here)
        seeds = key(purpose(here.seed, "pairs"), texts.documents["doc_id"], copy)[chosen].tolist()
        draws = enumerate(map(Random, seeds))
        pairs = [pair for at, draw in draws for pair in block.of_document(at, draw)]
        for name, count in (("pairs shortened", block.shortened), ("chunks without a partner", block.alone)):
            here.counts[name] += count
        drawn = np.array([one.kind for one in pairs], np.int8)
        for place, kind in enumerate(KINDS):
            if count := int((drawn == place).sum()):
                here.counts[f"pairs: {kind}"] += count
        spans = np.array([(*one.first, *one.second) for one in pairs], np.int64).reshape(-1, 2)
        kinds = pa.DictionaryArray.from_arrays(pa.array(drawn), pa.array(KINDS))
        return Cut(two(texts, spans, here), {"pair.kind": kinds})


LAYOUT = Pairs()


def room(here: Here) -> int:
    """Return how many tokens of text a pair has room for."""
    special = here.tokenizer.special
    between = len(here.tokenizer.between)
    found = here.max_length - between - (special.cls >= 0) - (special.sep >= 0)
    if between > 2:
        raise ConfigError(f"{between} special tokens stand between two texts: two at most are known")
    if found < 2:
        raise ConfigError(f"max_length is {here.max_length}: no room for two texts beside the special tokens")
    return found


def two(texts: Texts, spans: I64, here: Here) -> Segments:
    """Make an example of each two spans; their ends move inwards to where a cut is allowed."""
    special, between = here.tokenizer.special, here.tokenizer.between
    start, stop, stuck = inwards(texts, spans[:, 0], spans[:, 1])
    here.counts["texts of pairs cut within a word or mention"] += int(stuck.sum())
    count = len(spans) // 2
    first, second = (*between, -1, -1)[:2]
    return Segments(
        example=np.repeat(np.arange(count), 2),
        start=start,
        stop=stop,
        kind=np.tile(np.array([0, 1], np.int8), count),
        before=np.tile(np.array([special.cls, second], np.int32), count),
        after=np.tile(np.array([first, special.sep], np.int32), count),
    )


class _Block:
    """The sentences of some documents, as they are needed to draw pairs."""

    def __init__(self, texts: Texts, chosen: I64, settings: Settings, here: Here) -> None:
        begins = texts.stream.begins
        self.sentences: list[int] = texts.sentences.tolist()
        self.low: list[int] = np.searchsorted(texts.sentences, begins[chosen]).tolist()
        self.high: list[int] = np.searchsorted(texts.sentences, begins[chosen + 1]).tolist()
        hashes = key(purpose(here.seed, "partners"), texts.documents["doc_id"])[chosen]
        self.order: list[int] = np.argsort(hashes, kind="stable").tolist()
        self.rank: list[int] = np.argsort(self.order, kind="stable").tolist()
        self.room = room(here)
        self.short = settings.short
        self.skip = max(settings.apart - self.room // 2, 1)
        self.junction = settings.truncate == "junction"
        self.wanted = [KINDS.index(kind) for kind in settings.kinds]
        self.weights = list(settings.weights) or [1.0] * len(self.wanted)
        self.far = any(kind >= _APART for kind in self.wanted)
        self._known: dict[tuple[bool, bool, bool], tuple[list[int], list[float]]] = {}
        self.shortened = self.alone = 0

    def of_document(self, at: int, draw: Random) -> list[_Drawn]:
        """Draw the pairs of a document: go through it chunk by chunk."""
        target, pairs = self.room, []
        if draw.random() < self.short:
            target = draw.randint(2, self.room)
        sentences, high = self.sentences, self.high[at]
        begin = self.low[at]
        while begin < high:
            end = bisect_left(sentences, sentences[begin] + target, begin + 1, high)
            several = end - begin > 1
            middle = draw.randint(begin + 1, end - 1) if several else end
            later = self._later(end, high, target) if several and self.far else None
            kind = self._kind(draw, several=several, far=later is not None)
            if kind is None:
                self.alone += 1
                begin = end
                continue
            if kind == _RANDOM:
                other = self._elsewhere(at, draw, target - (sentences[middle] - sentences[begin]))
            elif kind >= _APART and later is not None:
                other = (later[0], draw.randint(later[0] + 1, later[1] - 1))
            else:
                other = (middle, end)
            pairs.append(self._cut(kind, (begin, middle), other, draw))
            begin = end if kind in _WHOLE else middle  # what is left is put back
        return pairs

    def _kind(self, draw: Random, *, several: bool, far: bool) -> int | None:
        """Draw one of the kinds that the chunk can be; None: there is none."""
        can = (several, far, len(self.order) > 1)
        if can not in self._known:
            allowed = (several, several, can[2], far, far)
            kinds = [kind for kind in self.wanted if allowed[kind]]
            weights = [w for kind, w in zip(self.wanted, self.weights, strict=True) if allowed[kind]]
            self._known[can] = (kinds, list(accumulate(weights)))
        kinds, sums = self._known[can]
        if not kinds:
            return None
        return kinds[min(bisect_left(sums, draw.random() * sums[-1]), len(kinds) - 1)]

    def _elsewhere(self, at: int, draw: Random, wanted: int) -> tuple[int, int]:
        """Choose sentences of another document, from any one on."""
        count = len(self.order)
        other = self.order[(self.rank[at] + 1 + draw.randrange(count - 1)) % count]
        high = self.high[other]
        start = draw.randrange(self.low[other], high)
        return start, bisect_left(self.sentences, self.sentences[start] + max(wanted, 1), start + 1, high)

    def _later(self, end: int, high: int, target: int) -> tuple[int, int] | None:
        """Find a chunk some sentences behind one that ends there."""
        sentences = self.sentences
        start = bisect_left(sentences, sentences[end] + self.skip, end + 1, high) if end < high else high
        if start >= high:
            return None
        stop = bisect_left(sentences, sentences[start] + target, start + 1, high)
        full = sentences[stop] - sentences[start] >= target
        return (start, stop) if full and stop - start > 1 else None

    def _cut(self, kind: int, one: tuple[int, int], two: tuple[int, int], draw: Random) -> _Drawn:
        """Take tokens off the ends until there is room, from the longer text first; turn what is turned."""
        turned = _TURNED[kind]
        left, right = (two, one) if turned else (one, two)
        a, b = ((self.sentences[low], self.sentences[high]) for low, high in (left, right))
        size_a, size_b = a[1] - a[0], b[1] - b[0]
        over = size_a + size_b - self.room
        if over <= 0:
            return _Drawn(kind, a, b)
        self.shortened += 1
        more = min(over, abs(size_a - size_b))
        off_a, off_b = (over - more) // 2, (over - more + 1) // 2  # of equals, the second loses first
        off_a, off_b = (off_a + more, off_b) if size_a > size_b else (off_a, off_b + more)
        if self.junction:  # of a turned pair the second ends where the first begins
            front_a, front_b = (0, off_b) if turned else (off_a, 0)
        else:  # each token goes at the front or at the back: so many of the throws of a coin
            front_a, front_b = draw.getrandbits(off_a).bit_count(), draw.getrandbits(off_b).bit_count()
        return _Drawn(
            kind, (a[0] + front_a, a[1] - off_a + front_a), (b[0] + front_b, b[1] - off_b + front_b)
        )
