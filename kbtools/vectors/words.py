"""Vectors of words, beside those of entities: look-up of many at once, and words that were never seen.

    words.parquet        row u32 · word str · count u64, sorted by row
    words.safetensors    one array, `words` [words, dim]: finished vectors
    ngrams.safetensors   if there are any: `ngrams` [buckets, dim]; an unknown word is the mean of its own

Subwords are those of Bojanowski et al. 2017 as fastText numbers them: all runs of min_n to max_n characters
of `<word>`, but for the two brackets alone; the bucket is FNV-1a of the UTF-8 bytes, each with its sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ArtefactError, ConfigError
from kbtools.io import tensors
from kbtools.kb.reader import Tables
from kbtools.vectors.mapping import Array, blocks, mapped

TABLE, ARRAYS, NGRAMS = "words", "word_vectors", "ngrams"  # tables of the manifest
TEXTS, FILE, PIECES = "words.parquet", "words.safetensors", "ngrams.safetensors"
SCHEMA = pa.schema(
    [pa.field("row", pa.uint32(), False), pa.field("word", pa.string(), False), ("count", pa.uint64())]
)
OFFSET, PRIME = np.uint32(2166136261), np.uint32(16777619)
AT_ONCE = 1 << 24  # bytes of vectors that are gathered together

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]
Form = Literal["as it is", "lower", "capitalised"]
AS_IT_IS: tuple[Form, ...] = ("as it is",)
ANY: tuple[Form, ...] = ("as it is", "lower", "capitalised")


class Ngrams(NamedTuple):
    """Vectors of subwords, [buckets, dim], and which subwords they are of."""

    array: Array
    min_n: int = 3
    max_n: int = 6


class Words(NamedTuple):
    """What is written of words: each has one vector, in an array or in blocks of rows."""

    texts: Sequence[str] | pa.Array | pa.ChunkedArray
    array: Array | Iterable[Array]
    counts: Sequence[int] | I64 | None = None
    ngrams: Ngrams | None = None


class Looked(NamedTuple):
    """Vectors of N texts, [N, dim] float32, and which were found; those that were not are zeros."""

    array: F32
    found: Mask


class WordVectors:
    """The words of a `vectors` folder, mapped: what is looked up is read."""

    def __init__(self, folder: Tables) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return self.folder.rows(TABLE)

    @property
    def array(self) -> Array:
        """All vectors, [words, dim], mapped."""
        return self._mapped.tensors.arrays[TABLE]

    @cached_property
    def _mapped(self) -> tensors.Mapped:
        found = mapped(self.folder, ARRAYS, TABLE, scattered=True)
        if len(found.tensors.arrays[TABLE]) != len(self):
            raise ArtefactError(f"{self.folder.path}: words and their vectors do not fit; make it again")
        return found

    def blocks(self) -> Iterator[Array]:
        """Read all vectors in order; a block is good until the next one is asked for."""
        return blocks(mapped(self.folder, ARRAYS, TABLE), TABLE)

    @cached_property
    def texts(self) -> pa.StringArray:
        """The words in the order of their rows."""
        table = self.folder.table(TABLE, ["row", "word"])
        if not np.array_equal(table["row"].to_numpy(), np.arange(len(self))):
            raise ArtefactError(f"{self.folder.path}: its words are not in the order of rows; make it again")
        return table["word"].combine_chunks()

    @property
    def counts(self) -> NDArray[np.uint64]:
        """How often each was seen; 0 where nobody says."""
        found: NDArray[np.uint64] = self.folder.table(TABLE, ["count"])["count"].fill_null(0).to_numpy()
        return found

    @cached_property
    def ngrams(self) -> Ngrams | None:
        """Vectors of subwords, if there are any."""
        if NGRAMS not in self.folder.tables:
            return None
        array = mapped(self.folder, NGRAMS, NGRAMS, scattered=True).tensors.arrays[NGRAMS]
        told = self.folder.manifest.settings.get(NGRAMS, {})
        try:
            return Ngrams(array, int(told["min_n"]), int(told["max_n"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(
                f"{self.folder.path}: does not say which n-grams it has; make it again"
            ) from error

    def rows(self, texts: Sequence[str] | pa.Array, forms: Sequence[Form] = AS_IT_IS) -> I64:
        """Return the row of each text, −1 if it has none; of several forms the first that is known counts."""
        asked = pa.array(texts, pa.string())
        rows = np.full(len(asked), -1, np.int64)
        for form in forms:
            left = np.flatnonzero(rows < 0)
            if len(left):
                rows[left] = self._rows(_formed(asked.take(pa.array(left)), form))
        return rows

    def _rows(self, asked: pa.Array) -> I64:
        coded = asked.dictionary_encode()
        known = coded.dictionary
        if len(known) < len(self):  # the smaller side is the one that is hashed
            places = pc.index_in(self.texts, value_set=known)
            here = np.flatnonzero(places.is_valid().to_numpy(zero_copy_only=False))
            found = np.full(len(known), -1, np.int64)
            found[places.drop_null().to_numpy()] = here
        else:
            found = pc.index_in(known, value_set=self.texts).fill_null(-1).to_numpy().astype(np.int64)
        codes = coded.indices.fill_null(-1).to_numpy()
        return np.where(codes >= 0, np.append(found, -1)[codes], -1)

    def look(
        self, texts: Sequence[str] | pa.Array, *, forms: Sequence[Form] = AS_IT_IS, subwords: bool = True
    ) -> Looked:
        """Return vectors of words; of unknown ones from their n-grams, if there are any."""
        asked = pa.array(texts, pa.string())
        rows = self.rows(asked, forms)
        found = rows >= 0
        out = np.zeros((len(rows), self.array.shape[1]), np.float32)
        out[found] = self.array[rows[found]]
        if subwords and self.ngrams is not None and not found.all():
            left = np.flatnonzero(~found)
            composed = compose(asked.take(pa.array(left)), self.ngrams)
            out[left], found[left] = composed
        return Looked(out, found)

    def phrases(self, texts: Sequence[str], *, forms: Sequence[Form] = ("as it is", "capitalised")) -> Looked:
        """Return vectors of words and of phrases: one that is no word itself is the mean of its words.

        Words that are unknown do not count; a phrase of none but those is not found. The pieces of a phrase
        stand between spaces or underscores.
        """
        whole = self.look(texts, forms=forms, subwords=False)
        left = np.flatnonzero(~whole.found)
        parts = [texts[at].replace("_", " ").split() for at in left.tolist()]
        sizes = np.array([len(part) for part in parts], np.int64)
        pieces = self.look([word for part in parts for word in part], forms=forms)
        owner = left.repeat(sizes)[pieces.found]
        number = np.bincount(owner, minlength=len(texts))
        np.add.at(whole.array, owner, pieces.array[pieces.found])
        some = number > 0
        whole.array[some] /= number[some, None]
        return Looked(whole.array, whole.found | some)


def _formed(texts: pa.Array, form: Form) -> pa.Array:
    if form == "lower":
        return pc.utf8_lower(texts)
    if form == "capitalised":
        return pc.utf8_capitalize(texts)
    if form == "as it is":
        return texts
    raise ConfigError(f"{form!r}: a word is looked up {', '.join(ANY)}")


def compose(texts: pa.Array, ngrams: Ngrams) -> Looked:
    """Return for each word the mean vector of its subwords; one that has none is not found."""
    dim = ngrams.array.shape[1]
    out, found = np.zeros((len(texts), dim), np.float32), np.zeros(len(texts), bool)
    step = max(1, AT_ONCE // (4 * dim * 8 * (ngrams.max_n - ngrams.min_n + 1)))  # words of some 8 letters
    for at in range(0, len(texts), step):
        owner, bucket = subwords(texts.slice(at, step), ngrams.min_n, ngrams.max_n, len(ngrams.array))
        number = np.bincount(owner, minlength=min(step, len(texts) - at))
        filled = np.flatnonzero(number)
        if len(filled):
            begins = np.cumsum(number) - number
            summed = np.add.reduceat(ngrams.array[bucket].astype(np.float32), begins[filled], axis=0)
            out[at + filled] = summed / number[filled, None]
            found[at + filled] = True
    return Looked(out, found)


def subwords(texts: Sequence[str] | pa.Array, min_n: int, max_n: int, buckets: int) -> tuple[I64, I64]:
    """Return the subwords of words: whose each is, in the order of the words, and its bucket.

    >>> owner, bucket = subwords(["as"], 3, 4, 1000)  # <as as> <as>
    >>> len(bucket)
    3
    """
    if not 1 <= min_n <= max_n or buckets < 1:
        raise ConfigError(f"n-grams of {min_n} to {max_n} characters in {buckets} buckets are none")
    marked = pc.binary_join_element_wise("<", pa.array(texts, pa.string()).fill_null(""), ">", "")
    ends = np.cumsum(pc.binary_length(marked).to_numpy().astype(np.int64))
    data = np.frombuffer("".join(marked.to_pylist()).encode(), np.uint8)
    first = np.flatnonzero((data & 0xC0) != 0x80)  # the first byte of each character
    width = np.diff(np.append(first, len(data)))
    word = np.searchsorted(ends, first, side="right")
    last = np.append(np.cumsum(np.bincount(word, minlength=len(ends))) - 1, -1)[word]
    begin = np.append(True, word[1:] != word[:-1]) if len(word) else np.zeros(0, bool)
    signed = data.view(np.int8).astype(np.int32).view(np.uint32)
    place, hashed = np.arange(len(first)), np.full(len(first), OFFSET)
    owners, found = [], []
    for n in range(1, max_n + 1):
        inside = place + n - 1 <= last[place]
        place, hashed = place[inside], hashed[inside]
        character = place + n - 1
        for byte in range(4):
            here = width[character] > byte
            told = signed[np.where(here, first[character] + byte, 0)]
            hashed = np.where(here, (hashed ^ told) * PRIME, hashed)
        if n >= min_n:
            counts = ~(begin[place] | (place == last[place])) if n == 1 else np.ones(len(place), bool)
            owners.append(word[place[counts]])
            found.append(hashed[counts] % np.uint32(buckets))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return owner[order].astype(np.int64), np.concatenate(found)[order].astype(np.int64)
