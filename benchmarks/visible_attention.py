"""Measure attention that not everyone gets: trees and packed rows, beside attention without a mask.

    python benchmarks/visible_attention.py [--lengths 256,512] [--rows N] [--rounds N] [--compile]

The encoder is as BERT-base on a GPU (bf16), and a small one on a CPU (float32); forward and backward. Weights
are random; dropout of attention is off, for FlexAttention has none. Trees have a branch of four tokens after
each eight of text; packed rows hold examples of an eighth of a row. All ways take turns in each round, and
the best round of each counts; the ratio is the time beside that of plain attention in the same run. The mask
is made anew for each batch, as it is in training.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import BertConfig

from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.visibility import Visibility

WORDS, TEXT, BRANCH, EXAMPLES = 30_522, 8, 4, 8
SMALL = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}


def batch(rows: int, length: int, device: str) -> dict[str, Tensor]:
    """Make rows that are trees, and packed: who looks at which column decides what they are."""
    at = torch.arange(length, device=device)
    inside, group = at % (TEXT + BRANCH), at // (TEXT + BRANCH)
    in_branch = inside >= TEXT
    columns = {
        "branch": torch.where(in_branch, group + 1, 0),
        "word": torch.where(in_branch, group * (TEXT + BRANCH) + TEXT - 1, at),
        "sequence": at // max(length // EXAMPLES, 1) + 1,
        "positions": at,
    }
    found = {name: value.expand(rows, length) for name, value in columns.items()}
    found["input_ids"] = torch.randint(5, WORDS, (rows, length), device=device)
    found["attention_mask"] = torch.ones(rows, length, dtype=torch.bool, device=device)
    return found


def ways(device: str, compiled: bool) -> dict[str, Callable[[dict[str, Tensor]], Tensor]]:
    """Return what is compared, by name; each returns the states."""
    settings: dict[str, Any] = {} if device == "cuda" else SMALL
    config = BertConfig(vocab_size=WORDS, attention_probs_dropout_prob=0.0, **settings)
    encoders = {
        attention: TextEncoder(config, attention=attention).to(device)
        for attention in (("sdpa", "flex") if device == "cuda" else ("sdpa",))
    }
    run: dict[str, Any] = dict(encoders)
    if compiled:
        run = {name: torch.compile(encoder) for name, encoder in encoders.items()}

    def plain(given: dict[str, Tensor]) -> Tensor:
        return run["sdpa"]({"input_ids": given["input_ids"]}).hidden

    def seeing(attention: str, *names: str) -> Callable[[dict[str, Tensor]], Tensor]:
        def way(given: dict[str, Tensor]) -> Tensor:
            told = {name: given[name] for name in ("input_ids", "positions", *names)}
            return run[attention](told, visible=Visibility.of_batch(told)).hidden

        return way

    found = {"plain": plain, "trees": seeing("sdpa", "branch", "word"), "packed": seeing("sdpa", "sequence")}
    if device == "cuda":
        found |= {"trees, flex": seeing("flex", "branch", "word"), "packed, flex": seeing("flex", "sequence")}
    return found


def seconds(way: Callable[[dict[str, Tensor]], Tensor], given: dict[str, Tensor], device: str) -> float:
    """Time forward and backward once."""
    if device == "cuda":
        torch.cuda.synchronize()
    begun = time.perf_counter()
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        hidden = way(given)
    hidden.float().square().mean().backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", default="256,512")
    parser.add_argument(
        "--rows", type=int, help="rows of a batch; else 16,384 tokens on a GPU, 1,024 on a CPU"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    machine = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    print(
        f"{machine}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, "
        f"torch {torch.__version__}, transformers {transformers.__version__}, {time.strftime('%Y-%m-%d')}"
    )
    print("| length | attention | tokens/s | time beside plain |\n|---|---|---|---|")
    compared = ways(device, asked.compile)
    for length in map(int, asked.lengths.split(",")):
        rows = asked.rows or max((16_384 if device == "cuda" else 1024) // length, 1)
        given = batch(rows, length, device)
        times: dict[str, list[float]] = {name: [] for name in compared}
        for turn in range(asked.rounds + 1):
            for name, way in compared.items():
                took = seconds(way, given, device)
                if turn:  # the first one warms up
                    times[name].append(took)
        base = min(times["plain"])
        for name, took in times.items():
            print(f"| {length} | {name} | {rows * length / min(took):,.0f} | {min(took) / base:.2f} |")


if __name__ == "__main__":
    main()
