"""A small world of lands, each with a city, a river, a farmer and a tongue, all told of in words.

A land is a colour and an animal, so lands that training has not seen are told of in words that it knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kbtools import api
from kbtools.shards.reader import Shards
from tests import tiny_kb
from tests.tiny_kb import entity, triple

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
COLOURS = ("red", "blue", "green", "white", "black", "brown")
ANIMALS = ("wolves", "bears", "foxes", "crows", "toads", "deer")
KINDS = {  # of what is in a land: its relation to it
    "city": "lies in",
    "river": "flows through",
    "farmer": "lives in",
    "tongue": "spoken in",
}
RELATIONS = ("lies in", "flows through", "lives in", "spoken in", "flows by")
WORDS = [
    "the",
    "a",
    "of",
    "land",
    *KINDS,
    *COLOURS,
    *ANIMALS,
    "lies",
    "in",
    "flows",
    "through",
    "lives",
    "spoken",
    "by",
]
LANDS = [*product(COLOURS, ANIMALS)]
UNSEEN = [LANDS[at] for at in range(len(LANDS)) if (at // 6 + at) % 3 == 0]
SEEN = [land for land in LANDS if land not in UNSEEN]
Lands = Iterable[tuple[str, str]]


def tables(
    lands: Lands, *, described: bool = True, relations: Iterable[str] = RELATIONS, split: str | None = None
) -> Any:
    """Tell of some lands: five entities, five triples each."""
    called, entities, triples = [*relations], [], []
    for number, (colour, animal) in enumerate(lands):
        first = 5 * number
        name = f"the land of {colour} {animal}"
        for at, text in enumerate([name, *(f"a {kind} in {name}" for kind in KINDS)]):
            told = {"description": text} if described else {}
            label = text if described else None
            entities.append(entity(first + at, f"Q{colour}-{animal}-{at}", label, **told))
        ends = [(first + at, called.index(by), first) for at, by in enumerate(KINDS.values(), 1)]
        ends.append((first + 2, called.index("flows by"), first + 1))
        triples += [triple(*one, 0) | {"split": split} for one in ends]
    for one in triples:
        entities[one["head"]]["out_degree"] += 1
        entities[one["tail"]]["in_degree"] += 1
    triples.sort(key=lambda one: (one["head"], one["relation"], one["tail"]))
    for statement, one in enumerate(triples):
        one["statement"] = statement
    return {
        "entities": entities,
        "relations": [{"rid": rid, "id": f"P-{name}", "label": name} for rid, name in enumerate(called)],
        "triples": triples,
    }  # fmt: skip


def kb(out: Path, lands: Lands = SEEN, *, name: str = "lands", **told: Any) -> Path:
    """Write a knowledge base of some lands."""
    return tiny_kb.write(out, tables(lands, **told), name=name)


@cache
def seen() -> Path:
    """Return the knowledge base that is trained on."""
    return kb(Path(_room().name) / "seen")


@cache
def unseen() -> Path:
    """Return that of other entities; its relations stand in another order."""
    return kb(Path(_room().name) / "unseen", UNSEEN, name="others", relations=RELATIONS[::-1], split="test")


@cache
def tokenizer() -> Path:
    """Write a tokenizer that knows all words."""
    folder = Path(_room().name) / "tokenizer"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS]) + "\n", encoding="utf-8")
    return folder


@cache
def triples(*settings: str) -> Path:
    """Make shards of the triples."""
    return made(seen(), f"triples-{triples.cache_info().misses}", *(settings or ("max_length=16", "dev=.1")))


@cache
def texts() -> Path:
    """Make shards of sentences."""
    corpus = Path(_room().name) / "corpus.jsonl"
    lines = [
        f"a {kind} lives in the {animal} of the {colour} {other}"
        for kind in KINDS
        for colour in COLOURS
        for animal, other in pairwise(ANIMALS)
    ]
    told = [{"id": str(at), "text": line} for at, line in enumerate(lines)]
    corpus.write_text("".join(json.dumps(one) + "\n" for one in told), encoding="utf-8")
    return made(corpus, "texts", "max_length=16", "dev=.1")


def made(what: Path, name: str, *settings: str) -> Path:
    """Make shards."""
    out = Path(_room().name) / name
    api.shard(what, out, model="kepler", tokenizer=tokenizer(), kbs=[], overrides=settings)
    return out


@cache
def opened() -> Shards:
    """Open the shards of triples."""
    return Shards(triples())


@cache
def _room() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="kbtools-triples-", ignore_cleanup_errors=True)
