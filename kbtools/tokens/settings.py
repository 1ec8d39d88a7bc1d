"""What building a tokenizer can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import msgspec

from kbtools.config import setting
from kbtools.errors import ConfigError

Kind: TypeAlias = Literal["wordpiece", "bpe", "unigram", "char"]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]

# what stands around texts, in order of the numbers
SPECIAL = {
    "wordpiece": {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
    "bpe": {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"},
}
SPECIAL |= {"char": SPECIAL["wordpiece"], "unigram": SPECIAL["bpe"]}


@dataclass(frozen=True)
class Settings:
    """What a tokenizer is made like; the same settings and corpora give the same bytes."""

    kind: Kind = setting("Sort of pieces.", "wordpiece")
    size: Annotated[int, msgspec.Meta(ge=1)] = setting("Tokens in all, special ones too.", 30_000)
    cased: bool = setting("Keep capitals and accents.", False)
    least: Annotated[int, msgspec.Meta(ge=1)] = setting("A character or pair that is rarer is no piece.", 2)
    alphabet: Count = setting("At most so many characters, the most frequent; 0: no limit.", 0)
    chinese: Literal["apart", "together"] = setting(
        "Pieces of one Chinese character each, or of several.", "apart"
    )
    longest: Annotated[int, msgspec.Meta(ge=1)] = setting("Characters of a piece of unigram.", 16)
    sample: Annotated[float, msgspec.Meta(gt=0, le=1)] = setting("Share of the documents that is read.", 1.0)
    added: tuple[str, ...] = setting("More special tokens, such as [ENT].", ())
    most: Annotated[int, msgspec.Meta(ge=1000)] = setting(
        "Different words that are counted at a time; of more, rare ones are forgotten.", 4_000_000
    )

    def __post_init__(self) -> None:
        fixed = [*SPECIAL[self.kind].values()]
        if len({*fixed, *self.added}) < len(fixed) + len(self.added) or not all(self.added):
            raise ConfigError(
                f"added = {','.join(self.added)}: a special token that is there already, or is empty"
            )
        if self.kind in ("wordpiece", "char") and self.chinese == "together":
            raise ConfigError(
                f"chinese = together: {self.kind} has Chinese characters apart; take bpe or unigram"
            )
        least = len(self.special) + (256 if self.kind == "bpe" else 1)
        if self.size < least:
            raise ConfigError(f"size = {self.size}: {self.kind} has at least {least} tokens here")

    @property
    def special(self) -> list[str]:
        """List the special tokens, in order of their numbers."""
        return [*SPECIAL[self.kind].values(), *self.added]
