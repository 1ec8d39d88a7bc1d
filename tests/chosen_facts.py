"""Facts of a small knowledge base, and blocks of sentences that name its entities, for tests of choosing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools.kb.reader import gather
from kbtools.trees import choosing, preparing
from kbtools.trees.base import WHY, Considered, Mentions, Sentences, Tokens
from kbtools.trees.facts import Facts, opened
from tests import tiny_kb

Triple = tuple[str, str, str]


def facts_of(
    folder: Path, triples: Sequence[Triple], literals: Sequence[Triple] = (), **more: dict[Triple, Any]
) -> Facts:
    """Write triples in the order of a file; `rank` and `best` of some may be given."""
    names = list(dict.fromkeys(name for head, _, tail in triples for name in (head, tail)))
    names += [head for head, *_ in literals if head not in names]
    said = list(dict.fromkeys(relation for _, relation, _ in (*triples, *literals)))
    rows = [
        tiny_kb.triple(
            names.index(head), said.index(relation), names.index(tail), statement,
            rank=more.get("rank", {}).get((head, relation, tail), 0),
            best=more.get("best", {}).get((head, relation, tail), True),
        )
        for statement, (head, relation, tail) in enumerate(triples)
    ]  # fmt: skip
    values = [
        {
            "head": names.index(head), "relation": said.index(relation), "datatype": "string", "value": value,
            "rank": 0, "best": True, "statement": len(triples) + number,
        }
        for number, (head, relation, value) in enumerate(literals)
    ]  # fmt: skip
    tables = {
        "entities": [tiny_kb.entity(eid, f"Q{eid}", name) for eid, name in enumerate(names)],
        "relations": [
            {"rid": rid, "id": f"P{sorted(said).index(label)}", "label": label}
            for rid, label in enumerate(said)
        ],
        "triples": sorted(rows, key=lambda row: (row["head"], row["relation"], row["tail"])),
        "literals": sorted(values, key=lambda row: (row["head"], row["relation"])),
    }
    base = gather([tiny_kb.write(folder / "kb", tables)])[0]
    preparing.prepare(base, folder / "facts")
    return opened(folder / "facts")


def settings(max_entities: int = 2, *, predicate: bool = True, **choice: Any) -> Any:
    told = choosing.Settings(**choice)
    return SimpleNamespace(max_entities=max_entities, predicate=predicate, choice=told)


def sentences(facts: Facts, *named: tuple[str, Sequence[str]], p: float = 1.0) -> Sentences:
    """Make a block: texts, and the entities that each names."""
    labels = facts.names(np.arange(facts.entities)).to_pylist()
    eids = [labels.index(name) for _, names in named for name in names]
    owner = np.repeat(np.arange(len(named)), [len(names) for _, names in named]).astype(np.int64)
    zeros = np.zeros(len(eids), np.int64)
    mentions = Mentions(
        owner, zeros, zeros + 1, np.array(eids, np.int64), np.full(len(eids), p, np.float32),
        zeros.astype(np.int32), zeros.astype(np.int32),
    )  # fmt: skip
    none = np.zeros(0, np.int32)
    tokens = Tokens(
        pa.array([], pa.string()), None, none, none, none.astype(bool), np.zeros(len(named) + 1, np.int64)
    )
    count = np.arange(len(named))
    return Sentences([text for text, _ in named], [None] * len(named), count, tokens, mentions, 0 * count)


def told(facts: Facts, found: Considered) -> list[tuple[int, str, str, str]]:
    """Write what was considered: mention, relation, object, why."""
    return list(
        zip(
            found.mention.tolist(), facts.predicates(found.fact).to_pylist(),
            facts.objects(found.fact).to_pylist(), [WHY[why] for why in found.why.tolist()], strict=True,
        )
    )  # fmt: skip


def chosen(
    facts: Facts, block: Sentences, asked: Any, *, encode: Any = None, **more: Any
) -> list[tuple[int, str, str]]:
    """Prepare, choose, and write the branches: mention, relation, object."""
    choosing.prepare(facts, asked, **more)
    return [one[:3] for one in told(facts, choosing.choose(block, facts, asked, encode))]
