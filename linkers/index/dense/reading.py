"""A dense index, opened: mapped into memory and shared by all processes that open it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools import artefact, config
from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.index.base import Hits
from kbtools.linkers.index.dense import encoders, faiss_index, files, vectors
from kbtools.linkers.index.dense.encoders import F32, Encoder
from kbtools.linkers.index.dense.search import nearest
from kbtools.linkers.index.dense.settings import Settings


def open_index(path: Path | str, *, encoder: Encoder | None = None, threads: int = 1) -> DenseIndex:
    """Open the dense index at `path`; `encoder` is the one it was built with, unless that is our own."""
    return DenseIndex(Path(path), encoder=encoder, threads=threads)


class DenseIndex:
    """Entities by the meaning of their texts."""

    def __init__(self, path: Path, *, encoder: Encoder | None = None, threads: int = 1) -> None:
        self.path, self.manifest = path, artefact.read(path, "index")
        told = self.manifest.settings
        if told.get("kind") != "dense":
            raise ArtefactError(f"{path}: an index of kind {told.get('kind')!r}, where a dense one is wanted")
        fields = {name: value for name, value in told.items() if name in Settings.__dataclass_fields__}
        self.settings = config.build(Settings, fields, where=str(path))
        several = [files.KBS] if len(self.manifest.kbs) > 1 else []
        files.check(path, self.manifest, [faiss_index.FILE, vectors.FILE, files.EIDS, *several])
        self.raw = vectors.open_raw(path / vectors.FILE)
        self._eids = _ids(path / files.EIDS, len(self.raw))
        self._kbs = _ids(path / files.KBS, len(self.raw)) if several else None
        self._bounds = np.array([0, len(self.raw)])  # where the rows of each knowledge base begin
        if self._kbs is not None:
            self._bounds = np.searchsorted(self._kbs, np.arange(len(self.manifest.kbs) + 1))
        self._faiss, self.threads = faiss_index.library(threads), max(1, threads)
        self._index = faiss_index.read(path / faiss_index.FILE, str(told.get("search")), *self.raw.shape)
        faiss_index.tune(self._index, self.settings)
        self._rerank = self.settings.rerank if hasattr(self._index, "pq") else 0
        self.encoder = self._fitting(encoder) if encoder else encoders.named(str(told.get("encoder")))

    def __len__(self) -> int:
        return len(self.raw)

    def __repr__(self) -> str:
        return f"DenseIndex({str(self.path)!r})"

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases it speaks of; `kb` of a hit is a place in this list."""
        return self.manifest.kbs

    @property
    def dim(self) -> int:
        """How wide its vectors are."""
        return int(self.raw.shape[1])

    def search(self, queries: Sequence[str], k: int = 10, encoder: Encoder | None = None) -> Hits:
        """Find the k best entities for each query; none for one that says nothing to the encoder."""
        used = self._encoder(encoder)
        asked = [self.settings.query_prefix + query for query in queries]
        if not asked:
            return self.search_vectors(np.zeros((0, self.dim), dtype=np.float32), k)
        return self.search_vectors(encoders.encode(used, asked, unit=False), k)

    def search_vectors(self, queries: NDArray[np.floating], k: int = 10) -> Hits:
        """Find the k best entities for each vector, [Q, dim]."""
        if k < 1:
            raise ConfigError(f"k is {k}; it is 1 or more")
        asked, speaking = self._checked(queries)
        if not speaking.any():
            none = np.zeros(0, dtype=np.int64)
            return self._hits(np.zeros(len(asked) + 1, dtype=np.int64), none, none.astype(np.float32))
        self._faiss.omp_set_num_threads(self.threads)
        whole = bool(speaking.all())
        rows, scores = nearest(
            self._index, self.raw, asked if whole else asked[speaking], k, rerank=self._rerank
        )
        if whole and rows.min() >= 0:  # spares a lone query a tenth of its time
            return self._hits(np.arange(0, rows.size + 1, rows.shape[1]), rows.ravel(), scores.ravel())
        there = rows >= 0
        offsets = np.zeros(len(asked) + 1, dtype=np.int64)
        offsets[1:][speaking] = there.sum(axis=1)
        return self._hits(np.cumsum(offsets), rows[there], scores[there])

    def rows(self, kb: NDArray[np.integer], eid: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the rows of entities' vectors; −1: it has none."""
        row = np.full(len(eid), -1, np.int64)
        for number in range(len(self._bounds) - 1):
            low, high = self._bounds[number : number + 2].tolist()
            mine = np.flatnonzero(kb == number)
            if low < high and len(mine):
                asked = eid[mine].astype(self._eids.dtype)
                at = np.minimum(low + np.searchsorted(self._eids[low:high], asked), high - 1)
                row[mine] = np.where(self._eids[at] == asked, at, -1)
        return row

    def vectors(self, rows: NDArray[np.int64]) -> F32:
        """Return vectors as they are compared, of length 1: [n, dim]; those of zeros stay."""
        return encoders.normalised(vectors.widen(self.raw[rows]))

    def encoded(self, texts: Sequence[str]) -> F32:
        """Encode texts as queries, to vectors of length 1: [n, dim]; those of zeros stay."""
        asked = [self.settings.query_prefix + text for text in texts]
        return encoders.encode(self._encoder(None), asked, unit=True)

    def _hits(self, offsets: NDArray[np.int64], rows: NDArray[np.int64], scores: F32) -> Hits:
        kbs = np.zeros(len(rows), dtype=np.uint8) if self._kbs is None else self._kbs[rows]
        return Hits(offsets, kbs, self._eids[rows], scores)

    def _checked(self, queries: NDArray[np.floating]) -> tuple[F32, NDArray[np.bool_]]:
        """Return the vectors that are compared, and which are not all zeros."""
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            width = queries.shape[1] if queries.ndim == 2 else f"{queries.ndim} axes"
            raise ConfigError(f"{self.path}: queries do not fit its vectors: {width} ≠ {self.dim}")
        asked = np.ascontiguousarray(queries, dtype=np.float32)
        square = encoders.squares(asked)
        if not (finite := np.isfinite(square)).all():
            raise ConfigError(f"query {int(finite.argmin())}: its vector has NaN or infinite numbers")
        speaking = square > 0
        return (encoders.shortened(asked, square) if self.settings.metric == "cosine" else asked), speaking

    def _encoder(self, encoder: Encoder | None) -> Encoder:
        used = self._fitting(encoder) if encoder else self.encoder
        if used is None:
            name = self.manifest.settings.get("encoder")
            raise ConfigError(f"{self.path} was built with the encoder {name}; hand it in: encoder=...")
        return used

    def _fitting(self, encoder: Encoder) -> Encoder:
        """Refuse an encoder of another width; warn of one of another name."""
        name = self.manifest.settings.get("encoder")
        if encoder.dim != self.dim:
            raise ConfigError(
                f"{self.path} was built with {name}; {encoder.name} does not fit: {encoder.dim} ≠ {self.dim}"
            )
        if encoder.name != name:
            warnings.warn(f"{self.path} was built with {name}, not with {encoder.name}", stacklevel=4)
        return encoder


def _ids(path: Path, rows: int) -> Any:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: damaged: {' '.join(str(error).split())}") from error
    if found.shape != (rows,):
        raise ArtefactError(f"{path}: {found.shape} numbers for {rows:,} vectors; make the index again")
    return np.asarray(found)
