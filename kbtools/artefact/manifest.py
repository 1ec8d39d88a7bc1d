"""What an artefact says of itself: `manifest.json`, the last file written into its folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from kbtools.artefact import digest
from kbtools.errors import ArtefactError

NAME = "manifest.json"
VERSIONS = {
    "kb": 1, "alias": 1, "index": 1, "linker": 1, "linked": 1, "tokenizer": 1, "trees": 1, "shards": 1,
    "vectors": 1, "features": 1, "run": 1, "report": 1,
}  # fmt: skip
MANY = {"trees", "shards", "vectors", "features"}  # kinds that are called by what is in them
MADE_BY = {  # for whoever gives something else instead
    "alias": "kbtools alias KB... --out ALIAS",
    "index": "kbtools index ALIAS|KB... --kind KIND --out INDEX",
    "linked": "kbtools link CORPUS --alias ALIAS --out LINKED",
    "shards": "kbtools shard CORPUS --for MODEL --tokenizer TOKENIZER --out SHARDS",
    "trees": "kbtools tree CORPUS|LINKED --kb KB --out TREES",
    "linker": "kbtools fit CORPUS --alias ALIAS --out LINKER",
    "run": "kbtools train MODEL --shards SHARDS --out RUN",
    "features": "kbtools encode CORPUS --model RUN --out FEATURES",
    "tokenizer": "kbtools vocab CORPUS... --kind KIND --size N --out TOKENIZER",
}


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Base of the manifest's parts; a field added by a later release is skipped, not refused."""


class Input(Struct, frozen=True, kw_only=True):
    """What an artefact was made from: a dump, a file of settings (`kind` "file"), or another artefact."""

    path: str
    kind: str
    content: str


class FileEntry(Struct, frozen=True, kw_only=True):
    """One file of a table; `path` is relative to the artefact."""

    path: str
    bytes: int
    digest: str


class Table(Struct, frozen=True, kw_only=True):
    """One table: its rows, files in order and the digest of its schema."""

    rows: int
    files: list[FileEntry]
    schema: str


class KbRef(Struct, frozen=True, kw_only=True):
    """A knowledge base that an artefact speaks of; its place in the list is the `kb u8` of rows."""

    name: str
    content: str
    id_space: list[str] = []


class Licence(Struct, frozen=True, kw_only=True):
    """The terms one source came under. `redistribute` is yes, no or ask."""

    source: str
    licence: str
    level: str = ""
    attribution: str = ""
    redistribute: str = "ask"


class Head(Struct, frozen=True, kw_only=True):
    """What every release writes: who may read the rest."""

    kind: str
    version: int
    kbtools: str


class Manifest(Head, frozen=True, kw_only=True):
    """`manifest.json`; contracts §1 explains each field."""

    created: str
    plan: str
    content: str = ""
    name: str | None = None
    command: str = ""
    settings: dict[str, Any] = {}
    inputs: list[Input] = []
    kbs: list[KbRef] = []
    base: KbRef | None = None
    id_space: list[str] = []
    tables: dict[str, Table] = {}
    counts: dict[str, Any] = {}
    notes: dict[str, Any] = {}
    licences: list[Licence] = []
    incomplete: bool = False
    resources: dict[str, Any] = {}

    def digest(self) -> str:
        """Compute `content`: kind, version and, per table, schema and file digests; nothing else."""
        tables = {
            name: {"schema": table.schema, "files": [file.digest for file in table.files]}
            for name, table in self.tables.items()
        }
        return digest.of_json({"kind": self.kind, "version": self.version, "tables": tables})


def plan(stage: str, settings: dict[str, Any], inputs: Iterable[str]) -> str:
    """Digest what can change the result of a stage: its name, its settings, the content of its inputs."""
    return digest.of_json({"stage": stage, "settings": settings, "inputs": list(inputs)})


def unite(licences: Iterable[Licence]) -> list[Licence]:
    """Join the licences of several parents; each is named once, in order of first appearance."""
    return list(dict.fromkeys(licences))


def parents(inputs: Iterable[Input]) -> list[Manifest]:
    """Return the manifests of those inputs that are artefacts; dumps and corpora say nothing of terms."""
    paths = [Path(one.path) for one in inputs]
    return [read(path) for path in paths if (path / NAME).is_file()]


def licences(path: Path) -> list[Licence]:
    """Return the terms of all that the artefact at `path` was made from, through its whole lineage."""
    return read(path).licences


def read(path: Path, kind: str | None = None) -> Manifest:
    """Read the manifest of the artefact at `path`; refuse what is foreign, newer or half written."""
    file = path / NAME
    if path.is_file():
        raise ArtefactError(f"{path}: a file; an artefact is a folder")
    if not path.is_dir():
        hint = "; its build was interrupted: run the same command again" if _partial(path).exists() else ""
        raise ArtefactError(f"{path}: no such artefact{hint}")
    if path.name.endswith(".partial"):
        raise ArtefactError(f"{path}: half written; run the command that makes it again to finish it")
    if not file.exists():
        raise ArtefactError(f"{path}: not an artefact of kbtools (it has no {NAME})")
    try:
        data = file.read_bytes()
        _refuse_newer(path, msgspec.json.decode(data, type=Head))  # its other fields may have changed
        found = msgspec.json.decode(data, type=Manifest)
    except OSError as error:
        raise ArtefactError(f"{file}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtefactError(f"{file}: damaged or foreign: {error}") from error
    if kind is not None and found.kind != kind:
        made = f"; make it with `{MADE_BY[kind]}`" if kind in MADE_BY else ""
        wanted = f"{kind} are" if kind in MANY else f"{a(kind)} is"
        raise ArtefactError(f"{path}: {a(found.kind)} artefact, where {wanted} wanted{made}")
    return found


def a(kind: str) -> str:
    """Write a kind of artefact with its article: a kb, an index, a shard."""
    one = kind.removesuffix("s") if kind in MANY else kind
    return f"an {one}" if one[0] in "aeiou" else f"a {one}"


def _refuse_newer(path: Path, head: Head) -> None:
    newest = VERSIONS.get(head.kind)
    if newest is None:
        raise ArtefactError(f"{path}: unknown kind {head.kind!r}, written by kbtools {head.kbtools}")
    if head.version > newest:
        raise ArtefactError(
            f"{path}: version {head.version} of {a(head.kind)}, written by kbtools {head.kbtools}; "
            f"this one reads up to {newest}: upgrade kbtools"
        )


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
