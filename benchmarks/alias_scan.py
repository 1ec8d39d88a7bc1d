"""Measure how fast names are found in running text, beside other people's matchers, in one run.

    python benchmarks/alias_scan.py [--names 4200000] [--small 170000] [--tokens 300000] [--folder DIR]

Names are those of `make_names.py`, built into an alias table by `kbtools.api.build_alias`; --names and
--small are rows of surfaces, a norm for every two or so. The text is made by Zipf's law of other words
(so that one token in ten is of a name, or little more) or of the names' own (so that most are), and of short
ones, in lower case, one word in twenty with an accent; one token in twenty begins a name in capitals; commas,
full stops and paragraphs part them. All do one job: raw text in, all names found whatever
their case and accents, with their places in the raw text. The others need what their user has to do for that:
a text normalised with offsets beforehand, words kept whole, places mapped back. "Mtok/s" has it all; "matcher
alone" is the others' figure if they are spared the first and the last. kbtools also says forms, links,
candidates.

Below: whether the same was found, and why not. flashtext finds no overlaps. What cannot hold all names is
measured with few; what is not installed is left out: pip install marisa-trie pyahocorasick flashtext spacy.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import make_names
import numpy as np
from numpy.typing import NDArray

from kbtools import api
from kbtools.alias.hashing import codes_of
from kbtools.alias.lookup import INFLECTED, Alias
from kbtools.alias.scanning import marks
from kbtools.alias.scanning.scan import Spans, scan
from kbtools.text import BARE, Normalised, normalise, normalise_with_offsets

SHORT = """the of and a in to is was for as on by with he at from his an it that are were which be this had
has its not or also their who but one first have"""
NAMES, OTHERS = 1, 2  # vocabularies: that of the names, and another
BREAKS = set(",;:!?.\n")

Ints = NDArray[np.int64]
Places = tuple[Any, Any]  # starts and ends
Matcher = Callable[[str], Places]


def text_of(alias: Alias, tokens: int, short: float, seed: int) -> str:
    """Make a text up; `short` is the share of short words, `seed` that of the vocabulary of the others."""
    random = np.random.default_rng(0)
    shorts = SHORT.split()
    words = [word.lower() for word in make_names.vocabulary(seed).to_pylist()]
    parts = [words[at] for at in ((random.zipf(1.15, tokens) - 1) % len(words)).tolist()]
    for at in np.flatnonzero(random.random(tokens) < short).tolist():
        parts[at] = shorts[int(random.integers(len(shorts)))]
    for at in np.flatnonzero(random.random(tokens) < 0.05).tolist():
        parts[at] = alias.norm(int(random.integers(len(alias)))).title()
    for share, mark in ((0.06, ","), (0.01, "."), (0.002, ".\n\n")):
        for at in np.flatnonzero(random.random(tokens) < share).tolist():
            parts[at] += mark
    return " ".join(parts)


def marisa(norms: list[str]) -> Matcher:
    """Walk a trie from each word."""
    import marisa_trie  # noqa: PLC0415

    trie = marisa_trie.Trie(norms)

    def run(text: str) -> Places:
        starts, ends, at = [], [], 0
        while at >= 0:
            rest = text[at : at + 200]
            for length in map(len, trie.prefixes(rest)):
                if rest[length : length + 1] in {"", " "}:
                    starts.append(at)
                    ends.append(at + length)
            at = text.find(" ", at) + 1 or -1
        return starts, ends

    return run


def aho_corasick(norms: list[str]) -> Matcher:
    """Run an automaton over the characters, keep whole words."""
    import ahocorasick  # noqa: PLC0415

    automaton = ahocorasick.Automaton()
    for name in norms:
        automaton.add_word(f" {name} ", len(name))
    automaton.make_automaton()

    def run(text: str) -> Places:
        found = list(automaton.iter(f" {text} "))
        ends = np.array([end for end, _ in found], dtype=np.int64) - 1
        return ends - np.array([length for _, length in found], dtype=np.int64), ends

    return run


def flashtext(norms: list[str]) -> Matcher:
    """Find the longest match from each place; no overlaps."""
    from flashtext import KeywordProcessor  # noqa: PLC0415

    processor = KeywordProcessor()
    for name in norms:
        processor.add_keyword(name, name)

    def run(text: str) -> Places:
        found = processor.extract_keywords(text, span_info=True)
        return [start for _, start, _ in found], [end for _, _, end in found]

    return run


def spacy(norms: list[str]) -> Matcher:
    """Match tokenised phrases; making the document, of words at blanks, is part of it."""
    from spacy.matcher import PhraseMatcher  # noqa: PLC0415
    from spacy.tokens import Doc  # noqa: PLC0415
    from spacy.vocab import Vocab  # noqa: PLC0415

    vocab = Vocab()
    matcher = PhraseMatcher(vocab)
    matcher.add("name", [Doc(vocab, words=name.split(" ")) for name in norms])

    def run(text: str) -> Places:
        words = text.split(" ")
        found = matcher(Doc(vocab, words=words))
        after = np.cumsum([len(word) + 1 for word in words])
        first = np.array([start for _, start, _ in found], dtype=np.int64)
        last = np.array([end for _, _, end in found], dtype=np.int64) - 1
        return after[first] - [len(words[at]) + 1 for at in first.tolist()], after[last] - 1

    return run


PROGRAMS: dict[str, tuple[str, Callable[[list[str]], Matcher], bool]] = {
    "marisa-trie, walked": ("marisa-trie", marisa, True),
    "pyahocorasick": ("pyahocorasick", aho_corasick, True),
    "flashtext, longest only": ("flashtext", flashtext, False),
    "spaCy PhraseMatcher": ("spacy", spacy, False),
}


class Run(NamedTuple):
    """What a program took, in seconds, and found, in places of the raw text."""

    whole: float
    alone: float
    starts: Ints
    ends: Ints


def other(matcher: Matcher, text: str) -> Run:
    """Do the whole job with somebody else's matcher."""
    begin = time.process_time()
    normal = normalise_with_offsets(text, BARE)
    ready = time.process_time()
    places = matcher(normal.text)
    done = time.process_time()
    starts, ends = (np.asarray(some, dtype=np.int64) for some in places)
    starts, ends = normal.starts[starts], normal.ends[ends - 1]
    return Run(time.process_time() - begin, done - ready, starts, ends)


