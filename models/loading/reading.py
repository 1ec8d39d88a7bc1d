"""Between transformers' way of loading and ours: what is asked for, what is checked before and after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.configuration import ATTENTION, MODEL_TYPE, KnowledgeConfig, read_table
from kbtools.models.loading import folders, safety
from kbtools.models.loading.checkpoints import HEADS, TEXT, Start, own_config
from kbtools.models.parts.heads import base as heads_of
from kbtools.models.parts.heads import classes, lm, pooler

ELSEWHERE = {  # of the hub, and of code that comes with models: settled before anything is loaded
    "trust_remote_code", "use_safetensors", "weights_only", "cache_dir", "force_download", "local_files_only",
    "token", "proxies", "subfolder", "code_revision", "low_cpu_mem_usage", "adapter_kwargs", "_from_auto",
    "_commit_hash",
}  # fmt: skip
NSP = ("next", "random")  # as BERT numbers them


class Asked(NamedTuple):
    """What a caller asked for that is not left to transformers."""

    revision: str | None
    attention: str | None
    info: bool

    @classmethod
    def of(cls, kwargs: dict[str, Any]) -> Asked:
        """Take it out of the arguments."""
        for name in ELSEWHERE:
            kwargs.pop(name, None)
        attention = kwargs.pop("attn_implementation", None)
        return cls(
            kwargs.pop("revision", None),
            ATTENTION.get(attention, attention),
            bool(kwargs.pop("output_loading_info", False)),
        )


def is_ours(folder: Path) -> bool:
    """Tell whether a folder holds a model of ours."""
    return read_table(folders.config(folder)).get("model_type") == MODEL_TYPE


def checked(folder: Path, given: Any) -> tuple[KnowledgeConfig, dict[str, safety.Weight]]:
    """Read the configuration of a model of ours, and list its weights; refuse what is damaged."""
    path = folder / folders.CONFIG
    config = own_config(read_table(path), str(path))
    if isinstance(given, KnowledgeConfig):
        config = given
    return config, safety.listed(folder)


def refuse_gaps(
    folder: Path, model: nn.Module, info: Mapping[str, Any], listed: Mapping[str, safety.Weight]
) -> None:
    """Refuse a model whose weights do not fit its configuration, or are not all there."""
    for found in info.get("mismatched_keys", ()):
        name, *shapes = found if isinstance(found, tuple) else (found,)
        said = " and ".join(" × ".join(map(str, shape)) for shape in shapes)
        raise ArtefactError(f"{folder}: {name} does not fit config.json ({said}); copy the model anew")
    missing = sorted(info.get("missing_keys", ()))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ArtefactError(f"{folder}: no weights for {missing[0]}{more}; copy the model anew")
    for name, value in model.state_dict().items():
        if name in listed and listed[name].is_float != value.is_floating_point():
            raise ArtefactError(f"{folder}: {name} is {listed[name].dtype} in its file; copy the model anew")
        safety.refuse_nan(folder, name, value)


def beginning(start: Start, body: str, heads: Mapping[str, Any] | None) -> KnowledgeConfig:
    """Say what is made of a checkpoint: a body of the zoo, and heads: those asked for, or those it has."""
    if not any(name.startswith(TEXT) for name in start.state):
        raise ArtefactError(f"{start.where}: has no weights of a text encoder")
    wanted = _heads(start) if heads is None else heads
    return KnowledgeConfig(
        body=body,
        settings=dict(start.settings),
        text=start.text,
        heads={
            name: dict(head) if isinstance(head, Mapping) else heads_of.plain(head)
            for name, head in wanted.items()
        },
        vocabulary=dict(start.vocabulary),
    )


def _heads(start: Start) -> dict[str, Any]:
    """Return the heads that a checkpoint has weights for."""
    names = dict.fromkeys(name.split(".")[1] for name in start.state if name.startswith(HEADS))
    known = {
        "lm": lm.Settings(),
        "pooler": pooler.Settings(),
        "nsp": classes.Settings(classes=NSP, dropout=0.0),
        **start.heads,
    }
    return {name: known[name] for name in names if name in known}


def placed(model: Any, kwargs: dict[str, Any], *, where: str) -> Any:
    """Bring a model to the type and the device that were asked for."""
    dtype = kwargs.pop("dtype", None) or kwargs.pop("torch_dtype", None)
    device: Any = kwargs.pop("device_map", None)
    if isinstance(dtype, str) and dtype != "auto":
        dtype = getattr(torch, dtype, None)
        if not isinstance(dtype, torch.dtype):
            raise ConfigError(f"{where}: dtype is no type of torch; give float32, bfloat16 or float16")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if isinstance(device, Mapping) and {*device} == {""}:
        device = device[""]
    if isinstance(device, Mapping):
        raise ConfigError(f"{where}: several devices: save the model first, and load what was saved")
    kwargs.pop("config", None)
    if kwargs:
        raise ConfigError(
            f"{where}: from_pretrained knows no {next(iter(kwargs))!r} for a checkpoint that is not ours"
        )
    if isinstance(dtype, torch.dtype):
        model = model.to(dtype)
    model.eval()
    return model if device is None else model.to(device)
