"""One function a command: what the command line does, a notebook can do."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kbtools import config, plugins
from kbtools.artefact import Manifest
from kbtools.artefact.telling import skipped
from kbtools.errors import ConfigError

if TYPE_CHECKING:
    from kbtools.about import describe as inspect
    from kbtools.about import diff, verify
    from kbtools.alias.about.explain import explain_surface
    from kbtools.alias.building.build import build as build_alias
    from kbtools.alias.building.summary import summary as alias_summary
    from kbtools.artefact import licences
    from kbtools.kb.merging import merge
    from kbtools.kb.merging import summary as merged
    from kbtools.kb.query import query
    from kbtools.shards.about.decode import decode
    from kbtools.shards.exposure import exposure
    from kbtools.shards.manifests import summary as shard_summary
    from kbtools.shards.stage import shard
    from kbtools.tokens.building import build as build_vocab
    from kbtools.tokens.building import summary as vocab_summary
    from kbtools.trees.building import summary as tree_summary
    from kbtools.trees.building import tree
    from kbtools.trees.explaining.explain import explain_tree
    from kbtools.vectors.exporting import export as export_vectors
    from kbtools.vectors.exporting import summary as exported
    from kbtools.vectors.near import near

__all__ = [
    "alias_summary", "allowed", "build_alias", "build_vocab", "decode", "diff", "explain_surface",
    "explain_tree", "export_vectors", "exported", "exposure", "ingest", "inspect", "judge", "licences",
    "merge", "merged", "near", "query", "shard", "shard_summary", "summary", "tree", "tree_summary", "verify",
    "vocab_summary",
]  # fmt: skip

SOURCES = "kbtools.sources"

# functions that live where their work is done, imported when they are first asked for
_ELSEWHERE = {
    "alias_summary": "kbtools.alias.building.summary:summary",
    "build_alias": "kbtools.alias.building.build:build",
    "build_vocab": "kbtools.tokens.building:build",
    "decode": "kbtools.shards.about.decode:decode",
    "diff": "kbtools.about:diff",
    "explain_surface": "kbtools.alias.about.explain:explain_surface",
    "explain_tree": "kbtools.trees.explaining.explain:explain_tree",
    "export_vectors": "kbtools.vectors.exporting:export",
    "exported": "kbtools.vectors.exporting:summary",
    "exposure": "kbtools.shards.exposure:exposure",
    "inspect": "kbtools.about:describe",
    "licences": "kbtools.artefact:licences",
    "merge": "kbtools.kb.merging:merge",
    "merged": "kbtools.kb.merging:summary",
    "near": "kbtools.vectors.near:near",
    "query": "kbtools.kb.query:query",
    "shard": "kbtools.shards.stage:shard",
    "shard_summary": "kbtools.shards.manifests:summary",
    "tree": "kbtools.trees.building:tree",
    "tree_summary": "kbtools.trees.building:summary",
    "verify": "kbtools.about:verify",
    "vocab_summary": "kbtools.tokens.building:summary",
}


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"kbtools.api has no function {name!r}")
    module, _, function = _ELSEWHERE[name].partition(":")
    return getattr(importlib.import_module(module), function)


def ingest(
    source: str,
    dumps: Sequence[str | Path],
    out: str | Path,
    *,
    name: str | None = None,
    ids_from: str | Path | None = None,
    onto: str | Path | None = None,
    workers: int = 1,
    memory: int | None = None,
    engine: str = "local",
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Iterable[str] = (),
    **settings: Any,
) -> Manifest:
    """Read dumps with `source` and write a knowledge base at `out`; return its manifest.

    `settings` are the fields of the source's `Settings`; `overrides` are "name=value" texts for the same.
    Interrupted, it goes on where it stopped when called again with the same arguments.
    """
    from kbtools.sources._ingest import Build, Options  # noqa: PLC0415 - needs pyarrow

    if not dumps:
        raise ConfigError("no dump to read; name a file, or - for standard input")
    found = plugins.load(SOURCES, source).SOURCE
    built = config.build(found.settings, settings, where=f"ingest {source}", overrides=overrides)
    build = Build(
        format=source,
        source=found,
        name=name or source,
        settings=built,
        dumps=[str(dump) for dump in dumps],
        ids_from=Path(ids_from) if ids_from else None,
        onto=Path(onto) if onto else None,
        options=Options(
            workers=workers, engine=engine, memory=memory, overwrite=overwrite, restart=restart, quiet=quiet
        ),
    )
    return build.run(Path(out))


def judge(
    made: Manifest,
    out: str | Path,
    *,
    max_rejects: str = "0.1%",
    expect: str | Path | None = None,
) -> list[str]:
    """Say what about a new knowledge base should be looked at: damage, many rejects, unexpected counts.

    `max_rejects` is a share of all records like 0.1%, a number of them, or none to allow all.
    """
    complaints = []
    rejected, read = made.counts.get("rejected", 0), made.counts.get("read", 0)
    if made.incomplete:
        complaints.append("a dump is damaged, so what was made of it is incomplete; fetch the dump again")
    if rejected > allowed(max_rejects, read + rejected):
        complaints.append(
            f"{rejected:,} of {read + rejected:,} records are rejected, more than --max-rejects {max_rejects}"
        )
    if complaints:
        complaints.append(f'what and why: kbtools sql {out} "SELECT * FROM rejects"')
    if expect is not None:
        from kbtools.kb.diff import drift  # noqa: PLC0415 - needs duckdb

        complaints += drift(Path(expect), Path(out))
    return complaints


def allowed(limit: str, records: int) -> float:
    """Return how many of `records` may be rejected.

    >>> allowed("0.1%", 5000), allowed("7", 5000), allowed("none", 5000)
    (5.0, 7.0, inf)
    """
    if limit == "none":
        return math.inf
    if not re.fullmatch(r"\d+(\.\d+)?%|\d+", limit):
        raise ConfigError(f"--max-rejects {limit!r}: give a share like 0.1%, a number, or none")
    return float(limit[:-1]) / 100 * records if limit.endswith("%") else float(limit)


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what an ingested knowledge base holds."""
    counts = made.counts
    rows = {name: table.rows for name, table in made.tables.items() if table.rows}
    lines = [f"{out}: " + ", ".join(f"{number:,} {name}" for name, number in rows.items())]
    lines.append(f"  {counts.get('read', 0):,} records read, {counts.get('rejected', 0):,} rejected")
    lines += skipped(counts)
    if alone := counts.get("pages without an entity"):
        lines.append(f"  {alone:,} of {rows['pages']:,} pages have no entity")
    if counts.get("classes in cycles"):
        some = "; ".join(" ↔ ".join(ring) for ring in counts["cycles"])
        lines.append(f"  {counts['classes in cycles']} classes lie on subclass cycles: {some}")
    lines += [f"  {name}: {note}" for name, note in made.notes.items() if isinstance(note, str | int)]
    lines += [f"  Warning: {warning}" for warning in made.notes.get("warnings", ())]
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in made.resources["stages"].items())
    peak = made.resources["peak worker MB"]
    lines.append(f"  {stages}; largest worker {peak:,} MB; content {made.content}")
    return "\n".join(lines)
