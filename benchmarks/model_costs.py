"""Measure what knowledge costs: forward and backward of each model, beside its plain encoder, in one run.

    python benchmarks/model_costs.py [--sizes 256x4,768x12] [--lengths 128,256] [--tokens N] [--rounds N]
                                     [--models kbert,...] [--profile]

The same tokens and dropout for all; float32 on a CPU, bf16 on a GPU. Entities are as wide as published beside
768 numbers of a token, and narrower with it. `kbert` reads trees: a branch of four tokens after each eight of
text. `ernie_thu` has an entity at one token of twelve (half of the layers and one more fuse), `knowbert` a
mention at one of eight with up to 30 candidates, 8 on average (after the last layer but two); each of 100,000
entities. `kepler` reads the same rows as descriptions, four of each triple, and measures the triples: its
step, by text. All take turns in each round; `ratio` is the median over rounds of a model's time by the plain
encoder's in the same round, with the quartiles; `cpu` the same in processor time, which others on the machine
disturb less. `kept` is what the forward pass holds for the way back, beside the plain encoder's; on a GPU
`peak` is the most that was allocated.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tables import show
from torch import Tensor, nn
from torch.profiler import profile
from transformers import BertConfig

from kbtools import artefact, vectors
from kbtools.artefact import KbRef, Staging
from kbtools.models.batch import Batch, Output, moved
from kbtools.models.objectives import kepler
from kbtools.models.objectives.base import Here
from kbtools.models.parts import linking
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.tables import EntityTable
from kbtools.models.zoo import ernie_thu, kbert, knowbert
from kbtools.models.zoo.base import Given

WORDS, ENTITIES = 8192, 100_000
TEXT, BRANCH = 8, 4  # tokens of text, then of a branch
EVERY, AVERAGE, MOST = {"ernie": 12, "knowbert": 8}, 8, 30
WIDTHS, BASE = {"ernie": 100, "knowbert": 300}, 768  # of entities, beside tokens of BASE
Step = Callable[[], Tensor]


def narrowed(number: int, width: int) -> int:
    """Return what goes with tokens of `width` numbers; it divides by 4."""
    return max(round(number * width / BASE / 4) * 4, 4)


def table(folder: Path, kb: str, width: int) -> EntityTable:
    """Make vectors of entities, drawn at random."""
    folder = folder / str(width)
    folder.mkdir(exist_ok=True)
    with Staging(folder / kb, kb) as staging:
        staging.commit(artefact.begin("shards", kbs=[KbRef(name=kb, content="drawn")]))
    drawn = np.random.default_rng(0).normal(size=(ENTITIES, width)).astype(np.float32)
    vectors.write(folder / f"{kb}-vectors", list(range(ENTITIES)), drawn, inputs=[folder / kb])
    return EntityTable.open(folder / f"{kb}-vectors")


def batch(rows: int, length: int) -> Batch:
    """Make rows of tokens that are trees, with mentions of both knowledge bases: who looks decides."""
    at = torch.arange(length)
    inside, group = at % (TEXT + BRANCH), at // (TEXT + BRANCH)
    branch = torch.where(inside >= TEXT, group + 1, 0)
    word = torch.where(inside >= TEXT, group * (TEXT + BRANCH) + TEXT - 1, at)
    tree = {"branch": branch, "word": word, "soft": group * TEXT + inside}
    found: Batch = {name: value.expand(rows, length) for name, value in tree.items()}
    found["input_ids"] = torch.randint(5, WORDS, (rows, length))
    found |= {"attention_mask": torch.ones(rows, length, dtype=torch.bool), "batch.padded": False}
    for kb, every in EVERY.items():
        found |= {
            f"entities.{kb}.{name}": one for name, one in mentions(rows, length // every, every).items()
        }
    return found


def mentions(rows: int, many: int, every: int) -> Batch:
    """Draw mentions of one or two tokens, and up to `MOST` candidates of each."""
    first = (torch.arange(many) * every).expand(rows, many)
    size = torch.randint(1, 3, (rows, many))
    number = torch.distributions.Exponential(1 / AVERAGE).sample((rows, many)).long().clamp(1, MOST)
    able = torch.arange(MOST) < number[..., None]
    eids = torch.randint(ENTITIES, able.shape).masked_fill(~able, -1)
    return {
        "spans": torch.stack([first, first + size], -1), "spans.mask": size > 0,
        "eids": eids, "eids.mask": able, "priors": torch.rand(able.shape) * able,
        "gold": eids[..., 0], "best": eids[..., 0],
    }  # fmt: skip


def bodies(config: BertConfig, tables: dict[str, EntityTable], names: list[str]) -> dict[str, nn.Module]:
    """Make the models by name."""
    depth = config.num_hidden_layers
    kinds: Any = ("sim",) * (depth // 2 - 1) + ("mix",) + ("norm",) * (depth // 2)
    made: dict[str, Callable[[], nn.Module]] = {
        "kbert": lambda: kbert.build(kbert.Settings(), Given(config)),
        "ernie_thu": lambda: ernie_thu.build(
            ernie_thu.Settings(layers=kinds, kb="ernie", width=tables["ernie"].dim),
            Given(config, {"ernie": tables["ernie"]}),
        ),
        "knowbert": lambda: knowbert.build(
            knowbert.Settings(
                kars={"knowbert": linking.Settings(layer=depth - 3, inner=narrowed(1024, config.hidden_size))}
            ),
            Given(config, {"knowbert": tables["knowbert"]}),
        ),
    }
    return {"plain": TextEncoder(config)} | {name: made[name]() for name in names if name in made}


class Triples(nn.Module):
    """KEPLER's objective over a plain encoder."""

    def __init__(self, text: TextEncoder, relations: int = 822) -> None:
        super().__init__()
        self.body = nn.Module()
        self.body.text = text
        self.text, self.heads = text, nn.ModuleDict({kepler.HEAD: nn.Embedding(relations, text.width)})
        self.objective = kepler.Kepler(kepler.Settings(at_once=1 << 20), Here(size=WORDS, special={"pad": 0}))

    def forward(self, told: Batch) -> Any:
        """Encode texts."""
        return self.text(told)

    @property
    def words(self) -> Tensor:
        """The embeddings of the vocabulary."""
        return self.text.words

    def cost(self, told: Batch) -> Tensor:
        """Take the rows as descriptions: heads, tails, other heads, other tails."""
        ids = told["input_ids"]
        many = len(ids) // 4
        ends = torch.arange(4 * many, device=ids.device).view(4, many)
        columns = {
            "input_ids": ids, "attention_mask": told["attention_mask"], "widths": [ids.shape[1]],
            "head": ends[0], "tail": ends[1], "head_read": ends[0], "tail_read": ends[1],
            "heads": ends[2][:, None], "tails": ends[3][:, None], "relation": ends[0] % 800,
            "false": torch.ones(many, 2, dtype=torch.bool, device=ids.device),
        }  # fmt: skip
        return self.objective.loss(
            self, Output(), {f"kepler.{name}": one for name, one in columns.items()}
        ).total


