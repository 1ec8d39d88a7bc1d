"""What artefacts of linking say of themselves: what they were made of, how many, on what terms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kbtools import artefact
from kbtools.artefact import Done, Input, Licence, Manifest, Table, begin, published, unite
from kbtools.corpus import Report
from kbtools.kb.schema_digest import schema_digest
from kbtools.linked.schema import DOCUMENTS, KIND, TABLE
from kbtools.linkers.opening import Asked, Opened


def inputs_of(asked: Asked, here: Opened) -> list[Input]:
    """Say what a linker is made of; with it, where the knowledge bases of its names are."""
    kinds = {"alias": [asked.alias], "index": asked.indexes, "kb": asked.kbs}
    if asked.fitted:
        kinds["linker"] = [asked.fitted]
    own = [
        Input(path=path, kind=kind, content=artefact.read(Path(path), kind).content)
        for kind, paths in kinds.items()
        for path in paths
    ]
    if here.scorer is not None:
        own.append(Input(path=here.scorer.path, kind=here.scorer.kind, content=here.scorer.content))
    told = [one for one in here.knowledge.alias.manifest.inputs if one.kind == "kb"]
    return own if asked.kbs else own + told


def manifest_of(
    here: Opened, settings: dict[str, Any], inputs: list[Input], done: Sequence[Done], report: Report
) -> Manifest:
    """Return the manifest of linked documents from what their tasks told."""
    whole = report.whole(done)
    counts = whole.counts
    for one in done:
        counts.update(one.facts["found"])
    mentions, size = counts["mentions"], sum(one.facts["bytes"] for one in done)
    rows = sum(one.facts["documents"] for one in done)
    documents = Table(rows=rows, files=published(done), schema=schema_digest(DOCUMENTS))
    alias = here.knowledge.alias.manifest
    return begin(
        KIND,
        settings=settings,
        inputs=inputs,
        kbs=alias.kbs,
        tables={TABLE: documents},
        counts=dict(counts),
        notes={"bytes per mention": round(size / mentions, 1) if mentions else 0},
        licences=unite(licences_of(here)),
        incomplete=alias.incomplete or bool(whole.damage),
    )


def licences_of(here: Opened) -> list[Licence]:
    """Return the terms of all that a linker is made of."""
    manifests = [here.knowledge.alias.manifest, *(index.manifest for index in here.knowledge.indexes)]
    return [licence for manifest in manifests for licence in manifest.licences]


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was linked."""
    counts, seconds = made.counts, made.resources.get("seconds") or 0
    rate = counts.get("characters", 0) / seconds if seconds else 0
    pace = f"{rate / 1e6:.2f} million" if rate >= 1e6 else f"{float(f'{rate:.2g}'):,.0f}"
    lines = [
        f"{out}: {counts.get('mentions', 0):,} mentions in {made.tables[TABLE].rows:,} documents, "
        f"{counts.get('without an entity', 0):,} of them without an entity; "
        f"{made.notes['bytes per mention']} bytes a mention",
        f"  {counts.get('read', 0):,} documents read, {counts.get('rejected', 0):,} rejected",
        f"  {seconds:.1f} s, {pace} characters a second; "
        f"largest worker {made.resources.get('peak worker MB', 0):,} MB; content {made.content}",
    ]
    return "\n".join(lines)
