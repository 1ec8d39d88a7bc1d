"""Plain functions on arrays: how good an answer is, how sure that is, and whether two answers differ."""

from kbtools.metrics.ranking import (
    Difference,
    Interval,
    bootstrap,
    compare,
    grouped_means,
    hits_at,
    mean,
    mrr,
    recall_at,
    reciprocal,
)
from kbtools.metrics.results import (
    Cloud,
    Comparison,
    Curve,
    Heat,
    Line,
    Measure,
    Results,
    breakdowns,
    systems,
)

__all__ = [
    "Cloud",
    "Comparison",
    "Curve",
    "Difference",
    "Heat",
    "Interval",
    "Line",
    "Measure",
    "Results",
    "bootstrap",
    "breakdowns",
    "compare",
    "grouped_means",
    "hits_at",
    "mean",
    "mrr",
    "recall_at",
    "reciprocal",
    "systems",
]
