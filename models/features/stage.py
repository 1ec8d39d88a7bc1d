"""Features of a corpus: a block of its documents is a task, and a file of the artefact.

Memory: the model, the states of one batch, and the vectors of a block (AT_ONCE bytes; where the units are
spans or whole texts, those of one document, if that is longer). What breaks off goes on block by block.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools import artefact, config, corpus
from kbtools.artefact import Done, Input, Manifest, Outcome, Staging, Table, Task
from kbtools.artefact.task import RECORDS
from kbtools.corpus import Report
from kbtools.errors import ConfigError
from kbtools.executors import pool as pool_of
from kbtools.features.schema import KIND, NUMBERS, TABLE, VECTOR, schema
from kbtools.features.settings import Settings
from kbtools.kb.rejects import rejects_table
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.writer import write_groups
from kbtools.models.features import opening, running
from kbtools.models.features.opening import Asked, Opened
from kbtools.models.features.units import Units, units
from kbtools.models.features.windows import I64, of_spans, of_texts, slices, windows
from kbtools.progress import Progress

AT_ONCE = 1 << 28  # bytes of vectors
GROUP = 32 << 20  # bytes of vectors in a row group
BLOCK = 1 << 19  # code points of a block, at most
SHORT = {"document": 32, "sentence": 16, "word": 1, "token": 1, "span": 1}  # code points of a unit, at least
WORK = "work/blocks"
CALL = "kbtools.models.features.stage:encode_block"


def encode(
    documents: str | Path,
    out: str | Path | None,
    *,
    model: str | Path | None,
    layers: str = "-1",
    pool: str | None = None,
    unit: str | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Sequence[str] = (),
    corpus_settings: Sequence[str] = (),
) -> Manifest:
    """Write a vector for each unit of a corpus to `out`; return the manifest.

    `pool` is mean, cls, max, tokens, and first, last and ends for words and spans. Interrupted, it goes on
    where it stopped when called again with the same arguments.
    """
    for value, name, cure in (
        (out, "--out", "the folder to write"),
        (model, "--model", "a run, or the folder or name of a model"),
    ):
        if not value:
            raise ConfigError(f"{name} is missing: {cure}")
    told = [f"unit={unit}"] if unit else ["unit=token"] if pool == "tokens" else []
    settings = config.build(Settings, where="encode", overrides=[*told, *overrides])
    read = corpus.inputs(str(documents), corpus_settings)
    asked, made_with = opening.ask(str(model), layers, pool, settings)
    job = _Job(str(documents), list(corpus_settings), asked, [*read, *made_with])
    with (
        Staging(Path(str(out)), job.plan, overwrite=overwrite, restart=restart) as staging,
        staging.worthwhile(),
    ):
        return staging.whole or staging.commit(job.run(staging.folder, quiet=quiet))


class _Job:
    """Features to be made: what they are made from is checked, nothing is done yet."""

    def __init__(self, documents: str, told: list[str], asked: Asked, inputs: list[Input]) -> None:
        self.documents, self.told, self.asked, self.inputs = documents, told, asked, inputs
        self.here = opening.opened(asked)
        plain = {name: value for name, value in asked.settings.items() if name != "tokenizer"}
        self.settings = {"layers": asked.layers, "pool": self.here.pool, **plain, "corpus": told}

    @property
    def plan(self) -> str:
        """What decides whether an interrupted build can go on."""
        return artefact.plan(KIND, self.settings, [one.content for one in self.inputs])

    def run(self, folder: Path, *, quiet: bool) -> Manifest:
        """Encode block by block; return the manifest."""
        begun = time.perf_counter()
        report = Report()
        with (
            pool_of(folder) as crew,
            Progress("encode", None, "tokens", quiet=quiet) as progress,
        ):
            tasks = self._tasks(folder, report)
            done = list(crew.run(tasks, on_done=lambda one: progress.advance(one.facts["counts"]["tokens"])))
        done.sort(key=lambda one: one.task.name)
        rows = sum(one.facts["rows"] for one in done)
        if not rows:
            shutil.rmtree(folder / RECORDS, ignore_errors=True)  # nothing to go on with
            self._refuse_empty(report)
        seconds = round(time.perf_counter() - begun, 3)
        made = self._manifest(done, report, rows)
        tables = made.tables | rejects_table(folder / "new", report.rejects)
        return msgspec.structs.replace(made, tables=tables, resources={"seconds": seconds})

    def _tasks(self, folder: Path, report: Report) -> Iterator[Task]:
        """Lay blocks of documents out, when they are asked for."""
        told = msgspec.to_builtins(self.asked)
        size = AT_ONCE // (4 * self.here.dim) * SHORT[self.here.settings.unit]
        found = blocks(self._read(folder, report), min(BLOCK, max(size, 1)))
        for number, block in enumerate(found):
            name = f"{WORK}/{number:06}.arrow"
            (folder / WORK).mkdir(parents=True, exist_ok=True)
            with pa.ipc.new_file(folder / name, block.schema) as file:
                file.write_table(block)
            args = {"number": number, "documents": name, "asked": told}
            yield Task(name=f"blocks/{number:06}", call=CALL, args=args, consumes=[name])

    def _read(self, folder: Path, report: Report) -> Iterator[pa.RecordBatch]:
        for piece in corpus.plan(self.documents, folder, settings=self.told, report=report):
            yield from corpus.read(piece, folder, report)
            for name in piece.consumes:
                (folder / name).unlink(missing_ok=True)

    def _manifest(self, done: list[Done], report: Report, rows: int) -> Manifest:
        counts = Counter(report.counts)
        for one in done:
            counts.update(one.facts["counts"])
        parents = artefact.parents(self.inputs)
        table = Table(
            rows=rows,
            files=artefact.published(done),
            schema=schema_digest(schema(self.here.dim, self.here.settings.numbers)),
        )
        return artefact.begin(
            KIND,
            settings=self.settings | {"dim": self.here.dim},
            inputs=self.inputs,
            kbs=next((one.kbs for one in parents if one.kind == "linked"), []),
            tables={TABLE: table},
            counts=dict(+counts),
            licences=artefact.unite(licence for one in parents for licence in one.licences),
            incomplete=any(one.incomplete for one in parents) or bool(report.damage),
        )

    def _refuse_empty(self, report: Report) -> None:
        unit = self.here.settings.unit
        read = report.counts["read"]
        cure = (
            "link the corpus first, or tell `spans` in its meta"
            if unit == "span"
            else "there is no text in it"
        )
        told = f"no {unit} in its {read:,} documents: {cure}" if read else "no documents in it"
        raise ConfigError(f"{self.documents}: {told}")


def blocks(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Gather documents into blocks of some `size` in code points, the same whatever batches they come in."""
    held: list[pa.RecordBatch] = []
    current = seen = 0
    for batch in batches:
        lengths = pc.utf8_length(batch["text"]).to_numpy(zero_copy_only=False).astype(np.int64) + 1
        ends = seen + np.cumsum(lengths)
        owner = (ends - lengths) // size
        edges = [0, *(np.flatnonzero(np.diff(owner)) + 1).tolist(), batch.num_rows]
        for low, high in pairwise(edges):
            if high == low:
                continue
            if held and owner[low] != current:
                yield pa.Table.from_batches(held)
                held = []
            current = int(owner[low])
            held.append(batch.slice(low, high - low))
        seen = int(ends[-1]) if len(ends) else seen
    if held:
        yield pa.Table.from_batches(held)


