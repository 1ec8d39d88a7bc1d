"""An untrained KnowBert over the sample's Wikidata, with louder scores, and a slow twin of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from kbtools import api
from kbtools.alias import Alias
from kbtools.models import linking
from kbtools.models.base import KnowledgeModel
from tests import tiny_models, tiny_tokenizer

KB = "wikidata"
SEED = 3  # of scores some of which are above the threshold, and some below


@cache
def room() -> Path:
    """Return a folder with an alias table and two models: one that has a threshold, one that has none."""
    folder = Path(_room().name)
    api.build_alias([tiny_models.base(KB)], folder / "alias")
    for mode in ("threshold", "softmax"):
        made = tiny_models.tiny("knowbert").still()
        drawn = torch.Generator().manual_seed(SEED)
        for name, weight in made.body.kars[KB].linker.score.named_parameters():
            torch.nn.init.normal_(weight, std=0.7 if "weight" in name else 0.1, generator=drawn)
        settings = dict(made.config.settings or {})
        settings["kars"] = {"*": {**settings["kars"]["*"], "mode": mode}}
        made.config.settings = settings
        made.save_pretrained(folder / mode, tokenizer=tiny_tokenizer.path(), card=False)
    plain = tiny_models.tiny("bert").model()
    plain.save_pretrained(folder / "bert", tokenizer=tiny_tokenizer.path(), card=False)
    return folder


def scorer(mode: str = "threshold") -> linking.Scorer:
    """Open a model for the names of `room`."""
    return linking.opened(str(room() / mode), Alias(room() / "alias").kbs)


def psi(mode: str, text: str, mentions: list[tuple[int, int, list[tuple[int, float]]]]) -> list[list[float]]:
    """Run the model on one short text by plain loops; return what it says of each candidate."""
    model = KnowledgeModel.from_pretrained(room() / mode).eval()
    tokenizer = tiny_tokenizer.loaded()
    stream = tokenizer.encode([text], ["en"])
    spans, eids, priors = [], [], []
    most = max(len(candidates) for *_, candidates in mentions)
    for start, end, candidates in mentions:
        inside = [at for at in range(len(stream.ids)) if stream.start[at] < end and stream.end[at] > start]
        spans.append([inside[0] + 1, inside[-1] + 2])  # [CLS] stands before
        total = sum(prior for _, prior in candidates)
        rest = most - len(candidates)
        eids.append([eid for eid, _ in candidates] + [-1] * rest)
        priors.append([prior / total for _, prior in candidates] + [0.0] * rest)
    ids = [tokenizer.special.cls, *stream.ids.tolist(), tokenizer.special.sep]
    batch = {
        "input_ids": torch.tensor([ids]),
        "attention_mask": torch.ones(1, len(ids), dtype=torch.bool),
        f"entities.{KB}.spans": torch.tensor([spans]),
        f"entities.{KB}.eids": torch.tensor([eids]),
        f"entities.{KB}.eids.mask": torch.tensor([eids]) >= 0,
        f"entities.{KB}.priors": torch.tensor([priors]),
    }
    with torch.no_grad():
        found = model(batch).parts["knowbert"][KB].scores[0]
    return [row[: len(candidates)].tolist() for row, (*_, candidates) in zip(found, mentions, strict=True)]


@cache
def _room() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="tiny-linker-")
