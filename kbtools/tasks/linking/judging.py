"""Gold and what systems say become measures, comparisons, curves and rows of predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.metrics import Comparison, Measure, linking
from kbtools.metrics.linking import Annotations, Classes, Counts, Hints
from kbtools.tasks.linking import Settings
from kbtools.tasks.linking.answers import Answers
from kbtools.tasks.linking.gold import Gold, surfaces
from kbtools.tasks.linking.modes import GIVEN, HEAD, asked, counted
from kbtools.tasks.linking.slices import Slices

LEAD = pa.schema([("system", pa.string()), ("side", pa.string())])
COMPARED = ((HEAD, False), (HEAD, True), (GIVEN, False))


@dataclass(eq=False)
class Judged:
    """One system beside gold."""

    answers: Answers
    counts: dict[str, Counts]  # by mode
    classes: Classes
    known: Annotations  # gold that is asked for and has an entity
    linked: Annotations  # the answers that have one
    right: linking.Swept = field(init=False)
    is_right: NDArray[np.bool_] = field(init=False)
    ranks: NDArray[np.int64] = field(init=False)  # of candidates, for each of `known`

    def __post_init__(self) -> None:
        self.is_right = linking.right_by_score(self.known, self.linked)
        self.right = linking.sweep(self.linked.score, self.is_right, len(self.known))
        self.ranks = linking.candidate_ranks(self.known, self.answers.annotations)

    @property
    def name(self) -> str:
        """The system's name."""
        return self.answers.name


def judge(gold: Gold, answers: Answers, hints: Hints) -> Judged:
    """Count in every mode, and say of each annotation what went wrong with it."""
    ours, theirs = gold.annotations, answers.annotations
    wanted, left = asked(ours, theirs)
    plain, said = ours.take(wanted), theirs.take(left)
    outcome = linking.a2kb(plain, said)
    found = linking.classify(plain, said, outcome, hints.take(wanted, left))
    classes = Classes(*(np.full(len(one), _code("not asked"), np.int8) for one in (ours, theirs)))
    classes.gold[wanted], classes.system[left] = found.gold, found.system
    return Judged(
        answers, counted(ours, theirs, len(gold.ids)), classes,
        plain.take(plain.known), said.take(said.known),
    )  # fmt: skip


def measures(
    gold: Gold, one: Judged, slices: Sequence[Slices], settings: Settings, seed: int
) -> Iterator[Measure]:
    """Tell all numbers of a system: the first ones, every mode, classes of errors, slices."""
    yield from _first(gold, one, settings, seed)
    for mode, counts in one.counts.items():
        yield from _scores(one.name, mode, counts, settings, seed)
    for code, name in enumerate(linking.CLASSES):
        for side, codes in zip(("gold", "answers"), one.classes, strict=True):
            if n := int((codes == code).sum()):
                share = n / len(codes)
                yield Measure(
                    system=one.name, metric=f"share of {side}", value=share, n=n, by="class", group=name
                )
    for way in slices:
        yield from _sliced(one, way, settings, seed)


def _first(gold: Gold, one: Judged, settings: Settings, seed: int) -> Iterator[Measure]:
    """Tell what is read first: links, thresholds, scores, candidates."""
    documents = len(gold.ids)

    def told(counts: Counts, by: str = "", group: str = "") -> list[Measure]:
        found = linking.micro_intervals(counts, seed=seed, resamples=settings.resamples, level=settings.level)
        return [
            Measure(
                system=one.name, metric=metric, value=value.mean, low=value.low, high=value.high,
                n=len(one.known), by=by, group=group,
            )
            for metric, value in zip(linking.METRICS, found, strict=True)
        ]  # fmt: skip

    yield from told(one.counts[HEAD])
    yield msgspec.structs.replace(told(one.counts[GIVEN])[1], metric="accuracy, spans given")
    for group, threshold in _thresholds(documents, one, settings, seed):
        counts = linking.counts_above(one.known, one.linked, one.is_right, threshold, documents)
        yield from told(counts, "threshold", group)
        if np.isfinite(least := float(np.median(threshold))):
            yield Measure(
                system=one.name,
                metric="p at least",
                value=least,
                n=len(one.known),
                by="threshold",
                group=group,
            )
    bins = linking.reliability(one.linked.score, one.is_right, settings.bins)
    for metric, value in (
        ("average precision", linking.average_precision(one.right, len(one.known))),
        ("calibration error", linking.calibration_error(bins)),
    ):
        if not np.isnan(value):
            yield Measure(
                system=one.name, metric=metric, value=value, n=len(one.known), by="scores", group="all"
            )
    for k in settings.at:
        hit = (one.ranks > 0) & (one.ranks <= k)
        yield told(_hits(one.known, hit, documents), "candidates", f"first {k}")[1]


