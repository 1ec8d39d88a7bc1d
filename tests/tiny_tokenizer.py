"""A tokenizer of the tiny world's English and Chinese texts, built once in a session for whoever needs it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from kbtools import api
from kbtools.tokens.tokenizer import Tokenizer

CORPUS = Path(__file__).parent.parent / "data" / "sample" / "corpus"


def build(folder: Path, kind: str = "wordpiece", size: int = 2000, *overrides: str) -> Path:
    """Build a tokenizer in a folder; return where it is."""
    out = folder / f"{kind}-{size}"
    api.build_vocab(
        [CORPUS / "en.jsonl", CORPUS / "zh.jsonl"], out, kind=kind, size=size, overrides=overrides
    )
    return out


def path(kind: str = "wordpiece", size: int = 2000) -> Path:
    """Build a tokenizer unless this session has it; return where it is."""
    return _path(kind, size)


def loaded(kind: str = "wordpiece", size: int = 2000) -> Tokenizer:
    """Load the tokenizer of `path`."""
    return _loaded(kind, size)


@cache
def _path(kind: str, size: int) -> Path:
    return build(Path(_room().name), kind, size)


@cache
def _loaded(kind: str, size: int) -> Tokenizer:
    return Tokenizer.load(_path(kind, size))


@cache
def _room() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="kbtools-tokenizer-", ignore_cleanup_errors=True)
