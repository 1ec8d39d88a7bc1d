"""An entity's vector is the mean of what an encoder makes of its texts: `kbtools embed --model description`.

    kb ──told──▶ texts by entity ──encoder, or vectors of words──▶ a vector each ──mean──▶ vectors

Texts of one field (several descriptions, aliases) are averaged first, then the fields that an entity has:
many aliases do not outweigh a description. An entity without a text has no row; it is counted. Memory: one
block of texts and their vectors, the encoder, and 8 bytes an entity.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from kbtools import artefact, config, vectors
from kbtools.artefact import Input, KbRef, Manifest, Staging, Table, Task, write_whole
from kbtools.artefact.task import NEW, RECORDS
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.io import tensors
from kbtools.kb.bases import only
from kbtools.kb.reader import Base, gather
from kbtools.models.embedding import _encoding, _telling
from kbtools.models.embedding._encoding import Encoder
from kbtools.progress import Progress
from kbtools.vectors.writer import fill

MODEL = "description"
TAKES = frozenset({"encoder", "memory"})  # options of `embed` beside the common ones
BLOCK = 1 << 14  # texts
WORK = "work/blocks"

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which texts of an entity count, and what makes vectors of them."""

    encoder: str = setting("A run, or the folder or name of a model.", "")
    words: str = setting("In its place: a vectors folder, the mean of whose words is taken.", "")
    fields: tuple[_telling.Field, ...] = setting(
        "Of label, description, gloss, abstract and alias.", ("label", "description", "gloss")
    )
    lang: str | None = setting("Of the texts; none: for each entity the language of its label.", None)
    layers: str = setting("Of the encoder, such as -1 or -4:.", "-1")
    pool: str | None = setting("mean, cls or max; none: what the encoder says.", None)
    max_length: int = setting("Tokens of a text that are read at once; 0: what the encoder takes.", 0)
    normalise: bool = setting("Vectors have length 1.", False)
    numbers: Literal["float32", "float16"] = setting("What is written.", "float32")
    batch: int = setting("Tokens that are run together, padding too.", 8192)
    device: str = setting("cpu, cuda, cuda:1; auto: a GPU if there is one.", "auto")


