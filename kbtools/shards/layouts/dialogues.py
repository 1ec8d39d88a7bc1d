"""Turns of a dialogue, of who asks and who answers; in some, one is replaced by another dialogue's.

    [CLS] turn [SEP] turn [SEP] turn [SEP]

For the dialogue language model of ERNIE (Sun et al. 2019). The role of a turn is 0 if it is of who speaks
first in the example, else 1; so of three turns they are 0 1 0, 0 1 1 or 0 0 1. Turns of one speaker alone
are no example. Where the corpus names no speakers, every other turn is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.shards.base import I64, SPAN, Cut, Here, Segments, Texts
from kbtools.shards.cutting import inwards
from kbtools.shards.keys import key, purpose
from kbtools.shards.spans import align


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which turns make an example, and how often one is replaced."""

    turns: int = setting("Turns of an example.", 3)
    step: int = setting("Turns from the beginning of one example to that of the next.", 2)
    fake: float = setting("The share of examples in which one turn is another dialogue's.", 0.5)
    ids: Literal["role", "turn"] = setting("Segment ids tell the role of a turn, or count the turns.", "role")

    def __post_init__(self) -> None:
        if not 2 <= self.turns <= 127 or self.step < 1:
            raise ConfigError(
                f"turns = {self.turns}, step = {self.step}: 2 to 127 turns, a step of 1 or more"
            )
        if not 0 <= self.fake <= 1:
            raise ConfigError(f"fake = {self.fake}: a share between 0 and 1")


class _Meta(msgspec.Struct):
    """What `meta` says of the turns of a document."""

    turns: list[tuple[int, int, str | None]] = []


FAR = 1 << 30  # no text is longer
_metas = msgspec.json.Decoder(_Meta)


class _Turns(NamedTuple):
    """The turns of some documents that have tokens, end to end."""

    spans: I64  # [U, 2] tokens of the stream
    speaker: list[str | int]  # [U]
    begins: list[int]  # [D + 1] where those of each document begin


class _Drawn(NamedTuple):
    """An example."""

    turns: list[int]  # their numbers
    roles: list[int]
    replaced: int = -1  # which of them is another dialogue's


class Dialogues:
    """Cuts dialogues into a few turns each."""

    takes: ClassVar[Literal["corpus"]] = "corpus"
    paired: ClassVar[bool] = True
    settings: ClassVar[type] = Settings
    fields: ClassVar[Sequence[pa.Field]] = (
        pa.field("dialogue.turns", pa.list_(SPAN), False),  # where they stand in the row
        pa.field("dialogue.roles", pa.list_(pa.int8()), False),
        pa.field("dialogue.real", pa.bool_(), False),
        pa.field("dialogue.replaced", pa.int8(), False),  # which turn is another dialogue's; −1: none
    )

    def cut(self, texts: Texts, chosen: I64, settings: Settings, here: Here, copy: int) -> Cut:
        """Draw examples of each dialogue."""
        turns = _turns(texts, chosen, here)
        seeds = key(purpose(here.seed, "dialogues"), texts.documents["doc_id"], copy)[chosen].tolist()
        hashes = key(purpose(here.seed, "partners"), texts.documents["doc_id"])[chosen]
        full = np.diff(turns.begins) > 0
        order = [at for at in np.argsort(hashes, kind="stable").tolist() if full[at]]
        rank = {at: place for place, at in enumerate(order)}
        drawn: list[_Drawn] = []
        owner: list[int] = []
        for at, seed in enumerate(seeds):
            draw = Random(seed)  # noqa: S311 - nothing here is secret
            found = _windows(turns, at, settings)
            here.counts["dialogues without an example"] += not found
            for one in found:
                wanted, place = draw.random() < settings.fake, draw.randrange(settings.turns)
                owner.append(int(chosen[at]))
                if wanted and len(order) > 1:
                    other = order[(rank[at] + 1 + draw.randrange(len(order) - 1)) % len(order)]
                    one.turns[place] = draw.randrange(turns.begins[other], turns.begins[other + 1])
                    drawn.append(one._replace(replaced=place))
                else:
                    here.counts["examples without a partner"] += wanted
                    drawn.append(one)
        made = _made(texts, turns, drawn, here, settings)
        return made._replace(owner=np.array(owner, np.int64))


LAYOUT = Dialogues()


