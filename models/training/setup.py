"""From a recipe and shards to all that a run is made of: checked, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from kbtools import config, plugins
from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.models.controls import Links
from kbtools.models.objectives.base import Here, MissingColumnError, Objective
from kbtools.models.recipe import Recipe, Stage
from kbtools.models.training.feeding import Source
from kbtools.models.training.planning import check, objectives_of, tasks
from kbtools.presets import Presets
from kbtools.shards.reader import Shards
from kbtools.tokens.tokenizer import Tokenizer

ZOO, OBJECTIVES = "kbtools.models.zoo", "kbtools.models.objectives"
RECIPES = Presets(Path(__file__).parents[1] / "zoo", "MODEL", "model", "or a recipe's .toml file")
WEIGHT = "weight"  # of an objective, beside its own settings
SPECIAL = ("pad", "unk", "cls", "sep", "mask")


def load_recipe(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Load a recipe by the model's name, or a TOML file by its path; check all that it names."""
    path = RECIPES.path(name)
    recipe = config.load(path, Recipe, overrides)
    zoo = plugins.load(ZOO, recipe.model.name)
    config.build(zoo.Settings, recipe.model.settings, where="model.settings")
    check(recipe)
    for stage in (Stage(), *recipe.stages):
        for objective in recipe.objectives:
            settings_of(recipe, stage, objective)
    return recipe


