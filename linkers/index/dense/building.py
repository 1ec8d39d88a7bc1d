"""Building a dense index: texts, vectors, then the search structure; a build that was cut off goes on.

Memory: DuckDB's share while texts are put together, one block of texts and vectors while they are encoded,
and what faiss needs (`faiss_index.py`).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools import artefact, config
from kbtools.artefact import Input, Manifest, Staging, Task, begin
from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.index.dense import encoders, faiss_index, files, recall, texts, vectors
from kbtools.linkers.index.dense.earlier import Earlier
from kbtools.linkers.index.dense.encoders import Encoder
from kbtools.linkers.index.dense.settings import Kind, Settings
from kbtools.linkers.index.given import Given, find
from kbtools.progress import Progress

KIND = "dense"
DEFAULT_MEMORY = 512 << 20  # a thread of DuckDB's


def build(
    source: Path | Sequence[Path],
    out: Path,
    *,
    settings: Settings,
    encoder: Encoder | None = None,
    base: Path | None = None,
    workers: int = 1,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Index the entities of knowledge bases (or of an alias artefact's); return the manifest.

    `base` is an earlier index by the same encoder: texts that it knows are not encoded again, and the result
    is the same. With one worker and no GPU, the same bytes come out each time.
    """
    faiss_index.library(workers)  # not after an hour of encoding
    encoder = encoder or encoders.default()
    given = find(source)
    told = {"kind": KIND, "encoder": encoder.name, "dim": encoder.dim, **config.plain(settings)}
    del told["device"]
    known = Earlier(Path(base), told) if base else None
    plan = artefact.plan("index", told, [one.content for one in given.inputs])
    with Staging(Path(out), plan, overwrite=overwrite, restart=restart) as staging:
        if staging.whole is not None:
            return staging.whole
        work = Work(staging, encoder, settings, workers)
        clock = Clock()
        counts = work.texts(given, memory or DEFAULT_MEMORY * workers)
        clock.lap("texts")
        state = work.encode(counts["texts"], known, quiet=quiet)
        clock.lap("vectors")
        kind, found = work.search(counts["texts"], several=len(given.bases) > 1)
        clock.lap("search")
        counts |= {"encoded": state.encoded, "taken over": state.rows - state.encoded}
        if state.zeros:
            counts["zero vectors"] = state.zeros
            found.notes["zero vectors"] = f"of some texts nothing is said; the first is of {state.zero}"
        made = begin(
            "index",
            settings={**told, **found.effort, "search": kind},
            tables=files.tables(staging.new, state.rows, f"{kind} {encoder.dim} {settings.raw}"),
            counts=counts,
            notes=found.notes,
            resources=clock.resources(),
            **_lineage(given, base),
        )
        return staging.commit(made)


def _lineage(given: Given, base: Path | None) -> dict[str, Any]:
    fields = given.fields
    if base:
        old = Input(path=str(base), kind="index", content=artefact.read(Path(base)).content)
        fields["inputs"] = [*given.inputs, old]
    return fields


class Clock:
    """What each stage took."""

    def __init__(self) -> None:
        self._stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage."""
        now = time.perf_counter()
        self._stages[stage], self._last = round(now - self._last, 3), now

    def resources(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
        return {"stages": self._stages, "peak worker MB": peak}


class Work(NamedTuple):
    """The stages of one build."""

    staging: Staging
    encoder: Encoder
    settings: Settings
    workers: int

    def texts(self, given: Given, memory: int) -> dict[str, int]:
        """Put the texts together; return how many entities have one."""
        named = ("template", "lang", "types", "max_chars")
        args = {"paths": given.paths, "memory": memory, "threads": self.workers}
        args |= {name: getattr(self.settings, name) for name in named}
        task = Task(name="texts", call=f"{texts.__name__}:write", args=args)
        counts: dict[str, int] = artefact.ensure(task, self.staging.folder).facts
        if not counts["texts"]:
            what = f"none of its {counts['entities']:,} entities has a label or a description"
            raise ArtefactError(f"{given.paths[0]}: nothing to index: {what}")
        return counts

    def encode(self, rows: int, known: Earlier | None, *, quiet: bool) -> vectors.State:
        """Encode the texts that are not yet, block by block."""
        folder, settings = self.staging.folder, self.settings
        growing = vectors.Growing(folder, rows, self.encoder.dim, settings.raw)
        state = growing.state
        columns = ["eid", "id", "text", "digest"]
        with Progress("encode", total=rows, quiet=quiet, unit="texts") as progress:
            progress.advance(state.rows)
            for block in files.blocks(folder / texts.FILE, columns, settings.block, skip=state.rows):
                made = np.empty((len(block), self.encoder.dim), dtype=settings.raw)
                new = np.ones(len(block), dtype=bool)
                if known is not None:
                    found, old = known.find(block["digest"].to_numpy())
                    new, made[found] = ~found, old
                if new.any():
                    made[new] = self._vectors(block.filter(pa.array(new)))
                zero = np.flatnonzero(~made.any(axis=1))
                if len(zero) and not state.zero:
                    state.zero = _who(block, int(zero[0]))
                state.zeros += len(zero)
                state.encoded += int(new.sum())
                growing.append(made)
                progress.advance(len(block))
        return state

    def _vectors(self, block: pa.Table) -> NDArray[np.floating]:
        """Encode a block as it will be kept; refuse what is not a number, by name."""
        found = self._encoded(block["text"].to_pylist())
        with np.errstate(over="ignore", invalid="ignore"):
            kept = found.astype(self.settings.raw)
        wrong = np.flatnonzero(~np.isfinite(kept).all(axis=1))
        if len(wrong):
            at = int(wrong[0])
            what, cure = (
                "NaN or infinite numbers",
                "look at the model; half precision may be too narrow for it",
            )
            if np.isfinite(found[at]).all():
                what, cure = "numbers too large for float16", "set raw to float32"
            raise ConfigError(f"encoder {self.encoder.name} gives {what} for {_who(block, at)}: {cure}")
        return kept

    def _encoded(self, some: list[str]) -> encoders.F32:
        return encoders.encode(self.encoder, some, unit=self.settings.metric == "cosine")

    def search(self, rows: int, *, several: bool) -> tuple[Kind, recall.Measured]:
        """Make the search structure and measure it; return its kind and what was found."""
        settings, new, source = self.settings, self.staging.new, self.staging.folder / texts.FILE
        kind = settings.kind(rows)
        raw = vectors.open_raw(new / vectors.FILE)
        files.write_ids(new, source, rows, several=several)
        index = faiss_index.create(kind, raw, settings, threads=self.workers)
        faiss_index.write(index, new / faiss_index.FILE)
        if kind == "flat":
            return kind, recall.Measured(settings, {"recall@10": 1.0})
        if not settings.sample:
            return kind, recall.Measured(settings, {})
        blocks = files.blocks(source, ["label", "text"], files.GROUP)
        named = ((block["label"].to_pylist(), block["text"].to_pylist()) for block in blocks)
        asked = recall.labels(named, recall.sample(rows, settings))
        queries = self._encoded([settings.query_prefix + one for one in asked])
        return kind, recall.measure(index, raw, queries, settings)


def _who(block: pa.Table, row: int) -> str:
    one = block.slice(row, 1).to_pylist()[0]
    return f"eid {one['eid']} ({one['id']}, {one['text'][:40]!r})"
