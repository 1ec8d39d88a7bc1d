"""Write a folder like that of a UMLS release, of any size, with made-up names.

    python benchmarks/make_umls.py FOLDER [--rows 5000000] [--seed 1]

`--rows` are those of MRCONSO. The rest is in proportion to a full release: 3.2 names a concept, 1.1 semantic
types, 4 relations, a definition for one in twenty-five, a retired concept for one in four. Two of three names
are English, one of eight is suppressed. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CHUNK = 500_000
SABS = ("SNOMEDCT_US", "MSH", "RXNORM", "NCI", "LNC", "ICD10CM", "MDR", "MTH", "OMIM", "HPO", "GO", "MSHSPA")
LEVELS = (9, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 3)
TTYS = ("PT", "SY", "FN", "PN", "MH", "ET", "LT")
LATS = ("ENG", "SPA", "FRE", "GER", "JPN", "CHI")
TYPES = ("Disease or Syndrome", "Finding", "Pharmacologic Substance", "Enzyme", "Neoplastic Process")
TUIS = ("T047", "T033", "T121", "T126", "T191")
RELS = (
    "RO|has_part",
    "CHD|isa",
    "PAR|inverse_isa",
    "SY|",
    "RB|",
    "RN|",
    "RO|may_treat",
    "SIB|",
    "RQ|mapped_to",
)
FIRST = (
    "acute",
    "chronic",
    "mild",
    "severe",
    "primary",
    "secondary",
    "bilateral",
    "left",
    "right",
    "early",
    "late",
    "congenital",
    "benign",
)
SECOND = (
    "cardiac",
    "renal",
    "hepatic",
    "pulmonary",
    "gastric",
    "cranial",
    "dermal",
    "neural",
    "vascular",
    "skeletal",
    "ocular",
)
THIRD = (
    "fibrosis",
    "lesion",
    "oedema",
    "protein",
    "receptor",
    "syndrome",
    "infection",
    "stenosis",
    "tumour",
    "injury",
    "disorder",
)
COLUMNS = {
    "MRCONSO": "CUI,LAT,TS,LUI,STT,SUI,ISPREF,AUI,SAUI,SCUI,SDUI,SAB,TTY,CODE,STR,SRL,SUPPRESS,CVF",
    "MRSTY": "CUI,TUI,STN,STY,ATUI,CVF",
    "MRREL": "CUI1,AUI1,STYPE1,REL,CUI2,AUI2,STYPE2,RELA,RUI,SRUI,SAB,SL,RG,DIR,SUPPRESS,CVF",
    "MRDEF": "CUI,AUI,ATUI,SATUI,SAB,DEF,SUPPRESS,CVF",
    "MRCUI": "CUI1,VER,REL,RELA,MAPREASON,CUI2,MAPIN",
}


class Folder:
    """Random columns, and files made of them."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = root, np.random.default_rng(seed)
        root.mkdir(parents=True, exist_ok=True)

    def pick(self, values: Sequence[str], n: int, shares: Sequence[float] | None = None) -> Any:
        """Draw `n` of the values."""
        return pa.array(values).take(self.random.choice(len(values), n, p=shares))

    def below(self, limit: int, n: int) -> Any:
        """Draw `n` whole numbers."""
        return self.random.integers(0, max(limit, 1), n)

    def append(self, name: str, *columns: Any) -> None:
        """Append rows; a column is an array, or one text for all rows."""
        lines = pc.binary_join_element_wise(*columns, "\n", "|")
        with (self.root / f"{name}.RRF").open("ab") as file:
            _, offsets, data = lines.buffers()
            first, last = (np.frombuffer(offsets, np.int32)[at] for at in (0, len(lines)))
            file.write(memoryview(data)[first:last])


def ids(prefix: str, numbers: Any, digits: int = 7) -> Any:
    """Write numbers as ids: C0000042."""
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(prefix, padded, "")


def names(folder: Folder, concepts: Any, first: Any, start: int) -> None:
    """Append rows of MRCONSO; `first` marks the first name of a concept."""
    n = len(concepts)
    numbers = np.arange(start, start + n)
    sab = folder.random.choice(len(SABS), n)
    code = ids("", folder.below(10 * n, n), 6)
    words = [folder.pick(words, n) for words in (FIRST, SECOND, THIRD)]
    text = pc.binary_join_element_wise(*words, ids("", concepts), " ")
    folder.append(
        "MRCONSO",
        ids("C", concepts),
        folder.pick(LATS, n, [0.66, 0.16, 0.06, 0.05, 0.05, 0.02]),
        pc.if_else(first, "P", "S"),
        ids("L", numbers),
        pc.if_else(first, "PF", "VO"),
        ids("S", numbers),
        pc.if_else(first, "Y", "N"),
        ids("A", numbers, 8),
        "",
        code,
        "",
        pa.array(SABS).take(sab),
        folder.pick(TTYS, n),
        code,
        text,
        pa.array([str(level) for level in LEVELS]).take(sab),
        folder.pick("NOYE", n, [0.875, 0.08, 0.04, 0.005]),
        "",
    )


