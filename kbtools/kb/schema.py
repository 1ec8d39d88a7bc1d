"""The tables of a knowledge base, as Arrow schemas: contracts §2 in code.

Each table names its sort key; rows are ordered by the key and then by all other columns in table order.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

KIND, VERSION = "kb", 1

DICT = pa.dictionary(pa.int32(), pa.string())
F32 = pa.float32()
U8, U16, U32, U64 = pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()
I8, F64, STR, BOOL = pa.int8(), pa.float64(), pa.string(), pa.bool_()
# the headings of a page: where they stand in its text, how deep (1 for the highest), and their titles
SECTIONS = pa.list_(pa.struct([("start", U32), ("level", U8), ("title", STR)]))

# entities.flags
TOMBSTONE = 1  # known to an earlier release, gone or merged in this one

# triples.rank, literals.rank
DEPRECATED, NORMAL, PREFERRED = -1, 0, 1


# tables whose rows are a set: a type may be stated twice, also by the id of a class merged into another
SETS = {"types"}

# tables in which a row is there or not: several readers, or several knowledge bases, may say the same
SAID_ONCE = {"labels", "surfaces", "descriptions", "types", "sitelinks", "xref"}


class TableSpec(NamedTuple):
    """A table's schema and the columns it is sorted by."""

    schema: pa.Schema
    key: tuple[str, ...]

    @property
    def order(self) -> list[str]:
        """All columns in the order that sorts the rows: the key first."""
        return [*self.key, *(name for name in self.schema.names if name not in self.key)]


def _spec(key: str, *columns: tuple[str, pa.DataType] | tuple[str, pa.DataType, bool]) -> TableSpec:
    fields = [pa.field(c[0], c[1], nullable=len(c) == 3) for c in columns]
    return TableSpec(pa.schema(fields), tuple(key.split()))


NULL = True  # a column that may be null

# The value of a literal or qualifier: text, and what it means as a number, unit, precision ...
_VALUE = (
    ("datatype", DICT),
    ("value", STR),
    ("number", F64, NULL),
    ("unit", STR, NULL),
    ("precision", I8, NULL),
    ("calendar", STR, NULL),
    ("lang", DICT, NULL),
)

TABLES: dict[str, TableSpec] = {
    "entities": _spec(
        "eid",
        ("eid", U32), ("id", STR), ("kind", DICT), ("label", STR, NULL), ("description", STR, NULL),
        ("lang", DICT, NULL), ("sitelinks", U16), ("in_degree", U32), ("out_degree", U32), ("freq", U64),
        ("flags", U16),
    ),
    "labels": _spec("eid", ("eid", U32), ("lang", DICT), ("text", STR)),
    "surfaces": _spec(
        "text",
        ("eid", U32), ("text", STR), ("lang", DICT, NULL), ("source", DICT), ("pos", DICT, NULL),
        ("count", U64, NULL), ("atom", STR, NULL),
    ),
    "descriptions": _spec(
        "eid", ("eid", U32), ("lang", DICT), ("kind", DICT), ("text", STR), ("source", STR)
    ),
    "relations": _spec(
        "rid",
        ("rid", U32), ("id", STR), ("label", STR, NULL), ("description", STR, NULL),
        ("inverse_rid", U32, NULL),
    ),
    "triples": _spec(
        "head relation tail",
        ("head", U32), ("relation", U32), ("tail", U32), ("rank", I8), ("best", BOOL), ("statement", U64),
        ("split", DICT, NULL),
    ),
    "literals": _spec(
        "head relation",
        ("head", U32), ("relation", U32), *_VALUE, ("rank", I8), ("best", BOOL), ("statement", U64),
    ),
    "qualifiers": _spec(
        "statement",
        ("statement", U64), ("relation", U32), ("tail", U32, NULL),
        *((name, kind, NULL) for name, kind, *_ in _VALUE),
        ("ord", U16),
    ),
    "types": _spec("eid", ("eid", U32), ("type", U32)),
    "classes": _spec("type", ("type", U32), ("ancestor", U32), ("depth", U16)),
    "redirects": _spec("from_id", ("from_id", STR), ("to_eid", U32), ("kind", DICT)),
    "sitelinks": _spec("site title", ("eid", U32), ("site", DICT), ("title", STR)),
    "xref": _spec("scheme value", ("eid", U32), ("scheme", DICT), ("value", STR)),
    "pages": _spec(
        "page",
        ("page", U32), ("eid", U32, NULL), ("title", STR), ("lang", DICT), ("text", pa.large_string()),
        ("sections", SECTIONS),
    ),
    "anchors": _spec(
        "page start",
        ("page", U32), ("start", U32), ("end", U32), ("surface", STR), ("target", U32, NULL),
        ("target_title", STR), ("kind", DICT),
    ),
    "rejects": _spec(
        "file byte",
        ("file", STR), ("line", U64, NULL), ("byte", U64, NULL), ("reason", STR), ("snippet", STR),
    ),
}  # fmt: skip
