"""Small releases of the UMLS, row by row, and what the reader stages of them."""

from __future__ import annotations

import importlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec

from kbtools.io import Dump
from kbtools.kb import staged
from kbtools.kb.named import PREFIX
from kbtools.sources.base import WHOLE
from kbtools.sources.umls import SOURCE, Settings


def sab(name: str, level: str = "0", lat: str = "ENG", current: str = "Y") -> str:
    """A row of MRSAB."""
    fields = [
        "",
        "",
        f"{name}2026",
        name,
        f"Title of {name}",
        name,
        "2026",
        "",
        "",
        "2026AA",
        *3 * [""],
        level,
    ]
    return "|".join([*fields, "1", "1", "", "", "", lat, "UTF-8", current, "Y", name, f"Cite {name}.", ""])


def atom(cui: str, text: str, aui: str = "A1", **more: str) -> str:
    """A row of MRCONSO; the preferred name of its concept unless said otherwise."""
    row = {"LAT": "ENG", "TS": "P", "STT": "PF", "ISPREF": "Y", "SAB": "MSH", "TTY": "MH", "CODE": "D1"}
    row |= {"SCUI": "", "SDUI": "", "SUPPRESS": "N", "CVF": ""} | more
    head = [cui, row["LAT"], row["TS"], "L1", row["STT"], "S1", row["ISPREF"], aui, "", row["SCUI"]]
    tail = [row["SDUI"], row["SAB"], row["TTY"], row["CODE"], text, "0", row["SUPPRESS"], row["CVF"], ""]
    return "|".join([*head, *tail])


def relation(one: str, rel: str, two: str, rela: str = "", *, sab: str = "MSH", suppress: str = "N") -> str:
    """A row of MRREL."""
    return f"{one}|A1|AUI|{rel}|{two}|A2|AUI|{rela}|R1||{sab}|{sab}|||{suppress}||"


def write(folder: Path, **tables: list[str] | bytes) -> Path:
    """Write a release: `MRCONSO=[...]`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        data = rows if isinstance(rows, bytes) else "".join(row + "\n" for row in rows).encode()
        (folder / (name if name.startswith("SR") else f"{name}.RRF")).write_bytes(data)
    return folder


class Staged:
    """What the reader stages: rows by table, counts, notes, rejects and damage."""

    def __init__(self, release: Path, work: Path, *, size: int = 1 << 20, **settings: Any) -> None:
        self.reading = SOURCE.plan([str(release)], Settings(**settings))
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.notes: dict[str, Any] = {}
        self.damage: list[Any] = []
        for place, feed in enumerate(self.reading.feeds):
            name, _, function = feed.call.partition(":")
            call = getattr(importlib.import_module(name), function)
            if feed.layout == WHOLE:
                self._add(work, call(work, files=list(feed.paths), part=f"{place}.part", **feed.args))
                continue
            dump = Dump(feed.paths[0], source=place)
            for piece in dump.pieces(work, size=size, skip=lambda _: False):
                part = f"{place}-{piece.number}.part"
                plain = msgspec.to_builtins(piece)
                self._add(work, call(work, piece=plain, part=part, **feed.args))
            self.damage += [dump.damage] if dump.damage else []

    def _add(self, work: Path, outcome: Any) -> None:
        self.counts.update(outcome.facts["counts"])
        self.notes |= outcome.facts["notes"]
        self.damage += [outcome.facts["damage"]] if outcome.facts["damage"] else []
        self.damage += outcome.facts["damaged"]
        for table in staged.tables(work / outcome.files[0]):
            for batch in staged.read(work / outcome.files[0], table):
                self.rows[table.removeprefix(PREFIX)] += batch.to_pylist()

    def pairs(self, table: str, *columns: str) -> list[Any]:
        """Some columns of a table; bare values if it is one."""
        rows = [tuple(row[column] for column in columns) for row in self.rows[table]]
        return [row[0] for row in rows] if len(columns) == 1 else rows

    def labels(self) -> dict[str, str | None]:
        """What each entity is called, as naming takes it: from the row of the lowest order."""
        found: dict[str, tuple[int, str | None]] = {}
        for row in self.rows["entities"]:
            mine = (row["order"] or 0, row["label"])
            if row["entity"] not in found or mine[0] < found[row["entity"]][0]:
                found[row["entity"]] = mine
        return {name: label for name, (_, label) in found.items()}
