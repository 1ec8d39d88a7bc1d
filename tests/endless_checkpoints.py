"""Write checkpoints without end, for a test that kills what does so.

All that is in the checkpoint of a step says the number of the step, so that a mixed one would be seen.
"""

from __future__ import annotations

import itertools

import torch
from safetensors.torch import load_file, save_file

from kbtools.models.training import checkpoints

SIZE = 20_000


def save(run, step, size=SIZE):
    """Write the checkpoint of a step."""

    def model(folder):
        save_file({"weight": torch.full((size,), float(step))}, folder / "model.safetensors")
        (folder / "tokenizer").mkdir()
        (folder / "tokenizer" / "vocab.txt").write_text(str(step))

    tensors = {"optimiser": {"weight/exp_avg": torch.full((size,), float(step))}}
    return checkpoints.write(run, step, model=model, tensors=tensors, state={"said": step})


def said(path):
    """Return what the checkpoint says in each place."""
    found = checkpoints.read(path)
    model = load_file(path / "model.safetensors")["weight"]
    return {
        int(path.name.removeprefix("step-")),
        found.step,
        found.state["said"],
        int((path / "tokenizer" / "vocab.txt").read_text()),
        *model.unique().int().tolist(),
        *found.tensors["optimiser"]["weight/exp_avg"].unique().int().tolist(),
    }


def endless(run):
    """Go on where the last one was; keep two."""
    newest = checkpoints.last(run)
    first = 1 + (checkpoints.read(newest).step if newest else 0)
    for step in itertools.count(first):
        save(run, step)
        checkpoints.tidy(run, 2)
