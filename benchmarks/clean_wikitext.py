"""Measure the cleaner of wikitext beside other people's, on the pages of dumps, in one run.

    python benchmarks/clean_wikitext.py DUMP... [--lang en] [--rounds 3] [--json]

Dumps are pages-articles XML, plain or .bz2, read whole: a few MB are enough. Each program gets the same
articles one by one, in one process; the best of `--rounds` counts. MB/s are 10^6 bytes of UTF-8 of wikitext
per second of CPU. Peers that are not installed are left out: `pip install mwparserfromhell wikiextractor
wikipedia2vec`.

    parse           mwparserfromhell's C tokenizer builds the tree, and nothing is done with it
    strip           and text is made of it: no links
    wikipedia2vec   its reader of pages: paragraphs with links, on mwparserfromhell
    WikiExtractor   its cleaner without expanding templates: text, links in it as <a href>, no offsets
"""

from __future__ import annotations

import argparse
import bz2
import html
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kbtools.sources.wikipedia.site import Site
from kbtools.sources.wikipedia.wikitext import clean

Program = Callable[[str, str], object]  # of title and wikitext
REDIRECT = re.compile(r"\s*#\w+[\s:]*\[\[")


def articles(dump: Path) -> list[tuple[str, str]]:
    """List title and wikitext of the articles of a small dump."""
    data = bz2.decompress(dump.read_bytes()) if dump.suffix == ".bz2" else dump.read_bytes()
    found = re.findall(
        r"<title>([^<]*)</title>\s*<ns>0</ns>.*?<text[^>]*>([^<]*)</text>", data.decode(), re.DOTALL
    )
    pages = [(html.unescape(title), html.unescape(text)) for title, text in found]
    return [(title, text) for title, text in pages if not REDIRECT.match(text)]


def programs(lang: str) -> dict[str, Program]:
    """Collect what is installed."""
    site = Site(lang=lang, dbname=f"{lang}wiki")
    found: dict[str, Program] = {"kbtools": lambda title, text: clean(text, site)}
    try:
        import mwparserfromhell  # noqa: PLC0415

        found["parse"] = lambda title, text: mwparserfromhell.parse(text)
        found["strip"] = lambda title, text: mwparserfromhell.parse(text).strip_code()
    except ImportError:
        pass
    try:
        from wikipedia2vec import dump_db  # noqa: PLC0415

        found["wikipedia2vec"] = lambda title, text: dump_db._parse_page(
            dump_db.WikiPage(title, lang, text, None), None
        )
    except ImportError:
        pass
    try:
        from wikiextractor.extract import Extractor  # noqa: PLC0415

        found["WikiExtractor"] = lambda title, text: Extractor(
            "1", "1", "", title, [text], keepLinks=True
        ).clean_text(text, expand_templates=False, html_safe=False)
    except ImportError:
        pass
    return found


def seconds(program: Program, pages: list[tuple[str, str]]) -> float:
    """Return the CPU seconds of one round."""
    start = time.process_time()
    for title, text in pages:
        program(title, text)
    return time.process_time() - start


def installed(name: str) -> str:
    """Return a library's version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} -"


def main() -> None:
    """Run all on all dumps and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--lang", default="en")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    pages = [page for dump in args.dumps for page in articles(dump)]
    if not pages:
        sys.exit("no articles in these dumps")
    megabytes = sum(len(text.encode()) for _, text in pages) / 1e6
    best: dict[str, float] = {}
    for _ in range(args.rounds):  # one after the other within a round: a busy machine slows all of them
        for name, program in programs(args.lang).items():
            best[name] = min(seconds(program, pages), best.get(name, float("inf")))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    libraries = [
        installed(name) for name in ("kbtools", "mwparserfromhell", "wikipedia2vec", "wikiextractor")
    ]
    about = [f"{datetime.now(UTC):%Y-%m-%d}", machine, f"Python {platform.python_version()}", *libraries]
    rows = [
        {
            "program": name,
            "s": round(took, 3),
            "MB/s": round(megabytes / took, 2),
            "x slower": round(took / best["kbtools"], 1),
        }
        for name, took in best.items()
    ]
    if args.json:
        print(json.dumps({"about": about, "articles": len(pages), "MB": megabytes, "rows": rows}))
        return
    print(", ".join(about), f"\n{len(pages)} articles, {megabytes:.1f} MB of wikitext\n")
    print("| program | s | MB/s | x slower |\n|---|---|---|---|")
    for row in rows:
        print("|", " | ".join(map(str, row.values())), "|")


if __name__ == "__main__":
    main()
