"""Which layers are wanted, and how their states become one.

0 is what the first layer reads, the embeddings; 1 to L the layers; -1 the last, as transformers numbers
`hidden_states`. BERT's own features for tagging are its last four, one after the other (Devlin et al. 2019,
section 5.3): `-4:`. A weighted sum is that of ELMo (Peters et al. 2018).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from kbtools.errors import ConfigError
from kbtools.features.settings import Settings

_SLICE = re.compile(r"\s*([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*")
_NUMBER = re.compile(r"\s*[+-]?\d+\s*")


def chosen(text: str, count: int) -> tuple[int, ...]:
    """Read which of `count` states are meant, as Python numbers and slices them.

    >>> chosen("-4:", 13), chosen("0", 13), chosen("6,-1", 13)
    ((9, 10, 11, 12), (0,), (6, 12))
    """
    found: list[int] = []
    for part in text.split(","):
        if between := _SLICE.fullmatch(part):
            low, high = (int(end) if end else None for end in between.groups())
            if (low or 0) < -count or (low or 0) >= count or (high or 0) > count:
                raise _beyond(part, count)
            found += range(count)[low:high]
        elif _NUMBER.fullmatch(part):
            if not -count <= int(part) < count:
                raise _beyond(part, count)
            found.append(range(count)[int(part)])
        else:
            raise ConfigError(f"layers {text!r}: write -1, 0, 6,12 or -4: (the last four)")
    if not found:
        raise ConfigError(f"layers {text!r}: names none of {count - 1} layers and the embeddings")
    return tuple(dict.fromkeys(found))


def check_weights(settings: Settings, count: int) -> None:
    """Refuse weights that are not those of the layers."""
    weights = settings.weights
    if not weights:
        return
    if settings.join == "concat":
        raise ConfigError("weights are for join=mean or join=sum; layers one after the other have none")
    if len(weights) != count:
        raise ConfigError(f"weights are {len(weights)} numbers, and there are {count} layers; give one each")
    total = sum(weights)
    if not abs(total) < float("inf") or (settings.join == "mean" and total <= 0):
        raise ConfigError("weights are finite numbers; for a mean they are more than 0 together")


def joined(states: Sequence[Tensor], settings: Settings) -> list[Tensor]:
    """Bring states of layers together, [B, T, H] each; what is concatenated stays apart until pooled."""
    states = [one.float() for one in states]  # what is added up later is added up exactly enough
    if settings.join == "concat" or (len(states) == 1 and not settings.weights):
        return states
    weights = torch.tensor(settings.weights or [1.0] * len(states), device=states[0].device)
    if settings.join == "mean":
        weights = weights / weights.sum()
    total = states[0] * weights[0]
    for state, weight in zip(states[1:], weights[1:], strict=True):
        total = torch.addcmul(total, state, weight)
    return [total]


def _beyond(part: str, count: int) -> ConfigError:
    return ConfigError(
        f"layers {part.strip()!r}: out of range; the model has {count - 1} layers: 0 is the embeddings, "
        f"{count - 1} or -1 the last"
    )
