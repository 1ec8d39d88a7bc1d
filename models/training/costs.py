"""What a training step costs: arithmetic, its share of what a device can do, and memory.

Arithmetic is counted as in appendix B of PaLM (Chowdhery et al. 2022): what the model needs, whatever a
program does beside it (activations computed twice are counted once). For an encoder of L layers and width H
whose matrices have P weights, forward and backward, over tokens in texts of length T:

    FLOPs = 6 · P · tokens  +  12 · L · H · T · tokens  +  6 · (H² + V·H) · targets

The last term is the language-model head, which runs on targets alone. A 6 is 2 for the way there, 2 for the
gradient of states and 2 for that of the weight: a frozen weight has 4, one with nothing that trains before
it 2; of the 12, likewise, 4 are the way there. Padding is counted where `tokens` has it: MFU is told of
useful tokens. Lookups, norms, biases and activations are left out.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from torch import nn

from kbtools.models.parts.heads.lm import Words

FORWARD, STATES, WEIGHTS = 2, 2, 2  # FLOPs of a weight, for each token
PAIR = 2  # products of states with states: queries with keys, weights with values

# 1e12 FLOP/s without sparsity, as NVIDIA's data sheets and white papers tell them; those of consumer cards
# with sums in fp32, as training has them. Words of a device's name → precision → figure. All words have to be
# in the name; the first row that fits holds.
PEAKS: tuple[tuple[str, dict[str, float]], ...] = (
    ("B200", {"bf16": 2250, "fp16": 2250, "tf32": 1125, "fp32": 75}),
    ("H200 NVL", {"bf16": 835.5, "fp16": 835.5, "tf32": 417.5, "fp32": 60}),
    ("H200", {"bf16": 989.4, "fp16": 989.4, "tf32": 494.7, "fp32": 66.9}),
    ("GH200", {"bf16": 989.4, "fp16": 989.4, "tf32": 494.7, "fp32": 66.9}),
    ("H100 NVL", {"bf16": 835.5, "fp16": 835.5, "tf32": 417.5, "fp32": 60}),
    ("H100 PCIe", {"bf16": 756, "fp16": 756, "tf32": 378, "fp32": 51.2}),
    ("H100", {"bf16": 989.4, "fp16": 989.4, "tf32": 494.7, "fp32": 66.9}),
    ("A100", {"bf16": 312, "fp16": 312, "tf32": 156, "fp32": 19.5}),
    ("A30", {"bf16": 165, "fp16": 165, "tf32": 82, "fp32": 10.3}),
    ("A40", {"bf16": 149.7, "fp16": 149.7, "tf32": 74.8, "fp32": 37.4}),
    ("A10", {"bf16": 125, "fp16": 125, "tf32": 62.5, "fp32": 31.2}),
    ("L40S", {"bf16": 362, "fp16": 362, "tf32": 183, "fp32": 91.6}),
    ("L40", {"bf16": 181, "fp16": 181, "tf32": 90.5, "fp32": 90.5}),
    ("L4", {"bf16": 121, "fp16": 121, "tf32": 60, "fp32": 30.3}),
    ("RTX 6000 Ada", {"bf16": 364.2, "fp16": 364.2, "tf32": 182.1, "fp32": 91.1}),
    ("RTX A6000", {"bf16": 154.8, "fp16": 154.8, "tf32": 77.4, "fp32": 38.7}),
    ("RTX 5090", {"bf16": 209.5, "fp16": 209.5, "tf32": 104.8, "fp32": 104.8}),
    ("RTX 4090", {"bf16": 165.2, "fp16": 165.2, "tf32": 82.6, "fp32": 82.6}),
    ("RTX 3090", {"bf16": 71, "fp16": 71, "tf32": 35.6, "fp32": 35.6}),
    ("V100 PCIE", {"fp16": 112, "fp32": 14}),
    ("V100", {"fp16": 125, "fp32": 15.7}),
    ("T4", {"fp16": 65, "fp32": 8.1}),
)

PARTLY = {"LAPTOP", "MIG", "MAX", "D", "Q"}  # in names of devices that have the name of a faster one


class Work(NamedTuple):
    """FLOPs of a step of one model, in what they grow with."""

    token: int
    pair: int  # of tokens of one text
    target: int  # of a language model
    example: int

    def flops(self, tokens: float, length: float, targets: float = 0, examples: float = 0) -> float:
        """Count those of a step; `length` is that of a text, or the mean of several."""
        return (
            self.token * tokens
            + self.pair * tokens * length
            + self.target * targets
            + self.example * examples
        )


def work(model: Any) -> Work:
    """Count for a model as it is, with what is frozen now.

    Parts beside the text encoder count as if they saw every token, heads other than of words as if they saw
    one state of an example.
    """
    text = model.body.text
    layers = list(text.layers)
    inside = {id(one) for layer in layers for one in layer.modules()}
    others = [one for one in model.body.modules() if id(one) not in inside]
    own = [weight for one in others for weight in one.parameters(recurse=False)]
    reached = any(weight.requires_grad for weight in own)
    token = pair = 0
    for layer in layers:
        reached = reached or any(weight.requires_grad for weight in layer.parameters())
        token += sum(matrix(one, reached) for one in layer.modules())
        pair += PAIR * text.width * (FORWARD + (2 * STATES if reached else 0))
    token += sum(matrix(one, reached) for one in others)
    target = example = 0
    for head in model.heads.values():
        cost = sum(matrix(one, True) for one in head.modules())
        if isinstance(head, Words):
            target += cost + model.words.numel() * (FORWARD + STATES + WEIGHTS * model.words.requires_grad)
        else:
            example += cost
    return Work(token, pair, target, example)


def matrix(module: nn.Module, reached: bool) -> int:
    """Count the FLOPs of a matrix for a token; `reached`: gradients go through it."""
    if not isinstance(module, nn.Linear):
        return 0
    weight = module.weight
    return int(weight.numel()) * (FORWARD + (STATES if reached else 0) + WEIGHTS * weight.requires_grad)


def peak(device: str, precision: str, *, tf32: bool = False) -> float | None:
    """Say how many FLOP/s a device can do, by its name; None: its figure is not known here.

    >>> peak("NVIDIA A100-SXM4-80GB", "bf16"), peak("Tesla T4", "bf16"), peak("cpu", "fp32")
    (312000000000000.0, None, None)
    """
    words = set(_words(device))
    if words & PARTLY:
        return None
    for name, figures in PEAKS:
        if words.issuperset(_words(name)):
            found = figures.get("tf32" if precision == "fp32" and tf32 else precision)
            found = figures["fp32"] if found is None and precision == "fp32" else found
            return None if found is None else found * 1e12
    return None


def _words(name: str) -> list[str]:
    return re.split(r"[\s\-_/]+", name.upper())


def mfu(flops: float, seconds: float, peak: float | None, devices: int = 1) -> float | None:
    """Return the share of what the devices can do; `flops` are those of all of them together."""
    if peak is None or not seconds > 0:
        return None
    return flops / (seconds * peak * devices)
