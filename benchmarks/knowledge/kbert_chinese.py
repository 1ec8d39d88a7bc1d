"""What HowNet is worth to a small K-BERT on three of the data sets that were published with it.

    python -m benchmarks.knowledge.kbert_chinese FOLDER [--seeds 5] [--steps 500] [--arms none,true,...]

FOLDER has `kgs/HowNet.spo` and `datasets/NAME/{train,dev}.tsv` of chnsenticorp, book_review and medical_ner,
as in K-BERT's repository. Trained on train.tsv from new weights, judged on dev.tsv at the last step. `none`
is the same model on the same trees whose branches nobody sees; `redrawn` has facts of somebody else, in each
sentence another.
No sign is expected: a model that begins with nothing has other things to learn first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.knowledge import experiment
from kbtools import api
from kbtools.models import evaluate, train

CLASSES = ("chnsenticorp", "book_review")
NAMES = "medical_ner"
ARMS = ("none", "true", "redrawn")
LENGTH = 64
SETTINGS = (
    "run.batch=32", "run.evaluate=0", "run.log=1000", "optimiser.lr=2e-3", "optimiser.bias_correction=true",
    "model.text.initializer_range=0.1",
)  # fmt: skip


class Made(NamedTuple):
    """What all arms read."""

    data: Path
    kb: Path
    tokenizer: Path
    steps: int


def prepare(data: Path, folder: Path, steps: int) -> Made:
    """Read HowNet; make a tokenizer of characters."""
    api.ingest("spo", [data / "kgs" / "HowNet.spo"], folder / "kb", name="hownet")
    texts = [f"table:{data}/datasets/{name}/train.tsv" for name in (*CLASSES, NAMES)]
    api.build_vocab(texts, folder / "tokenizer", kind="char", size=5000)
    return Made(data, folder / "kb", folder / "tokenizer", steps)


def shards(made: Made, name: str, out: Path, facts: Sequence[str]) -> Path:
    """Grow the trees of a file, `DATA/SPLIT`, and make examples of them."""
    predicate = not name.startswith(NAMES)  # of names the objects alone, as their authors do
    trees = out.with_name(f"{out.name}-trees")
    api.tree(
        f"table:{made.data}/datasets/{name}.tsv", trees, kbs=[made.kb], tokenizer=made.tokenizer,
        lang="zh", max_length=LENGTH, predicate=predicate, overrides=["pieces=first", *facts],
    )  # fmt: skip
    told = [f"max_length={LENGTH}", "dev=0"]
    api.shard(trees, out, model="kbert", tokenizer=made.tokenizer, kbs=[], overrides=told)
    return out


def arm(name: str, made: Made, folder: Path, seed: int) -> dict[str, float]:
    """Train on each data set, and judge."""
    folder.mkdir()
    found = {}
    facts = [f"choice.facts={'true' if name == 'none' else name}", f"choice.seed={seed}"]
    blind = ["model.settings.knowledge=false"] if name == "none" else []
    for data in (*CLASSES, NAMES):
        learnt, asked = (
            shards(made, f"{data}/{split}", folder / f"{data}-{split}", facts) for split in ("train", "dev")
        )
        recipe = "kbert_ner.tiny" if data == NAMES else "kbert.tiny"
        run = folder / f"{data}-run"
        train(
            recipe, run, shards=[learnt], seed=seed, quiet=True,
            overrides=[f"run.steps={made.steps}", *SETTINGS, *blind],
        )  # fmt: skip
        told = evaluate(run, asked, "train", overrides=["resamples=1", "text=false"]).numbers
        key = "tags F1" if data == NAMES else "labels accuracy"
        found[f"{data}, {key.split()[1]}"] = told[key]
    return found


def main() -> None:
    """Train all arms on all data sets."""
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    data = Path(sys.argv.pop(1)).absolute()
    told = experiment.asked(__doc__ or "", ARMS, steps=500)
    arms = {name: (lambda made, folder, seed, name=name: arm(name, made, folder, seed)) for name in told.arms}
    experiment.run("K-BERT with HowNet", lambda folder, _: prepare(data, folder, told.steps), arms, told)


if __name__ == "__main__":
    main()