def steps(
    config: BertConfig, given: Batch, tables: dict[str, EntityTable], names: list[str]
) -> dict[str, Step]:
    """Return what is timed, by name: each returns a loss."""
    device = given["input_ids"].device
    made = {name: one.to(device).train() for name, one in bodies(config, tables, names).items()}
    plain = {name: given[name] for name in ("input_ids", "attention_mask", "batch.padded")}

    def step(name: str) -> Step:
        told = plain if name == "plain" else given

        def run() -> Tensor:
            hidden: Tensor = made[name](told).hidden
            return hidden.float().square().mean()

        return run

    found = {name: step(name) for name in made}
    if "kepler" in names:
        text: Any = made["plain"]
        triples = Triples(text).to(device)
        found["kepler"] = lambda: triples.cost(given)
    return found


class Clock:
    """Times steps on a device."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.cuda = device, device.type == "cuda"

    def loss(self, step: Step) -> Tensor:
        """Run forward, as training does."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.cuda):
            return step()

    def seconds(self, step: Step) -> tuple[float, float]:
        """Time forward and backward once: by the clock, and by the processor."""
        if self.cuda:
            torch.cuda.synchronize()
        begun, busy = time.perf_counter(), time.process_time()
        self.loss(step).backward()  # type: ignore[no-untyped-call]
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - begun, time.process_time() - busy

    def kept(self, step: Step) -> int:
        """Count the bytes that the forward pass holds for the way back, parameters apart."""
        held: dict[int, int] = {}

        def keep(one: Tensor) -> Tensor:
            if not isinstance(one, nn.Parameter) and not one.is_leaf:
                held[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
            return one

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one):
            loss = self.loss(step)
        del loss
        return sum(held.values())

    def peak(self, step: Step) -> int:
        """Return the most that a step has allocated."""
        torch.cuda.reset_peak_memory_stats()
        self.seconds(step)
        return torch.cuda.max_memory_allocated()


