"""`kbtools embed` of a knowledge graph: triples in, a `vectors` folder out, or what is left of one.

Memory: two partitions of entities and one that comes (with what the optimiser keeps), the triples of a
bucket, and what is known of the graph (see `known`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from kbtools import artefact, config, vectors
from kbtools.artefact import Input, KbRef, Manifest, Staging
from kbtools.errors import ConfigError, ResourceError
from kbtools.kb.bases import only
from kbtools.models.draws import key
from kbtools.models.kge import checkpoints, graph, partitions, recipes, rows, setup
from kbtools.models.kge.graph import Graph
from kbtools.models.kge.live import Live
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.trainer import Trainer
from kbtools.models.training.together import build
from kbtools.models.training.world import AGAIN, World
from kbtools.vectors.writer import fill

GRAPH, TRAINING = "graph", "training"  # folders of the building site
HITS = (1, 3, 10)
APART = (  # 7 to 10 points of MRR on CoDEx-S with four
    "softmax compares answers within a partition alone, and scores of several may not fit together: "
    "loss.kind=logistic or adversarial loses little"
)
TAKES = frozenset({"memory", "seed"})  # options of `embed` beside the common ones


def embed(
    kbs: Sequence[str | Path],
    out: str | Path,
    *,
    model: str,
    overrides: Iterable[str] = (),
    seed: int | None = None,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = False,
) -> Manifest:
    """Learn vectors of a knowledge base's entities; go on where the same command stopped.

    `memory`: bytes that tables may take where they are trained; entities are partitioned accordingly.
    """
    world = World()
    try:
        with world.present(lambda: AGAIN):
            with world.together():
                recipe = recipes.load(model, overrides, seed)
                job = _Job(kbs, recipe, world, memory, quiet=quiet)
            return job.run(Path(out), overwrite=overwrite, restart=restart)
    finally:
        world.close()


@contextmanager
def in_memory() -> Iterator[None]:
    """Say what helps when memory does not suffice."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        raise ResourceError(
            f"not enough memory ({str(error).splitlines()[0][:120] if str(error) else 'MemoryError'}); "
            "--memory makes partitions, fewer dim, batch or negatives.number take less"
        ) from error


