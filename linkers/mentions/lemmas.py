"""Words of a wordnet, whatever form they have in the text; and words that a corpus wants to be told apart.

Every span of up to `most_words` words that is a form of a lemma is a mention, overlapping ones too; its
candidates are the senses of that lemma, of all parts of speech, by how often they were counted: p(e) =
(n + 1) / Σ (n + 1) (KnowBert; M. Peters et al., EMNLP 2019). Of equal ones, the earlier sense is first.

With `given`, links of the corpus are mentions as well: of the lemma and the part of speech that it tells, so
that candidates are those of word sense disambiguation. Without a lemma, or if there is no such word of this
part of speech, the form that stands there is looked up; then the part of speech is let go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.alias.schema import LEVELS
from kbtools.arrays import ranges
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, Floats, Given, Longs, Mentions, Step, joined, take
from kbtools.linkers.candidates import Places, bare, surfaces_of
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.lexicon import POS, UNKNOWN, Lexicon, grams, running

FOUND = KINDS.index("dictionary")
APART = 3  # characters between two words of a mention at most: " - "
BETWEEN = frozenset(" -_.'’/&")
SHORT = 3  # letters of a word that a point may follow: St. Louis, U. S. A.
EARLIER = 1e-5  # by how much a sense is less likely than an equally frequent one before it


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which words are mentions, and how likely their senses are."""

    find: bool = setting("Find words in the text.", True)
    given: bool = setting("Take over the links of the corpus.", False)
    kinds: tuple[str, ...] = setting("Of these kinds.", KINDS)
    most_words: int = setting("Words of a mention at most.", 7)
    pos: tuple[str, ...] = setting("Parts of speech that are found.", POS)
    prior: Literal["counts", "order"] = setting("Senses are likely by count, or by 1 / number.", "counts")

    def __post_init__(self) -> None:
        for name, known in (("kinds", KINDS), ("pos", POS)):
            if wrong := [one for one in getattr(self, name) if one not in known]:
                raise ConfigError(f"{name}: no {wrong[0]!r}; there are {', '.join(known)}")
        if self.most_words < 1:
            raise ConfigError(f"most_words is {self.most_words}; it is 1 or more")


class Hits(NamedTuple):
    """Entries that were found: which place each is of, and whether it stands there itself."""

    place: Longs
    entry: Longs
    own: NDArray[np.bool_]

    def take(self, rows: NDArray[np.bool_]) -> Hits:
        """Keep some."""
        return Hits(self.place[rows], self.entry[rows], self.own[rows])


def _hits(lexicon: Lexicon, rows: Longs, hashes: NDArray[np.uint64]) -> Hits:
    """Look forms up."""
    low, count = lexicon.find(hashes)
    form = ranges(low, count)
    return Hits(np.repeat(rows, count), lexicon.entries[form], lexicon.own[form])


def make(knowledge: Knowledge, settings: Settings) -> Step:
    """Return the step; the lexicon is read by its first block."""
    wanted = np.array([pos in settings.pos for pos in POS], np.bool_)

    def find(block: Block, mentions: Mentions) -> Mentions:
        lexicon, parts = knowledge.lexicon, [mentions]
        if settings.given and block.given is not None:
            kinds = [KINDS.index(kind) for kind in settings.kinds]
            given = block.given.take(np.flatnonzero(np.isin(block.given.kind, kinds)))
            parts.insert(0, _told(block, given, lexicon, settings))
        if settings.find:
            places, forms = spans(block, lexicon, settings.most_words)
            parts.append(_found(places, forms, wanted, lexicon, settings))
        return joined(parts)

    return find


def spans(block: Block, lexicon: Lexicon, most: int) -> tuple[Places, NDArray[np.uint64]]:
    """Find all runs of words that are forms of lemmas; return the hashes of the forms, too."""
    words, sums = block.words, running(block.words.term)
    goes_on = _goes_on(block)
    at, found = np.arange(len(words.term)), list[tuple[Longs, Longs, NDArray[np.uint64]]]()
    for size in range(1, most + 1):
        hashes = hashing.spans(sums, at, at + size)
        some = _among(lexicon.forms, hashes)
        found.append((at[some], at[some] + size - 1, hashes[some]))
        at = at[goes_on[at + size - 1] & _among(lexicon.begins, hashes)]
    first, last, form = (np.concatenate(column) for column in zip(*found, strict=True))
    places = Places(words.text[first], words.start[first], words.end[last])
    return places, form


def _found(
    places: Places, forms: NDArray[np.uint64], wanted: NDArray[np.bool_], lexicon: Lexicon, settings: Settings
) -> Mentions:
    """Make mentions of forms; what the same form may mean is worked out once."""
    distinct, back = np.unique(forms, return_inverse=True)
    number = np.arange(len(distinct), dtype=np.int32)
    hits = _hits(lexicon, number.astype(np.int64), distinct)
    hits = hits.take(wanted[lexicon.pos[hits.entry]])
    kind = np.full(len(distinct), FOUND, np.uint8)
    some = _mentions(Places(number, number, number), kind, hits, lexicon, settings)  # the form as its text
    low = np.searchsorted(some.text, back)
    lengths = np.searchsorted(some.text, back, "right") - low
    whole = take(some, ranges(low, lengths))
    text, start, end = (np.repeat(column, lengths) for column in places)
    return joined([whole._replace(text=text, start=start, end=end)])


