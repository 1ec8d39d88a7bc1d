"""Trees of a small world, and shards of them: labelled, in pairs, tagged, in groups; made once in a session.

What is asked is told by the branches alone: what kind of thing a name means is in no text.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from kbtools import api
from tests import grown_trees, tiny_tokenizer

KINDS = {"river": "water", "city": "country", "writer": "book"}
THINGS = [
    f"{first}{last}" for first in ("Ar", "Bel", "Cor", "Dun", "Est", "Fal") for last in ("ado", "imi", "uno")
]
TEXTS = ("we saw {} today", "{} was far from here", "who has ever heard of {} ?", "people say that {} is old")
KIND = {thing: [*KINDS][(at + at // 3) % 3] for at, thing in enumerate(THINGS)}  # not by how a name ends
FACTS = [(thing, "has", KINDS[kind]) for thing, kind in KIND.items()]
FACTS += [(thing, "is a", kind) for thing, kind in KIND.items()]
ROWS = {
    "label": "label\ttext_a\n"
    + "".join(f"{KIND[one]}\t{text.format(one)}\n" for text in TEXTS for one in THINGS),
    "pair": "label\ttext_a\ttext_b\n"
    + "".join(
        f"{int(KIND[one] == KIND[other])}\t{TEXTS[at % 4].format(one)}\t{TEXTS[-1].format(other)}\n"
        for at, one in enumerate(THINGS)
        for other in THINGS[:8]
    ),
    "group": "qid\tlabel\ttext_a\ttext_b\n"
    + "".join(
        f"q{at}\t{int(KIND[other] == KIND[one])}\twhat is like {one} ?\t{other} is\n"
        for at, one in enumerate(THINGS)
        for other in THINGS[at % 5 : at % 5 + 3]
    ),
    "tags": "text_a\tlabel\n"
    + "".join(
        f"{text.format(one)}\t"
        + " ".join(f"B-{KIND[one]}" if word == "{}" else "O" for word in text.split())
        + "\n"
        for text in TEXTS
        for one in THINGS
    ),
}


@cache
def base() -> Path:
    """Ingest the facts."""
    return grown_trees.kb(_room(), FACTS, "world")


@cache
def trees(what: str = "label", *overrides: str, tokenizer: str = "wordpiece", most: int = 2) -> Path:
    """Grow trees of rows of a kind: label, pair, group, tags; `most` branches of an entity."""
    out = _room() / f"trees-{len([*_room().iterdir()])}"
    rows = _room() / f"{what}.tsv"
    rows.write_text(ROWS[what], encoding="utf-8")
    api.tree(
        f"table:{rows}", out, kbs=[base()], tokenizer=tiny_tokenizer.path(tokenizer), max_entities=most,
        max_length=32, overrides=["pieces=first", *overrides],
    )  # fmt: skip
    return out


@cache
def shards(what: str = "label", *overrides: str, tokenizer: str = "wordpiece", most: int = 2) -> Path:
    """Make shards of them."""
    out = _room() / f"shards-{len([*_room().iterdir()])}"
    api.shard(
        trees(what, tokenizer=tokenizer, most=most), out, model="kbert",
        tokenizer=tiny_tokenizer.path(tokenizer), kbs=[], overrides=["max_length=32", "dev=0.1", *overrides],
    )  # fmt: skip
    return out


def _room() -> Path:
    return Path(_folder().name)


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="kbtools-trees-", ignore_cleanup_errors=True)
