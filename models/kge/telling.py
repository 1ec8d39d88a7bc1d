"""What `kbtools embed` prints when it is done."""

from __future__ import annotations

from pathlib import Path

from kbtools.artefact import Manifest

ODD = ("epochs", "steps", "entities", "words")  # told by themselves
MOST = 8  # odd things that are told


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was made."""
    settings, counts = made.settings, made.counts
    size = sum(file.bytes for table in made.tables.values() for file in table.files) / 1e6
    width = settings.get("width", settings.get("dim", 0))
    of = [f"{counts[name]:,} {name}" for name in ("entities", "words") if counts.get(name)]
    told = [f"{out}: {' and '.join(of) or 'no'} vectors of {width:,} numbers; {size:,.1f} MB"]
    looks = made.notes.get("looks") or []
    if looks:
        last, best = looks[-1], looks[made.notes.get("best") or 0]
        told.append(
            f"  {last['split']}: MRR {best['mrr']:.4f}, hits@1 {best['hits@1']:.3f}, "
            f"hits@10 {best['hits@10']:.3f} of {best['triples']:,} triples, "
            f"behind epoch {best['epoch']:,} of {counts['epochs']:,}"
        )
    if seconds := made.resources.get("seconds"):
        told.append(f"  {seconds:.1f} s; content {made.content}")
    odd = [f"{count:,} {name}" for name, count in counts.items() if count and name not in ODD][:MOST]
    return "\n".join([*told, *([f"  {', '.join(odd)}"] if odd else [])])
