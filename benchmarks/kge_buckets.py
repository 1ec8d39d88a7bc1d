"""What it costs to train tables that do not fit: partitions on disk, beside everything in memory, in one run.

    python benchmarks/kge_buckets.py [--quick] [--entities 400000] [--model transe] [-o NAME=VALUE] [--json]

The same made-up graph, as unevenly linked as words are frequent, 200 dimensions. `in memory` has one
partition, `in parts` as many as `kbtools embed` takes when --memory is half of what the table needs,
optimiser included: two are held, and one comes. Each is a process; they train an epoch each, turn by turn,
disk included. A ratio is the median over rounds of (seconds in memory / seconds in parts), with quartiles;
`peak MB` is the most that a process ever held: PyTorch, triples and what is known of them, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import bare_embedding
from tables import show
from taking_turns import Side, quartiles

from kbtools.models.kge import partitions, recipes, rows

HERE = Path(__file__).parent
WHOLE, PARTS = "in memory", "in parts"
RELATIONS = 50

Turns = list[dict[str, Any]]


def measure(
    asked: argparse.Namespace, parts: dict[str, int], folder: Path
) -> dict[str, list[dict[str, Any]]]:
    """Let both train by turns; the first turn is not timed."""
    graph = {"entities": asked.entities, "degree": asked.degree, "relations": RELATIONS}
    told = {
        "graph": graph, "recipe": asked.model, "threads": asked.threads,
        "overrides": [f"dim={asked.dim}", *asked.overrides],
    }  # fmt: skip
    script = HERE / "bare_embedding.py"
    found: dict[str, Turns] = {WHOLE: [], PARTS: []}
    with (
        Side(sys.executable, script, {**told, "parts": parts[WHOLE]}, folder / "whole") as whole,
        Side(sys.executable, script, {**told, "parts": parts[PARTS]}, folder / "parts") as some,
    ):
        for number in range(asked.turns + 1):
            order = [(WHOLE, whole), (PARTS, some)]
            for name, side in order[:: 1 if number % 2 else -1]:
                found[name].append(side.ask(1))
    return {name: turns[1:] for name, turns in found.items()}


def main() -> None:
    """Measure; print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entities", type=int, default=400_000)
    parser.add_argument("--degree", type=float, default=8, help="triples an entity is in, on average")
    parser.add_argument("--model", default="transe", help="a recipe")
    parser.add_argument("-o", dest="overrides", action="append", default=[], help="a setting of it")
    parser.add_argument("--dim", type=int, default=200)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a small graph, few turns")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.quick:
        asked.entities, asked.turns = min(asked.entities, 50_000), min(asked.turns, 2)
    recipe = recipes.load(asked.model, [f"dim={asked.dim}", *asked.overrides])
    width = recipes.scorer(recipe).width
    state = rows.make(recipe.optimiser.kind).bytes(width)
    size = asked.entities * (4 * width + state)
    parts = {WHOLE: 1, PARTS: partitions.number(asked.entities, width, state, size // 2)}
    triples = round(asked.entities * asked.degree / 2)
    with tempfile.TemporaryDirectory() as passing:
        found = measure(asked, parts, Path(passing))
    table = []
    for name, turns in found.items():
        low, middle, high = quartiles(found[WHOLE], turns, "seconds")
        table.append({
            "tables": name, "partitions": parts[name],
            "positives/s": round(triples / statistics.median(turn["seconds"] for turn in turns)),
            "of in memory": round(middle, 3), "quartiles": f"{low:.3f}-{high:.3f}",
            "cpu": round(quartiles(found[WHOLE], turns, "cpu")[1], 3),
            "peak MB": round(max(turn["peak MB"] for turn in turns)),
        })  # fmt: skip
    head = f"{bare_embedding.about()}, {asked.threads} threads; {asked.model}, {asked.entities:,} entities, "
    head += (
        f"{triples:,} triples, dim {asked.dim}, {recipe.optimiser.kind}: {size / 2**20:,.0f} MB of tables, "
    )
    head += f"{size / 2**21:,.0f} MB allowed in parts"
    if asked.json:
        print(json.dumps({"about": head, "rows": table}))
        return
    show(head, table)


if __name__ == "__main__":
    main()
