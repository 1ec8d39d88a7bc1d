"""Read the big files of a release: names, types, relations, definitions, and what became of old concepts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.artefact import Outcome
from kbtools.io import Block
from kbtools.kb.named import NamedPart, read_blocks
from kbtools.sources.umls.codes import ISO
from kbtools.sources.umls.concepts import with_types
from kbtools.sources.umls.folder import File
from kbtools.sources.umls.lines import Lines, Rules, among, blocks
from kbtools.sources.umls.vocabularies import ranks

Numbers = NDArray[Any]
NO_CODE = ["", "NOCODE"]
RANK_BITS = 24


def decode(
    folder: Path, *, piece: dict[str, Any], part: str, file: list[Any], rules: dict[str, Any]
) -> Outcome:
    """Read one piece of a file."""
    return read_blocks(folder, piece, part, _reader(file, rules))


def joined(folder: Path, *, files: list[str], part: str, file: list[Any], rules: dict[str, Any]) -> Outcome:
    """Read a file that was split anywhere, even in the middle of a line: its parts in one go."""
    with NamedPart(folder, part) as out:
        read = _reader(file, rules, f"{file[0]}.RRF")
        for block in blocks(chain.from_iterable(map(out.chunks, files)), files[0]):
            read(block, out)
            out.end_block()
    return out.outcome()


def _reader(
    file: list[Any], rules: dict[str, Any], name: str | None = None
) -> Callable[[Block, NamedPart], None]:
    found, known = msgspec.convert(file, File), msgspec.convert(rules, Rules)

    def read(block: Block, out: NamedPart) -> None:
        _READERS[found.name](Lines(block, found, out, name), known, out)

    return read


def _names(lines: Lines, rules: Rules, out: NamedPart) -> None:
    """MRCONSO: an atom a row, which gives a concept a name."""
    lines.reject(pc.equal(lines["CUI"], ""), "no CUI")
    lines.reject(pc.equal(lines["STR"], ""), "no string")
    if rules.langs is not None:
        lines.drop(pc.invert(among(lines["LAT"], rules.langs)), "other languages")
    lines.drop_unwanted(rules)
    if rules.ttys:
        lines.drop(pc.invert(among(lines["TTY"], rules.ttys)), "other term types")
    if rules.types:
        lines.drop(~with_types(lines["CUI"], rules.semantics, tuple(rules.types)), "other semantic types")
    atoms = lines.kept()
    if not len(atoms["CUI"]):
        return
    lang = languages(atoms["LAT"])
    order = _order(atoms, rules)
    cui, of_lang = atoms["CUI"].dictionary_encode(), lang.dictionary_encode()
    concept = cui.indices.to_numpy()
    best = _first(concept, order)
    out.add(
        "entities",
        entity=cui.dictionary,
        kind="concept",
        label=atoms["STR"].take(best),
        lang=lang.take(best),
        order=pa.array(order).take(best),
    )
    best = _first(concept.astype(np.int64) * len(of_lang.dictionary) + of_lang.indices.to_numpy(), order)
    out.add(
        "labels",
        entity=atoms["CUI"].take(best),
        lang=lang.take(best),
        text=atoms["STR"].take(best),
        order=pa.array(order).take(best),
    )
    preferred = pc.and_(
        pc.and_(pc.equal(atoms["TS"], "P"), pc.equal(atoms["STT"], "PF")), pc.equal(atoms["ISPREF"], "Y")
    )
    out.add(
        "surfaces",
        entity=atoms["CUI"],
        text=atoms["STR"],
        lang=lang,
        source=pc.if_else(preferred, "name", "term"),
        atom=atoms["AUI"],
    )
    _codes(atoms, out)


def _order(atoms: dict[str, pa.StringArray], rules: Rules) -> Numbers:
    """Say which atom names a concept: the lowest number does.

    By language; unsuppressed first; by rank of vocabulary and term type (MRRANK, higher is better); then the
    preferred term of the concept, the preferred form of the term, the preferred atom of the string.
    """
    langs = rules.langs or ["ENG"]
    place = pc.index_in(atoms["LAT"], value_set=pa.array(langs)).fill_null(len(langs)).to_numpy()
    order: Numbers = place.astype(np.uint64) << 1 | _differs(atoms["SUPPRESS"], "N")
    order <<= RANK_BITS
    if known := ranks(rules.ranks) if rules.ranks else {}:
        keys = pc.binary_join_element_wise(atoms["SAB"], atoms["TTY"], "|")
        at = pc.index_in(keys, value_set=pa.array([*known])).fill_null(len(known)).to_numpy()
        highest = (1 << RANK_BITS) - 1
        order |= np.array([highest - min(rank, highest) for rank in [*known.values(), 0]], np.uint64)[at]
    for column, preferred in (("TS", "P"), ("STT", "PF"), ("ISPREF", "Y")):
        order = order << 1 | _differs(atoms[column], preferred)
    return order


def _differs(column: pa.StringArray, value: str) -> Numbers:
    found: Numbers = pc.not_equal(column, value).to_numpy(zero_copy_only=False).astype(np.uint64)
    return found


def _first(group: Numbers, order: Numbers) -> Numbers:
    """Find in each group the row of lowest order, the first if there are several; groups ascend."""
    at = np.lexsort((order, group))
    new = np.ones(len(at), bool)
    new[1:] = group[at][1:] != group[at][:-1]
    return at[new]


def _codes(atoms: dict[str, pa.StringArray], out: NamedPart) -> None:
    """Stage the codes of concepts in each vocabulary; other identifiers under names of their own."""
    for column in ("CODE", "SCUI", "SDUI"):
        use = pc.invert(among(atoms[column], NO_CODE))
        if column != "CODE":
            use = pc.and_(use, pc.not_equal(atoms[column], atoms["CODE"]))
        cui, sab, code = (atoms[name].filter(use) for name in ("CUI", "SAB", column))
        once = _distinct(cui, sab, code)
        scheme = sab.take(once)
        if column != "CODE":
            scheme = pc.binary_join_element_wise(scheme, column, "/")
        out.add("xref", entity=cui.take(once), scheme=scheme, value=code.take(once))


def _distinct(*columns: pa.StringArray) -> Numbers:
    """Find the first row of each combination, in order."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        found = column.dictionary_encode()
        key = key * max(len(found.dictionary), 1) + found.indices.to_numpy()
    _, first = np.unique(key, return_index=True)
    return np.sort(first)


