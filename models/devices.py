"""Which device is meant (cpu, cuda, cuda:1; auto is a GPU if there is one), and in what it computes."""

from __future__ import annotations

import torch

from kbtools.errors import ConfigError
from kbtools.models.configuration import one_line

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def chosen(name: str, precision: str = "fp32") -> torch.device:
    """Return a device; refuse one that is not there, or that cannot compute so."""
    wanted = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
    try:
        device = torch.device(wanted)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {name!r} is not there: {one_line(error)}") from error
    if precision == "fp16" and device.type == "cpu":
        raise ConfigError("precision is fp16, which needs a GPU; on a CPU there are fp32 and bf16")
    return device
