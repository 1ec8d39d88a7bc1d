"""Every error kbtools raises on purpose.

KbError
├── ConfigError         a setting is missing, misspelt or of the wrong type
├── SourceError         a dump cannot be read: has .what, .path, .line and .byte
├── ArtefactError       an artefact is absent, half written, foreign, in use or of another version
├── TaskError           a piece of work failed on every attempt: has .task
├── ResourceError       the machine has run out of disk or memory
└── MissingExtraError   an optional library is not installed

A message says what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from pathlib import Path


class KbError(Exception):
    """Base class: `except KbError` catches what a user can put right."""


class ConfigError(KbError):
    """A setting is missing, misspelt or of the wrong type."""


class SourceError(KbError):
    """A dump cannot be read."""

    def __init__(
        self, what: str, *, path: Path | str, line: int | None = None, byte: int | None = None
    ) -> None:
        self.what, self.path, self.line, self.byte = what, path, line, byte
        where = f"{path}:{line}" if line is not None else f"{path}"
        at = f" (byte {byte:,})" if byte is not None else ""
        super().__init__(f"{where}{at}: {what}")


class ArtefactError(KbError):
    """An artefact is absent, half written, foreign, in use or of another version."""


class TaskError(KbError):
    """A piece of work failed on every attempt."""

    def __init__(self, what: str, *, task: str) -> None:
        self.task = task
        super().__init__(f"{task}: {what}")


class ResourceError(KbError):
    """The machine has run out of disk or memory."""


class MissingExtraError(KbError):
    """An optional library is not installed."""
