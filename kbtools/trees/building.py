"""`kbtools tree`: a corpus becomes sentence trees; a piece of it is a task, and a file of the artefact.

Memory: a worker holds the mapped facts and names, a batch of documents (4 MiB of text, or one that is longer)
and the trees of a block of it; nothing grows with the corpus. What breaks off goes on piece by piece.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools import artefact, corpus
from kbtools.artefact import Done, Input, Manifest, Outcome, Staging, Table, Task, begin, published, unite
from kbtools.corpus import Piece, Report
from kbtools.errors import ConfigError
from kbtools.executors import Pool, pool
from kbtools.kb.rejects import rejects_table
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.writer import write_groups
from kbtools.progress import Progress
from kbtools.trees import opening
from kbtools.trees.making import table
from kbtools.trees.opening import Asked
from kbtools.trees.reading import Reader, blocks, parts
from kbtools.trees.schema import KIND, TABLE, TREES

GROUP = 32 << 20  # bytes of Arrow columns in a row group
REPEATED = ["tokens.list.element", "labels.list.element", "label"]
LINE = "document=line"


def tree(
    documents: str | Path,
    out: str | Path | None,
    *,
    kbs: Sequence[str | Path] = (),
    alias: str | Path | None = None,
    tokenizer: str | Path | None = None,
    cooccurrence: str | None = None,
    encoder: str | None = None,
    load_encoder: str | None = None,
    force_lineage: bool = False,
    workers: int = 1,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Iterable[str] = (),
    corpus_settings: Sequence[str] = (),
    **settings: Any,
) -> Manifest:
    """Make a sentence tree of each sentence of a corpus and write the artefact `out`; return its manifest.

    `settings` are fields of `trees.settings.Settings`, `overrides` "name=value" texts for the same. With
    `cooccurrence`, facts whose ends often meet in that corpus give way to others. `load_encoder` is the
    module:function that loads `encoder`, for the criterion similarity. Interrupted, it goes on where it
    stopped when called again with the same arguments.
    """
    if not out:
        raise ConfigError("--out is missing: the folder to write")
    asked = opening.ask(
        str(documents), kbs=kbs, alias=alias, tokenizer=tokenizer, encoder=encoder, load_encoder=load_encoder,
        force_lineage=force_lineage, settings=opening.settled(settings, overrides, cooccurrence),
    )  # fmt: skip
    job = _Job(str(documents), asked, list(corpus_settings))
    with (
        Staging(Path(out), job.plan, overwrite=overwrite, restart=restart) as staging,
        staging.worthwhile(),
        opening.passing(),
        pool(staging.folder, workers=workers) as crew,
    ):
        return staging.whole or staging.commit(job.run(staging.folder, crew, workers, quiet=quiet))


class _Job:
    """A corpus to be made trees of: what it is made from is checked, nothing is done yet."""

    def __init__(self, documents: str, asked: Asked, told: list[str]) -> None:
        self.documents, self.asked = documents, asked
        self.lines = corpus.named(documents).format == "text"
        if self.lines and not any(one.partition("=")[0].strip() == "document" for one in told):
            told = [*told, LINE]  # contracts §8: one sentence a line
        self.lines = self.lines and LINE in told
        self.corpus = told
        self.inputs: list[Input] = [*corpus.inputs(documents, told), *opening.inputs(asked)]
        self.settings = asked.settings | {"links": asked.links, "corpus": told}
        if asked.vectors:
            self.settings["encoder"] = asked.vectors

    @property
    def plan(self) -> str:
        """What decides whether an interrupted build can go on."""
        choice = {name: told for name, told in self.settings["choice"].items() if name != "cooccurrence"}
        settings = self.settings | {"choice": choice}  # what is counted is an input, wherever it lies
        return artefact.plan(KIND, settings, [one.content for one in self.inputs])

    def run(self, folder: Path, crew: Pool, workers: int, *, quiet: bool) -> Manifest:
        """Make trees piece by piece; return the manifest."""
        begun, report = time.perf_counter(), Report()
        opening.prepare_names(self.asked, folder, workers=workers, quiet=quiet)
        asked = msgspec.to_builtins(self.asked)
        list(crew.run([Task(name="facts", call="kbtools.trees.building:prepare", args={"asked": asked})]))
        opening.prepare_choice(self.asked, folder, crew)
        with Progress("tree", None, "sentences", quiet=quiet) as progress:
            tasks = self._tasks(folder, asked, report)
            told = crew.run(
                tasks, on_done=lambda one: progress.advance(one.facts["found"].get("sentences", 0))
            )
            done = sorted(told, key=lambda one: one.task.name)
        made = self._manifest(done, report)
        tables = made.tables | rejects_table(folder / "new", report.whole(done).rejects)
        seconds = round(time.perf_counter() - begun, 3)
        resources = {"seconds": seconds, "peak worker MB": round(crew.peak_mb)}
        return msgspec.structs.replace(made, tables=tables, resources=resources)

    def _tasks(self, folder: Path, asked: Any, report: Report) -> Iterator[Task]:
        for piece in corpus.plan(self.documents, folder, settings=self.corpus, report=report):
            yield Task(
                name=f"pieces/{piece.number:06}",
                call="kbtools.trees.building:trees_of",
                args={"piece": msgspec.to_builtins(piece), "asked": asked, "lines": self.lines},
                consumes=piece.consumes,
            )

    def _manifest(self, done: Sequence[Done], report: Report) -> Manifest:
        whole = report.whole(done)
        counts = whole.counts
        relations: Counter[str] = Counter()  # branches that each gave
        for one in done:
            counts.update(one.facts["found"])
            relations.update(one.facts["relations"])
        rows = Table(rows=counts["sentences"], files=published(done), schema=schema_digest(TREES))
        parents = artefact.parents(self.inputs)
        return begin(
            KIND,
            settings=self.settings,
            inputs=self.inputs,
            kbs=[opening.reference(self.asked.base)],
            tables={TABLE: rows},
            counts=dict(counts),
            notes={"relations": dict(sorted(relations.items()))}
            | ({"warnings": self.asked.warnings} if self.asked.warnings else {}),
            licences=unite(term for parent in parents for term in parent.licences),
            incomplete=bool(whole.damage) or any(parent.incomplete for parent in parents),
        )


def prepare(folder: Path, *, asked: dict[str, Any]) -> Outcome:
    """Write the facts, once for all tasks."""
    return Outcome(files=opening.prepare_facts(msgspec.convert(asked, Asked), folder))


def trees_of(folder: Path, *, piece: dict[str, Any], asked: dict[str, Any], lines: bool) -> Outcome:
    """Make the trees of one piece and write them as one file."""
    mine, told = msgspec.convert(piece, Piece), msgspec.convert(asked, Asked)
    maker, report = opening.maker(told, folder), Report()
    reader = Reader(maker.settings, told.base.name if told.links else None, maker.counts, lines=lines)
    name = f"new/{TABLE}/{mine.number:06}.parquet"
    made = (
        table(maker.block(part), maker.settings.pieces)
        for batch in corpus.read(mine, folder, report)
        for block in blocks(batch)
        for part in parts(reader.texts(block))
    )
    write_groups(
        folder / name, TREES, ((batch, batch.nbytes) for batch in made), limit=GROUP,
        use_dictionary=REPEATED, write_statistics=["sentence_id", "doc_id"],
    )  # fmt: skip
    told_of = {"found": dict(maker.counts), "relations": maker.said()}
    return Outcome(files=[name], facts={**report.facts(), **told_of})


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was made."""
    counts, seconds = made.counts, made.resources.get("seconds") or 0
    trees, branches, lost = (counts.get(name, 0) for name in ("sentences", "branches", "trunk tokens lost"))
    rate = trees / seconds if seconds else 0
    merged = counts.get("tags inside a token", 0)
    lines = [
        f"{out}: {trees:,} trees with {branches:,} branches for {counts.get('mentions', 0):,} entities "
        f"({made.kbs[0].name}); {counts.get('tokens', 0):,} tokens, "
        f"{counts.get('tokens of branches', 0):,} of them in branches",
        f"  {counts.get('branches without room', 0):,} branches had no room; {lost:,} tokens of "
        f"{counts.get('sentences cut', 0):,} sentences were cut off",
        *([f"  {merged:,} tags begin inside a token, and are lost"] if merged else []),
        f"  {counts.get('read', 0):,} documents read, {counts.get('rejected', 0):,} rejected",
        f"  {seconds:.1f} s, {rate:,.0f} trees a second; "
        f"largest worker {made.resources.get('peak worker MB', 0):,} MB; content {made.content}",
    ]
    return "\n".join(lines)
