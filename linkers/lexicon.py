"""Words of a wordnet and their senses, to be looked up as they are written in texts.

    surfaces with a part of speech ──▶ entries: a lemma with one part of speech ──▶ senses in order
    rules, exception lists, forms  ──▶ forms, each of one or several entries

A form is known by the hash of its words, so that case, accents, `-`, `_` and `.` are no difference: "no" in
a text may be "no", or the number "no."; what a corpus calls the lemma is told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias import hashing
from kbtools.arrays import ranges
from kbtools.kb.reader import Base
from kbtools.linkers import morphology
from kbtools.linkers.base import Longs
from kbtools.linkers.words import words_of

U64 = NDArray[np.uint64]
POS = ("n", "v", "a", "r")
SATELLITE = "s"  # an adjective as well
LEMMAS, FORMS = ("lemma", "alias"), ("exception", "form")
UNKNOWN = 255
LAST = 1 << 20  # the number of a sense that nobody numbered
# Lemmas and their part of speech: rows, and what each lemma of these is written as.
Inflect = Callable[[pa.StringArray, str], Iterable[tuple[Longs, pa.StringArray]]]


class Rows(NamedTuple):
    """What knowledge bases say of words."""

    text: pa.StringArray
    hash: U64
    kb: NDArray[np.uint8]
    pos: NDArray[np.uint8]
    eid: NDArray[np.uint32]
    tags: NDArray[np.int64]  # how often it was counted

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Rows:
        """Keep some."""
        at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        text, hashes, kb, pos, eid, tags = self
        return Rows(text.take(pa.array(at)), hashes[at], kb[at], pos[at], eid[at], tags[at])

    @property
    def keys(self) -> U64:
        """Return what tells words of one part of speech in one knowledge base from all others."""
        return _key(self.hash, self.pos, self.kb, np.zeros(len(self.hash), np.int64))


class Lexicon:
    """Entries 0 … E − 1 with their senses, and the forms that lead to them."""

    def __init__(self, bases: Mapping[int, Base]) -> None:
        lemmas, told = _surfaces(bases)
        _, first, of = np.unique(lemmas.keys, return_index=True, return_inverse=True)
        some = lemmas.take(first)
        self.hash, self.pos, self.kb, self.lemmas = some.hash, some.pos, some.kb, some.text
        self._by_name = np.argsort(self.hash, kind="stable")
        self._senses(of, lemmas, _numbers(bases))
        self._forms(told)

    def __len__(self) -> int:
        return len(self.pos)

    def _senses(self, of: Longs, lemmas: Rows, numbers: tuple[U64, Longs]) -> None:
        """Order the senses of each entry: by number, then by count."""
        key = _key(lemmas.hash, lemmas.pos, lemmas.kb, lemmas.eid)
        number = np.full(len(key), LAST)
        if len(numbers[0]):
            at = np.minimum(np.searchsorted(numbers[0], key), len(numbers[0]) - 1)
            number = np.where(numbers[0][at] == key, numbers[1][at], LAST)
        order = np.lexsort((lemmas.eid, -lemmas.tags, number, of))
        of, eid, count = of[order], lemmas.eid[order].astype(np.int64), lemmas.tags[order]
        new = np.sort(np.unique(of << 32 | eid, return_index=True)[1])  # in other case it is the same sense
        self.eid, self.count = eid[new].astype(np.uint32), count[new]
        self.offsets: Longs = np.searchsorted(of[new], np.arange(len(self) + 1))

    def _forms(self, told: Rows) -> None:
        own = np.arange(len(self))
        lower = pc.utf8_lower(self.lemmas)
        listed, texts = self._bases(told)
        irregular, words = self._by_part(lower, self._irregular(lower, listed, texts), (listed, texts))
        ruled, regular = self._by_part(lower, morphology.inflected)
        hashes, lengths, begins = grams([*lower.to_pylist(), *words.to_pylist(), *regular.to_pylist()])
        entry = np.concatenate([own, irregular, ruled])
        origin = np.repeat([0, 1, 2], [len(own), len(irregular), len(ruled)])
        barred = _barred(hashes, self.pos[entry], origin)
        kept = np.flatnonzero((lengths > 0) & ~barred)
        order = kept[np.lexsort((origin[kept], entry[kept], hashes[kept]))]
        new = np.ones(len(order), np.bool_)
        new[1:] = (np.diff(hashes[order]) != 0) | (np.diff(entry[order]) != 0)
        order = order[new]
        self.forms: U64 = hashes[order]
        self.entries: Longs = entry[order]
        self.own: NDArray[np.bool_] = origin[order] == 0  # the lemma itself
        self.begins: U64 = begins  # of all beginnings of forms of several words

    def _irregular(self, lower: pa.StringArray, entry: Longs, forms: pa.StringArray) -> Inflect:
        """Return what inflects collocations as the words in them are."""
        known: dict[str, dict[str, list[str]]] = {pos: {} for pos in POS}
        lemmas = lower.take(pa.array(entry)).to_pylist()
        for pos, lemma, form in zip(self.pos[entry].tolist(), lemmas, forms.to_pylist(), strict=True):
            known[POS[pos]].setdefault(lemma, []).append(form.lower())
        return lambda some, pos: morphology.irregular(some, pos, known[pos])

    def _by_part(
        self, lower: pa.StringArray, inflect: Inflect, *more: tuple[Longs, pa.StringArray]
    ) -> tuple[Longs, pa.StringArray]:
        """Inflect lemmas, one part of speech after the other; return whose each form is, and the forms."""
        entries = [np.zeros(0, np.int64), *(one for one, _ in more)]
        forms = [pa.array([], pa.string()), *(one for _, one in more)]
        for number, pos in enumerate(POS):
            mine = np.flatnonzero(self.pos == number)
            for rows, found in inflect(lower.take(pa.array(mine)), pos):
                entries.append(mine[rows])
                forms.append(found)
        return np.concatenate(entries), pa.concat_arrays(forms)

    def _bases(self, told: Rows) -> tuple[Longs, pa.StringArray]:
        """Find the lemmas of forms that are told of synsets: all senses of a lemma are among the form's.

        One that has all of them, else several (`axes`: ax, axis); of synonyms the one most like the form.
        """
        _, first, form = np.unique(told.keys, return_index=True, return_inverse=True)
        pair = np.unique(form << 32 | told.eid.astype(np.int64))
        form, eid = pair >> 32, pair & 0xFFFFFFFF
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        senses = _places(self.pos[owner], self.kb[owner], self.eid)
        order = np.argsort(senses, kind="stable")
        wanted = _places(told.pos[first][form], told.kb[first][form], eid)
        low = np.searchsorted(senses[order], wanted)
        lengths = np.searchsorted(senses[order], wanted, "right") - low
        entry = owner[order[ranges(low, lengths)]]
        both, met = np.unique(np.repeat(form, lengths) << 32 | entry, return_counts=True)
        form, entry = both >> 32, both & 0xFFFFFFFF
        whole = met == np.diff(self.offsets)[entry]
        return self._likely(
            form[whole], entry[whole], told.text.take(pa.array(first)), np.bincount(pair >> 32)
        )

    def _likely(
        self, form: Longs, entry: Longs, forms: pa.StringArray, sizes: Longs
    ) -> tuple[Longs, pa.StringArray]:
        """Choose among the lemmas of each form."""
        names = forms.take(pa.array(form)).to_pylist(), self.lemmas.take(pa.array(entry)).to_pylist()
        alike = [_alike(*pair) for pair in zip(*names, strict=True)]
        lengths = np.diff(self.offsets)
        kept: list[int] = []
        for low, high in pairwise(np.flatnonzero(np.diff(form, prepend=-1, append=-1)).tolist()):
            rows, left = range(low, high), int(sizes[form[low]])
            alone = [row for row in rows if lengths[entry[row]] == left]
            if alone:
                kept.append(max(alone, key=lambda row: (alike[row], -row)))
                continue
            seen: set[int] = set()
            for row in sorted(rows, key=lambda row: (alike[row] < 0, -lengths[entry[row]], -alike[row], row)):
                senses = set(self.eid[slice(*self.offsets[entry[row] : entry[row] + 2])].tolist())
                if len(seen) < left and senses - seen:
                    kept.append(row)
                    seen |= senses
        at = np.array(kept, np.int64)
        return entry[at], forms.take(pa.array(form[at]))

    def find(self, hashes: U64) -> tuple[Longs, Longs]:
        """Return where the forms with these hashes begin, and how many there are of each."""
        low = np.searchsorted(self.forms, hashes)
        return low, np.searchsorted(self.forms, hashes, "right") - low

    def called(self, hashes: U64) -> tuple[Longs, Longs]:
        """Return how many entries have each of these lemmas (see `named`), and the entries."""
        names = self.hash[self._by_name]
        low = np.searchsorted(names, hashes)
        lengths = np.searchsorted(names, hashes, "right") - low
        return lengths, self._by_name[ranges(low, lengths)]


def _alike(form: str, lemma: str) -> int:
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(form.lower(), lemma.lower(), strict=False))
    return 2 * sum(1 for _ in alike) - len(lemma)


def _barred(hashes: U64, pos: NDArray[np.uint8], origin: Longs) -> NDArray[np.bool_]:
    """Mark forms by rule that a list of exceptions has with another lemma."""
    key = hashing.mix(hashes + pos.astype(np.uint64) + np.uint64(1))
    return np.asarray((origin == 2) & np.isin(key, key[origin == 1]), np.bool_)


def grams(texts: Sequence[str]) -> tuple[U64, Longs, U64]:
    """Return the hash of each text's words, how many they are, and the hashes of beginnings, in order."""
    words = words_of(texts)
    bounds = np.searchsorted(words.text, np.arange(len(texts) + 1))
    sums = running(words.term)
    hashes = hashing.spans(sums, bounds[:-1], bounds[1:])
    lengths = np.diff(bounds)
    begins = [np.zeros(0, np.uint64)]
    for size in range(1, int(lengths.max(initial=1))):
        first = bounds[:-1][lengths > size]
        begins.append(np.unique(hashing.spans(sums, first, first + size)))
    return hashes, lengths, np.unique(np.concatenate(begins))


