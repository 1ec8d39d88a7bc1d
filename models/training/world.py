"""The processes that train together, and the device of this one: a thin layer over accelerate.

One process by default; several when `torchrun` or `accelerate launch` starts them, each with its own share of
every step. What is decided (to stop, where to go on) is decided by all together, so none waits for another
that has gone. Of an error one process tells; one that is killed is told of by those that are left.
"""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState, PartialState
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from kbtools.errors import ConfigError, TaskError
from kbtools.models.recipe import Run
from kbtools.models.training.states import local

ACCELERATE = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
AGAIN = "run the same command again: it goes on where it stopped"


class ElsewhereError(TaskError):
    """Another process has failed, and tells why: this one has nothing to add."""


class World:
    """Who takes part, and what they do together."""

    accelerator: Accelerator
    sharded = False

    def __init__(self, run: Run | None = None, *, rests: bool = False) -> None:
        """Join the others; what a run needs beside that can be said later (`settle`)."""
        AcceleratorState._reset_state()  # of an earlier run in this process, with other settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of threads, where OMP_NUM_THREADS is not set
            state = PartialState(cpu=not torch.cuda.is_available())
        self.rank: int = state.process_index
        self.size: int = state.num_processes
        self.device: torch.device = state.device
        self.talk: Any = None  # in which numbers are told without waiting for a GPU
        if self.size > 1 and self.device.type == "cuda":
            self.talk = distributed.new_group(backend="gloo")
        self.loose: list[nn.Parameter] = []  # weights that cannot be sharded: a number each
        if run is not None:
            self.settle(run, rests=rests)

    def settle(self, run: Run, *, rests: bool = False) -> None:
        """Hear how to compute; `rests`: some weights may have no part in a step, and DDP is not to wait."""
        cuda = torch.cuda.is_available()
        if run.precision == "fp16" and not cuda:
            raise ConfigError("run.precision is fp16, which needs a GPU; on a CPU there are fp32 and bf16")
        if run.attention == "flex" and not cuda:
            raise ConfigError("run.attention is flex, which needs a GPU; sdpa and eager run anywhere")
        if run.sharded and self.size < 2:
            raise ConfigError("run.sharded shares weights out among processes: start several, with torchrun")
        if run.sharded and run.precision == "fp16":
            raise ConfigError("run.sharded goes with fp32 and bf16, not with run.precision = fp16")
        self.sharded = run.sharded
        self.accelerator = Accelerator(
            mixed_precision=ACCELERATE[run.precision],
            cpu=not cuda,
            step_scheduler_with_optimizer=False,
            kwargs_handlers=[
                DistributedDataParallelKwargs(find_unused_parameters=rests, broadcast_buffers=False)
            ],
        )

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes and talks."""
        return self.rank == 0

    def shard(self, module: nn.Module, layers: Iterable[nn.Module]) -> None:
        """Share the weights of a module out if the run is to, each of the layers by itself (FSDP).

        Before there is an optimiser: it is to hold the shares. They lie in fp32 and travel so; a weight that
        is a single number stays whole.
        """
        if not self.sharded or isinstance(module, FSDPModule):
            return
        module.to(self.device)
        mesh = init_device_mesh(self.device.type, (self.size,))
        self.loose = [weight for weight in module.parameters() if weight.dim() == 0]
        for part in (*layers, module):
            fully_shard(part, mesh=mesh, reshard_after_forward=True, ignored_params={*self.loose})

    def wrap(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[nn.Module, Any]:
        """Make a module and its optimiser work with the other processes and in the precision asked for."""
        self.accelerator.free_memory()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of what accelerate asks of DDP
            if self.sharded:  # for accelerate it is as in a look: it adds the precision, and no DDP
                wrapped: nn.Module = self.accelerator.prepare_model(module, evaluation_mode=True)
            else:
                wrapped = self.accelerator.prepare(module)
            return wrapped, self.accelerator.prepare(optimiser)

    @contextmanager
    def syncing(self, module: nn.Module, last: bool) -> Iterator[None]:
        """Exchange gradients behind the last micro-batch of a step alone."""
        if isinstance(module, FSDPModule):
            module.set_requires_gradient_sync(last)
            yield
        elif last or self.size == 1:
            yield
        else:
            with self.accelerator.no_sync(module):
                yield

    def clip(self, weights: list[nn.Parameter], most: float) -> Tensor:
        """Shorten the gradient; return how long it was."""
        if self.sharded:
            return self._clip_shares(weights, most or float("inf"))
        found = self.accelerator.clip_grad_norm_(weights, most or float("inf"))
        return torch.as_tensor(found, device=self.device)

    @torch.no_grad()
    def _clip_shares(self, weights: list[nn.Parameter], most: float) -> Tensor:
        """Do the same with a gradient of which each process has a part."""
        whole = {id(weight) for weight in self.loose}
        loose = [one.grad for one in weights if id(one) in whole and one.grad is not None]
        shares = [local(one.grad) for one in weights if id(one) not in whole and one.grad is not None]
        for grad in loose:  # nobody else has taken their mean over the processes
            distributed.all_reduce(grad)
            grad.div_(self.size)
        square = torch.zeros((), device=self.device)
        for share in shares:
            square += share.float().square().sum()
        distributed.all_reduce(square)
        for grad in loose:
            square += grad.float().square()
        norm = square.sqrt()
        if shares or loose:
            torch._foreach_mul_([*shares, *loose], (most / (norm + 1e-6)).clamp(max=1.0))
        return norm

    def sums(self, values: Sequence[float]) -> list[float]:
        """Add up numbers of all processes."""
        if self.size == 1:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(told, group=self.talk)
        found: list[float] = told.tolist()
        return found

    def union(self, truths: Tensor) -> Tensor:
        """Return which truths hold in any process; 8 of them are packed in each byte."""
        if self.size == 1:
            return truths
        bits = (truths[:, None] >> torch.arange(8, dtype=torch.uint8)) & 1
        distributed.all_reduce(bits, distributed.ReduceOp.MAX, group=self.talk)
        found: Tensor = (bits << torch.arange(8, dtype=torch.uint8)).sum(1).to(torch.uint8)
        return found

    @contextmanager
    def together(self) -> Iterator[None]:
        """Fail in all processes if one fails, for the others would wait for it for ever; one tells of it."""
        problem: Exception | None = None
        try:
            yield
        except Exception as error:
            if self.size == 1 or is_gone(error):
                raise
            problem = error
        failed = self.sums([float(problem is not None and at == self.rank) for at in range(self.size)])
        if problem is not None and not any(failed[: self.rank]):
            raise problem
        if any(failed):
            raise ElsewhereError("another process has said why", task="training") from problem

    @contextmanager
    def present(self, tell: Callable[[], str]) -> Iterator[None]:
        """Say it in a line if another process goes while this one waits for it; `tell` says what is lost."""
        try:
            yield
        except Exception as error:
            if self.size == 1 or not is_gone(error):
                raise
            with suppress(ValueError):  # torchrun ends those that are left: not before this one has spoken
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            raise TaskError(
                f"another of the {self.size} processes has gone: it was killed, or has said why; {tell()}",
                task="training",
            ) from error

    def told(self, value: Any) -> Any:
        """Return what the main process has of some plain data."""
        if self.size == 1:
            return value
        held = [value]
        distributed.broadcast_object_list(held, src=0, device=self.device)
        return held[0]

    def gathered(self, value: list[Any]) -> list[list[Any]]:
        """Return what each process has of some plain data."""
        if self.size == 1:
            return [value]
        held: list[Any] = [None] * self.size
        distributed.all_gather_object(held, value)
        return held

    def close(self) -> None:
        """Leave the others."""
        if hasattr(self, "accelerator"):
            self.accelerator.free_memory()
        if self.size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
            AcceleratorState._reset_state(reset_partial_state=True)


def plain(optimiser: Any) -> torch.optim.Optimizer:
    """Return the optimiser inside of accelerate's."""
    found: torch.optim.Optimizer = getattr(optimiser, "optimizer", optimiser)
    return found


def is_gone(error: BaseException) -> bool:
    """Tell whether an error says that another process could not be reached."""
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError) and "gloo/" in str(error)
    )
