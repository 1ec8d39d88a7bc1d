"""The words of other names: the table `surfaces`, which is ordered by name, not by entity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools.artefact import Outcome
from kbtools.kb.reader import Kb
from kbtools.kb.schema import STR
from kbtools.linkers.index.profile.labels import together
from kbtools.linkers.index.profile.layout import BATCH, scatter, summed
from kbtools.linkers.words import words_of

NAMING = ("alias", "title", "lemma", "term", "name", "user")  # the others point, or are the label itself


def pieces(parts: Sequence[Kb]) -> list[tuple[str, int]]:
    """List the row groups of the names of a knowledge base: files and numbers in them."""
    files = [str(path) for part in parts if part.rows("surfaces") for path in part.files("surfaces")]
    return [(file, group) for file in files for group in range(pq.read_metadata(file).num_row_groups)]


def read(folder: Path, *, file: str, group: int, first: int, stem: str) -> Outcome:
    """Write the words of the names in a row group; `first` is the row of eid 0."""
    found = []
    naming = pa.array(NAMING, STR)
    with pq.ParquetFile(file) as table:
        for batch in table.iter_batches(BATCH, row_groups=[group], columns=["eid", "text", "source"]):
            some = batch.filter(pc.is_in(batch["source"].cast(STR), naming))
            words = words_of(some["text"].to_pylist())
            found.append((some["eid"].to_numpy().astype(np.int64)[words.text] + first, words.term))
    rows, terms = together(found)
    rows, terms, _ = summed(rows, terms, np.ones(len(rows), np.int64))
    return Outcome(files=scatter(folder, stem, rows, terms=terms))
