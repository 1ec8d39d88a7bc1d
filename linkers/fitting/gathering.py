"""Gold and what a linker has to say of it: the mentions of a corpus with candidates and features.

Each link of gold is looked at twice: as a mention that is given, and, if the linker finds mentions by itself,
as one that is found. What it finds besides is no mention where gold is complete. Memory: about 8 bytes a
candidate and feature, for `most` links of gold and what was found around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools import corpus
from kbtools.corpus import Report
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, Floats, Given, Longs, Marks, Mentions
from kbtools.linkers.corpora import SIZE
from kbtools.linkers.fitting.evidence import Names, columns_of, evidence
from kbtools.linkers.fitting.examples import Examples
from kbtools.linkers.fitting.settings import Settings
from kbtools.linkers.linking import Linker, blocks
from kbtools.linkers.opening import Opened
from kbtools.linkers.preset import Preset

GOLD = KINDS.index("gold")
GIVEN = "given"


class Seen(NamedTuple):
    """M mentions of a corpus, where `text` counts its documents, with their C candidates."""

    mentions: Mentions
    features: dict[str, Floats]
    told: Marks  # [M] it is known what it means
    meant: Marks  # [M] gold names an entity that is here, perhaps none of the candidates
    right: Marks  # [C]
    outside: Marks  # [M] it touches no gold, in a document where gold is complete


class Gathered(NamedTuple):
    """What there is to learn from."""

    documents: list[str]  # their ids
    names: Names
    given: Seen
    found: Seen | None  # None: the linker finds no mentions by itself
    gold: int  # links of gold
    known: int  # of which entities that are here
    all: bool  # all documents were looked at

    @property
    def looks(self) -> list[Seen]:
        """The ways it was looked at."""
        return [seen for seen in (self.given, self.found) if seen is not None]


class Look(NamedTuple):
    """One way to look at a corpus: a linker, and what it says block by block."""

    linker: Linker
    seen: list[Seen]
    negatives: bool


def gather(
    spec: str, here: Opened, settings: Settings, report: Report, corpus_settings: Sequence[str] = ()
) -> Gathered:
    """Read a corpus and look at its gold."""
    looks = _looks(here, settings)
    documents: list[str] = []
    counts = np.zeros(2, np.int64)
    whole = True
    for batch in corpus.documents(spec, settings=corpus_settings, report=report):
        if counts[0] >= settings.most:
            whole = False
            break
        for low, high in blocks(pc.utf8_length(batch["text"]).to_pylist(), SIZE):
            block = here.block(batch.slice(low, high - low), gold=True)
            gold = _gold(block.given, settings)
            if gold is not None:
                counts += len(gold.text), int((gold.eid >= 0).sum())
                for look in looks:
                    look.seen.append(_seen(look, block, gold, len(documents) + low))
        documents += batch["doc_id"].to_pylist()
    _refuse(spec, here, *counts.tolist())
    first, *rest = (_together(look.seen) for look in looks)
    found = _negative(rest[0], first) if rest else None
    names = columns_of(here.preset.features, here.knowledge.profile)
    number, known = counts.tolist()
    return Gathered(documents, names, first, found, number, known, whole)


def examples(seen: Seen, here: Opened) -> Examples:
    """Describe all mentions."""
    _, found = evidence(seen.mentions, seen.features, here.knowledge.profile)
    return Examples(found, seen.mentions.offsets, seen.right)


def _looks(here: Opened, settings: Settings) -> list[Look]:
    preset = here.preset
    own = {name: step for name, step in preset.mentions.items() if name != GIVEN}
    given = {GIVEN: {"kinds": list(settings.kinds)}}
    looks = [Look(_linker(here, preset, given), [], negatives=False)]
    if own:
        looks.append(Look(_linker(here, preset, own), [], settings.negatives))
    return looks


def _linker(here: Opened, preset: Preset, mentions: dict[str, dict[str, Any]]) -> Linker:
    return Linker(replace(preset, mentions=mentions), here.knowledge, rank=here.linker.rank)


def _gold(given: Given | None, settings: Settings) -> Given | None:
    if given is None:
        return None
    kept = np.flatnonzero(np.isin(given.kind, [KINDS.index(kind) for kind in settings.kinds]))
    return given.take(kept) if len(kept) else None


def _seen(look: Look, block: Block, gold: Given, before: int) -> Seen:
    """Look at one block; `before` documents came before it."""
    mentions = look.linker.found(block)
    features = look.linker.scored(block, mentions)
    stray = outside(block, mentions, gold) if look.negatives else np.zeros(len(mentions), np.bool_)
    moved = mentions._replace(text=(mentions.text + before).astype(np.int32))
    return Seen(moved, features, *labelled(mentions, gold), stray)


def labelled(mentions: Mentions, gold: Given) -> tuple[Marks, Marks, Marks]:
    """Mark the mentions that gold speaks of, those whose entity is here, and the right candidates.

    Gold is of a place and a knowledge base; what is in none of them is of every one.
    """
    place, other = _places(mentions, gold)
    here = gold.eid >= 0
    mine = (place << 8) | mentions.kb
    theirs = (other << 8) | np.maximum(gold.kb, 0).astype(np.int64)
    meant = np.isin(mine, theirs[here])
    nowhere = ~here & (gold.kb < 0)
    told_ = meant | np.isin(place, other[nowhere]) | np.isin(mine, theirs[~here & ~nowhere])
    known, row = np.unique(theirs[here], return_inverse=True)
    answers = (row.astype(np.uint64) << np.uint64(32)) | gold.eid[here].astype(np.uint64)
    of = np.minimum(np.searchsorted(known, mine), max(len(known) - 1, 0))[mentions.owner]
    asked = (of.astype(np.uint64) << np.uint64(32)) | mentions.eid
    return told_, meant, np.isin(asked, answers) & meant[mentions.owner]


def _places(mentions: Mentions, gold: Given) -> tuple[Longs, Longs]:
    """Give each place a number, those of mentions and those of gold alike."""
    columns = [
        np.concatenate([getattr(one, name) for one in (mentions, gold)]) for name in ("text", "start", "end")
    ]
    _, number = np.unique(np.stack(columns).astype(np.int64), axis=1, return_inverse=True)
    number = number.reshape(-1).astype(np.int64)
    return number[: len(mentions)], number[len(mentions) :]


def outside(block: Block, mentions: Mentions, gold: Given) -> Marks:
    """Mark mentions that touch no gold, in documents that gold is complete for."""
    complete = np.isin(mentions.text, gold.text[gold.kind == GOLD])
    low, high = block.places(gold.text, gold.start), block.places(gold.text, gold.end)
    order = np.argsort(low, kind="stable")
    ends = np.append(np.maximum.accumulate(high[order]), 0)  # one to look at where there is no gold
    last = np.searchsorted(low[order], block.places(mentions.text, mentions.end)) - 1
    touches = (last >= 0) & (ends[np.maximum(last, 0)] > block.places(mentions.text, mentions.start))
    found: Marks = complete & ~touches
    return found


def _together(parts: list[Seen]) -> Seen:
    """Put blocks one after the other."""
    mentions = [part.mentions for part in parts]
    before = np.cumsum([0, *(len(one) for one in mentions)])
    parents = [
        np.where(one.parent >= 0, one.parent + at, -1) for one, at in zip(mentions, before, strict=False)
    ]
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(one, name) for one in mentions])
        for name in Mentions._fields
        if name != "offsets"
    }
    columns["parent"] = np.concatenate(parents).astype(np.int32)
    lengths = np.concatenate([one.lengths for one in mentions])
    columns["offsets"] = np.concatenate([[0], np.cumsum(lengths)])
    features = {name: np.concatenate([part.features[name] for part in parts]) for name in parts[0].features}
    marks = [np.concatenate([part[at] for part in parts]) for at in range(2, len(Seen._fields))]
    return Seen(Mentions(**columns), features, *marks)


def _negative(found: Seen, given: Seen) -> Seen:
    """Take what is outside of gold for no mention, in the knowledge bases that gold speaks of."""
    spoken = np.unique(given.mentions.kb[given.meant])
    return found._replace(told=found.told | (found.outside & np.isin(found.mentions.kb, spoken)))


def _refuse(spec: str, here: Opened, gold: int, known: int) -> None:
    """Say why there is nothing to learn from."""
    if not gold:
        raise ConfigError(
            f"{spec}: no gold: none of its links is of the kinds that count as gold; give a corpus with "
            "answers, or set --kinds"
        )
    if not known:
        names = ", ".join(here.names)
        raise ConfigError(
            f"{spec}: none of its {gold:,} links of gold names an entity of {names}: is it gold of another "
            "knowledge base?"
        )
