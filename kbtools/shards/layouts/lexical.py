"""Pairs of words that mean the same, or of which one is a kind of the other, and pairs of neither.

    [CLS] car [SEP] auto [SEP]        true: words of one synset (syn)
    [CLS] auto [SEP] vehicle [SEP]    true: of a synset and the one directly above (hyp)
    [CLS] auto [SEP] road [SEP]       false: near by their vectors, and yet neither

Two false pairs for each true one, fewer where no word is free. Words are compared in lower case.

Lauscher et al. (2020), "Specializing Unsupervised Pretraining Models for Word-Level Semantic Similarity".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.shards.assembly import assemble, lists
from kbtools.shards.base import I64, Bools, Examples, Here, Segments
from kbtools.shards.keys import key, parts, purpose
from kbtools.shards.layouts import _choosing, _neighbours, _pairs, _word_vectors
from kbtools.shards.layouts._pairs import Pairs

SCHEMA = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32()), False),
        pa.field("segment", pa.list_(pa.int8()), False),
        pa.field("lexical.label", pa.bool_(), False),
        pa.field("lexical.relation", pa.string(), False),  # syn, hyp; of a false pair: none
        pa.field("lexical.a", pa.string(), False),
        pa.field("lexical.b", pa.string(), False),
        pa.field("lexical.source", pa.string(), False),  # the knowledge base; of a false pair: near
    ]
)
FALSE, NEAR = "none", "near"
TASK = 1 << 15  # true pairs of a task, about


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which pairs there are."""

    names: tuple[str, ...] = setting("Sources of names that are words.", ("lemma", "term"))
    langs: tuple[str, ...] = setting("Languages of the words; none named: any.", ("en",))
    above: tuple[str, ...] = setting("Relations that lead to the next meaning above.", ("hypernym",))
    most: int = setting("Meanings of more words make no synonyms: there would be their square.", 200)
    both: bool = setting("Each true pair in both orders.", False)
    vectors: Path | None = setting(
        "A text file of word vectors (word2vec, fastText); none: by letters.", None
    )
    batch: int = setting("Among the words of so many true pairs the nearest is looked for.", 32)

    def __post_init__(self) -> None:
        if self.batch < 2:
            raise ConfigError(f"lexical.batch is {self.batch}; among the words of one pair none is free")


