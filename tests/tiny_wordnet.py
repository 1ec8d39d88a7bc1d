"""A wordnet of some words, written row by row, that has one of every difficulty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kbtools import api
from tests import tiny_kb

# lemma, part of speech, eid, number of the sense, how often it was counted
SENSES = [
    ("bank", "n", 0, 1, 5), ("bank", "n", 1, 2, 3), ("bank", "v", 2, 1, 0), ("river bank", "n", 1, 1, 0),
    ("axis", "n", 3, 1, 2), ("ax", "n", 4, 1, 0), ("axe", "n", 4, 1, 0),
    ("take", "v", 5, 1, 20), ("take off", "v", 6, 1, 4), ("take sides", "v", 7, 1, 0),
    ("glasses", "n", 8, 1, 1), ("glass", "n", 9, 1, 2), ("U.S.", "n", 10, 1, 7),
    ("long-run", "s", 11, 1, 1), ("long", "a", 12, 1, 6),
    ("man of the house in the moon", "n", 13, 1, 0),
    ("man", "n", 14, 1, 9), ("Man", "n", 15, 2, 9), ("men", "n", 16, 1, 0), ("boss", "n", 17, 1, 0),
    ("well", "r", 18, 1, 2), ("dining table", "n", 19, 1, 0), ("wish", "v", 20, 1, 0), ("be", "v", 21, 1, 9),
    ("no", "n", 22, 1, 3), ("No.", "n", 23, 1, 0),
]  # fmt: skip
EXCEPTIONS = [
    ("axes", "n", 3), ("axes", "n", 4), ("took", "v", 5), ("men", "n", 14), ("men", "n", 15),
    ("was", "v", 21),
]  # fmt: skip
GLOSSES = {0: "an institution that lends money", 1: "sloping land beside water", 2: "tip sideways"}
DIGITS = {"n": 1, "v": 2, "a": 3, "r": 4, "s": 5}


def id_of(eid: int) -> str:
    pos = next(pos for _, pos, one, _, _ in SENSES if one == eid)
    return f"{eid:08}-{'a' if pos == 's' else pos}"


def key(lemma: str, pos: str, eid: int) -> str:
    return f"{lemma.lower().replace(' ', '_')}%{DIGITS[pos]}:{eid:02}:00::"


def kb(out: Path, *, numbers: bool = True) -> Path:
    eids = sorted({eid for _, _, eid, _, _ in SENSES})
    names = [
        {"eid": eid, "text": lemma, "lang": "en", "source": "lemma", "pos": pos, "count": count,
         "atom": key(lemma, pos, eid)}
        for lemma, pos, eid, _, count in SENSES
    ]  # fmt: skip
    names += [
        {"eid": eid, "text": form, "lang": "en", "source": "exception", "pos": pos}
        for form, pos, eid in EXCEPTIONS
    ]
    xref = [
        {"eid": eid, "scheme": "sense_key", "value": key(lemma, pos, eid)} for lemma, pos, eid, _, _ in SENSES
    ]
    if numbers:
        xref += [
            {"eid": eid, "scheme": "sense",
             "value": f"{lemma.lower().replace(' ', '_')}#{'a' if pos == 's' else pos}#{number}"}
            for lemma, pos, eid, number, _ in SENSES
        ]  # fmt: skip
    rows: dict[str, Any] = {
        "entities": [tiny_kb.entity(eid, id_of(eid), None) for eid in eids],
        "surfaces": sorted(names, key=lambda row: row["text"].encode()),
        "descriptions": [
            {"eid": eid, "lang": "en", "kind": "definition", "text": text, "source": "wordnet"}
            for eid, text in GLOSSES.items()
        ],
        "xref": sorted(xref, key=lambda row: (row["scheme"], row["value"], row["eid"])),
    }
    return tiny_kb.write(out, rows, name="wordnet")


def alias(folder: Path) -> Path:
    """Write the wordnet and the table of its names; return the table."""
    api.build_alias([kb(folder / "kb")], folder / "alias")
    return folder / "alias"
