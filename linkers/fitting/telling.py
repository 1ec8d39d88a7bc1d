"""What `kbtools fit` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kbtools.artefact import Manifest
from kbtools.linkers.fitting import opening

MOST = 15  # weights that are shown


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in some lines what was learnt, and how good it is."""
    counts, notes = made.counts, made.notes
    lines = [
        f"{out}: {made.settings['model']} linker fitted to {notes['links of gold']:,} mentions of gold in "
        f"{counts['documents']:,} documents, {notes['of entities here']:,} of them of entities that are here",
        f"  judged by {notes['folds']} folds of documents, each by what the others teach (95 % intervals):",
    ]
    lines += [f"    {name:<28} {_said(value)}" for name, value in notes.items() if _is_figure(name, value)]
    if "threshold" in notes:
        lines.append(f"  a link is kept from p = {notes['threshold']:.3f} on")
    if "not looked at" in notes:
        lines.append(f"  not looked at: {notes['not looked at']}")
    weights = opening.weights(Path(out))
    shown = sorted(weights.items(), key=lambda one: (-abs(one[1]), one[0]))[:MOST]
    lines.append("  what counts most:")
    lines += [f"    {weight:>8.3f}  {name}" for name, weight in shown if weight]
    lines.append(f"  {made.resources.get('seconds', 0):.1f} s; content {made.content}")
    return "\n".join(lines)


def _is_figure(name: str, value: Any) -> bool:
    return isinstance(value, list | float) and name != "threshold"


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    middle, *rest = value
    if len(rest) == 1:
        return f"{middle:.3f} {rest[0]:.3f}"
    low, high, *p = rest
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]" + (f"  p = {p[0]:.4f}" if p else "")
