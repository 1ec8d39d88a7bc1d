"""Cross-validation of fitted linkers for `link_quality.py`: no document is scored by what it taught."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from linking_world import Gold, given_to

from kbtools.linkers import opening
from kbtools.linkers.fitting import validation
from kbtools.linkers.fitting.building import Job
from kbtools.linkers.fitting.gathering import Gathered
from kbtools.linkers.fitting.settings import Settings
from kbtools.linkers.linking import Linker
from kbtools.linkers.opening import Opened
from kbtools.linkers.preset import Preset
from kbtools.metrics import linking
from kbtools.metrics.linking import Counts

THRESHOLDS = np.arange(0.05, 0.95, 0.05)
Scores = dict[str, list[Counts]]


def crossed(  # noqa: PLR0917 - each of them is needed
    folder: Path, data: Path, sets: Mapping[str, Gold], here: Opened, modes: Sequence[str], model: str
) -> Scores:
    """Score a linker fitted on four fifths of all documents on the last fifth, five times.

    `modes` are those for mentions given (entities here, all), then those for mentions found.
    """
    gold = folder / "gold"
    gold.mkdir(exist_ok=True)
    for name in sets:
        shutil.copy(data / "el/elevant" / f"{name}.benchmark.jsonl", gold)
    whole = Gold(f"elevant:{gold}", here)
    asked = opening.ask(
        folder / "alias", indexes=[folder / "profile"], kbs=[folder / "kb"], linker="type",
        overrides=["mentions.runs.inside=true"],
    )  # fmt: skip
    job = Job(f"elevant:{gold}", asked, Settings(model=model), [])
    seen, parts = job.gather()
    seen = _judged_alone(seen, whole)
    told = validation.cross(seen, job.settings, parts)
    own = replace(job.here.preset, ranking={"rule": "softmax"})
    counts: dict[str, Counts] = {}
    sure, given = given_to(own, nil=False), given_to(own, nil=True)
    for mode, preset in zip(modes[:2], (sure, given), strict=True):
        counts |= _counts(whole, preset, told.given, here, [mode])
    counts |= _thresholded(whole, own, told, here, modes[2:])
    sizes = {name: len(one.block.texts) for name, one in sets.items()}
    ends = dict(zip(sorted(sizes), np.cumsum([sizes[name] for name in sorted(sizes)]).tolist(), strict=True))
    return {
        mode: [made.of(np.arange(ends[name] - sizes[name], ends[name])) for name in sets]
        for mode, made in counts.items()
    }


def _judged_alone(seen: Gathered, whole: Gold) -> Gathered:
    """Take nothing for no mention where nobody looked: in parts of texts that were not annotated."""
    found = seen.found
    assert found is not None
    inside = whole.gold.judged[found.mentions.text]
    kept = (found.mentions.start >= inside[:, 0]) & (found.mentions.end <= inside[:, 1])
    return seen._replace(found=found._replace(told=found.told & kept, outside=found.outside & kept))


def _counts(
    whole: Gold, preset: Preset, look: validation.Looked, here: Opened, modes: Sequence[str]
) -> dict[str, Counts]:
    linker = Linker(preset, here.knowledge)
    made = linker.decided(look.seen.mentions, look.seen.features, look.ranked)
    return whole.counts(whole.annotations(made), modes)


def _thresholded(
    whole: Gold, own: Preset, told: validation.Crossed, here: Opened, modes: Sequence[str]
) -> dict[str, Counts]:
    """Keep what is sure enough; how sure, the other folds say by the first mode."""
    assert told.found is not None
    tried = [
        _counts(
            whole,
            replace(own, nil=replace(own.nil, total=float(one), likelier=False)),
            told.found,
            here,
            modes,
        )
        for one in THRESHOLDS
    ]
    rows = {mode: np.stack([one[mode].rows for one in tried]) for mode in modes}
    final = {mode: np.zeros_like(table[0]) for mode, table in rows.items()}
    for fold in range(int(told.fold.max()) + 1):
        others = told.fold != fold
        best = int(np.argmax([linking.measured(one[others].sum(axis=0))[2] for one in rows[modes[0]]]))
        for mode, table in rows.items():
            final[mode][~others] = table[best][~others]
    return {mode: Counts(*table.T) for mode, table in final.items()}
