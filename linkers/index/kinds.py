"""The kinds of candidate indexes: made, opened and told of by one function each."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kbtools.artefact import Manifest
    from kbtools.linkers.index.base import Index
    from kbtools.linkers.index.dense.encoders import Encoder

KINDS = ("fuzzy", "dense", "profile")


def build_index(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    kind: str,
    encoder: Encoder | None = None,
    base: str | Path | None = None,
    workers: int = 1,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Iterable[str] = (),
    **settings: Any,
) -> Manifest:
    """Make names (kind "fuzzy": of an alias table) or entities ("dense": of knowledge bases) searchable.

    Kind "profile" is what linking knows of entities: their words, neighbours and classes.

    `encoder` turns texts into vectors, for a dense index; without one, a small one of our own does. `base` is
    an earlier index: what has not changed is taken from it.
    """
    from kbtools import config  # noqa: PLC0415 - `import kbtools.linkers` is light
    from kbtools.errors import ConfigError  # noqa: PLC0415

    index = _kind(kind)
    sources = [source] if isinstance(source, str | Path) else [*source]
    if not sources:
        raise ConfigError("nothing to index; name an alias table or a knowledge base")
    if encoder is not None and kind != "dense":
        raise ConfigError(f"--encoder goes with --kind dense; a {kind} index has no vectors")
    if len(sources) > 1 and kind == "fuzzy":
        raise ConfigError(
            "a fuzzy index is of one alias table: make one of all: kbtools alias KB... --out ALIAS"
        )
    options: dict[str, Any] = {"encoder": encoder} if kind == "dense" else {}
    made: Manifest = index.build(
        Path(sources[0]) if kind == "fuzzy" else [Path(one) for one in sources],
        Path(out),
        settings=config.build(index.Settings, settings, where=f"index --kind {kind}", overrides=overrides),
        base=Path(base) if base else None,
        workers=workers,
        memory=memory,
        overwrite=overwrite,
        restart=restart,
        quiet=quiet,
        **options,
    )
    return made


def open_index(path: str | Path, encoder: Encoder | None = None) -> Index:
    """Open an index of any kind; `encoder` is what a dense one was made with, if not with our own."""
    from kbtools import artefact  # noqa: PLC0415
    from kbtools.errors import ArtefactError  # noqa: PLC0415

    path = Path(path)
    kind = artefact.read(path, "index").settings.get("kind")
    if kind not in KINDS:
        raise ArtefactError(f"{path}: an index of an unknown kind {kind!r}; there are {', '.join(KINDS)}")
    index = _kind(kind)
    found: Index = index.open_index(path, encoder=encoder) if kind == "dense" else index.open_index(path)
    return found


def index_summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was indexed."""
    from kbtools.progress import amount  # noqa: PLC0415 - `import kbtools.linkers` is light

    size = sum(file.bytes for table in made.tables.values() for file in table.files)
    told = {**made.counts, **made.notes}
    plain = [f"{name} {value:,}" for name, value in told.items() if isinstance(value, int | float) and value]
    lines = [
        f"{out}: {made.settings.get('kind')} index over {', '.join(ref.name for ref in made.kbs)}:"
        f" {amount(size)}",
        f"  {' · '.join(plain) or 'nothing in it'}",
    ]
    lines += [f"  {name}: {value}" for name, value in told.items() if isinstance(value, str)]
    lines += [f"  Warning: {warning}" for warning in made.notes.get("warnings", ())]
    lines.append(f"  content {made.content}")
    return "\n".join(lines)


def _kind(kind: str) -> ModuleType:
    """Import one kind of index."""
    from kbtools.errors import ConfigError  # noqa: PLC0415

    if kind not in KINDS:
        raise ConfigError(f"--kind {kind!r}: it is {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    return importlib.import_module(f"kbtools.linkers.index.{kind}")