def encode_block(folder: Path, *, number: int, documents: str, asked: dict[str, Any]) -> Outcome:
    """Encode a block of documents and write its units as one file."""
    here = opening.opened(msgspec.convert(asked, Asked))
    with pa.memory_map(str(folder / documents)) as file:
        block = pa.ipc.open_file(file).read_all()
        counts: Counter[str] = Counter({"tokens": 0})
        name = f"new/{TABLE}/{number:06}.parquet"
        rows = write_groups(
            folder / name,
            schema(here.dim, here.settings.numbers),
            ((one, one.nbytes) for one in encoded(here, block, counts)),
            limit=GROUP,
            use_dictionary=["doc_id", "unit"],
            use_byte_stream_split=[f"{VECTOR}.list.element"],
            write_statistics=["doc_id", "start", "end"],
        )
    return Outcome(files=[name], facts={"rows": rows, "counts": dict(counts)})


def encoded(here: Opened, block: pa.Table, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Yield the units of documents with their vectors, in order."""
    texts, langs = block["text"].to_pylist(), block["lang"].to_pylist()
    stream = here.tokenizer.encode(texts, langs)
    counts["tokens"] += len(stream.ids)
    found = units(here.settings.unit, block, stream, counts)
    size = here.window - here.around
    step = max(1, size - int(size * here.settings.overlap))
    if here.whole:
        laid = windows(found.tokens, size, step)
        places = of_texts(laid)
    else:
        edges = np.stack([stream.begins[:-1], stream.begins[1:]], axis=1)
        laid = windows(edges[edges[:, 1] > edges[:, 0]], size, step)
        places = of_spans(laid, found.tokens)
    counts["windows"] += len(laid.text)
    counts["texts in several windows"] += int((np.bincount(laid.text) > 1).sum())
    counts[f"{here.settings.unit}s cut by a window"] += places.cut
    most = len(places.unit) if here.whole else max(1, AT_ONCE // (4 * here.dim))
    for low, high in slices(places, most):
        some = places.only(low, high)
        vectors = running.run(here, running.Laid(stream, laid, some))
        mine = found if here.whole else found.only(np.arange(low, high))
        vectors = running.of_units(here, some, vectors, len(mine.document))
        yield from _rows(here, block, mine, vectors)


def _rows(here: Opened, block: pa.Table, mine: Units, vectors: running.F32) -> Iterator[pa.RecordBatch]:
    """Write units and vectors as rows, a row group's worth at a time."""
    told = schema(here.dim, here.settings.numbers)
    kind = told.field(VECTOR).type
    doc_ids = block["doc_id"].combine_chunks()
    step = max(1, GROUP // (4 * here.dim))
    for low in range(0, len(mine.document), step):
        some = slice(low, low + step)
        numbers: I64 = mine.document[some]
        values = vectors[some].astype(here.settings.numbers).ravel()
        columns = [
            doc_ids.take(pa.array(numbers)),
            pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(len(numbers), np.int32)), pa.array([here.settings.unit])
            ),
            pa.array(mine.start[some].astype(np.uint32)),
            pa.array(mine.end[some].astype(np.uint32)),
            pa.FixedSizeListArray.from_arrays(pa.array(values, NUMBERS[here.settings.numbers]), type=kind),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=told)
