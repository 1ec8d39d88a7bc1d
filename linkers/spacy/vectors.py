"""The vectors of entities, as a dense index keeps them; the index itself is not searched here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools import artefact
from kbtools.errors import ArtefactError
from kbtools.kb.arrays import load_npy
from kbtools.linkers.index.dense import files
from kbtools.linkers.index.dense import vectors as kept


class Vectors:
    """Vectors by knowledge base and eid, mapped into memory."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = artefact.read(self.path, "index")
        if self.manifest.settings.get("kind") != "dense":
            raise ArtefactError(f"{path}: no dense index; make one: kbtools index KB... --kind dense")
        gone = f"`kbtools verify {path}` says what else is"
        self._raw = kept.open_raw(self.path / kept.FILE)
        eids = load_npy(self.path / files.EIDS, gone=gone)
        several = len(self.manifest.kbs) > 1
        kbs = load_npy(self.path / files.KBS, gone=gone) if several else np.zeros(len(eids), np.uint8)
        self._keys = (kbs.astype(np.uint64) << np.uint64(32)) | eids
        if len(self._keys) != len(self._raw) or (np.diff(self._keys.astype(np.int64)) <= 0).any():
            raise ArtefactError(f"{path}: its numbers do not fit its vectors; make the index again")

    @property
    def dim(self) -> int:
        """How wide they are."""
        return int(self._raw.shape[1])

    def of(
        self, kb: NDArray[np.uint8], eid: NDArray[np.integer[Any]], names: Sequence[str]
    ) -> NDArray[np.float32]:
        """Return vectors of length 1, [N, dim]; `names` says what the numbers of knowledge bases mean.

        An entity without a vector, or with one of zeros, gets the one that all such share.
        """
        mine = {ref.name: place for place, ref in enumerate(self.manifest.kbs)}
        place = np.array([mine.get(name, 255) for name in names] or [255], np.uint64)[kb]
        keys = (place << np.uint64(32)) | (eid.astype(np.int64) & 0xFFFFFFFF).astype(np.uint64)
        rows = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        known = (eid >= 0) & (self._keys[rows] == keys) if len(self._keys) else np.zeros(len(eid), np.bool_)
        found = np.full((len(eid), self.dim), 1 / np.sqrt(self.dim), np.float32)
        told = np.asarray(self._raw[rows[known]], np.float32)
        norm = np.sqrt(np.einsum("nd,nd->n", told, told))
        good = np.flatnonzero(known)[norm > 0]
        found[good] = told[norm > 0] / norm[norm > 0, None]
        return found
