"""How parts get their first values: by seed and place alone, and in memory even where transformers has none.

transformers builds a model that is loaded without memory for its weights ("meta"), then puts weights in, and
counts buffers that are not saved out anew, as it does for its own models. It cannot know how ours come about:
so they are built with memory (weights are not drawn, they are about to be read), and put back at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from transformers import initialization

from kbtools.models.draws import key


@contextmanager
def building() -> Iterator[bool]:
    """Build parts with memory; tells whether their weights are to be loaded."""
    loading = torch.empty(0).device.type == "meta"
    with ExitStack() as stack:
        if loading:
            stack.enter_context(torch.device("cpu"))
            stack.enter_context(initialization.no_init_weights())
        yield loading


@contextmanager
def drawn(seed: int | None, what: str) -> Iterator[None]:
    """Draw new weights by `seed` and their place, whatever was drawn before; nothing is changed for later."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key(seed, "weights", what))
        yield


def passing_buffers(model: nn.Module) -> dict[str, Tensor]:
    """List the buffers that are not saved, by name."""
    saved = {*model.state_dict()}
    return {name: value for name, value in model.named_buffers() if name not in saved}


def put_back(model: nn.Module, buffers: Mapping[str, Tensor]) -> None:
    """Give a model buffers as they were, on the devices where they are now."""
    for name, value in buffers.items():
        owner, _, last = name.rpartition(".")
        module = model.get_submodule(owner)
        there = module._buffers.get(last)
        module._buffers[last] = value if there is None else value.to(there.device)
