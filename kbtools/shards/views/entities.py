"""Entities: where they are mentioned, what a mention may mean, what it was decided or told to mean.

A set of columns for each knowledge base, named by it. eids are −1 where nothing is said and −2 where it is
known that the entity is in no knowledge base. Of linked documents, all mentions; of a corpus that has links,
those: what was told is then the only candidate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.shards.assembly import Placed, lists, place
from kbtools.shards.base import I64, NONE, SPAN, Bools, Here, Prepared, Rows, Texts
from kbtools.shards.spans import SNAP, Snap, column
from kbtools.shards.views import _knowledge, _parents
from kbtools.shards.views._mentions import (
    Candidates,
    Mentions,
    aligned,
    apart,
    longest,
    mentions_of,
)
from kbtools.shards.views._parents import Leads

EIDS, PRIORS = pa.list_(pa.int64()), pa.list_(pa.float32())
OF_MENTIONS = {  # column: its type; a row has a value for each mention
    "spans": SPAN,
    "eids": EIDS,
    "priors": PRIORS,
    "ps": PRIORS,
    "gold": pa.int64(),
    "best": pa.int64(),
    "p": pa.float32(),
    "types": EIDS,
    "parents": EIDS,
    "relations": EIDS,
}
Column = Literal["eids", "priors", "ps", "gold", "best", "p", "types", "parents", "relations"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which mentions, which candidates, and what is said of them."""

    kbs: tuple[str, ...] = setting("Knowledge bases, by name; none named: all that the input speaks of.", ())
    columns: tuple[Column, ...] = setting("What is written of each mention.", ("eids", "priors", "gold"))
    candidates: int = setting("Candidates of a mention, at most.", 30)
    renormalise: bool = setting("Make the priors of the candidates that are kept sum up to 1.", True)
    overlap: Literal["all", "best", "longest"] = setting(
        "Of mentions that overlap: all, the surest first, or the longest first.", "all"
    )
    linked: bool = setting("Only mentions with an entity: told, or else decided on.", False)
    min_p: float = setting("Of mentions that were decided on, those at least so likely.", 0.0)
    snap: Snap = setting(SNAP, "drop")
    parents: Literal["kb", "told"] = setting(
        "What leads to a mention: all that the knowledge base says of those before, or what the corpus told.",
        "kb",
    )
    min_spans: int = setting("Leave out examples with fewer mentions that have an entity.", 0)

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ConfigError("entities.candidates is 1 at least; to leave them out, take eids from columns")


class _Of(NamedTuple):
    """Mentions that go with the spans of a block."""

    mentions: Mentions
    kbs: list[int]  # that have columns
    told: Leads | None  # what the corpus says of where mentions come from

    @property
    def means(self) -> I64:
        """What each mention means: as told, else as decided."""
        return np.where(self.mentions.gold == NONE, self.mentions.best, self.mentions.gold)


class Entities:
    """Mentions of entities."""

    settings = Settings

    def fields(self, settings: Settings, here: Here) -> list[pa.Field]:
        """Say what columns it adds."""
        wanted = ["spans", *settings.columns]
        return [
            pa.field(f"entities.{here.kbs[kb].name}.{name}", pa.list_(OF_MENTIONS[name]), False)
            for kb in _chosen(settings, here)
            for name in wanted
        ]

    def prepare(self, texts: Texts, settings: Settings, here: Here) -> Prepared:
        """Find the mentions; those without a token of their own are left out, and counted."""
        kbs = _chosen(settings, here)
        found = mentions_of(texts, here)
        found = found.take(np.flatnonzero(np.isin(found.kb, kbs)))
        found, spans = aligned(found, texts, settings.snap, here)
        found = _known(found, kbs, settings, here)
        kept = _kept(found, settings)
        found, spans = found.take(kept), spans[kept]
        if settings.overlap != "all":
            keys = longest(spans) if settings.overlap == "longest" else (-found.p, *longest(spans))
            chosen = np.flatnonzero(apart(spans, found.kb, *keys))
            here.counts["mentions overlapped by others"] += len(spans) - len(chosen)
            found, spans = found.take(chosen), spans[chosen]
        told = settings.parents == "told" and {"parents", "relations"} & {*settings.columns}
        return Prepared(spans, _Of(found, kbs, _parents.told(texts, found, here) if told else None))

    def columns(self, prepared: Prepared, rows: Rows, settings: Settings, here: Here) -> list[pa.Array]:
        """Return the columns of each knowledge base."""
        of: _Of = prepared.what
        placed = place(rows, prepared.spans)
        _count_cut(rows, prepared.spans, placed, here)
        made = []
        for kb in of.kbs:
            mine = Placed(*(one[of.mentions.kb[placed.span] == kb] for one in placed))
            offsets = mine.offsets(len(rows))
            made.append(column(mine, len(rows)))
            leads = _leads(of, mine, settings, here, kb)
            made += [
                lists(offsets, leads[name] if name in leads else _values(name, of, mine.span, here, kb))
                for name in settings.columns
            ]
        return made

    def keep(self, prepared: Prepared, rows: Rows, settings: Settings, here: Here) -> Bools | None:
        """Tell which rows have enough mentions that have an entity."""
        if not settings.min_spans:
            return None
        placed = place(rows, prepared.spans)
        linked = prepared.what.means[placed.span] >= 0
        found: Bools = np.bincount(placed.row[linked], minlength=len(rows)) >= settings.min_spans
        return found


