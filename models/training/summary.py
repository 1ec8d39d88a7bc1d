"""What `kbtools train --dry-run` shows: what would be trained, on what, for how long, in how much memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kbtools.models.recipe import Recipe, Run
from kbtools.models.training.feeding import Size
from kbtools.models.training.groups import freeze, named
from kbtools.models.training.memory import FP32, MEANS, Memory, Setup, memory
from kbtools.models.training.planning import Planned, Turns, objectives_of
from kbtools.models.training.survey import Read, Task, survey
from kbtools.progress import amount
from kbtools.shards.reader import Shards
from kbtools.shards.reading.settings import Reading

WORTH = 0.05  # of all tokens: what packing has to gain to be spoken of
LAYERS, EMBEDDINGS = "text: layers", "text: embeddings"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of one part of the model."""

    name: str
    weights: int
    trained: int  # in some stage
    new: int  # in no checkpoint that it begins with


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors of entities."""

    kb: str
    rows: int
    dim: int
    mode: str
    absent: bool


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stage."""

    name: str
    first: int
    last: int
    tasks: dict[str, float]  # share of the steps
    objectives: list[str]
    rows: int | None  # at once on a device
    tokens: int | None
    accumulate: int
    lr: float
    trained: int
    frozen: int
    memory: Memory


class File(msgspec.Struct, frozen=True, kw_only=True):
    """What would be written; None: as much as it becomes."""

    path: str
    bytes: int | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    about: str
    model: str
    start: str | None
    steps: int
    processes: int
    precision: str
    parts: list[Part]
    tables: list[Table]
    tasks: list[Task]
    stages: list[Span]
    files: list[File]


def summarise(
    model: Any,
    recipe: Recipe,
    shards: Mapping[str, Shards],
    plan: Sequence[Planned],
    *,
    processes: int = 1,
    cuda: bool = False,
) -> Summary:
    """Look at a run that is ready to begin; what is frozen in `model` is as it was before."""
    weights = named(model)
    before = {name: weight.requires_grad for name, weight in weights.items()}
    trains = [set(freeze(model, planned.stage)) for planned in plan]
    stages = []
    for planned in plan:
        freeze(model, planned.stage)
        stages.append(_stage(model, recipe, planned, shards, processes=processes, cuda=cuda))
    for name, weight in weights.items():
        weight.requires_grad_(before[name])
    told = list(zip(plan, stages, strict=True))
    return Summary(
        about=recipe.about,
        model=recipe.model.name,
        start=recipe.model.start,
        steps=plan[-1].stop,
        processes=processes,
        precision=recipe.run.precision,
        parts=_parts(model, set().union(*trains)),
        tables=[
            Table(kb=kb, rows=one.rows, dim=one.dim, mode=one.mode, absent=one.absent)
            for kb, one in getattr(model, "tables", {}).items()
        ],
        tasks=[_task(name, one, recipe.run, told, processes) for name, one in shards.items()],
        stages=stages,
        files=list(_files(model, recipe, sum(weights[name].numel() for name in trains[-1]))),
    )


def _parts(model: Any, trained: set[str]) -> list[Part]:
    layers = {id(weight) for layer in model.body.text.layers for weight in layer.parameters()}
    new = set(model.loaded.new)
    sums: dict[str, list[int]] = {}
    for name, weight in named(model).items():
        told = sums.setdefault(_part(name, id(weight) in layers), [0, 0, 0])
        size = weight.numel()
        for at, counts in enumerate((True, name in trained, name in new)):
            told[at] += size * counts
    return [Part(name=name, weights=a, trained=b, new=c) for name, (a, b, c) in sums.items()]


def _part(name: str, layer: bool) -> str:
    words = name.split(".")
    if words[:2] == ["body", "text"]:
        return LAYERS if layer else EMBEDDINGS
    return " ".join(words[:2]).replace("heads ", "head ")


def _stage(
    model: Any, recipe: Recipe, planned: Planned, shards: Mapping[str, Shards], *, processes: int, cuda: bool
) -> Span:
    run, stage = recipe.run, planned.stage
    size = Size.of(run, stage, processes)
    turns = Turns(
        recipe, stage, {name: one.rows("train") for name, one in shards.items()},
        steps=planned.stop, seed=run.seed,
    )  # fmt: skip
    weights = list(model.parameters())
    trained = sum(weight.numel() for weight in weights if weight.requires_grad)
    objectives = [name for task in turns.tasks.values() for name in objectives_of(recipe, stage, task)]
    setups = [_setup(run, size, shards[name], processes, cuda) for name in turns.tasks]
    return Span(
        name=stage.name,
        first=planned.first + 1,
        last=planned.stop,
        tasks=_shares(turns, planned),
        objectives=list(dict.fromkeys(objectives)),
        rows=size.rows,
        tokens=size.tokens,
        accumulate=size.accumulate,
        lr=recipe.optimiser.lr if stage.lr is None else stage.lr,
        trained=trained,
        frozen=sum(weight.numel() for weight in weights) - trained,
        memory=max((memory(model, setup) for setup in setups), key=lambda one: one.total),
    )


def _shares(turns: Turns, planned: Planned) -> dict[str, float]:
    """Return the part of a stage's steps that has each task; weights that move do so evenly."""
    if turns.mix == "together":
        return dict.fromkeys(turns.tasks, 1.0)
    ends = turns.shares(planned.first), turns.shares(planned.stop - 1)
    return {name: (ends[0][name] + ends[1][name]) / 2 for name in turns.tasks}


