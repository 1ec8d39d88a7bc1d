"""What a saved pipeline keeps of us: settings and paths, as JSON. Tables stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from kbtools.errors import ConfigError

T = TypeVar("T")


def write(path: str | Path, settings: msgspec.Struct) -> None:
    """Write settings to the file that spaCy asked for."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")


def read(data: bytes, kind: type[T], what: str) -> T:
    """Read settings back; they come from somebody's folder."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{what}: not what was saved: {error}") from error
