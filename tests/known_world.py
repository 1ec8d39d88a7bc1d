"""A small knowledge base that tells much of its entities, and what a slow reader makes of it as a profile."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import chain
from pathlib import Path
from typing import Any

from kbtools.linkers.words import words_of
from tests import tiny_kb

IDS = ["Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7"]
LABELS = ["Jaguar", "Jaguar Cars", "cat", "company", "Coventry", "animal", None]
PAGES = [
    (0, 0, "The jaguar is a large cat of the Americas. It hunts deer in the forest."),
    (1, 1, "Jaguar makes fast cars in Coventry, with an engine."),
    (2, None, "Some drive a Jaguar through the forest."),
]
ANCHORS = [
    (0, "cat", 2),
    (1, "cars", 1),
    (1, "Coventry", 4),
    (2, "Jaguar", 1),
    (2, "forest", 0),
    (2, "drive", None),
]
TRIPLES = [
    (0, 0, 2, True),
    (0, 1, 5, True),
    (1, 0, 3, True),
    (1, 2, 4, True),
    (1, 2, 0, False),
    (6, 2, 6, True),
]
DESCRIPTIONS = [
    (0, "short", "wild cat of South America"), (0, "example", "a jaguar killed the deer"),
    (1, "gloss", "maker of cars; cars with engines"), (4, "definition", "city in England"),
    (5, "abstract", "x y"),
]  # fmt: skip
SURFACES = [
    (1, "Jaguar Ltd", "alias"),
    (0, "Panthera onca", "name"),
    (0, "the big one", "anchor"),
    (1, "Ltd x", "title"),
]


def tables() -> dict[str, tiny_kb.Rows]:
    """Return the rows."""
    entities = [tiny_kb.entity(eid, IDS[eid], LABELS[eid]) for eid in range(len(IDS))]
    labels = [{"eid": 2, "lang": "zh", "text": "猫科动物"}, {"eid": 2, "lang": "en", "text": "cat"}]
    descriptions = [
        {"eid": eid, "lang": "en", "kind": kind, "text": text, "source": "x"}
        for eid, kind, text in sorted(DESCRIPTIONS)
    ]
    surfaces = [{"eid": eid, "text": text, "source": source} for eid, text, source in SURFACES]
    triples = [
        tiny_kb.triple(head, relation, tail, number, best=best)
        for number, (head, relation, tail, best) in enumerate(sorted(TRIPLES))
    ]
    pages: tiny_kb.Rows = [
        {"page": page, "eid": eid, "title": f"p{page}", "lang": "en", "text": text, "sections": []}
        for page, eid, text in PAGES
    ]
    anchors = [
        {
            "page": page, "start": PAGES[page][2].index(word), "end": PAGES[page][2].index(word) + len(word),
            "surface": word, "target": target, "target_title": word, "kind": "text",
        }
        for page, word, target in ANCHORS
    ]  # fmt: skip
    return {
        "entities": entities,
        "labels": labels,
        "descriptions": descriptions,
        "surfaces": sorted(surfaces, key=lambda row: row["text"]),
        "relations": [{"rid": rid, "id": f"P{rid}", "label": None} for rid in range(3)],
        "triples": triples,
        "types": [{"eid": 0, "type": 2}, {"eid": 1, "type": 3}],
        "classes": [{"type": 2, "ancestor": 2, "depth": 0}, {"type": 2, "ancestor": 5, "depth": 1},
                    {"type": 2, "ancestor": 6, "depth": 2}, {"type": 3, "ancestor": 3, "depth": 0}],
        "pages": pages,
        "anchors": sorted(anchors, key=lambda row: (row["page"], row["start"])),
    }  # fmt: skip


def terms(text: str | None) -> list[int]:
    """Return the words of one text."""
    found: list[int] = words_of([text or ""]).term.tolist()
    return found


def words(settings: Any) -> list[Counter[int]]:
    """Add up the words of each entity, in sixteenths, reading everything word by word."""
    world = tables()
    labels: dict[int, set[int]] = defaultdict(set)
    for eid, text in chain(enumerate(LABELS), ((row["eid"], row["text"]) for row in world["labels"])):
        labels[eid] |= set(terms(text))
    found: list[Counter[int]] = [Counter() for _ in IDS]

    def add(eid: int, some: Any, worth: float) -> None:
        for term in some:
            found[eid][term] += round(16 * worth)

    for eid in range(len(IDS)):
        add(eid, labels[eid], settings.label)
        named = [text for who, text, source in SURFACES if who == eid and source != "anchor"]
        add(eid, set(chain.from_iterable(map(terms, named))), settings.names)
    for eid, kind, text in DESCRIPTIONS:
        add(eid, terms(text), getattr(settings, kind))
    for head, _, tail, best in TRIPLES:
        if best:
            add(head, labels[tail], settings.object)
    for row in world["types"]:
        add(row["eid"], labels[row["type"]], settings.type)
    for page, eid, text in PAGES:
        if eid is not None:
            add(eid, terms(text)[: settings.opening_words], settings.opening)
        for row in world["anchors"]:
            if row["page"] == page and row["target"] is not None:
                before, after = terms(text[: row["start"]]), terms(text[row["end"] :])
                near = before[-settings.context_words :] if settings.context_words else []
                add(row["target"], [*near, *after[: settings.context_words]], settings.context)
    return [Counter({term: n for term, n in one.items() if n}) for one in found]


def chosen(found: list[Counter[int]], most: int) -> list[dict[int, int]]:
    """Keep the words of each entity with the largest tf·idf."""
    count = Counter(chain.from_iterable(found))

    def rank(one: Counter[int], term: int) -> tuple[int, int]:
        return -round(one[term] * math.log1p(len(found) / count[term]) * (1 << 16)), term

    kept = [sorted((*rank(one, term), n) for term, n in one.items())[:most] for one in found]
    return [{term: n for _, term, n in some} for some in kept]


def neighbours(ways: str) -> list[set[int]]:
    """List who links to each entity, and who shares a triple with it."""
    found: list[set[int]] = [set() for _ in IDS]
    for page, _, target in ANCHORS:
        source = PAGES[page][1]
        if target is not None and source is not None:
            found[target].add(source)
    for head, _, tail, best in TRIPLES:
        if best and ways != "none":
            found[tail].add(head)
            if ways == "both":
                found[head].add(tail)
    return [some - {eid} for eid, some in enumerate(found)]


def write(out: Path, **fields: Any) -> Path:
    """Write the knowledge base."""
    return tiny_kb.write(out, tables(), **fields)
