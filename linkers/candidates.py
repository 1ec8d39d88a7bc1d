"""From places in text to mentions with candidates: what names say, and indexes where they are silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias import Alias
from kbtools.alias.lookup import Slices
from kbtools.alias.scanning.scan import Spans
from kbtools.arrays import ranges
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers import endings, partial
from kbtools.linkers.base import KINDS, Block, Longs, Mentions, joined, keep_candidates, take
from kbtools.linkers.index.base import Hits
from kbtools.linkers.knowledge import Knowledge

MOST = 256


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which candidates a mention has."""

    most: int = setting("Candidates of a mention at most, those with the largest priors.", 30)
    min_prior: float = setting("Candidates of a smaller prior are left out.", 0.0)
    renormalise: bool = setting("Make the priors of those that are left 1 in sum.", False)
    fuzzy: int = setting("Candidates from fuzzy indexes, for mentions that no name fits.", 10)
    fuzzy_score: float = setting("Of at least this likeness.", 0.6)
    partial: int = setting(
        "Candidates whose name the mention is a part of, from a profile, for every mention.", 0
    )
    partial_worth: float = setting("What their priors are worth where names fit as well.", 0.1)
    dense: int = setting("Candidates from dense indexes, by mention and sentence, for every mention.", 0)

    def __post_init__(self) -> None:
        if not 1 <= self.most <= MOST:
            raise ConfigError(f"most is {self.most}; it is from 1 to {MOST}")
        for name in ("min_prior", "fuzzy_score", "partial_worth"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is from 0 to 1")


class Places(NamedTuple):
    """P places in the texts of a block."""

    text: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]


def from_names(
    knowledge: Knowledge,
    places: Places,
    found: Slices | Spans,
    kind: str | NDArray[np.uint8],
    only: NDArray[np.integer[Any]] | None = None,
) -> Mentions:
    """Make mentions of what the table of names found: one for each knowledge base with candidates.

    `only` names the knowledge base that a place is about, −1: any.
    """
    rows = ranges(found.first, found.length)
    span = np.repeat(np.arange(len(found.length)), found.length)
    kb = knowledge.alias.kb_of(rows)
    if only is not None:
        kept = (only[span] < 0) | (only[span] == kb)
        rows, span, kb = rows[kept], span[kept], kb[kept]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (np.diff(span) != 0) | (np.diff(kb) != 0)
    heads = np.flatnonzero(new)
    of = span[heads]
    columns = [
        *(column[of] for column in places),
        kb[heads],
        _kinds(kind, of),
        np.full(len(heads), -1, np.int32),
        found.link[of],
        found.level[of],
        np.append(heads, len(rows)),
        knowledge.alias.arrays["eids"][rows],
        knowledge.alias.arrays["priors"][rows],
        np.ones(len(rows), np.float32),
    ]
    return Mentions._make(columns)


def look_up(
    knowledge: Knowledge,
    block: Block,
    places: Places,
    kind: str | NDArray[np.uint8],
    only: NDArray[np.integer[Any]] | None = None,
) -> Mentions:
    """Make mentions of places that something else than the table of names found.

    A place that no name fits is a mention without candidates, of the knowledge base it is about or the first.
    """
    found = _looked_up(knowledge.alias, surfaces_of(block, places))
    named = from_names(knowledge, places, found, kind, only)
    kb = np.zeros(len(places.text), np.int64) if only is None else np.maximum(only, 0)
    silent = (found.length == 0) | (kb == only if only is not None else False)
    # joined() keeps the first of two at one place and kb: the one with candidates
    rest = take(bare(places, kind, kb), np.flatnonzero(silent))
    return joined([named, rest])