def ours(alias: Alias, text: str) -> tuple[Run, Spans]:
    """Do it with kbtools."""
    begin = time.process_time()
    spans = scan(alias.arrays, [text])
    took = time.process_time() - begin
    return Run(took, took, spans.start, spans.end), spans


def differences(run: Run, spans: Spans, text: str) -> dict[str, int]:
    """Count what one found and the other did not, by cause."""
    kind = marks.kinds(codes_of(text))
    normal = normalise_with_offsets(text, BARE)
    starts, ends = spans.start.astype(np.int64), spans.end.astype(np.int64)
    for _ in range(marks.REACH):  # kbtools takes punctuation in
        starts += kind[starts + 1] >= marks.POINT
        ends -= kind[ends] >= marks.POINT
    levels = dict(zip(zip(starts.tolist(), ends.tolist(), strict=True), spans.level.tolist(), strict=True))
    theirs = set(zip(run.starts.tolist(), run.ends.tolist(), strict=True))
    begins, stops = _words(normal)
    causes = dict.fromkeys(
        ("both", "kbtools: plurals", "kbtools: within words", "kbtools: else", "over a break", "else"), 0
    )
    causes["both"] = len(levels.keys() & theirs)
    for start, end in levels.keys() - theirs:
        inside = start not in begins or end not in stops
        plural = levels[start, end] == INFLECTED
        causes["kbtools: " + ("plurals" if plural else "within words" if inside else "else")] += 1
    for start, end in theirs - levels.keys():
        causes["over a break" if BREAKS & set(text[start:end]) else "else"] += 1
    return causes


def _words(normal: Normalised) -> tuple[set[int], set[int]]:
    spaces = np.flatnonzero(codes_of(normal.text) == ord(" "))
    begins = normal.starts[np.concatenate([[0], spaces + 1])]
    return set(begins.tolist()), set(normal.ends[np.append(spaces - 1, len(normal.text) - 1)].tolist())


def measure(alias: Alias, texts: list[str], rounds: int, *, everything: bool) -> list[dict[str, Any]]:
    """Run all programs over texts, one after the other in each round; the best round counts."""
    norms = [norm for norm in alias.norms.to_pylist() if normalise(norm, BARE)]
    ready: dict[str, Matcher] = {}
    for name, (_, make, holds_all) in PROGRAMS.items():
        if everything and not holds_all:
            continue
        try:
            ready[name] = make(norms)
        except ImportError:
            continue
    rows = []
    for text in texts:
        tokens = len(text.split())
        runs: dict[str, list[Run]] = {name: [] for name in ("kbtools", *ready)}
        for _ in range(rounds):
            run, spans = ours(alias, text)
            runs["kbtools"].append(run)
            for name, matcher in ready.items():
                runs[name].append(other(matcher, text))
        fastest = min(run.whole for run in runs["kbtools"])
        for name, mine in runs.items():
            whole, alone = min(run.whole for run in mine), min(run.alone for run in mine)
            row = {
                "names": len(alias),
                "letters a token": round(len(text) / tokens, 1),
                "program": name,
                "Mtok/s": round(tokens / whole / 1e6, 3),
                "x slower": round(whole / fastest, 1),
                "matcher alone": round(tokens / alone / 1e6, 3),
                "x slower alone": round(alone / fastest, 1),
                "found": len(mine[0].starts),
            }
            rows.append(row if name == "kbtools" else row | differences(mine[0], spans, text))
    return rows


def installed(name: str) -> str:
    """Return a library's version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} absent"


def table(folder: Path, names: int) -> Alias:
    """Return the alias table of so many names, built if it is not there."""
    path = folder / f"alias{names}"
    if not path.exists():
        make_names.write(folder / f"kb{names}", names)
        api.build_alias([folder / f"kb{names}"], path)
    return Alias(path)


def main() -> None:
    """Measure with all names and with few, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--names", type=int, default=4_200_000)
    parser.add_argument("--small", type=int, default=170_000)
    parser.add_argument("--tokens", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the tables are kept")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        rows = []
        for names in (asked.names, asked.small):
            alias = table(asked.folder or Path(passing), names)
            texts = [
                text_of(alias, asked.tokens, *kind) for kind in ((0.45, OTHERS), (0.7, NAMES), (0.45, NAMES))
            ]
            rows += measure(alias, texts, asked.rounds, everything=names == asked.names)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    libraries = [installed(library) for library, _, _ in PROGRAMS.values()]
    about = [f"{datetime.now(UTC):%Y-%m-%d}", machine, f"Python {platform.python_version()}", *libraries]
    if asked.json:
        print(json.dumps({"about": about, "rows": rows}))
        return
    columns = max(rows, key=len)
    print(", ".join(about), "\n\n|", " | ".join(columns), "|\n|" + "---|" * len(columns))
    for row in rows:
        print("|", " | ".join(str(row.get(column, "")) for column in columns), "|")


if __name__ == "__main__":
    main()
