"""What all shards have in common, whatever is in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How long examples are, which are kept apart, how they are written."""

    max_length: int = setting("Tokens of an example, special ones too.", 128)
    dev: float = setting("The share of documents that is kept apart to watch training.", 0.01)
    test: float = setting("The share that is kept apart to the very end.", 0.0)
    split: Literal["hash", "corpus"] = setting(
        "By a hash of the document's id, or as the corpus says (meta: split).", "hash"
    )
    copies: int = setting("How often the same documents are cut, each time another way.", 1)
    chinese: Literal["characters", "jieba"] = setting(
        "What a word is where none are parted by spaces: see `word_start`.", "characters"
    )
    duplicates: Literal["no", "exact", "minhash"] = setting("Whether near copies of documents go.", "no")
    files: Literal["arrow", "parquet"] = setting(
        "Arrow to be mapped into memory, Parquet to be sent.", "arrow"
    )
    file_size: int = setting("Bytes of examples in a file, about; a worker holds three times that.", 64 << 20)

    def __post_init__(self) -> None:
        if self.max_length < 3:
            raise ConfigError(
                f"max_length is {self.max_length}; it is 3 at least: one token between two special ones"
            )
        if min(self.dev, self.test) < 0 or self.dev + self.test >= 1:
            raise ConfigError(f"dev = {self.dev}, test = {self.test}: shares below 1 in all")
        if self.copies < 1 or self.file_size < 1:
            raise ConfigError("copies and file_size are 1 at least")
