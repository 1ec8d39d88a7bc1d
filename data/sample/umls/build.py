"""Write the sample's release from the tiny world's table of medicine: `python data/sample/umls/build.py`.

Concepts are the world's diseases, symptoms and drugs under their true CUIs; names and definitions are the
world's own words. `TINY` and `TINYZH` are made-up vocabularies of these, `TINYX` stands for one that must not
be passed on; `MSH` holds MeSH's numbers and no more. Semantic types bear their true TUIs, names and places.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parent / "world" / "items" / "medicine.tsv"
META, NET = HERE / "META", HERE / "NET"
Row = dict[str, str]

FORMATS = {
    "MRCONSO.RRF": "CUI,LAT,TS,LUI,STT,SUI,ISPREF,AUI,SAUI,SCUI,SDUI,SAB,TTY,CODE,STR,SRL,SUPPRESS,CVF",
    "MRCUI.RRF": "CUI1,VER,REL,RELA,MAPREASON,CUI2,MAPIN",
    "MRDEF.RRF": "CUI,AUI,ATUI,SATUI,SAB,DEF,SUPPRESS,CVF",
    "MRDOC.RRF": "DOCKEY,VALUE,TYPE,EXPL",
    "MRFILES.RRF": "FIL,DES,FMT,CLS,RWS,BTS",
    "MRRANK.RRF": "RANK,SAB,TTY,SUPPRESS",
    "MRREL.RRF": "CUI1,AUI1,STYPE1,REL,CUI2,AUI2,STYPE2,RELA,RUI,SRUI,SAB,SL,RG,DIR,SUPPRESS,CVF",
    "MRSAB.RRF": "VCUI,RCUI,VSAB,RSAB,SON,SF,SVER,VSTART,VEND,IMETA,RMETA,SLC,SCC,SRL,TFR,CFR,CXTY,TTYL,"
    "ATNL,LAT,CENC,CURVER,SABIN,SSN,SCIT",
    "MRSTY.RRF": "CUI,TUI,STN,STY,ATUI,CVF",
}
SABS = (
    ("MTH", "Names of the sample", "ENG", "0", "2026AA", "Y"),
    ("MSH", "MeSH, numbers only", "ENG", "0", "2026", "Y"),
    ("TINY", "The tiny world", "ENG", "0", "1", "Y"),
    ("TINYZH", "The tiny world in Chinese", "CHI", "0", "1", "Y"),
    ("TINYX", "The tiny world, not to be passed on", "ENG", "3", "1", "Y"),
    ("TINYOLD", "An earlier tiny world", "ENG", "0", "0", "N"),
)
RANKS = (
    ("MTH", "PN", "N"), ("MSH", "MH", "N"), ("TINY", "PT", "N"), ("TINYZH", "PT", "N"), ("TINYX", "PT", "N"),
    ("TINY", "SY", "N"), ("TINYZH", "SY", "N"), ("TINYOLD", "PT", "N"), ("TINY", "OP", "Y"),
)  # fmt: skip
TYPES = (  # TUI, place in the tree, name, abbreviation
    ("T071", "A", "Entity", "enty"), ("T072", "A1", "Physical Object", "phob"),
    ("T167", "A1.4", "Substance", "sbst"), ("T103", "A1.4.1", "Chemical", "chem"),
    ("T121", "A1.4.1.1.1", "Pharmacologic Substance", "phsu"),
    ("T195", "A1.4.1.1.1.1", "Antibiotic", "antb"), ("T051", "B", "Event", "evnt"),
    ("T046", "B2.2.1.2", "Pathologic Function", "patf"),
    ("T047", "B2.2.1.2.1", "Disease or Syndrome", "dsyn"),
    ("T191", "B2.2.1.2.1.2", "Neoplastic Process", "neop"), ("T184", "A2.2.2", "Sign or Symptom", "sosy"),
)  # fmt: skip
RELATIONS = (  # TUI, place, name, inverse
    ("T186", "H", "isa", "inverse_isa"), ("T154", "R3.1.2", "treats", "treated_by"),
    ("T147", "R3.2.2", "causes", "caused_by"), ("T166", "R", "associated_with", "associated_with"),
)  # fmt: skip
STRUCTURE = (
    "Entity|isa||D", "Event|isa||D", "isa|isa||D", "treats|isa|associated_with|D",
    "Physical Object|isa|Entity|D", "Substance|isa|Physical Object|D", "Chemical|isa|Substance|D",
    "Pharmacologic Substance|isa|Chemical|D", "Antibiotic|isa|Pharmacologic Substance|D",
    "Sign or Symptom|isa|Entity|D", "Pathologic Function|isa|Event|D",
    "Disease or Syndrome|isa|Pathologic Function|D", "Neoplastic Process|isa|Disease or Syndrome|D",
    "Pharmacologic Substance|treats|Disease or Syndrome|D", "Antibiotic|treats|Sign or Symptom|DNI",
    "Chemical|causes|Entity|B",
)  # fmt: skip
INVERSE = {
    "isa": "inverse_isa", "may_treat": "may_be_treated_by", "has_manifestation": "manifestation_of",
    "has_expanded_form": "expanded_form_of",
}  # fmt: skip
RETIRED = (  # retired concept, what became of it, another concept
    ("C9000001", "SY", "C0011860"), ("C9000002", "SY", "C9000001"), ("C9000003", "RB", "C0011849"),
    ("C9000004", "RO", "C0021400"), ("C9000005", "DEL", ""),
)  # fmt: skip


class Release:
    """The rows of all files."""

    def __init__(self) -> None:
        self.files: dict[str, list[str]] = defaultdict(list)
        self.atoms = 0

    def add(self, name: str, *values: str) -> None:
        """Append a row; each ends in one more separator."""
        self.files[name].append("|".join([*values, ""]))

    def atom(self, cui: str, sab: str, tty: str, code: str, text: str, *, first: bool = False) -> None:
        """Append a name of a concept; `first` is the preferred one in its language."""
        self.atoms += 1
        n, lat = f"{self.atoms:07}", "CHI" if sab == "TINYZH" else "ENG"
        flags = ("P", "PF", "Y") if first else ("S", "PF", "Y") if tty != "SY" else ("S", "VO", "N")
        level = next(row[3] for row in SABS if row[0] == sab)
        scui = f"M{n}" if sab == "MSH" else code if sab != "MTH" else ""
        suppress = "O" if tty == "OP" else "N"
        ids = (flags[0], f"L{n}", flags[1], f"S{n}", flags[2], f"A{n}", "", scui, "")
        self.add("MRCONSO.RRF", cui, lat, *ids, sab, tty, code, text, level, suppress, "")

    def relation(self, head: str, name: str, tail: str, rel: str, inverse: str) -> None:
        """Append a relation and its inverse: in RRF the second concept has the relation to the first."""
        for one, two, rela, kind in ((tail, head, name, rel), (head, tail, INVERSE[name], inverse)):
            number = f"R{len(self.files['MRREL.RRF']) + 1:07}"
            ends = (one, "", "CUI", kind, two, "", "CUI", rela, number, "")
            self.add("MRREL.RRF", *ends, "TINY", "TINY", "", "", "N", "")

    def write(self) -> None:
        """Write what was added, and the table of the files."""
        self.add("MRFILES.RRF", "MRFILES.RRF", "files", FORMATS["MRFILES.RRF"], "6", "0", "0")
        for name, lines in sorted(self.files.items()):
            if name in FORMATS and name != "MRFILES.RRF":
                count, size = str(len(lines)), str(sum(len(line.encode()) + 1 for line in lines))
                columns = FORMATS[name]
                self.add("MRFILES.RRF", name, name, columns, str(columns.count(",") + 1), count, size)
        for name, lines in self.files.items():
            path = (NET if name.startswith("SR") else META) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes("".join(line + "\n" for line in lines).encode())


def cell(row: Row, start: str) -> list[str]:
    """Return the values of the column whose header begins so."""
    value = next(value for name, value in row.items() if name == start or name.startswith(f"{start} "))
    return [part for part in (value or "").split("|") if part]


def concepts() -> dict[str, Row]:
    """Return the rows of the table that have a CUI, by label."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["en"]: row for row in rows if cell(row, "P2892")}


