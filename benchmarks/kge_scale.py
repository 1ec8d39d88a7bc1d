"""What a step costs when graphs grow, and how near it comes to a plain copy of the rows it moves.

    python benchmarks/kge_scale.py [--kb FB15k-237 WN18RR] [--quick] [--model transe] [-o NAME=VALUE] [--json]

Graphs are made up: 10 thousand, 100 thousand and 1 million entities, each in 8 triples on average, entities
and relations as unevenly frequent as words; 200 dimensions. With --kb, knowledge bases too (`kbtools ingest
linkprediction` makes them). All are set up first; then each makes some steps, turn by turn, batches included.
`µs a positive` is the median over turns; `of the first` is the median over rounds of (time / time of the
smallest graph), with quartiles. `laid out`: µs a positive before the first step of an epoch.

Traffic: the distinct entity rows of a step and what the optimiser keeps of them, each read and written once.
`copy` moves the very same rows by `index_select` and `index_copy_`, in its own turn; `of copy` is the GB/s of
training beside it. `whole` is what a clone of as many bytes, one after the other, would reach.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import bare_embedding
import torch
from bare_embedding import of, skewed
from tables import show
from taking_turns import quartiles
from torch import Tensor

from kbtools.models.ahead import ahead
from kbtools.models.kge import graph as graphs
from kbtools.models.kge import recipes, sampling
from kbtools.models.kge.graph import Graph
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.sampling import Batch
from kbtools.models.kge.stepping import Held

SIZES = (10_000, 100_000, 1_000_000)
DEGREE, RELATIONS = 8, 50
STEPS, ROUNDS = 20, 15  # of a turn; turns, after one to warm up


class Steps:
    """Training of a graph, step by step."""

    def __init__(self, recipe: Recipe, graph: Graph, folder: Path) -> None:
        self.recipe, self.graph = recipe, graph
        self.trainer = bare_embedding.trainer(recipe, graph, folder)
        parts = self.trainer.store.hold([0])
        self.part, self.held = parts[0], Held(parts, self.trainer.store.edges)
        self.pools = sampling.pools((0, 0), self.trainer.store.edges)
        self.batches = self._batches()
        self.took: list[dict[str, float]] = []
        self.copied: list[float] = []
        begun = time.perf_counter()
        first = next(self._blocks(0))
        self.laid = (time.perf_counter() - begun) / max(len(graph.train), 1)
        self.asked = [self._rows(batch) for batch in first[:STEPS]]
        self.positives = statistics.mean(batch.triples for batch in first[:STEPS])
        self.block = len(first)

    def _blocks(self, epoch: int) -> Iterator[list[Batch]]:
        return self.trainer.sampler.epoch(self.graph.train, epoch, (0, 0), self.pools)

    def _batches(self) -> Iterator[Batch]:
        for epoch in count():
            for block in ahead(self._blocks(epoch)):
                yield from block

    def _rows(self, batch: Batch) -> Tensor:
        asked = (batch.anchor, batch.answer, batch.candidates)
        return torch.unique(torch.cat([one.flatten() for one in asked if one is not None]))

    def train(self, steps: int) -> None:
        """Make some steps, and note their time."""
        wall, cpu, done = time.perf_counter(), time.process_time(), 0
        for batch in islice(self.batches, steps):
            self.trainer.stepper(self.held, batch, 1.0)
            done += batch.triples
        self.took.append(
            {"seconds": (time.perf_counter() - wall) / done, "cpu": (time.process_time() - cpu) / done}
        )

    def copy(self) -> None:
        """Move the rows of some steps, as they are; note the time of one."""
        tables = [self.part.weights.detach(), *self.part.state.values()]
        wall = time.perf_counter()
        for rows in self.asked:
            for table in tables:
                table.index_copy_(0, rows, table.index_select(0, rows))
        self.copied.append((time.perf_counter() - wall) / len(self.asked))

    @property
    def bytes(self) -> float:
        """Count what a step must read and write."""
        row = sum(one[0].nbytes for one in (self.part.weights, *self.part.state.values()))
        return 2 * row * statistics.mean(len(rows) for rows in self.asked)


def whole(size: float) -> float:
    """Return the GB/s of copying a tensor, read and written; the best of some times."""
    table, into = torch.ones(int(size) // 4), torch.empty(int(size) // 4)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        into.copy_(table)
        times.append(time.perf_counter() - begun)
    return 2 * size / min(times) / 1e9


def told(name: str, case: Steps, base: Steps) -> dict[str, Any]:
    """Make a row of a table."""
    seconds = statistics.median(turn["seconds"] for turn in case.took)
    cpu = statistics.median(turn["cpu"] for turn in case.took)
    low, middle, high = quartiles(case.took, base.took, "seconds")
    copied = statistics.median(case.copied)
    rate, bare = case.bytes / (seconds * case.positives) / 1e9, case.bytes / copied / 1e9
    return {
        "graph": name, "entities": f"{case.graph.rows:,}", "triples": f"{len(case.graph.train):,}",
        "positives/s": round(1 / seconds), "µs a positive": round(1e6 * seconds, 2),
        "ms a step": round(1e3 * seconds * case.positives, 2),
        "of the first": round(middle, 2), "quartiles": f"{low:.2f}-{high:.2f}",
        "cpu": round(cpu / statistics.median(turn["cpu"] for turn in base.took), 2),
        "laid out": round(1e6 * case.laid, 2), "rows a step": round(statistics.mean(map(len, case.asked))),
        "GB/s": round(rate, 2), "copy GB/s": round(bare, 2), "of copy": round(rate / bare, 3),
    }  # fmt: skip


def cases(asked: argparse.Namespace, recipe: Recipe, folder: Path) -> dict[str, Steps]:
    """Set everything up."""
    found = {}
    for size in SIZES[: 2 if asked.quick else 3]:
        graph = of(skewed(size, DEGREE, RELATIONS), size, RELATIONS)
        found[f"made up, {size:,}"] = Steps(recipe, graph, folder / str(size))
    for at, kb in enumerate(asked.kb):
        place = folder / f"kb{at}"
        graph = graphs.read(graphs.opened([kb]), recipe.triples, place / "graph", shuffled=None, seed=0)
        found[kb.name] = Steps(recipe, graph, place)
    return found


def main() -> None:
    """Measure all cases; print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kb", type=Path, nargs="*", default=[], help="knowledge bases")
    parser.add_argument("--model", default="transe", help="a recipe")
    parser.add_argument("-o", dest="overrides", action="append", default=[], help="a setting of it")
    parser.add_argument("--dim", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="no graph of a million, few turns")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    recipe = recipes.load(asked.model, [f"dim={asked.dim}", *asked.overrides])
    with tempfile.TemporaryDirectory() as passing:
        made = cases(asked, recipe, Path(passing))
        for number in range((5 if asked.quick else ROUNDS) + 1):
            for case in made.values():
                case.train(STEPS)
                case.copy()
                if not number:  # that was to warm up
                    case.took.clear()
                    case.copied.clear()
        first = next(iter(made.values()))
        rows = [told(name, case, first) for name, case in made.items()]
    head = f"{bare_embedding.about()}, {asked.threads} threads; {asked.model}, dim {asked.dim}, "
    head += f"batch {recipe.batch}, {recipe.negatives.number} negatives shared by {recipe.negatives.share}, "
    head += f"{recipe.optimiser.kind}; a plain copy of 64 MB: {whole(1 << 26):.1f} GB/s"
    if asked.json:
        print(json.dumps({"about": head, "rows": rows}))
        return
    show(head, rows)


if __name__ == "__main__":
    main()
