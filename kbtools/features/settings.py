"""How features are made: what `kbtools encode -o NAME=VALUE` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of what there is a vector, how layers become one, and how texts are run."""

    unit: Literal["document", "sentence", "word", "token", "span"] = setting(
        "What has a vector; spans are the links of the corpus, and those of `spans` in its meta.", "document"
    )
    join: Literal["concat", "mean", "sum"] = setting(
        "Several layers: one after the other, their mean, their sum.", "concat"
    )
    weights: tuple[float, ...] = setting("Of the layers, for join=mean and join=sum: one number each.", ())
    length: int = setting("Tokens of a window, special ones too; 0: what the model takes, 512 at most.", 0)
    overlap: float = setting(
        "The share of a window that the next one has too, where a text needs several.", 0.25
    )
    batch: int = setting("Tokens that are run together, padding too.", 8192)
    precision: Literal["fp32", "bf16", "fp16"] = setting("What the model computes in.", "fp32")
    device: str = setting("cpu, cuda, cuda:1; auto: a GPU if there is one.", "auto")
    numbers: Literal["float32", "float16"] = setting("What is written.", "float32")
    tokenizer: str = setting("Where the tokenizer is, if it is not in the model's folder.", "")
    zh: Literal["characters", "jieba"] = setting("What a Chinese word is.", "characters")