def _thresholds(
    documents: int, one: Judged, settings: Settings, seed: int
) -> Iterator[tuple[str, NDArray[np.float64] | float]]:
    """Yield ways to leave out unsure answers, with a threshold, or one for each answer."""
    if not one.linked.score.size:
        return
    yield "none", linking.ALL
    if documents >= settings.folds:
        fold = linking.folds(documents, settings.folds, seed)
        picked = linking.picked(one.known, one.linked, one.is_right, fold)
        yield "picked on other documents", picked[fold[one.linked.doc]]
    yield "picked on these very documents (oracle)", linking.best(one.right)


def _scores(system: str, mode: str, counts: Counts, settings: Settings, seed: int) -> Iterator[Measure]:
    if not counts.rows.any():
        return
    n = int(counts.tp.sum() + counts.fn.sum())
    for kind, make in (("micro", linking.micro_intervals), ("macro", linking.macro_intervals)):
        found = make(counts, seed=seed, resamples=settings.resamples, level=settings.level)
        for metric, value in zip(linking.METRICS, found, strict=True):
            yield Measure(
                system=system, metric=f"{kind} {metric}", value=value.mean, low=value.low, high=value.high,
                n=n, by="mode", group=mode,
            )  # fmt: skip


def _sliced(one: Judged, way: Slices, settings: Settings, seed: int) -> Iterator[Measure]:
    """Measure recall in each group, and how many of the spans that were found are rightly linked."""
    documents = one.counts[HEAD].tp.size
    outcome = linking.a2kb(one.known, one.linked)
    spans = linking.erec(one.known, one.linked).found
    for at, name in enumerate(way.names):
        inside = way.group == at
        for metric, among in (("recall", inside), ("accuracy of spans found", inside & spans)):
            if not among.any():
                continue
            counts = _hits(one.known.take(among), outcome.found[among], documents)
            found = linking.micro_intervals(
                counts, seed=seed, resamples=settings.resamples, level=settings.level
            ).recall
            yield Measure(
                system=one.name, metric=metric, value=found.mean, low=found.low, high=found.high,
                n=int(among.sum()), by=way.by, group=name,
            )  # fmt: skip


def _hits(gold: Annotations, hit: NDArray[np.bool_], documents: int) -> Counts:
    """Count what was hit as found and all else as missed."""
    tp = np.bincount(gold.doc[hit], minlength=documents)
    return Counts(tp, np.zeros_like(tp), np.bincount(gold.doc, minlength=documents) - tp)


def comparisons(systems: Sequence[Judged], settings: Settings, seed: int) -> Iterator[Comparison]:
    """Compare every system with the first."""
    for one in systems[1:]:
        for mode, macro in COMPARED:
            ours, theirs = one.counts[mode], systems[0].counts[mode]
            gap = linking.compare(
                ours, theirs, macro=macro, seed=seed, resamples=settings.resamples, level=settings.level
            )
            metric = f"{'macro' if macro else 'micro'} F1, {mode}"
            yield Comparison(
                system=one.name, other=systems[0].name, metric=metric, difference=gap.mean, low=gap.low,
                high=gap.high, p=gap.p, n=ours.tp.size,
            )  # fmt: skip


def predictions(
    gold: Gold,
    systems: Sequence[Judged],
    gold_ids: Sequence[str | None],
    said: Sequence[Sequence[str | None]],
) -> pa.Table:
    """Lay out every annotation of gold beside every system, and every answer: what it is, and its class."""
    tables = []
    for one, ids in zip(systems, said, strict=True):
        parts = (
            _rows(gold, gold.annotations, gold_ids, one.classes.gold),
            _rows(gold, one.answers.annotations, ids, one.classes.system, sure=True),
        )
        for side, part in zip(("gold", "answer"), parts, strict=True):
            lead = pa.table({"system": [one.name] * len(part), "side": [side] * len(part)}, LEAD)
            tables.append(pa.table([*lead.columns, *part.columns], [*LEAD.names, *part.column_names]))
    return pa.concat_tables(tables)


def _rows(
    gold: Gold,
    told: Annotations,
    ids: Sequence[str | None],
    codes: NDArray[np.int8],
    *,
    sure: bool = False,
) -> pa.Table:
    names = list(linking.CLASSES)
    columns = {
        "doc_id": pa.array([gold.ids[doc] for doc in told.doc.tolist()], pa.string()),
        "start": pa.array(told.start, pa.uint32()),
        "end": pa.array(told.end, pa.uint32()),
        "surface": pa.array(surfaces(gold.texts, told), pa.string()),
        "id": pa.array(ids, pa.string()),
        "p": pa.array(told.score, pa.float32()) if sure else pa.nulls(len(told), pa.float32()),
        "class": pa.array([names[code] for code in codes.tolist()], pa.string()),
    }
    return pa.table(columns)


def _code(name: str) -> int:
    return list(linking.CLASSES).index(name)
