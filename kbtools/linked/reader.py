"""A `linked` artefact opened for reading."""

from __future__ import annotations

from pathlib import Path

from kbtools import artefact
from kbtools.artefact import KbRef
from kbtools.artefact.manifest import NAME
from kbtools.errors import KbError
from kbtools.kb.reader import Tables
from kbtools.linked.schema import KIND


class Linked(Tables):
    """Linked documents; `scan("documents")` yields them in order."""

    kind = KIND

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases it speaks of; `kb` of a mention is a place in this list."""
        return self.manifest.kbs


def is_linked(path: Path | str) -> bool:
    """Tell whether a folder is a `linked` artefact."""
    if not Path(path, NAME).is_file():
        return False
    try:
        return artefact.read(Path(path)).kind == KIND
    except KbError:
        return False
