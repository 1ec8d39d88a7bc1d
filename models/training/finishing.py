"""What a finished run says of itself: its manifest, and the lineage that its model carries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools import artefact, config
from kbtools.artefact import Input, Manifest, Table, begin, entry, unite
from kbtools.models.recipe import Recipe
from kbtools.models.training import checkpoints
from kbtools.models.training.preparing import KIND
from kbtools.models.training.recording import CURVES, TENSORBOARD
from kbtools.models.training.running import Training
from kbtools.runs.metrics import NAME, looked, read

MODEL, RECIPE = "model", "recipe.toml"


def lineage(inputs: Sequence[Input]) -> dict[str, Any]:
    """Say in plain data what a model was made from; its card is written from that.

    When a knowledge base was made is known where it still lies: given, or where the shards found it.
    """
    parents = artefact.parents(inputs)
    above = [
        one for parent in parents for one in parent.inputs if one.kind == "kb" and Path(one.path).exists()
    ]
    made = {one.content: one.created for one in [*parents, *artefact.parents(above)] if one.kind == "kb"}
    kbs = {
        one.content: {"name": one.name, "content": one.content} for parent in parents for one in parent.kbs
    }
    licences = unite(licence for parent in parents for licence in parent.licences)
    return {
        "inputs": msgspec.to_builtins(inputs),
        "kbs": [one | ({"date": made[key][:10]} if key in made else {}) for key, one in kbs.items()],
        "licences": msgspec.to_builtins(licences),
    }


def results(folder: Path, step: int | None = None) -> dict[str, float]:
    """Return what was seen on dev at a step, or last."""
    seen = looked(read(folder / NAME)) if (folder / NAME).exists() else []
    told = [one for one in seen if step is None or one["step"] == step][-1:]
    return {
        f"dev {name}": value
        for one in told
        for name, value in one.items()
        if isinstance(value, float) and name != "seconds"
    }


def manifest_of(folder: Path, recipe: Recipe, inputs: list[Input], training: Training) -> Manifest:
    """Return the manifest of a run whose files all lie in `folder`."""
    parents, state = artefact.parents(inputs), training.state
    logs = [folder / name for name in (RECIPE, NAME, CURVES)]
    tables = {
        MODEL: _files(folder / MODEL),
        "checkpoints": _files(folder / checkpoints.FOLDER),
        "log": [path for path in logs if path.exists()] + _files(folder / TENSORBOARD),
    }
    kbs = {one.content: one for parent in parents for one in parent.kbs}
    return begin(
        KIND,
        settings=config.plain(recipe),
        inputs=inputs,
        kbs=list(kbs.values()),
        tables={name: _table(folder, paths) for name, paths in tables.items()},
        counts={"steps": state.step - state.skipped},
        notes={
            "steps": training.total,
            "best": state.best.value,
            "best step": state.best.step,
            "stopped early": bool(state.skipped),
            "processes": training.world.size,
            "device": str(training.world.device),
            "reads": {task: dict(one.settings) for task, one in training.data.shards.items()},
        },
        licences=unite(licence for parent in parents for licence in parent.licences),
        incomplete=any(parent.incomplete for parent in parents),
    )


def _table(folder: Path, paths: Sequence[Path]) -> Table:
    files = [entry(folder, str(path.relative_to(folder))) for path in paths]
    return Table(rows=len(files), files=files, schema="")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
