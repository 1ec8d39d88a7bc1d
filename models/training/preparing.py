"""A run that is ready to begin: all that can be seen to be wrong is seen here, before anything is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kbtools import artefact, config
from kbtools.artefact import Input, manifest
from kbtools.errors import ArtefactError, ConfigError
from kbtools.features import origin
from kbtools.kb.bases import bases_of, same_ids
from kbtools.models import controls
from kbtools.models.base import KnowledgeModel
from kbtools.models.configuration import ATTENTION
from kbtools.models.loading import folders
from kbtools.models.parts.tables import EntityTable
from kbtools.models.recipe import Recipe, Stage
from kbtools.models.training import planning
from kbtools.models.training.feeding import Size, reading
from kbtools.models.training.planning import Planned
from kbtools.models.training.setup import Data, load_recipe, open_shards
from kbtools.shards.reading.batches import Batches

KIND = "run"
FREE = {"workers", "log", "keep", "tensorboard"}  # settings of [run] that change no weights


class Prepared(NamedTuple):
    """A run that is ready to begin: all is checked, nothing is made yet."""

    recipe: Recipe
    data: Data
    plan: list[Planned]
    vectors: tuple[str, ...]
    inputs: list[Input]
    kbs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What decides whether an interrupted run can go on."""
        told = config.plain(self.recipe)
        told["run"] = {name: value for name, value in told["run"].items() if name not in FREE}
        told["reads"] = {task: shards.content for task, shards in self.data.shards.items()}
        return artefact.plan(KIND, told, [one.content for one in self.inputs])

    def model(self) -> KnowledgeModel:
        """Make the model, with new weights or those that it begins with."""
        tables = {table.kb: table for table in self.tables()}
        heads = self.data.heads(self.data.objectives(Stage()))
        run = self.recipe.run
        made = KnowledgeModel.make(
            self.recipe.model, heads=heads, tables=tables, vocabulary=self.data.vocabulary, seed=run.seed,
            attention=run.attention,
        )  # fmt: skip
        read = {id(part) for part in made.modules()}
        for kb, table in tables.items():
            if id(table) not in read:
                name = self.recipe.model.name
                raise ConfigError(f"--vectors: {name} as it is set reads no vectors of {kb}: leave them out")
        return made

    def tables(self) -> list[EntityTable]:
        """Open the vectors of entities: of one knowledge base each, those that the shards speak of."""
        made: dict[str, tuple[str, EntityTable]] = {}
        run = self.recipe.run
        how: Any = run.entities if run.entities in controls.OF_TABLES else "true"
        for path in self.vectors:
            table = EntityTable.open(path, control=how, seed=run.seed if how != "true" else 0)
            if table.kb in made:
                raise ConfigError(
                    f"--vectors: {made[table.kb][0]} and {path} are both of {table.kb!r}: give one"
                )
            _check_table(path, table, self.data)
            made[table.kb] = path, table
        return [table for _, table in made.values()]

    def control(self, model: KnowledgeModel) -> controls.Links | None:
        """Make what is done to mentions before they are read, if anything is."""
        run = self.recipe.run
        columns = [column for one in self.data.shards.values() for column in one.columns]
        return controls.links(run.entities, run.seed, columns, model.tables, self.kbs)

    def again(self, checkpoint: str) -> KnowledgeModel:
        """Load the model of a checkpoint, to go on training it."""
        how = ATTENTION[self.recipe.run.attention]
        found: KnowledgeModel = KnowledgeModel.from_pretrained(checkpoint, attn_implementation=how)
        for kb, table in found.tables.items():
            if table.absent:
                raise ArtefactError(f"the vectors of {kb} are not where they were: put them back to go on")
        return found


