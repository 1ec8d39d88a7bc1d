"""A few documents with gold and what two systems say of them, small enough to be scored by hand."""

from __future__ import annotations

import json

from kbtools.tasks.linking import Settings
from kbtools.tasks.linking.evaluation import Evaluation
from tests import tiny_alias, tiny_linked
from tests.tiny_linked import document, mention

TEXT = "Douglas Adams left Germany for 柏林, a nice city."
OTHER = "NATO is not Nato."
GOLD = [
    {
        "id": "a", "text": TEXT,
        "links": [
            (0, 13, "Q42", "Q5"), (19, 26, "Q183", "Q6256"), (31, 33, "Q64", "Q515"), (37, 46, None, None),
        ],
    },
    {"id": "b", "text": OTHER, "links": [(0, 4, "Q999", "Q5"), (12, 16, "Q77", None)]},
]  # fmt: skip


def elevant(path, articles=GOLD):
    """Write gold as ELEVANT has it; an entity of None is in no knowledge base."""
    lines = []
    for one in articles:
        labels = [
            {"id": at, "span": [start, end], "entity_id": id_ or "<NIL>", "type": type_ or "OTHER"}
            for at, (start, end, id_, type_) in enumerate(one["links"])
        ]
        lines.append(
            json.dumps({"id": one["id"], "text": one["text"], "labels": labels, **one.get("more", {})})
        )
    path.write_text("\n".join(lines) + "\n")
    return f"elevant:{path}"


def build(folder):
    """Write a knowledge base, gold, and two systems: `good` and `none`, which says nothing."""
    tiny_alias.kb(folder / "kb")
    tiny_linked.write(
        folder / "good", [folder / "kb"],
        [
            document(
                "a", TEXT,
                [
                    mention(0, 13, 1, 0.9, candidates=[(1, 0.7), (0, 0.3)]),
                    mention(19, 26, 5, 0.6, candidates=[(5, 0.2), (4, 0.8)]),
                    mention(37, 41, 2, 0.3, candidates=[(2, 1.0)]),
                ],
            ),
            document("b", OTHER, [mention(0, 4, 1, 0.8, candidates=[(0, 0.6), (1, 0.4)])]),
            document("elsewhere", "x", [mention(0, 1, 1)]),
        ],
    )  # fmt: skip
    tiny_linked.write(folder / "none", [folder / "kb"], [document("a", TEXT, [])])
    elevant(folder / "gold.jsonl")
    return folder


def evaluate(world, *systems, data=None, **settings):
    settings = {"resamples": 20, "plots": False, **settings}
    asked = Evaluation(
        [world / name for name in systems],
        data or f"elevant:{world}/gold.jsonl",
        settings=Settings(**settings),
    )
    return asked.run()


def values(results, system="good", by="", group=""):
    return {
        one.metric: one.value
        for one in results.measures
        if (one.system, one.by, one.group) == (system, by, group)
    }
