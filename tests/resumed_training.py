"""A tiny training that is stopped, written down and gone on with by fresh objects, wrapped in what you like.

As a program it is one process of two: `python -m tests.resumed_training RANK OTHERS FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from kbtools.models.recipe import Optimiser
from kbtools.models.training import checkpoints
from kbtools.models.training.averaging import Average
from kbtools.models.training.groups import groups, named
from kbtools.models.training.optimisers import make
from kbtools.models.training.states import gather, placed, scatter, whole

KINDS: dict[str, tuple[dict[str, Any], bool]] = {
    "adamw, fused": ({}, True),
    "adamw": ({}, False),
    "without correction": ({"bias_correction": False}, True),
    "lamb": ({"name": "lamb"}, True),
}


class Block(nn.Module):
    """A layer that FSDP shards by itself."""

    def __init__(self, wide, out):
        super().__init__()
        self.dense = nn.Linear(wide, out)

    def forward(self, hidden):
        return torch.tanh(self.dense(hidden))


class Small(nn.Module):
    """Sizes are odd, so that no weight is cut into equal parts."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(7, 3)
        self.layers = nn.ModuleList([Block(3, 5), Block(5, 3)])
        self.mix = nn.Parameter(torch.tensor(0.7))  # a weight that is a number
        self.unused = nn.Linear(2, 1)

    def forward(self, ids):
        return (self.layers[1](self.layers[0](self.words(ids) * self.mix)) - 1).square().sum()


def as_it_is(model):
    return model


def copied(model):
    return DistributedDataParallel(model, find_unused_parameters=True)


def sharded(model):
    """FSDP; a weight that is a number cannot be sharded, and the model keeps it."""
    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    fully_shard(model.layers[0], mesh=mesh)
    return fully_shard(model, mesh=mesh, ignored_params={model.mix})


class Training(NamedTuple):
    """What takes part in a step."""

    model: nn.Module
    optimiser: Optimizer
    average: Average

    def go(self, steps):
        for step in steps:
            ids = torch.randint(7, (2, 4), generator=torch.Generator().manual_seed(step))
            self.model(ids).backward()
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            self.average.update()

    def weights(self) -> dict[str, Tensor]:
        return {name: whole(weight).clone() for name, weight in named(self.model).items()}

    def everything(self) -> dict[str, Tensor]:
        parts = {"model": self.weights(), "optimiser": gather(self.model, self.optimiser)}
        parts["average"] = self.average.state()
        return {f"{kind}:{name}": one.clone() for kind, some in parts.items() for name, one in some.items()}

    def save(self, run, step, *, writes=True):
        """Write a checkpoint; all processes gather, one writes."""
        weights = self.weights()
        tensors = {"optimiser": gather(self.model, self.optimiser), "average": self.average.state()}
        if writes:
            save = lambda folder: save_file(weights, folder / "model.safetensors")  # noqa: E731
            checkpoints.write(run, step, model=save, tensors=tensors, state={"step": step})

    def load(self, path):
        found, weights = checkpoints.read(path), load_file(path / "model.safetensors")
        with torch.no_grad():
            for name, weight in named(self.model).items():
                weight.copy_(placed(name, weights[name], weight))
        assert scatter(self.model, self.optimiser, found.tensors["optimiser"]) == ()
        self.average.load(found.tensors["average"])


def fresh(kind, wrap=as_it_is, seed=0):
    torch.manual_seed(seed)
    model = wrap(Small())
    settings = Optimiser(**{"lr": 0.01, "decay": 0.1, "no_decay": ("words",), **KINDS[kind][0]})
    optimiser = make(groups(model, settings), settings, fused=KINDS[kind][1])
    return Training(model, optimiser, Average(model, 0.9))


def resumed(kind, wrap, run, *, writes=True, wait=lambda: None):
    """Train ten steps in one go, and five and five; return what is there after each."""
    straight = fresh(kind, wrap)
    straight.go(range(10))
    first = fresh(kind, wrap)
    first.go(range(5))
    first.save(run, 5, writes=writes)
    wait()
    second = fresh(kind, wrap, seed=1)
    second.load(run / "checkpoints" / "step-5")
    second.go(range(5, 10))
    return straight.everything(), second.everything()


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def main(rank, others, folder):
    """Resume in each way, in two processes; what is there must be what one process makes of it."""
    distributed.init_process_group("gloo", init_method=f"file://{others}", rank=rank, world_size=2)
    for kind in KINDS:
        alone = fresh(kind)
        alone.go(range(10))
        for wrap in (copied, sharded):
            run = folder / f"{kind}-{wrap.__name__}"
            straight, again = resumed(kind, wrap, run, writes=rank == 0, wait=distributed.barrier)
            assert same(straight, again), (kind, wrap)
            for name, value in alone.everything().items():
                torch.testing.assert_close(straight[name], value, msg=f"{kind}, {wrap.__name__}: {name}")
            if rank == 0:  # and a checkpoint of many processes is one for a single process
                one = fresh(kind, seed=2)
                one.load(run / "checkpoints" / "step-5")
                one.go(range(5, 10))
                for name, value in one.everything().items():
                    torch.testing.assert_close(straight[name], value)
            distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
