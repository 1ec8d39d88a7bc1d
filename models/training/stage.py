"""`kbtools train`: shards and a recipe become a run.

RUN/model/            the model, as `from_pretrained` reads it
RUN/recipe.toml       all it was trained with, overrides too
RUN/metrics.jsonl     how it went; curves.svg shows it
RUN/checkpoints/      the newest ones and the best one
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import torch

from kbtools.artefact import Manifest, Staging
from kbtools.errors import ConfigError
from kbtools.models.training import checkpoints
from kbtools.models.training.checking import check_lengths, check_stages
from kbtools.models.training.finishing import MODEL, RECIPE, lineage, manifest_of, results
from kbtools.models.training.preparing import Prepared, prepare, rests
from kbtools.models.training.recording import Recorder
from kbtools.models.training.running import Training
from kbtools.models.training.summary import Summary, summarise
from kbtools.models.training.together import build
from kbtools.models.training.world import AGAIN, World
from kbtools.presets import to_toml


def train(
    recipe: str | Path,
    out: str | Path | None = None,
    *,
    shards: Sequence[str | Path] = (),
    kbs: Sequence[str | Path] = (),
    vectors: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    seed: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = False,
) -> Manifest:
    """Train a model; go on where an interrupted run of the same command stopped.

    `recipe` is a model of the zoo or a TOML file; `shards` are PATH, or TASK=PATH for each task.
    """
    if not out:
        raise ConfigError("--out is missing: give the folder to write")
    world = World()
    try:
        with world.present(lambda: AGAIN):
            with world.together():
                ready = prepare(
                    recipe,
                    shards=shards,
                    kbs=kbs,
                    vectors=vectors,
                    overrides=overrides,
                    seed=seed,
                    processes=world.size,
                )
                world.settle(ready.recipe.run, rests=rests(ready.recipe))
            return _Job(ready, world, Path(out), quiet=quiet).run(overwrite=overwrite, restart=restart)
    finally:
        world.close()


class _Job:
    def __init__(self, ready: Prepared, world: World, out: Path, *, quiet: bool) -> None:
        self.ready, self.world, self.out, self.quiet = ready, world, out, quiet

    def run(self, *, overwrite: bool, restart: bool) -> Manifest:
        """Do it, or what is left of it; the main process holds the folder."""
        begun = time.perf_counter()
        staging = Staging(self.out, self.ready.key, overwrite=overwrite, restart=restart)

        def make() -> Training:
            with self.world.together():
                if self.world.main:  # now: `inspect` tells of a run that is not done yet
                    (staging.new / RECIPE).write_text(to_toml(self.ready.recipe), encoding="utf-8")
            return self._train(staging.new)

        return build(
            self.world,
            staging,
            make,
            lambda training: self._finish(staging, training, begun),
            begun=(staging.new / checkpoints.FOLDER).exists,  # maybe with a damaged one
        )

    def _train(self, folder: Path) -> Training:
        notes: list[str] = []
        with self.world.together():
            last = checkpoints.last(folder, notes.append) if self.world.main else None
        at: str | None = self.world.told(str(last) if last else None)
        run = self.ready.recipe.run
        if run.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS refuses
        torch.use_deterministic_algorithms(run.deterministic)
        with self.world.together():
            model = self.ready.again(at) if at else self.ready.model()
            check_stages(model, self.ready.recipe, self.ready.plan)
            check_lengths(model, self.ready.data.shards)
            self.ready.data.control = self.ready.control(model)
        if run.checkpointing:
            model.body.text.checkpoint()
        if run.compile:
            model.body.compile()
        training = Training(
            self.ready.recipe, self.ready.data, model, self.ready.plan, world=self.world, out=folder
        )
        if at:
            training.resume(Path(at))
        total = self.ready.plan[-1].stop
        recorder = Recorder(folder, run, self.world, total=total, done=training.state.step, quiet=self.quiet)
        with recorder:
            if self.ready.data.tokenizer is None:
                notes.append(
                    "the tokenizer of the shards has moved: the model will have none (model.tokenizer)"
                )
            for note in notes:
                recorder.live.note(note)
            if at:
                recorder.live.note(f"going on at step {training.state.step:,} of {total:,}")
            training.run(recorder)
            for kb, table in model.tables.items():
                if unknown := table.counts["unknown"]:
                    asked = table.counts["entities"]
                    recorder.live.note(f"{unknown:,} of {asked:,} entities of {kb} read here have no vector")
        recorder.draw()
        return training

    def _finish(self, staging: Staging, training: Training, begun: float) -> Manifest:
        """Write the model and what tells of the run; name the folder."""
        folder, ready = staging.new, self.ready
        shutil.rmtree(folder / MODEL, ignore_errors=True)  # of a finish that was cut off
        training.model.config.lineage = lineage(ready.inputs)
        tokenizer = ready.data.tokenizer
        training.save(
            folder / MODEL,
            recipe=to_toml(ready.recipe),
            tokenizer=tokenizer.name if tokenizer else None,
            metrics=results(folder, training.state.best.step if ready.recipe.run.take == "best" else None),
        )
        made = manifest_of(folder, ready.recipe, ready.inputs, training)
        seconds = round(time.perf_counter() - begun, 3)
        return staging.commit(msgspec.structs.replace(made, resources={"seconds": seconds}))


def plan_run(
    recipe: str | Path,
    *,
    shards: Sequence[str | Path] = (),
    kbs: Sequence[str | Path] = (),
    vectors: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    seed: int | None = None,
) -> Summary:
    """Say what `train` would do, without doing it."""
    ready = prepare(recipe, shards=shards, kbs=kbs, vectors=vectors, overrides=overrides, seed=seed)
    model = ready.model()
    return summarise(model, ready.recipe, ready.data.shards, ready.plan, cuda=torch.cuda.is_available())
