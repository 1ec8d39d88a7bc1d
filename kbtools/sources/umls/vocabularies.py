"""The vocabularies of a release: which are read, in what language, on what terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

import msgspec

from kbtools.artefact import Licence
from kbtools.errors import ConfigError
from kbtools.sources.umls.codes import REDISTRIBUTE
from kbtools.sources.umls.folder import File, rows

TERMS = "UMLS Metathesaurus License"


class Vocabulary(NamedTuple):
    """What MRSAB says of one."""

    name: str  # RSAB, which the other files call SAB
    title: str
    version: str
    level: str  # SRL, how far it is restricted
    lat: str
    current: bool
    citation: str


class Vocabularies:
    """All of a release by name; none if it has no MRSAB."""

    def __init__(self, file: File | None) -> None:
        self.all: dict[str, Vocabulary] = {}
        for row in rows(file) if file else ():
            one = Vocabulary(
                row["RSAB"],
                row["SON"],
                row["SVER"],
                row["SRL"],
                row["LAT"],
                row["CURVER"] == "Y",
                row["SCIT"],
            )
            if one.name not in self.all or (one.current and not self.all[one.name].current):
                self.all[one.name] = one

    @property
    def release(self) -> str | None:
        """The release as the Metathesaurus names itself, such as 2024AA."""
        own = self.all.get("MTH")
        return own.version or None if own else None

    @property
    def languages(self) -> dict[str, str]:
        """The LAT codes of those that are not in English."""
        return {one.name: one.lat for one in self.all.values() if one.lat not in {"", "ENG"}}

    def outdated(self) -> list[str]:
        """Return those of which no version is current."""
        return [one.name for one in self.all.values() if not one.current]

    def foreign(self, langs: Sequence[str] | None) -> list[str]:
        """Return those in other languages (LAT codes). They have relations and codes all the same."""
        return [] if langs is None else [one.name for one in self.all.values() if one.lat not in {"", *langs}]

    def wanted(
        self, sab: Sequence[str], max_srl: int | None, unwanted: Sequence[str]
    ) -> Sequence[str] | None:
        """Return the vocabularies that are read, None for all but `unwanted`; `sab` outdoes that."""
        if max_srl is not None and not self.all:
            raise ConfigError("umls: max_srl needs MRSAB.RRF, which says how far vocabularies are restricted")
        if self.all:
            known_ones("sab", sab, self.all, "MRSAB.RRF")
        if not sab and max_srl is None:
            return None
        found = list(dict.fromkeys(sab)) or [name for name in self.all if name not in unwanted]
        if max_srl is not None:
            found = [name for name in found if _within(self.all[name].level, max_srl)]
        if not found:
            raise ConfigError("umls: no vocabulary is left by sab and max_srl")
        return found

    def licences(self, wanted: Sequence[str] | None, unread: Collection[str]) -> list[Licence]:
        """Return the terms of those that are read: of `wanted`, or of all but `unread`."""
        names = wanted if wanted is not None else [name for name in self.all if name not in unread]
        return [
            Licence(
                source=" ".join(["UMLS", one.name, one.version]).strip(),
                licence=TERMS if one.level == "0" else f"{TERMS}, restriction level {one.level or 'unknown'}",
                level=one.level,
                attribution=one.citation or one.title,
                redistribute=REDISTRIBUTE.get(one.level, "ask"),
            )
            for one in (self.all[name] for name in names if name in self.all)
        ]


def known_ones(setting: str, asked: Sequence[str], known: Iterable[str], where: str) -> None:
    """Refuse what a release does not have, and say what may be meant."""
    there = sorted(set(known))
    for name in asked:
        if name not in there:
            near = get_close_matches(name.upper(), there, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(there[:8])}"
            raise ConfigError(f"umls: {setting}: {where} has no {name!r}; {hint}")


def _within(level: str, highest: int) -> bool:
    return level.isdecimal() and int(level) <= highest


@cache
def ranks(file: str) -> dict[str, int]:
    """Read MRRANK, a `File` as JSON: "SAB|TTY" -> rank, the highest first in line to name a concept."""
    found: dict[str, int] = {}
    for row in rows(msgspec.json.decode(file, type=File)):
        key = f"{row['SAB']}|{row['TTY']}"
        if row["RANK"].isdecimal():
            found[key] = max(found.get(key, 0), int(row["RANK"]))
    return found
