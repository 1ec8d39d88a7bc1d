"""Vectors in a format that other programs read: ids of the knowledge base, words as they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools import config, plugins
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb import statements
from kbtools.kb.bases import bases_of
from kbtools.kb.ids import Ids
from kbtools.kb.reader import Base
from kbtools.vectors.formats.base import F32, Given, Named, Shape
from kbtools.vectors.mapping import Array
from kbtools.vectors.norms import Norms
from kbtools.vectors.reader import RELATIONS, Vectors

FORMATS = "kbtools.vectors.formats"

Blocks = Iterator[tuple[pa.StringArray, F32]]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and where; `norms` are the lengths of the vectors (L2).

    What the format has no room for is left out: entities never are.
    """

    path: str
    format: str
    dim: int
    entities: int
    words: int
    relations: int
    left_out: dict[str, int]
    norms: dict[str, dict[str, float]]


def export(
    path: Path | str,
    out: Path | str,
    *,
    format: str,  # noqa: A002 - as on the command line
    kbs: Sequence[Path | str] = (),
    overwrite: bool = False,
    overrides: Sequence[str] = (),
) -> Exported:
    """Write the vectors at `path` to `out`, a file or a folder as the format has it.

    Ids are those of `kbs`, or of where these were when the vectors were made.
    """
    settings = config.build(Shape, where=f"vectors as {format}", overrides=overrides)
    writer = plugins.load(FORMATS, format)
    vectors = Vectors(path)
    base = next(iter(bases_of(vectors.manifest, kbs).values())) if vectors.count or kbs else None
    given = _given(vectors, base)
    _put(Path(out), overwrite, lambda new: writer.write(given, new, settings))
    there = {
        "entities": given.entities,
        "words": given.words,
        "relations": len(given.relations.names) if given.relations else 0,
    }
    return Exported(
        path=str(out),
        format=format,
        dim=given.dim,
        **{name: n if name in writer.HOLDS else 0 for name, n in there.items()},
        left_out={name: n for name, n in there.items() if n and name not in writer.HOLDS},
        norms=given.norms,
    )


def summary(made: Exported) -> str:
    """Tell in a few lines what was written."""
    counts = {"entities": made.entities, "words": made.words, "relations": made.relations}
    lines = [
        f"{made.path}: " + ", ".join(f"{n:,} {name}" for name, n in counts.items() if n or name == "entities")
    ]
    if made.left_out:
        there = ", ".join(f"{n:,} {name}" for name, n in made.left_out.items())
        lines.append(f"  left out, as {made.format} has no room for them: {there}")
    for name, told in made.norms.items():
        lines.append(
            f"  lengths of {name}: " + ", ".join(f"{what} {value:g}" for what, value in told.items())
        )
    return "\n".join(lines)


def _given(vectors: Vectors, base: Base | None) -> Given:
    eids, words = vectors.eids(), vectors.words
    ids = Ids(base.kb) if base else None

    def entity_blocks() -> Blocks:
        at = 0
        for block in vectors.blocks():
            mine = eids[at : at + len(block)]
            names = ids.take(mine) if ids else pa.nulls(len(mine), pa.string())
            if names.null_count:
                missing = int(mine[np.flatnonzero(names.is_null().to_numpy(zero_copy_only=False))[0]])
                raise ArtefactError(
                    f"{base.kb.path if base else ''}: has no entity {missing}; is it another release?"
                )
            yield names, block.astype(np.float32)
            at += len(block)

    def word_blocks() -> Blocks:
        at = 0
        if words is None:
            return
        for block in words.blocks():
            yield words.texts.slice(at, len(block)), block.astype(np.float32)
            at += len(block)

    return Given(
        vectors.dim,
        len(eids),
        len(words) if words else 0,
        entity_blocks,
        word_blocks,
        _relations(vectors, base),
        _norms(vectors),
        _titles(base, eids) if base else None,
    )


def _titles(base: Base, eids: Array) -> Callable[[str], Iterator[tuple[pa.StringArray, pa.StringArray]]]:
    """Return what yields the titles that a site has for entities with a vector."""

    def of_site(site: str) -> Iterator[tuple[pa.StringArray, pa.StringArray]]:
        if "sitelinks" not in base.kb.manifest.tables:
            return
        ids = Ids(base.kb)
        for batch in base.kb.scan("sitelinks", ["eid", "site", "title"]):
            mine = pc.equal(batch["site"].cast(pa.string()), site).to_numpy(zero_copy_only=False)
            eid = batch["eid"].to_numpy().astype(np.int64)
            some = np.flatnonzero(mine & np.isin(eid, eids))
            if len(some):
                yield batch["title"].cast(pa.string()).take(pa.array(some)), ids.take(eid[some])

    return of_site


def _norms(vectors: Vectors) -> dict[str, dict[str, float]]:
    told = {}
    for name, blocks in (
        ("entities", vectors.blocks()),
        ("words", vectors.words.blocks() if vectors.words else iter(())),
    ):
        norms = Norms()
        for _ in norms.over(blocks):
            pass
        if norms.rows:
            told[name] = norms.told()
    return told


def _relations(vectors: Vectors, base: Base | None) -> Named | None:
    """Return the vectors of relations with their ids; those of more axes are laid flat."""
    array: Array | None = vectors.relations().get(RELATIONS)
    if array is None or base is None:
        return None
    names = statements.relations(base)["id"].to_pylist()
    if len(names) < len(array):
        raise ArtefactError(
            f"{base.kb.path}: has no relation {len(names)}; is it another release, or is an overlay missing "
            "(--kb)?"
        )
    flat = np.asarray(array, np.float32).reshape(len(array), -1)
    return Named(names[: len(array)], flat)


def _put(out: Path, overwrite: bool, write: Callable[[Path], Any]) -> None:
    """Write something so that it is whole or absent; a link stays one."""
    out = out.resolve()
    if out.exists() and not (out.is_file() or (out.is_dir() and out.name)):
        raise ConfigError(f"{out} is no place for a file or folder; give another --out")
    if out.exists() and not overwrite:
        raise ConfigError(f"{out} exists; give another --out, or --overwrite to replace it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".kbtools-", dir=out.parent) as room:
        new = Path(room) / out.name  # a format may look at how the name ends
        write(new)
        if out.exists():
            _replaceable(out, new)
            _remove(out)
        new.replace(out)


def _replaceable(out: Path, new: Path) -> None:
    """Refuse to take away a folder that holds anything but what is written anew, or a file for a folder."""
    if out.is_dir() != new.is_dir():
        raise ConfigError(f"{out} is {'a folder' if out.is_dir() else 'a file'}; it is not overwritten")
    strangers = (
        {one.name for one in out.iterdir()} - {one.name for one in new.iterdir()} if out.is_dir() else set()
    )
    if strangers:
        raise ConfigError(f"{out} holds {min(strangers)}, which was not written here; it is not overwritten")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
