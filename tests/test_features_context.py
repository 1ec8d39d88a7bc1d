"""The feature `context` beside a slow oracle that reads the same profile word by word."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kbtools import linkers
from kbtools.errors import ConfigError
from kbtools.linkers.base import Block, take
from kbtools.linkers.features import context
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.words import words_of
from tests import known_world
from tests.some_mentions import Said, mentions_of

TEXTS = [
    "The jaguar hunts deer in the forest; a cat, a large cat. Jaguar cubs!",
    "Jaguar builds cars with a new engine in Coventry, the city in England, for the animal in you.",
    "猫科动物 and a jaguar",
    "nothing here is known, but a Jaguar",
    "jaguar",
]
BOTH = [(0, 0.6), (1, 0.4)]
SAID = [
    Said(0, "jaguar", BOTH), Said(0, "cat", [(2, 1.0), (6, 0.0), (99, 0.0)]), Said(0, "Jaguar", [(1, 1.0)]),
    Said(1, "Jaguar", BOTH), Said(1, "in Coventry", [(4, 1.0)]), Said(1, "animal", [(5, 1.0), (0, 0.5)]),
    Said(2, "动物", [(2, 1.0)]), Said(2, "jaguar", [(1, 1.0), (0, 1.0), (2, 0.1)]), Said(3, "Jaguar", BOTH),
    Said(4, "jaguar", [*BOTH, (2, 0.0)]),
]  # fmt: skip


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("known")
    kb = known_world.write(folder / "kb", name="known")
    linkers.build_index(kb, folder / "p", kind="profile")
    return linkers.open_index(folder / "p")


def feature(profile, **settings):
    knowledge: Any = SimpleNamespace(need_profile=lambda what: profile)
    return context.make(knowledge, context.Settings(**settings))


def around(text, start, end, size, whole):
    """Return the words that a mention is compared by, and how often each is there."""
    words = words_of([text])
    spans = list(zip(words.start.tolist(), words.end.tolist(), words.term.tolist(), strict=True))
    own = {term for low, high, term in spans if high > start and low < end}
    if len(spans) > whole:
        place = next(i for i, (_, high, _) in enumerate([*spans, (0, 1 << 30, 0)]) if high > start) // size
        spans = spans[max(0, place - 1) * size : (place + 2) * size]
    return Counter(term for *_, term in spans), own


def entity(profile, row, settings):
    """Return the words of an entity and of neighbours, and how many it has."""
    found: Counter[int] = Counter()
    length = 0.0
    low, high = profile.neighbours.offsets[row : row + 2].tolist()
    near = profile.neighbours.values[low:high]
    sources = [(row, 1.0), *((one, settings.related_worth) for one in near.tolist()[: settings.related])]
    square = 0.0
    for source, worth in sources:
        _, at = profile.words.take(np.array([source]))
        for number, weight in zip(profile.words.values[at], profile.words.weights[at], strict=True):
            term = int(profile.arrays["words.terms"][number])
            found[term] += weight / 16 * worth
            square += (weight / 16 * worth * idf(profile, term)) ** 2
        length += profile.lengths[source] / 16 * worth
    return found, length, math.sqrt(square)


def idf(profile, term):
    n = int(profile.document_frequency(np.array([term], np.uint64))[0])
    return max(math.log1p(profile.described - n + 0.5) - math.log(n + 0.5), 1e-6)


def expected(profile, place, row, settings):
    """Score one candidate."""
    text, start, end = place
    counts, own = around(text, start, end, settings.passage, settings.whole)
    words, length, norm = entity(profile, row, settings)
    average = profile.total / profile.described
    total, square = 0.0, 0.0
    for term, n in counts.items():
        known = profile.document_frequency(np.array([term], np.uint64))[0] > 0
        if term in own or not known:
            continue
        square += (n * idf(profile, term)) ** 2
        w = words[term]
        if not w:
            continue
        if settings.model == "bm25":
            held = settings.k1 * (1 - settings.b + settings.b * length / average)
            gain = n * (settings.k + 1) / (n + settings.k)
            total += gain * idf(profile, term) * w * (settings.k1 + 1) / (w + held)
        elif settings.model == "lm":
            number = profile.terms(np.array([term], np.uint64))[0]
            every = profile.arrays["words.sums"][number] / 16 / profile.total
            share = settings.smoothing
            total += n * (math.log(share * w / length + (1 - share) * every) - math.log((1 - share) * every))
        else:
            total += n * w * idf(profile, term) ** 2
    return total / (math.sqrt(square) * norm) if settings.model == "cosine" and total else total


@pytest.mark.parametrize("model", ["bm25", "lm", "cosine"])
@pytest.mark.parametrize(
    "more",
    [{}, {"passage": 3, "whole": 5}, {"passage": 1, "whole": 0, "related": 2}, {"related": 1, "k": 0.0}],
)
def test_scores_are_those_of_the_slow_oracle(profile, model, more, monkeypatch):
    settings = context.Settings(model=model, **more)
    block = Block(TEXTS)
    mentions = mentions_of(block, SAID)
    monkeypatch.setattr(context, "PAIRS", 7)
    found = feature(profile, model=model, **more)(block, mentions, {})
    wanted = [
        expected(profile, (TEXTS[one.text], start, end), eid, settings) if eid < len(profile) else 0.0
        for one, start, end in zip(SAID, mentions.start.tolist(), mentions.end.tolist(), strict=True)
        for eid, _ in one.candidates
    ]
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx(wanted, rel=1e-5, abs=1e-6)
    if model == "cosine":
        assert found.max() <= 1.0001


@pytest.mark.parametrize("model", ["bm25", "lm", "cosine"])
def test_what_fits_wins(profile, model):
    block = Block(TEXTS)
    found = feature(profile, model=model)(block, mentions_of(block, SAID), {})
    assert found[0] > found[1]  # the animal, among deer and forests
    assert found[6] < found[7]  # the maker of cars
    assert found[-3:].tolist() == [0, 0, 0]  # a text of nothing but the name


def test_a_mention_is_scored_alike_whatever_else_is_in_the_block(profile):
    block = Block(TEXTS)
    mentions = mentions_of(block, SAID)
    for settings in ({"model": "lm"}, {"model": "cosine", "related": 3}, {"passage": 2, "whole": 4}):
        together = feature(profile, **settings)(block, mentions, {})
        for number, text in enumerate(TEXTS):
            rows = np.flatnonzero(mentions.text == number)
            mine = take(mentions, rows)
            alone = feature(profile, **settings)(Block([text]), mine._replace(text=mine.text * 0), {})
            candidates = np.isin(mentions.owner, rows)
            assert np.array_equal(alone, together[candidates])


def test_nothing_to_compare(profile):
    block = Block(["", "😀"])
    mentions = mentions_of(block, [Said(1, "😀", [(0, 1.0), (6, 1.0)])])
    for model in ("bm25", "lm", "cosine"):
        assert feature(profile, model=model)(block, mentions, {}).tolist() == [0, 0]
        assert not len(feature(profile, model=model)(block, take(mentions, np.zeros(0, np.int64)), {}))
        none = mentions_of(block, [Said(1, "😀", [])])
        assert not len(feature(profile, model=model)(block, none, {}))


def test_settings_that_cannot_be(profile):
    for wrong in ({"passage": 0}, {"b": 2.0}, {"smoothing": 1.0}, {"k1": -1.0}, {"related": -1}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            context.Settings(**wrong)
    unused: Any = None
    with pytest.raises(ConfigError, match="--kind profile"):
        context.make(Knowledge(alias=unused), context.Settings())