def languages(lat: pa.StringArray) -> pa.StringArray:
    """Turn LAT codes into those of ISO 639-1; an unknown one is kept, in small letters."""
    found = lat.dictionary_encode()
    names = [ISO.get(code, code.lower()) for code in found.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(found.indices)


def _types(lines: Lines, rules: Rules, out: NamedPart) -> None:
    """MRSTY: a concept's semantic types."""
    lines.reject(pc.or_(pc.equal(lines["CUI"], ""), pc.equal(lines["TUI"], "")), "no CUI or no TUI")
    rows = lines.kept()
    out.add("types", entity=rows["CUI"], type=rows["TUI"])


def _relations(lines: Lines, rules: Rules, out: NamedPart) -> None:
    """MRREL: the *second* concept has the relation to the first."""
    lines.reject(pc.or_(pc.equal(lines["CUI1"], ""), pc.equal(lines["CUI2"], "")), "no CUI")
    lines.reject(pc.and_(pc.equal(lines["REL"], ""), pc.equal(lines["RELA"], "")), "no relation")
    lines.drop_unwanted(rules)
    if not rules.self_relations:
        lines.drop(pc.equal(lines["CUI1"], lines["CUI2"]), "between names of one concept")
    rows = lines.kept()
    heads = rows["CUI2"]
    relation = pc.if_else(pc.equal(rows["RELA"], ""), rows["REL"], rows["RELA"])
    numbers = out.statements(len(heads))
    out.add("triples", entity=heads, relation=relation, tail=rows["CUI1"], statement=numbers)
    for place, column in enumerate(rules.qualifiers):
        some = pc.not_equal(rows[column], "")
        out.add(
            "qualifiers",
            entity=heads.filter(some),
            statement=pa.array(numbers).filter(some),
            relation=column,
            datatype="string",
            value=rows[column].filter(some),
            ord=place,
        )


def _definitions(lines: Lines, rules: Rules, out: NamedPart) -> None:
    """MRDEF: what a vocabulary says that a concept is."""
    lines.reject(pc.or_(pc.equal(lines["CUI"], ""), pc.equal(lines["DEF"], "")), "no CUI or no definition")
    lines.drop_unwanted(rules)
    sab = lines["SAB"].dictionary_encode()
    codes = pa.array([rules.languages.get(name, "ENG") for name in sab.dictionary.to_pylist()], pa.string())
    lat = codes.take(sab.indices)
    if rules.langs is not None:
        lines.drop(pc.invert(among(lat, rules.langs)), "other languages")
    rows = lines.kept()
    lang = languages(lat.filter(pa.array(lines.keep)))
    out.add(
        "descriptions", entity=rows["CUI"], lang=lang, kind="definition", text=rows["DEF"], source=rows["SAB"]
    )


def _retired(lines: Lines, rules: Rules, out: NamedPart) -> None:
    """MRCUI: where concepts went. A broader, narrower or related one is another concept: no redirect."""
    lines.reject(pc.equal(lines["CUI1"], ""), "no CUI")
    for rel in sorted(set(pc.unique(lines["REL"]).to_pylist()) - {"SY"}):
        lines.drop(pc.equal(lines["REL"], rel), f"{rel} and not SY")
    lines.drop(pc.or_(pc.equal(lines["CUI2"], ""), pc.equal(lines["CUI2"], lines["CUI1"])), "leads nowhere")
    rows = lines.kept()
    out.add("redirects", from_id=rows["CUI1"], to=rows["CUI2"], kind="merge")


_READERS: dict[str, Callable[[Lines, Rules, NamedPart], None]] = {
    "MRCONSO": _names,
    "MRSTY": _types,
    "MRREL": _relations,
    "MRDEF": _definitions,
    "MRCUI": _retired,
}