def prepare(
    recipe: str | Path,
    *,
    shards: Sequence[str | Path] = (),
    kbs: Sequence[str | Path] = (),
    vectors: Sequence[str | Path] = (),
    overrides: Iterable[str] = (),
    seed: int | None = None,
    processes: int = 1,
) -> Prepared:
    """Check a recipe against what it is to read."""
    told = [*overrides, *([f"run.seed={seed}"] if seed is not None else [])]
    found = load_recipe(str(recipe), told)
    data = Data(found, open_shards(found, shards))
    steps = found.run.steps or _steps(data, processes)
    plan = planning.stages(found, steps)
    origins = (
        [] if found.model.start is None else [found.model.start]
    )  # models that it begins with, or learns from
    for planned in plan:  # what a later stage lacks is told now, not after days
        size, made = Size.of(found.run, planned.stage, processes), data.objectives(planned.stage)
        origins += [one for objective in made.values() for one in getattr(objective, "origins", ())]
        for source in data.sources(planned.stage, made).values():
            told_of = reading(found.run, size, source, data.classes.asked, processes)
            for split in {"train", "dev"} & set(source.shards.splits):
                Batches(source.shards, split, told_of)
    every = [column for one in data.shards.values() for column in one.columns]
    controls.check(found.run.entities, every, vectors, kbs)
    looked_at = found.run.patience or found.run.take == "best"
    if looked_at and not any("dev" in one.splits and one.rows("dev") for one in data.shards.values()):
        raise ConfigError("run.patience and run.take = best look at a dev split; the shards have none")
    if kbs:
        for one in data.shards.values():  # those that are not what their numbers speak of are refused
            bases_of(one.manifest, kbs)
    given = {"shards": [one.path for one in data.shards.values()], "kb": kbs, "vectors": vectors}
    inputs = [_input(kind, path) for kind, paths in given.items() for path in dict.fromkeys(map(Path, paths))]
    inputs += [_model(name) for name in dict.fromkeys(origins)]
    return Prepared(found, data, plan, tuple(map(str, vectors)), inputs, tuple(map(str, kbs)))


def _check_table(path: str, table: EntityTable, data: Data) -> None:
    """Refuse vectors whose rows are other entities than those that shards number."""
    mine = table.source.kbs if table.source else []
    theirs = [(one.path, ref) for one in data.shards.values() for ref in one.manifest.kbs]
    for ref in mine:
        for shards, other in theirs:
            if other.name == ref.name and not same_ids(ref, other):
                raise ConfigError(
                    f"{path}: vectors of another release of {ref.name!r} than {shards} was made with; "
                    f"its numbers mean other entities: make one of them anew"
                )
        if theirs and ref.name not in {other.name for _, other in theirs}:
            there = ", ".join(dict.fromkeys(other.name for _, other in theirs))
            raise ConfigError(f"{path}: vectors of {ref.name!r}, but the shards speak of {there}")


def _model(name: str) -> Input:
    """Say what a model is: a run is an artefact, and speaks for itself."""
    if (Path(name) / manifest.NAME).is_file():
        return _input(KIND, Path(name))
    folder = folders.find(name)
    return Input(path=str(folder), kind=origin.MODEL, content=origin.content(folder))


def _input(kind: str, path: Path) -> Input:
    return Input(path=str(path), kind=kind, content=artefact.read(path, kind).content)


def _steps(data: Data, processes: int) -> int:
    """Work out how many steps the epochs take."""
    recipe = data.recipe
    if len(data.shards) > 1:
        raise ConfigError("run.steps is 0: with several tasks, say how many steps there are")
    stage = (recipe.stages or (Stage(),))[0]
    size = Size.of(recipe.run, stage, processes)
    ((_, source),) = data.sources(Stage(), data.objectives(Stage())).items()
    told = reading(recipe.run, size, source, data.classes.asked, processes)
    parts = size.parts(processes)
    rounds = Batches(source.shards, "train", told, rank=0, world=processes, parts=parts).steps()
    if not rounds:
        raise ConfigError(f"{source.shards.path}: fewer batches than there are processes ({processes})")
    return max(round(rounds * recipe.run.epochs / size.accumulate), 1)


def rests(recipe: Recipe) -> bool:
    """Tell whether heads of some objective have no part in some steps: DDP is not to wait for them then."""
    every = set(recipe.objectives)
    return any(
        set(planning.objectives_of(recipe, stage, task)) != every
        for stage in recipe.stages or (Stage(),)
        for task in planning.tasks(recipe).values()
    )
