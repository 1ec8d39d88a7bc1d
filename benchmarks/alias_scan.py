"""Measure how fast names are found in running text, beside other people's matchers, in one run.

    python benchmarks/alias_scan.py [--aliases 2000000] [--small 100000] [--tokens 500000] [--json]

Text and names are made up: words by Zipf's law, frequent ones short; names of one to five of them; one token
in twenty begins a name. Each program gets the same normalised names, finds whole words and says where each
match is. The others get a text normalised beforehand; kbtools starts from the raw one and does more: forms,
levels, links, candidates. Those that cannot hold all aliases are measured on the first of them. Programs that
are not installed are left out: pip install marisa-trie pyahocorasick flashtext spacy.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.alias import finding, hashing
from kbtools.alias.boundaries import prefixes
from kbtools.alias.scan import stream
from kbtools.text import BARE, normalise, normalise_many

VOCABULARY = 200_000
STEP = 1 << 16
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
Program = Callable[[str], int]


def zipf(random: np.random.Generator, size: int, exponent: float) -> NDArray[np.intp]:
    """Draw words."""
    weights = np.cumsum(1 / np.arange(1, VOCABULARY + 1) ** exponent)
    return np.searchsorted(weights, random.random(size) * weights[-1])


def vocabulary(random: np.random.Generator) -> list[str]:
    """Make words up, the shortest first, more or less."""
    chances = 1 / np.arange(1, 27) ** 0.6
    words: dict[str, float] = {}
    while len(words) < VOCABULARY:
        length = int(random.integers(2, 11))
        words["".join(random.choice(list(LETTERS), length, p=chances / chances.sum()))] = (
            length + 5 * random.random()
        )
    return sorted(words, key=words.__getitem__)


def made_up(aliases: int, tokens: int) -> tuple[list[str], str]:
    """Return names and a text."""
    random = np.random.default_rng(0)
    words = vocabulary(random)
    lengths = random.choice(5, aliases * 2, p=[0.2, 0.45, 0.22, 0.1, 0.03]) + 1
    drawn = [words[word].capitalize() for word in zipf(random, int(lengths.sum()), 0.6).tolist()]
    ends = np.cumsum(lengths).tolist()
    phrases = (
        " ".join(drawn[end - length : end]) for end, length in zip(ends, lengths.tolist(), strict=True)
    )
    names = list(dict.fromkeys(phrases))[:aliases]
    parts = [words[word] for word in zipf(random, tokens, 1.0).tolist()]
    for at in np.flatnonzero(random.random(tokens) < 0.05).tolist():
        parts[at] = names[int(random.integers(len(names)))]
    for share, mark in ((0.06, ","), (0.01, "."), (0.002, ".\n\n")):
        for at in np.flatnonzero(random.random(tokens) < share).tolist():
            parts[at] += mark
    return names, " ".join(parts)


def compiled(norms: list[str]) -> dict[str, NDArray[Any]]:
    """Lay sorted norms out as the compiled look-up has them, each with one entry and one candidate."""
    pieces = [pa.array(norms[low : low + STEP], pa.string()) for low in range(0, len(norms), STEP)]
    hashes = np.concatenate([hashing.of_strings(piece) for piece in pieces])
    begun = np.concatenate([prefixes(piece) for piece in pieces])
    bits, order = max(1, len(norms).bit_length() - 1), np.argsort(hashes, kind="stable")
    sizes = np.bincount((hashes >> np.uint64(64 - bits)).astype(np.int64), minlength=1 << bits)
    data = "".join(norms).encode()
    return {
        "norms": np.frombuffer(data, dtype=np.uint8),
        "offsets": np.cumsum([0, *map(len, norms)]).astype(np.uint32),
        "buckets": np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint32),
        "tags": (hashes[order] >> np.uint64(48 - bits)).astype(np.uint16),
        "places": order.astype(np.uint32),
        "known": bit_array(hashes),
        "prefixes": bit_array(begun),
        "entries": np.arange(len(norms) + 1, dtype=np.uint32),
        "form_tags": hashes.astype(np.uint32),
        "firsts": np.arange(len(norms), dtype=np.uint32),
        "lengths": np.ones(len(norms), dtype=np.uint16),
        "links": np.zeros(len(norms), dtype=np.float32),
    }


def bit_array(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Set sixteen bits a hash aside."""
    bits = np.zeros(1 << max(0, (len(hashes) // 4 - 1).bit_length()), dtype=np.uint64)
    finding.mark(bits, hashes)
    return bits


def kbtools(norms: list[str]) -> Program:
    """All matches, from the raw text."""
    arrays = compiled(norms)
    return lambda text: sum(len(spans.start) for spans in stream(arrays, [text]))


def marisa(norms: list[str]) -> Program:
    """Walk a trie from each word."""
    import marisa_trie  # noqa: PLC0415

    trie = marisa_trie.Trie(norms)

    def run(text: str) -> int:
        found, at = [], 0
        while at >= 0:
            rest = text[at : at + 200]
            lengths = map(len, trie.prefixes(rest))
            found += [(at, at + length) for length in lengths if rest[length : length + 1] in {"", " "}]
            at = text.find(" ", at) + 1 or -1
        return len(found)

    return run


def aho_corasick(norms: list[str]) -> Program:
    """Run an automaton over the characters, keep whole words."""
    import ahocorasick  # noqa: PLC0415

    automaton = ahocorasick.Automaton()
    for name in norms:
        automaton.add_word(f" {name} ", len(name))
    automaton.make_automaton()
    return lambda text: len([(end - length, end) for end, length in automaton.iter(f" {text} ")])


def flashtext(norms: list[str]) -> Program:
    """Find the longest match from each place; no overlaps."""
    from flashtext import KeywordProcessor  # noqa: PLC0415

    processor = KeywordProcessor()
    for name in norms:
        processor.add_keyword(name, name)
    return lambda text: len(processor.extract_keywords(text, span_info=True))


def spacy(norms: list[str]) -> Program:
    """Match tokenised phrases; making the document, of words at blanks, is part of it."""
    from spacy.matcher import PhraseMatcher  # noqa: PLC0415
    from spacy.tokens import Doc  # noqa: PLC0415
    from spacy.vocab import Vocab  # noqa: PLC0415

    vocab = Vocab()
    matcher = PhraseMatcher(vocab)
    matcher.add("name", [Doc(vocab, words=name.split(" ")) for name in norms])
    return lambda text: len(matcher(Doc(vocab, words=text.split(" "))))


PROGRAMS: dict[str, tuple[str, Callable[[list[str]], Program], bool]] = {
    "kbtools": ("kbtools", kbtools, True),
    "marisa-trie, walked": ("marisa-trie", marisa, True),
    "pyahocorasick": ("pyahocorasick", aho_corasick, False),
    "flashtext, longest only": ("flashtext", flashtext, False),
    "spaCy PhraseMatcher": ("spacy", spacy, False),
}


def measure(names: list[str], text: str, rounds: int, *, everything: bool) -> list[dict[str, Any]]:
    """Run all programs over a text, one after the other in each round; the best round counts."""
    norms = sorted(set(normalise_many(names, BARE)))
    plain = normalise(text, BARE)
    tokens = plain.count(" ") + 1
    ready: dict[str, Program] = {}
    for name, (_, make, holds_all) in PROGRAMS.items():
        if everything and not holds_all:
            continue
        try:
            ready[name] = make(norms)
        except ImportError:
            continue
    best: dict[str, float] = {}
    found: dict[str, int] = {}
    for _ in range(rounds):
        for name, program in ready.items():
            given = text if name == "kbtools" else plain
            start = time.process_time()
            found[name] = program(given)
            best[name] = min(time.process_time() - start, best.get(name, float("inf")))
    return [
        {
            "aliases": len(norms),
            "program": name,
            "Mtok/s": round(tokens / took / 1e6, 3),
            "x slower": round(took / best["kbtools"], 1),
            "matches": found[name],
            "a token": round(found[name] / tokens, 2),
        }
        for name, took in best.items()
    ]


def installed(name: str) -> str:
    """Return a library's version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} absent"


def main() -> None:
    """Measure with all aliases and with few, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--aliases", type=int, default=2_000_000)
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--tokens", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    names, text = made_up(args.aliases, args.tokens)
    few = names[: args.small]
    rows = [
        *measure(names, text, args.rounds, everything=True),
        *measure(few, text, args.rounds, everything=False),
    ]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    libraries = [installed(library) for library, _, _ in PROGRAMS.values()]
    about = [f"{datetime.now(UTC):%Y-%m-%d}", machine, f"Python {platform.python_version()}", *libraries]
    if args.json:
        print(json.dumps({"about": about, "characters": len(text), "rows": rows}))
        return
    print(", ".join(about), f"\n{len(text):,} characters\n")
    print("|", " | ".join(rows[0]), "|\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("|", " | ".join(map(str, row.values())), "|")


if __name__ == "__main__":
    main()
