"""An entity's vector is what a trained KEPLER makes of its description: `kbtools embed --model kepler:RUN`.

    kb ──layout `triples`──▶ tokens of descriptions ──the run's encoder──▶ state at token 0 ──▶ vectors

As in training, to the letter: the same words, cut at the same length, no pooler (Wang et al. 2021). So
entities that training has not seen have vectors, too. Relations come from the run's table, by their ids, or
are encoded. Of a run whose ends are read together with relations (Cond), what is asked of held-out triples is
encoded so (`read`), and candidates are not: for all pairs of entity and relation there is no room.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools import artefact, config, vectors
from kbtools.artefact import Input, KbRef, Manifest, Staging, Table, write_whole
from kbtools.artefact.task import NEW
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.io import tensors
from kbtools.kb import statements
from kbtools.kb.bases import only
from kbtools.kb.reader import Base, gather
from kbtools.models import devices
from kbtools.models.embedding import _run
from kbtools.models.embedding._run import Run
from kbtools.models.kge.trained import PAIRS, READ, UNKNOWN
from kbtools.models.objectives import _described
from kbtools.models.objectives.kepler import HEAD
from kbtools.progress import Progress
from kbtools.shards.base import Here
from kbtools.shards.layouts.triples import LAYOUT
from kbtools.shards.reader import IDS
from kbtools.vectors.writer import fill

MODEL = "kepler"
OF = "RUN"  # what stands behind the name and a colon
TAKES: frozenset[str] = frozenset()  # options of `embed` beside the common ones
WORK = "work/blocks"
SPLITS = {"held-out": (1, 2), "all": (0, 1, 2, statements.UNSAID), "none": ()}

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is different from the run's own settings; by itself nothing."""

    relations: Literal["table", "descriptions"] | None = setting(
        "A relation's vector: a row of the run's table, or its description encoded; none: as it was trained.",
        None,
    )
    conditioned: bool | None = setting("Ends are read with relations; none: as it was trained.", None)
    ke_norm: Literal[1, 2] | None = setting("How distances are measured; none: as it was trained.", None)
    gamma: float | None = setting("Of scores; ranks do not change; none: as it was trained.", None)
    queries: Literal["held-out", "all", "none"] = setting(
        "Triples for whose ends the state read with the relation is kept, where ends are read so.", "held-out"
    )
    texts: dict[str, Any] = setting("Settings of the layout `triples` that differ from the run's shards.", {})
    tokenizer: str | None = setting("If the model has none.", None)
    numbers: Literal["float32", "float16"] = setting("What is written.", "float32")
    batch: int = setting("Tokens that are run together, padding too.", 8192)
    device: str = setting("cpu, cuda, cuda:1; auto: a GPU if there is one.", "auto")