def _turns(texts: Texts, chosen: I64, here: Here) -> _Turns:
    """Find the turns of the documents, and who speaks; those without tokens are left out."""
    document, spans, speaker = [], [], []
    for place, meta in zip(
        chosen.tolist(), texts.documents["meta"].take(pa.array(chosen)).to_pylist(), strict=True
    ):
        for number, (start, end, who) in enumerate(_told(meta)):
            document.append(place)
            spans.append((min(max(start, 0), FAR), min(max(end, 0), FAR)))
            speaker.append(number % 2 if who is None else who)
    found = align(texts.stream, np.array(document, np.int64), *np.array(spans, np.int64).reshape(-1, 2).T)
    kept = np.flatnonzero(~found.empty)
    here.counts["turns without tokens"] += len(spans) - len(kept)
    begins = np.searchsorted(np.array(document, np.int64)[kept], chosen)
    return _Turns(found.spans[kept], [speaker[at] for at in kept.tolist()], [*begins.tolist(), len(kept)])


def _told(meta: str | None) -> list[tuple[int, int, str | None]]:
    try:
        return _metas.decode(meta).turns if meta else []
    except (msgspec.DecodeError, UnicodeEncodeError):
        return []


def _windows(turns: _Turns, at: int, settings: Settings) -> list[_Drawn]:
    """Return the turns of each example of a dialogue, with their roles."""
    found = []
    for begin in range(turns.begins[at], turns.begins[at + 1] - settings.turns + 1, settings.step):
        window = list(range(begin, begin + settings.turns))
        roles = [int(turns.speaker[turn] != turns.speaker[begin]) for turn in window]
        if any(roles):
            found.append(_Drawn(window, roles))
    return found


def _made(texts: Texts, turns: _Turns, drawn: list[_Drawn], here: Here, settings: Settings) -> Cut:
    """Lay out examples [N] of turns [N, K]: turns lose their ends until there is room, long ones first."""
    shape = (len(drawn), settings.turns)
    spans = turns.spans[np.array([one.turns for one in drawn], np.int64).reshape(shape)]
    roles = np.array([one.roles for one in drawn], np.int8).reshape(shape)
    replaced = np.array([one.replaced for one in drawn], np.int8)
    special, count = here.tokenizer.special, settings.turns
    room = here.max_length - (special.cls >= 0) - count * (special.sep >= 0)
    if room < count:
        raise ConfigError(
            f"max_length is {here.max_length}: no room for {count} turns and what stands between"
        )
    sizes = spans[:, :, 1] - spans[:, :, 0]
    fitting = fitted(sizes, room)
    here.counts["dialogues shortened"] += int((fitting < sizes).any(axis=1).sum())
    flat = spans[:, :, 0].ravel()
    start, stop, stuck = inwards(texts, flat, flat + fitting.ravel())
    here.counts["turns cut within a word or mention"] += int(stuck.sum())
    inside = (stop - start).reshape(-1, count)
    first = np.cumsum(inside + (special.sep >= 0), axis=1) - inside - (special.sep >= 0) + (special.cls >= 0)
    places = np.stack([first, first + inside], axis=2).astype(np.int32)
    kind = roles if settings.ids == "role" else np.tile(np.arange(count, dtype=np.int8), (len(roles), 1))
    offsets = pa.array(np.arange(len(spans) + 1) * count, pa.int32())
    before = np.where(np.arange(count) == 0, special.cls, -1)
    segments = Segments(
        example=np.repeat(np.arange(len(spans)), count),
        start=start,
        stop=stop,
        kind=kind.ravel(),
        before=np.tile(before.astype(np.int32), len(spans)),
        after=np.full(len(spans) * count, special.sep, np.int32),
    )
    columns: dict[str, Any] = {
        "dialogue.turns": pa.ListArray.from_arrays(
            offsets, pa.FixedSizeListArray.from_arrays(pa.array(places.ravel()), type=SPAN)
        ),
        "dialogue.roles": pa.ListArray.from_arrays(offsets, pa.array(roles.ravel())),
        "dialogue.real": pa.array(replaced < 0),
        "dialogue.replaced": pa.array(replaced),
    }
    return Cut(segments, columns)


def fitted(sizes: I64, room: int) -> I64:
    """Shorten rows of lengths [N, K] until each sums to `room` at most, the longest of a row first."""
    ordered = np.sort(sizes, axis=1)
    count = sizes.shape[1]
    left = room - np.cumsum(ordered, axis=1) + ordered  # for this one and those that are longer
    share = left // np.arange(count, 0, -1)
    over = np.argmax(ordered > share, axis=1)  # from here on, all get the same
    level = np.take_along_axis(share, over[:, None], axis=1)
    more = np.take_along_axis(left, over[:, None], axis=1) - level * (count - over[:, None])
    cut = sizes > level
    found = np.where(cut, level + (np.cumsum(cut, axis=1) <= more), sizes)
    fits = (sizes.sum(axis=1) <= room)[:, None]
    fitting: I64 = np.where(fits, sizes, np.minimum(found, sizes))
    return fitting