def _goes_on(block: Block) -> NDArray[np.bool_]:
    """Mark words whose next word may belong to the same name: only spaces, - and the like are between."""
    words = block.words
    found = np.zeros(len(words.term), np.bool_)
    if len(found) < 2:
        return found
    low, high = block.places(words.text[:-1], words.end[:-1]), block.places(words.text[1:], words.start[1:])
    odd = np.concatenate([[0], np.cumsum(~np.isin(block.codes, [ord(letter) for letter in BETWEEN]))])
    points = np.concatenate([[0], np.cumsum(block.codes == ord("."))])
    near = (words.text[1:] == words.text[:-1]) & (high - low <= APART)
    near[near] = odd[high[near]] == odd[low[near]]
    near[near] &= (points[high[near]] == points[low[near]]) | ((words.end - words.start)[:-1][near] <= SHORT)
    found[:-1] = near
    return found


def _among(keys: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(keys):
        return np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.asarray(keys[at] == wanted, np.bool_)


def _told(block: Block, given: Given, lexicon: Lexicon, settings: Settings) -> Mentions:
    """Make mentions of what the corpus tells."""
    places = Places(given.text, given.start, given.end)
    left = np.ones(len(given.text), np.bool_)
    found = [Hits(*(np.zeros(0, kind) for kind in (np.int64, np.int64, np.bool_)))]  # type: ignore[arg-type]
    for hits, strict in _ways(block, given, places, lexicon):
        kept = left[hits.place]
        kept &= (given.kb[hits.place] < 0) | (given.kb[hits.place] == lexicon.kb[hits.entry])
        if strict and given.pos is not None:
            pos = given.pos[hits.place]
            kept &= (pos == UNKNOWN) | (pos == lexicon.pos[hits.entry])
        found.append(hits.take(kept))
        left[hits.place[kept]] = False
    whole = Hits(*(np.concatenate(column) for column in zip(*found, strict=True)))
    mentions = _mentions(places, given.kind, whole, lexicon, settings)
    return joined([mentions, _rest(places, given, left)])


def _rest(places: Places, given: Given, left: NDArray[np.bool_]) -> Mentions:
    rows = np.flatnonzero(left)
    some = Places(*(column[rows] for column in places))
    return bare(some, given.kind[rows], np.maximum(given.kb[rows], 0))


def _ways(block: Block, given: Given, places: Places, lexicon: Lexicon) -> Iterator[tuple[Hits, bool]]:
    """Yield what a look-up finds, and whether only the part of speech counts that is told."""
    surface, lengths, _ = grams(surfaces_of(block, places))
    words = np.flatnonzero(lengths)
    forms = _hits(lexicon, words, surface[words])
    lemmas = None
    if given.lemma is not None:
        told = np.flatnonzero(given.lemma)
        lengths, entry = lexicon.called(given.lemma[told])
        lemmas = Hits(np.repeat(told, lengths), entry, np.ones(len(entry), np.bool_))
    for strict in (True, False):
        if lemmas is not None:
            yield lemmas, strict
        yield forms, strict


def _mentions(
    places: Places, kind: NDArray[np.uint8], hits: Hits, lexicon: Lexicon, settings: Settings
) -> Mentions:
    """Make mentions with the senses of what was found, a mention for each knowledge base."""
    key = hits.place << 8 | lexicon.kb[hits.entry]
    heads, of = np.unique(key, return_inverse=True)
    place = heads >> 8
    own = np.zeros(len(heads), np.bool_)
    np.logical_or.at(own, of, hits.own)
    eid, prior, offsets = _senses(of, hits.entry, len(heads), lexicon, settings)
    found = bare(Places(*(column[place] for column in places)), kind[place], heads & 255)
    found = found._replace(
        level=np.where(own, LEVELS.index("exact"), LEVELS.index("inflected")).astype(np.uint8),
        offsets=offsets,
        eid=eid,
        prior=prior,
        string=np.ones(len(eid), np.float32),
    )
    return joined([found])


def _senses(
    of: Longs, entry: Longs, count: int, lexicon: Lexicon, settings: Settings
) -> tuple[NDArray[np.uint32], Floats, Longs]:
    """Return the senses of mentions, the likeliest first: an entity once, as likely as its likeliest word."""
    lengths = np.diff(lexicon.offsets)[entry]
    row = ranges(lexicon.offsets[entry], lengths)
    owner = np.repeat(of, lengths)
    number = row - np.repeat(lexicon.offsets[entry], lengths)
    weight = lexicon.count[row] + 1.0 if settings.prior == "counts" else 1.0 / (number + 1)
    weight = weight * (1 - EARLIER * np.minimum(number, 1000))
    eid = lexicon.eid[row]
    order = np.lexsort((-weight, eid, owner))
    again = np.zeros(len(order), np.bool_)
    again[1:] = (np.diff(owner[order]) == 0) & (eid[order][1:] == eid[order][:-1])
    order = order[~again]
    order = order[np.lexsort((eid[order], -weight[order], owner[order]))]
    owner, weight = owner[order], weight[order]
    sums = np.bincount(owner, weight, minlength=count)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
    return eid[order], (weight / sums[owner]).astype(np.float32), offsets
