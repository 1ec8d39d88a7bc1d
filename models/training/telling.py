"""What the command line says of a run that is done."""

from __future__ import annotations

import os
from pathlib import Path

from kbtools.artefact import Manifest
from kbtools.models.training.live import shown
from kbtools.runs.metrics import LOSS, NAME, looked, read, trained


def is_main() -> bool:
    """Whether this is the process that talks, of those that torchrun has started."""
    return os.environ.get("RANK", "0") == "0"


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was trained."""
    lines = read(Path(out) / NAME)
    steps, of = made.counts.get("steps", 0), made.notes.get("steps", 0)
    early = " (stopped early: dev got no better)" if made.notes.get("stopped early") else ""
    told = [f"{out}: {steps:,} of {of:,} steps{early}"]
    losses = [one[LOSS] for one in trained(lines) if one.get(LOSS) is not None]
    if losses:
        told.append(f"  loss {losses[0]:.3f} → {losses[-1]:.3f}")
    seen = [one for one in looked(lines) if one.get(LOSS) is not None]
    if seen:
        best = min(seen, key=lambda one: float(one[LOSS]))
        measures = [
            f"{name} {shown(name, value)}" for name, value in seen[-1].items() if name.count(".") == 1
        ]
        told.append(f"  dev {seen[-1][LOSS]:.3f} (best {best[LOSS]:.3f} at step {best['step']:,})")
        told += [f"  {' · '.join(measures)}"] if measures else []
    seconds = made.resources.get("seconds") or 0
    tokens = sum(one.get("tokens", 0) for one in trained(lines))
    busy = sum(one.get("seconds", 0.0) for one in trained(lines))
    pace = f"{tokens / busy:,.0f} tokens a second; " if busy else ""
    told.append(f"  {seconds:.1f} s, {pace}content {made.content}")
    told.append(f"  the model: {out}/model; how it went: {out}/curves.svg")
    return "\n".join(told)
