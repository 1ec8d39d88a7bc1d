"""Does KEPLER find links of entities that it has never seen? It must, or the model is wrong.

    python benchmarks/kepler_inductive.py [--seeds 5] [--steps 300] [--threads 1]

Lands are a colour and an animal; of each there is a city, a river, a farmer and a tongue, and each of these
has words of its own for both: a land is red where its city is red-city. No text has words of two kinds, so
which words belong together is told by triples alone. Training sees two thirds of the lands; links are ranked
among the entities of the others, whose texts are new, though their words are not.

With --shared all kinds have the same words: what is linked then looks alike, and no training is needed.

| row        | vectors of unseen entities                                          | relations           |
|------------|---------------------------------------------------------------------|---------------------|
| kepler     | trained on text and triples                                         | learned             |
| permuted   | the same, trained on descriptions that other entities have          | learned             |
| untrained  | the encoder before its first step                                   | mean of tail − head |
| text only  | the encoder after as many steps of masked tokens                    | mean of tail − head |
| words      | mean of word vectors (`sgns` of the descriptions)                   | mean of tail − head |
| random     | drawn                                                               | mean of tail − head |
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tables import show
from kbtools import api, vectors
from kbtools.kb.reader import Kb
from kbtools.models.embeddings import embed
from kbtools.models.kge.evaluation import Evaluation
from kbtools.models.training.stage import train
from kbtools.tasks.linkprediction import Settings

COLOURS = ("red", "blue", "green", "white", "black", "brown")
ANIMALS = ("wolves", "bears", "foxes", "crows", "toads", "deer")
KINDS = {"city": "lies in", "river": "flows through", "farmer": "lives in", "tongue": "spoken in"}
BESIDE = "flows by"
PAIRS = [*product(COLOURS, ANIMALS)]
MEASURES = ("MRR", "Hits@1", "Hits@3", "Hits@10")
RECIPE = (
    "run.batch=16",
    "run.evaluate=0",
    "objectives.kepler.negatives=1",
    "objectives.kepler.in_batch=true",
)


MAP = """
[[entities]]
file = "entities.tsv"
id = "id"
description = "text"
[[triples]]
file = "links.tsv"
head = "head"
relation = "relation"
tail = "tail"
"""


def main() -> None:
    """Run all rows for all seeds, and print their means."""
    parser = argparse.ArgumentParser(description="KEPLER on unseen entities")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--shared", action="store_true", help="all kinds have the same words")
    parser.add_argument("--threads", type=int, default=1)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    begun, found = time.perf_counter(), dict[str, list[dict[str, float]]]()
    for seed in range(told.seeds):
        with tempfile.TemporaryDirectory(prefix="kbtools-kepler-") as room:
            for name, measures in _seed(Path(room), seed, told.steps, told.shared):
                found.setdefault(name, []).append(measures)
    rows = [
        {"vectors": name} | {one: _told([each[one] for each in all_]) for one in MEASURES}
        for name, all_ in found.items()
    ]
    rows += [
        {"vectors": f"kepler − {name}", "MRR": _told(_apart(found["kepler"], all_))}
        for name, all_ in found.items() if name != "kepler"
    ]  # fmt: skip
    seconds = time.perf_counter() - begun
    show(
        f"Links of unseen entities, both sides, filtered: mean ± sd, {told.seeds} seeds, {told.steps} steps; "
        f"60 candidates; {'shared words' if told.shared else 'words of each kind'}; Euclidean, γ = 4, "
        f"one negative a side and those of the batch; {seconds:.0f} s",
        rows,
    )  # fmt: skip


def _apart(one: list[dict[str, float]], other: list[dict[str, float]]) -> list[float]:
    return [a["MRR"] - b["MRR"] for a, b in zip(one, other, strict=True)]


def _told(values: Sequence[float]) -> str:
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {sd:.3f}"


def _seed(room: Path, seed: int, steps: int, shared: bool) -> Any:
    """Yield the measures of each row for one seed, which settles who is unseen, too."""
    draw = np.random.default_rng(seed)
    order = [PAIRS[at] for at in draw.permutation(len(PAIRS))]
    texts = [one for pair in order[12:] for one in _texts(pair, shared)]
    corpus = room / "corpus.jsonl"
    corpus.write_text(
        "".join(json.dumps({"id": str(at), "text": one}) + "\n" for at, one in enumerate(texts))
    )
    words = room / "tokenizer"
    words.mkdir()
    known = dict.fromkeys(word for one in [*texts, *KINDS.values(), BESIDE] for word in one.split())
    (words / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *known]) + "\n")
    seen, unseen = _kb(room, "seen", order[12:], shared), _kb(room, "unseen", order[:12], shared)
    permuted = _kb(room, "permuted", order[12:], shared, shuffled=draw)
    text = _shards(corpus, room / "text", words)
    runs = {}
    for name, kb, more in (
        ("kepler", seen, ()),
        ("permuted", permuted, ()),
        ("untrained", seen, ("run.steps=1", "optimiser.lr=1e-12")),
        ("text only", seen, ('stages=[{name="text",tasks={text=1},objectives=["mlm"]}]',)),
    ):
        triples = _shards(kb, room / f"triples-{name}", words)
        told = [*RECIPE, f"run.steps={steps}", f"run.seed={seed}", *more]
        runs[name] = room / f"run-{name}"
        train(
            "kepler.tiny",
            shards=[f"text={text}", f"triples={triples}"],
            out=runs[name],
            overrides=told,
            quiet=True,
        )
    for name in ("kepler", "permuted"):
        embed(unseen, room / f"v-{name}", model=f"kepler:{runs[name]}", quiet=True)
        yield name, _measures(room / f"v-{name}", unseen)
    for name in ("untrained", "text only"):
        for kb in (seen, unseen):
            embed(kb, room / f"{kb.name}-{name}", model=f"kepler:{runs[name]}", quiet=True)
        yield name, _moved(room, name, seen, unseen)
    told = ["dim=64", "epochs=20", "least=1"]
    embed(corpus, room / "sgns", model="sgns", overrides=told, seed=seed, quiet=True)
    for kb in (seen, unseen):
        given = [f"words={room / 'sgns'}", 'fields=["description"]']
        embed(kb, room / f"{kb.name}-words", model="description", overrides=given, quiet=True)
    yield "words", _moved(room, "words", seen, unseen)
    for kb in (seen, unseen):
        many = Kb(kb).rows("entities")
        drawn = draw.normal(size=(many, 64)).astype(np.float32)
        vectors.write(room / f"{kb.name}-random", [*range(many)], drawn, kb=kb)
    yield "random", _moved(room, "random", seen, unseen)


def _texts(pair: tuple[str, str], shared: bool) -> list[str]:
    """Tell of a land and what is in it."""
    ends = ["" if shared else kind for kind in ("", *KINDS)]
    of = [" ".join(f"{word}{end}" for word in pair) for end in ends]
    return [
        f"the land of {of[0]}",
        *(f"a {kind} in the land of {one}" for kind, one in zip(KINDS, of[1:], strict=True)),
    ]


def _kb(room: Path, name: str, pairs: Sequence[tuple[str, str]], shared: bool, shuffled: Any = None) -> Path:
    """Ingest entities with their descriptions, and links; `shuffled` gives each the text of another."""
    folder = room / f"{name}-tables"
    folder.mkdir()
    ids = [f"{'-'.join(pair)}-{at}" for pair in pairs for at in range(5)]
    texts = [one for pair in pairs for one in _texts(pair, shared)]
    if shuffled is not None:
        texts = [texts[at] for at in shuffled.permutation(len(texts))]
    told = zip(ids, texts, strict=True)
    (folder / "entities.tsv").write_text("id\ttext\n" + "".join(f"{one}\t{text}\n" for one, text in told))
    (folder / "map.toml").write_text(MAP)
    links = []
    for pair in pairs:
        land, *others = (f"{'-'.join(pair)}-{at}" for at in range(5))
        links += [(one, by, land) for one, by in zip(others, KINDS.values(), strict=True)]
        links.append((others[1], BESIDE, others[0]))
    lines = ["\t".join(link) + "\n" for link in links]
    (folder / "links.tsv").write_text("head\trelation\ttail\n" + "".join(lines))
    (room / f"{name}.txt").write_text("".join(lines))
    api.ingest(
        "table",
        [folder / "entities.tsv", folder / "links.tsv"],
        room / name,
        name=name,
        overrides=[f"map={folder / 'map.toml'}"],
    )
    return room / name


def _shards(what: Path, out: Path, words: Path) -> Path:
    api.shard(what, out, model="kepler", tokenizer=words, overrides=["max_length=16", "dev=0"])
    return out


def _moved(room: Path, name: str, seen: Path, unseen: Path) -> dict[str, float]:
    """Give relations the mean way from head to tail in training, and rank."""
    one, other = (vectors.Vectors(room / f"{kb.name}-{name}") for kb in (seen, unseen))
    table = np.zeros((Kb(seen).rows("entities"), one.dim), np.float32)
    table[one.eids()] = one.array
    triples = Kb(seen).table("triples", ["head", "relation", "tail"]).to_pandas().to_numpy()
    ways = table[triples[:, 2]] - table[triples[:, 0]]
    means = np.stack([ways[triples[:, 1] == rid].mean(0) for rid in range(triples[:, 1].max() + 1)])
    settings = {"model": "transe", "scorer": {"gamma": 4.0, "norm": 2}}
    out = room / f"moved-{name}"
    vectors.write(
        out, other.eids(), np.array(other.array), kb=unseen, relations={"relations": means}, settings=settings
    )
    return _measures(out, unseen)


def _measures(path: Path, kb: Path) -> dict[str, float]:
    told = Settings(plots=False, map=0, resamples=1)
    found = Evaluation(path, kb.with_suffix(".txt"), kbs=[kb], settings=told).run().measures
    mine = {one.metric: one.value for one in found if one.system == "filtered, realistic" and not one.by}
    return {name: mine[name] for name in MEASURES}


if __name__ == "__main__":
    main()