def ratios(took: list[tuple[float, float]], base: list[tuple[float, float]], clock: int) -> list[float]:
    """Return the quartiles of ratios, round by round."""
    found = [one[clock] / other[clock] for one, other in zip(took, base, strict=True)]
    return statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3


def compared(found: dict[str, Step], clock: Clock, rounds: int) -> list[dict[str, Any]]:
    """Let all take turns, and make a row of each."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    for turn in range(rounds + 1):
        for name in found if turn % 2 else reversed(found):
            one = clock.seconds(found[name])
            if turn:  # the first one warms up
                times[name].append(one)
    rows, kept = [], {name: clock.kept(step) for name, step in found.items()}
    for name, took in times.items():
        low, middle, high = ratios(took, times["plain"], 0)
        _, cpu, _ = ratios(took, times["plain"], 1)
        row = {"model": name, "ms": f"{statistics.median(by_clock for by_clock, _ in took) * 1e3:,.0f}"}
        row |= {"ratio": f"{middle:.2f}", "quartiles": f"{low:.2f}–{high:.2f}", "cpu": f"{cpu:.2f}"}
        row |= {"kept MiB": f"{kept[name] / 2**20:,.0f}", "kept": f"{kept[name] / kept['plain']:.2f}"}
        if clock.cuda:
            row["peak MiB"] = f"{clock.peak(found[name]) / 2**20:,.0f}"
        rows.append(row)
    return rows


def profiled(found: dict[str, Step], clock: Clock) -> None:
    """Print where the time of each goes, by the lines that ask for it."""
    for name, step in found.items():
        with profile() as seen:
            clock.seconds(step)
        order = "self_cuda_time_total" if clock.cuda else "self_cpu_time_total"
        print(f"\n{name}\n{seen.key_averages().table(sort_by=order, row_limit=14, max_name_column_width=44)}")


def main() -> None:
    """Print a table for each size and length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="256x4,768x12", help="width x layers")
    parser.add_argument("--lengths", default="128,256")
    parser.add_argument("--tokens", type=int, help="of a batch; 16,384 on a GPU, 1,024 on a CPU")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--models", default="kbert,ernie_thu,knowbert,kepler")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    machine = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    print(
        f"{machine}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, "
        f"torch {torch.__version__}, transformers {transformers.__version__}, {time.strftime('%Y-%m-%d')}\n"
    )
    torch.manual_seed(0)
    clock = Clock(device)
    with tempfile.TemporaryDirectory() as room:
        for size in asked.sizes.split(","):
            width, depth = map(int, size.split("x"))
            tables = {kb: table(Path(room), kb, narrowed(many, width)) for kb, many in WIDTHS.items()}
            config = BertConfig(
                vocab_size=WORDS, hidden_size=width, num_hidden_layers=depth,
                num_attention_heads=width // 64, intermediate_size=4 * width,
            )  # fmt: skip
            for length in map(int, asked.lengths.split(",")):
                rows = (asked.tokens or (16_384 if clock.cuda else 1024)) // length
                given = moved(batch(max(rows, 4), length), device)
                found = steps(config, given, tables, asked.models.split(","))
                head = f"### {width} wide, {depth} layers, {max(rows, 4)} rows of {length} tokens"
                show(head, compared(found, clock, asked.rounds))
                print(flush=True)
                if asked.profile:
                    profiled(found, clock)


if __name__ == "__main__":
    main()
