"""Scores of candidates: mentions, pooled from states and seen together, against entities' vectors (KnowBert).

    P = hidden W1;  s = spans of P, as each sees the others;  ψ = MLP([s · e / √E, prior])

(Peters et al. 2019, §3.3: "mention-span representations" and "entity linker".)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.batch import Columns
from kbtools.models.masking.mentions import HIDDEN
from kbtools.models.parts.pooling import SpanPooling
from kbtools.models.parts.tables import EntityTable

NOBODY = -1e4  # the score of no candidate: finite in fp16
EPSILON, WITHIN = 1e-5, 1e-12  # of norms: the published code's own, and those within its BERT layers


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where it stands, how wide it is, and whom it follows."""

    layer: int = setting("After which layer of the text encoder, from 0; below 0: from the last.", 9)
    width: int = setting("E, of mentions and entities; 0: as wide as the vectors.", 0)
    heads: int = setting("Heads of both attentions.", 4)
    inner: int = setting("Width within their feed-forward layers.", 1024)
    scorer: int = setting("Width within the scorer.", 100)
    classes: int = setting("Last columns of the vectors that say the class of an entity: a one for it.", 0)
    class_width: int = setting("Width of what is learned of a class.", 25)
    hidden_class: int = setting("Which class an entity has that is not to be known; −1: none.", -1)
    mode: Literal["threshold", "softmax"] = setting(
        "Candidates below the threshold are nobody (the margin loss), or all are weighed.", "threshold"
    )
    threshold: float = setting("δ: a mention with no better candidate means nobody.", 0.0)
    scale: bool = setting("Whether dot products are divided by √E: the code does, the paper does not.", True)
    null: Literal["raw", "normalised"] = setting(
        "The vector of nobody: as it is (the code), or normalised as those of candidates are.", "raw"
    )
    norms: Literal["reference", "paper"] = setting(
        "Whether mentions, entities, and both together are normalised: the code does.", "reference"
    )
    output_norm: Literal["reference", "paper"] = setting(
        "Whether the states that come out are normalised: the code does.", "reference"
    )
    no_span: Literal["skip", "reference"] = setting(
        "Examples without mentions pass as they are, or attend to an empty one (the code).", "skip"
    )
    dropout: float | None = setting("None: the text encoder's own.", None)
    inverse: bool = setting("Whether `once = pseudo_inverse` is for this one, too.", True)

    def __post_init__(self) -> None:
        for name in ("heads", "inner", "scorer", "class_width"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 1 at least")
        if self.width < 0 or self.classes < 0:
            raise ConfigError("width and classes are 0 at least")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout is {self.dropout}; it is 0 at least and below 1")
        if not math.isfinite(self.threshold):
            raise ConfigError(f"threshold is {self.threshold}; give a number")
        if not -1 <= self.hidden_class < max(self.classes, 1):
            raise ConfigError(f"hidden_class is {self.hidden_class}; there are {self.classes} classes")


class Mentions(NamedTuple):
    """The columns of a knowledge base's mentions in a batch."""

    spans: Tensor  # [B, M, 2] tokens, [start, end)
    there: Tensor  # [B, M] bool
    eids: Tensor  # [B, M, K]; −1: no candidate
    priors: Tensor  # [B, M, K]

    @classmethod
    def of(cls, batch: Columns, kb: str) -> Mentions | None:
        """Take them out of a batch; none if it has none of this knowledge base."""
        name = f"entities.{kb}"
        spans, eids = batch.get(f"{name}.spans"), batch.get(f"{name}.eids")
        if spans is None or eids is None:
            return None
        spans, mask = spans.long(), batch.get(f"{name}.spans.mask")
        there = spans[..., 1] > spans[..., 0]
        there = there if mask is None else there & mask.bool()
        real, priors = batch.get(f"{name}.eids.mask"), batch.get(f"{name}.priors")
        real = there[..., None] if real is None else real.bool() & there[..., None]
        eids = eids.long().masked_fill(~real, -1)
        priors = torch.zeros_like(eids, dtype=torch.float) if priors is None else priors
        return cls(spans, there, eids, priors.masked_fill(~real, 0))

    def wide(self) -> Mentions:
        """Return them with room for one mention and one candidate at least: no tensor without numbers."""
        m, k = (max(1 - size, 0) for size in self.eids.shape[1:])
        if not m and not k:
            return self
        return Mentions(
            functional.pad(self.spans, (0, 0, 0, m)),
            functional.pad(self.there, (0, m)),
            functional.pad(self.eids, (0, k, 0, m), value=-1),
            functional.pad(self.priors, (0, k, 0, m)),
        )

    def within(self, sequence: Tensor) -> Tensor:
        """Say which example of a packed row each belongs to: [B, T] → [B, M]."""
        return sequence.gather(1, self.spans[..., 0].long())


class Attending(nn.Module):
    """A layer of BERT whose keys may be others than its queries; norms come last."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.dense = (nn.Linear(width, width) for _ in range(4))
        self.norm = norm(width, WITHIN)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.last_norm = norm(width, WITHIN)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, others: Tensor, mask: Tensor) -> Tensor:
        """Let states attend: [B, N, E], [B, M, E], what is added to scores [B, 1, N or 1, M] → [B, N, E]."""
        query, key, value = (
            one.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for one in (self.query(states), self.key(others), self.value(others))
        )
        seen = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask.to(query.dtype),
            dropout_p=self.dropout.p if self.training else 0.0,
        )  # [B, heads, N, E / heads]
        seen = self.dropout(self.dense(seen.transpose(1, 2).flatten(2)))
        states = self.norm(states + seen)
        inner = self.down(functional.gelu(self.up(states)))
        found: Tensor = self.last_norm(states + self.dropout(inner))
        return found


class Candidates(nn.Module):
    """eids → vectors [..., E], normalised to mean 0 and variance 1; `norm` has the weights that go with them.

    Rows go through a matrix where they have another width than E, or columns of classes. An entity without a
    vector is no candidate.
    """

    hidden: Tensor  # [D] the vector of an entity that is not to be known

    def __init__(self, table: EntityTable, width: int, told: Settings, dropout: float) -> None:
        super().__init__()
        classes, class_width = told.classes, told.class_width
        self.table = table
        self.classes = nn.Embedding(classes, class_width) if classes else None
        plain = table.dim - classes
        if plain < 1:
            raise ConfigError(
                f"{classes} classes, but vectors of {table.kb} have {table.dim} numbers: give classes = 0"
            )
        project = classes or width != table.dim
        self.project = nn.Linear(plain + (class_width if classes else 0), width) if project else None
        self.norm = norm(width) if told.norms == "reference" else None
        self.dropout = nn.Dropout(dropout)
        self.hidden_class = told.hidden_class
        self.register_buffer("hidden", torch.zeros(table.dim))

    def reset(self, spread: float) -> None:
        """Draw the vector of an entity that is not to be known; its class is given."""
        nn.init.normal_(self.hidden, std=spread)
        if self.classes is not None:
            kinds = self.hidden[-self.classes.num_embeddings :]
            kinds.zero_()
            if self.hidden_class >= 0:
                kinds[self.hidden_class] = 1

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # as the table is
    def forward(self, eids: Tensor) -> tuple[Tensor, Tensor]:
        """[...] → vectors [..., E], and [...] bool: who is a candidate. Each entity is computed once."""
        each, back = torch.unique(eids, return_inverse=True)
        found = self.table(each)
        found = torch.where((each == HIDDEN)[:, None], self.hidden.to(found.dtype), found)  # [U, D]
        known = (found != 0).any(-1)
        if self.classes is not None:
            many = self.classes.num_embeddings
            plain, kinds = found[:, :-many], found[:, -many:]
            found = torch.cat([plain, kinds @ self.classes.weight.to(kinds.dtype)], 1)
        if self.project is not None:
            found = self.dropout(self.project(found))
        if self.norm is not None:
            found = functional.layer_norm(found, found.shape[-1:], eps=self.norm.eps)
        return functional.embedding(back, found), known[back]

    def weighed(self, mean: Tensor) -> Tensor:
        """Put the weights of the norm to what are means of vectors, whose weights are 1 in sum."""
        return mean if self.norm is None else mean * self.norm.weight + self.norm.bias

    def dots(self, spans: Tensor, vectors: Tensor) -> Tensor:
        """Multiply mentions with candidates: [B, M, E], [B, M, K, E] → [B, M, K].

        s · (γ n + β) = (γ s) · n + s · β: the weights of the norm go to the smaller side.
        """
        if self.norm is None:
            return (vectors @ spans.to(vectors.dtype)[..., None]).squeeze(-1)
        found = vectors @ (spans * self.norm.weight).to(vectors.dtype)[..., None]
        return found.squeeze(-1) + (spans @ self.norm.bias)[..., None]


class Scored(NamedTuple):
    """What a linker has made."""

    words: Tensor  # [B, T, E] P
    spans: Tensor  # [B, M, E]
    vectors: Tensor  # [B, M, K, E] of candidates, without the weights of their norm
    eids: Tensor  # [B, M, K]; −1: no candidate
    scores: Tensor  # [B, M, K]; NOBODY: no candidate


class Linker(nn.Module):
    """States and mentions → scores of candidates."""

    def __init__(self, table: EntityTable, text_width: int, told: Settings, dropout: float) -> None:
        super().__init__()
        self.width = width = told.width or table.dim
        if width % told.heads:
            raise ConfigError(
                f"{table.kb}: {width} numbers cannot be shared out among {told.heads} heads: "
                "set heads, or width"
            )
        self.scale = 1 / math.sqrt(width) if told.scale else 1.0
        self.into = nn.Linear(text_width, width)
        self.pool = SpanPooling("attentive", width)
        self.norm = norm(width) if told.norms == "reference" else nn.Identity()
        self.spans = Attending(width, told.heads, told.inner, dropout)
        self.candidates = Candidates(table, width, told, dropout)
        self.score = nn.Sequential(nn.Linear(2, told.scorer), nn.ReLU(), nn.Linear(told.scorer, 1))

    def forward(self, hidden: Tensor, mentions: Mentions, sequence: Tensor | None = None) -> Scored:
        """Score; [B, T, H] → [B, M, K]. Mentions see those of their own example alone."""
        words = self.into(hidden)
        spans = self.norm(self.pool(words, mentions.spans, mentions.there))
        seen = mentions.there[:, None]  # [B, 1, M]
        if sequence is not None:
            of = mentions.within(sequence)
            seen = seen & (of[:, :, None] == of[:, None])
        spans = self.spans(spans, spans, additive(seen, hidden.dtype))
        vectors, known = self.candidates(mentions.eids)
        dots = self.candidates.dots(spans, vectors)
        features = torch.stack([dots * self.scale, mentions.priors.to(dots.dtype)], -1)  # [B, M, K, 2]
        scores = self.score(features).squeeze(-1).masked_fill(~known, NOBODY)
        return Scored(words, spans, vectors, mentions.eids.masked_fill(~known, -1), scores)


def additive(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what is added to scores of attention: [B, N or 1, M] bool → [B, 1, N or 1, M].

    Where nothing is seen, all is, evenly: finite numbers, and no NaN.
    """
    return torch.zeros_like(seen, dtype=dtype).masked_fill(~seen, NOBODY)[:, None]


def norm(width: int, epsilon: float = EPSILON) -> nn.LayerNorm:
    """Make a norm."""
    return nn.LayerNorm(width, eps=epsilon)
