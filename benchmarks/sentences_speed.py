"""Measure how fast sentences are found, one text after another and many at once.

    python benchmarks/sentences_speed.py TEXT... [--lang en]

Each file is cut into its lines; a first pass, which builds tables, does not count. The best of five is told.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kbtools.text.segment import sentences, sentences_of


def best(work: Callable[[], object]) -> float:
    """Return the seconds that the fastest of some runs takes."""
    work()
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", nargs="+", type=Path)
    parser.add_argument("--lang")
    asked = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| text | code points | sentences | many lines at once, M/s | the file as one text, M/s |")
    print("|---|---|---|---|---|")
    for path in asked.text:
        whole = path.read_text(encoding="utf-8")
        lines = whole.split("\n")
        found = len(sentences_of(lines, [asked.lang] * len(lines))[1])
        many = best(lambda lines=lines: sentences_of(lines, [asked.lang] * len(lines)))  # type: ignore[misc]
        one = best(lambda whole=whole: sentences(whole, asked.lang))  # type: ignore[misc]
        speeds = " | ".join(f"{len(whole) / seconds / 1e6:.1f}" for seconds in (many, one))
        print(f"| {path.name} | {len(whole):,} | {found:,} | {speeds} |")


if __name__ == "__main__":
    main()
