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
from kbtools.sources.base import Source

DEFAULT_MEMORY = 512 << 20  # a worker: DuckDB and Arrow need about as much again
PRELOAD = ("numpy", "pyarrow", "pyarrow.compute", "kbtools.kb.finish")
_NAME = re.compile("[a-z0-9-]+")


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
    options: Options

    def run(self, out: Path) -> Manifest:
        """Make the knowledge base at `out`."""
        # what makes no sense or is not there is refused before anything is written
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"--name {self.name!r}: use only a-z, 0-9 and hyphens")
        self.source.options(self.settings)
        options = self.options
        preload = [*PRELOAD, self.source.decode.partition(":")[0]]
        folder = Staging.folder_of(out)
        # the workers come first: they import what they need while the inputs are looked at
        with pool(folder, workers=options.workers, engine=options.engine, preload=preload) as workers:
            return self._run(out, workers)

    def _run(self, out: Path, workers: Pool) -> Manifest:
        named = self.source.files(self.settings)
        for path in named:
            Opened(path).close()
        dumps = [Dump(path, source=place, layout=self.source.layout) for place, path in enumerate(self.dumps)]
        inputs = [Input(path=path, kind="dump", content=identity(path)) for path in self.dumps]
        inputs += [Input(path=path, kind="file", content=identity(path)) for path in named]
        old = self._old()
        if old is not None:
            inputs.append(Input(path=str(self.ids_from), kind="kb", content=old.content))
        plan = manifest.plan(
            f"ingest {self.format}", config.plain(self.settings), [one.content for one in inputs]
        )
        staging = Staging(out, plan, overwrite=self.options.overwrite, restart=self.options.restart)
        with staging:
            if staging.whole is not None:
                return staging.whole
            return staging.commit(self._build(staging.folder, workers, dumps, inputs, old))

    def _old(self) -> Manifest | None:
        if self.ids_from is None:
            return None
        from kbtools.kb import predecessor  # noqa: PLC0415 - needs pyarrow

        return predecessor.read(self.ids_from)

    def _build(
        self,
        folder: Path,
        workers: Pool,
        dumps: Sequence[Dump],
        inputs: list[Input],
        old: Manifest | None,
    ) -> Manifest:
        from kbtools.sources._stages import Stages  # noqa: PLC0415 - needs pyarrow; the workers are ahead

        options = self.options
        memory = (options.memory or DEFAULT_MEMORY * options.workers) // options.workers
        stages = Stages(self.source, self.settings, folder, workers, quiet=options.quiet)
        stages.read(dumps)
        tables = stages.finish(old=self.ids_from, memory=memory, threads=options.workers)
        chain = list(old.id_space) if old else []
        ids = stages.facts.pop("id space")
        chain += [ids] if ids not in chain else []
        return begin(
            "kb",
            name=self.name,
            settings=config.plain(self.settings),
            inputs=inputs,
            id_space=chain,
            tables=tables,
            counts={**stages.counts, **stages.facts},
            licences=unite([self.source.licence, *(old.licences if old else ())]),
            incomplete=bool(stages.damage),
            resources={"stages": stages.seconds, "peak worker MB": round(workers.peak_mb)},
        )


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