def embed(
    kb: str | Path,
    out: str | Path,
    *,
    of: str,
    kbs: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Write a vector for each entity of a knowledge base (with its overlays, `kbs`) that has a text.

    `of` is a run, a checkpoint, or a model. Interrupted, it goes on where it stopped when called again.
    """
    settings = config.build(Settings, where=MODEL, overrides=overrides)
    base = only(gather([kb, *kbs]))
    device = devices.chosen(settings.device)
    job = _Job(base, settings, _run.opened(of, device, settings.texts, settings.tokenizer))
    with Staging(Path(out), job.plan, overwrite=overwrite, restart=restart) as staging, staging.worthwhile():
        return staging.whole or staging.commit(job.run(staging.folder, quiet=quiet))


class _Job:
    """Vectors to be made: what they are made from is checked, nothing is done yet."""

    def __init__(self, base: Base, settings: Settings, run: Run) -> None:
        self.base, self.settings, self.made_with = base, settings, run
        mine = [Input(path=str(one.path), kind="kb", content=one.manifest.content) for one in base.parts]
        self.inputs = [*mine, run.made_with]
        learned = run.learned
        self.described = (settings.relations or learned.relations) == "descriptions"
        self.conditioned = learned.conditioned if settings.conditioned is None else settings.conditioned
        self.norm, self.gamma = settings.ke_norm or learned.ke_norm, settings.gamma or learned.gamma
        self.ids: list[str] = statements.relations(base)["id"].to_pylist()
        self.table = self._table()
        self.counts: Counter[str] = Counter()

    def _table(self) -> I64 | None:
        """Return where the run has each relation; −1: nowhere."""
        if self.described:
            return None
        name = self.made_with.made_with.path
        if HEAD not in self.made_with.model.heads:
            raise ConfigError(f"{name}: has no table of relations; -o relations=descriptions encodes them")
        head: Any = self.made_with.model.heads[HEAD]
        known = {one: row for row, one in enumerate(head.ids)}
        found = np.array([known.get(one, -1) for one in self.ids], np.int64)
        if (found < 0).all():
            told = ", ".join(map(repr, head.ids[:3]))
            raise ConfigError(
                f"{self.base.kb.path}: none of its relations is one of {name}, which are such as {told}; "
                "-o relations=descriptions encodes them"
            )
        return found

    @property
    def plan(self) -> str:
        """What decides whether an interrupted build can go on."""
        return artefact.plan(MODEL, self._told(), [one.content for one in self.inputs])

    def _told(self) -> dict[str, Any]:
        told = {
            name: value
            for name, value in config.plain(self.settings).items()
            if name not in ("device", "batch")
        }
        chosen = self.made_with.chosen
        own = {"texts": config.plain(chosen.settings), "max_length": chosen.common.max_length}
        relations = "descriptions" if self.described else "table"
        scorer = {"gamma": self.gamma, "norm": self.norm}
        return told | own | {
            "relations": relations, "conditioned": self.conditioned, "ke_norm": self.norm,
            "gamma": self.gamma,
            "model": "transe", "scorer": scorer, "by": MODEL,
        }  # fmt: skip

    def run(self, folder: Path, *, quiet: bool) -> Manifest:
        """Encode entities block by block, then relations, then what is read with them."""
        begun = time.perf_counter()
        one = self.made_with
        here = Here(
            tokenizer=one.tokenizer, max_length=one.chosen.common.max_length, bases={0: self.base},
            kbs=[self._ref()], folder=folder,
        )  # fmt: skip
        LAYOUT.parts([], one.chosen.settings, here)
        files = []
        with Progress("encode", self.base.kb.rows("entities"), "entities", quiet=quiet) as progress:
            for number, block in enumerate(self._rows("entities", here)):
                files.append(self._block(folder, number, block))
                progress.advance(block.num_rows)
        eids = np.concatenate([tensors.load(file).arrays["eids"] for file in files])
        if not len(eids):
            raise ConfigError(f"{self.base.kb.path}: none of its entities has a text")
        like = np.zeros((0, one.width), self.settings.numbers)
        blocks = (tensors.load(file).arrays["vectors"].astype(like.dtype) for file in files)
        tables = fill(folder / NEW, eids, blocks, like, self._relations(here))
        every = self.base.kb.rows("entities")
        self.counts |= {"entities": len(eids), "without a text": every - len(eids)}
        made = self._manifest(tables, like.dtype.name)
        return msgspec.structs.replace(made, resources={"seconds": round(time.perf_counter() - begun, 3)})

    def _rows(self, table: str, here: Here) -> Iterator[pa.RecordBatch]:
        """Yield rows of a table, as shards have them."""
        settings: Any = self.made_with.chosen.settings
        for name, part in LAYOUT.table_parts(settings, here):
            if name == table:
                yield from LAYOUT.rows(table, part, settings, here)

    def _block(self, folder: Path, number: int, block: pa.RecordBatch) -> Path:
        """Encode a block unless it has been; return its file."""
        path = folder / WORK / f"{number:06}.safetensors"
        if not path.is_file():
            texts = _run.texts_of(block.column(IDS))
            some = texts.lengths > 0
            found = self.made_with.encode(
                _described.Texts(texts.ids[some], texts.lengths[some]), self.settings.batch
            )
            eids = block.column("eid").to_numpy()[some]
            write_whole(path, tensors.encode({"eids": eids, "vectors": found}))
        return path

    def _relations(self, here: Here) -> dict[str, NDArray[Any]]:
        """Return a vector for each relation, and what is read with them."""
        (rows,) = self._rows("relations", here)
        texts = _run.texts_of(rows.column(IDS))
        if self.table is None:
            found: dict[str, NDArray[Any]] = {"relations": self.made_with.encode(texts, self.settings.batch)}
        else:
            head: Any = self.made_with.model.heads[HEAD]
            table = head.weight.detach().float().cpu().numpy()
            known = self.table >= 0
            found = {"relations": np.where(known[:, None], table[np.maximum(self.table, 0)], np.float32(0))}
            if not known.all():
                found[UNKNOWN] = np.flatnonzero(~known)
                self.counts["relations unknown to the run"] = int((~known).sum())
        return found | (self._read(texts, here) if self.conditioned else {})

    def _read(self, relations: _described.Texts, here: Here) -> dict[str, NDArray[Any]]:
        """Encode ends of triples together with the relation: pairs [P, 2] of eid and rid, states [P, H]."""
        pairs = _asked(self.base, SPLITS[self.settings.queries])
        states = np.zeros((len(pairs), self.made_with.width), np.float32)
        done = np.zeros(len(pairs), np.bool_)
        at = 0
        for block in self._rows("entities", here):  # pairs stand in the order of entities
            texts, first = _run.texts_of(block.column(IDS)), int(block.column("eid")[0].as_py())
            stop = int(np.searchsorted(pairs[:, 0], first + block.num_rows))
            some = np.arange(at, stop)[texts.lengths[pairs[at:stop, 0] - first] > 0]
            row, rid = pairs[some, 0] - first, pairs[some, 1]
            asked = _described.conditioned(
                _pick(texts, row), _pick(relations, rid), self.made_with.special, here.max_length
            )
            states[some], done[some], at = self.made_with.encode(asked, self.settings.batch), True, stop
        self.counts["ends read with relations"] = int(done.sum())
        return {READ: states[done], PAIRS: pairs[done]}

    def _ref(self) -> KbRef:
        kb = self.base.kb.manifest
        return KbRef(name=self.base.name, content=kb.content, id_space=kb.id_space)

    def _manifest(self, tables: dict[str, Table], kind: str) -> Manifest:
        parents = artefact.parents(self.inputs)
        width = self.made_with.width
        return artefact.begin(
            vectors.KIND,
            settings=self._told() | {"rows": self.counts["entities"], "dim": width, "dtype": kind},
            inputs=self.inputs,
            kbs=[self._ref()],
            tables=tables,
            counts=dict(self.counts),
            licences=artefact.unite(licence for one in parents for licence in one.licences),
            incomplete=any(one.incomplete for one in parents),
        )


def _pick(texts: _described.Texts, rows: I64) -> _described.Texts:
    return _described.Texts(texts.ids[rows], texts.lengths[rows])


def _asked(base: Base, splits: Sequence[int]) -> I64:
    """List the ends of triples of some splits with their relation, each once: [P, 2]."""
    found = [np.zeros((0, 2), np.int64)]
    for part in statements.parts(base):
        for rows in statements.scan(base, **part):
            kept = rows.take(np.isin(rows.split, splits))
            found += [np.stack([end, kept.relation], 1).astype(np.int64) for end in (kept.head, kept.tail)]
    return np.unique(np.concatenate(found), axis=0)
