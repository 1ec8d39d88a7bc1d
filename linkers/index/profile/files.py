"""The files of a profile: numpy arrays that all processes map into memory.

N entities, those of one knowledge base after those of another; V terms.

    words.offsets.npy         i64 [N + 1] where the words of each begin
    words.values.npy          u32 the terms, as places in words.terms, ascending for each
    words.weights.npy         u16 how often, in sixteenths
    words.lengths.npy         u32 [N] how many words in sixteenths, also those that were not kept
    words.terms.npy           u64 [V] hashes of words, ascending (`kbtools.linkers.words`)
    words.entities.npy        u32 [V] how many entities have the term
    words.sums.npy            u64 [V] how often they have it, in sixteenths
    neighbours.offsets.npy    i64 [N + 1]
    neighbours.values.npy     u32 rows of entities, ascending for each
    neighbours.degrees.npy    u32 [N] how many there are, also those that were not drawn
    types.offsets.npy         i64 [N + 1]
    types.values.npy          u32 rows of the direct types, ascending for each
    classes.offsets.npy       i64 [N + 1]
    classes.values.npy        u32 rows of types and their superclasses, ascending for each
    parts.keys.npy            u64 [P] hashes of the first and last words of names, ascending
    parts.offsets.npy         i64 [P + 1]
    parts.values.npy          u32 rows of the entities that are called so, the best known first
    parts.priors.npy          f32 how likely each is meant
    parts.covered.npy         u8  how much of its name the part is, of 255
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kbtools.artefact import Manifest, Table, digest, entry
from kbtools.errors import ArtefactError
from kbtools.kb.arrays import load_npy

KINDS = {
    "words.offsets": "i8", "words.values": "u4", "words.weights": "u2", "words.lengths": "u4",
    "words.terms": "u8", "words.entities": "u4", "words.sums": "u8",
    "neighbours.offsets": "i8", "neighbours.values": "u4", "neighbours.degrees": "u4",
    "types.offsets": "i8", "types.values": "u4", "classes.offsets": "i8", "classes.values": "u4",
    "parts.keys": "u8", "parts.offsets": "i8", "parts.values": "u4", "parts.priors": "f4",
    "parts.covered": "u1",
}  # fmt: skip


def tables(folder: Path) -> dict[str, Table]:
    """Describe all files for the manifest."""
    found = {}
    for name in KINDS:
        array = load_npy(folder / f"{name}.npy", gone="make the index again")
        told = digest.of_json([array.dtype.str, array.ndim])
        found[name] = Table(rows=len(array), files=[entry(folder, f"{name}.npy")], schema=told)
    return found


def opened(folder: Path, manifest: Manifest) -> dict[str, NDArray[Any]]:
    """Map the arrays; refuse those that are gone, short or of another kind. None of them is read."""
    arrays = {}
    for name, kind in KINDS.items():
        file = folder / f"{name}.npy"
        told = manifest.tables.get(name)
        found = load_npy(file, gone="make the index again")
        if told is None or [one.bytes for one in told.files] != [file.stat().st_size]:
            raise _damaged(file)
        if found.ndim != 1 or found.dtype.str[1:] != kind or len(found) != told.rows:
            raise _damaged(file)
        arrays[name] = found
    _check(folder, arrays)
    return arrays


def _check(folder: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Refuse arrays that do not fit each other."""
    rows, terms = len(arrays["words.lengths"]), len(arrays["words.terms"])
    lengths = dict.fromkeys((name for name in KINDS if name.endswith(".offsets")), rows + 1)
    lengths |= {"neighbours.degrees": rows, "words.entities": terms, "words.sums": terms}
    lengths |= {"words.weights": len(arrays["words.values"]), "parts.offsets": len(arrays["parts.keys"]) + 1}
    lengths |= dict.fromkeys(("parts.priors", "parts.covered"), len(arrays["parts.values"]))
    wrong = [name for name, length in lengths.items() if len(arrays[name]) != length]
    for name in ("words", "neighbours", "types", "classes", "parts"):
        offsets = arrays[f"{name}.offsets"]
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(arrays[f"{name}.values"]):
            wrong.append(f"{name}.offsets")
    if wrong:
        raise _damaged(folder / f"{wrong[0]}.npy")


def _damaged(file: Path) -> ArtefactError:
    return ArtefactError(f"{file}: damaged; `kbtools verify {file.parent}` says what else is")