def _setup(run: Run, size: Size, shards: Shards, processes: int, cuda: bool) -> Setup:
    """Say how large the largest batch is."""
    longest = shards.longest("train") or shards.max_length or 1
    length = min(longest, shards.max_length or longest)
    if run.packed:
        length = shards.max_length or longest
    length = -(-length // Reading.multiple_of) * Reading.multiple_of
    return Setup(
        rows=size.rows or max((size.tokens or length) // length, 1),
        length=length,
        precision=run.precision,
        attention=run.attention,
        checkpointing=run.checkpointing,
        averaged=run.ema > 0,
        masked=run.packed or "branch" in shards.columns,
        cuda=cuda,
        processes=processes if run.sharded else 1,
    )


def _task(name: str, shards: Shards, run: Run, told: Sequence[tuple[Planned, Span]], processes: int) -> Task:
    reads = [
        Read(Size(one.rows, one.tokens, one.accumulate), share * planned.steps)
        for planned, one in told
        if (share := one.tasks.get(name, 0.0))
    ]
    return survey(name, shards, reads, packed=run.packed, seed=run.seed, processes=processes)


def _files(model: Any, recipe: Recipe, trained: int) -> Iterator[File]:
    run = recipe.run
    size = sum(one.numel() * one.element_size() for one in model.state_dict().values())
    state = FP32 * trained * (MEANS + (run.ema > 0))
    yield File(path="model/", bytes=size)
    yield File(
        path=f"checkpoints/step-N/ ({run.keep} and the best one)", bytes=(run.keep + 1) * (size + state)
    )
    for name in (
        "recipe.toml",
        "metrics.jsonl",
        "curves.svg",
        *(["tensorboard/"] if run.tensorboard else []),
    ):
        yield File(path=name, bytes=None)
    yield File(path="manifest.json", bytes=None)


def tell(found: Summary) -> str:
    """Write a summary for people."""
    head = f"{found.model}: {found.steps:,} steps, {found.precision}"
    head += f", {found.processes:,} processes" if found.processes > 1 else ""
    head += f", from {found.start}" if found.start else ", with new weights"
    blocks = [[found.about] if found.about else [], [head], _told_parts(found)]
    if found.tables:
        blocks.append(["entities", *(f"  {_told_table(one)}" for one in found.tables)])
    blocks.append(["data", *(line for one in found.tasks for line in _told_task(one))])
    blocks.append(["stages", *(line for one in found.stages for line in _told_stage(one, len(found.tasks)))])
    largest = max((one.memory for one in found.stages), key=lambda one: one.total)
    told = " · ".join(f"{name} {amount(size)}" for name, size in largest._asdict().items() if size)
    blocks.append([f"memory of a device: about {amount(largest.total)}", f"  {told}"])
    files = [f"  {one.path}" + (f"  {amount(one.bytes)}" if one.bytes else "") for one in found.files]
    blocks.append(["would be written", *files])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _told_parts(found: Summary) -> list[str]:
    together = Part(
        name="together",
        **{what: sum(getattr(one, what) for one in found.parts) for what in ("weights", "trained", "new")},
    )
    rows: list[tuple[str, ...]] = [("part", "weights", "trained", "new")]
    rows += [
        (one.name, *(f"{number:,}" for number in (one.weights, one.trained, one.new)))
        for one in (*found.parts, together)
    ]
    wide = [max(len(row[at]) for row in rows) for at in range(4)]
    return [
        f"  {row[0]:<{wide[0]}}  " + "  ".join(f"{text:>{wide[at]}}" for at, text in enumerate(row[1:], 1))
        for row in rows
    ]


def _told_table(one: Table) -> str:
    gone = "; gone: all its entities are unknown" if one.absent else ""
    return f"{one.kb}: {one.rows:,} × {one.dim:,}, {one.mode}, {amount(one.rows * one.dim * FP32)}{gone}"


def _told_task(one: Task) -> list[str]:
    dev = f", {one.dev:,} of dev" if one.dev else ", no dev split: there is no best model"
    longest = f", {one.longest:,} at most" if one.longest else ""
    lines = [f"  {one.name}  {one.path}: {one.examples:,} examples{dev}"]
    lines += [f"    {one.tokens:,} tokens, {one.mean:.0f} an example{longest}"] if one.tokens else []
    lines += [f"    {one.steps:,.0f} steps are {one.epochs:,.2f} epochs"]
    if one.tokens and one.steps:
        better = one.packed is not None and one.packed > one.useful + WORTH
        other = f"; run.packed = true would make it {one.packed:.0%}" if better else ""
        lines += [f"    {one.useful:.0%} of what is computed is no padding{other}"]
    return lines


def _told_stage(one: Span, tasks: int) -> list[str]:
    at_once = f"{one.tokens:,} tokens" if one.tokens else f"{one.rows:,} rows"
    many = f" × {one.accumulate}" if one.accumulate > 1 else ""
    frozen = f", {one.frozen:,} frozen" if one.frozen else ""
    lines = [
        f"  {one.name or 'all'}: steps {one.first:,} to {one.last:,}: {', '.join(one.objectives)}",
        f"    lr {one.lr:g}, {at_once}{many} at once, {one.trained:,} weights train{frozen}",
    ]
    if tasks > 1:
        lines.append("    " + " · ".join(f"{name} {share:.0%}" for name, share in one.tasks.items()))
    return lines
