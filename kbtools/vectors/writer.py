"""Write vectors of entities: from an array, or block by block if they are more than memory holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.artefact import Input, KbRef, Manifest, Staging, Table, digest
from kbtools.errors import ArtefactError, ConfigError
from kbtools.io import tensors
from kbtools.kb.schema_digest import schema_digest
from kbtools.vectors.reader import (
    AT_ONCE,
    DTYPES,
    FILE,
    I64,
    IDS,
    KIND,
    NAME,
    OTHERS,
    RELATIONS,
    SCHEMA,
    Array,
)

GROUP = 1 << 20
MOST = 1 << 32


def write(
    out: Path | str,
    ids: Sequence[int] | I64,
    vectors: Array | Iterable[Array],
    *,
    kb: Path | str | None = None,
    inputs: Sequence[Path | str] = (),
    relations: Mapping[str, Array] | None = None,
    settings: Mapping[str, Any] | None = None,
    counts: Mapping[str, int] | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Write `vectors` [rows, dim], whole or in blocks of rows; `ids` tells whose each row is, in any order.

    They are vectors of `kb`, or of the knowledge bases that `inputs` (other artefacts they were made from)
    speak of. `settings` say how they were made: with blocks, those and the ids must tell what comes out.
    """
    eids = _checked(ids)
    first, blocks = _peek(_blocks(vectors) if isinstance(vectors, np.ndarray) else iter(vectors))
    parents = [Path(one) for one in ([kb] if kb else []) + list(inputs)]
    manifests = [artefact.read(one, "kb" if at == 0 and kb else None) for at, one in enumerate(parents)]
    made_from = [
        Input(path=str(path), kind=one.kind, content=one.content)
        for path, one in zip(parents, manifests, strict=True)
    ]
    held = _blocks(vectors) if isinstance(vectors, np.ndarray) else ()
    told = {**(settings or {}), "rows": len(eids), "dim": first.shape[1], "dtype": first.dtype.name}
    asked = {
        **told,
        "ids": digest.of_bytes(eids.tobytes()),
        "vectors": [digest.of_bytes(one.tobytes()) for one in held],
    }
    plan = artefact.plan(KIND, asked, [one.content for one in manifests])
    with Staging(Path(out), plan, overwrite=overwrite, restart=True) as staging, staging.worthwhile():
        if staging.whole is not None:
            return staging.whole
        tables = fill(staging.new, eids, blocks, first, relations or {})
        manifest = artefact.begin(
            KIND,
            settings=told,
            inputs=made_from,
            kbs=_kbs(manifests),
            licences=artefact.unite(licence for one in manifests for licence in one.licences),
            incomplete=any(one.incomplete for one in manifests),
            tables=tables,
            counts={"entities": len(eids), **(counts or {})},
        )
        return staging.commit(manifest)


def fill(
    new: Path, eids: I64, blocks: Iterable[Array], like: Array, relations: Mapping[str, Array]
) -> dict[str, Table]:
    """Write the files into a folder and describe them: for builds that have a staging of their own.

    `like` is an array of the blocks' type and width.
    """
    dim, kind = like.shape[1], like.dtype
    tensors.write(new / FILE, NAME, _finite(blocks, eids), kind, (len(eids), dim))
    order = np.argsort(eids)
    told = pa.table(
        [pa.array(order.astype(np.uint32)), pa.array(eids[order].astype(np.uint32))], schema=SCHEMA
    )
    pq.write_table(told, new / IDS, compression="zstd", compression_level=1, row_group_size=GROUP)
    tables = {
        NAME: _table(new, FILE, len(eids), digest.of_json([kind.name, dim])),
        "ids": _table(new, IDS, len(eids), schema_digest(SCHEMA)),
    }
    if relations:
        if RELATIONS not in relations:
            raise ConfigError(f"what is written of relations has an array {RELATIONS!r}, whose row is rid")
        (new / OTHERS).write_bytes(tensors.encode(relations))
        shapes = [[name, array.dtype.name, *array.shape[1:]] for name, array in sorted(relations.items())]
        tables[RELATIONS] = _table(new, OTHERS, len(relations[RELATIONS]), digest.of_json(shapes))
    return tables


def _table(new: Path, file: str, rows: int, schema: str) -> Table:
    return Table(rows=rows, files=[artefact.entry(new, file)], schema=schema)


def _checked(ids: Sequence[int] | I64) -> I64:
    eids = np.asarray(ids)
    if eids.ndim != 1 or (len(eids) and eids.dtype.kind not in "iu"):
        raise ConfigError(f"ids of vectors are a list of whole numbers, not {eids.dtype} {eids.shape}")
    if len(eids) >= MOST or (len(eids) and not 0 <= int(eids.min()) <= int(eids.max()) < MOST):
        raise ConfigError("ids of vectors are eids: numbers from 0 to 4,294,967,295")
    eids = eids.astype(np.int64)
    ordered = np.sort(eids)
    if len(twice := ordered[1:][ordered[1:] == ordered[:-1]]):
        raise ConfigError(f"eid {twice[0]} has two vectors; each entity has one")
    return eids


def _blocks(vectors: Array) -> Iterator[Array]:
    """Cut an array into blocks of rows; one of no rows is one block."""
    step = max(1, AT_ONCE * len(vectors) // max(1, vectors.nbytes))
    return (vectors[at : at + step] for at in range(0, max(1, len(vectors)), step))


def _peek(blocks: Iterator[Array]) -> tuple[Array, Iterator[Array]]:
    """Return the first block, which has the type and width of all, and all of them."""
    first = next(blocks, None)
    if first is None:
        raise ConfigError("no block of vectors: how wide they are cannot be told")
    if first.ndim != 2 or first.dtype.name not in DTYPES or not first.shape[1]:
        raise ConfigError(f"vectors are {' or '.join(DTYPES)} [rows, dim], not {first.dtype} {first.shape}")
    return first, chain([first], blocks)


def _finite(blocks: Iterable[Array], eids: I64) -> Iterator[Array]:
    at = 0
    for block in blocks:
        wrong = np.flatnonzero(~np.isfinite(block).all(axis=tuple(range(1, block.ndim))))
        if len(wrong):  # said with whose it is: the row means nothing to whoever trained them
            row = at + int(wrong[0])
            whose = f" (eid {eids[row]})" if row < len(eids) else ""
            raise ArtefactError(f"row {row:,} of the vectors{whose} holds NaN or infinite numbers")
        at += len(block)
        yield block


def _kbs(manifests: Sequence[Manifest]) -> list[KbRef]:
    found: dict[str, KbRef] = {}
    for one in manifests:
        itself = KbRef(name=one.name or "", content=one.content, id_space=one.id_space)
        for ref in [itself] if one.kind == "kb" else one.kbs:
            found.setdefault(ref.name, ref)
    return list(found.values())
