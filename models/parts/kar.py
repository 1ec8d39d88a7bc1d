"""Knowledge attention and recontextualisation: states link mentions, and read what was linked (KnowBert).

    hidden [B, T, H] ──▶ P [B, T, E] ──spans──▶ S [B, M, E] ──against candidates──▶ ψ [B, M, K]
                         │                      └── + Σ softmax(ψ) e ──▶ S'  ──┐
                         └──────── words attend to mentions ◀──────────────────┘──▶ P' ──▶ hidden [B, T, H]

(Peters et al. 2019, arXiv 1909.04164, §3.3.) Where the paper and its published code disagree, a setting says
which of them is followed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from kbtools.models.batch import Columns
from kbtools.models.parts.linking import NOBODY, Attending, Linker, Mentions, Settings, additive, norm
from kbtools.models.parts.tables import EntityTable

__all__ = ["NOBODY", "Kar", "Linked", "Mentions", "Settings"]

SPREAD = 0.02  # standard deviation of new weights, and of the vector of nobody


class Linked(NamedTuple):
    """What was found out about the mentions of a batch; `output.parts["knowbert"][KB]`."""

    eids: Tensor  # [B, M, K]; −1: no candidate
    scores: Tensor  # [B, M, K] ψ, before any threshold; NOBODY where there is no candidate
    spans: Tensor  # [B, M, 2] tokens, [start, end)
    there: Tensor  # [B, M] bool; false at padding


class Kar(nn.Module):
    """States [B, T, H] that have read of entities; one for each knowledge base."""

    null: Tensor  # [E]

    def __init__(self, table: EntityTable, text_width: int, told: Settings, dropout: float) -> None:
        super().__init__()
        dropout = dropout if told.dropout is None else told.dropout
        self.told = told
        self.linker = Linker(table, text_width, told, dropout)
        width = self.linker.width
        self.norm = norm(width) if told.norms == "reference" else nn.Identity()
        self.words = Attending(width, told.heads, told.inner, dropout)
        self.out = nn.Linear(width, text_width)
        self.out_norm = norm(text_width) if told.output_norm == "reference" else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("null", torch.zeros(width))
        self.reset()

    def reset(self) -> None:
        """Draw all weights anew, and the vectors that never train."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=SPREAD)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.null, std=SPREAD)
        self.linker.candidates.reset(SPREAD)

    def forward(self, hidden: Tensor, mentions: Mentions, batch: Columns) -> tuple[Tensor, Linked]:
        """Link, and read; [B, T, H] → [B, T, H]."""
        sequence = batch.get("sequence")
        some = mentions.wide()
        found = self.linker(hidden, some, sequence)
        entities = self._weighed(found.scores, found.vectors)
        spans = self.norm(found.spans + self.dropout(entities))
        seen = some.there[:, None]  # [B, 1, M]; packed: [B, T, M]
        if sequence is not None:
            seen = seen & (sequence[..., None] == some.within(sequence)[:, None])
        read = self.out(self.words(found.words, spans, additive(seen, hidden.dtype)))
        out = self.out_norm(hidden + self.dropout(read))
        if self.told.no_span == "skip":
            out = torch.where(seen.any(-1, keepdim=True), out, hidden)
        m, k = mentions.eids.shape[1:]
        told = Linked(found.eids[:, :m, :k], found.scores[:, :m, :k], mentions.spans, mentions.there)
        return out.to(hidden.dtype), told

    def _weighed(self, scores: Tensor, vectors: Tensor) -> Tensor:
        """Return the mean of candidates by their scores, or nobody: [B, M, K], [B, M, K, E] → [B, M, E].

        The norm of entities has its weights behind the mean, which is the same: those of the mean are 1 in
        sum. So nothing as large as all candidates is kept to go back through.
        """
        candidates = self.linker.candidates
        if self.told.mode == "threshold":
            kept = scores >= self.told.threshold
            scores = scores.masked_fill(~kept, NOBODY)
        exact = torch.promote_types(scores.dtype, torch.float32)
        weights = scores.softmax(-1, dtype=exact).to(vectors.dtype)
        mean = candidates.weighed((weights[..., None, :] @ vectors).squeeze(-2))
        if self.told.mode == "softmax":
            return mean
        null = self.null
        if self.told.null == "normalised" and candidates.norm is not None:
            null = candidates.norm(null)
        return torch.where(kept.any(-1, keepdim=True), mean, null)

    @torch.no_grad()
    def pseudo_inverse(self) -> None:
        """Let the way out undo the way in: W2 = W1⁺, b2 = −W1⁺ b1 (Moore and Penrose's)."""
        into = self.linker.into
        back = torch.linalg.pinv(into.weight.double())  # [H, E]
        self.out.weight.copy_(back)
        self.out.bias.copy_(-back @ into.bias.double())
