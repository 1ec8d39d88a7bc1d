"""A few cities and people for the tests inside pipelines of spaCy: a knowledge base and its alias table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import spacy

from kbtools import api
from tests import small_names
from tests.small_names import Name

CITY, TEXAN, HERO, PERSON, OTHER = 0, 1, 2, 3, 4  # E0 …, and E5 is no name's


def names() -> list[Name]:
    return [
        Name(CITY, "Paris", "anchor", 90), Name(TEXAN, "Paris", "anchor", 9),
        Name(HERO, "Paris", "anchor", 1), Name(TEXAN, "Paris, Texas"), Name(PERSON, "Ada Lovelace"),
        Name(OTHER, "Ada", "alias"), Name(PERSON, "Ada", "alias"), Name(CITY, "巴黎"),
    ]  # fmt: skip


def build(folder: Path) -> Path:
    """Write the knowledge base at `folder`/kb and its table at `folder`/alias."""
    kb = small_names.write(folder / "kb", names(), entities=6, name="world")
    api.build_alias([kb], folder / "alias")
    return folder / "alias"


def pipeline(*patterns: dict[str, Any], lang: str = "en") -> Any:
    """Assemble a pipeline that recognises some entities."""
    nlp = spacy.blank(lang)
    nlp.add_pipe("sentencizer")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(list(patterns))
    return nlp
