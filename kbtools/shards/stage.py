"""Shards of a corpus, linked documents, trees or knowledge bases: in tasks, resumable, always the same bytes.

pieces ──running──▶ sorted runs ──merging──▶ train/000000.arrow …, dev, test
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools import artefact, corpus
from kbtools.artefact import Done, Input, Manifest, Staging, Task, digest
from kbtools.corpus import Piece, Report
from kbtools.errors import ConfigError
from kbtools.executors import Pool, pool
from kbtools.progress import Progress
from kbtools.shards import duplicates, manifests, preset
from kbtools.shards.base import SPLITS
from kbtools.shards.opening import Asked, opened, takes_of
from kbtools.tokens.tokenizer import Tokenizer

KIND = "shards"
RUNNING = "kbtools.shards.running:make_piece"
BESIDE = "kbtools.shards.running:make_table"
MERGING = "kbtools.shards.merging:merge_range"


def shard(
    documents: str | Path,
    out: str | Path | None,
    *,
    model: str | None,
    tokenizer: str | Path | None,
    kbs: Sequence[str | Path] = (),
    vectors: str | Path | None = None,
    seed: int = 0,
    force_lineage: bool = False,
    workers: int = 1,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Sequence[str] = (),
    corpus_settings: Sequence[str] = (),
) -> Manifest:
    """Make training examples of `documents` (a corpus, or an artefact); return their manifest.

    `model` is the name of a preset, or a TOML file. Interrupted, it goes on where it stopped when called
    again with the same arguments.
    """
    for value, name, cure in (
        (out, "--out", "the folder to write"),
        (model, "--for", f"a model: {', '.join(preset.PRESETS.names())}; or a .toml file"),
        (tokenizer, "--tokenizer", "build one with `kbtools vocab`, or give the folder or name of a model"),
    ):
        if not value:
            raise ConfigError(f"{name} is missing: {cure}")
    found = preset.load(str(model))
    takes = takes_of(str(documents), found.takes)
    chosen = preset.choose(found, takes, overrides, name=str(model))
    asked = Asked(
        input=str(documents), chosen=chosen.plain(), tokenizer=str(tokenizer), kbs=[str(kb) for kb in kbs],
        vectors=None if vectors is None else str(vectors), seed=seed, force_lineage=force_lineage,
    )  # fmt: skip
    job = _Job(asked, {"for": str(model), "corpus": list(corpus_settings)})
    with (
        Staging(Path(str(out)), job.plan, overwrite=overwrite, restart=restart) as staging,
        staging.worthwhile(),
        pool(staging.folder, workers=workers) as crew,
    ):
        return staging.whole or staging.commit(job.run(staging.folder, crew, quiet=quiet))


class _Job:
    """Shards to be made: what they are made from is checked, nothing is done yet."""

    def __init__(self, asked: Asked, told: dict[str, Any]) -> None:
        self.told = told
        self.inputs = _inputs(asked, told["corpus"])
        stamp = digest.of_json([one.content for one in self.inputs])
        self.asked = msgspec.structs.replace(asked, stamp=stamp)
        self.here = opened(self.asked)
        self.settings = told | {"seed": asked.seed} | asked.chosen
        self.report = Report()

    @property
    def plan(self) -> str:
        """What decides whether an interrupted build can go on."""
        return artefact.plan(KIND, self.settings, [one.content for one in self.inputs])

    def run(self, folder: Path, crew: Pool, *, quiet: bool) -> Manifest:
        """Make runs, then files of them; return the manifest."""
        begun = time.perf_counter()
        common = self.here.chosen.common
        if self.here.chosen.takes == "corpus" and common.duplicates != "no":
            found = duplicates.prepare(
                crew, lambda room: self._pieces(folder, room), folder, common.duplicates, quiet=quiet
            )
            self.report.counts.update(found)
        with Progress("shard", None, "tokens", quiet=quiet) as progress:
            done = list(crew.run(self._tasks(folder), on_done=lambda one: progress.advance(_tokens(one))))
        done.sort(key=lambda one: one.task.name)
        beside = self._beside(crew, folder)
        merged = self._merged(crew, done, quiet=quiet)
        seconds = round(time.perf_counter() - begun, 3)
        resources = {"seconds": seconds, "peak worker MB": round(crew.peak_mb)}
        told = manifests.Told(
            self.asked, self.settings, self.inputs, done, merged, beside, self.report, folder
        )
        made = manifests.manifest_of(self.here, told)
        return msgspec.structs.replace(made, resources=resources)

    def _pieces(self, folder: Path, room: str = corpus.ROOM) -> Iterator[Piece]:
        return corpus.plan(
            self.asked.input, folder, settings=self.told["corpus"], room=room, report=self.report
        )

    def _tasks(self, folder: Path) -> Iterator[Task]:
        asked = msgspec.to_builtins(self.asked)
        if self.here.chosen.takes == "corpus":
            for piece in self._pieces(folder):
                told = {"number": piece.number, "asked": asked, "piece": msgspec.to_builtins(piece)}
                yield Task(name=f"pieces/{piece.number:06}", call=RUNNING, args=told, consumes=piece.consumes)
            return
        self.here.here.folder = folder
        given = [self.asked.input, *(self.asked.kbs if self.here.chosen.takes == "kb" else [])]
        here = self.here.here
        parts = self.here.layout.parts([Path(one) for one in given], self.here.chosen.settings, here)
        self.report.counts.update(here.counts)
        here.counts.clear()  # tasks that run in this process count anew
        for number, part in enumerate(parts):
            told = {"number": number, "asked": asked, "part": part}
            yield Task(name=f"pieces/{number:06}", call=RUNNING, args=told)

    def _beside(self, crew: Pool, folder: Path) -> dict[str, list[Done]]:
        """Write the tables that a layout has beside its examples."""
        layout = self.here.layout
        if not hasattr(layout, "tables"):
            return {}
        self.here.here.folder = folder
        told = {"asked": msgspec.to_builtins(self.asked), "suffix": self.suffix}
        tasks = [
            Task(
                name=f"beside/{table}/{number:06}",
                call=BESIDE,
                args=told | {"table": table, "number": number, "part": part},
            )
            for number, (table, part) in enumerate(
                layout.table_parts(self.here.chosen.settings, self.here.here)
            )
        ]
        done = sorted(crew.run(tasks), key=lambda one: one.task.name)
        wanted = layout.tables(self.here.chosen.settings, self.here.here)
        return {name: [one for one in done if one.task.args["table"] == name] for name in wanted}

    @property
    def suffix(self) -> str:
        """Of the files that are written."""
        return "arrow" if self.here.chosen.common.files == "arrow" else "parquet"

    def _merged(self, crew: Pool, done: Sequence[Done], *, quiet: bool) -> dict[str, list[Done]]:
        """Write the files of each split; how many depends on what there is alone."""
        common = self.here.chosen.common
        sizes: Counter[str] = Counter()
        for one in done:
            sizes.update(one.facts["bytes"])
        tasks = []
        for split in SPLITS:
            runs = [file.path for one in done for file in one.files if f"/{split}/" in file.path]
            of = -(-sizes[split] // common.file_size)
            tasks += [
                Task(
                    name=f"files/{split}/{number:06}",
                    call=MERGING,
                    args={
                        "runs": runs,
                        "out": f"new/{split}/{number:06}.{self.suffix}",
                        "number": number,
                        "of": of,
                        "bytes_": sizes[split],
                    },
                )
                for number in range(of)
            ]
        with Progress("shuffle", len(tasks), "files", quiet=quiet) as progress:
            merged = sorted(
                crew.run(tasks, on_done=lambda _: progress.advance(1)), key=lambda one: one.task.name
            )
        found = {split: [one for one in merged if one.task.name.split("/")[1] == split] for split in SPLITS}
        return {split: files for split, files in found.items() if files}


def _tokens(done: Done) -> int:
    return sum(done.facts["tokens"].values()) or sum(done.facts["rows"].values())


def _inputs(asked: Asked, settings: Iterable[str]) -> list[Input]:
    """Say what the shards are made of."""
    takes = asked.chosen["takes"]
    own = corpus.inputs(asked.input, settings) if takes == "corpus" else [_artefact(asked.input, takes)]
    others = [_artefact(kb, "kb") for kb in asked.kbs]
    if asked.vectors:
        others.append(_artefact(asked.vectors, "vectors"))
    content = Tokenizer.load(asked.tokenizer).content
    return [*own, *others, Input(path=asked.tokenizer, kind="tokenizer", content=content)]


def _artefact(path: str, kind: str) -> Input:
    return Input(path=path, kind=kind, content=artefact.read(Path(path), kind).content)
