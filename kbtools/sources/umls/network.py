"""The semantic network: types and how they relate, and what relations are called.

Its tables are small. One task reads them, and looks through MRSTY and MRCONSO for what only they know:
types that the network at hand lacks, and concepts without a name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.io import Block
from kbtools.kb.named import NamedPart
from kbtools.sources.umls.concepts import Typed, nameless
from kbtools.sources.umls.folder import File
from kbtools.sources.umls.lines import Lines

SOURCE = "UMLS Semantic Network"
NAMELESS = "concepts without a name"


def read(
    folder: Path,
    *,
    files: list[str],
    part: str,
    tables: dict[str, Any],
    types: list[str],
    without_names: bool,
) -> Outcome:
    """Stage the semantic types, their network, the relations, and the concepts without a name."""
    known = {name: msgspec.convert(file, File) for name, file in tables.items()}
    labels: dict[str, str] = {}
    with NamedPart(folder, part) as out:
        if "MRSTY" in known:
            typed = Typed(known["MRSTY"], types)
            labels = typed.labels
            if without_names:
                found = nameless(typed, known["MRCONSO"])
                out.add("entities", entity=found, kind="concept")
                out.notes |= {NAMELESS: len(found)} if len(found) else {}
        labels = _definitions(known.get("SRDEF"), labels, out)
        out.add("entities", entity=[*labels], kind="concept", label=[*labels.values()], lang="en")
        out.add("labels", entity=[*labels], lang="en", text=[*labels.values()])
        _structure(known.get("SRSTR"), labels, out)
        _relations(known.get("MRDOC"), out)
    return out.outcome()


def _rows(file: File | None, out: NamedPart) -> Lines | None:
    if file is None:
        return None
    data = b"".join(chunk for path in file.paths for chunk in out.chunks(path))
    block = Block(data.removeprefix(b"\xef\xbb\xbf"), 0, 0)
    return Lines(block, file, out, Path(file.paths[0]).name)


def _definitions(file: File | None, labels: dict[str, str], out: NamedPart) -> dict[str, str]:
    """SRDEF: types (STY) and relations (RL); return all types' names by TUI."""
    lines = _rows(file, out)
    if lines is None:
        return labels
    lines.reject(pc.or_(pc.equal(lines["UI"], ""), pc.equal(lines["NAME"], "")), "no id or no name")
    lines.reject(pc.invert(pc.is_in(lines["RT"], value_set=pa.array(["STY", "RL"]))), "neither STY nor RL")
    rows = pa.table(lines.kept())
    types, relations = (rows.filter(pc.equal(rows["RT"], kind)) for kind in ("STY", "RL"))
    some = types.filter(pc.not_equal(types["DEF"], ""))
    out.add(
        "descriptions",
        entity=some["UI"], lang="en", kind="definition", text=some["DEF"], source=SOURCE,
    )  # fmt: skip
    for column, scheme in (("NUMBER", "STN"), ("ABR", "STY abbreviation")):
        coded = types.filter(pc.not_equal(types[column], ""))
        out.add("xref", entity=coded["UI"], scheme=scheme, value=coded[column])
    out.add(
        "relations",
        relation=relations["NAME"],
        label=pc.replace_substring(relations["NAME"], "_", " "),
        description=relations["DEF"],
        inverse=_or_null(relations["RIN"]),
    )
    return dict(zip(types["UI"].to_pylist(), types["NAME"].to_pylist(), strict=True)) | labels


def _structure(file: File | None, labels: dict[str, str], out: NamedPart) -> None:
    """SRSTR: which relation holds between which types; what is marked B (blocked) does not hold."""
    lines = _rows(file, out)
    if lines is None:
        return
    lines.drop(pc.equal(lines["NAME2"], ""), "roots of the network")
    lines.drop(pc.equal(lines["LS"], "B"), "blocked")
    ids, names = pa.array([*labels], pa.string()), pa.array([*labels.values()], pa.string())
    head, tail = (ids.take(pc.index_in(lines[column], value_set=names)) for column in ("NAME1", "NAME2"))
    lines.drop(pc.and_(head.is_null(), tail.is_null()), "between relations")
    lines.reject(pc.or_(head.is_null(), tail.is_null()), "no such semantic type")
    keep = pa.array(lines.keep)
    numbers = out.statements(int(np.count_nonzero(lines.keep)))
    out.add(
        "triples",
        entity=head.filter(keep), relation=lines["RL"].filter(keep), tail=tail.filter(keep),
        statement=numbers,
    )  # fmt: skip


def _relations(file: File | None, out: NamedPart) -> None:
    """MRDOC: what relations are called, and which are each other's inverse."""
    lines = _rows(file, out)
    if lines is None:
        return
    rows = pa.table(lines.kept())
    rows = rows.filter(pc.is_in(rows["DOCKEY"], value_set=pa.array(["REL", "RELA"])))
    for kinds, column in ((["expanded_form"], "label"), (["rel_inverse", "rela_inverse"], "inverse")):
        some = rows.filter(pc.is_in(rows["TYPE"], value_set=pa.array(kinds)))
        some = some.filter(pc.and_(pc.not_equal(some["VALUE"], ""), pc.not_equal(some["EXPL"], "")))
        out.add("relations", relation=some["VALUE"], **{column: some["EXPL"]})


def _or_null(column: Any) -> Any:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