def _looked_up(alias: Alias, surfaces: list[str]) -> Slices:
    """Look names up; those that nobody bears without their Jr. or Inc."""
    found = alias.lookup(surfaces)
    silent = np.flatnonzero(found.length == 0)
    if not len(silent):
        return found
    again = alias.lookup(endings.shortened([surfaces[row] for row in silent.tolist()]))
    columns: list[NDArray[Any]] = [column.copy() for column in found]
    for column, other in zip(columns, again, strict=True):
        column[silent] = other
    return Slices._make(columns)


def bare(
    places: Places, kind: str | NDArray[np.uint8], kb: NDArray[np.integer[Any]] | None = None
) -> Mentions:
    """Make mentions without candidates."""
    count = len(places.text)
    none: Any = np.zeros(0, np.float32)
    columns = [
        *places,
        np.zeros(count, np.uint8) if kb is None else kb.astype(np.uint8),
        _kinds(kind, np.arange(count)),
        np.full(count, -1, np.int32),
        np.full(count, np.nan, np.float32),
        np.zeros(count, np.uint8),
        np.zeros(count + 1, np.int64),
        np.zeros(0, np.uint32),
        none,
        none,
    ]
    return Mentions._make(columns)


def _kinds(kind: str | NDArray[np.uint8], of: Longs) -> NDArray[np.uint8]:
    return np.full(len(of), KINDS.index(kind), np.uint8) if isinstance(kind, str) else kind[of]


def surfaces_of(block: Block, places: Places) -> list[str]:
    """Return the words at places."""
    told = zip(places.text.tolist(), places.start.tolist(), places.end.tolist(), strict=True)
    return [block.texts[text][start:end] for text, start, end in told]


def cut(mentions: Mentions, settings: Settings) -> Mentions:
    """Leave out candidates beyond the first `most`, which stand first, and those of small priors."""
    if not len(mentions.eid):
        return mentions
    kept = _cut(mentions, settings)
    return renormalised(kept) if settings.renormalise else kept


def renormalised(mentions: Mentions) -> Mentions:
    """Make the priors of each mention 1 in sum; those of mentions that have none stay 0."""
    owner = mentions.owner
    sums = np.bincount(owner, mentions.prior.astype(np.float64), len(mentions))
    return mentions._replace(prior=(mentions.prior / np.where(sums > 0, sums, 1)[owner]).astype(np.float32))


def _cut(mentions: Mentions, settings: Settings) -> Mentions:
    kept = np.ones(len(mentions.eid), np.bool_)
    if mentions.lengths.max() > settings.most:
        kept = np.arange(len(kept)) - np.repeat(mentions.offsets[:-1], mentions.lengths) < settings.most
    if settings.min_prior:
        kept &= (mentions.prior >= settings.min_prior) | (mentions.prior == 0)
    return mentions if kept.all() else keep_candidates(mentions, kept)


def widen(knowledge: Knowledge, block: Block, mentions: Mentions, settings: Settings) -> Mentions:
    """Ask indexes: fuzzy ones about mentions without candidates, dense ones about all if so set."""
    for index in knowledge.indexes:
        kind = index.manifest.settings.get("kind")
        rows = np.flatnonzero(mentions.lengths == 0) if kind == "fuzzy" else np.arange(len(mentions))
        most = settings.fuzzy if kind == "fuzzy" else settings.dense
        if most and len(rows):
            mentions = _asked(knowledge, block, mentions, rows, index, most, settings)
    if settings.partial and len(mentions):
        mentions = _partly(knowledge, block, mentions, settings)
    return mentions


def _partly(knowledge: Knowledge, block: Block, mentions: Mentions, settings: Settings) -> Mentions:
    """Add whom mentions name by a part of their name, each in its knowledge base or, if silent, in any."""
    surfaces = surfaces_of(block, Places(mentions.text, mentions.start, mentions.end))
    distinct, back = np.unique(np.array(surfaces, object), return_inverse=True)
    profile = knowledge.need_profile("candidates.partial")
    found = partial.called(profile, distinct.tolist(), settings.partial)
    counts = np.bincount(found.name, minlength=len(distinct))
    lengths = counts[back]
    at = ranges((np.cumsum(counts) - counts)[back], lengths)
    of = np.repeat(np.arange(len(mentions)), lengths)
    silent = mentions.lengths[of] == 0
    good = silent | (found.kb[at] == mentions.kb[of])
    worth = np.where(silent, 1, settings.partial_worth).astype(np.float32)
    prior = found.prior[at] * worth
    at = at[good]
    return _merged(mentions, of[good], found.kb[at], found.eid[at], found.covered[at], prior[good])


