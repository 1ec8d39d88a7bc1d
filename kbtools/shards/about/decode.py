"""Some examples decoded for a person: every column in words, those that nothing is known of as they are."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from kbtools.shards.about.examples import (
    Arc,
    Begin,
    Candidate,
    Decoded,
    Drawing,
    Example,
    Group,
    Span,
    joined,
)
from kbtools.shards.about.naming import Names
from kbtools.shards.base import NONE, SPAN
from kbtools.shards.reader import IDS, Row, Shards

PLAIN = ("word_start", "sentences", "documents", "segment", "heads", IDS)  # told in a way of their own
TREE = ("soft", "branch", "word")
CANDIDATES = {"eids", "priors", "ps", "gold"}
LONGEST = 400  # characters of a value that are shown


class Words(NamedTuple):
    """The tokens of an example, and which of them begin words."""

    tokens: list[str]
    begins: frozenset[int] | None

    def text(self, start: int, end: int) -> str:
        """Write some of them."""
        return joined(self.tokens, self.begins, start, min(end, len(self.tokens)))


def decode(
    path: Path | str,
    most: int,
    *,
    seed: int = 0,
    kbs: Sequence[Path | str] = (),
    tokenizer: str | Path | None = None,
) -> Decoded:
    """Decode `most` examples, drawn by `seed`; labels come from `kbs`, or from where these were."""
    shards = Shards(path)
    names = Names(shards, kbs, tokenizer)
    total = sum(shards.rows(split) for split in shards.splits)
    chosen = sorted(random.Random(seed).sample(range(total), min(most, total)))  # noqa: S311
    return Decoded(
        path=str(path),
        examples=[_example(shards, names, *_place(shards, number)) for number in chosen],
        total=total,
        notes=list(names.notes),
    )


def _place(shards: Shards, number: int) -> tuple[str, int]:
    """Find an example among all splits."""
    for split in shards.splits:
        if number < shards.rows(split):
            return split, number
        number -= shards.rows(split)
    raise IndexError(number)


def _example(shards: Shards, names: Names, split: str, number: int) -> Example:
    row = shards.row(split, number)
    types = {field.name: field.type for field in shards.open(split).schema}
    ids = row.get(IDS) or []
    tokens = names.tokens(ids)
    tree, drawn = _tree(row, tokens)
    begins = _true(row.get("word_start"))
    words = Words(tokens, None if begins is None else frozenset(begins))
    groups, spanned = _groups(row, types, words, names)
    told = {*PLAIN, *drawn, *spanned}
    heads = _heads(row, len(ids))
    told -= {"heads"} if heads is None else set()
    return Example(
        split=split,
        number=number,
        tokens=tokens,
        special=[place for place, one in enumerate(ids) if one in names.special],
        words=begins,
        sentences=row.get("sentences") or [],
        documents=[Begin(start=one["start"], id=one["id"]) for one in row.get("documents") or []],
        segment=row.get("segment"),
        groups=groups,
        heads=heads,
        tree=tree,
        rest={
            name: _short(_worded(name, value, types[name], words, names))
            for name, value in row.items()
            if name not in told and value is not None
        }
        | _described(row, names),
    )


def _described(row: Row, names: Names) -> dict[str, str]:
    """Return what the ends of a triple are said to be."""
    ends = {name: row[name] for name in ("head", "tail") if isinstance(row.get(name), int)}
    told = {f"{name} is said to be": names.described(eid) for name, eid in ends.items()}
    return {name: _short(text) for name, text in told.items() if text}


def _true(bits: list[bool] | None) -> list[int] | None:
    return None if bits is None else [place for place, one in enumerate(bits) if one]


def _heads(row: Row, count: int) -> list[Arc] | None:
    """Return who depends on whom, if the column is one of tokens."""
    heads = row.get("heads")
    if not isinstance(heads, list) or len(heads) != count or not all(isinstance(one, int) for one in heads):
        return None
    return [Arc(token=place, head=head) for place, head in enumerate(heads) if 0 <= head < count]


def _tree(row: Row, tokens: list[str]) -> tuple[Drawing | None, set[str]]:
    """Return the tree of a row, and the columns that it is made of."""
    for prefix in ("tree.", ""):
        columns = [f"{prefix}{name}" for name in TREE]
        if all(isinstance(row.get(name), list) for name in columns):
            soft, branch, word = (row[name] for name in columns)
            segment = row.get("segment") or [0] * len(tokens)
            return Drawing(tokens=tokens, soft=soft, branch=branch, word=word, segment=segment), set(columns)
    return None, set()


def _groups(
    row: Row, types: dict[str, pa.DataType], words: Words, names: Names
) -> tuple[list[Group], set[str]]:
    """Return the spans of each view with what is said of them, and the columns that they are made of."""
    groups, used = [], set[str]()
    for column, value in row.items():
        prefix, dot, name = column.rpartition(".")
        if not isinstance(value, list) or types[column] != pa.list_(SPAN):
            continue
        named = name == "spans" and bool(dot)
        beside = {
            other: row[other]
            for other in row
            if named
            and other != column
            and other.startswith(f"{prefix}{dot}")
            and "." not in other.removeprefix(f"{prefix}{dot}")
            and isinstance(row[other], list)
            and len(row[other]) == len(value)
        }
        used |= {column, *beside}
        mine = {
            other.rpartition(".")[2]: _Beside(other, types[other].value_type, row[other]) for other in beside
        }
        spans = [_span(at, place, mine, words, names) for at, place in enumerate(value) if place is not None]
        groups.append(Group(name=prefix if named else column, spans=spans))
    return groups, used


class _Beside(NamedTuple):
    """A column that says something of each span."""

    column: str
    type: pa.DataType
    values: list[Any]


def _span(at: int, place: list[int], beside: dict[str, _Beside], words: Words, names: Names) -> Span:
    start, end = place
    gold = beside["gold"].values[at] if "gold" in beside else None
    told = CANDIDATES if "eids" in beside else {"gold"}
    rest = {name: (one, one.values[at]) for name, one in beside.items() if name not in told}
    return Span(
        start=start,
        end=end,
        text=words.text(start, end),
        gold=_gold(beside["gold"], gold, names) if gold is not None else None,
        candidates=list(_candidates(at, beside, gold, names)) if "eids" in beside else [],
        said={
            name: _short(_worded(one.column, value, one.type, words, names))
            for name, (one, value) in rest.items()
            if value not in (None, [])
        },
    )


def _gold(one: _Beside, gold: int, names: Names) -> str | None:
    return None if gold == NONE else str(names.value(one.column, gold, one.type))


def _candidates(at: int, beside: dict[str, _Beside], gold: Any, names: Names) -> Iterator[Candidate]:
    eids = beside["eids"].values[at] or []
    place = names.place(beside["eids"].column)
    numbers = (beside[name].values[at] if name in beside else [None] * len(eids) for name in ("priors", "ps"))
    for eid, prior, p in zip(eids, *numbers, strict=False):
        yield Candidate(name=names.entity(eid, place), prior=prior, p=p, gold=eid == gold)


def _worded(column: str, value: Any, kind: pa.DataType, words: Words, names: Names) -> Any:
    """Put a value into words: spans by their tokens, ids of tokens by theirs, eids by ids and labels."""
    if kind == SPAN and value is not None:
        start, end = value
        return f"{start}–{end} {words.text(start, end)}"
    if isinstance(value, list) and pa.types.is_list(kind):
        if column.endswith(IDS):
            return " ".join(names.tokens(value))
        return [_worded(column, item, kind.value_type, words, names) for item in value]
    if isinstance(value, dict) and pa.types.is_struct(kind):
        return {
            name: _worded(f"{column}.{name}", item, kind.field(name).type, words, names)
            for name, item in value.items()
        }
    return names.value(column, value, kind)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _plain(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _plain(value: Any) -> str:
    """Write a value in a line."""
    if isinstance(value, list):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
