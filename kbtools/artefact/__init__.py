"""A folder on disk that is whole or absent: staging, tasks, manifest, digests, lineage."""

from kbtools.artefact.manifest import (
    FileEntry,
    Input,
    KbRef,
    Licence,
    Manifest,
    Table,
    licences,
    plan,
    read,
    unite,
)
from kbtools.artefact.staging import Staging, begin
from kbtools.artefact.task import Done, Outcome, Task, ensure, entry, finished, perform, write_whole

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
    "perform",
    "plan",
    "read",
    "unite",
    "write_whole",
]
