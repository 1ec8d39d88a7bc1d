"""Runs made by hand: lines of metrics, and folders as training leaves them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kbtools import artefact
from kbtools.io import tensors

RECIPE = '[model]\nname = "bert"\n[run]\nsteps = 100\n'


def line(step: int, **more: Any) -> dict[str, Any]:
    """A line of training: the loss falls from 10 by a tenth a step."""
    loss = 10.0 - step / 10
    return {
        "step": step,
        "stage": "first" if step <= 50 else "second",
        "seconds": 2.0,
        "lr": {"rest": step / 1e4},
        "loss": loss,
        "mlm.loss": loss,
        "mlm.right": step / 200,
        "tokens": 100,
        "tokens_per_second": 50.0,
        **more,
    }


def lines(*steps: int) -> list[dict[str, Any]]:
    """Lines of training, and a look at dev at each step that 20 divides."""
    found = []
    for step in steps:
        found.append(line(step))
        if step % 20 == 0:
            found.append({"step": step, "dev": {"loss": abs(60 - step) / 10 + 1, "mlm.right": 0.1}})
    return found


def write_lines(path: Path, told: Sequence[dict[str, Any]], rest: str = "") -> Path:
    """Write metrics.jsonl, with something behind its last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in told) + rest)
    return path


def write(out: Path, told: Sequence[dict[str, Any]], *, steps: int = 100, lr: float = 1e-4) -> Path:
    """Write a run as an artefact."""
    with artefact.Staging(out, f"{out.name} {steps}") as staging:
        grown(staging.new, told)
        files = [path for path in sorted(staging.new.rglob("*")) if path.is_file()]
        names = [path.relative_to(staging.new).as_posix() for path in files]
        tables = {
            table: [name for name in names if name.startswith(start) or (not start and "/" not in name)]
            for table, start in (("model", "model/"), ("checkpoints", "checkpoints/"), ("log", ""))
        }
        tables["log"] = [name for name in names if "/" not in name]
        staging.commit(
            artefact.begin(
                "run",
                settings={
                    "model": {"name": "bert"},
                    "run": {"steps": steps},
                    "optimiser": {"lr": lr},
                    "objectives": {"mlm": {}},
                },
                notes={"steps": steps},
                tables={
                    name: artefact.Table(
                        rows=len(found), files=[artefact.entry(staging.new, one) for one in found], schema=""
                    )
                    for name, found in tables.items()
                },
            )
        )
    return out


def grown(folder: Path, told: Sequence[dict[str, Any]]) -> None:
    """Write what a run has, into the folder in which it grows."""
    for name in ("model", "checkpoints/step-40", "checkpoints/step-100"):
        (folder / name).mkdir(parents=True)
        data = tensors.encode({"w": np.zeros((2, 3), np.float32)})
        (folder / name / "model.safetensors").write_bytes(data)
    (folder / "model" / "config.json").write_text('{"model_type": "kbtools"}')
    (folder / "recipe.toml").write_text(RECIPE)
    write_lines(folder / "metrics.jsonl", told)
