"""A recipe: one TOML file that says everything a training run depends on.

    about = "..."
    [model]
    name = "bert"                   # a body of the zoo
    start = "bert-base-uncased"     # a checkpoint to begin with, or
    [model.text]                    # the text encoder's configuration, for one with new weights
    model_type = "bert"
    [model.settings]                # the body's own
    [run]                           # how long, how fast
    [optimiser]
    [objectives.mlm]                # what is learned, with the objective's settings and a `weight`
    [tasks.text]                    # what is read, if there is more than one kind of shards
    [[stages]]                      # what changes on the way, if anything does

Strict: an unknown name is refused with a hint. `run/recipe.toml` is the recipe as it was run, with all
overrides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.models.controls import Entities

Precision = Literal["fp32", "bf16", "fp16"]
Schedule = Literal["linear", "slanted", "cosine", "constant"]
Mix = Literal["sample", "alternate", "together"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is trained."""

    name: str = setting("A body of the zoo.", "bert")
    start: str | None = setting("A checkpoint to begin with: a folder, a run, or a name on the hub.", None)
    tokenizer: str | None = setting(
        "Its tokenizer, if that is no longer where shards were made with it.", None
    )
    text: dict[str, Any] = setting("Configuration of the text encoder, as transformers has it.", {})
    settings: dict[str, Any] = setting("The body's own settings.", {})


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long, how fast, how often."""

    steps: int = setting("Steps of the optimiser in all; 0: as many as `epochs` take.", 0)
    epochs: float = setting("Times that all examples are read, if `steps` is 0.", 1.0)
    batch: int = setting("Examples of a step, over all processes.", 32)
    micro: int | None = setting("Examples at once on a device; none: a process's share of `batch`.", None)
    tokens: int | None = setting("Tokens at once on a device, padding too, in place of both.", None)
    accumulate: int = setting("Batches of a step and process, with `tokens`.", 1)
    packed: bool = setting("Several examples in a row.", False)
    precision: Precision = setting("What is computed in; weights are kept in fp32.", "fp32")
    clip: float = setting("The longest gradient; 0: any.", 1.0)
    seed: int = setting("Of weights, order, masks, dropout.", 0)
    mix: Mix = setting("Tasks by draw, in turns by weight, or one batch of each in a step.", "sample")
    evaluate: int = setting("Steps between looks at the dev split; 0: at the end.", 0)
    dev_batches: int = setting("Batches of the dev split that are looked at; 0: all.", 50)
    save: int = setting("Steps between checkpoints; 0: at the end of stages.", 0)
    keep: int = setting("Checkpoints that are kept, beside the best one.", 2)
    patience: int = setting("Looks at dev without a better one before a stage ends; 0: it goes on.", 0)
    best: str = setting(
        "What tells which look at dev is the best: loss, mlm.loss, mlm.right, tags.f1, ...", "loss"
    )
    take: Literal["last", "best"] = setting("Which weights become the model.", "last")
    log: int = setting("Steps between lines of metrics.jsonl.", 10)
    ema: float = setting("Decay of a running mean of the weights, which is saved then; 0: none.", 0.0)
    compile: bool = setting("Compile the model (torch.compile).", False)
    checkpointing: bool = setting("Keep few activations, compute the others twice.", False)
    attention: Literal["sdpa", "eager", "flex"] = setting("How attention is computed.", "sdpa")
    sharded: bool = setting("Shard weights over processes (FSDP).", False)
    deterministic: bool = setting("The same bits each time on a GPU, at a cost.", False)
    workers: int = setting("Processes that make batches; 0: a thread does.", 0)
    tensorboard: bool = setting("Write TensorBoard's files too.", False)
    entities: Entities = setting(
        "The true ones, or, to see what these are worth, none or others: see models/controls.py.", "true"
    )
    fused: bool = setting("The optimiser's fused kernels where there are any.", True)

    def __post_init__(self) -> None:
        least = dict.fromkeys(("batch", "micro", "tokens", "accumulate", "log", "keep"), 1)
        least |= dict.fromkeys(("steps", "evaluate", "dev_batches", "save", "patience", "workers"), 0)
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise ConfigError(f"run.{name} is {value}; it is {low} at least")
        if not self.steps and not self.epochs > 0:
            raise ConfigError(f"run.steps is 0 and run.epochs {self.epochs}: there is nothing to do")
        if self.tokens is not None and self.micro is not None:
            raise ConfigError(
                "run.micro goes with run.batch; with run.tokens, that says how much is read at once"
            )
        if self.patience and not self.evaluate:
            raise ConfigError("run.patience counts looks at dev: say how often with run.evaluate")
        if not 0 <= self.ema < 1:
            raise ConfigError(f"run.ema is {self.ema}; it is at least 0 and below 1")
        if not self.clip >= 0:
            raise ConfigError(f"run.clip is {self.clip}; it is 0 at least")


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How weights change."""

    name: Literal["adamw", "lamb"] = setting("AdamW, or LAMB for very large batches.", "adamw")
    lr: float = setting("The highest learning rate.", 1e-4)
    betas: tuple[float, float] = setting("Decays of the two running means.", (0.9, 0.999))
    eps: float = setting("Added to the root of the second.", 1e-6)
    decay: float = setting("Decay of weights.", 0.01)
    no_decay: tuple[str, ...] = setting(
        "Weights that do not decay: parts of names; those with one dimension never do.", ()
    )
    bias_correction: bool = setting("Adam's; BERT's own code has none.", True)
    parts: dict[str, float] = setting(
        "Learning rates of parts, by part of a name; the longest name holds.", {}
    )
    schedule: Schedule = setting("How the rate falls after the warm-up.", "linear")
    warmup: float = setting("Steps of warm-up: a share of all if below 1, else a number.", 0.0)
    ratio: float = setting("Slanted: the highest rate over the lowest.", 32.0)
    floor: float = setting("The rate at the end, as a share of the highest (linear, cosine).", 0.0)

    def __post_init__(self) -> None:
        rates = {"lr": self.lr} | {f"parts.{name}": rate for name, rate in self.parts.items()}
        for name, rate in rates.items():
            if not 0 < rate < float("inf"):
                raise ConfigError(f"optimiser.{name} is {rate}: nothing would be learned; it is above 0")
        if not self.eps > 0 or not self.decay >= 0 or not self.warmup >= 0:
            raise ConfigError("optimiser: eps is above 0, decay and warmup are 0 at least")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"optimiser.betas are {self.betas}; each is at least 0 and below 1")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of shards, and what is learned from it."""

    objectives: tuple[str, ...] = setting("Of those in [objectives]; none named: all.", ())
    weight: float = setting("How often it is drawn, beside the others; in turns: batches of a turn.", 1.0)
    by_size: float | None = setting("The weight is times the number of examples, to this power.", None)
    by_size_end: float | None = setting("The power at the end; it goes there evenly.", None)

    def __post_init__(self) -> None:
        if self.by_size_end is not None and self.by_size is None:
            raise ConfigError("by_size_end is where by_size goes to: give that, too")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the run in which something is different."""

    name: str = setting("What it is called.", "")
    steps: float = setting("How long: a share of all steps if 1 or below, else a number; 0: the rest.", 0.0)
    tasks: dict[str, float] = setting("Weights of tasks; others are off. None named: as in [tasks].", {})
    objectives: tuple[str, ...] = setting("Objectives that are on; none named: all.", ())
    settings: dict[str, dict[str, Any]] = setting("Settings of objectives that are different.", {})
    freeze: tuple[str, ...] = setting("Weights that do not change: parts of names.", ())
    train: tuple[str, ...] = setting("Weights that do, in spite of `freeze`; alone: only these do.", ())
    lr: float | None = setting("The highest learning rate.", None)
    restart: bool = setting("Begin the schedule anew, with its warm-up, for this stage alone.", False)
    fresh: bool = setting("Forget what the optimiser has gathered.", False)
    once: tuple[str, ...] = setting("What the body does to its weights as the stage begins, by name.", ())
    batch: int | None = setting("In place of run.batch.", None)
    micro: int | None = setting("In place of run.micro.", None)
    tokens: int | None = setting("In place of run.tokens.", None)

    def __post_init__(self) -> None:
        if not self.steps >= 0:
            raise ConfigError(f"stage {self.name}: steps are {self.steps}; give a share, a number, or 0")
        if self.lr is not None and not 0 < self.lr < float("inf"):
            raise ConfigError(f"stage {self.name}: lr is {self.lr}: nothing would be learned")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The file as a whole."""

    about: str = setting("What it is, in a line.", "")
    shards: str | None = setting("The preset of `kbtools shard` that makes what it reads.", None)
    model: Model = field(default_factory=Model)
    run: Run = field(default_factory=Run)
    optimiser: Optimiser = field(default_factory=Optimiser)
    objectives: dict[str, dict[str, Any]] = setting("What is learned: name → settings, and `weight`.", {})
    tasks: dict[str, Task] = setting("Kinds of shards; none: one.", {})
    stages: tuple[Stage, ...] = setting("Parts of the run, in order; none: one.", ())
