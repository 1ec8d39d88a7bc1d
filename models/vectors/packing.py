"""What a model's folder says of the vectors it needs, and those that are packed into it.

    link     nothing is packed: where they lie, and their digest
    used     the rows that training has read, as vectors of their own, in entities/KB
    full     all of them, byte for byte

What lies where a config says is taken only if it has the digest that the config says.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from torch import Tensor

from kbtools import artefact, vectors
from kbtools.artefact import Manifest, Staging
from kbtools.errors import ArtefactError
from kbtools.models.vectors import Vectors
from kbtools.models.vectors.controlled import Control, Controlled, controlled

FOLDER = "entities"

How = Literal["link", "used", "full"]
Mode = Literal["frozen", "resident", "trained"]
Special = Literal["zero", "trained"]


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """The rows in the model's own folder."""

    how: How
    content: str
    rows: int


class Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table in plain words, as a model's config has it."""

    kb: str
    path: str
    content: str
    rows: int
    dim: int
    mode: Mode = "frozen"
    nil: Special = "zero"
    unknown: Special = "zero"
    control: Control = "true"  # of rows that are linked; packed ones are what it made of them
    seed: int = 0  # of the control
    packed: Packed | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.kb):  # it becomes the name of a folder
            raise ValueError(f"{self.kb[:40]!r} is no name of a knowledge base")
        if self.rows < 0 or self.dim < 1:
            raise ValueError(f"a table of {self.rows} rows of {self.dim} numbers is none")


class Found(NamedTuple):
    """The vectors that a model needs, or why they cannot be had."""

    vectors: Vectors | Controlled | None
    why: str = ""
    packed: bool = False  # they came with the model


def read(plain: Mapping[str, Any], where: Path) -> Plain:
    """Read what a config says of a table."""
    try:
        return msgspec.convert(plain, Plain)
    except msgspec.ValidationError as error:
        raise ArtefactError(f"{where}: its entity table cannot be understood: {error}") from error


def find(plain: Plain, folder: Path) -> Found:
    """Open a model's vectors: those packed into its folder, else those it is linked to."""
    inside = folder / FOLDER / plain.kb
    if plain.packed and inside.is_dir():
        return Found(Vectors.open(inside, plain.packed.content), packed=True)
    path = Path(plain.path)
    try:
        content = artefact.read(path, vectors.KIND).content
    except ArtefactError as error:
        return Found(None, str(error))
    if content != plain.content:
        return Found(None, f"{path}: other vectors than the model was made with")
    return Found(controlled(Vectors.open(path, content), plain.control, plain.seed))


def pack(source: Vectors | Controlled, used: Tensor | None, plain: Plain, folder: Path) -> Packed:
    """Write vectors into a model's folder: all of them, or the rows that were `used`, sorted."""
    out = folder.absolute() / FOLDER / plain.kb
    if out == source.path:  # it was loaded from here
        made = source.manifest
    elif used is None and isinstance(source, Vectors):
        made = _copied(source, out)
    else:
        eids = source.eids()
        blocks = (block.numpy() for _, block in source.blocks(used))
        made = vectors.write(
            out,
            (eids if used is None else eids[used]).numpy(),
            blocks,
            inputs=[source.path],
            settings={**source.manifest.settings, "packed": "used", **_control(plain)},
            overwrite=True,
        )
    how: How = "full" if used is None else "used"
    return Packed(how=how, content=made.content, rows=made.tables[vectors.KIND].rows)


def _control(plain: Plain) -> dict[str, Any]:
    return {} if plain.control == "true" else {"control": plain.control, "seed of the control": plain.seed}


def _copied(source: Vectors, out: Path) -> Manifest:
    with Staging(out, source.manifest.plan, overwrite=True, restart=True) as staging:
        if staging.whole is not None:
            return staging.whole
        for table in source.folder.tables:
            for file in source.folder.files(table):
                to = staging.new / file.relative_to(source.path)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, to)
        return staging.commit(source.manifest)
