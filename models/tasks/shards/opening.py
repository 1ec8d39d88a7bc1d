"""A run and shards, opened together: what does not fit is told here, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from kbtools import artefact
from kbtools.artefact import Input, KbRef, Manifest
from kbtools.artefact.manifest import NAME as MANIFEST
from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.features import origin
from kbtools.kb.bases import bases_of, same_ids
from kbtools.models import controls, devices
from kbtools.models.base import KnowledgeModel
from kbtools.models.configuration import ATTENTION
from kbtools.models.loading import folders
from kbtools.models.loading.writing import RECIPE
from kbtools.models.recipe import Precision, Recipe, Stage
from kbtools.models.tasks.shards import Settings
from kbtools.models.training import feeding
from kbtools.models.training.checking import check_lengths
from kbtools.models.training.feeding import Size, Source
from kbtools.models.training.planning import objectives_of, tasks
from kbtools.models.training.setup import Data, load_recipe
from kbtools.models.vectors.controlled import Controlled
from kbtools.shards.reader import Shards
from kbtools.shards.reading.settings import Reading
from kbtools.tokens.tokenizer import Tokenizer

AS_TRAINED = ""


class Opened(NamedTuple):
    """All that is needed to ask."""

    path: Path  # of the run
    recipe: Recipe  # of what is asked alone
    model: KnowledgeModel
    data: Data
    sources: Mapping[str, Source]  # by task
    readings: Mapping[str, Reading]
    device: torch.device
    dtype: torch.dtype
    inputs: list[Input]
    manifests: list[Manifest]


def opened(
    run: str | Path, given: Sequence[str | Path], kbs: Sequence[str | Path], settings: Settings
) -> Opened:
    """Open and check all."""
    path = Path(run)
    folder = folders.find(path)
    recipe = _recipe(path, folder)
    paths = _paths(recipe, given)
    shards = {task: Shards(one) for task, one in paths.items()}
    for one in shards.values():
        _check_split(one, settings.split)
    recipe = asked(recipe, list(shards), settings.objectives)
    precision: Precision = settings.precision or recipe.run.precision
    device = devices.chosen(settings.device, precision)
    how = recipe.run.attention if device.type == "cuda" else "sdpa"
    model: KnowledgeModel = KnowledgeModel.from_pretrained(folder, attn_implementation=ATTENTION[how])
    made_with, manifest = _run_input(path, folder)
    for one in dict.fromkeys(shards.values()):
        _check_tokens(one, model)
        _check_kbs(one, manifest.kbs if manifest else [])
        bases_of(one.manifest, kbs) if kbs else None
    check_lengths(model, shards)
    data = Data(_with_tokenizer(recipe, folder, shards), shards, learned=_learned(model))
    data.control = _controlled(model, recipe, settings, data, kbs)
    made = data.objectives(Stage())
    sources = data.sources(Stage(), made)
    readings = {task: _reading(recipe, source, settings, data) for task, source in sources.items()}
    inputs = [made_with]
    inputs += [
        Input(path=str(one.path), kind="shards", content=one.content)
        for one in dict.fromkeys(shards.values())
    ]
    manifests = [*([manifest] if manifest else []), *(one.manifest for one in dict.fromkeys(shards.values()))]
    return Opened(
        path, recipe, model.to(device).eval(), data, sources, readings, device, devices.DTYPES[precision],  # type: ignore[arg-type]
        inputs, manifests,
    )  # fmt: skip


def asked(recipe: Recipe, given: Sequence[str], wanted: Sequence[str] = ()) -> Recipe:
    """Leave of a recipe some tasks, with the objectives and settings of the last stage that has them."""
    for name in wanted:
        if name not in recipe.objectives:
            raise ConfigError(f"objectives: the run has no {name!r}; it has {', '.join(recipe.objectives)}")
    known, left, settings = tasks(recipe), {}, dict[str, dict[str, Any]]()
    for name in given:
        stage = next(one for one in [*recipe.stages[::-1], Stage()] if not one.tasks or name in one.tasks)
        there = objectives_of(recipe, stage, known[name])
        chosen = [one for one in there if not wanted or one in wanted]
        if not chosen:
            raise ConfigError(
                f"objectives: task {name} has {', '.join(there)} in the last stage, none of those"
            )
        left[name] = replace(known[name], objectives=tuple(chosen))
        settings |= {one: recipe.objectives[one] | stage.settings.get(one, {}) for one in chosen}
    return replace(recipe, tasks=left, objectives=settings, stages=())


def _recipe(run: Path, folder: Path) -> Recipe:
    for place in (run / RECIPE, folder / RECIPE):
        if place.is_file():
            return load_recipe(str(place))
    raise ArtefactError(f"{run}: no {RECIPE}: what its heads were trained for is not known; give a run")


def _paths(recipe: Recipe, given: Sequence[str | Path]) -> dict[str, Path]:
    """Find the shards of each task: TASK=PATH, or a path where the last stage has one task."""
    known, found = tasks(recipe), dict[str, Path]()
    last = [name for one in recipe.stages[-1:] for name in one.tasks] or list(known)
    for one in map(str, given):
        name, equals, path = one.partition("=")
        if equals and name in known:
            found[name] = Path(path)
        elif len(last) > 1:
            raise ConfigError(f"--data {one}: the run has several tasks; name it: {'=…, '.join(known)}=…")
        else:
            found[last[0]] = Path(one)
    if not found:
        raise ConfigError("--data is missing: shards with examples")
    return found


def _check_split(shards: Shards, split: str) -> None:
    if split in shards.splits and shards.rows(split):
        return
    there = [one for one in shards.splits if shards.rows(one)]
    raise ArtefactError(
        f"{shards.path}: no examples of {split}; there are {', '.join(there) or 'none at all'}"
        + (f": --split {there[-1]}" if there else "")
    )


def _check_tokens(shards: Shards, model: KnowledgeModel) -> None:
    theirs, ours = shards.tokenizer.get("content"), (model.config.vocabulary or {}).get("content")
    if theirs and ours and theirs != ours:
        raise ArtefactError(
            f"{shards.path}: made with another tokenizer than the model was trained with; make the shards "
            f"with its own, which lies beside its weights"
        )


def _check_kbs(shards: Shards, kbs: Sequence[KbRef]) -> None:
    """Refuse eids that mean other entities than those that the run was trained on."""
    for ours in kbs:
        for theirs in shards.kbs:
            if ours.name == theirs.name and not same_ids(ours, theirs):
                raise ArtefactError(
                    f"{shards.path}: made with another release of {ours.name!r} than the run was trained "
                    f"with; its numbers mean other entities"
                )


def _run_input(run: Path, folder: Path) -> tuple[Input, Manifest | None]:
    for place in (run, folder.parent):
        if (place / MANIFEST).is_file():
            manifest = artefact.read(place, "run")
            return Input(path=str(place), kind="run", content=manifest.content), manifest
    return Input(path=str(folder), kind=origin.MODEL, content=origin.content(folder)), None


def _learned(model: KnowledgeModel) -> dict[str, Sequence[str]]:
    """Return the classes of heads that have some."""
    told = {name: getattr(head, "classes", ()) for name, head in model.heads.items()}
    return {name: tuple(classes) for name, classes in told.items() if classes}


def _with_tokenizer(recipe: Recipe, folder: Path, shards: Mapping[str, Shards]) -> Recipe:
    """Take the tokenizer beside the weights, if it is that of the shards."""
    try:
        own = Tokenizer.load(folder).content
    except KbError:
        own = None
    same = all(one.tokenizer.get("content") == own for one in shards.values())
    return replace(recipe, model=replace(recipe.model, tokenizer=str(folder) if own and same else None))


def _controlled(
    model: KnowledgeModel, recipe: Recipe, settings: Settings, data: Data, kbs: Sequence[str | Path]
) -> controls.Links | None:
    """Put other entities in the place of the true ones, if that is asked for, or was so in training."""
    for kb, table in model.tables.items():
        if table.absent:
            raise ArtefactError(
                f"the vectors of {kb} are not where they were when the run was trained: put them back"
            )
    known = controls.Entities.__args__  # type: ignore[attr-defined]
    which: Any = settings.entity_ablation or recipe.run.entities
    if which not in known:
        raise ConfigError(f"entity_ablation is {which!r}; it is one of {', '.join(known)}")
    if settings.entity_ablation:
        for kb, table in model.tables.items():
            if table.source is None and which in controls.OF_TABLES:
                raise ConfigError(
                    f"entity_ablation is {which}: the vectors of {kb} were trained; only frozen ones change"
                )
            if table.source is not None:
                true = table.source.true if isinstance(table.source, Controlled) else table.source
                changed = which in controls.OF_TABLES
                table.source = Controlled(true, which, recipe.run.seed) if changed else true
        if which in controls.OF_TABLES and not model.tables:
            raise ConfigError(f"entity_ablation is {which}, but the model reads no vectors")
    columns = [column for one in data.shards.values() for column in one.columns]
    return controls.links(which, recipe.run.seed, columns, model.tables, kbs)


def _reading(recipe: Recipe, source: Source, settings: Settings, data: Data) -> Reading:
    longest = source.shards.longest(settings.split) or 0
    tokens = max(settings.tokens, -(-longest // Reading.multiple_of) * Reading.multiple_of)
    run = replace(recipe.run, packed=False)
    return feeding.reading(run, Size(None, tokens, 1), source, data.classes.asked, 1)
