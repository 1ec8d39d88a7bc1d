"""Words that are numbers to a model: classes, tags, kinds of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.errors import ConfigError
from kbtools.shards.reading.fills import Fills
from kbtools.shards.reading.ragged import Ragged


class Classes:
    """Gives each word of a column its place among the words; null is what the column is padded with."""

    def __init__(self, name: str, words: Sequence[str]) -> None:
        if isinstance(words, str) or len({*words}) < len(words):
            raise ConfigError(f"classes of {name}: each word once, in the order of their numbers: {words!r}")
        self.name, self.words = name, pa.array([*words], pa.large_string())

    def __call__(self, taken: Any, fills: Fills) -> Any:
        """Make numbers of words, or of lists of them; refuse a word that is none of them."""
        if isinstance(taken, Ragged):
            return Ragged(taken.offsets, self(taken.values, fills))
        if not isinstance(taken, pa.Array):
            raise ConfigError(f"classes: {self.name} has no words, but numbers")
        place = pc.index_in(taken, self.words)
        if place.null_count > taken.null_count:
            found = pc.unique(taken.filter(pc.and_(pc.is_null(place), pc.is_valid(taken))))[0]
            raise ConfigError(f"classes: {self.name} {found.as_py()!r} is none of {_some(self.words)}")
        fill = fills.of(self.name, np.dtype(np.int64))
        found = place.cast(pa.int64()).fill_null(fill).to_numpy(zero_copy_only=False)
        return np.array(found)  # one that may be written, as all of a batch may be


def distinct(column: str, path: str, values: pa.Array) -> list[str]:
    """Return the different words among values, or in the part of them that a path of fields leads to."""
    kind = values.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return distinct(column, path, values.flatten())
    first, _, rest = path.partition(".")
    if pa.types.is_struct(kind) and kind.get_field_index(first) >= 0:
        return distinct(column, rest, values.field(first))
    if pa.types.is_dictionary(kind):
        return distinct(column, path, pc.unique(values).dictionary_decode())
    if path or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise ConfigError(f"{column} has no words: {'its parts are others' if path else kind}")
    found: list[str] = pc.unique(values).drop_null().to_pylist()
    return found


def _some(words: pa.Array) -> str:
    told = ", ".join(map(repr, words[:10].to_pylist()))
    return f"{told}, ... ({len(words)})" if len(words) > 10 else told
