"""Documents as examples: their first tokens, labels, numbers and authors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kbtools import config
from kbtools.corpus.base import Document, Report, batches
from kbtools.errors import ConfigError
from kbtools.kb.reader import gather
from kbtools.shards.assembly import assemble
from kbtools.shards.base import Here
from kbtools.shards.layouts.documents import LAYOUT, Settings
from kbtools.shards.texts import tokenised
from tests import tiny_kb
from tests.layout_tokens import read, tokenizer

WORDS = ["a", "book", "about", "the", "universe"]


def made(here: Here, documents: list[Document], *overrides: str) -> list[dict[str, Any]]:
    texts = tokenised(next(batches(documents, Report())), here)
    settings = config.build(Settings, where="documents", overrides=overrides)
    cut = LAYOUT.cut(texts, np.arange(len(documents)), settings, here, 0)
    rows = assemble(texts.stream, cut.segments)
    return [
        {name: cut.columns[name][at].as_py() for name in cut.columns}
        | {"text": read(here.tokenizer, rows.ids[rows.offsets[at] : rows.offsets[at + 1]])}
        for at in range(len(rows))
    ]


def here_of(folder: Path, **more: Any) -> Here:
    return Here(tokenizer=tokenizer(folder, WORDS), max_length=more.pop("max_length", 16), **more)


def document(text: str = "A book about the universe", **meta: Any) -> Document:
    return Document("d", text, "en", json.dumps(meta), None)


def test_what_meta_says(tmp_path: Path) -> None:
    documents = [
        document(
            labels=["Prose", "Science", "Prose"], title=" Hitchhiker ", year=1979, sold=True, pages="215"
        ),
        document(labels="Prose", title="", year=None, sold="no"),
        Document("d", "a book", "en", None, None),
        Document("d", "a book", "en", "[1]", None),
    ]
    here = here_of(tmp_path)
    found = made(here, documents, "meta=year,sold,pages")
    assert [row["labels"] for row in found] == [["Prose", "Science"], ["Prose"], [], []]
    assert [row["meta"] for row in found] == [[1979, 1, 215], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert [row["title"] for row in found] == ["Hitchhiker", None, None, None]
    assert [row["authors"] for row in found] == [[], [], [], []]
    assert here.counts["numbers that are missing"] == 9
    assert here.counts["documents whose meta cannot be read"] == 1
    assert made(here, documents, "labels=title")[0]["labels"] == ["Hitchhiker"]


def test_first_tokens(tmp_path: Path) -> None:
    here = here_of(tmp_path, max_length=5)
    assert made(here, [document()])[0]["text"] == "[CLS] a book about [SEP]"
    assert made(here, [document("A book")])[0]["text"] == "[CLS] a book [SEP]"
    assert made(here, [document()], "sep=false")[0]["text"] == "[CLS] a book about the"
    assert here.counts["documents cut"] == 2


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Two called John Smith, one a poet; Ann Lee, a ship, is better known than Ann Lee, a human."""
    names = [
        ("Q5", "human"),
        ("Q1", "John Smith"),
        ("Q2", "John Smith"),
        ("Q3", "Ann Lee"),
        ("Q4", "Ann Lee"),
        ("Q6", None),
    ]
    entities = [
        tiny_kb.entity(eid, *one, sitelinks=links)
        for eid, (one, links) in enumerate(zip(names, [9, 3, 4, 8, 2, 1], strict=True))
    ]
    entities[5]["flags"] = 1
    surfaces = [
        (1, "John Smith"),
        (2, "John Smith"),
        (1, "J. Smith (poet)"),
        (3, "Ann Lee"),
        (4, "Ann Lee"),
        (5, "Gone"),
        (0, "Bob (poet)"),
        (4, "Bob (poet)"),
    ]
    tables = {
        "entities": entities,
        "surfaces": sorted(
            ({"eid": eid, "text": text, "source": "label"} for eid, text in surfaces),
            key=lambda row: str(row["text"]),
        ),
        "types": [{"eid": eid, "type": 0} for eid in (1, 2, 4)],
        "redirects": [{"from_id": "Q77", "to_eid": 4, "kind": "merge"}],
    }
    return tiny_kb.write(tmp_path / "kb", tables)


def authors(here: Here, names: Any, *overrides: str) -> list[int]:
    return list(made(here, [document(authors=names)], *overrides)[0]["authors"])


def test_authors(tmp_path: Path, world: Path) -> None:
    """By id, by name the best known, by name and trade; a tombstone is nobody."""
    here = here_of(tmp_path, bases=dict(enumerate(gather([world]))))
    assert authors(here, ["Q2", "Q77", "Q9"]) == [2, 4, -1]
    assert authors(here, "John Smith; Ann Lee ;; J. Smith") == [2, 3, 1]
    assert authors(here, ["Gone", "john smith", 5]) == [-1, -1, -1]
    assert authors(here, ["Bob", "Ann Lee"], "author_types=Q5") == [4, 4]
    assert authors(here, ["J. Smith"], "trades=novelist") == [-1]
    assert here.counts["authors"] == 12
    assert here.counts["authors in the knowledge base"] == 7


def test_unknown_types_and_bases(tmp_path: Path, world: Path) -> None:
    here = here_of(tmp_path, bases=dict(enumerate(gather([world]))))
    with pytest.raises(ConfigError, match="author_types: Q55 is not in"):
        authors(here, ["x"], "author_types=Q55")
    with pytest.raises(ConfigError, match=r"documents\.kb = other: not here; there are: tiny"):
        authors(here, ["x"], "kb=other")