def named(texts: pa.StringArray) -> U64:
    """Return the hashes of lemmas, in small letters, with spaces for `_`."""
    return hashing.of_strings(pc.replace_substring(pc.utf8_lower(texts), "_", " "))


def running(terms: U64) -> U64:
    """Return running sums over words, as `hashing.spans` takes them: a span of words has a hash."""
    sums = np.zeros(len(terms) + 1, np.uint64)
    np.cumsum(terms * hashing.powers(len(terms))[: len(terms)], out=sums[1:])
    return sums


def _places(pos: NDArray[np.integer], kb: NDArray[np.integer], eid: NDArray[np.integer]) -> Longs:
    return kb.astype(np.int64) << 40 | pos.astype(np.int64) << 32 | eid.astype(np.int64)


def _key(hashes: U64, pos: NDArray[np.integer], kb: NDArray[np.integer], eid: NDArray[np.integer]) -> U64:
    return hashing.mix(hashes + hashing.mix(_places(pos, kb, eid).astype(np.uint64)))


def codes(pos: pa.Array) -> NDArray[np.uint8]:
    """Return parts of speech as places in POS; UNKNOWN: another, or none."""
    found = pc.index_in(pos, pa.array([*POS, SATELLITE], pa.string()))
    number: NDArray[np.uint8] = pc.fill_null(found, UNKNOWN).to_numpy().astype(np.uint8)
    number[number == len(POS)] = POS.index("a")
    return number


