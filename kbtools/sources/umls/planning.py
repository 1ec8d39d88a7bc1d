"""Look at a release, check what is asked of it, and share it out to the readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kbtools.errors import ConfigError
from kbtools.sources.base import WHOLE, Feed, Reading
from kbtools.sources.umls import codes
from kbtools.sources.umls.concepts import Typed
from kbtools.sources.umls.folder import File, Release
from kbtools.sources.umls.settings import Settings
from kbtools.sources.umls.vocabularies import Vocabularies, known_ones, ranks

CALL = "kbtools.sources.umls"
BIG = ("MRCONSO", "MRSTY", "MRREL", "MRDEF", "MRCUI")  # in the order in which they are read
SMALL = ("MRSAB", "MRRANK", "MRDOC", "SRDEF", "SRSTR")
FLAGS = ("O", "E", "Y", "N")


def plan(dumps: Sequence[str], settings: Settings) -> Reading:
    """Say how the release is read."""
    release = Release(dumps)
    files = {"MRCONSO": release.need("MRCONSO")}
    for name in (*BIG[1:], *SMALL):
        if (found := release.get(name)) is not None:
            files[name] = found
    if "SRDEF" not in files:  # which says what the names in it stand for
        files.pop("SRSTR", None)
    vocabularies = Vocabularies(files.get("MRSAB"))
    rules = _rules(settings, files, vocabularies)
    return Reading(
        feeds=_feeds(files, rules),
        files=[
            *release.tables,
            *(path for name in ("MRSAB", "MRRANK") if name in files for path in files[name].paths),
        ],
        without=["sitelinks", "pages", "anchors"] + ([] if rules["qualifiers"] else ["qualifiers"]),
        licences=vocabularies.licences(rules["sabs"], _unread(files, rules, vocabularies)),
        notes=_notes(release, files, vocabularies),
    )


def _rules(settings: Settings, files: dict[str, File], vocabularies: Vocabularies) -> dict[str, Any]:
    suppress = _some(settings.suppress, FLAGS, "suppress")
    qualifiers = _some(settings.qualifiers, codes.QUALIFIERS, "qualifiers")
    types = _types(settings, files)
    if "MRRANK" in files:  # a damaged one is refused before hours of work
        ranked = [key.split("|") for key in ranks(_json(files["MRRANK"]))]
        known_ones("tty", settings.tty, [tty for _, tty in ranked], "MRRANK.RRF")
        if not vocabularies.all:
            known_ones("sab", settings.sab, [sab for sab, _ in ranked], "MRRANK.RRF")
    langs = codes.latin(settings.langs)
    unwanted = [] if settings.outdated else vocabularies.outdated()
    wanted = vocabularies.wanted(settings.sab, settings.max_srl, unwanted)
    return {
        "langs": langs,
        "sabs": None if wanted is None else list(wanted),
        "unwanted": unwanted,
        "ttys": list(settings.tty),
        "types": types,
        "suppress": suppress,
        "languages": vocabularies.languages,
        "ranks": _json(files["MRRANK"]) if "MRRANK" in files else "",
        "semantics": _json(files["MRSTY"]) if types else "",
        "qualifiers": qualifiers,
        "self_relations": settings.self_relations,
    }


def _types(settings: Settings, files: dict[str, File]) -> list[str]:
    """Return the TUIs that are asked for; one that is not known here must be in MRSTY."""
    types = codes.semantic_types(settings.types)
    if types and "MRSTY" not in files:
        raise ConfigError("umls: types needs MRSTY.RRF, which is not in the folder")
    if not set(types) <= codes.TYPES:
        found = Typed(files["MRSTY"], types).labels
        known_ones("types", types, codes.TYPES | found.keys(), "MRSTY.RRF")
    return types


def _unread(files: dict[str, File], rules: dict[str, Any], vocabularies: Vocabularies) -> set[str]:
    """Return the vocabularies of which nothing is read; those in other languages have relations."""
    foreign = [] if "MRREL" in files else vocabularies.foreign(rules["langs"])
    return {*rules["unwanted"], *foreign}


def _feeds(files: dict[str, File], rules: dict[str, Any]) -> list[Feed]:
    """Give pieces of a big file to many tasks, a file that was split to one, the small ones to one more."""
    feeds = []
    for name in BIG:
        if name not in files:
            continue
        given = {"file": list(files[name]), "rules": rules}
        split = len(files[name].paths) > 1
        call, layout = (f"{CALL}.read:joined", WHOLE) if split else (f"{CALL}.read:decode", "lines")
        feeds.append(Feed(call=call, paths=files[name].paths, layout=layout, args=given))
    # nobody says of which vocabulary a concept without a name is
    without_names = rules["sabs"] is None and not rules["ttys"]
    used = [name for name in ("MRSTY", "SRDEF", "SRSTR", "MRDOC") if name in files]
    tables = {name: list(files[name]) for name in [*used, *(["MRCONSO"] if "MRSTY" in files else [])]}
    if used:
        small = [name for name in used if name != "MRSTY"] or used
        paths = [path for name in small for path in files[name].paths]
        args: dict[str, Any] = {"tables": tables, "types": rules["types"], "without_names": without_names}
        feeds.append(Feed(call=f"{CALL}.network:read", paths=paths, layout=WHOLE, args=args))
    return feeds


def _notes(release: Release, files: dict[str, File], vocabularies: Vocabularies) -> dict[str, Any]:
    warnings = [*release.warnings]
    for name, loss in (
        ("MRSTY", "concepts have no semantic types"),
        ("MRRANK", "names are chosen by TS, STT and ISPREF"),
        ("MRSAB", "the licences of its vocabularies are not known"),
    ):
        if name not in files:
            warnings.append(f"no {name}.RRF: {loss}")
    if "MRSTY" in files and "SRDEF" not in files:
        warnings.append("no SRDEF: semantic types are known by name only, not how they relate")
    notes: dict[str, Any] = {"release": vocabularies.release} if vocabularies.release else {}
    notes["files read"] = list(files)
    if unread := release.unread([*files, "MRFILES", "MRCOLS"]):
        notes["files not read"] = unread
    return notes | ({"warnings": warnings} if warnings else {})


def _some(asked: Sequence[str], known: Sequence[str], setting: str) -> list[str]:
    """Check a setting that may be none."""
    found = [] if tuple(asked) == ("none",) else [value.upper() for value in asked]
    for value in found:
        if value not in known:
            raise ConfigError(f"umls: {setting}: no {value!r}; there are {', '.join(known)}, or none")
    return found


def _json(file: File) -> str:
    return msgspec.json.encode(file).decode()
