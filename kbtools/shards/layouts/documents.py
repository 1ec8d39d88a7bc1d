"""Documents with their labels, numbers about them, and who wrote them: a row a document.

    [CLS] the first words of the document [SEP]

Labels, numbers, authors and title are fields of `meta`; authors become entities of a knowledge base, by id or
by name: the name itself, then the name with a trade in brackets, as titles of pages have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.kb.schema import STR
from kbtools.shards.assembly import lists
from kbtools.shards.base import I64, NONE, Cut, Here, Segments, Texts
from kbtools.shards.layouts import _authors

TRADES = (
    "novelist", "poet", "writer", "author", "journalist", "artist",
    "Schriftsteller", "Schriftstellerin", "Dichter", "Dichterin", "Autor", "Autorin",
    "Journalist", "Journalistin",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which fields of `meta` hold what."""

    labels: str = setting("The field of labels: a text, or a list of texts.", "labels")
    meta: tuple[str, ...] = setting("Fields that are numbers, in order; true is 1, none is 0.", ())
    authors: str = setting("The field of authors: a list, or texts with semicolons between.", "authors")
    title: str = setting("The field of the title.", "title")
    kb: str | None = setting("The knowledge base of the authors, where there are several.", None)
    trades: tuple[str, ...] = setting("What stands in brackets behind a name that several have.", TRADES)
    author_types: tuple[str, ...] = setting("Authors are of one of these types, by id (such as Q5).", ())
    sep: bool = setting("Close with [SEP]; Ostendorff et al. (2019) did not.", True)


class Documents:
    """Makes an example of each document."""

    takes: ClassVar[Literal["corpus"]] = "corpus"
    settings: ClassVar[type] = Settings
    fields: ClassVar[Sequence[pa.Field]] = (
        pa.field("labels", pa.list_(STR), False),
        pa.field("meta", pa.list_(pa.float32()), False),
        pa.field("authors", pa.list_(pa.int64()), False),  # −1: in no knowledge base here
        pa.field("title", STR),
    )

    def cut(self, texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Cut:
        """Take the first tokens of each document."""
        special, count = here.tokenizer.special, len(chosen)
        close = special.sep if settings.sep else -1
        room = here.max_length - (special.cls >= 0) - (close >= 0)
        start, stop = texts.stream.begins[chosen], texts.stream.begins[chosen + 1]
        here.counts["documents cut"] += int((stop - start > room).sum())
        segments = Segments(
            np.arange(count), start, np.minimum(stop, start + room), np.zeros(count, np.int8),
            np.full(count, special.cls, np.int32), np.full(count, close, np.int32),
        )  # fmt: skip
        told = [_told(meta, here) for meta in texts.documents["meta"].take(pa.array(chosen)).to_pylist()]
        return Cut(segments, {
            "labels": pa.array([_texts(one.get(settings.labels), None) for one in told], pa.list_(STR)),
            "meta": _numbers(told, settings.meta, here),
            "authors": _written(told, settings, here),
            "title": pa.array([_text(one.get(settings.title)) for one in told], STR),
        })  # fmt: skip


LAYOUT = Documents()

_meta = msgspec.json.Decoder(dict[str, Any])


def _told(meta: str | None, here: Here) -> dict[str, Any]:
    try:
        return _meta.decode(meta) if meta else {}
    except (msgspec.DecodeError, RecursionError):
        here.counts["documents whose meta cannot be read"] += 1
        return {}


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _texts(value: Any, between: str | None) -> list[str]:
    """Return what a field names, each once."""
    several = value if isinstance(value, list) else [value]
    told = [str(one) for one in several if isinstance(one, str | int) and not isinstance(one, bool)]
    parts = [part.strip() for one in told for part in (one.split(between) if between else [one])]
    return list(dict.fromkeys(part for part in parts if part))


def _numbers(told: list[dict[str, Any]], names: tuple[str, ...], here: Here) -> pa.Array:
    found = np.array([[_number(one.get(name)) for name in names] for one in told], np.float64).reshape(
        len(told), -1
    )
    missing = ~np.isfinite(found)
    here.counts["numbers that are missing"] += int(missing.sum())
    found[missing] = 0
    return lists(np.arange(len(told) + 1) * len(names), pa.array(found.ravel().astype(np.float32)))


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, bool | int | float | str) else float("nan")
    except (ValueError, OverflowError):
        return float("nan")


def _written(told: list[dict[str, Any]], settings: Settings, here: Here) -> pa.Array:
    """Look the authors up; how many were found is counted."""
    names = [_texts(one.get(settings.authors), ";") for one in told]
    flat = pa.array([name for one in names for name in one], STR)
    eids = np.full(len(flat), NONE, np.int64)
    if here.bases:
        eids = _authors.eids(flat, _authors.chosen(here, settings.kb), settings.trades, settings.author_types)
    here.counts["authors"] += len(flat)
    here.counts["authors in the knowledge base"] += int((eids >= 0).sum())
    return lists(np.cumsum([0, *map(len, names)]), pa.array(eids))
