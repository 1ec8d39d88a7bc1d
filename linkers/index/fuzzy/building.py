"""Building a fuzzy index, from nothing or from an earlier one: the same bytes."""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools import artefact, config
from kbtools.artefact import Input, Manifest, Staging, begin, plan
from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.index.fuzzy import files, lists, masks, segments, sources, strings
from kbtools.linkers.index.fuzzy.settings import Settings
from kbtools.progress import Progress

KIND = "fuzzy"
DEFAULT_MEMORY = 512 << 20
SEARCHING = {"mode", "pool", "least", "reordered"}  # settings that the files do not depend on


def build(
    source: Path,
    out: Path,
    *,
    settings: Settings | None = None,
    base: Path | None = None,
    workers: int = 1,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Index the names of an `alias` or `kb` artefact; return the manifest.

    `base` is an earlier index of another release: the n-grams of the names that it has are taken from it.
    """
    source, out = Path(source), Path(out)
    settings = settings or Settings()
    made_from, kbs = sources.manifest_of(source)
    told = {"kind": KIND, **config.plain(settings)}
    inputs = [Input(path=str(source), kind=made_from.kind, content=made_from.content)]
    old = None if base is None else _earlier(Path(base), told)
    ours = plan("index", told, [one.content for one in inputs])
    with Staging(out, ours, overwrite=overwrite, restart=restart) as staging:
        if staging.whole is not None:
            return staging.whole
        for folder in (staging.new, staging.work):  # nothing is taken over from a build that broke off
            shutil.rmtree(folder)
            folder.mkdir()
        begun = time.perf_counter()
        limits: dict[str, Any] = {"memory": memory or DEFAULT_MEMORY * workers, "threads": workers}
        names = sources.read(source, made_from.kind, staging.folder, longest=settings.longest, **limits)
        with Progress("index", quiet=quiet, unit="names", total=len(names.strings)) as progress:
            _write(names, settings, old, staging, progress)
        made = begin(
            "index",
            settings=told,
            inputs=inputs,
            kbs=kbs,
            tables=files.tables(staging.new),
            counts={**names.counts, "names": len(names.strings), "entities": len(names.eids)},
            licences=made_from.licences,
            incomplete=made_from.incomplete,
            resources=_resources(begun),
        )
        return staging.commit(made)


def _resources(begun: float) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    return {"stages": {"index": round(time.perf_counter() - begun, 3)}, "peak worker MB": peak}


def _write(
    names: sources.Names, settings: Settings, old: files.Arrays | None, staging: Staging, progress: Progress
) -> None:
    out, total = staging.new, len(names.strings)
    data, offsets = names.strings.buffers()[2], np.frombuffer(names.strings.buffers()[1], np.int64)
    small = offsets[total] < 1 << 31
    sizes = np.searchsorted(names.lengths, np.arange(int(names.lengths[-1]) + 2))
    files.save(
        out,
        names=np.frombuffer(data, np.uint8)[: offsets[total]],
        offsets=offsets[: total + 1].astype(np.int32) if small else offsets[: total + 1],
        sizes=sizes,
        entries=names.entries,
        eids=names.eids,
        priors=names.priors,
        kbs=names.kbs,
    )
    files.save_ids(
        out, {"entries": names.entries, "eids": names.eids, "priors": names.priors, "kbs": names.kbs}
    )
    _write_near(names, settings.edits, out)
    earlier = None if old is None else lists.Earlier(old, _numbers(old, names.strings))
    lists.build(names.strings, names.lengths, earlier, work=staging.work, out=out, advance=progress.advance)


def _write_near(names: sources.Names, edits: int, out: Path) -> None:
    """Write `masks`, and the segments by hash: 8 bytes for each in memory."""
    total = len(names.strings)
    bits = np.uint64(max(total - 1, 1).bit_length())
    found, packed = np.empty(total, np.uint64), []
    for piece in lists.pieces(names.lengths):
        mine = strings.decode(names.strings.slice(piece.start, piece.stop - piece.start))
        found[piece] = masks.of(mine)
        for which, hashes in segments.of(mine, edits):
            packed.append(hashes >> bits << bits | (which + piece.start).astype(np.uint64))
    entries = np.concatenate(packed)
    del packed
    entries.sort()
    wide = max(1, min(64 - int(bits) - 16, len(entries).bit_length() - 1))
    starts = np.arange((1 << wide) + 1, dtype=np.uint64)
    buckets = np.searchsorted(entries, starts[:-1] << np.uint64(64 - wide))
    files.save(
        out,
        masks=found,
        buckets=np.append(buckets, len(entries)).astype(np.uint32),
        tags=(entries >> np.uint64(48 - wide)).astype(np.uint16),
        places=(entries & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.uint32),
    )


def _earlier(base: Path, told: dict[str, Any]) -> files.Arrays:
    """Open the index that a build goes on from; refuse one that was built in another way."""
    manifest = artefact.read(base, "index")
    theirs = manifest.settings
    if theirs.get("kind") != KIND:
        raise ArtefactError(f"{base}: a {theirs.get('kind')} index, where a {KIND} one is wanted")
    for name in told.keys() - SEARCHING:
        if theirs.get(name) != told[name]:
            raise ConfigError(
                f"{base} was built with {name} {theirs.get(name)}, not {told[name]}; build without a base"
            )
    return files.opened(base, manifest)


def _numbers(old: files.Arrays, names: pa.LargeStringArray) -> NDArray[np.int64]:
    """Return the number that each name of an earlier index has now; −1 if it is gone."""
    theirs = files.strings_of(old)
    found = pc.index_in(theirs.cast(pa.large_string()), names)
    numbers: NDArray[np.int64] = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers
