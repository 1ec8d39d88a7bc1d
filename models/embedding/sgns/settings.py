"""How vectors are learned from running text: what `kbtools embed CORPUS --model sgns -o NAME=VALUE` takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError

MOST_DRAWN = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which words there are, what is learned of them, and how."""

    dim: int = setting("Of the vectors.", 100)
    form: Literal["exact", "case", "folded"] = setting(
        "What is one word: as written, whatever the case, or whatever case, accents and width.", "case"
    )
    zh: Literal["characters", "jieba"] = setting("What a Chinese word is.", "characters")
    symbols: bool = setting("Punctuation and other symbols are words, too.", False)
    least: int = setting("How often a word stands in the corpus, at least.", 5)
    most: int = setting("Words at most, the most frequent ones; 0: all.", 0)
    window: int = setting("Words to each side, at most: how many is drawn for each word.", 5)
    negatives: int = setting("How many drawn words weigh against one of the context.", 5)
    power: float = setting("Of their counts, by which words and entities are drawn.", 0.75)
    subsample: float = setting(
        "Words that are a larger share of the text are left out at times; 0: none.", 1e-4
    )
    subwords: bool = setting("Words share the vectors of their n-grams.", False)
    min_n: int = setting("Characters of an n-gram, at least.", 3)
    max_n: int = setting("And at most.", 6)
    buckets: int = setting(
        "Rows of the n-grams, in which they are thrown; 0: as many as there are, 2 million at most.", 0
    )
    mentions: int = setting("How often an entity without a neighbour is mentioned, at least.", 1)
    graph: float = setting("With --kb: how often each triple is seen in an epoch, from both sides.", 1.0)
    epochs: int = 10
    lr: float = setting("At the start; it falls to nothing.", 0.2)
    batch: int = setting("Words of a step; 0: by the size of the corpus, 4,096 at most.", 0)
    numbers: Literal["float32", "float16"] = setting("What is written.", "float32")
    device: str = setting("cpu, cuda, cuda:1; auto: a GPU if there is one.", "auto")
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("dim", 1, MOST_DRAWN), ("least", 1, None), ("most", 0, None), ("window", 1, 100),
            ("negatives", 1, 1000), ("min_n", 1, 100), ("max_n", self.min_n, 100), ("buckets", 0, 1 << 31),
            ("mentions", 1, None), ("epochs", 1, None), ("batch", 0, None), ("power", 0, None),
            ("subsample", 0, None), ("graph", 0, None), ("lr", 0, None),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value < math.inf or (high is not None and value > high):
                told = f"{low} or more" if high is None else f"from {low} to {high:,}"
                raise ConfigError(f"{name} is {value}; it is {told}")