def embed(
    kb: str | Path,
    out: str | Path,
    *,
    kbs: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    encoder: Encoder | None = None,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Write a vector for each entity of a knowledge base (with its overlays, `kbs`) that has a text.

    `encoder` is any function from texts to an array, in place of one that is named in the settings.
    Interrupted, it goes on where it stopped when called again with the same arguments.
    """
    settings = config.build(Settings, where=MODEL, overrides=overrides)
    base = only(gather([kb, *kbs]))
    if encoder is not None and (settings.encoder or settings.words):
        raise ConfigError("an encoder is given and named, too; one of them")
    made, made_with = (encoder, list[Input]()) if encoder else _encoding.opened(settings)
    job = _Job(base, settings, made, made_with, memory)
    with Staging(Path(out), job.plan, overwrite=overwrite, restart=restart) as staging, staging.worthwhile():
        return staging.whole or staging.commit(job.run(staging.folder, quiet=quiet))


class _Job:
    """Vectors to be made: what they are made from is checked, nothing is done yet."""

    def __init__(
        self, base: Base, settings: Settings, encoder: Encoder, made_with: list[Input], memory: int | None
    ) -> None:
        self.base, self.settings, self.encoder, self.memory = base, settings, encoder, memory
        mine = [Input(path=str(one.path), kind="kb", content=one.manifest.content) for one in base.parts]
        self.inputs = [*mine, *made_with]

    @property
    def plan(self) -> str:
        """What decides whether an interrupted build can go on."""
        told = {**self._told(), "encoder": self.encoder.name}
        return artefact.plan(MODEL, told, [one.content for one in self.inputs])

    def _told(self) -> dict[str, Any]:
        told = config.plain(self.settings)
        for name in ("device", "batch", "encoder", "words"):  # what it is called, not where it lies
            del told[name]
        return told

    def run(self, folder: Path, *, quiet: bool) -> Manifest:
        """Put texts together, encode them block by block; return the manifest."""
        begun = time.perf_counter()
        counts = self._texts(folder)
        with Progress("encode", counts["texts"], "texts", quiet=quiet) as progress:
            files = [
                self._block(folder, number, block, progress)
                for number, block in enumerate(_telling.blocks(folder, BLOCK))
            ]
        eids = np.concatenate([tensors.load(file).arrays["eids"] for file in files])
        if not len(eids):
            raise ConfigError(f"{self.encoder.name}: nothing is known of any of {counts['texts']:,} texts")
        like = np.zeros((0, self.encoder.dim), self.settings.numbers)
        tables = fill(folder / NEW, eids, (self._rows(file) for file in files), like, {})
        counts |= {"entities": len(eids), "without a vector": counts["in the base"] - len(eids)}
        made = self._manifest(tables, counts, like.dtype.name)
        return msgspec.structs.replace(made, resources={"seconds": round(time.perf_counter() - begun, 3)})

    def _texts(self, folder: Path) -> dict[str, int]:
        """Put texts together; return how many there are, and how many entities."""
        fields, lang = self.settings.fields, self.settings.lang
        paths = [str(one.path.absolute()) for one in self.base.parts]
        args = {"paths": paths, "fields": [*fields], "lang": lang, "memory": self.memory}
        task = Task(name="texts", call=f"{_telling.__name__}:write", args=args)
        counts: dict[str, int] = dict(artefact.ensure(task, folder).facts)
        if not counts["texts"]:
            shutil.rmtree(folder / RECORDS, ignore_errors=True)  # nothing to go on with
            what = f"none of its {counts['in the base']:,} entities has a text in {', '.join(fields)}"
            raise ConfigError(f"{self.base.kb.path}: {what}{f' ({lang})' if lang else ''}")
        return counts

    def _block(self, folder: Path, number: int, block: _telling.Block, progress: Progress) -> Path:
        """Encode a block unless it has been; return its file."""
        path = folder / WORK / f"{number:06}.safetensors"
        if not path.is_file():
            eids, found = means(block, self._encoded(block))
            write_whole(path, tensors.encode({"eids": eids, "vectors": found}))
        progress.advance(len(block.texts))
        return path

    def _encoded(self, block: _telling.Block) -> F32:
        """Return a vector for each text; zeros where nothing is known of it."""
        found = np.asarray(self.encoder(block.texts), np.float32)
        name, dim = self.encoder.name, self.encoder.dim
        if found.shape != (len(block.texts), dim):
            raise ConfigError(
                f"encoder {name}: {len(block.texts)} texts gave {found.shape}, not rows of {dim}"
            )
        wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if len(wrong):
            told = f"eid {block.eid[wrong[0]]}, {block.texts[wrong[0]][:60]!r}"
            raise ConfigError(f"encoder {name} gives NaN or infinite numbers for {told}: look at the model")
        return found

    def _rows(self, path: Path) -> NDArray[np.floating[Any]]:
        found = tensors.load(path).arrays["vectors"]
        if self.settings.normalise:
            length = np.linalg.norm(found, axis=1, keepdims=True)
            found = found / np.where(length == 0, 1, length)
        return found.astype(self.settings.numbers)

    def _manifest(self, tables: dict[str, Table], counts: dict[str, int], kind: str) -> Manifest:
        kb, parents = self.base.kb.manifest, artefact.parents(self.inputs)
        told = {**self._told(), "model": MODEL, "encoder": self.encoder.name}
        return artefact.begin(
            vectors.KIND,
            settings=told | {"rows": counts["entities"], "dim": self.encoder.dim, "dtype": kind},
            inputs=self.inputs,
            kbs=[KbRef(name=self.base.name, content=kb.content, id_space=kb.id_space)],
            tables=tables,
            counts=counts,
            licences=artefact.unite(licence for one in parents for licence in one.licences),
            incomplete=any(one.incomplete for one in parents),
        )


def means(block: _telling.Block, found: F32) -> tuple[I64, F32]:
    """Return entities and their vectors: the mean over fields, of each the mean of its texts."""
    there = found.any(axis=1)
    eid, field, found = block.eid[there], block.field[there], found[there]
    begins = np.flatnonzero((np.diff(eid, prepend=-1) != 0) | (np.diff(field, prepend=-1) != 0))
    eid, found = eid[begins], _mean(found, begins)
    begins = np.flatnonzero(np.diff(eid, prepend=-1))
    return eid[begins], _mean(found, begins)


def _mean(found: F32, begins: I64) -> F32:
    if not len(begins):
        return found
    many = np.diff(begins, append=len(found)).astype(np.float32)
    summed: F32 = np.add.reduceat(found, begins)
    return summed / many[:, None]
