"""The layout of sentence-embedding models: `modules.json` lists what follows what, a folder each.

    modules.json   [{"path": "", "type": "….Transformer"}, {"path": "1_Pooling", "type": "….Pooling"}, …]

Dense layers and normalising are understood; a model with other modules is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from kbtools.errors import ConfigError

_POOLING = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}
_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "Tanh": nn.Tanh, "Identity": nn.Identity, "ReLU": nn.ReLU, "GELU": nn.GELU, "Sigmoid": nn.Sigmoid,
}  # fmt: skip


@dataclass
class Layout:
    """Where the transformer is, how its tokens become one vector, and what is done to that."""

    transformer: str
    pooling: str = "mean"
    max_length: int | None = None
    after: list[Callable[[Tensor], Tensor]] = field(default_factory=list)


def normalise(vectors: Tensor) -> Tensor:
    """Make vectors of length 1."""
    return nn.functional.normalize(vectors, dim=-1)


def find_layout(folder: Path) -> Layout | None:
    """Read the layout of a folder; None: it is a transformer alone."""
    listed = folder / "modules.json"
    if not listed.is_file():
        return None
    found: Layout | None = None
    for module in _modules(listed):
        kind, path = str(module.get("type", "")).rpartition(".")[2], str(module.get("path", ""))
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise ConfigError(f"{listed}: names a folder outside of the model: {path!r}")
        if kind == "Transformer":
            found = Layout(str(folder / path), max_length=_length(folder / path))
        elif found is None:
            raise ConfigError(f"{listed}: begins with {kind or 'nothing'}, where a Transformer is wanted")
        elif kind == "Pooling":
            found.pooling = _pooling(folder / path)
        elif kind == "Dense":
            found.after.append(_dense(folder / path))
        elif kind == "Normalize":
            found.after.append(normalise)
        elif kind != "Dropout":
            raise ConfigError(f"{listed}: a module of type {kind} is not known here; use another model")
    if found is None:
        raise ConfigError(f"{listed}: lists no Transformer; use another model")
    return found


def _modules(path: Path) -> list[dict[str, Any]]:
    listed = _json(path)
    if not isinstance(listed, list) or not all(isinstance(module, dict) for module in listed):
        raise ConfigError(f"{path}: not a list of modules")
    return listed


def _pooling(folder: Path) -> str:
    told = _settings(folder / "config.json")
    modes = [
        mode.removeprefix("pooling_mode_")
        for mode, on in told.items()
        if mode.startswith("pooling_mode_") and on is True
    ]
    if isinstance(told.get("pooling_mode"), str):  # as later releases write it
        modes = [
            {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}.get(told["pooling_mode"], "?")
        ]
    if len(modes) != 1 or modes[0] not in _POOLING:
        raise ConfigError(
            f"{folder}: pools by {' and '.join(modes) or 'nothing'}; known here: {', '.join(_POOLING)}"
        )
    return _POOLING[modes[0]]


def _dense(folder: Path) -> nn.Module:
    told = _settings(folder / "config.json")
    activation = str(told.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise ConfigError(f"{folder}: activation {activation} is not known here; use another model")
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ConfigError(f"{folder}: no model.safetensors; other weights are not read")
    try:
        layer = nn.Linear(told["in_features"], told["out_features"], bias=told.get("bias", True))
        state = load_file(weights)
        layer.load_state_dict({key.removeprefix("linear."): value for key, value in state.items()})
    except Exception as error:  # safetensors has an error of its own for each way to be damaged
        raise ConfigError(
            f"{weights}: does not fit its config.json: {' '.join(str(error).split())}"
        ) from error
    return nn.Sequential(layer.to(torch.float32), _ACTIVATIONS[activation]()).eval()


def _length(folder: Path) -> int | None:
    told = _settings(folder / "sentence_bert_config.json")
    length = told.get("max_seq_length")
    return length if isinstance(length, int) and length >= 3 else None


def _settings(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    told = _json(file)
    if not isinstance(told, dict):
        raise ConfigError(f"{file}: not a table of settings")
    return told


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from error
