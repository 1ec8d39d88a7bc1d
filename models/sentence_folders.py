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
from transformers.utils.hub import cached_file

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


def find_layout(name: str) -> Layout | None:
    """Read the layout of a folder or a model of the hub; None: it is a transformer alone."""
    listed = _fetch(name, "modules.json")
    if listed is None:
        return None
    found: Layout | None = None
    for module in _modules(listed):
        kind, path = str(module.get("type", "")).rpartition(".")[2], str(module.get("path", ""))
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise ConfigError(f"{listed}: names a folder outside of the model: {path!r}")
        if kind == "Transformer":
            found = Layout(_below(name, path), max_length=_length(name, path))
        elif found is None:
            raise ConfigError(f"{listed}: begins with {kind or 'nothing'}, where a Transformer is wanted")
        elif kind == "Pooling":
            found.pooling = _pooling(name, path)
        elif kind == "Dense":
            found.after.append(_dense(name, path))
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


def _pooling(name: str, path: str) -> str:
    told = _settings(name, f"{path}/config.json")
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
            f"{name}/{path}: pools by {' and '.join(modes) or 'nothing'}; known here: {', '.join(_POOLING)}"
        )
    return _POOLING[modes[0]]


def _dense(name: str, path: str) -> nn.Module:
    told = _settings(name, f"{path}/config.json")
    activation = str(told.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise ConfigError(f"{name}/{path}: activation {activation} is not known here; use another model")
    weights = _fetch(name, f"{path}/model.safetensors")
    if weights is None:
        raise ConfigError(f"{name}/{path}: no model.safetensors; other weights are not read")
    try:
        layer = nn.Linear(told["in_features"], told["out_features"], bias=told.get("bias", True))
        state = load_file(weights)
        layer.load_state_dict({key.removeprefix("linear."): value for key, value in state.items()})
    except Exception as error:  # safetensors has an error of its own for each way to be damaged
        raise ConfigError(
            f"{weights}: does not fit its config.json: {' '.join(str(error).split())}"
        ) from error
    return nn.Sequential(layer.to(torch.float32), _ACTIVATIONS[activation]()).eval()


def _length(name: str, path: str) -> int | None:
    told = _settings(name, f"{path}/sentence_bert_config.json".lstrip("/"))
    length = told.get("max_seq_length")
    return length if isinstance(length, int) and length >= 3 else None


def _settings(name: str, path: str) -> dict[str, Any]:
    file = _fetch(name, path)
    if file is None:
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


def _below(name: str, path: str) -> str:
    """Return what transformers loads: the model itself, or a folder inside of it."""
    if not path:
        return name
    if Path(name).is_dir():
        return str(Path(name, path))
    config = _fetch(name, f"{path}/config.json")
    if config is None:
        raise ConfigError(f"{name}: has no {path}/config.json; fetch the model and give its folder")
    raise ConfigError(f"{name}: its transformer lies in {path}; fetch the model and give its folder")


def _fetch(name: str, path: str) -> Path | None:
    """Find a file of a model, here or on the hub; None: it has no such file, or there is no such model."""
    if Path(name).is_dir():
        found = Path(name, path)
        return found if found.is_file() else None
    try:
        fetched = cached_file(
            name,
            path,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_connection_errors=False,
        )
    except (OSError, ValueError):  # no such model: said when it is loaded
        return None
    return Path(fetched) if fetched else None
