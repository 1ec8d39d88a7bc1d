"""Arms of an experiment, trained with the same seeds, and what their differences are.

An arm is a name and a function (world, folder, seed) → measures. All arms of a seed have the same world,
steps, order of examples and first weights, so differences are paired by seed. Intervals are Student's, of
the seeds.

Rates, steps and sizes were chosen on dev of seeds 0 and 1. What is reported is of others, from seed 2 on
(`--first-seed`), and nothing was changed once these had been seen. (K-BERT alone had been seen on seed 2,
with 120 steps, too few on seeds 1 and 2, before it got 300.)
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables import show
from kbtools import runs
from kbtools.models import train

Arm = Callable[[Any, Path, int], dict[str, float]]
QUANTILES = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
)  # Student's, 97.5 %, by seeds − 1
NONE, TRUE, REDRAWN = "none", "true", "redrawn"
CONTROLS = (NONE, TRUE, "permuted", REDRAWN, "random", "wrong", "swap")
ARMS = (*CONTROLS, "bert_text", "bert_longer")
CHOSEN_ON = 2  # seeds, 0 and 1
SHARE = 0.2  # of the gain, within which redrawn is to be none


def encoder(layers: int = 2) -> str:
    """Write the part of a recipe that all experiments share."""
    return f"""[model.text]
model_type = "bert"
hidden_size = 48
num_hidden_layers = {layers}
num_attention_heads = 4
intermediate_size = 96
hidden_dropout_prob = 0.0
attention_probs_dropout_prob = 0.0
max_position_embeddings = 64
type_vocab_size = 2
initializer_range = 0.1  # so narrow an encoder learns slowly from smaller weights
"""


def asked(about: str, arms: Sequence[str], *, steps: int) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="runs of each arm")
    parser.add_argument(
        "--first-seed", type=int, default=CHOSEN_ON, help="below 2: settings were chosen on them"
    )
    parser.add_argument("--steps", type=int, default=steps, help="of training")
    parser.add_argument("--arms", default=",".join(arms), help=f"of {', '.join(arms)}")
    parser.add_argument("--work", type=Path, default=None, help="a folder to be kept")
    found = parser.parse_args()
    found.arms = found.arms.split(",")
    if unknown := set(found.arms) - set(arms):
        parser.error(f"no arm {', '.join(sorted(unknown))}; there are {', '.join(arms)}")
    return found


def run(
    title: str,
    prepare: Callable[[Path, int], Any],
    arms: Mapping[str, Arm],
    told: argparse.Namespace,
) -> None:
    """Train all arms with all seeds, and print what was found."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in told.arms}
    seeds = range(told.first_seed, told.first_seed + told.seeds)
    with tempfile.TemporaryDirectory(prefix="kbtools-knowledge-") as room:
        for seed in seeds:
            folder = (told.work or Path(room)) / f"seed-{seed}"
            folder.mkdir(parents=True)
            world = prepare(folder, seed)
            for name in told.arms:
                begun = time.perf_counter()
                measures = arms[name](world, folder / name, seed)
                measures["seconds"] = time.perf_counter() - begun
                found[name].append(measures)
                print(f"# seed {seed} {name}:", _plain(measures), flush=True)
    for measure in [one for one in found[told.arms[0]][0] if one != "seconds"]:
        report(f"{title}: {measure}, seeds {seeds[0]} to {seeds[-1]}, {told.steps} steps", measure, found)


def report(head: str, measure: str, found: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Print one measure of all arms as a table, and whether redrawn entities are worth nothing."""
    values = {name: [one[measure] for one in every if measure in one] for name, every in found.items()}
    values = {name: every for name, every in values.items() if every}
    base = values.get(NONE)
    gain = mean(values[TRUE]) - mean(base) if base and TRUE in values else math.nan
    rows = []
    for name, every in values.items():
        row = {"arm": name, measure: spread(every)}
        if base and name != NONE and len(every) == len(base):
            row["above none"] = difference(every, base)
            row["share of the gain"] = f"{(mean(every) - mean(base)) / gain:.2f}" if gain else ""
        if TRUE in values and name != TRUE and len(every) == len(values[TRUE]):
            row["below true"] = difference(values[TRUE], every)
        row["s a run"] = f"{mean([one['seconds'] for one in found[name]]):.1f}"
        rows.append(row)
    print()
    show(head, rows)
    if base and REDRAWN in values and not math.isnan(gain):
        gap = (mean(values[REDRAWN]) - mean(base)) / gain if gain else math.nan
        verdict = "as it should be" if abs(gap) <= SHARE else "NOT as it should be"
        print(f"\nredrawn is {gap:+.2f} of the gain away from none (at most ±{SHARE}): {verdict}")


def trained(
    recipe: Path,
    out: Path,
    shards: Path | Sequence[str],
    *,
    seed: int,
    overrides: Sequence[str] = (),
    **more: Any,
) -> dict[str, float]:
    """Train a model, and return what was last seen of dev."""
    paths = [shards] if isinstance(shards, Path) else [*shards]
    train(
        recipe, out, shards=paths, seed=seed, quiet=True,
        overrides=["run.dev_batches=0", "run.log=1000", *overrides], **more,
    )  # fmt: skip
    looks = [line["dev"] for line in runs.read(out / "metrics.jsonl") if "dev" in line]
    found: dict[str, float] = looks[-1]
    return found


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return statistics.fmean(values)


def spread(values: Sequence[float]) -> str:
    """Write mean and deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return f"{mean(values):.3f} ± {deviation:.3f}" if len(values) > 1 else f"{mean(values):.3f}"


def difference(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Write the mean of paired differences, and its interval."""
    gaps = [one - other for one, other in zip(ours, theirs, strict=True)]
    if len(gaps) < 2:
        return f"{mean(gaps):+.3f}"
    half = QUANTILES[min(len(gaps) - 2, len(QUANTILES) - 1)] * statistics.stdev(gaps) / math.sqrt(len(gaps))
    return f"{mean(gaps):+.3f} ({mean(gaps) - half:+.3f} to {mean(gaps) + half:+.3f})"


def _plain(measures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in measures.items())
