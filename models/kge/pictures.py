"""The map of trained vectors: which entities are on it, their colours, and which have their names said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from kbtools.kb.reader import Base
from kbtools.metrics import Cloud
from kbtools.models.kge.questions import Graphed
from kbtools.models.kge.trained import Trained
from kbtools.tasks.linkprediction import Settings
from kbtools.tasks.linkprediction import map as maps
from kbtools.tasks.linkprediction.naming import Names

I64 = NDArray[np.int64]


def cloud(
    trained: Trained, graphed: Graphed, base: Base, *, called: Sequence[str], settings: Settings, seed: int
) -> Cloud:
    """Draw some entities, those with the most triples among them; relations are `called` so."""
    links = graphed.linked()
    best = np.argsort(-links, kind="stable")[: settings.names]
    rows = maps.chosen(len(links), settings.map, best, seed)
    eids = trained.eids.numpy()[rows]
    names = Names(base)
    if any(part.rows("types") for part in base.parts):
        group, kept = maps.grouped(len(rows), *_types(base, eids), settings.types)
        kinds = [*names.shown(kept), "other types", "no type"]
    else:
        group, kept = maps.grouped(len(rows), *_tails(graphed, rows), settings.types)
        kinds = [*(f"tail of {called[rid]}" for rid in kept.tolist()), "tail of others", "no tail"]
    place = {int(row): at for at, row in enumerate(rows)}
    said = [row for row in best.tolist() if row in place and links[row]]
    texts = names.shown(trained.eids.numpy()[said])
    vectors = trained.entities.gather(torch.from_numpy(rows)).numpy()
    return maps.cloud(vectors, group, kinds, [*zip((place[row] for row in said), texts, strict=True)])


def _types(base: Base, eids: I64) -> tuple[I64, I64]:
    """Find the types of entities: places in `eids`, and types."""
    order = np.argsort(eids)
    own = eids[order]
    found = [np.empty((2, 0), np.int64)]
    for part in base.parts:
        for batch in part.scan("types", ["eid", "type"]) if part.rows("types") else ():
            eid, kind = (batch[name].to_numpy().astype(np.int64) for name in ("eid", "type"))
            at = np.minimum(np.searchsorted(own, eid), len(own) - 1)
            mine = own[at] == eid
            found.append(np.stack([order[at[mine]], kind[mine]]))
    places, kinds = np.unique(np.concatenate(found, axis=1), axis=1)
    return places, kinds


def _tails(graphed: Graphed, rows: I64) -> tuple[I64, I64]:
    """Find the relation that each row is a tail of most often: places in `rows`, and relations."""
    pairs = [np.empty(0, np.int64)]
    for block in graphed.blocks("train"):
        at = np.minimum(np.searchsorted(rows, block[:, 2]), len(rows) - 1)
        mine = rows[at] == block[:, 2]
        pairs.append(at[mine] * graphed.relations + block[mine, 1])
    found, often = np.unique(np.concatenate(pairs), return_counts=True)
    place, rid = np.divmod(found, graphed.relations)
    order = np.lexsort((rid, -often, place))
    first = np.unique(place[order], return_index=True)[1]
    return place[order][first], rid[order][first]