def relations(folder: Folder, n: int, concepts: int) -> None:
    """Append rows of MRREL: most within a neighbourhood, for concepts of a vocabulary lie together."""
    first = folder.below(concepts, n)
    second = (first + folder.below(1000, n)) % concepts
    kind = pc.split_pattern(folder.pick(RELS, n), "|")
    sab = folder.pick(SABS, n)
    numbers = folder.below(10**9, n)
    columns = [ids("C", first), ids("A", first, 8), "AUI", pc.list_element(kind, 0), ids("C", second)]
    columns += [ids("A", second, 8), "AUI", pc.list_element(kind, 1), ids("R", numbers, 9), "", sab, sab]
    folder.append("MRREL", *columns, "", "", folder.pick("NO", n, [0.95, 0.05]), "")


def types(folder: Folder, concepts: Any) -> None:
    """Append rows of MRSTY; one in ten concepts has a second type."""
    for some in (concepts, concepts[folder.random.random(len(concepts)) < 0.1]):
        kind = folder.random.choice(len(TYPES), len(some))
        tui, label = (pa.array(values).take(kind) for values in (TUIS, TYPES))
        number = ids("AT", folder.below(10**8, len(some)), 8)
        folder.append("MRSTY", ids("C", some), tui, "B2.2", label, number, "")


def small(folder: Folder) -> None:
    """Write the tables that do not grow."""
    rows = [f"{n}.RRF|made up|{c}|{c.count(',') + 1}|0|0|" for n, c in COLUMNS.items()]
    (folder.root / "MRFILES.RRF").write_text("\n".join([*rows, ""]))
    pairs = [(sab, tty) for sab in SABS for tty in TTYS]
    ranks = [f"{len(pairs) - at:04}|{sab}|{tty}|N|" for at, (sab, tty) in enumerate(pairs)]
    (folder.root / "MRRANK.RRF").write_text("\n".join([*ranks, ""]))
    lines = []
    for sab, level in zip(SABS, LEVELS, strict=True):
        lat = "SPA" if sab.endswith("SPA") else "ENG"
        about = ["", "", sab, sab, f"{sab}, made up", sab, "2024", "", "", "2024AA", "", "", "", str(level)]
        about += ["1", "1", "", "", "", lat, "UTF-8", "Y", "Y", sab, "made up", ""]
        lines.append("|".join(about))
    (folder.root / "MRSAB.RRF").write_text("\n".join([*lines, ""]))


def make(root: Path, rows: int, seed: int) -> None:
    """Write the folder anew."""
    for name in COLUMNS:
        (root / f"{name}.RRF").unlink(missing_ok=True)
    folder = Folder(root, seed)
    small(folder)
    concept = -1
    for start in range(0, rows, CHUNK):
        n = min(CHUNK, rows - start)
        first = folder.random.random(n) < 1 / 3.2
        first[0] |= start == 0
        concepts = concept + np.cumsum(first)
        names(folder, concepts, pa.array(first), start)
        fresh = np.arange(concept + 1, concepts[-1] + 1)
        concept = int(concepts[-1])
        types(folder, fresh)
        some = fresh[folder.random.random(len(fresh)) < 0.04]
        sab, text = folder.pick(SABS, len(some)), folder.pick(THIRD, len(some))
        about = pc.binary_join_element_wise("A made-up definition of", text, " ")
        number = ids("AT", some, 8)
        folder.append("MRDEF", ids("C", some), ids("A", some, 8), number, "", sab, about, "N", "")
    concepts = concept + 1
    types(folder, concepts + np.arange(concepts // 2000))  # in MRSTY alone
    for start in range(0, 4 * concepts, CHUNK):
        relations(folder, min(CHUNK, 4 * concepts - start), concepts)
    for start in range(0, concepts // 4, CHUNK):
        old = 5_000_000 + np.arange(start, min(start + CHUNK, concepts // 4))
        rel = folder.pick(["SY", "RO", "RB", "DEL"], len(old))
        into = pc.if_else(pc.equal(rel, "DEL"), "", ids("C", folder.below(concepts, len(old))))
        folder.append("MRCUI", ids("C", old), "2020AA", rel, "", "", into, "Y")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of MRCONSO")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    make(args.folder, args.rows, args.seed)


if __name__ == "__main__":
    main()
