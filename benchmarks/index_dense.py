"""Measure the dense index beside bare faiss with the same parameters, in one run and one thread.

    python benchmarks/index_dense.py [--rows 300000] [--dim 384] [--kinds flat,hnsw] [--build-both] [--json]

Vectors are clustered at random: topics, subjects within them, and noise; queries are more of the same. The
index is built from a knowledge base and read mapped into memory; its vectors are kept in half precision, and
hits are compared once more by them. Bare faiss holds the same structure in memory and does what it does by
itself; with --build-both it builds one of its own from float32, which takes as long again.
Recall is against comparing with all in float32. Seconds of a batch are the least of several passes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import faiss
import numpy as np
from numpy.typing import NDArray

from kbtools import api
from kbtools.linkers.index import dense
from kbtools.linkers.index.dense import faiss_index

F32 = NDArray[np.float32]
K, PASSES = 10, 3
BEGUN = time.perf_counter()
KINDS = ("flat", "hnsw", "ivf-sq8", "ivf-pq")
SECONDS = 10  # for the passes of one figure, of which there is one at least


def tell(text: str) -> None:
    """Say on stderr what is being done, and since when."""
    print(f"{time.perf_counter() - BEGUN:7.1f} s  {text}", file=sys.stderr, flush=True)


def make(rows: int, dim: int) -> F32:
    """Draw unit vectors: 100 topics, 20 subjects each, noise."""
    random = np.random.default_rng(0)

    def unit(count: int) -> F32:
        drawn = random.standard_normal((count, dim), dtype=np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))

    topics, subjects = unit(100), unit(2000)
    which = random.integers(0, len(subjects), rows)
    made = 0.6 * topics[which // 20] + 0.6 * subjects[which] + 0.5 * unit(rows)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


class Given:
    """An encoder that knows the vectors already: the text of an entity is its number."""

    name = "given"

    def __init__(self, vectors: F32) -> None:
        self.vectors, self.dim = vectors, vectors.shape[1]

    def __call__(self, texts: Sequence[str]) -> F32:
        """Look the vectors up."""
        return self.vectors[[int(text) for text in texts]]


def knowledge_base(folder: Path, rows: int) -> Path:
    """Write an entity for each vector."""
    source, out = folder / "numbers.spo", folder / "kb"
    source.write_text("".join(f"{number}\tnext\t{(number + 1) % rows}\n" for number in range(rows)))
    api.ingest("spo", [source], out)
    return out


def rate(search: Callable[[F32], Any], queries: F32, batch: int) -> float:
    """Return queries a second."""
    some = queries[: max(batch, 1000 if batch > 1 else 300)]
    least, begun = float("inf"), time.perf_counter()
    for _ in range(PASSES):
        if time.perf_counter() - begun > SECONDS:
            break
        start = time.perf_counter()
        for first in range(0, len(some), batch):
            search(some[first : first + batch])
        least = min(least, time.perf_counter() - start)
    return len(some) / least


def recall(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    """Return the share of the truly nearest that was found."""
    return float(np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(found, true, strict=True)]))


def measured(search: Callable[[F32], NDArray[np.int64]], queries: F32, true: Any) -> dict[str, float]:
    """Measure one way to search."""
    found = recall(search(queries), true)
    figures = {"recall@10": found, "q/s 1": rate(search, queries, 1), "q/s 256": rate(search, queries, 256)}
    tell("  " + " · ".join(f"{name} {value:,.3f}" for name, value in figures.items()))
    return figures


def ours(kind: Any, folder: Path, vectors: F32, queries: F32, true: Any) -> dict[str, Any]:
    """Build and search our index."""
    settings = dense.Settings(search=kind, template="{label}", sample=0)
    out = folder / kind
    tell(f"{kind}: building")
    made = dense.build(folder / "kb", out, settings=settings, encoder=Given(vectors))
    index = dense.open_index(out, encoder=Given(vectors))
    tell(f"{kind}: searching")
    sizes = {file.path: file.bytes / 1e6 for table in made.tables.values() for file in table.files}
    found = measured(
        lambda some: index.search_vectors(some, K).eid.astype(np.int64).reshape(-1, K), queries, true
    )
    times = {"build s": made.resources["stages"]["search"], "MB": sizes["index.faiss"]}
    return {"kind": kind, "who": "kbtools", **times, "raw MB": sizes["vectors.npy"], **found}


def theirs(kind: Any, folder: Path, vectors: F32, queries: F32, true: Any, *, build: bool) -> dict[str, Any]:
    """Search with faiss alone: in our structure read into memory, or in one that it builds."""
    lists, seconds = faiss_index.lists_for(len(vectors), dense.Settings()), float("nan")
    words = {
        "flat": "Flat",
        "hnsw": f"HNSW{dense.Settings().links}",
        "ivf-sq8": f"IVF{lists},SQ8",
        "ivf-pq": f"IVF{lists},PQ{vectors.shape[1] // 8},RFlat",
    }
    path = folder / kind / faiss_index.FILE
    if build:
        tell(f"{kind}: building with faiss alone")
        index, seconds = built(words[kind], vectors)
        path = folder / "bare.faiss"
        faiss.write_index(index, str(path))
    else:
        index = faiss.read_index(str(path))
        if kind == "ivf-pq":
            kept = index
            index = faiss.IndexRefineFlat(kept, faiss.swig_ptr(vectors))
    inner = faiss.downcast_index(index.base_index) if kind == "ivf-pq" else index
    faiss_index.tune(inner, dense.Settings())
    if kind == "ivf-pq":
        index.k_factor = dense.Settings().rerank / K
    tell(f"{kind}: searching with faiss alone")
    found = measured(lambda some: index.search(some, K)[1], queries, true)
    size = path.stat().st_size / 1e6
    return {"kind": kind, "who": words[kind], "build s": seconds, "MB": size, "raw MB": 0.0, **found}


def built(words: str, vectors: F32) -> tuple[Any, float]:
    """Build with faiss alone; return the seconds, too."""
    index = faiss.index_factory(vectors.shape[1], words, faiss.METRIC_INNER_PRODUCT)
    start = time.perf_counter()
    if words.startswith("HNSW"):
        index.hnsw.efConstruction = dense.Settings().ef_construction
    index.train(vectors)
    index.add(vectors)
    return index, time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--build-both", action="store_true", help="build with faiss alone, too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"--kinds: {', '.join(sorted(unknown))} is none of {', '.join(KINDS)}")
    faiss.omp_set_num_threads(1)
    tell("drawing vectors")
    drawn = make(options.rows + 1000, options.dim)
    vectors, queries = drawn[: options.rows], drawn[options.rows :]
    tell("comparing queries with all vectors")
    true = faiss.knn(queries, vectors, K, metric=faiss.METRIC_INNER_PRODUCT)[1]
    results = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        tell("writing a knowledge base")
        knowledge_base(folder, options.rows)
        for kind in kinds:
            mine = ours(kind, folder, vectors, queries, true)
            bare = theirs(kind, folder, vectors, queries, true, build=options.build_both)
            mine |= {f"ratio {batch}": mine[f"q/s {batch}"] / bare[f"q/s {batch}"] for batch in (1, 256)}
            results += [mine, bare]
    machine = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rows": options.rows,
        "dim": options.dim,
        **{name: version(name) for name in ("kbtools", "faiss-cpu", "numpy")},
    }
    if options.json:
        print(json.dumps({"machine": machine, "results": results}))
        return
    print(" · ".join(f"{name} {value}" for name, value in machine.items()))
    columns = ("build s", "MB", "raw MB", "q/s 1", "q/s 256", "recall@10")
    print(
        f"{'kind':<9}{'who':<22}"
        + "".join(f"{name:>11}" for name in columns)
        + f"{'x faiss 1':>11}{'256':>6}"
    )
    for row in results:
        figures = "".join(
            f"{row[name]:>11,.3f}" if name == "recall@10" else f"{row[name]:>11,.0f}".replace("nan", "  –")
            for name in columns
        )
        ratios = f"{row['ratio 1']:>11.2f}{row['ratio 256']:>6.2f}" if "ratio 1" in row else ""
        print(f"{row['kind']:<9}{row['who']:<22}{figures}{ratios}")


if __name__ == "__main__":
    main()
