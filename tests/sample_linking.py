"""The small Wikidata and WordNet with their names, ready to link with any preset, and their corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from kbtools import api, corpus, linkers
from kbtools.corpus.base import DOCUMENTS
from kbtools.linkers import opening
from kbtools.linkers.corpora import Written, link_batch
from kbtools.linkers.opening import Opened

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
CORPUS = SAMPLE / "corpus"
HOW = Written(candidates="all", features="all")


def build(folder: Path) -> Path:
    """Ingest both and make of them all that a linker may ask for."""
    api.ingest("wikidata", [SAMPLE / "wikidata.json.gz"], folder / "kb", langs=["en", "zh"])
    api.ingest("wordnet", [SAMPLE / "wordnet" / "dict"], folder / "wn")
    bases = [folder / "kb", folder / "wn"]
    api.build_alias(bases, folder / "alias")
    linkers.build_index(bases, folder / "profile", kind="profile")
    linkers.build_index(folder / "alias", folder / "fuzzy", kind="fuzzy")
    return folder


@cache
def opened(folder: Path, linker: str, *overrides: str) -> Opened:
    """Open a linker over the world in a folder."""
    indexes = [folder / "profile", folder / "fuzzy"]
    return Opened(opening.ask(folder / "alias", indexes=indexes, linker=linker, overrides=overrides))


def documents(*names: str) -> list[dict[str, Any]]:
    """Return documents of the sample's corpus, with its gold."""
    found = [batch for name in names for batch in corpus.documents(str(CORPUS / f"{name}.jsonl"))]
    return [row for batch in found for row in batch.to_pylist()]


def linked(here: Opened, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Link documents; return rows of `linked` with all candidates and features."""
    batch = pa.RecordBatch.from_pylist(list(rows), schema=DOCUMENTS)
    return [row for one in link_batch(here, batch, Counter(), HOW) for row in one.to_pylist()]


def texts(*some: str, lang: str = "en") -> list[dict[str, Any]]:
    """Make documents of texts."""
    return [{"doc_id": str(at), "text": text, "lang": lang} for at, text in enumerate(some)]
