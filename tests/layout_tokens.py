"""A tokenizer whose vocabulary a test writes down: whole words, as they come."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kbtools.tokens.tokenizer import Tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tokenizer(folder: Path, words: Iterable[str]) -> Tokenizer:
    """Return one that knows these words, in lower case, and single letters as pieces of others."""
    letters = [
        f"{before}{letter}" for before in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyz0123456789"
    ]
    known = dict.fromkeys([*SPECIAL, *words, *letters, *".,;:!?@#$'-()"])
    file = folder / "vocab.txt"
    file.write_text("\n".join(known) + "\n", encoding="utf-8")
    return Tokenizer.load(file)


def read(tokens: Tokenizer, ids: Iterable[int] | None) -> str | None:
    """Return tokens with spaces between."""
    return None if ids is None else " ".join(tokens.words(list(ids)).to_pylist())
