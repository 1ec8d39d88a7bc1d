"""From a dump to a knowledge base: plan, read in parallel, finish, publish. The same for every source."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kbtools import config
from kbtools.artefact import (
    Input,
    KbRef,
    Manifest,
    Staging,
    begin,
    digest,
    manifest,
    unite,
)
from kbtools.errors import ConfigError
from kbtools.executors import Pool, pool
from kbtools.io import Dump
from kbtools.io.inputs import Input as Opened
from kbtools.io.inputs import is_url, local
from kbtools.sources.base import WHOLE, Reading, Source

DEFAULT_MEMORY = 512 << 20  # a worker: DuckDB and Arrow need about as much again
PRELOAD = ("numpy", "pyarrow", "pyarrow.compute", "kbtools.kb.finish")
_NAME = re.compile("[a-z0-9-]+")

Parents = tuple[Manifest | None, Manifest | None]  # the release before, the base of an overlay


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to build, as opposed to what: none of this changes the result."""

    workers: int = 1
    engine: str = "local"
    memory: int | None = None  # bytes that all workers together may use for sorting
    overwrite: bool = False
    restart: bool = False
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Build:
    """One knowledge base to be made."""

    format: str  # the name of the source
    source: Source
    name: str
    settings: Any
    dumps: Sequence[str]
    ids_from: Path | None
    onto: Path | None
    options: Options

    def run(self, out: Path) -> Manifest:
        """Make the knowledge base at `out`."""
        # what makes no sense or is not there is refused before anything is written
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"--name {self.name!r}: use only a-z, 0-9 and hyphens")
        if self.onto and (self.ids_from or self.source.prefixes):
            what = "--ids-from" if self.ids_from else f"{self.format}, whose ids are its own"
            raise ConfigError(f"--onto cannot go together with {what}")
        reading = self.source.plan(self.dumps, self.settings)
        options = self.options
        preload = [*PRELOAD, *dict.fromkeys(feed.call.partition(":")[0] for feed in reading.feeds)]
        folder = Staging.folder_of(out)
        # the workers come first: they import what they need while the inputs are looked at
        with pool(folder, workers=options.workers, engine=options.engine, preload=preload) as workers:
            return self._run(out, reading, workers)

    def _run(self, out: Path, reading: Reading, workers: Pool) -> Manifest:
        from kbtools.sources._stages import open_dumps  # noqa: PLC0415 - needs pyarrow; the workers are ahead

        whole = [path for feed in reading.feeds if feed.layout == WHOLE for path in feed.paths]
        for path in (*reading.files, *whole):
            Opened(path).close()
        dumps = open_dumps(reading.feeds)
        named = [("dump", path) for feed in reading.feeds for path in feed.paths]
        named += [("file", path) for path in reading.files]
        inputs = [Input(path=path, kind=kind, content=identity(path)) for kind, path in named]
        parents = old, base = self._parents(reading)
        inputs += [
            Input(path=str(kb), kind="kb", content=parent.content)
            for kb, parent in ((self.ids_from, old), (self.onto, base))
            if parent is not None
        ]
        stage = f"ingest {self.format}" + (" onto" if base else "")
        feeds = [[feed.call, feed.layout, len(feed.paths)] for feed in reading.feeds]
        asked = {"settings": config.plain(self.settings), "feeds": feeds, "names": reading.names}
        plan = manifest.plan(stage, asked, [one.content for one in inputs])
        staging = Staging(out, plan, overwrite=self.options.overwrite, restart=self.options.restart)
        with staging:
            if staging.whole is not None:
                return staging.whole
            made = self._build(staging.folder, workers, reading, dumps, inputs, parents=parents)
            return staging.commit(made)

    def _parents(self, reading: Reading) -> Parents:
        """Return the manifests of the release before, and of the base that an overlay is laid on."""
        from kbtools.kb import overlay, predecessor  # noqa: PLC0415 - need pyarrow

        old = predecessor.read(self.ids_from) if self.ids_from else None
        return old, overlay.read(self.onto, reading.names) if self.onto else None

    def _build(
        self,
        folder: Path,
        workers: Pool,
        reading: Reading,
        dumps: Sequence[Dump | None],
        inputs: list[Input],
        *,
        parents: Parents,
    ) -> Manifest:
        from kbtools.sources._stages import Stages  # noqa: PLC0415 - as above

        options = self.options
        memory = (options.memory or DEFAULT_MEMORY * options.workers) // options.workers
        stages = Stages(self.source, reading, folder, workers, quiet=options.quiet)
        stages.read(dumps)
        tables = stages.finish(old=self.ids_from, onto=self.onto, memory=memory, threads=options.workers)
        old, base = parents
        parent = old or base
        chain = list(parent.id_space) if parent else []
        ids = stages.facts.pop("id space", None)
        chain += [ids] if ids and ids not in chain else []
        return begin(
            "kb",
            name=self.name,
            settings=config.plain(self.settings),
            inputs=inputs,
            id_space=chain,
            base=KbRef(name=base.name or "", content=base.content, id_space=base.id_space) if base else None,
            tables=tables,
            counts={**stages.counts, **stages.facts},
            notes=_with_warning(stages.notes, reading.release, base),
            licences=unite(
                [*(reading.licences or [self.source.licence]), *(parent.licences if parent else ())]
            ),
            incomplete=bool(stages.damage),
            resources={"stages": stages.seconds, "peak worker MB": round(workers.peak_mb)},
        )


def _with_warning(notes: dict[str, Any], release: str | None, base: Manifest | None) -> dict[str, Any]:
    """Warn of ids that mean something else in the base, if its source says which release it is."""
    found = base.notes.get("release") if base else None
    if found in (None, release) or release is None or base is None:
        return notes
    warning = f"these ids are those of release {release}, {base.name} was read from release {found}"
    return {**notes, "warnings": [*notes.get("warnings", ()), f"{warning}: they may mean other things there"]}


def identity(path: str) -> str:
    """Identify an input: a file by what it holds, a URL by what its server says, a stream not at all."""
    here = local(path)
    if here is not None:
        if not Path(here).is_file():
            return "unknown"  # opening it will say what is wrong
        return digest.of_dump(Path(here))
    return _of_url(path) if is_url(path) else f"stream {time.time_ns()}"


def _of_url(url: str) -> str:
    import fsspec  # noqa: PLC0415 - slow to import, and most dumps are local

    try:
        system, name = fsspec.core.url_to_fs(url)
        facts = system.info(name)
    except Exception:  # whatever it is, opening the address will meet it again and say so
        return f"url {url}"
    return f"url {url} {[facts.get(key) for key in ('size', 'ETag', 'etag', 'mtime', 'LastModified')]}"
