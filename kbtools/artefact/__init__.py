"""A folder on disk that is whole or absent: staging, tasks, manifest, digests, lineage."""

from kbtools.artefact.manifest import (
    FileEntry,
    Input,
    KbRef,
    Licence,
    Manifest,
    Table,
    licences,
    parents,
    plan,
    read,
    unite,
)
from kbtools.artefact.staging import Staging, begin
from kbtools.artefact.task import (
    Done,
    Outcome,
    Task,
    ensure,
    entry,
    finished,
    perform,
    published,
    write_whole,
)

__all__ = [
    "Done",
    "FileEntry",
    "Input",
    "KbRef",
    "Licence",
    "Manifest",
    "Outcome",
    "Staging",
    "Table",
    "Task",
    "begin",
    "ensure",
    "entry",
    "finished",
    "licences",
    "parents",
    "perform",
    "plan",
    "published",
    "read",
    "unite",
    "write_whole",
]
