"""Build a tokenizer out of corpora, as a folder that transformers reads too.

Memory: the different words of the corpora (`counting`), and what learning makes of them. One process does it:
counting goes at the pace of a reader, and what is learnt is the same whatever machine it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Made

from kbtools import artefact, config, corpus
from kbtools.artefact import Manifest, Staging, Table, digest
from kbtools.artefact.telling import skipped
from kbtools.corpus import Report
from kbtools.errors import ConfigError
from kbtools.kb.rejects import rejects_table
from kbtools.progress import Progress
from kbtools.tokens import files, kinds
from kbtools.tokens.counting import Counted
from kbtools.tokens.settings import SPECIAL, Settings

KIND = "tokenizer"
GROUP = 10_000  # stretches of text that are encoded together


def build(
    corpora: Sequence[str | Path],
    out: str | Path | None,
    *,
    corpus_settings: Sequence[str] = (),
    overwrite: bool = False,
    quiet: bool = True,
    overrides: Iterable[str] = (),
    **settings: Any,
) -> Manifest:
    """Learn a tokenizer from corpora and write the artefact `out`; return its manifest.

    `settings` are the fields of `Settings`; `overrides` are "name=value" texts for the same.
    """
    if not out or not corpora:
        what = "--out is missing: the folder to write" if not out else "no corpus to learn from; name one"
        raise ConfigError(what)
    chosen = config.build(Settings, settings, where="vocab", overrides=overrides)
    specs = [str(one) for one in corpora]
    inputs = [one for spec in specs for one in corpus.inputs(spec, corpus_settings)]
    told = config.plain(chosen) | {"corpus": list(corpus_settings)}
    plan = artefact.plan(KIND, told, [one.content for one in inputs])
    with Staging(Path(out), plan, overwrite=overwrite, restart=True) as staging:
        if staging.whole is not None:
            return staging.whole
        begun, report = time.perf_counter(), Report()
        with staging.worthwhile():
            counted = _count(chosen, specs, corpus_settings, report, quiet=quiet)
            made, words = _learn(chosen, counted, quiet=quiet)
        written = files.write(staging.new, made, chosen)
        told_by = digest.of_json([one.path for one in written])
        tables = {KIND: Table(rows=made.get_vocab_size(), files=written, schema=told_by)}
        tables |= rejects_table(staging.new, report.rejects)
        words.pop(kinds.SPACE, None)  # a stretch that stood behind another has none before it
        counts = _counts(made, counted, words, report)
        manifest = artefact.begin(
            KIND,
            settings=told,
            inputs=inputs,
            tables=tables,
            counts=counts,
            notes=_notes(made, counted, words, chosen),
            incomplete=bool(report.damage),
            resources={"seconds": round(time.perf_counter() - begun, 3)},
        )
        return staging.commit(manifest)


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was built."""
    counts, notes = made.counts, made.notes
    lines = [
        f"{out}: {counts['size']:,} tokens ({made.settings['kind']}) of {counts['documents']:,} documents,"
        f" {counts['characters']:,} characters, {counts['words']:,} words"
        f" ({counts['different words']:,} different)",
        f"  {notes['tokens per word']} tokens a word, {notes['unknown']:.3%} of the tokens unknown",
        f"  {counts.get('read', 0):,} documents read, {counts.get('rejected', 0):,} rejected",
        *skipped(counts),
    ]
    wanted = made.settings["size"]
    if counts["size"] < wanted:
        lines.append(f"  fewer than {wanted:,}: nothing else occurs {made.settings['least']} times")
    lines.append(f"  {made.resources['seconds']:.1f} s; content {made.content}")
    return "\n".join(lines)


def _count(
    settings: Settings, specs: Sequence[str], corpus_settings: Sequence[str], report: Report, *, quiet: bool
) -> Counted:
    counted = Counted(apart=settings.chinese == "apart", most=settings.most, sample=settings.sample)
    with Progress("count", None, "documents", quiet=quiet) as progress:
        counted.read(specs, corpus_settings, report, progress)
    if not counted.found:
        raise ConfigError(f"{', '.join(specs)}: no word to learn from; is it empty, or `sample` too small?")
    return counted


def _learn(settings: Settings, counted: Counted, *, quiet: bool) -> tuple[Made, dict[str, int]]:
    words = counted.words(kinds.blank(settings))
    if not words:
        raise ConfigError("no word to learn from: nothing is left of the corpus when it is normalised")
    with Progress("learn", settings.size, "tokens", quiet=quiet) as progress:
        return kinds.learnt(settings, words, lambda n: progress.advance(max(n - progress.done, 0))), words


def _counts(made: Made, counted: Counted, words: dict[str, int], report: Report) -> dict[str, int]:
    told = {
        **report.counts,
        "documents": counted.documents,
        "characters": counted.characters,
        "words": sum(words.values()),
        "different words": len(words),
        "size": made.get_vocab_size(),
    }
    return told | ({"rare words forgotten": counted.forgotten} if counted.forgotten else {})


def _notes(made: Made, counted: Counted, words: dict[str, int], settings: Settings) -> dict[str, Any]:
    """Say how well it fits what it was learnt from."""
    unk = settings.special.index(SPECIAL[settings.kind]["unk"])
    space = -1 if settings.kind != "unigram" else made.get_vocab().get(kinds.SPACE, -1)
    tokens = unknown = 0
    stretches = list(counted.found)
    for low in range(0, len(stretches), GROUP):
        group = stretches[low : low + GROUP]
        for stretch, found in zip(group, made.encode_batch(group, add_special_tokens=False), strict=True):
            count = counted.found[stretch]
            tokens += count * (len(found) - found.ids.count(space))
            unknown += count * found.ids.count(unk)
    return {
        "tokens": tokens,
        "tokens per word": round(tokens / sum(words.values()), 3),
        "unknown": round(unknown / max(tokens, 1), 6),
    }
