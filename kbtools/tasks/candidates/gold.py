"""Mentions whose entity is known: from JSON Lines, a table, or the links of a Wikipedia.

What is known are ids, of any release: they are looked up among the entities and then among the redirects of
the knowledge bases. Ids that are in neither are counted; they cannot be found by anybody.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from kbtools.artefact import Input, digest
from kbtools.errors import ArtefactError, SourceError
from kbtools.io.opening import open_stream
from kbtools.kb.asking import answer
from kbtools.kb.quoting import read_parquet
from kbtools.kb.reader import Base, Kb, gather
from kbtools.kb.schema import STR, TOMBSTONE

NOWHERE = -1  # no document is known: each mention stands for itself
NAMES = ("surface", "mention", "id", "kb", "context")
MILLION = 1_000_000


class Gold(NamedTuple):
    """N mentions; `counts` tells what else there was."""

    surfaces: list[str]
    contexts: list[str]  # "" where none is given
    ids: list[str]
    kb: NDArray[np.uint8]  # [N]
    eid: NDArray[np.uint32]  # [N]
    document: NDArray[np.int64]  # [N]
    counts: dict[str, int]

    def take(self, rows: NDArray[np.int64]) -> Gold:
        """Return some of the mentions, in the order asked for."""
        surfaces, contexts, ids = (
            [column[row] for row in rows.tolist()] for column in (self.surfaces, self.contexts, self.ids)
        )
        return Gold(surfaces, contexts, ids, self.kb[rows], self.eid[rows], self.document[rows], self.counts)


class _Row(msgspec.Struct):
    id: str | int
    surface: str | None = None
    mention: str | None = None
    kb: str | None = None
    context: str | None = None


def lineage(path: Path) -> Input:
    """Say what the mentions come from."""
    if path.is_dir():
        return Input(path=str(path), kind="kb", content=Kb(path).manifest.content)
    if not path.is_file():
        raise SourceError("no such file", path=path)
    return Input(path=str(path), kind="file", content=digest.of_dump(path))


def read(path: Path, bases: dict[int, Base], *, share: float, most: int, seed: int) -> Gold:
    """Read mentions and look their ids up in `bases`, which go by their number in the candidates.

    Of a Wikipedia, the links on a `share` of the pages are taken, told by a hash of their titles. Of more
    than `most` mentions, as many are drawn.
    """
    found = _anchors(Kb(path), bases, share) if path.is_dir() else _looked_up(*_rows(path), bases, path)
    known = len(found.surfaces)
    if known > most:
        drawn = np.sort(np.random.default_rng(seed).choice(known, most, replace=False))
        found = found.take(drawn)
        found.counts["not drawn"] = known - most
    return found


def _rows(path: Path) -> tuple[list[_Row], int]:
    """Read a file of mentions; return them, and how many lines stand before the first."""
    with open_stream(str(path)) as stream:
        data = b"".join(stream.chunks()).removeprefix(b"\xef\xbb\xbf")
        if stream.damage:
            raise SourceError(f"damaged: {stream.damage.reason}", path=path, byte=stream.damage.byte)
    if data.lstrip()[:1] == b"{":
        return _json_lines(data, path), 0
    return _table(data, path), 1


def _json_lines(data: bytes, path: Path) -> list[_Row]:
    decoder = msgspec.json.Decoder(_Row)
    try:
        return decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        for number, line in enumerate(data.split(b"\n"), start=1):
            try:
                if line.strip():
                    decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise SourceError(f"not a mention: {error}", path=path, line=number) from error
        raise  # what is wrong stands in no line


def _table(data: bytes, path: Path) -> list[_Row]:
    header = data.partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r").split("\t")
    if "id" not in header or not {"surface", "mention"} & {*header}:
        raise SourceError(
            'neither JSON Lines ({"surface": ..., "id": ...}) nor a table: its first line names the columns, '
            "parted by tabs: surface and id, and kb and context if there are any",
            path=path,
            line=1,
        )
    used = [name for name in NAMES if name in header]
    try:
        table = pa.csv.read_csv(
            io.BytesIO(data),
            parse_options=pa.csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=pa.csv.ConvertOptions(
                include_columns=used, column_types=dict.fromkeys(used, STR), strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise SourceError(f"not a table: {' '.join(str(error).split())}", path=path) from error
    return [_Row(**row) for row in table.to_pylist()]


def _looked_up(rows: Sequence[_Row], before: int, bases: dict[int, Base], path: Path) -> Gold:
    """Turn ids into eids; a row that names no knowledge base belongs to the first that knows its id."""
    names = {base.name: place for place, base in bases.items()}
    surfaces, ids = [row.surface or row.mention or "" for row in rows], [str(row.id) for row in rows]
    for at, (surface, id_, row) in enumerate(zip(surfaces, ids, rows, strict=True)):
        what = "surface" if not surface.strip() else "id" if not id_.strip() else None
        if what:
            raise SourceError(f"a mention without {what}", path=path, line=at + 1 + before)
        if row.kb and row.kb not in names:
            wrong = f"no knowledge base {row.kb!r} here; there are: {', '.join(names)}"
            raise SourceError(wrong, path=path, line=at + 1 + before)
    asked = np.array([names[row.kb] if row.kb else -1 for row in rows], np.int64)
    kb, eid = np.zeros(len(rows), np.uint8), np.full(len(rows), -1, np.int64)
    distinct = pc.dictionary_encode(pa.array(ids, STR))
    for place, base in sorted(bases.items()):
        known = _eids(base, distinct.dictionary)[distinct.indices.to_numpy()]
        mine = (eid < 0) & (known >= 0) & ((asked < 0) | (asked == place))
        kb[mine], eid[mine] = place, known[mine]
    found = np.flatnonzero(eid >= 0)
    whole = Gold(
        surfaces, [row.context or "" for row in rows], ids, kb, eid.astype(np.uint32),
        np.full(len(rows), NOWHERE, np.int64), {"read": len(rows), "unknown ids": len(rows) - len(found)},
    )  # fmt: skip
    return whole.take(found)


def _eids(base: Base, ids: pa.StringArray) -> NDArray[np.int64]:
    """Return the eids of ids, through redirects; −1 for those that nobody bears (any more)."""
    alive = f"SELECT n, eid FROM asked JOIN entities USING (id) WHERE flags & {TOMBSTONE} = 0"
    moved = "UNION ALL SELECT n, to_eid FROM asked JOIN redirects ON from_id = id"
    sql = f"SELECT n, min(eid) AS eid FROM ({alive} {moved if 'redirects' in base.tables else ''}) GROUP BY n"
    asked = {"n": np.arange(len(ids)), "id": ids}
    found = answer(base.kb.path, sql, asked, parts=base.parts, only={"entities", "redirects"})
    eids = np.full(len(ids), -1, np.int64)
    eids[found["n"].to_numpy()] = found["eid"].to_numpy()
    return eids


def _anchors(kb: Kb, bases: dict[int, Base], share: float) -> Gold:
    """Take the links on some pages of a Wikipedia: what they say is the mention, where they lead is right."""
    place = _place(kb, bases)
    for table in ("anchors", "pages"):
        if not kb.rows(table):
            raise ArtefactError(
                f"{kb.path}: has no {table}; mentions are taken from the links of a Wikipedia"
            )
    anchors, pages = (read_parquet(kb.files(table)) for table in ("anchors", "pages"))
    drawn = f"SELECT page FROM {pages} WHERE md5_number_lower(title) % {MILLION} < {round(share * MILLION)}"
    found = answer(
        kb.path,
        f"SELECT page, surface, target FROM {anchors} SEMI JOIN ({drawn}) USING (page) "
        "WHERE trim(surface) <> '' ORDER BY page, start, surface, target",
    )
    links = found.filter(pc.is_valid(found["target"]))
    eid, page = links["target"].to_numpy().astype(np.uint32), links["page"].to_numpy().astype(np.int64)
    return Gold(
        links["surface"].to_pylist(), [""] * len(eid), _ids(bases[place], eid),
        np.full(len(eid), place, np.uint8), eid, page,
        {"read": len(found), "links without an entity": len(found) - len(eid)},
    )  # fmt: skip


def _place(kb: Kb, bases: dict[int, Base]) -> int:
    """Find the knowledge base that a folder belongs to, as itself or as an overlay."""
    name = kb.manifest.base.name if kb.manifest.base else kb.name
    for place, base in bases.items():
        if base.name == name:
            gather([base.kb.path, *([kb.path] if kb.manifest.base else [])])  # refuses another release
            if not kb.manifest.base and kb.manifest.content != base.kb.manifest.content:
                raise ArtefactError(f"{kb.path}: another release of {name!r} than {base.kb.path}")
            return place
    there = ", ".join(base.name for base in bases.values())
    raise ArtefactError(f"{kb.path}: its links lead to {name!r}; there are candidates of: {there}")


def _ids(base: Base, eid: NDArray[np.uint32]) -> list[str]:
    distinct, place = np.unique(eid, return_inverse=True)
    entities = read_parquet(base.kb.files("entities"))
    sql = f"SELECT eid, id FROM asked JOIN {entities} USING (eid)"
    found = answer(base.kb.path, sql, {"eid": distinct})
    ids = np.full(len(distinct), "", object)
    ids[np.searchsorted(distinct, found["eid"].to_numpy())] = found["id"].to_numpy(zero_copy_only=False)
    return [str(one) for one in ids[place].tolist()]
