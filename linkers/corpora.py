"""Link a whole corpus: a piece of it is a task, and a file of the artefact.

Memory: a worker holds the mapped tables, a batch of documents (4 MiB of text, or one that is longer) and what
is worked out for a block of it; nothing grows with the corpus. What breaks off goes on piece by piece.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools import artefact, corpus
from kbtools.artefact import Done, Manifest, Outcome, Staging, Task
from kbtools.config import plain
from kbtools.corpus import Piece, Report
from kbtools.errors import ConfigError
from kbtools.executors import Pool, pool
from kbtools.kb.rejects import rejects_table
from kbtools.kb.writer import write_groups
from kbtools.linked.schema import DOCUMENTS, KIND, TABLE
from kbtools.linkers import opening, rows
from kbtools.linkers.base import Block
from kbtools.linkers.linking import Decided, blocks
from kbtools.linkers.manifests import inputs_of, manifest_of
from kbtools.linkers.opening import Asked, Opened
from kbtools.linkers.releases import same_numbers
from kbtools.progress import Progress

SIZE = 1 << 18  # code points that are linked together
GROUP = 8 << 20  # bytes of text in a row group
_MENTION = "mentions.list.element"
REPEATED = ["lang", f"{_MENTION}.kind", f"{_MENTION}.kb"]  # others are faster as they are
LIKELY = [
    f"{_MENTION}.p",
    f"{_MENTION}.nil",
    f"{_MENTION}.candidates.list.element.p",
]  # few values of each byte


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What is written of each mention and document."""

    candidates: Literal["none", "top5", "all"] = "top5"
    features: Literal["none", "all"] = "none"
    text: Literal["copy", "ref"] = "copy"


def link(
    documents: str | Path,
    out: str | Path | None,
    *,
    alias: str | Path | None,
    indexes: Sequence[str | Path] = (),
    kbs: Sequence[str | Path] = (),
    linker: str = "prior",
    overlap: str | None = None,
    candidates: str = "top5",
    features: str = "none",
    text: str = "copy",
    workers: int = 1,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Sequence[str] = (),
    corpus_settings: Sequence[str] = (),
    encoder: str | None = None,
    load_encoder: str | None = None,
    load_model: str | None = None,
) -> Manifest:
    """Link a corpus and write the artefact `out`; return its manifest.

    `linker` is a preset, a TOML file, a fitted linker or, with `load_model` (module:function), KIND:RUN, a
    trained model. Interrupted, it goes on where it stopped when called again with the same arguments.
    """
    if not out or not alias:
        made = "make a table of names with `kbtools alias KB... --out ALIAS`"
        what = ("--out", "the folder to write") if not out else ("--alias", made)
        raise ConfigError(f"{what[0]} is missing: {what[1]}")
    how = written(candidates=candidates, features=features, text=text)
    asked = opening.ask(
        alias, indexes=indexes, kbs=kbs, linker=linker, overlap=overlap, overrides=overrides,
        encoder=encoder, load_encoder=load_encoder, load_model=load_model,
    )  # fmt: skip
    told = {"linker": linker, **msgspec.to_builtins(how), "corpus": list(corpus_settings)}
    job = _Job(str(documents), asked, how, told)
    with (
        Staging(Path(out), job.plan, overwrite=overwrite, restart=restart) as staging,
        staging.worthwhile(),
        pool(staging.folder, workers=workers) as crew,
    ):
        return staging.whole or staging.commit(job.run(staging.folder, crew, quiet=quiet))


class _Job:
    """A corpus to be linked: what it is made from is checked, nothing is done yet."""

    def __init__(self, documents: str, asked: Asked, how: Written, told: dict[str, Any]) -> None:
        self.documents, self.asked, self.how = documents, asked, how
        self.here = opening.opened(asked)
        same_numbers(documents, self.here)
        self.inputs = [*corpus.inputs(documents, told["corpus"]), *inputs_of(asked, self.here)]
        self.settings = told | {"preset": plain(self.here.preset)}

    @property
    def plan(self) -> str:
        """What decides whether an interrupted build can go on."""
        return artefact.plan(KIND, self.settings, [one.content for one in self.inputs])

    def run(self, folder: Path, crew: Pool, *, quiet: bool) -> Manifest:
        """Link piece by piece; return the manifest."""
        report = Report()
        settings = self.settings["corpus"]
        tasks = _tasks(self.documents, folder, self.asked, self.how, settings=settings, report=report)
        done, seconds = _run(crew, tasks, quiet=quiet)
        made = manifest_of(self.here, self.settings, self.inputs, done, report)
        tables = made.tables | rejects_table(folder / "new", report.whole(done).rejects)
        resources = {"seconds": round(seconds, 3), "peak worker MB": round(crew.peak_mb)}
        return msgspec.structs.replace(made, tables=tables, resources=resources)


