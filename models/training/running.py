"""A run from its first step to its last: stages, looks at dev, checkpoints, what is written and told.

All processes do this together; the main one writes. Whatever ends a run early (Ctrl-C, a signal of a
cluster, a kill) leaves `OUT.partial` with the newest checkpoint, and the same command goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from kbtools.errors import KbError
from kbtools.models.base import KnowledgeModel
from kbtools.models.recipe import Optimiser, Recipe
from kbtools.models.training import checkpoints, feeding, looking, states
from kbtools.models.training.averaging import Average
from kbtools.models.training.feeding import Feed, Size
from kbtools.models.training.groups import aim, freeze, groups
from kbtools.models.training.judging import Best
from kbtools.models.training.loop import Engine, Step, steps
from kbtools.models.training.optimisers import make
from kbtools.models.training.planning import Planned, Turns
from kbtools.models.training.recording import Recorder
from kbtools.models.training.schedules import factor
from kbtools.models.training.setup import Data, settings_of
from kbtools.models.training.signals import Asked
from kbtools.models.training.trainee import Trainee
from kbtools.models.training.world import World, plain


@dataclass
class State:
    """Where a run is, beside its weights; plain data."""

    step: int = 0  # done
    loaders: dict[str, Any] = field(default_factory=dict)
    best: Best = field(default_factory=Best)  # of the stage
    skipped: int = 0  # steps, where a stage stopped early
    scaler: dict[str, Any] = field(default_factory=dict)


class Interrupted(KeyboardInterrupt):
    """A run was asked to stop, and has written a checkpoint."""


class Training:
    """What a run is made of, and how far it is."""

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        model: KnowledgeModel,
        plan: list[Planned],
        *,
        world: World,
        out: Path,
    ) -> None:
        self.recipe, self.data, self.model, self.plan = recipe, data, model, plan
        self.world, self.out = world, out
        self.state = State()
        self.kept: Mapping[str, Mapping[str, Tensor]] = {}  # tensors of the checkpoint to go on from
        self.average: Average | None = None
        self.means: Mapping[str, Tensor] = {}  # running ones, of the checkpoint to go on from
        self.idle: dict[str, Tensor] = {}  # the optimiser's, of weights that rest in this stage
        self.trainee: Trainee | None = None
        self.asked = Asked()

    @property
    def total(self) -> int:
        """All steps."""
        return self.plan[-1].stop

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; the model has been loaded from it."""
        found = checkpoints.read(path)
        self.state = State(**{**found.state, "best": Best(**found.state["best"])})
        self.kept, self.means = found.tensors, found.tensors.get("average", {})
        for kb, used in found.tensors.get("used", {}).items():
            self.model.tables[kb].load_used(used)

    def run(self, recorder: Recorder) -> None:
        """Train what is left."""
        with self.world.present(self._lost), self.asked.listening():
            for planned in self.plan:
                if self.state.step < planned.stop:
                    self._stage(planned, recorder)
            self.final = self._final(recorder)

    def _lost(self) -> str:
        """Say what is lost if this ends now."""
        newest = max(checkpoints.steps(self.out), default=0)
        there = f"it goes on from step {newest:,}" if newest else "there is no checkpoint yet"
        return f"step {self.state.step + 1:,} is not done; run the same command again: {there}"

    def _final(self, recorder: Recorder) -> dict[str, Tensor]:
        """Return the weights that become the model; where they are sharded, all processes gather them."""
        best = self.state.best.step
        if self.recipe.run.take == "best" and best is not None:
            path = self.out / checkpoints.FOLDER / f"step-{best}"
            try:
                found = dict(KnowledgeModel.from_pretrained(path).state_dict())
                return found | checkpoints.read(path).tensors.get("average", {})
            except KbError as error:  # it is gone, or damaged
                recorder.live.note(f"{error}; the last weights are taken, not the best")
        found = {name: states.whole(one) for name, one in self.model.state_dict().items()}
        return found | (self.average.state() if self.average is not None else dict(self.means))

    def save(self, folder: Path, **told: Any) -> None:
        """Write the model."""
        self.model.save_pretrained(folder, state_dict=self.final, **told)

    def _stage(self, planned: Planned, recorder: Recorder) -> None:
        if self.state.step == planned.first:
            self.state.best = Best()  # what dev says in another stage cannot be compared
            for name in planned.stage.once:  # a run that goes on within a stage has it behind it
                getattr(self.model.body, name)()
        made = self.data.objectives(planned.stage)
        sources = self.data.sources(planned.stage, made)
        size = Size.of(self.recipe.run, planned.stage, self.world.size)
        readings = {
            name: feeding.reading(self.recipe.run, size, source, self.data.classes.asked, self.world.size)
            for name, source in sources.items()
        }
        engine = self._engine(planned, made, sources, readings, size)
        weights = {task: self._weights(planned, source) for task, source in sources.items()}
        engine.objectives = weights
        recorder.stage(planned, self.model, made)
        turns = Turns(
            self.recipe, planned.stage, {name: one.shards.rows("train") for name, one in sources.items()},
            steps=self.total, seed=self.recipe.run.seed,
        )  # fmt: skip
        look = looking.Look(
            self.recipe.run, sources, readings, weights, self.world, parts=size.parts(self.world.size)
        )
        try:
            for step in steps(engine, turns.of, self.state.step, planned.stop):
                self._done(step, planned, engine, look, recorder)
                if self.state.step >= planned.stop:  # so it is where a stage stops early, too
                    break
        finally:
            engine.feed.close()

    def _engine(self, planned: Planned, made: Any, sources: Any, readings: Any, size: Size) -> Engine:
        run, stage = self.recipe.run, planned.stage
        freeze(self.model, stage)
        settings = self.recipe.optimiser
        trainee = self._trainee(made)
        optimiser = make(groups(self.model, settings), settings, fused=run.fused)
        wrapped, optimiser = self.world.wrap(trainee, optimiser)
        inner = plain(optimiser)
        if stage.lr is not None:
            aim(inner, _scaled(settings, stage.lr))
        if stage.fresh and self.state.step == planned.first:
            self.idle = {}
        else:
            self._take_up(inner)
        if run.ema and self.average is None:
            self.average = Average(self.model, run.ema)
            if self.means:
                self.average.load(self.means)
        scaler = self.world.accelerator.scaler
        if scaler is not None and self.state.scaler:
            scaler.load_state_dict(self.state.scaler)
        self.kept = {}
        feed = Feed(
            sources, readings, run, rank=self.world.rank, world=self.world.size,
            parts=size.parts(self.world.size), pin=self.world.device.type == "cuda",
        )  # fmt: skip
        feed.resume(self.state.loaders)
        return Engine(
            world=self.world, trainee=wrapped, optimiser=optimiser, feed=feed, objectives={},
            factor=_factor(settings, planned, self.total), clip=run.clip, seed=run.seed,
            many=size.accumulate, asked=self.asked,
            after=self.average.update if self.average else lambda: None,
        )  # fmt: skip

    def _trainee(self, made: Any) -> Trainee:
        """Return what is trained in a stage; weights that are shared out stay in one trainee."""
        if self.trainee is None or not self.recipe.run.sharded:
            self.trainee = Trainee(self.model, made)
            self.world.shard(self.trainee, self.model.body.text.layers)
        self.trainee.objectives = dict(made)
        return self.trainee

    def _take_up(self, optimiser: Any) -> None:
        """Give the optimiser what it had gathered; what it has no use for now waits for another stage."""
        kept = self.kept.get("optimiser", {})
        rest = set(states.scatter(self.model, optimiser, kept)) if kept else set()
        self.idle = {name: value.clone() for name, value in kept.items() if name.rpartition("/")[0] in rest}

    def _weights(self, planned: Planned, source: feeding.Source) -> dict[str, float]:
        return {name: settings_of(self.recipe, planned.stage, name)[1] for name in source.objectives}

    def _done(
        self, step: Step, planned: Planned, engine: Engine, look: looking.Look, recorder: Recorder
    ) -> None:
        """Do what there is to do after a step."""
        run, number = self.recipe.run, step.number
        self.state.step = number
        self.state.loaders |= engine.feed.state()
        recorder.step(step, planned, engine.feed.epochs())
        ends = number == planned.stop
        looks = (run.evaluate and number % run.evaluate == 0) or number == self.total
        saves = ends or step.stop or (run.save and number % run.save == 0)
        if number % run.log == 0 or saves or looks:
            recorder.line(number, planned)
        better = over = False
        if looks and look.possible:
            found = self._looked(look, engine)
            better = self.state.best.take(run, number, found)
            recorder.look(number, planned, found, best=better)
            over = self.state.best.hopeless(run) and not step.stop and number < planned.stop
        if over:
            recorder.live.note(
                f"step {number:,}: dev got no better {run.patience} times: {_what(planned)} ends"
            )
        if saves or better or over:
            recorder.watch.check()
            self._save(engine, planned.stop if over else number)
        if looks or saves or better:
            recorder.begin()
        if step.stop:
            raise Interrupted

    def _looked(self, look: looking.Look, engine: Engine) -> dict[str, float]:
        if self.average is None:
            return look(engine.trainee)
        with self.average.swapped():
            return look(engine.trainee)

    def _save(self, engine: Engine, goes_on: int) -> None:
        """Write a checkpoint; where weights are sharded, all processes gather them.

        It `goes_on` behind a step: where a stage stops early, behind the last one that it would have had.
        """
        done, ends = self.state.step, goes_on in {one.stop for one in self.plan[:-1]}
        self.state.skipped += goes_on - done
        self.state.step = goes_on
        tensors: dict[str, Mapping[str, Tensor]] = {}
        whole: dict[str, Tensor] = {}
        if self.world.main or self.world.sharded or ends:  # others write nothing, and need nothing
            tensors["optimiser"] = {**self.idle, **states.gather(self.model, plain(engine.optimiser))}
        if self.world.main or self.world.sharded:
            tensors["average"] = self.average.state() if self.average is not None else {}
            whole = {name: states.whole(one) for name, one in self.model.state_dict().items()}
        tables = self.model.tables.items()
        tensors["used"] = {kb: self.world.union(table.used_state()) for kb, table in tables}
        scaler = self.world.accelerator.scaler
        self.state.scaler = scaler.state_dict() if scaler is not None else {}
        with self.world.together():
            if self.world.main:
                checkpoints.write(
                    self.out,
                    done,
                    model=lambda folder: self.model.save_pretrained(folder, state_dict=whole, card=False),
                    tensors=tensors,
                    state=asdict(self.state),
                )
                checkpoints.tidy(self.out, self.recipe.run.keep, self.state.best.step)
        self.kept = tensors if ends else {}  # the next stage takes them over


def _what(planned: Planned) -> str:
    return f"stage {planned.stage.name}" if planned.stage.name else "training"


def _scaled(settings: Optimiser, lr: float) -> Optimiser:
    """Return settings with another highest rate; those of parts change with it."""
    parts = {name: lr * rate / settings.lr for name, rate in settings.parts.items()}
    return replace(settings, lr=lr, parts=parts)


def _factor(settings: Optimiser, planned: Planned, total: int) -> Callable[[int], float]:
    """Return what rates are multiplied by at a step: by the whole run's schedule, or the stage's own."""
    if planned.stage.restart:
        return lambda step: factor(settings, step - planned.first, planned.steps)
    return lambda step: factor(settings, step, total)