VIEW = Entities()


def _chosen(settings: Settings, here: Here) -> list[int]:
    names = [one.name for one in here.kbs]
    if not names:
        raise ConfigError("entities of which knowledge base? Give a linked corpus, or --kb KB")
    for name in settings.kbs:
        if name not in names:
            raise ConfigError(f"entities.kbs: no {name!r} here; there are {', '.join(names)}")
    return [kb for kb, name in enumerate(names) if not settings.kbs or name in settings.kbs]


def _known(found: Mentions, kbs: list[int], settings: Settings, here: Here) -> Mentions:
    """Leave out whom the knowledge bases do not have, candidates without a vector, and the last ones."""
    best, gold = found.best.copy(), found.gold.copy()
    told = found.candidates
    owner = np.repeat(np.arange(len(best)), np.diff(told.offsets))
    kept = np.ones(len(told.eid), np.bool_)
    for kb in kbs:
        alive, vectors = _knowledge.alive(here, kb), _knowledge.with_vector(here, kb)
        mine, each = found.kb == kb, found.kb[owner] == kb
        if alive is not None:
            for named in (best, gold):
                gone = mine & (named >= 0) & ~_has(alive, named)
                named[gone] = NONE
            here.counts["mentions whose entity is not in the knowledge base"] += int(
                (mine & (best != found.best)).sum()
            )
            gone = each & ~_has(alive, told.eid)
            here.counts["candidates not in the knowledge base"] += int(gone.sum())
            kept &= ~gone
        if vectors is not None:
            gone = each & kept & ~_has(vectors, told.eid)
            here.counts["candidates without a vector"] += int(gone.sum())
            kept &= ~gone
    here.counts["candidates"] += len(told.eid)
    left = told.filter(kept)
    rank = np.arange(len(left.eid)) - np.repeat(left.offsets[:-1], np.diff(left.offsets))
    left = left.filter(rank < settings.candidates)
    left = left._replace(prior=_shares(left)) if settings.renormalise else left
    return found._replace(best=best, gold=gold, candidates=left)


def _has(some: Bools, eids: I64) -> Bools:
    inside = (eids >= 0) & (eids < len(some))
    found: Bools = inside & some[np.where(inside, eids, 0)] if len(some) else inside
    return found


def _shares(told: Candidates) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Divide priors by their sum in each mention; where all are 0, the candidates share alike."""
    lengths = np.diff(told.offsets)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    sums = np.bincount(owner, told.prior.astype(np.float64), minlength=len(lengths))[owner]
    alike = 1 / np.maximum(lengths, 1)[owner]
    shares = np.divide(told.prior, sums, out=alike, where=sums > 0)
    return shares.astype(np.float32)


def _kept(found: Mentions, settings: Settings) -> I64:
    """Return the mentions of which something is said, and enough."""
    said = (np.diff(found.candidates.offsets) > 0) | (found.gold != NONE) | (found.best != NONE)
    if settings.linked:
        said = np.where(found.gold == NONE, found.best, found.gold) >= 0
    return np.flatnonzero(said & ((found.gold != NONE) | (found.p >= settings.min_p)))


def _values(name: Column, of: _Of, some: I64, here: Here, kb: int) -> pa.Array:
    """Return the values of one column for some mentions."""
    if name in {"gold", "best", "p"}:
        return pa.array(getattr(of.mentions, name)[some])
    if name == "types":
        if kb not in here.bases:
            base = here.kbs[kb].name
            raise ConfigError(
                f"types of entities need {base}: pass it with --kb KB, or name others with -o entities.kbs=…"
            )
        lengths, found = _knowledge.types(here, here.bases[kb], kb).take(of.means[some])
        return lists(np.append(0, np.cumsum(lengths)), pa.array(found.astype(np.int64)))
    told = of.mentions.candidates.take(some)
    return lists(told.offsets, pa.array({"eids": told.eid, "priors": told.prior, "ps": told.p}[name]))


def _leads(of: _Of, mine: Placed, settings: Settings, here: Here, kb: int) -> dict[str, pa.Array]:
    """Return from where the mentions of rows are reached, if that is asked for."""
    if not {"parents", "relations"} & {*settings.columns}:
        return {}
    means, base = of.means[mine.span], here.bases.get(kb)
    if base is None:
        raise ConfigError(f"parents of entities need {here.kbs[kb].name}: pass it with --kb KB")
    before = _parents.before(mine.row, means)
    found = (
        _parents.of_base(before, means, base, here)
        if of.told is None
        else _parents.of_told(before, means, of.told.take(mine.span))
    )
    here.counts["mentions that others lead to"] += int((np.diff(found.offsets) > 0).sum())
    return {
        "parents": lists(found.offsets, pa.array(found.parent)),
        "relations": lists(found.offsets, pa.array(found.relation)),
    }


def _count_cut(rows: Rows, spans: I64, placed: Placed, here: Here) -> None:
    """Count the mentions that are in the examples, and those that began there and were cut."""
    low, high = (np.searchsorted(spans[:, 0], one) for one in (rows.segments.start, rows.segments.stop))
    here.counts["mentions in examples"] += len(placed.span)
    here.counts["mentions cut by the ends of examples"] += int((high - low).sum()) - len(placed.span)
