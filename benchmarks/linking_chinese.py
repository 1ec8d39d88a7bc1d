"""Chinese for `link_quality.py`: the tiny world of data/sample, whose texts have gold in Chinese."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from linking_world import Gold, given_to, kbtools, linker, opened, preset_of

from kbtools.linkers.base import Block, Mentions, take
from kbtools.linkers.linking import Linker
from kbtools.linkers.preset import Preset
from kbtools.metrics import linking
from kbtools.text import segment

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
MODES = ("D2KB, GSInKB", "A2KB, strong, InKB", "ERec, strong")


def chinese(work: Path) -> Iterator[str]:
    """Yield the tables."""
    folder = work / "chinese"
    if not (folder / "profile").exists():
        build(folder)
    here = opened(folder)
    gold = Gold(f"jsonl:{SAMPLE / 'corpus' / 'zh.jsonl'}", here)
    yield "## Chinese: the tiny world\n"
    known = int(gold.asked.known.sum())
    yield f"{len(gold.block.texts)} texts, {len(gold.asked)} links, {known} of entities here.\n"
    yield "| | mentions given | end to end | spans alone | in jieba's words: end to end | spans alone |"
    yield "|---|---|---|---|---|---|"
    rows = {}
    for name in ("kbert", "prior", "chinese", "context", "coherence"):
        preset = preset_of(name, {})
        given = linker(given_to(preset, nil=False), here).link(gold.marked)
        counts = gold.counts(gold.annotations(given), MODES[:1])
        free = gold.counts(gold.annotations(linker(preset, here).link(gold.block)), MODES[1:])
        parted = gold.counts(gold.annotations(_in_words(preset, here).link(gold.block)), MODES[1:])
        rows[name] = counts, free, parted
        told = [counts[MODES[0]], *free.values(), *parted.values()]
        yield f"| {name} | " + " | ".join(_score(one) for one in told) + " |"
    yield ""
    for one, other in (
        ("context", "kbert"),
        ("chinese", "kbert"),
        ("context", "prior"),
        ("coherence", "kbert"),
    ):
        both = [rows[one][0] | rows[one][1], rows[other][0] | rows[other][1]]
        told = [linking.compare(both[0][mode], both[1][mode], resamples=10_000) for mode in MODES[:2]]
        said = ", ".join(f"{100 * gap.mean:+.1f} (p = {gap.p:.4f})" for gap in told)
        yield f"- {one} − {other}: {said}, given and end to end"
    for name, (_, free, parted) in rows.items():
        gap = linking.compare(free[MODES[1]], parted[MODES[1]], resamples=10_000)
        yield f"- {name}, anywhere − only jieba's words: {100 * gap.mean:+.1f} (p = {gap.p:.4f}), end to end"
    yield ""


def build(folder: Path) -> None:
    """Make the tiny world: Wikidata, and Wikipedia in two languages over it."""
    kb, pages = folder / "kb", folder / "wikipedia"
    kbtools("ingest", "wikidata", SAMPLE / "wikidata.json.gz", "--langs", "en,zh", "--out", kb)
    english = SAMPLE / "wikipedia" / "enwiki-pages-articles.xml"
    kbtools("ingest", "wikipedia", english, "--onto", kb, "--out", pages)
    kbtools("alias", kb, pages, "--out", folder / "alias")
    kbtools("index", kb, pages, "--kind", "profile", "--out", folder / "profile")


def _in_words(preset: Preset, here: object) -> Linker:
    """Make a linker whose mentions begin and end where jieba's words do."""
    made = linker(preset, here)  # type: ignore[arg-type]

    def step(block: Block, mentions: Mentions) -> Mentions:
        kept = np.zeros(len(mentions), np.bool_)
        for number, text in enumerate(block.texts):
            low, high = np.searchsorted(mentions.text, [number, number + 1]).tolist()
            spans = segment.words(text, "zh", zh="jieba")
            begins, ends = (
                np.isin(mentions.start[low:high], spans[:, 0]),
                np.isin(mentions.end[low:high], spans[:, 1]),
            )
            kept[low:high] = begins & ends
        return take(mentions, np.flatnonzero(kept))

    made.steps.append(step)
    return made


def _score(counts: linking.Counts) -> str:
    told = linking.micro_intervals(counts).f1
    return f"{100 * told.mean:.1f} ({100 * told.low:.1f}–{100 * told.high:.1f})"
