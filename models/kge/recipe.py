"""How vectors of a knowledge graph are learned: a recipe is a TOML file, or one with overrides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kbtools.config import setting

Corrupt = Literal["random", "bernoulli", "alternate", "both"]


@dataclass(frozen=True, kw_only=True)
class Triples:
    """Which triples of the knowledge base are learned."""

    rank: Literal["best", "not-deprecated", "all"] = setting(
        "Of statements that have ranks: which count.", "best"
    )
    relations: tuple[str, ...] = setting("Ids of the only relations wanted.", ())
    without: tuple[str, ...] = setting("Ids of relations that are left out.", ())
    least: int = setting("Triples that an entity has, at least, before any are left out for it.", 1)
    hold_out: float = setting("Share of triples kept for validation, where the base has no splits.", 0.0)


@dataclass(frozen=True, kw_only=True)
class Negatives:
    """What a triple is compared with."""

    number: int = setting("Entities drawn for each chunk; 0: all there are.", 64)
    share: int = setting("Triples of a chunk, which share what is drawn; 1: each has its own.", 32)
    inside: bool = setting("The answers of a chunk's other triples are compared with, too.", False)
    corrupt: Corrupt = setting(
        "Heads or tails: drawn, drawn by how many each relation has (Wang et al. 2014), by turns, or both.",
        "random",
    )
    known: bool = setting("What is a triple of training is left out.", True)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is made small."""

    kind: Literal["adversarial", "margin", "softmax", "logistic", "bce"] = setting(
        "How answers are told from what they are compared with; bce: all answers of a pair at once.",
        "adversarial",
    )
    margin: float = setting("Of `margin`.", 1.0)
    temperature: float = setting("Of `adversarial`; 0: all weigh the same.", 1.0)
    smoothing: float = setting("Of labels, of `bce`.", 0.0)
    subsampling: bool = setting("Frequent pairs weigh less (1 / √ of how often; Sun et al. 2019).", False)


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How."""

    kind: Literal["adagrad", "adagrad-rows", "adam", "sgd"] = setting(
        "Of rows, each at its own pace; -rows keeps one number for each.", "adagrad-rows"
    )
    lr: float = setting("The rate.", 0.1)
    relation_lr: float | None = setting("Of relations; none: lr.", None)
    drop: tuple[float, ...] = setting("Shares of the epochs at which rates are divided by ten.", ())
    decay: float = setting("Rates are multiplied by it after each epoch.", 1.0)


@dataclass(frozen=True, kw_only=True)
class Regulariser:
    """What keeps vectors small: weight · Σ |x|^power."""

    weight: float = setting("How much it counts; 0: nothing.", 0.0)
    power: int = setting("3: N3.", 3)
    of: Literal["batch", "tables"] = setting(
        "Of the rows of a batch (N3; of complex numbers the modulus), over its triples; or of all rows.",
        "batch",
    )


@dataclass(frozen=True, kw_only=True)
class Partitions:
    """Tables that are larger than what they are to be held in."""

    number: int = setting("Parts of the entities; two are held at a time. [0: as --memory needs]", 0)
    order: Literal["inside-out", "outside-in", "affinity", "random"] = setting(
        "In which buckets are trained, after PyTorch-BigGraph.", "inside-out"
    )
    lanes: int = setting("Buckets that are trained side by side, from one state.", 1)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """How it is seen whether vectors get better."""

    every: int = setting("Epochs between two looks at validation; 0: at the end.", 0)
    triples: int = setting("Of validation, drawn, that a look ranks; 0: all.", 5000)
    patience: int = setting("Looks without a better MRR before it stops; 0: none.", 0)
    take: Literal["best", "last"] = setting("Which state becomes the vectors.", "best")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All of it."""

    model: str = setting("A scorer.", "transe")
    about: str = setting("What it is, and where it comes from.", "")
    dim: int = setting("Of the vectors, as papers count it.", 100)
    scorer: dict[str, Any] = setting("What the scorer takes beside.", {})
    reciprocal: bool = setting("Each relation has another one for the way back; tails are asked for.", False)
    epochs: int = setting("Times that all triples are learned.", 100)
    batch: int = setting("Triples of a step.", 1024)
    seed: int = setting("Of all that is drawn.", 0)
    triples: Triples = Triples()
    negatives: Negatives = Negatives()
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    regulariser: Regulariser = Regulariser()
    partitions: Partitions = Partitions()
    judge: Judge = Judge()