def _surfaces(bases: Mapping[int, Base]) -> tuple[Rows, Rows]:
    """Read lemmas and told forms."""
    columns = ["text", "eid", "pos", "source", "count"]
    parts = [
        (number, part.table("surfaces", columns))
        for number, base in sorted(bases.items())
        for part in base.parts
        if "surfaces" in part.tables
    ]
    kept: list[list[Rows]] = [[], []]
    for number, whole in parts:
        table = whole.filter(pc.is_valid(whole["pos"])).combine_chunks()
        pos = codes(table["pos"].cast(pa.string()).combine_chunks())
        text = table["text"].combine_chunks()
        rows = Rows(
            text, named(text), np.full(len(text), number, np.uint8), pos, table["eid"].to_numpy(),
            pc.fill_null(table["count"], 0).to_numpy().astype(np.int64),
        )  # fmt: skip
        for found, sources in zip(kept, (LEMMAS, FORMS), strict=True):
            wanted = pc.is_in(table["source"].cast(pa.string()), pa.array(sources)).to_numpy()
            found.append(rows.take(wanted & (pos != UNKNOWN)))
    return _together(kept[0]), _together(kept[1])


def _together(parts: Sequence[Rows]) -> Rows:
    kinds = (np.uint64, np.uint8, np.uint8, np.uint32, np.int64)
    none = Rows(pa.array([], pa.string()), *(np.zeros(0, kind) for kind in kinds))  # type: ignore[arg-type]
    columns = list(zip(*[none, *parts], strict=True))
    return Rows(pa.concat_arrays(columns[0]), *(np.concatenate(column) for column in columns[1:]))


def _numbers(bases: Mapping[int, Base]) -> tuple[U64, Longs]:
    """Read the numbers of senses, `dog#n#1`, by key."""
    keys, numbers = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for number, base in sorted(bases.items()):
        for part in base.parts:
            if "xref" not in part.tables:
                continue
            table = part.table("xref", ["eid", "scheme", "value"])
            table = table.filter(pc.equal(table["scheme"].cast(pa.string()), "sense")).combine_chunks()
            found = pc.extract_regex(
                table["value"].combine_chunks(), r"^(?P<w>.*)#(?P<p>[a-z])#(?P<n>\d{1,6})$"
            )
            there = pc.is_valid(found)
            found, eid = found.filter(there), table["eid"].combine_chunks().filter(there).to_numpy()
            word, pos, order = (pc.struct_field(found, name) for name in "wpn")
            keys.append(_key(named(word), codes(pos), np.full(len(eid), number), eid))
            numbers.append(order.cast(pa.int64()).to_numpy())
    key, value = np.concatenate(keys), np.concatenate(numbers)
    order = np.lexsort((value, key))
    return key[order], value[order]
