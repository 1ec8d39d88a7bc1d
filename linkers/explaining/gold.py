"""What a linker said beside what is right, judged as `kbtools eval linking` judges.

Each knowledge base that gold speaks of is judged by itself; an id that none of them knows counts as NIL.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.arrays import ranges
from kbtools.linkers.base import Longs, best
from kbtools.linkers.explaining.entities import Called, Entities
from kbtools.linkers.explaining.explained import Candidate, Gold, Mention
from kbtools.linkers.explaining.working import Seen
from kbtools.metrics import linking
from kbtools.metrics.linking import CLASSES, NIL, Annotations, Hints
from kbtools.tasks.linking import gold as golds
from kbtools.tasks.linking.answers import SHIFT, Answers
from kbtools.tasks.linking.entities import Entities as Numbers
from kbtools.tasks.linking.judging import judge

NAMES = list(CLASSES)
MISSED = {"missed", "missed, lower case", "NIL left alone", "wrong span"}
EXTRA = {"spurious", "spurious, lower case", "twice", "wrong span"}
LOW = (1 << SHIFT) - 1


class Said(NamedTuple):
    """What a linker said of several blocks, as annotations, and which mention of a document each is."""

    annotations: Annotations
    popular: Longs
    kb: Longs
    number: Longs


class Beside:
    """Gold of some documents, and how a linker did on each of its links."""

    def __init__(
        self, documents: pa.Table, entities: Entities, seen: Sequence[tuple[int, Seen]], where: str
    ) -> None:
        numbers = Numbers(dict(entities.bases))
        read = golds.read(documents.to_batches(), numbers.resolve, numbers.numbered, where)
        self.gold = golds.told_once(read, numbers.places)  # as scores count it
        self.kb = self._places(numbers)
        self.names = {place: base.name for place, base in entities.bases.items()}
        self.codes = np.full(len(self.gold.told), -1, np.int64)  # of classes; −1: not judged
        self.answers: dict[tuple[int, int], str] = {}  # (document, mention) -> class
        self.verdicts: dict[int, Counter[str | None]] = defaultdict(Counter)  # of answers, by document
        said = _said(seen)
        for place in np.unique(self.kb).tolist():
            self._judge(place, said)

    def _places(self, numbers: Numbers) -> Longs:
        """Return the knowledge base that each link is about: that of its entity, or of most others."""
        entity = self.gold.annotations.entity
        found = Counter((entity[entity >= 0] >> SHIFT).tolist())
        most = min(found, key=lambda place: (-found[place], place)) if found else 0
        named = [numbers.places.get(name, most) if name else most for name in self.gold.kbs]
        return np.where(entity >= 0, entity >> SHIFT, np.array(named, np.int64))

    def _judge(self, place: int, said: Said) -> None:
        mine = self.kb == place
        inside = self.gold.judged[said.annotations.doc]
        theirs = (said.kb == place) & (said.annotations.start >= inside[:, 0])
        theirs &= said.annotations.end <= inside[:, 1]
        popular = said.popular[theirs]
        answers = Answers("", said.annotations.take(theirs), popular, {})
        found = judge(self.gold.take(mine), answers, Hints(popular=popular)).classes
        self.codes[mine] = found.gold
        places = zip(said.annotations.doc[theirs].tolist(), said.number[theirs].tolist(), strict=True)
        for (document, number), code in zip(places, found.system.tolist(), strict=True):
            self.answers[document, number] = NAMES[code]
            self.verdicts[document][_verdict_of_answer(NAMES[code])] += 1

    def entities(self, document: int) -> Longs:
        """Return the numbers of the entities that are right in a document."""
        entity = self.gold.annotations.entity[self.gold.annotations.doc == document]
        known: Longs = entity[entity >= 0]
        return known

    def told(
        self, document: int, mentions: Sequence[Mention], until: int, called: Called
    ) -> tuple[list[Mention], list[Gold]]:
        """Say of mentions how they fared, and of gold whether it was found."""
        ours = self.gold.annotations
        rows = np.flatnonzero((ours.doc == document) & (ours.start < until)).tolist()
        there = {(one.start, one.end, one.kb): one for one in mentions}
        meant: dict[int, set[int]] = {}
        links = []
        for row in rows:
            kb = self.names.get(int(self.kb[row]))
            right = self._right(row)
            mention = there.get((int(ours.start[row]), int(ours.end[row]), kb or ""))
            if mention is not None:
                meant[mention.number] = meant.get(mention.number, set()) | right
            links.append(self._link(row, kb, right, mention, called))
        judged = [
            self._mention(one, self.answers.get((document, one.number)), meant.get(one.number))
            for one in mentions
        ]
        return judged, links

    def counts(self, document: int) -> dict[str, int]:
        """Count verdicts over all of a document."""
        rows = np.flatnonzero(self.gold.annotations.doc == document).tolist()
        ours, theirs = Counter(map(self._verdict, rows)), self.verdicts[document]
        return {
            "gold": len(rows), "right": ours["right"], "missed": ours["missed"],
            "wrong": theirs["wrong"], "extra": theirs["extra"],
        }  # fmt: skip

    def _verdict(self, row: int) -> str | None:
        """Say how a link of gold fared; to leave alone what is in no knowledge base is no fault."""
        verdict = _verdict_of_gold(NAMES[self.codes[row]])
        return None if verdict == "missed" and not self.gold.annotations.known[row] else verdict

    def _right(self, row: int) -> set[int]:
        """Return the eids that are right."""
        entity, others = int(self.gold.annotations.entity[row]), self.gold.annotations.others
        more = others.values[others.offsets[row] : others.offsets[row + 1]].tolist()
        return {one & LOW for one in [entity, *more] if one >= 0 and one >> SHIFT == self.kb[row]}

    def _link(
        self, row: int, kb: str | None, right: set[int], mention: Mention | None, called: Called
    ) -> Gold:
        ours, error = self.gold.annotations, NAMES[self.codes[row]]
        start, end, entity = int(ours.start[row]), int(ours.end[row]), int(ours.entity[row])
        known = called.get((entity >> SHIFT, entity & LOW)) if entity >= 0 else None
        ranks = [] if mention is None else [one.eid in right for one in mention.candidates]
        return Gold(
            start=start,
            end=end,
            surface=self.gold.texts[int(ours.doc[row])][start:end],
            kb=kb,
            id=known.id if known and known.id else self.gold.told[row],
            label=known.label if known else self.gold.names[row],
            verdict=self._verdict(row),
            error=error,
            mention=None if mention is None else mention.number,
            rank=ranks.index(True) + 1 if True in ranks else None,
        )

    def _mention(self, one: Mention, error: str | None, right: set[int] | None) -> Mention:
        candidates = one.candidates
        if right is not None:
            candidates = [_marked(each, each.eid in right) for each in candidates]
        verdict = None if error is None else _verdict_of_answer(error)
        return msgspec.structs.replace(one, candidates=candidates, verdict=verdict, error=error)


def is_told(documents: pa.Table) -> bool:
    """Tell whether a corpus says of any link what is meant."""
    kinds: Any = pc.list_flatten(documents["links"].combine_chunks())
    kinds = pc.struct_field(kinds, "kind")
    return bool(pc.any(pc.fill_null(pc.not_equal(kinds, "ner"), True)).as_py())


def _marked(one: Candidate, right: bool) -> Candidate:
    return msgspec.structs.replace(one, right=right)


def _verdict_of_gold(error: str) -> str | None:
    if error == "not asked":
        return None
    return "missed" if error in MISSED else "right" if error == "right" else "wrong"


def _verdict_of_answer(error: str) -> str | None:
    if error == "not asked":
        return None
    return "extra" if error in EXTRA else "right" if error == "right" else "wrong"


def _said(seen: Sequence[tuple[int, Seen]]) -> Said:
    """Put what is kept of all blocks together; documents are counted on from block to block."""
    parts = [_said_in(first, one) for first, one in seen]
    doc, start, end, entity, score, popular, kb, number, lengths, values = (
        np.concatenate(column) if column else np.zeros(0, np.int64) for column in zip(*parts, strict=True)
    )
    candidates = linking.Ragged(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), values)
    made = linking.annotate(doc, start, end, entity, score=score, candidates=candidates)
    return Said(made, popular, kb, number)


def _said_in(first: int, one: Seen) -> tuple[NDArray[Any], ...]:
    mentions, ranked, kept = one.mentions, one.tested.ranked, one.kept
    text, kb = (column[kept].astype(np.int64) for column in (mentions.text, mentions.kb))
    eids = np.append(mentions.eid.astype(np.int64), 0)  # the last one: of the row −1
    base, chosen, usual = kb << SHIFT, one.choice[kept], best(mentions, mentions.prior)[kept]
    lengths = mentions.lengths[kept]
    at = one.order[ranges(mentions.offsets[:-1][kept], lengths)]
    return (
        first + text,
        mentions.start[kept],
        mentions.end[kept],
        np.where(chosen >= 0, base + eids[chosen], NIL),
        np.where(chosen >= 0, np.append(ranked.p, 0)[chosen], ranked.nil[kept]),
        np.where(usual >= 0, base + eids[usual], -1),
        kb,
        kept - np.searchsorted(mentions.text, text),
        lengths,
        np.repeat(base, lengths) + eids[at],
    )
