"""`kbtools embed CORPUS --model sgns`: a corpus in, a `vectors` folder of words and entities out.

Memory: the tables (twice the vectors, and the n-grams), the different words of the corpus, the triples of the
knowledge base, and one piece of the corpus. What breaks off goes on where it was.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch

from kbtools import artefact, config, corpus, vectors
from kbtools.artefact import Done, Input, KbRef, Manifest, Staging, Task
from kbtools.artefact.task import RECORDS
from kbtools.corpus import Report
from kbtools.errors import ConfigError
from kbtools.executors import pool
from kbtools.kb.bases import bases_of, only
from kbtools.kb.reader import Base, gather
from kbtools.kb.rejects import rejects_table
from kbtools.models import devices
from kbtools.models.embedding.sgns import neighbours, reading, vocabulary
from kbtools.models.embedding.sgns.blocks import Epochs
from kbtools.models.embedding.sgns.neighbours import Entities
from kbtools.models.embedding.sgns.settings import Settings
from kbtools.models.embedding.sgns.tables import Tables
from kbtools.models.embedding.sgns.training import Training
from kbtools.models.embedding.sgns.vocabulary import Words
from kbtools.progress import Progress
from kbtools.vectors.mapping import Array
from kbtools.vectors.writer import fill, told_of

CALL = "kbtools.models.embedding.sgns.reading:read_piece"
MODEL = "sgns"
AT_ONCE = 1 << 15  # words whose vectors are put together


def embed(
    documents: str | Path,
    out: str | Path,
    *,
    kbs: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    corpus_settings: Sequence[str] = (),
    workers: int = 1,
    seed: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Learn vectors of the words of a corpus, of the entities it mentions, and of those of `kbs`.

    `kbs` are one knowledge base with its overlays: its triples are learned, too. Interrupted, it goes on
    where it stopped when called again with the same arguments.
    """
    told = [*overrides, *([] if seed is None else [f"seed={seed}"])]
    settings = config.build(Settings, where=MODEL, overrides=told)
    read = corpus.inputs(str(documents), corpus_settings)
    job = _Job(str(documents), list(corpus_settings), settings, _whose(str(documents), read, kbs), read)
    with Staging(Path(out), job.plan, overwrite=overwrite, restart=restart) as staging, staging.worthwhile():
        return staging.whole or staging.commit(job.run(staging.folder, workers=workers, quiet=quiet))


class Whose(NamedTuple):
    """The knowledge base whose entities get vectors."""

    ref: KbRef | None = None
    base: Base | None = None  # if its triples are learned


def _whose(documents: str, read: list[Input], kb: Sequence[str | Path]) -> Whose:
    """Find out which knowledge base it is: the one that is given, or the only one that the corpus knows."""
    parents = artefact.parents(read)
    linked = next((one for one in parents if one.kind == "linked"), None)
    refs = [ref for one in parents for ref in _refs(one)]
    if not kb:
        if len(refs) > 1:
            names = ", ".join(ref.name for ref in refs)
            raise ConfigError(f"{documents}: linked to {names}; say with --kb KB whose entities get vectors")
        return Whose(refs[0] if refs else None)
    base = only(gather(kb) if linked is None else list(bases_of(linked, kb).values()))
    manifest = base.kb.manifest
    return Whose(KbRef(name=base.name, content=manifest.content, id_space=manifest.id_space), base)


def _refs(parent: Manifest) -> list[KbRef]:
    if parent.kind != "kb":
        return parent.kbs
    return [parent.base or KbRef(name=parent.name or "", content=parent.content, id_space=parent.id_space)]


