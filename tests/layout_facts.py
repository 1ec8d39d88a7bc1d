"""Documents that tell facts, and what the layout makes of them, in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools import config
from kbtools.corpus.base import Document, Link, Report, batches
from kbtools.shards.assembly import assemble
from kbtools.shards.base import Here
from kbtools.shards.layouts.facts import LAYOUT, Settings
from kbtools.shards.texts import tokenised
from kbtools.tokens.tokenizer import Tokenizer
from tests.layout_tokens import read

WORDS = [
    "gandhi",
    "studied",
    "at",
    "the",
    "university",
    "of",
    "london",
    "he",
    "was",
    "born",
    "in",
    "india",
    "a",
    "writer",
    "city",
    "large",
    ".",
    "@",
    "#",
    "[HD]",
    "[TL]",
]
TEXT = "Gandhi studied at the University of London. He was born in India."
GANDHI, UNIVERSITY, LONDON, INDIA = (0, 6), (22, 42), (36, 42), (59, 64)


def document(text: str, links: Sequence[Link] | None, relations: Any, name: str = "d1") -> Document:
    return Document(
        name, text, "en", json.dumps({"relations": relations}) if relations is not None else None, links
    )


def made(
    here: Here, documents: Sequence[Document] | pa.RecordBatch, *overrides: str, copy: int = 0
) -> list[dict[str, Any]]:
    """Return each example in words: [tokens, head, relation, tail, number]."""
    if not isinstance(documents, pa.RecordBatch):
        documents = next(batches(documents, Report()))
    settings = config.build(Settings, where="facts", overrides=overrides)
    texts = tokenised(documents, here)
    cut = LAYOUT.cut(texts, np.flatnonzero(np.diff(texts.stream.begins)), settings, here, copy)
    rows = assemble(texts.stream, cut.segments)
    told = pa.table([cut.columns[one.name] for one in LAYOUT.fields], pa.schema(LAYOUT.fields)).to_pylist()
    assert len(told) == len(rows)
    found = []
    for at, row in enumerate(told):
        ids = rows.ids[rows.offsets[at] : rows.offsets[at + 1]]
        assert len(ids) <= here.max_length
        row |= {"text": read(here.tokenizer, ids)}
        row |= {end: read(here.tokenizer, ids[slice(*row[f"facts.{end}"])]) for end in ("head", "tail")}
        found.append(row)
    return found


def here_of(tokens: Tokenizer, **more: Any) -> Here:
    return Here(tokenizer=tokens, max_length=more.pop("max_length", 64), **more)
