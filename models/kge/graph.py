"""The triples that are learned, as arrays on disk, whatever their number.

Entities that have triples are numbered 0 .. rows − 1: `Graph.eids[row]` says who, in order of eid or, for
partitions, in a random order that a seed settles. Relations keep the numbers of the knowledge base:
`relation_ids(base)[rid]`. Triples are read twice, a few thousand rows at a time: first to see which entities
have any, then to write them. Memory: 5 bytes for each entity of the base and 8 for each row (4 more with
`least`), and a row group.

A triple that is stated several times in a split counts once. One of validation or test that is in training,
too, stays where it is, as do entities and relations that training never sees: they are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.artefact.manifest import NAME as MANIFEST
from kbtools.errors import ArtefactError, ConfigError, ResourceError
from kbtools.kb import statements
from kbtools.kb.reader import Base, gather
from kbtools.models import draws
from kbtools.models.kge import recipe
from kbtools.models.kge.stated import Triples, distinct

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Bools = NDArray[np.bool_]

SPLITS = ("train", "valid", "test")
MOST = (1 << 31) - 1  # rows
LINKED, TRAINED, STAYS = 1, 2, 4  # what is noted of an entity: the last, that some triple is not held out


class Graph(NamedTuple):
    """Triples [n, 3] of head row, rid and tail row; mapped."""

    eids: I64  # [rows]
    relations: int
    train: I32
    valid: I32
    test: I32
    counts: dict[str, int]

    @property
    def rows(self) -> int:
        """How many entities have triples."""
        return len(self.eids)


def opened(paths: Sequence[Path | str]) -> list[Base]:
    """Open a knowledge base and its overlays; of triples as text, say what makes one of them."""
    for path in map(Path, paths):
        told = path.is_file() or (path.is_dir() and not (path / MANIFEST).exists())
        if told and any("train" in one.name for one in (path.iterdir() if path.is_dir() else [path])):
            raise ArtefactError(
                f"{path}: triples as text; ingest it first: kbtools ingest linkprediction {path} --out KB"
            )
    return gather(paths)


def relation_ids(base: Base) -> list[str]:
    """Return the id of each relation, by rid; those of overlays follow the base's."""
    found: list[str] = statements.relations(base)["id"].to_pylist()
    return found


def read(
    bases: Sequence[Base],
    settings: recipe.Triples,
    folder: Path,
    *,
    shuffled: int | None,
    seed: int,
    learned: bool = True,
) -> Graph:
    """Write the triples of a knowledge base below `folder`; `shuffled` is the seed of an order of rows.

    Unless they are to be `learned`, none need be of training.
    """
    base = _only(bases)
    if not 0 <= settings.hold_out < 1:
        raise ConfigError(f"triples.hold_out = {settings.hold_out} is no share: it takes 0 to below 1")
    reading = _Reading(base, settings, _wanted(base, settings))
    entities = base.kb.rows("entities")
    if settings.least > 1:
        reading.kept = _enough(reading, entities, settings.least)
    found = _survey(reading, entities, settings.hold_out, seed, learned=learned)
    eids = np.flatnonzero(found.entities & LINKED)
    if len(eids) > MOST:
        raise ResourceError(f"{base.kb.path}: {len(eids):,} entities have triples; {MOST:,} rows at most")
    if shuffled is not None:
        eids = np.random.default_rng(shuffled).permutation(eids)
    row_of = np.full(entities, -1, np.int32)
    row_of[eids] = np.arange(len(eids), dtype=np.int32)
    counts = _write(reading, row_of, found, folder)
    unseen = int(((found.entities & (LINKED | TRAINED)) == LINKED).sum())
    told = {"entities": len(eids), **counts, "entities not in train": unseen}
    if reading.kept is not None:
        told["entities with too few triples"] = int((~reading.kept).sum())
    return written(folder, eids, len(reading.wanted), told)


def written(folder: Path, eids: I64, relations: int, counts: dict[str, int]) -> Graph:
    """Open what `read` has written below `folder`, maybe in another process."""
    train, valid, test = (_mapped(folder, split) for split in SPLITS)
    return Graph(eids, relations, train, valid, test, counts)


def _only(bases: Sequence[Base]) -> Base:
    if len(bases) != 1:
        names = ", ".join(base.name for base in bases) or "none"
        raise ConfigError(
            f"vectors are learned of one knowledge base, not of {names}; `kbtools merge` makes one of several"
        )
    return bases[0]


def _wanted(base: Base, settings: recipe.Triples) -> Bools:
    """Tell of each relation whether its triples are wanted; refuse ids that none has."""
    relations = statements.relations(base)
    places = {name: rid for rid, name in enumerate(relations["id"].to_pylist())}
    found = np.full(len(places), not settings.relations)
    for setting, names, value in (
        ("relations", settings.relations, True),
        ("without", settings.without, False),
    ):
        for name in names:
            if name not in places:
                hint = _hint(name, relations)
                raise ConfigError(f"triples.{setting}: {base.kb.path} has no relation {name!r}: {hint}")
            found[places[name]] = value
    return found


def _hint(name: str, relations: pa.Table) -> str:
    ids, labels = relations["id"].to_pylist(), relations["label"].to_pylist()
    called = dict(zip(reversed(labels), reversed(ids), strict=True))  # of several, the first
    near = [called[name]] if name in called else get_close_matches(name, ids, n=1)
    return f"did you mean {near[0]!r}?" if near else f"ids are such as {', '.join(map(repr, ids[:3]))}"


