"""Vectors that others made become a `vectors` folder: names become entities of a knowledge base, or words.

The file is read once, in pieces; its rows wait on the disk until it is known whose they are. What cannot be
used is a row of `rejects`; entities that the knowledge base lacks are counted, with examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kbtools import artefact, config, plugins
from kbtools.artefact import Input, Manifest, Staging, Table, digest
from kbtools.errors import ConfigError, SourceError
from kbtools.kb.reader import Base, gather
from kbtools.kb.rejects import rejects_table
from kbtools.progress import Progress
from kbtools.vectors import owners
from kbtools.vectors.formats.base import Reading, Settings
from kbtools.vectors.mapping import Array
from kbtools.vectors.norms import Norms
from kbtools.vectors.owners import Owners
from kbtools.vectors.reader import KIND, RELATIONS
from kbtools.vectors.spool import Spool
from kbtools.vectors.words import Words
from kbtools.vectors.writer import fill, refs, told_of

FORMATS = "kbtools.vectors.formats"


class _Made(NamedTuple):
    """What was written, and what the manifest says of it."""

    tables: dict[str, Table]
    settings: dict[str, Any]
    counts: dict[str, int]
    notes: dict[str, Any]


def bring(
    path: Path | str,
    out: Path | str,
    *,
    format: str,  # noqa: A002 - as on the command line
    kb: Path | str | Sequence[Path | str] | None = None,
    overwrite: bool = False,
    quiet: bool = True,
    overrides: Sequence[str] = (),
) -> Manifest:
    """Read vectors in a foreign format and write them at `out`; without `kb`, those of words alone.

    `overrides` are "name=value" texts of the `Settings` of formats.
    """
    settings = config.build(Settings, where=f"vectors as {format}", overrides=overrides)
    reader = plugins.load(FORMATS, format)
    source = Path(path)
    if not source.exists():
        raise SourceError("is not there", path=source)
    kbs = [kb] if isinstance(kb, Path | str) else list(kb or ())
    bases = gather(kbs)
    if len(bases) > 1:
        raise ConfigError("vectors are of the entities of one knowledge base; give one --kb and its overlays")
    base = bases[0] if bases else None
    manifests = [artefact.read(Path(one), "kb") for one in kbs]
    inputs = _inputs(source, kbs, manifests)
    told = {"model": format, **config.plain(settings)}
    plan = artefact.plan(KIND, told, [one.content for one in inputs])
    with Staging(Path(out), plan, overwrite=overwrite, restart=True) as staging, staging.worthwhile():
        if staging.whole is not None:
            return staging.whole
        reading: Reading = reader.read(source, settings)
        if settings.names != "auto":
            reading.names = settings.names
        spool = _spooled(reading, staging.work, quiet)
        found = owners.find(spool, reading, base, settings.site)
        made = _write(staging.new, spool, found, reading=reading, dtype=settings.dtype, base=base)
        begun = artefact.begin(
            KIND,
            settings={**told, **made.settings},
            inputs=inputs,
            kbs=refs(manifests),
            licences=artefact.unite(licence for one in manifests for licence in one.licences),
            incomplete=reading.incomplete or any(one.incomplete for one in manifests),
            tables=made.tables,
            counts=made.counts,
            notes=made.notes,
        )
        return staging.commit(begun)


def _inputs(source: Path, kbs: Sequence[Path | str], manifests: Sequence[Manifest]) -> list[Input]:
    file = Input(path=str(source), kind="dump", content=_content(source))
    bases = zip(kbs, manifests, strict=True)
    return [file, *(Input(path=str(one), kind="kb", content=mine.content) for one, mine in bases)]


def _content(source: Path) -> str:
    """Identify a file, or a folder by its files."""
    if source.is_dir():
        files = sorted(one for one in source.iterdir() if one.is_file())
        return digest.of_json([[one.name, digest.of_dump(one)] for one in files])
    return digest.of_dump(source)


def _spooled(reading: Reading, folder: Path, quiet: bool) -> Spool:
    with (
        Spool(folder, reading.path) as spool,
        Progress(f"reading {reading.path.name}", unit="vectors", quiet=quiet) as progress,
    ):
        for piece in reading.pieces:
            spool.add(piece)
            progress.advance(len(piece.names))
    return spool


def _write(
    new: Path, spool: Spool, found: Owners, *, reading: Reading, dtype: str, base: Base | None
) -> _Made:
    """Write what is kept into the folder."""
    norms = {"entities": Norms(), "words": Norms()}
    words = None
    if len(found.words):
        words = Words(found.words, norms["words"].over(spool.blocks(found.word_rows, dtype)))
    blocks = norms["entities"].over(spool.blocks(found.rows, dtype))
    related, counts = _relations(reading, base)
    counts["skipped: ids the KB lacks"] = found.lacking
    counts["skipped: entities, for want of --kb"] = found.unasked
    tables = fill(new, found.eids, blocks, np.zeros((0, spool.dim), dtype), related, words=words)
    tables |= rejects_table(new, reading.rejects)
    rejected = len(reading.rejects)
    least = {"read": spool.rows + sum(bad["reason"] != owners.AGAIN for bad in reading.rejects)}
    least |= {"rejected": rejected, "entities": len(found.eids)}
    least |= {"words": len(found.words)} if words else {}
    notes: dict[str, Any] = {"norms": {name: one.told() for name, one in norms.items() if one.rows}}
    if found.examples:
        notes["ids the KB lacks"] = list(found.examples)
    settings = {"rows": len(found.eids), "dim": spool.dim, "dtype": dtype}
    settings |= told_of(words) if words else {}
    return _Made(tables, settings, least | {name: n for name, n in counts.items() if n}, notes)


def _relations(reading: Reading, base: Base | None) -> tuple[dict[str, Array], dict[str, int]]:
    """Put vectors of relations at their rids; relations that have none have zeros."""
    if reading.relations is None or base is None:
        return {}, {}
    names, numbers = reading.relations
    if not np.isfinite(numbers).all():
        raise SourceError("its vectors of relations hold NaN or infinite numbers", path=reading.path)
    rids = owners.relations(base, names)
    known = rids >= 0
    counts = {"relations": int(known.sum()), "skipped: relations the KB lacks": int((~known).sum())}
    if not known.any():
        return {}, counts
    array = np.zeros((sum(part.rows(RELATIONS) for part in base.parts), numbers.shape[1]), np.float32)
    array[rids[known]] = numbers[known]
    return {RELATIONS: array}, counts
