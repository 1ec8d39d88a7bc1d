"""The search structures of faiss: made, written, opened again.

| kind | what it is | memory of a vector, d wide |
|---|---|---|
| flat | compared with all | 4 d bytes |
| hnsw | a graph of neighbours (Malkov and Yashunin 2018) | 4 d + 8 M |
| ivf-sq8 | lists around centroids, a byte a number | d |
| ivf-pq | lists, product quantisation (Jégou et al. 2011) | d / 8 by default |

While it is being built, faiss holds it in memory, and 40 training vectors a list.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools import extras
from kbtools.artefact.task import out_of_space
from kbtools.errors import ArtefactError, ConfigError, ResourceError
from kbtools.linkers.index.dense.settings import Kind, Settings
from kbtools.linkers.index.dense.vectors import widen

FILE = "index.faiss"
BLOCK = 1 << 15  # vectors handed over at once
TRAINING = 40  # vectors a list; faiss warns below 39
CODES = 256  # of product quantisation
CLASSES = {  # the first bytes of the file, and what faiss calls it
    "flat": (b"IxFI", "IndexFlatIP"),
    "hnsw": (b"IHNf", "IndexHNSWFlat"),
    "ivf-sq8": (b"IwSq", "IndexIVFScalarQuantizer"),
    "ivf-pq": (b"IwPQ", "IndexIVFPQ"),
}


def library(threads: int = 1) -> ModuleType:
    """Return faiss, set to work with that many threads."""
    faiss = extras.need("faiss", extra="link", why="a dense index")
    faiss.omp_set_num_threads(max(1, threads))
    return faiss


def lists_for(rows: int, settings: Settings) -> int:
    """Choose how many lists `rows` vectors are put in: a power of two near 8 √rows, as training allows."""
    if settings.lists:
        return min(settings.lists, rows)
    wanted = 1 << round(math.log2(max(8 * math.sqrt(rows), 1)))
    most = 1 << int(math.log2(max(rows // TRAINING, 1)))
    return max(1, min(wanted, most, 1 << 16))


def create(kind: Kind, raw: NDArray[np.floating], settings: Settings, *, threads: int) -> Any:
    """Build the index over the vectors kept; with one thread and no GPU, twice the same."""
    faiss = library(threads)
    rows, dim = raw.shape
    metric = faiss.METRIC_INNER_PRODUCT
    if kind == "flat":
        made = faiss.IndexFlatIP(dim)
    elif kind == "hnsw":
        made = faiss.IndexHNSWFlat(dim, settings.links, metric)
        made.hnsw.efConstruction = settings.ef_construction
        made.hnsw.rng = faiss.RandomGenerator(settings.seed)
    else:
        made = _lists(faiss, kind, rows, dim, settings)
        _train(faiss, made, raw, settings)
    for first in range(0, rows, BLOCK):
        made.add(widen(raw[first : first + BLOCK]))
    tune(made, settings)
    return made


def _lists(faiss: ModuleType, kind: Kind, rows: int, dim: int, settings: Settings) -> Any:
    lists, metric = lists_for(rows, settings), faiss.METRIC_INNER_PRODUCT
    coarse = faiss.IndexFlatIP(dim)
    if kind == "ivf-sq8":
        made = faiss.IndexIVFScalarQuantizer(
            coarse, dim, lists, faiss.ScalarQuantizer.QT_8bit, metric, settings.metric == "cosine"
        )
    else:
        if rows < CODES:
            raise ConfigError(f"ivf-pq needs {CODES} entities, and there are {rows}; leave search at auto")
        size = settings.code_bytes or max(1, dim // 8)
        if dim % size:
            raise ConfigError(f"code_bytes is {size}: it does not divide vectors of {dim} numbers")
        made = faiss.IndexIVFPQ(coarse, dim, lists, size, 8, metric)
        made.pq.cp.seed = settings.seed or made.pq.cp.seed
        made.pq.cp.min_points_per_centroid = 1
    made.cp.spherical = settings.metric == "cosine"
    made.cp.min_points_per_centroid = 1  # the warning would be about what we chose
    made.cp.seed = settings.seed or made.cp.seed
    return made


def _train(faiss: ModuleType, made: Any, raw: NDArray[np.floating], settings: Settings) -> None:
    """Find the centroids from vectors drawn by the seed, on a GPU if there is one."""
    count = max(TRAINING * made.nlist, 1 << 14)
    rows = len(raw)
    if count < rows:
        drawn = np.random.default_rng(settings.seed).choice(rows, count, replace=False)
        sample = widen(raw[np.sort(drawn)])
    else:
        sample = widen(raw[:])
    made.cp.max_points_per_centroid = len(sample)
    if has_gpu(faiss, settings):
        made.clustering_index = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(made.d))
    made.train(sample)


def has_gpu(faiss: ModuleType, settings: Settings) -> bool:
    """Tell whether faiss can use a GPU and may."""
    there = hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0
    if settings.device == "gpu" and not there:
        raise ConfigError("device is gpu, but faiss finds none; install faiss-gpu, or leave device at auto")
    return there and settings.device != "cpu"


def tune(index: Any, settings: Settings) -> int:
    """Say how much a search looks at; return that number."""
    if hasattr(index, "hnsw"):
        index.hnsw.efSearch = settings.ef_search
        return int(index.hnsw.efSearch)
    if hasattr(index, "nprobe"):
        index.nprobe = min(settings.probes, index.nlist)
        return int(index.nprobe)
    return 0


def write(index: Any, path: Path) -> None:
    """Write the index to a file."""
    faiss = library()
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        kind = ResourceError if out_of_space(error) else ArtefactError
        raise kind(f"{path}: cannot be written: {str(error).rpartition(': ')[2]}") from error


def read(path: Path, kind: str, rows: int, dim: int) -> Any:
    """Map the index of that kind; refuse a file that is not it."""
    faiss = library()
    if kind not in CLASSES:
        raise ArtefactError(
            f"{path.parent}: an index searched by {kind!r} is not known here: upgrade kbtools"
        )
    magic, name = CLASSES[kind]
    try:
        with path.open("rb") as file:
            found = file.read(4)
        if found != magic:
            raise ArtefactError(f"{path}: damaged or foreign: it begins with {found!r}, not {magic!r}")
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, OSError, MemoryError) as error:
        what = str(error).partition(" at ")[0] if isinstance(error, OSError) else "faiss cannot read it"
        raise ArtefactError(f"{path}: damaged: {what}; make the index again") from error
    if type(index).__name__ != name or (index.d, index.ntotal) != (dim, rows):
        raise ArtefactError(
            f"{path}: holds {index.ntotal:,} vectors of {index.d} numbers, not {rows:,} of {dim}; "
            "make the index again"
        )
    return index
