"""Facts that a model must not be told, for it is tested on them.

    Q64 <tab> P17 <tab> Q183              a fact a line, by the ids of the knowledge base
    {"P17": [{"h": ["berlin", "Q64", ..], "t": ["germany", "Q183", ..]}, ..]}              FewRel
    {"sub_uri": "Q64", "predicate_id": "P17", "obj_uri": "Q183", ..}                       LAMA, a line each

A folder stands for the .jsonl, .json, .tsv and .txt files in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.kb import statements
from kbtools.kb.arrays import load_npy
from kbtools.kb.reader import Base
from kbtools.kb.resolving import resolve
from kbtools.kb.statements import Triples
from kbtools.shards.base import I64, Bools

SUFFIXES = (".json", ".jsonl", ".tsv", ".txt")


class Banned(NamedTuple):
    """Facts by number."""

    pairs: NDArray[np.uint64]  # head and tail, sorted
    relation: I64  # of each pair; a pair of several facts comes several times

    def holds(self, triples: Triples, by: str) -> Bools:
        """Tell which triples are such a fact; by `pair`: which are between its ends, either way."""
        found = np.isin(pairs(triples.head, triples.tail), self.pairs)
        if by == "pair":
            found |= np.isin(pairs(triples.tail, triples.head), self.pairs)
            return found
        facts = set(zip(self.pairs.tolist(), self.relation.tolist(), strict=True))
        some = np.flatnonzero(found)  # few
        told = pairs(triples.head[some], triples.tail[some]).tolist(), triples.relation[some].tolist()
        found[some] = [fact in facts for fact in zip(*told, strict=True)]
        return found


def pairs(head: I64, tail: I64) -> NDArray[np.uint64]:
    """Return both ends as one number."""
    return (head.astype(np.uint64) << np.uint64(32)) | tail.astype(np.uint64)


def save(out: Path, path: Path, base: Base, counts: Counter[str]) -> None:
    """Read facts and write them by number; those of entities or relations that are not there are counted."""
    facts = sorted({fact for file in _files(path) for fact in _read(file)})
    head, relation, tail = (pa.array([fact[at] for fact in facts], pa.string()) for at in range(3))
    known = statements.relations(base)
    rid = known["rid"].combine_chunks().take(pc.index_in(relation, known["id"].combine_chunks()))
    ends = resolve({0: base}, pa.concat_arrays([head, tail])).eid.reshape(2, -1)
    found = np.column_stack([ends[0], pc.fill_null(rid, -1).to_numpy(False), ends[1]]).astype(np.int64)
    kept = (found >= 0).all(axis=1)
    counts["facts kept for tests"] += len(facts)
    counts["facts kept for tests: not in this knowledge base"] += int((~kept).sum())
    np.save(out, found[kept], allow_pickle=False)


def load(path: Path) -> Banned:
    """Read what `save` wrote."""
    found = load_npy(path, gone="start again with --restart")
    both = pairs(found[:, 0], found[:, 2])
    order = np.argsort(both, kind="stable")
    return Banned(both[order], found[order, 1])


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ConfigError(f"{path}: no such file of facts to be kept for tests")
    if path.is_file():
        return [path]
    found = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES)
    if not found:
        raise ConfigError(f"{path}: no file of facts ({', '.join(SUFFIXES)}) in this folder")
    return found


class _Lama(msgspec.Struct):
    sub_uri: str
    predicate_id: str
    obj_uri: str


class _Fewrel(msgspec.Struct):
    h: tuple[str, str, Any]
    t: tuple[str, str, Any]


_lama = msgspec.json.Decoder(_Lama)
_fewrel = msgspec.json.Decoder(dict[str, list[_Fewrel]])


def _read(file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield head, relation and tail; what is in one of the shapes must be so to the end."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    try:
        if file.suffix == ".json":
            for relation, facts in _fewrel.decode(data).items():
                yield from ((fact.h[1], relation, fact.t[1]) for fact in facts)
            return
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not in the shape of FewRel: {error}") from error
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            yield _line(file, number, line)


def _line(file: Path, number: int, line: bytes) -> tuple[str, str, str]:
    try:
        if file.suffix == ".jsonl":
            fact = _lama.decode(line)
            return fact.sub_uri, fact.predicate_id, fact.obj_uri
        head, relation, tail = line.decode("utf-8-sig").split("\t")
    except (msgspec.DecodeError, ValueError) as error:
        what = (
            "sub_uri, predicate_id, obj_uri"
            if file.suffix == ".jsonl"
            else "head, relation, tail between tabs"
        )
        raise ConfigError(f"{file}:{number}: a fact is {what}: {error}") from error
    return head, relation, tail
