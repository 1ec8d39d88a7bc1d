"""Several vectors of an entity side by side, and its part of speech: `kbtools embed --model joined`.

    -o of=tucker,gloss     VECTORS₁ ┐
                           VECTORS₂ ┼──▶ [v₁ ; v₂ ; class], a row for each entity
    -o classes=pos             KB ──┘

KnowBert's vectors of WordNet are of this kind: what TuckER learned of the graph beside what an encoder makes
of the gloss, and the part of speech (M. Peters et al., EMNLP 2019). Memory: a block of rows, and some 16
bytes an entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from kbtools import config, vectors
from kbtools.artefact import KbRef, Manifest
from kbtools.config import setting
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.asking import answer
from kbtools.kb.bases import only, same_ids
from kbtools.kb.reader import Base, gather
from kbtools.models.vectors import Vectors
from kbtools.progress import Progress

MODEL = "joined"
TAKES: frozenset[str] = frozenset()  # options of `embed` beside the common ones
BLOCK = 1 << 14  # rows
POS = ("pad", "n", "v", "a", "r", "s", "mask", "null", "unknown")  # the columns of `classes = "pos"`
UNKNOWN = POS.index("unknown")

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which vectors, and what becomes of entities that some lack."""

    of: tuple[str, ...] = setting("Folders of vectors, in the order of the columns.", ())
    normalise: bool = setting("Give the vectors of each folder length 1 before they are joined.", False)
    missing: Literal["zero", "drop"] = setting(
        "An entity that a folder lacks has zeros there, or is left out.", "zero"
    )
    classes: Literal["none", "pos"] = setting(
        "Columns behind the vectors, one of them 1: pos is pad n v a r s mask null unknown.", "none"
    )
    numbers: Literal["float32", "float16"] = setting("What is written.", "float32")

    def __post_init__(self) -> None:
        if not self.of:
            raise ConfigError("of: the folders of vectors that are joined, as -o of=tucker,gloss")


class Part:
    """One folder of vectors, its rows by entity."""

    def __init__(self, path: str, base: Base) -> None:
        self.found = Vectors.open(path)
        _check(self.found, base)

    def has(self, eids: I64) -> NDArray[np.bool_]:
        """Tell of which entities there is a vector."""
        found: NDArray[np.bool_] = (self.found.row_of(torch.from_numpy(eids)) >= 0).numpy()
        return found

    def rows(self, eids: I64, *, normalise: bool) -> F32:
        """Return the vectors of entities [n, dim]; zeros of those that have none."""
        rows = self.found.row_of(torch.from_numpy(eids))
        there = rows >= 0
        made = np.zeros((len(eids), self.found.dim), np.float32)
        made[there.numpy()] = self.found.gather(rows[there]).float().numpy()
        if normalise:
            length = np.linalg.norm(made, axis=1, keepdims=True)
            made /= np.where(length == 0, 1, length)
        return made


def embed(
    kb: str | Path,
    out: str | Path,
    *,
    kbs: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Write the vectors of several folders side by side, for the entities of one knowledge base."""
    del restart  # nothing is kept of what broke off
    settings = config.build(Settings, where=MODEL, overrides=overrides)
    base = only(gather([kb, *kbs]))
    parts = [Part(one, base) for one in settings.of]
    eids, counts = _entities(parts, settings)
    classes = _pos(base, eids, Path(out)) if settings.classes == "pos" else None
    if classes is not None:
        counts["without a part of speech"] = int((classes == UNKNOWN).sum())
    told = {key: value for key, value in config.plain(settings).items() if key != "of"}
    widths = [one.found.dim for one in parts] + ([len(POS)] if classes is not None else [])
    with Progress("join", len(eids), "entities", quiet=quiet) as progress:
        return vectors.write(
            out,
            eids,
            _blocks(parts, classes, eids, settings, progress),
            kb=base.kb.path,
            inputs=[*(one.path for one in base.parts[1:]), *settings.of],
            settings={"model": MODEL, **told, "widths": widths},
            counts=counts,
            overwrite=overwrite,
        )


def _check(found: Vectors, base: Base) -> None:
    """Refuse vectors of another knowledge base, or of words alone."""
    manifest = base.kb.manifest
    mine = KbRef(name=base.name, content=manifest.content, id_space=manifest.id_space)
    theirs = next((ref for ref in found.manifest.kbs if ref.name == base.name), None)
    if theirs is None:
        named = ", ".join(ref.name for ref in found.manifest.kbs) or "no knowledge base"
        raise ArtefactError(f"{found.path}: vectors of {named}, not of {base.name} ({base.kb.path})")
    if not same_ids(theirs, mine):
        raise ArtefactError(
            f"{found.path}: of another release of {base.name}, whose numbers mean other entities; make the "
            f"vectors again of {base.kb.path}"
        )


def _entities(parts: Sequence[Part], settings: Settings) -> tuple[I64, dict[str, int]]:
    """Return the entities that get a row, in order, and how many have no vector in each folder."""
    eids: I64 = np.unique(np.concatenate([one.found.eids().numpy() for one in parts]))
    have = np.array([one.has(eids) for one in parts])
    counts = {
        f"without a vector in {Path(name).name}": int((~row).sum())
        for name, row in zip(settings.of, have, strict=True)
    }
    if settings.missing == "drop":
        kept = have.all(axis=0)
        counts["left out"] = int((~kept).sum())
        eids = eids[kept]
    if not len(eids):
        raise ConfigError(f"{', '.join(settings.of)}: no entity has a vector in all of them")
    return eids, counts


def _blocks(
    parts: Sequence[Part], classes: I64 | None, eids: I64, settings: Settings, progress: Progress
) -> Iterator[NDArray[Any]]:
    for low in range(0, len(eids), BLOCK):
        some = eids[low : low + BLOCK]
        columns = [one.rows(some, normalise=settings.normalise) for one in parts]
        if classes is not None:
            columns.append(np.eye(len(POS), dtype=np.float32)[classes[low : low + BLOCK]])
        progress.advance(len(some))
        yield np.concatenate(columns, axis=1).astype(settings.numbers)


def _pos(base: Base, eids: I64, out: Path) -> I64:
    """Return the part of speech of each entity, as a place in POS: that of its lemmas."""
    marks = ", ".join(f"'{one}'" for one in POS[1:6])
    sql = (
        f"SELECT eid, min(pos) AS pos FROM surfaces WHERE source = 'lemma' AND pos IN ({marks}) GROUP BY eid"
    )
    parts = [one for one in base.parts if "surfaces" in one.tables]
    found = answer(out, sql, parts=base.parts, only={"surfaces"}) if parts else None
    if found is None or not len(found):
        raise ConfigError(
            f"{base.kb.path}: no part of speech is told of its names; classes=pos needs a wordnet"
        )
    theirs = np.full(int(max(eids[-1], found["eid"].to_numpy().max())) + 1, UNKNOWN, np.int64)
    theirs[found["eid"].to_numpy()] = [POS.index(one) for one in found["pos"].to_pylist()]
    return theirs[eids]
