"""Small knowledge graphs with a known structure, and knowledge bases of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kbtools import api

Triple = tuple[str, str, str]


def write(folder: Path, **splits: list[Triple]) -> Path:
    """Write splits as link prediction data have them."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, triples in splits.items():
        lines = ["\t".join(one) for one in triples]
        (folder / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def ingested(folder: Path, **splits: list[Triple]) -> Path:
    """Make a knowledge base of splits; return where it is."""
    out = folder / "kb"
    api.ingest("linkprediction", [str(write(folder / "text", **splits))], out, workers=1, quiet=True)
    return out


def ring(size: int = 24, seed: int = 0) -> dict[str, list[Triple]]:
    """A ring of entities: who follows whom, who precedes whom, and who stands two places on.

    `next` and `before` are inverse, `second` is `next` twice, `beside` is symmetric. A tenth of the triples
    is for validation, a tenth for test.
    """
    names = [f"e{at:02}" for at in range(size)]
    triples = [
        triple
        for at in range(size)
        for triple in (
            (names[at], "next", names[(at + 1) % size]),
            (names[(at + 1) % size], "before", names[at]),
            (names[at], "second", names[(at + 2) % size]),
            (names[at], "beside", names[at ^ 1]),
        )
    ]
    order = np.random.default_rng(seed).permutation(len(triples))
    tenth = len(triples) // 10
    parts = {"test": order[:tenth], "valid": order[tenth : 2 * tenth], "train": order[2 * tenth :]}
    return {split: [triples[at] for at in sorted(places)] for split, places in parts.items()}
