"""Batches of an epoch: piece by piece, each drawn from the seed, the epoch and its place alone.

Frequent words are left out at times before windows are laid, as by Mikolov et al. (2013): what is further
apart comes together. A batch is padded to whole chunks with words that stand in no line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.models.draws import key
from kbtools.models.embedding.sgns import reading
from kbtools.models.embedding.sgns.neighbours import Entities
from kbtools.models.embedding.sgns.settings import Settings
from kbtools.models.embedding.sgns.vocabulary import Words

CHUNK = 256  # words that are compared with the same drawn ones
DRAWN = 64  # words that are drawn for each chunk
BATCH = 4096
STEPS = 200  # of an epoch, at least, if the corpus is large enough for it
NOWHERE = -1

I64 = NDArray[np.int64]


class Batch(NamedTuple):
    """n words in their order; M mentions of entities; P pairs of neighbours."""

    word: I64  # [n] rows
    line: I64  # [n] NOWHERE: padding
    window: I64  # [n]
    drawn: I64  # [n / CHUNK, DRAWN] rows of words
    entity: I64  # [M] rows of entities
    context: I64  # [M, 2 window] places among the n words around each mention, or NOWHERE
    drawn_context: I64  # [DRAWN] rows of words
    pair: I64  # [P, 2] rows of entities
    drawn_entity: I64  # [DRAWN] rows of entities


class Place(NamedTuple):
    """How far training is: all steps before this one are done."""

    epoch: int = 0
    piece: int = 0
    step: int = 0


class Coming(NamedTuple):
    """A batch, what follows it, the share of all epochs that lies before it, and words of the text in it."""

    batch: Batch
    then: Place
    share: float
    words: int


class Epochs:
    """All batches of a training, from any place on."""

    def __init__(
        self, folder: Path, pieces: Sequence[int], words: Words, entities: Entities, settings: Settings
    ) -> None:
        self.folder, self.pieces, self.words = folder, pieces, words
        self.entities, self.settings = entities, settings
        wanted = settings.batch or min(BATCH, words.total // STEPS)
        self.size = max(1, round(wanted / CHUNK)) * CHUNK
        self.kept = words.kept(settings.subsample)
        self.by_word = _cumulated(words.counts, settings.power)
        self.by_degree = _cumulated(entities.degrees, settings.power)

    def coming(self, place: Place) -> Iterator[Coming]:
        """Yield batches from a place on."""
        for epoch in range(place.epoch, self.settings.epochs):
            done = 0
            for number, piece in enumerate(self.pieces):
                row, line, mention = self._piece(piece)
                if (epoch, number) >= place[:2]:
                    first = place.step if (epoch, number) == place[:2] else 0
                    here = Place(epoch, number, first)
                    yield from self._steps(here, row, line, mention, done)
                done += len(row)

    def _piece(self, piece: int) -> tuple[I64, I64, I64]:
        """Return the words of a piece that have a row, their lines, and its mentions."""
        texts, arrays = reading.load(self.folder, piece)
        row = self.words.rows(texts)[arrays["word"]]
        known = row >= 0
        places = np.cumsum(np.append(0, known))
        mention = np.array(arrays["mention"])
        mention[:, 0] = self.entities.rows(mention[:, 0])
        mention[:, 1:3] = places[mention[:, 1:3]]
        return row[known], arrays["line"][known].astype(np.int64), mention[mention[:, 0] >= 0]

    def _steps(self, place: Place, row: I64, line: I64, mention: I64, done: int) -> Iterator[Coming]:
        settings, total = self.settings, max(1, self.words.total)
        drawn = np.random.default_rng(key(settings.seed, "words", place.epoch, self.pieces[place.piece]))
        kept = drawn.random(len(row)) < self.kept[row]
        places = np.cumsum(np.append(0, kept))
        many, row, line = len(row), row[kept], line[kept]
        mention[:, 1:3] = places[mention[:, 1:3]]
        window = drawn.integers(1, settings.window + 1, len(row))
        steps = max(1, -(-len(row) // self.size))
        owner = np.minimum(mention[:, 1] // self.size, steps - 1)
        edges = np.searchsorted(owner, np.arange(steps + 1))  # mentions stand in order
        for step in range(place.step, steps):
            low, high = step * self.size, min((step + 1) * self.size, len(row))
            here = place._replace(step=step)
            then = here._replace(step=step + 1) if step + 1 < steps else self._after(here)
            before, after = (done + many * at // steps for at in (step, step + 1))
            mine = mention[edges[step] : edges[step + 1]] - np.array([0, low, low, 0])
            text = (row[low:high], line[low:high], window[low:high])
            batch = self._batch(here, text, mine, (before / total, after / total))
            yield Coming(batch, then, (place.epoch + before / total) / settings.epochs, after - before)

    def _after(self, place: Place) -> Place:
        more = place.piece + 1 < len(self.pieces)
        return Place(place.epoch, place.piece + 1) if more else Place(place.epoch + 1)

    def _batch(
        self, place: Place, text: tuple[I64, I64, I64], mention: I64, share: tuple[float, float]
    ) -> Batch:
        row, line, window = text
        drawn = np.random.default_rng(
            key(self.settings.seed, "step", place.epoch, self.pieces[place.piece], place.step)
        )
        size = max(CHUNK, -(-len(row) // CHUNK) * CHUNK)
        some = size - len(row)
        context = _around(mention, line, self.settings.window)
        there = (context >= 0).any(axis=1)
        pairs = self.entities.pairs
        before, after = (int(self.settings.graph * len(pairs) * at) for at in share)
        pair = pairs[drawn.integers(0, len(pairs), after - before)] if after > before else pairs[:0]
        sides: I64 = np.concatenate([pair, pair[:, ::-1]]).astype(np.int64)  # from both
        return Batch(
            np.pad(row, (0, some)),
            np.pad(line, (0, some), constant_values=NOWHERE),
            np.pad(window, (0, some)),
            _draw(drawn, self.by_word, (size // CHUNK, DRAWN)),
            mention[there, 0],
            context[there],
            _draw(drawn, self.by_word, (DRAWN,)),
            sides,
            _draw(drawn, self.by_degree, (DRAWN,)) if len(pairs) else np.zeros(0, np.int64),
        )


def _around(mention: I64, line: I64, window: int) -> I64:
    """Return the places of the words before and behind mentions, in the line of each; [M, 2 window]."""
    if not len(mention) or not len(line):
        return np.full((len(mention), 2 * window), NOWHERE)
    steps = np.arange(1, window + 1)
    places = np.concatenate([mention[:, 1:2] - steps, mention[:, 2:3] + steps - 1], axis=1)
    inside = (places >= 0) & (places < len(line))
    places = np.where(inside, places, 0)
    return np.where(inside & (line[places] == mention[:, 3:]), places, NOWHERE)


def _cumulated(counts: I64, power: float) -> NDArray[np.float64]:
    found = np.cumsum(np.where(counts > 0, counts, 0).astype(np.float64) ** power * (counts > 0))
    return found / found[-1] if len(found) and found[-1] else found


def _draw(drawn: np.random.Generator, cumulated: NDArray[np.float64], shape: Any) -> I64:
    found: I64 = np.searchsorted(cumulated, drawn.random(shape), side="right")
    return np.minimum(found, len(cumulated) - 1)