class Lexical:
    """Makes examples of pairs of words."""

    takes: ClassVar[Literal["kb"]] = "kb"
    settings: ClassVar[type] = Settings

    def schema(self, settings: Settings, here: Here) -> pa.Schema:
        """Return the columns."""
        return SCHEMA

    def parts(self, inputs: Sequence[Path], settings: Settings, here: Here) -> list[dict[str, Any]]:
        """Gather all true pairs, put them in a random order, and take some at a time."""
        folder = _choosing.room(here)
        folder.mkdir(parents=True, exist_ok=True)
        bases = list(here.bases.values())
        found = _pairs.pairs(bases, settings, here.counts)
        _pairs.refuse_empty(found, settings.names)
        _pairs.save(folder, _shuffled(found, here.seed))
        told = settings.vectors
        vectors = _word_vectors.read(told, found.terms) if told else _word_vectors.of_letters(found.terms)
        np.save(folder / "vectors.npy", vectors, allow_pickle=False)
        step = max(1, TASK // settings.batch) * settings.batch
        return [
            {"low": low, "high": min(low + step, len(found.first))}
            for low in range(0, len(found.first), step)
        ]

    def examples(self, part: dict[str, Any], settings: Settings, here: Here) -> Iterator[Examples]:
        """Yield the true pairs of a part and the false ones found for them."""
        folder = _choosing.room(here)
        found = _pairs.load(folder)
        vectors: Any = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
        known = np.unique(_neighbours.codes(found.first, found.second, len(found.terms)))
        some = slice(part["low"], part["high"])
        mine = Pairs(found.terms, *(column[some] for column in found[1:]))
        near = _neighbours.near(mine.first, mine.second, known, vectors, settings.batch)
        yield _finished(mine, near, settings, here)


LAYOUT = Lexical()


def _shuffled(found: Pairs, seed: int) -> Pairs:
    """Order pairs by a hash; the words of synonyms change places by another, for order is nothing there."""
    told = found.terms.take(pa.array(found.first)), found.terms.take(pa.array(found.second))
    keys = key(purpose(seed, "lexical"), pc.binary_join_element_wise(*told, "\t"))
    turned = (found.kind == _pairs.SYNONYMS) & ((keys & np.uint64(1)) == 1)
    first, second = np.where(turned, found.second, found.first), np.where(turned, found.first, found.second)
    order = np.argsort(keys, kind="stable")
    return Pairs(found.terms, *(one[order] for one in (first, second, found.kind, found.source)))


def _finished(mine: Pairs, near: _neighbours.Near, settings: Settings, here: Here) -> Examples:
    """Write true and false pairs down: (a, b), perhaps (b, a), (a, near a), (b, near b)."""
    count = len(mine.first)
    rows = [(mine.first, mine.second), (mine.second, mine.first)][: 1 + settings.both]
    rows += [(mine.first, near.of_first), (mine.second, near.of_second)]
    told = np.column_stack([np.concatenate(column) for column in zip(*rows, strict=True)])
    kept = np.flatnonzero(told[:, 1] >= 0)
    pair, number = kept % count, kept // count
    label = number < len(rows) - 2
    true = int(label.sum())
    here.counts["pairs: true"] += true
    here.counts["pairs: false"] += len(kept) - true
    here.counts["words without a near one"] += 2 * count - (len(kept) - true)
    ids = mine.terms.take(pa.array(mine.first)), mine.terms.take(pa.array(mine.second))
    a, b = (pc.min_element_wise(*ids), pc.max_element_wise(*ids))
    split = parts(key(purpose(here.seed, "split"), pc.binary_join_element_wise(a, b, "\t")), here.shares)
    keys = key(here.seed, pc.binary_join_element_wise(*ids, "\t").take(pa.array(pair)), number)
    batch, tokens = _columns(mine, told[kept], pair, label, here)
    fits = tokens <= here.max_length
    if not fits.all():
        here.counts["pairs too long"] += int((~fits).sum())
        batch = batch.filter(pa.array(fits))
    return Examples(batch, keys[fits], split[pair][fits], tokens[fits].astype(np.int32))


def _columns(mine: Pairs, told: I64, pair: I64, label: Bools, here: Here) -> tuple[pa.RecordBatch, I64]:
    first, second = told.T
    a, b = mine.terms.take(pa.array(first)), mine.terms.take(pa.array(second))
    input_ids, segment, sizes = _joined(mine.terms, first, second, here)
    kind = np.where(label, mine.kind[pair], len(_pairs.NAMES))
    kinds = pa.array([*_pairs.NAMES, FALSE]).take(pa.array(kind))
    names = [base.name for base in here.bases.values()]
    whose = pa.array([*names, NEAR]).take(pa.array(np.where(label, mine.source[pair], len(names))))
    columns = [input_ids, segment, pa.array(label), kinds, a, b, whose]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA), sizes


def _joined(terms: pa.Array, first: I64, second: I64, here: Here) -> tuple[pa.Array, pa.Array, I64]:
    """Return [CLS] a [SEP] b [SEP] and whose token each is; each term is encoded once."""
    used, back = np.unique(np.concatenate([first, second]), return_inverse=True)
    stream = here.tokenizer.encode(terms.take(pa.array(used)).to_pylist())
    special, between, count = here.tokenizer.special, here.tokenizer.between, len(first)
    which = back.reshape(2, count).T.ravel()  # a, b, a, b ...
    ends, starts = (*between, -1, -1)[:2]  # RoBERTa has two between, some have none
    before = np.tile(np.array([special.cls, starts], np.int32), count)
    after = np.tile(np.array([ends, special.sep], np.int32), count)
    segments = Segments(
        np.repeat(np.arange(count), 2), stream.begins[which], stream.begins[which + 1],
        np.tile(np.array([0, 1], np.int8), count), before, after,
    )  # fmt: skip
    rows = assemble(stream, segments)
    ids, kind = (lists(rows.offsets, pa.array(one)) for one in (rows.ids, rows.kind))
    return ids, kind, np.diff(rows.offsets)
