"""Whether the right entity is among the candidates of a mention, and how far down.

Each mention has one right entity, so recall@k is the share of mentions that have it among the first k. What
is not there cannot be chosen later: this is the ceiling of every linker that works on these candidates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools import metrics
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.kb.schema import DICT, STR, U8, U32
from kbtools.metrics import Comparison, Curve, Line, Measure, Results
from kbtools.tasks.candidates.gold import Gold
from kbtools.tasks.candidates.groups import Groups

EXAMPLE = "Example: kbtools eval candidates --alias alias --index fuzzy --data mentions.jsonl --out report"
FUSED, KEPT = "fused", "fused, cut"  # all candidates in one list; as many of them as each mention keeps


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is evaluated and how it is told."""

    at: tuple[int, ...] = setting("The k of recall@k.", (1, 5, 10, 30, 100))
    share: float = setting("Of a Wikipedia: the pages whose links are mentions.", 0.01)
    mentions: int = setting("Mentions at most; of more, as many are drawn.", 100_000)
    types: int = setting("Classes that have a line of their own; 0 for none.", 8)
    resamples: int = setting("Samples drawn for an interval.", 1000)
    level: float = setting("Probability of an interval.", 0.95)

    def __post_init__(self) -> None:
        if not self.at or not all(1 <= k <= 10_000 for k in self.at) or list(self.at) != sorted({*self.at}):
            raise ConfigError(f"at is {','.join(map(str, self.at))}; numbers from 1 to 10000 that grow")
        for name in ("share", "level"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is more than 0 and at most 1")
        for name, least in (("mentions", 1), ("types", 0), ("resamples", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is at least {least}")

    @property
    def shown(self) -> int:
        """The k of breakdowns in plots, and of comparisons."""
        return min(self.at, key=lambda k: abs(k - 10))


class Found(NamedTuple):
    """At which rank each of S systems has the right entity of each mention, and how long the lists are."""

    systems: list[str]
    ranks: NDArray[np.int32]  # [N, S] from 1; 0: not found
    kept: NDArray[np.int32]  # [N] candidates that the fused list keeps


def judge(
    gold: Gold, found: Found, groups: Sequence[Groups], settings: Settings, *, seed: int, title: str
) -> Results:
    """Measure every system, fused too, over all mentions and in each group."""
    ranks = dict(zip(found.systems, found.ranks.T, strict=True))
    if FUSED in ranks:
        ranks[KEPT] = np.where(ranks[FUSED] <= found.kept, ranks[FUSED], 0)
    everything = Groups("", [""], np.zeros(len(gold.surfaces), np.int64))
    measures = [
        measure
        for one in (everything, *groups)
        for at, name in enumerate(one.names)
        for measure in _measures(ranks, one.group == at, settings, seed, (one.by, name))
    ]
    if FUSED in ranks:
        length = metrics.bootstrap(found.kept, seed=seed, resamples=settings.resamples, level=settings.level)
        measures.append(
            Measure(
                system=KEPT, metric="length", value=length.mean, low=length.low, high=length.high,
                n=len(found.kept),
            )
        )  # fmt: skip
    return Results(
        title=title,
        measures=measures,
        predictions=_predictions(gold, ranks, found.kept, groups),
        comparisons=list(_comparisons(ranks, settings, seed)),
        curves=list(_curves(measures, settings, groups)),
        counts={**gold.counts, "mentions": len(gold.surfaces)},
    )


def _measures(
    ranks: dict[str, NDArray[np.int32]],
    inside: NDArray[np.bool_],
    settings: Settings,
    seed: int,
    told: tuple[str, str],
) -> Iterator[Measure]:
    """Measure each system over the mentions of a group; `told` says by what, and which."""
    by, group = told
    if not inside.any():
        return
    for system, all_ranks in ranks.items():
        mine = all_ranks[inside]
        values = {f"recall@{k}": metrics.hits_at(mine, k) for k in settings.at}
        if not by:
            values["MRR"] = metrics.reciprocal(mine)
        for metric, each in values.items():
            found = metrics.bootstrap(each, seed=seed, resamples=settings.resamples, level=settings.level)
            yield Measure(
                system=system, metric=metric, value=found.mean, low=found.low, high=found.high,
                n=len(mine), by=by, group=group,
            )  # fmt: skip


def _comparisons(ranks: dict[str, NDArray[np.int32]], settings: Settings, seed: int) -> Iterator[Comparison]:
    """Compare the fused list with each of its sources."""
    if FUSED not in ranks:
        return
    k = settings.shown
    ours = metrics.hits_at(ranks[FUSED], k)
    for system in (name for name in ranks if name not in {FUSED, KEPT}):
        gap = metrics.compare(
            ours,
            metrics.hits_at(ranks[system], k),
            seed=seed,
            resamples=settings.resamples,
            level=settings.level,
        )
        yield Comparison(
            system=FUSED, other=system, metric=f"recall@{k}", difference=gap.mean, low=gap.low, high=gap.high,
            p=gap.p, n=len(ours),
        )  # fmt: skip


def _curves(measures: Sequence[Measure], settings: Settings, groups: Sequence[Groups]) -> Iterator[Curve]:
    recall = [one for one in measures if one.metric.startswith("recall@") and one.system != KEPT]
    overall = [one for one in recall if not one.by]
    yield Curve(
        name="recall",
        title="The right entity is among the first k candidates",
        x="k",
        y="recall@k",
        log_x=True,
        lines=_lines(overall, {f"recall@{k}": k for k in settings.at}),
    )
    k = settings.shown
    for one in groups:
        mine = [each for each in recall if each.by == one.by and each.metric == f"recall@{k}"]
        yield Curve(
            name=one.by.replace(" ", "-"),
            title=f"Recall@{k} by {one.by}",
            x=one.by,
            y=f"recall@{k}",
            lines=_lines(mine),
        )


def _lines(measures: Sequence[Measure], x: dict[str, int] | None = None) -> list[Line]:
    """Draw a line for each system, over k or else over groups."""
    found = []
    for system in metrics.systems(measures):
        mine = [one for one in measures if one.system == system]
        found.append(
            Line(
                name=system,
                x=[x[one.metric] if x else one.group for one in mine],
                y=[one.value for one in mine],
                low=[one.low or 0.0 for one in mine],
                high=[one.high or 0.0 for one in mine],
            )
        )
    return found


def _predictions(
    gold: Gold, ranks: dict[str, NDArray[np.int32]], kept: NDArray[np.int32], groups: Sequence[Groups]
) -> pa.Table:
    """Lay down each mention, what is right, and where each system has it (null: nowhere)."""
    columns = {
        "mention": pa.array(gold.surfaces, STR),
        "kb": pa.array(gold.kb, U8),
        "gold": pa.array(gold.eid, U32),
        "id": pa.array(gold.ids, STR),
    }
    for system, each in ranks.items():
        if system != KEPT:
            columns[f"rank {system}"] = pa.array(each.astype(np.uint32), U32, mask=each == 0)
    columns["kept"] = pa.array(kept.astype(np.uint32), U32)
    for one in groups:
        codes = pa.array(one.group.astype(np.int32), mask=one.group < 0)
        columns[one.by] = pa.DictionaryArray.from_arrays(codes, pa.array(one.names, STR)).cast(DICT)
    return pa.table(columns)