def _asked(  # noqa: PLR0917 - each of them is needed once
    knowledge: Knowledge,
    block: Block,
    mentions: Mentions,
    rows: Longs,
    index: Any,
    most: int,
    settings: Settings,
) -> Mentions:
    """Add what one index finds for some mentions, each in the knowledge bases that the index is of."""
    surfaces = surfaces_of(block, Places(mentions.text[rows], mentions.start[rows], mentions.end[rows]))
    distinct, back = np.unique(np.array(surfaces, object), return_inverse=True)
    hits: Hits = index.search(distinct.tolist(), most)
    lengths = np.diff(hits.offsets)[back]
    at = ranges(hits.offsets[:-1][back], lengths)
    of = np.repeat(rows, lengths)
    names = [ref.name for ref in knowledge.kbs]
    place = np.array(
        [names.index(ref.name) if ref.name in names else 255 for ref in index.manifest.kbs], np.uint8
    )
    kb, eid, score = place[hits.kb[at]], hits.eid[at], hits.score[at]
    silent = mentions.lengths[of] == 0  # what no name fits belongs to no knowledge base yet
    good = (kb != 255) & (silent | (kb == mentions.kb[of]))
    if index.manifest.settings.get("kind") == "fuzzy":
        good &= score >= settings.fuzzy_score
    return _merged(mentions, of[good], kb[good], eid[good], score[good])


def _merged(  # noqa: PLR0917 - each of them is a column
    mentions: Mentions,
    of: Longs,
    kb: NDArray[np.uint8],
    eid: NDArray[np.uint32],
    score: NDArray[np.float32],
    prior: NDArray[np.float32] | None = None,
) -> Mentions:
    """Add candidates to mentions; one that gets candidates of another knowledge base becomes several."""
    prior = np.zeros(len(of), np.float32) if prior is None else prior
    order = np.lexsort((eid, -score, -prior, kb, of))
    of, kb, eid, score, prior = of[order], kb[order], eid[order], score[order], prior[order]
    key = (mentions.owner.astype(np.uint64) << np.uint64(32)) | mentions.eid
    fresh = ~np.isin((of.astype(np.uint64) << np.uint64(32)) | eid, key)
    of, kb, eid, score, prior = of[fresh], kb[fresh], eid[fresh], score[fresh], prior[fresh]
    # an own mention for each (mention, kb), with what the old one had if it is of this knowledge base
    touched = np.unique(of)
    rest = take(mentions, np.setdiff1d(np.arange(len(mentions)), touched))
    heads, counts = np.unique(of * 256 + kb, return_counts=True)
    base = take(mentions, heads >> 8)
    had = base.lengths
    base = base._replace(kb=(heads & 255).astype(np.uint8))
    offsets = np.concatenate([[0], np.cumsum(had + counts)])
    total = int(offsets[-1])
    new: dict[str, NDArray[Any]] = {
        "eid": np.zeros(total, np.uint32),
        "prior": np.zeros(total, np.float32),
        "string": np.zeros(total, np.float32),
    }
    old_at, new_at = ranges(offsets[:-1], had), ranges(offsets[:-1] + had, counts)
    for name, column in new.items():
        column[old_at] = getattr(base, name)
    new["eid"][new_at], new["string"][new_at], new["prior"][new_at] = eid, score, prior
    return joined([base._replace(offsets=offsets, **new), rest])
