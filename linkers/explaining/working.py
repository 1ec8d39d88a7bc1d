"""A linker at work on a block of documents, asked step by step; what it said of each mention, in words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.schema import LEVELS
from kbtools.linkers.base import KINDS, Block, Floats, Longs, Mentions
from kbtools.linkers.explaining.entities import Called, Entity
from kbtools.linkers.explaining.explained import Candidate, Mention
from kbtools.linkers.linking import TOLD, Decided, Linker, Tested
from kbtools.linkers.opening import Opened
from kbtools.linkers.preset import Nil

OVERLAP = "overlap"


class Standing:
    """The mentions of a document that are kept, in one knowledge base and in order."""

    def __init__(self, start: list[int], end: list[int], number: list[int]) -> None:
        self.start, self.end, self.number = start, end, number
        self.longest = max((high - low for low, high in zip(start, end, strict=True)), default=0)

    def over(self, start: int, end: int, number: int) -> list[int]:
        """Return those that share a character with a place, but for the mention `number` itself."""
        low, high = bisect_right(self.start, start - self.longest), bisect_left(self.start, end)
        near = zip(self.end[low:high], self.number[low:high], strict=True)
        return [one for far, one in near if far > start and one != number]


class Seen:
    """A block of documents, and all that a linker said of it."""

    def __init__(self, linker: Linker, block: Block) -> None:
        self.linker, self.block = linker, block
        self.mentions: Mentions = linker.found(block)
        self.features: dict[str, Floats] = linker.scored(block, self.mentions)
        ranked = linker.rank(self.mentions, self.features)
        self.tested: Tested = linker.tested(self.mentions, self.features, ranked)
        self.choice: Longs = self.tested.choice
        found = Decided(self.mentions, self.tested.ranked, self.features, self.choice)
        self.standing = linker.kept(found)
        self.kept: Longs = linker.apart(found, self.standing)

    @cached_property
    def order(self) -> Longs:
        """The rows of candidates, those of a mention together and the likeliest first."""
        mentions = self.mentions
        return np.lexsort((mentions.eid, -mentions.prior, -self.tested.ranked.p, mentions.owner))

    @cached_property
    def state(self) -> list[str]:
        """What became of each mention, as in STATES."""
        states = np.full(len(self.mentions), "dropped", object)
        states[self._is_kept] = np.where(self.choice[self._is_kept] >= 0, "linked", "NIL")
        found: list[str] = states.tolist()
        return found

    def rows(self, document: int) -> range:
        """Return the mentions of a document."""
        low, high = np.searchsorted(self.mentions.text, [document, document + 1]).tolist()
        return range(low, high)

    def candidates(self, row: int) -> list[int]:
        """Return the rows of a mention's candidates, the likeliest first."""
        low, high = self.mentions.offsets[row : row + 2].tolist()
        found: list[int] = self.order[low:high].tolist()
        return found

    def counts(self, document: int) -> dict[str, int]:
        """Count what became of a document's mentions, and why some were dropped."""
        rows = self.rows(document)
        mine = slice(rows.start, rows.stop)
        counts = Counter(self.state[mine])
        for test, number in enumerate(np.bincount(self._first[mine][~self._is_kept[mine]]).tolist()):
            if number:
                counts[f"dropped: {self._tests[test]}"] = number
        return {"found": len(rows), **dict(sorted(counts.items()))}

    @property
    def _tests(self) -> list[str]:
        """What a mention has to pass, in order."""
        return [*self.tested.passed, OVERLAP]

    @cached_property
    def _is_kept(self) -> NDArray[np.bool_]:
        kept = np.zeros(len(self.mentions), np.bool_)
        kept[self.kept] = True
        return kept

    @cached_property
    def _first(self) -> Longs:
        """The first test that each mention does not pass; what passed all and is gone lost its place."""
        first = np.full(len(self.mentions), len(self._tests) - 1, np.int64)
        for test, passed in reversed([*enumerate(self.tested.passed.values())]):
            first[~passed] = test
        return first

    def _failed(self, row: int) -> list[str]:
        """Return the tests that a mention does not pass."""
        failed = [name for name, passed in self.tested.passed.items() if not passed[row]]
        lost = not self._is_kept[row] and row in self._standing_rows
        return [*(failed[:1] if failed[:1] == ["candidates"] else failed), *([OVERLAP] if lost else [])]

    @cached_property
    def _standing_rows(self) -> set[int]:
        return {*self.standing.tolist()}

    def told(self, here: Opened, document: int, rows: range, called: Called) -> Iterator[Mention]:
        """Put some of a document's mentions into words."""
        standing = self._standing(document)
        none = Standing([], [], [])
        for row in rows:
            others = standing.get(int(self.mentions.kb[row]), none)
            yield self._mention(here, document, row, others, called)

    def _mention(self, here: Opened, document: int, row: int, others: Standing, called: Called) -> Mention:
        mentions, kb = self.mentions, int(self.mentions.kb[row])
        start, end = int(mentions.start[row]), int(mentions.end[row])
        first = self.rows(document).start
        candidates = [self._candidate(kb, at, called) for at in self.candidates(row)]
        failed, parent = self._failed(row), int(mentions.parent[row])
        nil, link = float(self.tested.ranked.nil[row]), float(mentions.link[row])
        state = self.state[row]
        return Mention(
            number=row - first,
            start=start,
            end=end,
            surface=self.block.texts[document][start:end],
            kb=here.names[kb],
            kind=KINDS[int(mentions.kind[row])],
            state=state,
            failed=failed,
            why="" if state == "linked" else _why(failed[0], here.preset.nil, candidates, nil),
            rung=self._rung(row),
            link=None if np.isnan(link) else link,
            parent=parent - first if parent >= 0 else None,
            over=others.over(start, end, row - first),
            nil=nil,
            candidates=candidates,
        )

    def _candidate(self, kb: int, at: int, called: Called) -> Candidate:
        eid = int(self.mentions.eid[at])
        entity = called.get((kb, eid), Entity())
        return Candidate(
            eid=eid,
            id=entity.id,
            label=entity.label,
            description=entity.description,
            prior=float(self.mentions.prior[at]),
            string=float(self.mentions.string[at]),
            features={name: _number(values[at]) for name, values in self.features.items()},
            p=float(self.tested.ranked.p[at]),
        )

    def _rung(self, row: int) -> str | None:
        """Return how the name was found; what only an index or the corpus knows was not found by a name."""
        low, high = self.mentions.offsets[row : row + 2]
        named = bool((self.mentions.prior[low:high] > 0).any())
        trust = self.linker.preset.mentions.get("given", {}).get("trust", False)
        said = trust and KINDS[int(self.mentions.kind[row])] in TOLD
        return LEVELS[int(self.mentions.level[row])] if named and not said else None

    def _standing(self, document: int) -> dict[int, Standing]:
        """Return the mentions of a document that are kept, by knowledge base."""
        rows = self.rows(document)
        low, high = np.searchsorted(self.kept, [rows.start, rows.stop])
        kept, mentions = self.kept[low:high], self.mentions
        found = {}
        for kb in np.unique(mentions.kb[kept]).tolist():
            mine = kept[mentions.kb[kept] == kb]
            columns = (mentions.start[mine], mentions.end[mine], mine - rows.start)
            found[kb] = Standing(*(column.tolist() for column in columns))
        return found


def _why(test: str, nil: Nil, candidates: list[Candidate], none: float) -> str:
    """Say why a mention means nothing, or is none."""
    first = candidates[0] if candidates else None
    if first is None or test == "candidates":
        return "no candidates"
    context = first.features.get("context")
    told = {
        "nil.likelier": f"that none is right is likelier: {none:.3f}, the best candidate {first.p:.3f}",
        "nil.total": f"p {first.p:.3f} is below nil.total {nil.total:g}",
        "nil.prior": f"prior {first.prior:.3f} is below nil.prior {nil.prior:g}",
        "nil.context": f"context {'nan' if context is None else f'{context:.3f}'} is below nil.context"
        f" {nil.context or 0:g}",
        OVERLAP: "others stand there",
    }
    return told[test]


def _number(value: Any) -> float | None:
    found = float(value)
    return found if np.isfinite(found) else None
