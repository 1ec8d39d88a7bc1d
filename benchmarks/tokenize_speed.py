"""How fast text becomes tokens with places, beside `encode_batch` of the bare library on the same text.

    python benchmarks/tokenize_speed.py TOKENIZER CORPUS [MB]

One thread, blocks of 256 k characters. Ten texts before, which load what is loaded late, are not counted.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

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
    if held:
        yield held


def main() -> None:
    """Print tokens a second of both."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer = Tokenizer.load(sys.argv[1])
    texts = list(blocks(sys.argv[2], int(float(sys.argv[3] if len(sys.argv) > 3 else 8) * 1e6)))
    versions = f"Python {platform.python_version()}, tokenizers {version('tokenizers')}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {versions}\n")
    print("| | million tokens/s | of bare |\n|---|---|---|")
    rates = {}
    for name in ("bare", "kbtools", "kbtools, plain"):
        if name == "kbtools, plain":
            tokenizer._stretches = None  # each text as a whole

        def tokens(block: list[str], name: str = name) -> int:
            if name == "bare":
                return sum(map(len, tokenizer.made.encode_batch(block, add_special_tokens=False)))
            return len(tokenizer.encode(block).ids)

        tokens(texts[0][:10])
        begun = time.perf_counter()
        count = sum(map(tokens, texts))
        rates[name] = count / (time.perf_counter() - begun)
        print(f"| {name} | {rates[name] / 1e6:.2f} | {rates[name] / rates['bare']:.0%} |", flush=True)


if __name__ == "__main__":
    main()
