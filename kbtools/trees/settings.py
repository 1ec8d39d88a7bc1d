"""What can be said about how trees are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.trees.choosing import Settings as Choice

LONGEST = 32_767  # tokens of a tree: places are int16
LEAST = 4  # [CLS] A [SEP] B


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How sentences become trees."""

    max_entities: int = setting("Branches of an entity at most.", 2)
    max_length: int = setting("Tokens of a tree at most, special ones and branches too.", 256)
    policy: Literal["trunk-first", "reference"] = setting(
        "trunk-first: the sentence, then whole branches while they fit; reference: as K-BERT's code does.",
        "trunk-first",
    )
    segmented: bool = setting("Words are parted by single spaces, and looked up as they are.", False)
    predicate: bool = setting("A branch is relation and object; else the object alone.", True)
    lang: str | None = setting("The language of labels; without: what the knowledge base calls them.", None)
    sentences: Literal["auto", "split", "whole"] = setting(
        "Whether a document is one sentence; auto: rows, lines, and what has a label are.", "auto"
    )
    mentions: Literal["auto", "linked", "names"] = setting(
        "Where entities come from: links of the corpus, or names in the text; auto: links of LINKED.", "auto"
    )
    match: Literal["auto", "exact", "any"] = setting(
        "How a name is spelt: exact, or any way the table of names forgives; auto: exact with reference.",
        "auto",
    )
    least: int = setting("Characters of a name at least, where names are looked for in raw text.", 2)
    stop_words: bool = setting(
        "Words like 'no' and 'in' may be names, too; else only in capitals. With reference they always may.",
        False,
    )
    tokens: Literal["auto", "characters", "words"] = setting(
        "Without a tokenizer; auto: characters with reference, else words (Chinese: characters).", "auto"
    )
    sep: Literal["auto", "yes", "no"] = setting(
        "Whether a single sentence ends with [SEP]; auto: not with reference.", "auto"
    )
    pieces: Literal["inside", "same", "first"] = setting(
        "Tags of all but the first piece of a word: inside (B-X becomes I-X), the same, or (first) none.",
        "inside",
    )
    literals: Literal["none", "plain", "all"] = setting(
        "Values that are no entities; plain: no identifiers, addresses, files, coordinates.", "plain"
    )
    choice: Choice = field(default_factory=Choice)

    def __post_init__(self) -> None:
        if not LEAST <= self.max_length <= LONGEST:
            raise ConfigError(f"max_length is {self.max_length}; it is {LEAST} to {LONGEST}")
        if self.max_entities < 0:
            raise ConfigError(f"max_entities is {self.max_entities}; it is 0 or more")

    @property
    def exact(self) -> bool:
        """Whether names are looked up as they are spelt."""
        return self.match == "exact" or (self.match == "auto" and self.policy == "reference")

    @property
    def stops(self) -> bool:
        """Whether words like 'the' are no names."""
        return not self.stop_words and self.policy == "trunk-first"

    @property
    def characters(self) -> bool:
        """Whether every character is a token."""
        return self.policy == "reference" or self.tokens == "characters"

    @property
    def ends(self) -> bool:
        """Whether a single sentence ends with [SEP]."""
        return self.sep == "yes" or (self.sep == "auto" and self.policy == "trunk-first")
