"""How fast text becomes tokens with places, beside `encode_batch` of the bare library on the same text.

    python benchmarks/tokenize_speed.py TOKENIZER CORPUS [MB]

One thread. Blocks of 256 k characters; the first run of each is not counted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

from kbtools import corpus
from kbtools.tokens.tokenizer import Tokenizer

BLOCK = 1 << 18


def blocks(spec: str, most: int) -> Iterator[list[str]]:
    """Yield the first `most` characters of a corpus, block by block."""
    held: list[str] = []
    size = total = 0
    for batch in corpus.documents(spec):
        for text in batch["text"].to_pylist():
            held.append(text)
            size, total = size + len(text), total + len(text)
            if size >= BLOCK:
                yield held
                held, size = [], 0
            if total >= most:
                return


def main() -> None:
    """Print tokens a second of both."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = Tokenizer.load(sys.argv[1])
    texts = list(blocks(sys.argv[2], int(float(sys.argv[3] if len(sys.argv) > 3 else 8) * 1e6)))
    rates = {}
    for name in ("bare", "kbtools", "kbtools, plain"):
        if name == "kbtools, plain":
            tokenizer._stretches = None  # each text as a whole
        begun, count = time.perf_counter(), 0
        for block in texts:
            if name == "bare":
                count += sum(map(len, tokenizer.made.encode_batch(block, add_special_tokens=False)))
            else:
                count += len(tokenizer.encode(block).ids)
        rates[name] = count / (time.perf_counter() - begun)
        print(f"{name:15} {rates[name] / 1e6:6.2f} M tokens/s  {rates[name] / rates['bare']:5.0%} of bare")


if __name__ == "__main__":
    main()