class _Job:
    """Vectors to be learned: what they are made from is checked, nothing is done yet."""

    def __init__(
        self, kbs: Sequence[str | Path], recipe: Recipe, world: World, memory: int | None, *, quiet: bool
    ) -> None:
        self.base = only(graph.opened(kbs))
        self.recipe, self.world, self.memory, self.quiet = recipe, world, memory, quiet
        self.scorer = setup.scorer(recipe)
        self.state = rows.make(recipe.optimiser.kind).bytes(self.scorer.width)  # of a row
        self.number = self._partitions()
        recipes.partitioned(recipe, self.number, world.size)
        parts = replace(recipe.partitions, number=self.number)  # which is what results depend on
        self.recipe = replace(recipe, partitions=parts)

    def run(self, out: Path, *, overwrite: bool, restart: bool) -> Manifest:
        """Do it, or what is left of it; the main process holds the folder."""
        begun = time.perf_counter()
        contents = [part.manifest.content for part in self.base.parts]
        plan = artefact.plan(vectors.KIND, config.plain(self.recipe), contents)
        staging = Staging(out, plan, overwrite=overwrite, restart=restart)
        with ExitStack() as stack:
            return build(
                self.world,
                staging,
                lambda: self._train(staging.work, stack),
                lambda trained: self._finish(staging, *trained, begun),
                begun=lambda: bool(checkpoints.stamps(staging.work / setup.TRAINING)),
            )

    @in_memory()
    def _train(self, work: Path, stack: ExitStack) -> tuple[Trainer, Graph]:
        recipe, world = self.recipe, self.world
        found = self._graph(work / GRAPH)
        with world.together():  # nobody begins before all have found where to go on
            self._check(found)
            trainer = setup.trainer(recipe, self.scorer, found, work, world)
            stack.callback(trainer.store.close)
        each = trainer.sampler.entries(found.train)
        done = each * trainer.state.epoch + trainer.state.triples
        with Live(each * recipe.epochs, recipe.epochs, done=done, quiet=self.quiet or not world.main) as live:
            for odd in trainer.odd:
                live.note(odd)
            if self.number > 1:
                live.note(f"{found.rows:,} entities in {self.number} partitions; two are held at a time")
            if self.number > 1 and recipe.loss.kind == "softmax":
                live.note(APART)
            if trainer.state.step:
                live.note(f"going on behind epoch {trainer.state.epoch:,}, round {trainer.state.round:,}")
            trainer.run(live)
        return trainer, found

    def _partitions(self) -> int:
        """Say in how many parts entities are held: as asked for, or as few as fit."""
        asked = self.recipe.partitions.number
        if asked or self.memory is None:
            return asked or 1
        linked = 0  # as many as have triples, of whatever relations
        for batch in self.base.kb.scan("entities", ["in_degree", "out_degree"]):
            degree = batch["in_degree"].to_numpy().astype(np.int64) + batch["out_degree"].to_numpy()
            linked += int(np.count_nonzero(degree))
        return partitions.number(max(linked, 1), self.scorer.width, self.state, self.memory)

    def _check(self, found: Graph) -> None:
        """Refuse what cannot be done with these triples, or on this device."""
        patience = self.recipe.judge.patience
        if patience and not len(found.valid):
            raise ConfigError(
                f"judge.patience={patience}: validation says when to stop, and {self.base.kb.path} has none; "
                "-o triples.hold_out=0.05 keeps some triples for it, or -o judge.patience=0"
            )
        room = self.memory
        if self.world.device.type == "cuda":
            free = torch.cuda.mem_get_info(self.world.device)[0]
            room = min(free, room or free)
        if room is not None:
            partitions.check(found.rows, self.scorer.width, self.state, room, self.number)

    def _graph(self, folder: Path) -> Graph:
        """Read the triples, in one process; the others see its files."""
        world, made = self.world, []
        seed = key(self.recipe.seed, "rows")
        with world.together():
            if world.main:
                folder.mkdir(parents=True, exist_ok=True)
                shuffled = seed if self.number > 1 else None
                made.append(
                    graph.read(
                        [self.base], self.recipe.triples, folder, shuffled=shuffled, seed=self.recipe.seed
                    )
                )
        told = world.told((made[0].eids, made[0].relations, made[0].counts) if made else None)
        return made[0] if made else graph.written(folder, *told)

    def _finish(self, staging: Staging, trainer: Trainer, found: Graph, begun: float) -> Manifest:
        """Write the vectors and what tells of them; name the folder."""
        trainer.best()
        recipe, small, store = self.recipe, trainer.small, trainer.store
        relations, reciprocal = small.split(found.relations)
        others = {"relations": relations, **({"reciprocal": reciprocal} if reciprocal is not None else {})}
        others |= {f"scorer.{name}": one for name, one in small.scorer.state_dict().items()}
        arrays = {name: one.detach().cpu().numpy() for name, one in others.items()}
        blocks = (block.cpu().numpy() for _, block in store.blocks())
        like = np.zeros((0, small.scorer.width), np.float32)
        tables = fill(staging.new, found.eids, blocks, like, arrays)
        state = trainer.state
        parts = [part.manifest for part in self.base.parts]
        manifest = artefact.begin(
            vectors.KIND,
            settings={**config.plain(recipe), "rows": found.rows, "width": small.scorer.width},
            inputs=[
                Input(path=str(part.path), kind="kb", content=part.manifest.content)
                for part in self.base.parts
            ],
            kbs=[KbRef(name=self.base.name, content=parts[0].content, id_space=parts[0].id_space)],
            licences=artefact.unite(licence for one in parts for licence in one.licences),
            incomplete=any(one.incomplete for one in parts),
            tables=tables,
            counts={**found.counts, "epochs": state.epoch, "steps": state.step},
            notes={"looks": state.looks, "best": state.best},
            resources={"seconds": round(time.perf_counter() - begun, 3)},
        )
        return staging.commit(manifest)
