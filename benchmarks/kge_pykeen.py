"""Compare training of entity vectors with PyKEEN's, side by side in one run: positives a second, and MRR.

    python -m venv peers && peers/bin/pip install pykeen==1.11.1
    python benchmarks/kge_pykeen.py --umls UMLS --pykeen peers/bin/python [--quick] [--threads 1] [--json]

UMLS is a folder with train.txt, valid.txt and test.txt; without it there is only the other graph, one as
large as Kinships, made up (104 entities, 25 relations, 8,544 triples to learn). Sides:

- `pykeen`: its SLCWATrainingLoop with Adam, 16 negatives for each positive, 64 dimensions, 256 a batch;
- `kbtools, equal`: the same scorer (PyKEEN keeps TransE's entities on the unit sphere), loss, rate, batch,
  and 16 negatives of its own for each positive; known triples among them are left out, which PyKEEN can do,
  too, and does not unless it is told;
- `kbtools, own`: kbtools' recipe of that name as it is, but for 64 dimensions.

Each is a process with so many threads, which trains some epochs when it is its turn; seconds are those of
training alone. A ratio is the median over rounds of (seconds of PyKEEN / seconds), with its quartiles; `cpu`
is the same of processor time, which tells more on a machine that others use. MRR: filtered, ties in the
middle, heads and tails of the test split, after equally many epochs; the mean over seeds, and the least.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bare_embedding
from tables import show
from taking_turns import Side, quartiles

HERE = Path(__file__).parent
DIM, NEGATIVES, BATCH = 64, 16, 256
PEER, EQUAL, OWN = "pykeen", "kbtools, equal", "kbtools, own"
TURN = 5  # epochs
NSSA = {"loss": "nssa", "of_loss": {"margin": 9.0, "adversarial_temperature": 1.0}}
SOFTPLUS = {"loss": "softplus", "of_loss": {}}
ADVERSARIAL = ["loss.kind=adversarial", "loss.temperature=1.0"]
MODELS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "transe": (
        {"model": "TransE", "lr": 0.01, **NSSA},
        [*ADVERSARIAL, "scorer.gamma=9.0", "scorer.norm=1", "scorer.unit=true"],
    ),
    "rotate": ({"model": "RotatE", "lr": 0.01, **NSSA}, [*ADVERSARIAL, "scorer.gamma=9.0"]),
    "complex": ({"model": "ComplEx", "lr": 0.01, **SOFTPLUS}, ["loss.kind=logistic"]),
    "distmult": ({"model": "DistMult", "lr": 0.01, **SOFTPLUS}, ["loss.kind=logistic"]),
}
NEEDS = f"""{sys.executable} has no pykeen. Install it beside, and name the Python that has it:
    python -m venv peers && peers/bin/pip install pykeen==1.11.1    and then: --pykeen peers/bin/python"""

Rounds = dict[str, list[dict[str, float]]]  # what turns took


def sides(name: str, splits: Path, seed: int, threads: int) -> dict[str, dict[str, Any]]:
    """Say what each side is told."""
    theirs, equal = MODELS[name]
    told = {"splits": str(splits), "threads": threads}
    same = [
        f"dim={DIM}", f"batch={BATCH}", f"negatives.number={NEGATIVES}", "negatives.share=1",
        "negatives.corrupt=random", "negatives.inside=false", "reciprocal=false",
        "optimiser.kind=adam", f"optimiser.lr={theirs['lr']}", "regulariser.weight=0", *equal,
    ]  # fmt: skip
    sizes = {"dim": DIM, "batch": BATCH, "negatives": NEGATIVES}
    return {
        PEER: {**told, **theirs, **sizes, "seed": seed},
        EQUAL: {**told, "recipe": name, "overrides": [*same, f"seed={seed}"]},
        OWN: {**told, "recipe": name, "overrides": [f"dim={DIM}", f"seed={seed}"]},
    }


def measure(
    name: str, splits: Path, seed: int, asked: argparse.Namespace, folder: Path
) -> tuple[Rounds, dict[str, float], dict[str, Any]]:
    """Let all sides train as many epochs, turn by turn; then each ranks."""
    rounds: Rounds = {}
    with ExitStack() as stack:
        running = {}
        for which, told in sides(name, splits, seed, asked.threads).items():
            python, script = asked.pykeen, "pykeen_training.py"
            if which != PEER:
                python, script = sys.executable, "bare_embedding.py"
            place = folder / f"{splits.name}-{name}-{seed}-{which}"
            running[which] = stack.enter_context(Side(python, HERE / script, told, place))
        names = [*running]
        for number in range(asked.epochs // TURN):
            for at in range(len(names)):
                which = names[(at + number) % len(names)]
                rounds.setdefault(which, []).append(running[which].ask(TURN))
        quality = {which: side.ask("rank")["mrr"] for which, side in running.items()}
        return {which: found[1:] for which, found in rounds.items()}, quality, running[PEER].versions


def told(
    graph: str, name: str, triples: int, rounds: Rounds, quality: dict[str, list[float]]
) -> list[dict[str, Any]]:
    """Make rows of a table."""
    table = []
    for which, found in rounds.items():
        seconds = statistics.median(turn["seconds"] for turn in found)
        row = {
            "graph": graph, "model": name, "side": which,
            "positives/s": round(triples * TURN / seconds), "times": "", "quartiles": "", "cpu": "",
            "MRR": f"{statistics.mean(quality[which]):.3f}", "least": f"{min(quality[which]):.3f}",
        }  # fmt: skip
        if which != PEER:
            low, middle, high = quartiles(rounds[PEER], found, "seconds")
            row["times"], row["quartiles"] = round(middle, 2), f"{low:.2f}-{high:.2f}"
            row["cpu"] = round(quartiles(rounds[PEER], found, "cpu")[1], 2)
        table.append(row)
    return table


def graphs(asked: argparse.Namespace, folder: Path) -> dict[str, Path]:
    """Say where the graphs are."""
    made = folder / "kinships-like"
    bare_embedding.kinships(made)
    return {**({"umls": asked.umls} if asked.umls else {}), "kinships-like": made}


def options() -> argparse.Namespace:
    """Read what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--umls", type=Path, help="a folder of train.txt, valid.txt and test.txt")
    parser.add_argument("--pykeen", default=sys.executable, help="a Python that has pykeen")
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs: MRR says little then")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of each side")
    parser.add_argument("--models", default="transe,rotate", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.quick:
        asked.epochs, asked.seeds = 4 * TURN, 1
    if asked.epochs < 2 * TURN:
        parser.error(f"--epochs: {2 * TURN} at least; the first {TURN} are not timed")
    if asked.pykeen == sys.executable and importlib.util.find_spec("pykeen") is None:
        parser.error(NEEDS)
    return asked


def main() -> None:
    """Measure all cases; print a table."""
    asked = options()
    table, versions = [], {}
    with tempfile.TemporaryDirectory() as passing:
        for graph, splits in graphs(asked, Path(passing)).items():
            triples = len((splits / "train.txt").read_text(encoding="utf-8").splitlines())
            for name in asked.models.split(","):
                rounds: Rounds = {}
                quality: dict[str, list[float]] = {}
                for seed in range(asked.seeds):
                    found, ranked, versions = measure(name, splits, seed, asked, Path(passing))
                    for which in found:
                        rounds.setdefault(which, []).extend(found[which])
                        quality.setdefault(which, []).append(ranked[which])
                table += told(graph, name, triples, rounds, quality)
    head = f"{bare_embedding.about()}, {asked.threads} threads a side, PyKEEN {versions['pykeen']}"
    head += f" (torch {versions['torch']}), {asked.epochs} epochs, {asked.seeds} seeds"
    if asked.json:
        print(json.dumps({"about": head, "rows": table}))
        return
    show(head, table)


if __name__ == "__main__":
    main()
