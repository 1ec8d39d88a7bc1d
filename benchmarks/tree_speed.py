"""How fast sentences become trees: K-BERT's published algorithm, sentence by sentence, beside `kbtools tree`.

    python benchmarks/tree_speed.py HowNet.spo book_review/dev.tsv...      # K-BERT's own knowledge and data

Both sides find the longest names, take two facts of each, lay trees out and cut them at 256 tokens, with soft
positions; the published side makes its N × N matrix of visibility, too, and pads, as it must. Once with the
sentences as they are, once with rows that are full. One thread; times are of this process alone.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kbtools import api, config, corpus
from kbtools.trees import opening, reading
from kbtools.trees.making import Maker, table
from kbtools.trees.settings import Settings

LENGTH, MOST = 256, 2
SLOW = 1000  # sentences are enough to tell how fast the published way is
FULL = 2000  # rows that are full


class Published:
    """What the published code does with a sentence, in plain Python; words by the longest match."""

    def __init__(self, spo: Path) -> None:
        self.table: dict[str, list[str]] = {}
        for line in spo.read_text(encoding="utf-8").splitlines():
            head, relation, tail = line.split("\t")
            self.table.setdefault(head, []).append(relation + tail)
        self.longest = max(map(len, self.table))

    def words(self, text: str) -> Iterator[str]:
        """Cut a sentence into names and single characters."""
        at = 0
        while at < len(text):
            for size in range(min(self.longest, len(text) - at), 0, -1):
                if size == 1 or text[at : at + size] in self.table:
                    yield text[at : at + size]
                    at += size
                    break

    def tree(self, text: str) -> tuple[list[str], list[int], np.ndarray, list[int]]:
        """Make tokens, soft positions, the matrix and the tags of a sentence, cut and padded."""
        words = [("[CLS]", ["[CLS]"], [])]
        words += [
            (word, list(word), self.table.get(word, [])[:MOST]) for word in self.words(text) if word.strip()
        ]
        tokens: list[str] = []
        soft: list[int] = []
        tags: list[int] = []
        trunk: list[int] = []
        spans: list[tuple[list[int], list[list[int]]]] = []
        position = -1
        for _, own, branches in words:
            head = [len(tokens) + at for at in range(len(own))]
            tokens += own
            soft += [position + at for at in range(1, len(own) + 1)]
            tags += [0] * len(own)
            position += len(own)
            trunk += head
            told = []
            for branch in branches:
                told.append([len(tokens) + at for at in range(len(branch))])
                tokens += list(branch)
                soft += [position + at for at in range(1, len(branch) + 1)]
                tags += [1] * len(branch)
            spans.append((head, told))
        visible = np.zeros((len(tokens), len(tokens)))
        for head, told in spans:
            seen = trunk + [at for branch in told for at in branch]
            for at in head:
                visible[at, seen] = 1
            for branch in told:
                for at in branch:
                    visible[at, branch + head] = 1
        pad = LENGTH - len(tokens)
        if pad > 0:
            visible = np.pad(visible, ((0, pad), (0, pad)))
            return tokens + ["[PAD]"] * pad, soft + [LENGTH - 1] * pad, visible, tags + [0] * pad
        return tokens[:LENGTH], soft[:LENGTH], visible[:LENGTH, :LENGTH], tags[:LENGTH]


def timed(work: Callable[[], None]) -> float:
    """Return seconds of this process; the best of three."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def opened(kb: Path, folder: Path, policy: str) -> Maker:
    """Open what trees are made with."""
    how = config.build(Settings, {"policy": policy}, where="benchmark")
    asked = opening.ask(None, kbs=[kb], alias=None, tokenizer=None, force_lineage=False, settings=how)
    if not (folder / "work").exists():
        opening.prepare_names(asked, folder)
        opening.prepare_facts(asked, folder)
    opening.prepare_choice(asked, folder)
    return opening.maker(asked, folder)


def grown(maker: Maker, texts: list[str]) -> int:
    """Make all trees, to the last column; return how many tokens they have."""
    tokens = at = 0
    while at < len(texts):
        size, first = 0, at
        while at < len(texts) and size < reading.SIZE:
            size += len(texts[at])
            at += 1
        made = maker.block(reading.plain(texts[first:at]))
        tokens += len(table(made)["tokens"].values)
    return tokens


def full(texts: list[str]) -> list[str]:
    """Join sentences until they fill a row."""
    found, held = [], ""
    for text in texts:
        held += text
        if len(held) > LENGTH:
            found.append(held)
            held = ""
    return found[:FULL]


def compared(name: str, texts: list[str], published: Published, makers: dict[str, Maker]) -> Iterator[str]:
    """Yield the rows of a table."""
    some = texts[:SLOW]
    slow = len(some) / timed(lambda: all(published.tree(text) for text in some) and None)
    yield f"| {name} | published, in plain Python | {slow:,.0f} | | 1 |"
    for policy, maker in makers.items():
        tokens = grown(maker, texts)
        seconds = timed(lambda maker=maker: grown(maker, texts) and None)  # type: ignore[misc]
        rate = len(texts) / seconds
        yield f"| {name} | {policy} | {rate:,.0f} | {tokens / seconds / 1e6:.2f} | {rate / slow:,.0f} |"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("spo", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    asked = parser.parse_args()
    published = Published(asked.spo)
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        api.ingest("spo", [asked.spo], folder / "kb")
        makers = {policy: opened(folder / "kb", folder, policy) for policy in ("trunk-first", "reference")}
        print(f"{len(makers['reference'].facts):,} facts, rows of {LENGTH} tokens, one thread\n")
        print("| sentences | | sentences/s | million tokens/s | ratio |\n|---|---|---|---|---|")
        for path in asked.data:
            texts = [
                text for batch in corpus.documents(f"table:{path}") for text in batch["text"].to_pylist()
            ]
            for name, some in ((path.parent.name, texts), (f"{path.parent.name}, full rows", full(texts))):
                print(*compared(name, some, published, makers), sep="\n", flush=True)
    lost: Counter[str] = sum((maker.counts for maker in makers.values()), Counter())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{lost['branches']:,} branches; {peak:,.0f} MiB at most")


if __name__ == "__main__":
    main()