def names(release: Release, row: Row) -> None:
    """Add what a concept is called."""
    (cui,), label = cell(row, "P2892"), row["en"]
    release.atom(cui, "MTH", "PN", "NOCODE", label, first=True)
    for code in cell(row, "P486"):
        release.atom(cui, "MSH", "MH", code, label.capitalize())
    release.atom(cui, "TINY", "PT", row["id"], label)
    for text in cell(row, "also"):
        release.atom(cui, "TINY", "SY", row["id"], text)
    release.atom(cui, "TINYZH", "PT", row["id"], row["zh"], first=True)
    for text in cell(row, "zh_also"):
        release.atom(cui, "TINYZH", "SY", row["id"], text)
    if "symptom" in cell(row, "P31"):
        release.atom(cui, "TINYX", "PT", f"X{row['id']}", f"{label} (TINYX)")
    release.add("MRDEF.RRF", cui, f"A{release.atoms:07}", f"AT{cui[1:]}", "", "TINY", row["about"], "N", "")
    release.add("MRDEF.RRF", cui, "", f"AT1{cui[1:]}", "", "TINYZH", row["zh_about"], "N", "")


def semantic_type(row: Row) -> str:
    """Return the TUI of a concept."""
    above = cell(row, "P279")
    if "symptom" in cell(row, "P31"):
        return "T184"
    if "class of disease" in cell(row, "P31"):
        return "T191" if row["en"] == "cancer" or "cancer" in above else "T047"
    if "antibiotic" in above:
        return "T195"
    return "T121" if "medication" in above else "T103"


