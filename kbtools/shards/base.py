"""What layouts and views of shards speak of: tokenised documents, pieces of them, rows of examples.

    documents ──tokenise──▶ Texts ──layout──▶ Segments ──assemble──▶ Rows ──views──▶ columns
    knowledge base, trees ─────────────────layout──────────────────────────────────▶ Examples

A layout says what an example is made of; a view adds columns to it. A module of `layouts/` is a layout if it
has a `LAYOUT`, one of `views/` a view if it has a `VIEW`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.artefact import KbRef
from kbtools.kb.reader import Base
from kbtools.tokens.stream import Stream
from kbtools.tokens.tokenizer import Tokenizer

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

SPLITS = ("train", "dev", "test")  # tables of an artefact; a number in `split` is a place here
NONE, NIL = -1, -2  # eids that are none: nothing is said; known to be in no knowledge base
SPAN = pa.list_(pa.int32(), 2)  # places of the row's tokens: the first, and behind the last


@dataclass
class Here:
    """What examples are made with, opened once in each process."""

    tokenizer: Tokenizer
    max_length: int  # tokens of an example, special ones too
    seed: int = 0
    shares: tuple[float, float, float] = (0.99, 0.01, 0.0)  # of SPLITS
    bases: dict[int, Base] = field(default_factory=dict)  # by the number in `kbs`
    kbs: Sequence[KbRef] = ()  # that numbers of entities speak of, by place
    vectors: Path | None = None  # candidates without a vector are left out
    counts: Counter[str] = field(default_factory=Counter)  # what there is to tell, summed over all tasks
    folder: Path | None = None  # of the build: what was prepared for all tasks lies here


class Texts(NamedTuple):
    """A block of tokenised documents."""

    documents: pa.RecordBatch  # rows of a corpus or of `linked`
    stream: Stream
    sentences: I64  # [S + 1] tokens that begin sentences; the first of a document does; the last is T
    whole: I64  # [K, 2] spans of tokens that are never cut: mentions and the like, as all views told


class Segments(NamedTuple):
    """The pieces of the stream that examples are made of, in order of the examples."""

    example: I64  # [G] counts up from 0, never falls
    start: I64  # [G] first token in the stream
    stop: I64  # [G] behind the last
    kind: NDArray[np.int8]  # [G] segment id: 0, or 1 for the second of a pair
    before: I32  # [G] id of the special token before it; −1: none
    after: I32  # [G] id of the special token behind it; −1: none


class Rows(NamedTuple):
    """Examples put together: N rows with R tokens in all."""

    offsets: I64  # [N + 1] where each row begins
    ids: I32  # [R]
    kind: NDArray[np.int8]  # [R] segment id
    source: I64  # [R] the token of the stream; −1: a special token
    segments: Segments
    at: I64  # [G] where the first token of each segment stands in its row

    def __len__(self) -> int:
        return len(self.offsets) - 1


class Cut(NamedTuple):
    """What a layout makes of the documents of one split."""

    segments: Segments
    columns: dict[str, pa.Array]  # by example, such as what kind of pair it is
    owner: I64 | None = None  # [N] the document each is an example of; None: that of its first token


class Examples(NamedTuple):
    """Finished examples, on their way to files."""

    batch: pa.RecordBatch
    key: NDArray[np.uint64]  # [N] the order of all examples: a hash of seed, document and number
    split: NDArray[np.uint8]  # [N] a place in SPLITS
    tokens: I32  # [N]


class TextLayout(Protocol):
    """Examples out of documents.

    It may have `paired = True` (examples get the column `segment`), and `documents(batch, settings)`, which
    returns documents as they are to be tokenised.
    """

    takes: ClassVar[Literal["corpus"]]
    settings: ClassVar[type]  # a frozen dataclass
    fields: ClassVar[Sequence[pa.Field]]  # of what `cut` adds

    def cut(self, texts: Texts, chosen: I64, settings: Any, here: Here, copy: int) -> Cut:
        """Make examples of some documents (`chosen`: their places, all of one split).

        A second `copy` makes others of the same documents. What is drawn depends on the seed, the copy and
        the documents alone.
        """
        ...


class MadeLayout(Protocol):
    """Examples out of a knowledge base, or of trees."""

    takes: ClassVar[Literal["kb", "trees"]]
    settings: ClassVar[type]

    def schema(self, settings: Any, here: Here) -> pa.Schema:
        """Say what columns the examples have."""
        ...

    def parts(self, inputs: Sequence[Path], settings: Any, here: Here) -> list[dict[str, Any]]:
        """Divide the work into tasks, as plain data; the division depends on the inputs alone."""
        ...

    def examples(self, part: dict[str, Any], settings: Any, here: Here) -> Iterator[Examples]:
        """Make the examples of one part."""
        ...


class Tabled(Protocol):
    """What a layout has as well if it writes tables beside its examples, such as a row for each entity."""

    def tables(self, settings: Any, here: Here) -> dict[str, pa.Schema]:
        """Say what tables there are; examples are asked for after `parts`, and so are these rows."""
        ...

    def table_parts(self, settings: Any, here: Here) -> list[tuple[str, dict[str, Any]]]:
        """Divide the work into tasks (the table, plain data), in order of the rows of each table."""
        ...

    def rows(self, table: str, part: dict[str, Any], settings: Any, here: Here) -> Iterator[pa.RecordBatch]:
        """Make the rows of one part, in order."""
        ...


class Prepared(NamedTuple):
    """What a view found in a block before it was cut."""

    spans: I64  # [K, 2] tokens of the stream, in order of their starts
    what: Any  # the view's own: what goes with each span
    whole: bool = True  # whether spans must not be cut


class View(Protocol):
    """Columns beside the tokens: entities, senses, heads ...

    It may have `keep(prepared, rows, settings, here)`, which tells the examples that stay; None: all.
    """

    settings: ClassVar[type]

    def fields(self, settings: Any, here: Here) -> list[pa.Field]:
        """Say what columns it adds."""
        ...

    def prepare(self, texts: Texts, settings: Any, here: Here) -> Prepared:
        """Find what the documents have (`texts.whole` is not yet known)."""
        ...

    def columns(self, prepared: Prepared, rows: Rows, settings: Any, here: Here) -> list[pa.Array]:
        """Return the columns of `fields` for the rows."""
        ...