class _Job:
    """Vectors to be learned: what they are made from is checked, nothing is done yet."""

    def __init__(
        self, documents: str, told: list[str], settings: Settings, whose: Whose, read: list[Input]
    ) -> None:
        self.documents, self.told, self.settings, self.whose = documents, told, settings, whose
        parts = whose.base.parts if whose.base else []
        given = [Input(path=str(one.path), kind="kb", content=one.manifest.content) for one in parts]
        self.inputs = [*read, *(one for one in given if one.content not in {r.content for r in read})]
        self.device = devices.chosen(settings.device)

    @property
    def plan(self) -> str:
        """What decides whether an interrupted build can go on."""
        graph = bool(self.whose.base)
        told = config.plain(self.settings) | {
            "corpus": self.told,
            "device": self.device.type,
            "triples": graph,
        }
        return artefact.plan(MODEL, told, [one.content for one in self.inputs])

    def run(self, folder: Path, *, workers: int, quiet: bool) -> Manifest:
        """Read, learn, write; return the manifest."""
        begun = time.perf_counter()
        done, report = self._read(folder, workers, quiet=quiet)
        pieces = [one.task.args["piece"]["number"] for one in done]
        words = vocabulary.count(folder, pieces, self.settings)
        if not len(words):
            shutil.rmtree(folder / RECORDS, ignore_errors=True)  # nothing to go on with
            self._refuse_empty(words, report)
        entities = self._entities(folder, pieces)
        epochs = Epochs(folder, pieces, words, entities, self.settings)
        grams = vocabulary.ngrams(words, self.settings) if self.settings.subwords else None
        dim, seed = self.settings.dim, self.settings.seed
        tables = Tables(len(words), len(entities.eids), dim, grams, seed=seed, device=self.device)
        training = Training(folder, tables, epochs, self.device)
        training.restore()
        total = self.settings.epochs * words.total
        with Progress("embed", total, "words", quiet=quiet, done=training.words) as progress:
            training.run(progress)
        found = self._written(folder, words, entities, training, report)
        seconds = round(time.perf_counter() - begun, 3)
        return msgspec.structs.replace(found, resources={"seconds": seconds})

    def _read(self, folder: Path, workers: int, *, quiet: bool) -> tuple[list[Done], Report]:
        """Cut the corpus into pieces, and these into words."""
        report = Report()
        settings = self.settings
        name = self.whose.ref.name if self.whose.ref else None
        how = {"kb": name, "form": settings.form, "zh": settings.zh, "symbols": settings.symbols}

        def tasks() -> Iterator[Task]:
            for piece in corpus.plan(self.documents, folder, settings=self.told, report=report):
                args = {"piece": msgspec.to_builtins(piece), **how}
                yield Task(name=f"pieces/{piece.number:06}", call=CALL, args=args, consumes=piece.consumes)

        with (
            pool(folder, workers=workers) as crew,
            Progress("read", None, "words", quiet=quiet) as progress,
        ):
            done = list(crew.run(tasks(), on_done=lambda one: progress.advance(one.facts["words"])))
        done.sort(key=lambda one: one.task.name)
        return done, report.whole(done)

    def _entities(self, folder: Path, pieces: list[int]) -> Entities:
        """Find out whose vectors there will be."""
        found = []
        for piece in pieces:
            eids = reading.load(folder, piece)[1]["mention"][:, 0]
            found.append(np.unique(eids, return_counts=True))
        mentioned, counts = neighbours.total(found)
        base = self.whose.base if self.settings.graph else None
        return neighbours.gather(mentioned, counts, base, self.settings.mentions)

    def _written(
        self, folder: Path, words: Words, entities: Entities, training: Training, report: Report
    ) -> Manifest:
        kind = np.dtype(self.settings.numbers)
        tables = training.tables
        grams = tables.inputs.ngrams
        pieces = grams and vectors.Ngrams(
            grams.weights.cpu().numpy().astype(kind), self.settings.min_n, self.settings.max_n
        )
        finished = vectors.Words(
            words.texts, _finished(tables, len(words), kind), words.counts, pieces or None
        )
        rows = tables.entities.weights.cpu().numpy().astype(kind)
        made = fill(folder / "new", entities.eids, [rows], rows, {}, words=finished)
        made |= rejects_table(folder / "new", report.rejects)
        parents = artefact.parents(self.inputs)
        settings = config.plain(self.settings) | {
            "model": MODEL,
            "corpus": self.told,
            "batch": training.epochs.size,
        }
        del settings["device"]
        counts = {
            **report.counts, "entities": len(entities.eids), "words": len(words),
            "different words": words.different, "running words": words.seen, "kept words": words.total,
            "mentions": int(entities.mentions.sum()), "pairs of neighbours": len(entities.pairs),
        }  # fmt: skip
        return artefact.begin(
            vectors.KIND,
            settings=settings | told_of(finished) | {"rows": len(rows), "dtype": kind.name},
            inputs=self.inputs,
            kbs=[self.whose.ref] if self.whose.ref else [],
            tables=made,
            counts=counts,
            notes={"losses": training.losses},
            licences=artefact.unite(licence for one in parents for licence in one.licences),
            incomplete=any(one.incomplete for one in parents) or bool(report.damage),
        )

    def _refuse_empty(self, words: Words, report: Report) -> None:
        read = report.counts["read"]
        if not words.seen:
            told = f"no words in its {read:,} documents" if read else "no documents in it"
            raise ConfigError(f"{self.documents}: {told}; is it the right file?")
        raise ConfigError(
            f"{self.documents}: none of its {words.different:,} different words stands there "
            f"{self.settings.least:,} times; lower that with -o least=1, or take more text"
        )


def _finished(tables: Tables, rows: int, kind: np.dtype[Any]) -> Iterator[Array]:
    """Yield the vectors of all words in blocks."""
    for low in range(0, rows, AT_ONCE):
        index = torch.arange(low, min(low + AT_ONCE, rows), device=tables.entities.weights.device)
        yield tables.inputs.look(index).vectors.cpu().numpy().astype(kind)