def relations(release: Release, row: Row, table: dict[str, Row]) -> None:
    """Add how a concept relates to others of the table."""

    def cuis(column: str) -> list[str]:
        return [cell(table[name], "P2892")[0] for name in cell(row, column) if name in table]

    (cui,) = cell(row, "P2892")
    for other in cuis("P279"):
        release.relation(cui, "isa", other, "CHD", "PAR")
    for other in cuis("P2176"):
        release.relation(other, "may_treat", cui, "RO", "RO")
    for other in cuis("P780"):
        release.relation(cui, "has_manifestation", other, "RO", "RO")


def small(release: Release) -> None:
    """Add the tables about the vocabularies, the relations and the semantic network."""
    for sab, title, lat, level, version, current in SABS:
        about = ("", "", f"{sab}{version}", sab, title, sab, version, "", "", "2026AA", "", "", "", level)
        more = ("1", "1", "", "", "", lat, "UTF-8", current, "Y", title, f"{title}. kbtools, CC0.")
        release.add("MRSAB.RRF", *about, *more)
    for place, (sab, tty, suppress) in enumerate(RANKS):
        release.add("MRRANK.RRF", f"{len(RANKS) - place:04}", sab, tty, suppress)
    for name, inverse in INVERSE.items():
        for one, two in ((name, inverse), (inverse, name)):
            release.add("MRDOC.RRF", "RELA", one, "expanded_form", one.replace("_", " ").capitalize())
            release.add("MRDOC.RRF", "RELA", one, "rela_inverse", two)
    for tui, place, name, short in TYPES:
        text = f"Concepts of the type {name.lower()}."
        release.add("SRDEF", "STY", tui, name, place, text, "", "", "", short, "")
    for tui, place, name, inverse in RELATIONS:
        text = f"The relation {name.replace('_', ' ')}."
        release.add("SRDEF", "RL", tui, name, place, text, "", "", "", name[:2].upper(), inverse)
    for line in STRUCTURE:
        release.add("SRSTR", *line.split("|"))


def main() -> None:
    """Write META and NET."""
    release, table = Release(), concepts()
    by_tui = {row[0]: row for row in TYPES}
    for row in sorted(table.values(), key=lambda row: cell(row, "P2892")):
        names(release, row)
        tui, place, name, _ = by_tui[semantic_type(row)]
        (cui,) = cell(row, "P2892")
        release.add("MRSTY.RRF", cui, tui, place, name, f"AT2{cui[1:]}", "")
        relations(release, row, table)
    release.atom("C0011860", "TINY", "OP", "Q3025883", "maturity-onset diabetes")  # obsolete
    release.atom("C9000009", "TINYOLD", "PT", "1", "dropsy")  # of a vocabulary that is no longer current
    release.add("MRSTY.RRF", "C9000010", "T047", "B2.2.1.2.1", "Disease or Syndrome", "AT3", "")  # no name
    for old, rel, new in RETIRED:
        release.add("MRCUI.RRF", old, "2025AB", rel, "", "", new, "Y" if new else "")
    small(release)
    release.write()


if __name__ == "__main__":
    main()