class _Reading:
    """Reads what is wanted, each triple once in each split, as often as it is asked to."""

    def __init__(self, base: Base, settings: recipe.Triples, wanted: Bools) -> None:
        self.base, self.settings, self.wanted = base, settings, wanted
        self.kept: Bools | None = None  # entities, if some are not

    def __call__(self, counts: Counter[str]) -> Iterator[Triples]:
        for found in distinct(self.base, self.settings.rank, self.wanted, counts):
            if self.kept is None:
                yield found
                continue
            whole = self.kept[found.head] & self.kept[found.tail]
            counts["triples of entities with too few"] += int((~whole).sum())
            yield found.take(whole)


def _enough(reading: _Reading, entities: int, least: int) -> Bools:
    """Tell which entities have so many triples; a self loop is one."""
    often = np.zeros(entities, np.uint32)
    for found in reading(Counter()):
        np.add.at(often, found.head, np.uint32(1))
        np.add.at(often, found.tail[found.tail != found.head], np.uint32(1))
    enough: Bools = (often >= least) | (often == 0)
    return enough


class _Seen(NamedTuple):
    """What the first reading tells."""

    entities: U8  # [entities], of LINKED, TRAINED, STAYS
    relations: Bools  # which have a triple that is not held out
    hold_out: float  # 0: nothing is
    seed: int

    def held(self, found: Triples) -> Bools:
        """Tell which triples are kept for validation: drawn, and not the last of anything.

        An entity or relation none of whose triples would stay keeps all of them.
        """
        stays = (self.entities[found.head] & self.entities[found.tail] & STAYS).astype(bool)
        stays &= self.relations[found.relation]
        drawn: Bools = stays & (found.split == 0) & (_draw(found, self.seed) < self.hold_out)
        return drawn


def _draw(found: Triples, seed: int) -> NDArray[np.float64]:
    return draws.of_numbers(draws.key(seed, "hold out"), found.head, found.relation, found.tail)


def _survey(reading: _Reading, entities: int, hold_out: float, seed: int, *, learned: bool) -> _Seen:
    """Read all triples, to see who has any."""
    seen, relations = np.zeros(entities, np.uint8), np.zeros(len(reading.wanted), np.bool_)
    splits = np.zeros(len(SPLITS), np.int64)
    for found in reading(Counter()):
        splits += np.bincount(found.split, minlength=len(SPLITS))
        seen[found.head] |= LINKED
        seen[found.tail] |= LINKED
        trained = found.take(found.split == 0)
        seen[trained.head] |= TRAINED
        seen[trained.tail] |= TRAINED
        if hold_out:
            staying = trained.take(_draw(trained, seed) >= hold_out)
            seen[staying.head] |= STAYS
            seen[staying.tail] |= STAYS
            relations[staying.relation] = True
    path = reading.base.kb.path
    if not splits.any():
        stated = any(part.rows("triples") for part in reading.base.parts)
        why = "of the relations and ranks that are asked for" if stated else "at all"
        if stated and reading.settings.least > 1:
            why += f", of entities that have {reading.settings.least:,} (triples.least)"
        raise ArtefactError(f"{path}: no triples {why}: there is nothing to learn")
    if learned and not splits[0]:
        raise ArtefactError(
            f"{path}: {splits.sum():,} triples, but none in train: there is nothing to learn; "
            "ingest it with its train file"
        )
    return _Seen(seen, relations, 0.0 if splits[1] else hold_out, seed)


def _write(reading: _Reading, row_of: I32, seen: _Seen, folder: Path) -> dict[str, int]:
    """Write all triples, split by split; return what was counted."""
    counts: Counter[str] = Counter()
    often = np.zeros((len(SPLITS), len(reading.wanted)), np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = [stack.enter_context(_file(folder, split).open("wb")) for split in SPLITS]
        for found in reading(counts):
            split = found.split
            if seen.hold_out:
                split = np.where(seen.held(found), np.uint8(1), split)
            counts["self loops"] += int((found.head == found.tail).sum())
            rows = np.stack([row_of[found.head], found.relation, row_of[found.tail]], axis=1, dtype=np.int32,
                            casting="same_kind")  # fmt: skip
            for place, file in enumerate(files):
                mine = split == place
                often[place] += np.bincount(found.relation[mine], minlength=often.shape[1])
                file.write(rows[mine].tobytes())
    sizes = dict(zip(SPLITS, map(int, often.sum(axis=1)), strict=True))
    if seen.hold_out:
        counts["held out"] = sizes["valid"]
    return {
        "relations": int((often[0] > 0).sum()),
        **sizes,
        **counts,
        "relations not in train": int(((often[0] == 0) & (often.sum(axis=0) > 0)).sum()),
        "relations with one triple": int((often[0] == 1).sum()),
    }


def _file(folder: Path, split: str) -> Path:
    return folder / f"{split}.i32"


def _mapped(folder: Path, split: str) -> I32:
    path = _file(folder, split)
    if not path.stat().st_size:
        return np.zeros((0, 3), np.int32)  # an empty file cannot be mapped
    found: np.ndarray[Any, np.dtype[np.int32]] = np.memmap(path, np.int32, "r").view(np.ndarray)
    return found.reshape(-1, 3)
