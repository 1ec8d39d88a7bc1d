"""One function a command: what the command line does, a notebook can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kbtools import config, plugins
from kbtools.artefact import Manifest
from kbtools.errors import ConfigError

SOURCES = "kbtools.sources"


def ingest(  # noqa: D417
    source: str,
    dumps: Sequence[str | Path],
    out: str | Path,
    *,
    name: str | None = None,
    ids_from: str | Path | None = None,
    workers: int = 1,
    memory: int | None = None,
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
    built = config.build(found.Settings, settings, where=f"ingest {source}", overrides=overrides)
    build = Build(
        source=found,
        name=name or source,
        settings=built,
        dumps=[str(dump) for dump in dumps],
        ids_from=Path(ids_from) if ids_from else None,
        options=Options(workers=workers, memory=memory, overwrite=overwrite, restart=restart, quiet=quiet),
    )
    return build.run(Path(out))
