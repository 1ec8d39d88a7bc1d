"""The table of features: a row is a unit of a document; documents as in the corpus, units by start."""

from __future__ import annotations

import pyarrow as pa

from kbtools.kb.schema import DICT, STR, U32

KIND = "features"
TABLE = "features"
UNITS = ("document", "sentence", "word", "token", "span")
VECTOR = "vector"
NUMBERS = {"float32": pa.float32(), "float16": pa.float16()}


def schema(dim: int, numbers: str = "float32") -> pa.Schema:
    """Return the schema of vectors that are so wide."""
    return pa.schema(
        [
            pa.field("doc_id", STR, nullable=False),
            pa.field("unit", DICT, nullable=False),  # of UNITS
            pa.field("start", U32, nullable=False),  # code points of the document's text
            pa.field("end", U32, nullable=False),
            pa.field(VECTOR, pa.list_(pa.field("item", NUMBERS[numbers], False), dim), nullable=False),
        ]
    )
