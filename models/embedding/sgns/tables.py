"""Tables that are learned: rows are read, and changed by what a step says of them, each once.

A row that several words of a batch share gets the sum of what they say; Adagrad with one number a row keeps
such a sum from going too far, where plain SGD would (it takes the words one after the other).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from kbtools.models.draws import key
from kbtools.models.embedding.sgns.vocabulary import Pieces
from kbtools.models.kge import rows

KEEPS = rows.make("adagrad-rows")


class Table:
    """Rows of numbers, and what the optimiser keeps of each."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights
        self.state = KEEPS.state(len(weights), weights.shape[1], weights.device)

    def __getitem__(self, index: Tensor) -> Tensor:
        return self.weights.index_select(0, index.reshape(-1)).view(*index.shape, -1)

    def change(self, index: Tensor, gradient: Tensor, lr: float) -> None:
        """Move rows by the sum of what is said of each; index [K], gradient [K, W]."""
        some, place = torch.unique(index, return_inverse=True)
        self.move(some, _summed(gradient, place, len(some)), lr)

    def move(self, index: Tensor, gradient: Tensor, lr: float) -> None:
        """Move rows of which each stands there once."""
        KEEPS.update(self.weights, self.state, index, gradient, lr, 1)


class Looked(NamedTuple):
    """Vectors of words that were read, and where they came from."""

    vectors: Tensor  # [n, W]
    words: Tensor  # [U] each once
    place: Tensor  # [n] among those
    bucket: Tensor  # [K] of the n-grams of those words
    owner: Tensor  # [K] among those words
    parts: Tensor  # [U] of how many rows each is the mean


class Inputs:
    """Vectors of words: their rows, or the mean of these and of their n-grams'."""

    def __init__(self, words: Table, ngrams: Table | None, pieces: Pieces | None) -> None:
        self.words, self.ngrams = words, ngrams
        device = words.weights.device
        if pieces is not None:
            self.offsets = torch.from_numpy(pieces.offsets).to(device)
            self.bucket = torch.from_numpy(pieces.bucket).to(device)

    def look(self, index: Tensor) -> Looked:
        """Return the vectors of words [n]."""
        words, place = torch.unique(index, return_inverse=True)
        vectors = self.words[words]
        none = words[:0]
        if self.ngrams is None:
            return Looked(vectors[place], words, place, none, none, none)
        begin = self.offsets[words]
        many = self.offsets[words + 1] - begin
        ends = many.cumsum(0)
        total = int(ends[-1]) if len(ends) else 0
        owner = torch.repeat_interleave(
            torch.arange(len(words), device=words.device), many, output_size=total
        )
        shift = (begin - (ends - many))[owner]
        bucket = self.bucket[torch.arange(total, device=words.device) + shift]
        vectors += functional.embedding_bag(bucket, self.ngrams.weights, ends - many, mode="sum")
        vectors /= (many + 1).unsqueeze(1)
        return Looked(vectors[place], words, place, bucket, owner, many + 1)

    def change(self, looked: Looked, gradient: Tensor, lr: float) -> None:
        """Move what the vectors were made of; gradient [n, W]."""
        summed = _summed(gradient, looked.place, len(looked.words))
        if self.ngrams is not None:
            summed /= looked.parts.unsqueeze(1)
            self.ngrams.change(looked.bucket, summed[looked.owner], lr)
        self.words.move(looked.words, summed, lr)


class Tables:
    """All that is learned."""

    def __init__(
        self, words: int, entities: int, dim: int, pieces: Pieces | None, *, seed: int, device: torch.device
    ) -> None:
        """Draw the vectors; what they are compared with begins with zeros, as in word2vec."""

        def drawn(name: str, many: int) -> Table:
            source = torch.Generator().manual_seed(key(seed, name))
            return Table(((torch.rand(many, dim, generator=source) - 0.5) / dim).to(device))

        def zeros(many: int) -> Table:
            return Table(torch.zeros(many, dim, device=device))

        ngrams = drawn("ngrams", pieces.rows) if pieces is not None else None
        self.inputs = Inputs(drawn("words", words), ngrams, pieces)
        self.entities = drawn("entities", entities)
        self.contexts, self.neighbours = zeros(words), zeros(entities)

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it by name; the tensors themselves."""
        named = {"words": self.inputs.words, "ngrams": self.inputs.ngrams, "entities": self.entities}
        named |= {"contexts": self.contexts, "neighbours": self.neighbours}
        return {
            name + kind: one
            for name, table in named.items()
            if table is not None
            for kind, one in {"": table.weights, **{f".{k}": v for k, v in table.state.items()}}.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        for name, mine in self.tensors().items():
            mine.copy_(tensors[name])


def _summed(gradient: Tensor, place: Tensor, many: int) -> Tensor:
    return gradient.new_zeros(many, gradient.shape[1]).index_add_(0, place, gradient)
