"""What shards are: examples and tokens of each split, how long examples are, what was lost on the way."""

from __future__ import annotations

from typing import Any

import msgspec

from kbtools.kb.overview import Overview
from kbtools.shards.base import SPLITS
from kbtools.shards.reader import Shards

__all__ = ["KIND", "ShardsOverview", "describe"]

KIND = "shards"
SPANS, WITHOUT_ROOM = ": spans", ": spans without room"


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """One table of examples."""

    split: str
    examples: int
    tokens: int
    files: list[tuple[int, int]]  # examples and tokens of each


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Examples longer than `above` tokens, and no longer than `to`; None: however long."""

    above: int
    to: int | None
    examples: int


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """Spans of a view, and those of them that are in no example: there was no room for them."""

    view: str
    spans: int
    without_room: int

    @property
    def share(self) -> float:
        """The part that was lost."""
        return self.without_room / self.spans if self.spans else 0.0


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of an example."""

    name: str
    type: str


class ShardsOverview(Overview, frozen=True, kw_only=True):
    """Shards in plain words."""

    layout: str | None
    views: list[str]
    tokenizer: dict[str, Any]
    splits: list[Split]
    lengths: list[Bar]  # of all splits
    lost: list[Lost]
    columns: list[Column]


def describe(general: Overview) -> ShardsOverview:
    """Describe shards from their manifest; only the columns are read from a file."""
    shards = Shards(general.path)
    notes = shards.manifest.notes
    fields = {name: getattr(general, name) for name in Overview.__struct_fields__}
    return ShardsOverview(
        **fields,
        layout=notes.get("layout"),
        views=list(notes.get("views") or ()),
        tokenizer=dict(shards.tokenizer),
        splits=[_split(shards, split) for split in shards.splits],
        lengths=_lengths(notes.get("lengths")),
        lost=_lost(shards.manifest.counts),
        columns=[Column(name=field.name, type=str(field.type)) for field in shards.schema],
    )


def _split(shards: Shards, split: str) -> Split:
    index = shards.manifest.notes.get("index", {}).get(split, [])
    files = [(int(rows), int(tokens)) for rows, tokens in index]
    tokens = sum(tokens for _, tokens in files)
    return Split(split=split, examples=shards.rows(split), tokens=tokens, files=files)


def _lengths(noted: Any) -> list[Bar]:
    """Add the histograms of the splits up; each tells upper bounds and numbers, the last without a bound."""
    told = [noted] if isinstance(noted, list) else [(noted or {}).get(split, []) for split in SPLITS]
    sums: dict[int | None, int] = {}
    for bars in told:
        for bound, number in bars:
            sums[bound] = sums.get(bound, 0) + number
    ordered = sorted(sums, key=lambda bound: (bound is None, bound or 0))
    before = [0, *ordered[:-1]]
    return [
        Bar(above=low or 0, to=bound, examples=sums[bound])
        for low, bound in zip(before, ordered, strict=False)
    ]


def _lost(counts: dict[str, Any]) -> list[Lost]:
    views = [name.removesuffix(SPANS) for name in counts if name.endswith(SPANS)]
    return [
        Lost(view=view, spans=counts[view + SPANS], without_room=counts.get(view + WITHOUT_ROOM, 0))
        for view in views
    ]