def settings_of(recipe: Recipe, stage: Stage, name: str) -> tuple[Any, float]:
    """Return the settings of an objective in a stage, and its weight."""
    told = recipe.objectives[name] | stage.settings.get(name, {})
    weight = told.pop(WEIGHT, 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
        raise ConfigError(f"objectives.{name}.weight is {weight!r}; it is a number above 0")
    where = f"stage {stage.name}: settings.{name}" if name in stage.settings else f"objectives.{name}"
    kind = plugins.load(OBJECTIVES, name).OBJECTIVE.settings
    lists = {one.name for one in config.describe(kind) if one.type_name.startswith("tuple")}
    # -o did not know of lists here: `kbs=wikidata` and `ngrams=1,0.5` came as words
    words = [
        f"{one}={told.pop(one)}" for one in lists & told.keys() if isinstance(told[one], str | float | int)
    ]
    return config.build(kind, told, where=where, overrides=words), float(weight)


def open_shards(recipe: Recipe, given: Sequence[str | Path]) -> dict[str, Shards]:
    """Open the shards of each task: those given as TASK=PATH, or one path for all tasks."""
    known = tasks(recipe)
    named: dict[str, Path] = {}
    common: list[Path] = []
    for one in map(str, given):
        name, equals, path = one.partition("=")
        if equals and name in known:
            named[name] = Path(path)
        elif equals and not Path(one).exists():
            raise ConfigError(f"--shards {one}: no task {name!r}; there are {', '.join(known)}")
        else:
            common.append(Path(one))
    if len(common) > 1:
        raise ConfigError(f"--shards: name the task of each, as TASK=PATH; there are {', '.join(known)}")
    lacking = [name for name in known if name not in named]
    if lacking and not common:
        which = " ".join(f"--shards {name}=PATH" for name in lacking) if len(known) > 1 else "--shards PATH"
        hint = f"; `kbtools shard --for {recipe.shards}` makes them" if recipe.shards else ""
        raise ConfigError(f"what is to be read is missing: {which}{hint}")
    paths = {name: named.get(name) or common[0] for name in known}
    opened = {path: Shards(path) for path in dict.fromkeys(paths.values())}
    for folder, shards in opened.items():
        if "train" not in shards.splits or not shards.rows("train"):
            raise ArtefactError(f"{folder}: no examples to train on")
    return {name: opened[path] for name, path in paths.items()}


class Words(Mapping[str, Sequence[str]]):
    """Words by column, found when they are first asked for: those of all shards, sorted."""

    def __init__(self, shards: Sequence[Shards]) -> None:
        self.shards = list({id(one): one for one in shards}.values())
        self.asked: dict[str, list[str]] = {}

    def __getitem__(self, column: str) -> list[str]:
        if column not in self.asked:
            having = [one for one in self.shards if column in one.columns]
            if not having or not all(_has_words(one.schema.field(column).type) for one in having):
                raise KeyError(column)
            self.asked[column] = sorted({word for one in having for word in one.words(column)})
        return self.asked[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self.asked)

    def __len__(self) -> int:
        return len(self.asked)


@dataclass
class Data:
    """The shards of a run, and what is known of them together."""

    recipe: Recipe
    shards: Mapping[str, Shards]  # by task
    control: Links | None = None  # of the entities that are mentioned
    learned: Mapping[str, Sequence[str]] = field(
        default_factory=dict
    )  # classes of heads, where there is a model

    def __post_init__(self) -> None:
        contents = {one.tokenizer.get("content"): one.path for one in self.shards.values()}
        if len(contents) > 1:
            told = " and ".join(str(path) for path in contents.values())
            raise ArtefactError(f"{told}: made with different tokenizers; a model has one")
        if not self.vocabulary:
            path = next(iter(self.shards.values())).path
            raise ArtefactError(f"{path}: says nothing of a tokenizer; make the shards again")

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """What is known of the tokenizer."""
        return next(iter(self.shards.values())).tokenizer

    @cached_property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer, if it still lies where it was; its `name` is its path."""
        if (told := self.recipe.model.tokenizer) is not None:
            given = Tokenizer.load(told)
            if given.content != self.vocabulary.get("content"):
                raise ConfigError(f"model.tokenizer is {told}: not what the shards were made with")
            return given
        inputs = (one for shards in self.shards.values() for one in shards.manifest.inputs)
        paths = (one.path for one in inputs if one.kind == "tokenizer" and Path(one.path).exists())
        loaded = (found for path in paths if (found := _loaded(path)) is not None)
        return next((one for one in loaded if one.content == self.vocabulary.get("content")), None)

    @property
    def read(self) -> tuple[str, ...]:
        """Name the columns that the body reads where there are any; parts of names stand for `*`."""
        return tuple(getattr(plugins.load(ZOO, self.recipe.model.name), "COLUMNS", ()))

    @cached_property
    def classes(self) -> Words:
        """The words of columns of words that objectives ask for: their place there is their number."""
        return Words([*self.shards.values()])

    @cached_property
    def here(self) -> Here:
        """What objectives are told."""
        return Here(
            size=int(self.vocabulary["size"]),
            special={name: int(self.vocabulary.get(name, -1)) for name in SPECIAL},
            columns=tuple(dict.fromkeys(name for one in self.shards.values() for name in one.columns)),
            classes=self.classes,
            words=tuple(self.tokenizer.strings.to_pylist()) if self.tokenizer else (),
            learned=self.learned,
            shards=tuple(dict.fromkeys(self.shards.values())),
        )

    def objectives(self, stage: Stage) -> dict[str, Objective]:
        """Make the objectives of a stage."""
        made = {}
        for name in self.recipe.objectives:
            settings, _ = settings_of(self.recipe, stage, name)
            try:
                made[name] = plugins.load(OBJECTIVES, name).OBJECTIVE(settings, self.here)
            except MissingColumnError as error:
                raise ConfigError(f"{error}{_hint(self.recipe)}") from error
        return made

    def sources(self, stage: Stage, made: Mapping[str, Objective]) -> dict[str, Source]:
        """Say what each task of a stage reads; refuse shards that lack what its objectives need."""
        found = {}
        for name, task in tasks(self.recipe).items():
            if stage.tasks and name not in stage.tasks:
                continue
            chosen = {one: made[one] for one in objectives_of(self.recipe, stage, task)}
            shards = self.shards[name]
            columns = [
                column
                for one, objective in chosen.items()
                for wanted in objective.columns
                for column in _matching(wanted, one, shards, self.recipe)
            ]
            columns += [one for one in shards.columns if any(fnmatchcase(one, read) for read in self.read)]
            columns += self.control.columns(shards.columns) if self.control else []
            found[name] = Source(shards, chosen, list(dict.fromkeys(columns)), self.control)
        return found

    def heads(self, made: Mapping[str, Objective]) -> dict[str, Any]:
        """Gather the heads that objectives need; one name is one head."""
        found: dict[str, Any] = {}
        for name, objective in made.items():
            for head, settings in objective.heads.items():
                if found.setdefault(head, settings) != settings:
                    raise ConfigError(
                        f"objective {name}: its head {head!r} is another objective's, differently"
                    )
        return found


def _matching(wanted: str, objective: str, shards: Shards, recipe: Recipe) -> list[str]:
    found = [name for name in shards.columns if fnmatchcase(name, wanted)]
    if not found:
        raise ArtefactError(
            f"{shards.path}: no column {wanted}, which objective {objective} reads{_hint(recipe)}"
        )
    return found


def _hint(recipe: Recipe) -> str:
    return f"; `kbtools shard --for {recipe.shards}` makes shards that have it" if recipe.shards else ""


def _has_words(kind: pa.DataType) -> bool:
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    kinds = (pa.types.is_dictionary, pa.types.is_string, pa.types.is_large_string)
    return any(one(kind) for one in kinds)


def _loaded(path: str) -> Tokenizer | None:
    try:
        return Tokenizer.load(path)
    except KbError:
        return None
