"""Embedding runs of small graphs, some of which stop on the way."""

from __future__ import annotations

from pathlib import Path

from kbtools import artefact
from kbtools.models import embed
from kbtools.models.kge import trainer

SMALL = (
    "dim=6", "epochs=4", "batch=8", "negatives.number=5", "negatives.share=4", "judge.every=1",
    "optimiser.kind=adam", "optimiser.lr=0.1", "loss.kind=adversarial",
)  # fmt: skip
PARTS = ("partitions.number=4",)
LANES = (*PARTS, "partitions.lanes=2")


class Stop(Exception):  # noqa: N818 - no error of kbtools
    """What stands for the end of a process."""


def learned(kb, out: Path, *overrides: str, model: str = "transe", **options) -> Path:
    embed(kb, out, model=model, overrides=[*SMALL, *overrides], quiet=True, **options)
    return out


def told(kb, out, *overrides: str, model: str = "transe", small=SMALL) -> list[str]:
    """Return what comes behind `kbtools`."""
    given = [part for one in (*small, *overrides) for part in ("-o", one)]
    return ["embed", str(kb), "--model", model, "--out", str(out), "--quiet", *given]


def content(out: Path) -> str:
    """Say what is in the tables of a folder, to the bit."""
    return artefact.read(out).content


def training(out: Path) -> Path:
    """Say where checkpoints are, while a run is not done."""
    return out.with_name(f"{out.name}.partial") / "work" / "training"


def often(monkeypatch) -> None:
    """Have a checkpoint written behind every round."""
    monkeypatch.setattr(trainer, "SAVE", -1.0)
    monkeypatch.setattr(trainer, "SHARE", 0.0)


def stops(monkeypatch, owner, name: str, at: int, *, before: bool = False) -> None:
    """Have the call number `at` of something, be the last: what it did is done, or `before` it is not."""
    real, left = getattr(owner, name), [at]

    def counted(*args, **kwargs):
        left[0] -= 1
        if before and not left[0]:
            raise Stop
        found = real(*args, **kwargs)
        if not left[0]:
            raise Stop
        return found

    monkeypatch.setattr(owner, name, counted)
