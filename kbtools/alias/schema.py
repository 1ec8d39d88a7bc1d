"""The tables of an alias artefact, and the files of its compiled look-up: contracts §3 in code.

`counts` is the truth: who is called what, how often, and who says so. All else is derived from it and can be
weighed again in minutes.

The look-up is a folder of numpy arrays that all processes map into memory. N norms in alphabetical order, E
entries (a norm has one for itself as a whole, and one for each form of it with candidates or a link
probability of its own), C candidates:

    norms.npy       u8          the norms' UTF-8, one after the other
    offsets.npy     u32 | u64   [N + 1] where each begins
    buckets.npy     u32         [2ᵇ + 1] where in hash order begin the hashes whose first b bits are this
    tags.npy        u16         [N] in hash order: the 16 bits that follow
    places.npy      u32         [N] in hash order: the number of the norm
    known.npy       u64         a bit array: bit hash mod size is set for each norm
    prefixes.npy    u64         a bit array: the same for the first 2, 4, 8, 16 … units of longer norms
    entries.npy     u32         [N + 1] the first entry of each norm: the norm as a whole
    form_tags.npy   u32         [E] the last 32 bits of the form's hash; of the only form, if there is but one
    firsts.npy      u32 | u64   [E] the first candidate
    lengths.npy     u16         [E] how many candidates
    links.npy       f32         [E] link probability, NaN if never seen; there only if text was counted
    eids.npy        u32         [C]
    priors.npy      f32         [C]
    kbs.npy         u8          [C] there only with several knowledge bases
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from kbtools.kb.schema import DICT, F64, STR, U8, U16, U32, U64

KIND = "alias"
F32 = pa.float32()
LOOKUP = "lookup"

# Who says that an entity is called so; a bit of `candidates.sources` each, in this order. New ones go last.
SOURCES = (
    "label", "alias", "title", "redirect", "anchor", "disambiguation", "lemma", "form", "exception", "term",
    "name", "user", "prior",
)  # fmt: skip

LEVELS = ("exact", "case", "folded", "norm", "inflected")  # the rung on which a look-up found its statistics


class Columns(NamedTuple):
    """A table's schema and the columns its rows are ordered by, before all others."""

    schema: pa.Schema
    key: tuple[str, ...]


def _columns(key: str, *columns: tuple[str, pa.DataType] | tuple[str, pa.DataType, bool]) -> Columns:
    fields = [pa.field(column[0], column[1], nullable=len(column) == 3) for column in columns]
    return Columns(pa.schema(fields), tuple(key.split()))


NULL = True

TABLES = {
    "counts": _columns(
        "norm surface kb eid source",
        ("surface", STR), ("norm", STR), ("kb", U8), ("eid", U32), ("source", DICT), ("n", U64),
    ),
    "candidates": _columns(
        "norm form kb rank",
        ("norm", STR), ("form", STR, NULL), ("kb", U8), ("eid", U32), ("n", F64), ("prior", F32),
        ("rank", U16), ("sources", U32),
    ),
    "forms": _columns(
        "norm surface",
        ("norm", STR), ("surface", STR, NULL), ("linked", U64), ("unlinked", U64, NULL),
        ("link_prob", F32, NULL),
    ),
}  # fmt: skip
