"""Measure `kbtools shard` beside the bare tokenizer in one run: tokens a second on one core, memory, size.

    python benchmarks/shards_speed.py REALDATA [--keep DIR] [--sizes 50,500]

Text: paragraphs of WikiText-2 and of Chinese prose, drawn by lot with a number before each, so that no two
documents are the same; a JSON Lines file of each size. The tokenizer is a WordPiece of 20,000 tokens that
`kbtools vocab` builds of the same text. "bare" reads the same file, and calls `encode_batch` on its texts,
1,000 at a time, and takes the numbers of the tokens: no places, no examples, nothing written. kbtools reads,
finds sentences, cuts, keeps words whole, shuffles all examples of the whole corpus, and writes. Every case is
a process of its own, on one core; its first call, on 20 paragraphs, is not counted. "once" is every paragraph
once, 5 MB: what repeats there is what repeats in real text. "own MB" is the largest memory without what is
mapped of files; with two workers, that of the process that hands out tasks.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from ingest_wikidata import header
from tokenizers import Tokenizer

from kbtools import api

CORE = max(os.sched_getaffinity(0))
CASES = {  # model, settings
    "sequences of 128": ("roberta", ["max_length=128"]),
    "sequences of 512": ("roberta", ["max_length=512"]),
    "pairs of 128": ("bert", ["max_length=128"]),
    "pairs of 128, jieba's words": ("bert_wwm", ["max_length=128"]),
}
MAIN = "sequences of 128"


def paragraphs(realdata: Path) -> list[str]:
    """Read real prose: whole paragraphs."""
    found = []
    for path in sorted([*realdata.glob("text/wikitext-2/*.txt"), *realdata.glob("text/zh/*.txt")]):
        found += [line.strip() for line in path.read_text("utf-8", "replace").split("\n") if len(line) > 100]
    return found


def write(path: Path, texts: list[str], size: int) -> None:
    """Write documents of three paragraphs each until there are `size` bytes."""
    lot = random.Random(size)
    with path.open("wb") as file:
        for number in range(1 << 30):
            text = f"{number}. " + "\n\n".join(lot.choices(texts, k=3))
            file.write(msgspec.json.encode({"id": f"d{number}", "text": text}) + b"\n")
            if file.tell() >= size:
                return


def put(path: Path, texts: list[str]) -> None:
    """Write documents as they are."""
    with path.open("wb") as file:
        for number, text in enumerate(texts):
            file.write(msgspec.json.encode({"id": f"p{number}", "text": text}) + b"\n")


def bare(path: Path, tokenizer: Path) -> int:
    """Encode all texts and take the numbers of the tokens; count them."""
    made = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    tokens = 0
    for texts in _batches(path):
        tokens += sum(len(one.ids) for one in made.encode_batch(texts, add_special_tokens=False))
    return tokens


def _batches(path: Path) -> Iterator[list[str]]:
    with path.open("rb") as file:
        while lines := list(islice(file, 1000)):
            yield [msgspec.json.decode(line)["text"] for line in lines]


class Watch(threading.Thread):
    """Looks ten times a second at what memory this process has of its own: mapped files do not count."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0

    def run(self) -> None:
        """Keep the largest."""
        while True:
            told = Path("/proc/self/status").read_text("ascii").split("RssAnon:")[1]
            self.most = max(self.most, int(told.split()[0]) >> 10)
            time.sleep(0.1)


def case(work: Path, name: str, corpus: str, workers: int) -> dict[str, Any]:
    """Do one case in this process; the small corpus first."""
    counted: dict[str, Any] = {}
    watch = Watch()
    watch.start()
    for one in ("warm", corpus):
        begun = time.perf_counter()
        if name == "bare":
            counted["tokens"] = bare(work / f"{one}.jsonl", work / "tokenizer")
        else:
            model, settings = CASES[name]
            made = api.shard(
                work / f"{one}.jsonl", work / "out", model=model, tokenizer=work / "tokenizer",
                overrides=settings, workers=workers, overwrite=True, restart=True,
            )  # fmt: skip
            counted["tokens"] = made.counts["tokens"]  # of the text, each once
            counted["bytes"] = sum(f.bytes for table in made.tables.values() for f in table.files)
        counted["seconds"] = time.perf_counter() - begun
    counted["MB"] = watch.most
    return counted


def run(work: Path, name: str, corpus: str, *, workers: int = 1) -> dict[str, Any]:
    """Do a case in a process of its own, on one core unless it has several workers."""
    pin = ["taskset", "-c", str(CORE)] if workers == 1 else []
    call = [*pin, sys.executable, __file__, "-", "--case", name, "--corpus", corpus, "--keep", str(work)]
    done = subprocess.run(
        [*call, "--workers", str(workers)], capture_output=True, text=True, check=True,
        env=os.environ | {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(name: str, size: str, found: dict[str, Any], reference: float) -> str:
    """Write a line of the table."""
    pace = found["tokens"] / found["seconds"]
    each = f"{found['bytes'] / found['tokens']:.1f}" if "bytes" in found else "-"
    return f"| {name} | {size} | {pace / 1e6:.2f} M | {pace / reference:.2f} | {each} | {found['MB']:,} |"


def main() -> None:
    """Print a table."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("realdata", type=Path)
    asked.add_argument("--keep", type=Path)
    asked.add_argument("--sizes", default="50,500")
    asked.add_argument("--case")
    asked.add_argument("--corpus")
    asked.add_argument("--workers", type=int, default=1)
    given = asked.parse_args()
    if given.case:
        print(json.dumps(case(given.keep, given.case, given.corpus, given.workers)))
        return
    with ExitStack() as stack:
        work = given.keep or Path(stack.enter_context(TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        sizes = given.sizes.split(",")
        texts = paragraphs(given.realdata)
        put(work / "warm.jsonl", texts[:20])
        put(work / "once.jsonl", texts)
        for size in sizes:
            write(work / f"{size}.jsonl", texts, int(size) << 20)
        api.build_vocab(
            [work / f"{sizes[0]}.jsonl"], work / "tokenizer", kind="wordpiece", size=20_000, overwrite=True
        )
        print("; ".join(f"{name} {value}" for name, value in header().items()))
        print(
            "\n| case | MB of text | tokens/s | of bare | bytes a token | own MB |\n|---|---|---|---|---|---|"
        )
        plain = run(work, "bare", sizes[0])
        reference = plain["tokens"] / plain["seconds"]
        print(row("bare", sizes[0], plain, reference), flush=True)
        for name in CASES:
            print(row(name, sizes[0], run(work, name, sizes[0]), reference), flush=True)
        plain = run(work, "bare", "once")
        unique = plain["tokens"] / plain["seconds"]
        print(row("bare", "once", plain, unique), flush=True)
        for name in CASES:
            print(row(name, "once", run(work, name, "once"), unique), flush=True)
        for size in sizes[1:]:
            print(row(MAIN, size, run(work, MAIN, size), reference), flush=True)
        print(
            row(f"{MAIN}, 2 workers", sizes[0], run(work, MAIN, sizes[0], workers=2), reference), flush=True
        )


if __name__ == "__main__":
    main()
