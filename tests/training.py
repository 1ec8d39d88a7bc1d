"""Small shards and a small recipe, made once in a session, for whoever trains on them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kbtools import api
from kbtools.models.training import stage
from kbtools.runs import metrics
from tests import tiny_tokenizer

CORPUS = Path(__file__).parents[1] / "data" / "sample" / "corpus"
TINY = (
    "model.text.hidden_size=16", "model.text.num_hidden_layers=2", "model.text.num_attention_heads=2",
    "model.text.intermediate_size=32", "run.batch=4", "run.log=1", "run.evaluate=0", "run.dev_batches=3",
)  # fmt: skip


def shards(model: str = "bert", *settings: str) -> Path:
    """Make shards of the tiny world's English texts unless this session has them; return where they are."""
    return _shards(model, settings or ("max_length=32", "dev=.1"))


@cache
def _shards(model: str, settings: tuple[str, ...]) -> Path:
    out = Path(_room().name) / f"{model}-{len(list(Path(_room().name).iterdir()))}"
    api.shard(
        CORPUS / "en.jsonl", out, model=model, tokenizer=tiny_tokenizer.path(size=1000),
        overrides=settings, workers=1, quiet=True,
    )  # fmt: skip
    return out


@cache
def _room() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="kbtools-shards-", ignore_cleanup_errors=True)


def train(out: Path, *overrides: str, recipe: str | Path = "bert.tiny", **options: Any) -> Path:
    """Train a few steps of the tiny recipe; return the run."""
    given = {"shards": [shards()], "quiet": True, **options}
    stage.train(str(recipe), out, overrides=[*TINY, *overrides], **given)
    return out


def losses(run: Path) -> dict[int, float]:
    """Return the loss of each step that was written down."""
    found = metrics.trained(metrics.read(run / metrics.NAME))
    return {one["step"]: one["loss"] for one in found}
