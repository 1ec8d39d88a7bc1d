"""The library's way to `kbtools eval shards`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kbtools import config, report
from kbtools.metrics import Results
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.evaluation import Evaluation


def evaluate(
    run: str | Path,
    shards: str | Path | Sequence[str | Path],
    split: str = "test",
    *,
    out: str | Path | None = None,
    entity_ablation: str = "",
    kbs: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    seed: int = 0,
    overwrite: bool = False,
    quiet: bool = True,
) -> Results:
    """Ask a run about the examples of a split; return the numbers and every answer, and write a report.

    `shards` are PATH, or TASK=PATH for each task of the run. Without `out` nothing is written. `.numbers` of
    what is returned are those over all examples, by objective and metric.
    """
    told: dict[str, Any] = {"split": split, "entity_ablation": entity_ablation}
    settings = config.build(Settings, told, where="eval shards", overrides=overrides)
    if out is None:
        settings = replace(settings, plots=False)
    given = [shards] if isinstance(shards, str | Path) else [*shards]
    one = Evaluation(run, given, kbs=kbs, settings=settings, seed=seed, quiet=quiet)
    if out is None:
        return one.run()
    kept: list[Results] = []

    def results() -> Results:
        kept.append(one.run())
        return kept[0]

    report.make(out, results, task="shards", **one.lineage, overwrite=overwrite)
    return kept[0]
