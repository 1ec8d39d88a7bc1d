"""Layer norms that are not torch's, and how they come into an encoder of transformers.

    γ (x − mean) / (s + 1e-6) + β,   s² = Σ (x − mean)² / (N − 1)

is that of UER-py and of K-BERT, which is built on it (Liu et al. 2020). BERT's, and torch's, divides by
√(s² (N − 1) / N + ε). The weights bear the same names.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-6


class UerNorm(nn.Module):
    """A layer norm that divides by the deviation of N − 1 numbers, its epsilon outside of the root."""

    bias: nn.Parameter | None

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, states: Tensor) -> Tensor:
        """Norm states [..., H]; computed in float32 at least, as torch's is under autocast."""
        wide = states.to(torch.promote_types(states.dtype, torch.float32))
        deviation, mean = torch.std_mean(wide, dim=-1, keepdim=True)
        found: Tensor = self.weight * (wide - mean) / (deviation + EPSILON)
        found = found if self.bias is None else found + self.bias  # ModernBERT's norms have none
        return found if torch.is_autocast_enabled(states.device.type) else found.to(states.dtype)


def as_uer(model: nn.Module) -> None:
    """Put norms of UER in the place of all of torch's; they share their weights."""
    for owner in [*model.modules()]:
        for name, norm in [*owner.named_children()]:
            if isinstance(norm, nn.LayerNorm):
                made = UerNorm(norm.normalized_shape[-1])
                made.weight, made.bias = norm.weight, norm.bias
                setattr(owner, name, made)
