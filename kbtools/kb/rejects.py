"""What could not be used, as a table of whatever artefact was made of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from kbtools import artefact
from kbtools.artefact import Table
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.writer import write_rows

NAME = "rejects"


def rejects_table(new: Path, rows: Sequence[dict[str, Any]]) -> dict[str, Table]:
    """Write rejects into the artefact in the making; return its entry for the manifest, if there are any."""
    if not rows:
        return {}
    schema = TABLES[NAME].schema
    names = write_rows(new, NAME, pa.Table.from_pylist(list(rows), schema).to_batches())
    files = [artefact.entry(new, name) for name in names]
    return {NAME: Table(rows=len(rows), files=files, schema=schema_digest(schema))}
