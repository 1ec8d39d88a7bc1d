"""What an optimiser has gathered, as tensors by name: the same for a model in one piece, copied or sharded.

    body.text.….weight/exp_avg, …/exp_avg_sq, …/step

With FSDP (torch's `fully_shard`) a weight is a DTensor: each process has a part of it. All processes gather
together, and each takes its own part out of the whole when they scatter; nothing is sent then. With DDP each
process has all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from kbtools.errors import ArtefactError
from kbtools.models.training.groups import named


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor on the CPU; of one that is sharded, all processes ask for it.

    What is whole and there already is not copied: it is to be written before the next step.
    """
    tensor = tensor.detach()
    if isinstance(tensor, DTensor):
        tensor = tensor.full_tensor()
    return tensor.cpu().contiguous()


def placed(name: str, tensor: Tensor, like: Tensor) -> Tensor:
    """Return a copy of a whole tensor where `like` is, sharded as that is; its type stays as it is."""
    if tensor.shape != like.shape:
        raise ArtefactError(
            f"{name} is {list(like.shape)}, and {list(tensor.shape)} in the checkpoint: it is another model's"
        )
    if isinstance(like, DTensor):
        here = tensor.to(like.device_mesh.device_type)
        return distribute_tensor(here, like.device_mesh, like.placements, src_data_rank=None)
    return tensor.to(like.device, copy=True)


def local(tensor: Tensor) -> Tensor:
    """Return the part of a sharded tensor that this process has; all of another."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def gather(model: nn.Module, optimiser: Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state: NAME/WHAT → tensor; weights that it never touched have none."""
    found: dict[str, Tensor] = {}
    for name, weight in named(model).items():
        kept = optimiser.state.get(weight, {})
        found |= {f"{name}/{what}": whole(_tensor(value)) for what, value in sorted(kept.items())}
    return found


def scatter(model: nn.Module, optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Give the optimiser the state that was gathered, and no other; return the names it has no use for.

    Which group a weight is in is nothing to this: names alone decide. Weights that are in no group, such as
    those frozen for now, are those it has no use for.
    """
    weights, unused = named(model), dict.fromkeys(key.rpartition("/")[0] for key in tensors)
    fast = {
        id(weight): bool(group.get("fused") or group.get("capturable"))
        for group in optimiser.param_groups
        for weight in group["params"]
    }
    optimiser.state.clear()
    for key, tensor in tensors.items():
        name, _, what = key.rpartition("/")
        weight = weights.get(name)
        if weight is None or id(weight) not in fast:
            continue
        unused.pop(name, None)
        state: dict[str, Any] = optimiser.state[weight]
        if what == "step":  # on the device only where kernels read it there
            state[what] = tensor.to(weight.device if fast[id(weight)] else "cpu", copy=True)
            continue
        state[what] = placed(name, tensor, weight)
    return tuple(unused)


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float32)
