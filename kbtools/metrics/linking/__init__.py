"""How good the links of a system are: annotations in, counts of documents, scores and intervals out.

    Annotations (gold, system) ──a2kb, c2kb, erec, elevant──▶ Outcome ──▶ Counts ──micro, macro──▶ scores
                                                                └──▶ classes of errors

Nothing here knows a corpus or a knowledge base: entities are numbers. Every function works on all documents
at once; memory is a few arrays of the length of the annotations, and of the pairs that overlap.
"""

from kbtools.metrics.linking.annotations import (
    ANY,
    NIL,
    Annotations,
    Ragged,
    annotate,
    no_lists,
    ragged,
    spread,
)
from kbtools.metrics.linking.calibration import Reliability, calibration_error, reliability
from kbtools.metrics.linking.candidates import candidate_ranks
from kbtools.metrics.linking.counts import METRICS, Counts, Scores, macro, measured, micro
from kbtools.metrics.linking.elevant import elevant
from kbtools.metrics.linking.errors import CLASSES, Classes, Hints, classify
from kbtools.metrics.linking.intervals import Intervals, compare, macro_intervals, micro_intervals
from kbtools.metrics.linking.modes import (
    Outcome,
    a2kb,
    c2kb,
    entities,
    erec,
    gs_in_kb,
    on_gold_spans,
    spans,
)
from kbtools.metrics.linking.thresholds import (
    ALL,
    Swept,
    average_precision,
    best,
    counts_above,
    folds,
    picked,
    right_by_score,
    sweep,
)

__all__ = [
    "ALL",
    "ANY",
    "CLASSES",
    "METRICS",
    "NIL",
    "Annotations",
    "Classes",
    "Counts",
    "Hints",
    "Intervals",
    "Outcome",
    "Ragged",
    "Reliability",
    "Scores",
    "Swept",
    "a2kb",
    "annotate",
    "average_precision",
    "best",
    "c2kb",
    "calibration_error",
    "candidate_ranks",
    "classify",
    "compare",
    "counts_above",
    "elevant",
    "entities",
    "erec",
    "folds",
    "gs_in_kb",
    "macro",
    "macro_intervals",
    "measured",
    "micro",
    "micro_intervals",
    "no_lists",
    "on_gold_spans",
    "picked",
    "ragged",
    "reliability",
    "right_by_score",
    "spans",
    "spread",
    "sweep",
]
