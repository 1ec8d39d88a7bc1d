"""An alias artefact, opened: its look-up is mapped into memory, shared by all processes that open it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools import artefact
from kbtools.alias import hashing, normal
from kbtools.alias.scanning import finding
from kbtools.alias.scanning.scan import Spans, scan
from kbtools.alias.schema import KIND, LEVELS, LOOKUP
from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError
from kbtools.kb.arrays import load_npy
from kbtools.kb.schema import STR

ARRAYS = {
    "norms": "u1", "offsets": "u4 u8", "buckets": "u4", "tags": "u2", "places": "u4", "known": "u8",
    "prefixes": "u8", "entries": "u4 u8", "form_tags": "u4", "firsts": "u4 u8", "lengths": "u2",
    "eids": "u4", "priors": "f4",
}  # fmt: skip
OPTIONAL = {"kbs": "u1", "links": "f4"}
INFLECTED = LEVELS.index("inflected")


class Slices(NamedTuple):
    """What Q names were found as; their candidates are rows first:first + length of the look-up."""

    norm: NDArray[np.int64]  # [Q] −1: unknown
    entry: NDArray[np.int64]  # [Q]
    level: NDArray[np.uint8]  # [Q] a place in schema.LEVELS
    first: NDArray[np.int64]  # [Q]
    length: NDArray[np.int64]  # [Q] 0 if unknown
    link: NDArray[np.float32]  # [Q] the probability that it is a link; NaN if no text was counted


class Alias:
    """An alias table for reading. Opening checks the manifest and the sizes of the arrays, and reads none.

    alias = Alias("alias")
    slices = alias.lookup(["Paris", "paris, france"])
    alias.candidates(slices)            # query, kb, eid, prior
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.manifest = artefact.read(self.path, KIND)
        self.arrays = open_arrays(self.path)
        self._check()

    def __repr__(self) -> str:
        return f"Alias({str(self.path)!r})"

    def __len__(self) -> int:
        return len(self.arrays["places"])

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases it speaks of; `kb` in rows is a place in this list."""
        return self.manifest.kbs

    @property
    def norms(self) -> pa.LargeStringArray:
        """All norms in alphabetical order; nothing is copied but their offsets."""
        offsets = pa.py_buffer(self.arrays["offsets"].astype(np.int64))
        data = pa.py_buffer(self.arrays["norms"])
        return pa.LargeStringArray.from_buffers(len(self), offsets, data)

    def norm(self, number: int) -> str:
        """Return one norm."""
        low, high = self.arrays["offsets"][number : number + 2].tolist()
        return self.arrays["norms"][low:high].tobytes().decode()

    def kb_of(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return the knowledge bases of candidates."""
        kbs = self.arrays.get("kbs")
        return np.zeros(len(rows), np.uint8) if kbs is None else kbs[rows]

    def lookup(self, surfaces: Sequence[str | None] | pa.Array) -> Slices:
        """Look names up: as they are spelt if that is known, else on the first rung that is."""
        if isinstance(surfaces, pa.Array | pa.ChunkedArray):
            texts = pc.fill_null(pa.chunked_array([surfaces.cast(STR)]).combine_chunks(), "")
        else:
            texts = normal.words([text or "" for text in surfaces])
        exact, norm = normal.spell(texts)
        spelt = [hashing.of_strings(strings) for strings in (exact, *normal.rungs(exact))]
        number = self._numbers(norm)
        level = np.zeros(len(number), np.uint8)
        unknown = np.flatnonzero(number < 0)
        singular = self._numbers(_singular(norm.take(pa.array(unknown))))
        number[unknown] = singular
        level[unknown] = INFLECTED
        known = np.flatnonzero(number >= 0)
        entry = np.full(len(number), -1, np.int64)
        entry[known], found = finding.entries(
            self.arrays, number[known], *(hashes[known] for hashes in spelt)
        )
        level[known] = np.where(level[known] == INFLECTED, INFLECTED, found)
        return self._slices(number, entry, level)

    def _slices(
        self, number: NDArray[np.int64], entry: NDArray[np.int64], level: NDArray[np.uint8]
    ) -> Slices:
        known = np.flatnonzero(entry >= 0)
        first, length = np.zeros(len(entry), np.int64), np.zeros(len(entry), np.int64)
        link = np.full(len(entry), np.nan, np.float32)
        first[known], length[known], link[known] = finding.slices(self.arrays, entry[known])
        return Slices(number, entry, level, first, length, link)

    def _numbers(self, norm: pa.StringArray) -> NDArray[np.int64]:
        data, offsets = hashing.buffers(norm)
        strings = finding.Strings(data, offsets[:-1], offsets[1:])
        found = finding.norms(self.arrays, hashing.of_strings(norm), strings)
        found[strings.ends == strings.starts] = -1
        return found

    def scan(self, texts: Sequence[str] | pa.Array, least: int = 1) -> Spans:
        """Find all names in running text, overlapping ones too, with their offsets in the texts.

        Names of less than `least` characters are left out; where words are not parted by spaces, these are
        most of all, and it is faster without them.
        """
        return scan(self.arrays, texts, least)

    def likeliest(self, slices: Slices | Spans, kb: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the likeliest entity of each name in one knowledge base, and its prior; −1: none."""
        ends, row = slices.first + slices.length, slices.first.copy()
        while "kbs" in self.arrays:  # candidates are ordered by knowledge base, then by prior
            going = np.flatnonzero(row < ends)
            going = going[self.arrays["kbs"][row[going]] < kb]
            if not len(going):
                break
            row[going] += 1
        known = np.flatnonzero(row < ends)
        if "kbs" in self.arrays:
            known = known[self.arrays["kbs"][row[known]] == kb]
        eid, p = np.full(len(row), -1, np.int64), np.zeros(len(row), np.float32)
        eid[known], p[known] = self.arrays["eids"][row[known]], self.arrays["priors"][row[known]]
        return eid, p

    def candidates(self, slices: Slices | Spans) -> pa.Table:
        """Return the candidates of looked-up names: query, kb, eid, prior; best first in each kb."""
        query = np.repeat(np.arange(len(slices.length)), slices.length)
        inside = np.arange(len(query)) - np.repeat(np.cumsum(slices.length) - slices.length, slices.length)
        rows = slices.first[query] + inside
        return pa.table(
            {
                "query": query,
                "kb": self.kb_of(rows),
                "eid": self.arrays["eids"][rows],
                "prior": self.arrays["priors"][rows],
            }
        )

    def _check(self) -> None:
        """Refuse arrays that do not fit each other: what is read from them later is not checked again."""
        arrays, norms = self.arrays, len(self.arrays["places"])
        entries, candidates = len(arrays["form_tags"]), len(arrays["eids"])
        lengths = {
            "offsets": norms + 1, "entries": norms + 1, "tags": norms, "firsts": entries, "lengths": entries,
            "links": entries, "priors": candidates, "kbs": candidates,
        }  # fmt: skip
        wrong = [name for name, length in lengths.items() if name in arrays and len(arrays[name]) != length]
        ends = {"offsets": len(arrays["norms"]), "entries": entries, "buckets": norms}
        wrong += [name for name, end in ends.items() if not len(arrays[name]) or arrays[name][-1] != end]
        if len(self.kbs) > 1 and "kbs" not in arrays:
            wrong.append("kbs")
        if wrong:
            raise ArtefactError(
                f"{self.path}/{LOOKUP}/{wrong[0]}.npy: damaged; `kbtools verify` says what else is"
            )


def open_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Map the arrays of the look-up of an artefact, which may be one that is still being made."""
    arrays = {}
    for name, kinds in (ARRAYS | OPTIONAL).items():
        file = path / LOOKUP / f"{name}.npy"
        if name in OPTIONAL and not file.exists():
            continue
        found = load_npy(file, gone=f"`kbtools verify {path}` says what else is")
        if found.ndim != 1 or found.dtype.str[1:] not in kinds.split():
            raise ArtefactError(f"{file}: damaged: {found.dtype} of shape {found.shape}, not {kinds}")
        arrays[name] = found
    return arrays


def _array(strings: list[str]) -> pa.StringArray:
    return pa.array(strings, STR)


def _singular(norms: pa.StringArray) -> pa.StringArray:
    """Return norms with the plural of their last word taken off; empty where it is none."""
    return _array(list(_singulars(norms.to_pylist())))


def _singulars(norms: list[str]) -> Iterator[str]:
    codes = hashing.codes_of("".join(norms))
    ends = np.cumsum([len(norm) for norm in norms], dtype=np.int64)
    words = np.array([len(norm) - (norm.rfind(" ") + 1) for norm in norms], dtype=np.int64)
    cuts = finding.plurals(codes, ends - words, ends)
    for norm, cut in zip(norms, cuts.tolist(), strict=True):
        yield "" if not cut else norm[:-3] + "y" if cut == 3 else norm[:-cut]