def _run(crew: Pool, tasks: Iterable[Task], *, quiet: bool) -> tuple[list[Done], float]:
    """Do the tasks; return their records in order, and how long it took."""
    begun = time.perf_counter()
    with Progress("link", None, "documents", quiet=quiet) as progress:
        done = list(crew.run(tasks, on_done=lambda one: progress.advance(one.facts["documents"])))
    return sorted(done, key=lambda one: one.task.name), time.perf_counter() - begun


def written(**given: str) -> Written:
    """Check what is to be written."""
    try:
        return msgspec.convert(given, Written)
    except msgspec.ValidationError as error:
        raise ConfigError(f"link: {error}") from error


def _tasks(
    spec: str, folder: Path, asked: Asked, how: Written, *, settings: Iterable[str], report: Report
) -> Iterator[Task]:
    """Yield a task for each piece; what has to be unpacked is unpacked when its task is asked for."""
    for piece in corpus.plan(spec, folder, settings=settings, report=report):
        yield Task(
            name=f"pieces/{piece.number:06}",
            call="kbtools.linkers.corpora:link_piece",
            args={
                "piece": msgspec.to_builtins(piece),
                "asked": msgspec.to_builtins(asked),
                "written": msgspec.to_builtins(how),
            },
            consumes=piece.consumes,
        )


def link_piece(
    folder: Path, *, piece: dict[str, Any], asked: dict[str, Any], written: dict[str, str]
) -> Outcome:
    """Link the documents of one piece and write them as one file."""
    mine = msgspec.convert(piece, Piece)
    here = opening.opened(msgspec.convert(asked, Asked))
    report, counts, how = Report(), Counter[str](), msgspec.convert(written, Written)
    name = f"new/{TABLE}/{mine.number:06}.parquet"
    documents = (
        linked
        for batch in corpus.read(mine, folder, report)
        for linked in link_batch(here, batch, counts, how)
    )
    rows_written = write_groups(
        folder / name, DOCUMENTS, _sized(documents, mine.number if how.text == "ref" else None),
        limit=GROUP, use_dictionary=REPEATED, use_byte_stream_split=LIKELY, write_statistics=["doc_id"],
    )  # fmt: skip
    size = _mention_bytes(folder / name)
    facts = {**report.facts(), "documents": rows_written, "found": dict(counts), "bytes": size}
    return Outcome(files=[name], facts=facts)


def link_batch(
    here: Opened, batch: pa.RecordBatch, counts: Counter[str], how: Written
) -> Iterator[pa.RecordBatch]:
    """Link documents of the schema of corpora, block by block; yield them as rows of `linked`."""
    for low, high in blocks(pc.utf8_length(batch["text"]).to_pylist(), SIZE):
        documents = batch.slice(low, high - low)
        block = here.block(documents)
        found = here.linker.link(block)
        _count(counts, found, block)
        yield rows.batch(documents, found, candidates=how.candidates, features=how.features == "all")


def _count(counts: Counter[str], found: Decided, block: Block) -> None:
    counts["characters"] += int(block.begins[-1])
    counts["mentions"] += len(found.mentions)
    counts["without an entity"] += int((found.choice < 0).sum())


def _sized(documents: Iterable[pa.RecordBatch], piece: int | None) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield documents with the bytes of their texts; with `piece`, where the texts stand instead of them."""
    row = 0
    for linked in documents:
        yield linked if piece is None else _referred(linked, piece, row), linked["text"].nbytes
        row += linked.num_rows


def _referred(linked: pa.RecordBatch, piece: int, row: int) -> pa.RecordBatch:
    """Say where the text stands in the corpus instead of the text."""
    columns = list(linked.columns)
    columns[1] = pa.nulls(linked.num_rows, DOCUMENTS.field("text").type)
    columns[3] = pa.array([f"{piece}:{row + at}" for at in range(linked.num_rows)])
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENTS)


def _mention_bytes(path: Path) -> int:
    """Count what mentions take of a file."""
    found = pq.read_metadata(path)
    groups = (found.row_group(at) for at in range(found.num_row_groups))
    columns = (group.column(at) for group in groups for at in range(group.num_columns))
    return sum(one.total_compressed_size for one in columns if one.path_in_schema.startswith("mentions."))
