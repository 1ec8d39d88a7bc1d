"""Learn what a teacher would say: its scores of the vocabulary in place of one right word.

    L = −T² Σₘ Σᵥ softmax(tₘ/T)ᵥ log softmax(sₘ/T)ᵥ           (Hinton, Vinyals & Dean 2015)

s and t are the scores of student and teacher at place m. T² keeps the gradient as large as without T. Places
are those that another objective has masked. The states there may be drawn to the teacher's too, by direction
(DistilBERT: Sanh et al. 2019, who take all places) or by squared distance, its mean over the width. The
teacher is a checkpoint with a head `lm` and the same vocabulary; it sees the same masked tokens, never
changes, and is not saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from kbtools.config import REQUIRED, setting
from kbtools.errors import ConfigError
from kbtools.models.base import KnowledgeModel
from kbtools.models.batch import Batch, Columns, Output
from kbtools.models.draws import Draws
from kbtools.models.loading import folders
from kbtools.models.masking.parts import Parted, in_parts
from kbtools.models.objectives.base import Here, Loss, Model
from kbtools.models.parts.heads import base, lm
from kbtools.tokens.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Settings(Parted):
    """Who teaches, and what is learned."""

    teacher: str = setting("A checkpoint with a head `lm`: a folder, a run, or a name on the hub.", REQUIRED)
    temperature: float = setting("T: above 1, what is unlikely counts more.", 2.0)
    of: str = setting("The objective whose masked places it learns at; it comes before this one.", "mlm")
    states: Literal["none", "cosine", "squares"] = setting("How states are drawn to the teacher's.", "none")
    states_weight: float = setting("How much that counts beside the scores.", 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("temperature", self.temperature), ("states_weight", self.states_weight)):
            if not 0 < value < float("inf"):
                raise ConfigError(f"distillation.{name} is {value}; it is a number above 0")


class Taught(NamedTuple):
    """What a teacher says at M places."""

    scores: Callable[[Tensor], Tensor]  # of m of these places, by number: [m, V]
    states: Tensor  # [M, H]


Teacher = Callable[[Columns, Tensor], Taught]  # of a batch, and places in [B·T]


class Distillation:
    """Learns a teacher's scores; `teacher` may be given as a function in place of a checkpoint."""

    settings: ClassVar[type] = Settings

    def __init__(self, settings: Settings, here: Here, teacher: Teacher | None = None) -> None:
        self.told, self._teacher = settings, teacher
        if teacher is None:
            same_vocabulary(settings.teacher, here)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the teacher at home: a process that makes batches needs none."""
        return {**self.__dict__, "_teacher": None}

    @property
    def origins(self) -> Sequence[str]:
        """Name the teacher: what it was made from is what the student is made from."""
        return (self.told.teacher,) if self.told.teacher else ()

    @property
    def columns(self) -> Sequence[str]:
        """None: the places are another objective's."""
        return ()

    @property
    def heads(self) -> Mapping[str, Any]:
        """The words of the vocabulary."""
        return {"lm": base.plain(lm.Settings())}

    def corrupt(self, batch: Batch, draws: Draws) -> int:
        """Take over the places of the other objective."""
        places: Tensor | None = batch.get(f"{self.told.of}.places")
        if places is None:
            raise ConfigError(
                f"distillation: {self.told.of} has chosen no places; name an objective that masks in "
                f"distillation.of, and put it before distillation"
            )
        batch["distillation.places"] = places
        return len(places)

    def loss(self, model: Model, output: Output, batch: Columns) -> Loss:
        """Sum over places; the teacher runs here, where the batch is."""
        places: Tensor = batch["distillation.places"]
        flat = output.hidden.flatten(0, 1)
        if not len(places):
            nothing = model.heads["lm"](flat[:1], model.words).float().sum() * 0
            measured = ("agreed", "apart") if self.told.states != "none" else ("agreed",)
            return Loss(nothing, {name: nothing.detach() for name in measured})
        states = flat[places]
        with torch.no_grad():
            taught = self.teacher(batch, places)
        total, agreed = self._scored(model, states, taught)
        measures = {"agreed": agreed}
        if self.told.states != "none":
            apart = _apart(states.float(), taught.states.float(), self.told.states)
            total = total + self.told.states_weight * apart
            measures["apart"] = apart.detach()
        return Loss(total, measures)

    def _scored(self, model: Model, states: Tensor, taught: Taught) -> tuple[Tensor, ...]:
        """Sum what scores cost at M places; count where teacher and student agree."""
        lm_head, words = model.heads["lm"], model.words

        def cost(states: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
            scores = lm_head(states, words).float()  # [m, V]
            with torch.no_grad():
                wanted = taught.scores(numbers).float()
            if wanted.shape != scores.shape:
                raise ConfigError(
                    f"distillation: the teacher has {wanted.shape[-1]} words, "
                    f"the student {scores.shape[-1]}; they must have the same vocabulary"
                )
            agreed = (scores.detach().argmax(-1) == wanted.argmax(-1)).sum()
            return soft_cross_entropy(scores, wanted, self.told.temperature), agreed

        columns = states, torch.arange(len(states), device=states.device)
        return in_parts(cost, columns, logits=2 * len(words), at_once=self.told.at_once)

    @property
    def teacher(self) -> Teacher:
        """The function given, or the checkpoint, which is loaded when it is asked first."""
        if self._teacher is None:
            self._teacher = of_checkpoint(self.told.teacher)
        return self._teacher


OBJECTIVE = Distillation


def soft_cross_entropy(scores: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Sum −T² Σᵥ softmax(t/T)ᵥ log softmax(s/T)ᵥ over places; scores [M, V]."""
    wanted = torch.softmax(taught / temperature, dim=-1)
    return -(wanted * torch.log_softmax(scores / temperature, dim=-1)).sum() * temperature**2


def of_checkpoint(name: str) -> Teacher:
    """Load a teacher; it is frozen, and goes where the batches are."""
    model = _loaded(*_content(folders.find(name)))
    if "lm" not in model.heads or any(weight.startswith("heads.lm.") for weight in model.loaded.new):
        raise ConfigError(f"distillation: {name} has no head `lm`: it cannot say which words are likely")

    def teach(batch: Columns, places: Tensor) -> Taught:
        model.to(places.device)
        states = model(batch).hidden.flatten(0, 1)[places]
        return Taught(lambda numbers: model.heads["lm"](states[numbers], model.words), states)

    return teach


@lru_cache(maxsize=1)  # the stages of a run have the same one as a rule
def _loaded(folder: Path, *_content: tuple[str, int, int]) -> Any:
    with torch.random.fork_rng(devices=[]):  # a run that goes on loads it at another step
        model: Any = KnowledgeModel.from_pretrained(folder)
    model.eval().requires_grad_(False)
    return model


def _content(folder: Path) -> tuple[Any, ...]:
    """Return a folder, and of each file the name, the size, and when it was written."""
    files = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return folder.resolve(), *((name, told.st_size, told.st_mtime_ns) for name, told in files)


def same_vocabulary(name: str, here: Here) -> None:
    """Refuse a teacher whose tokens are other ones; what the run's are may not be known."""
    folder = folders.find(name)
    if not here.words:
        return
    theirs = Tokenizer.load(folder).strings.to_pylist()
    for number, (ours, word) in enumerate(zip(here.words, theirs, strict=False)):
        if ours != (word or ""):
            raise ConfigError(
                f"distillation: token {number} is {word!r} to the teacher {name}, {ours!r} here; "
                f"they must have the same vocabulary"
            )
    if len(theirs) != len(here.words):
        raise ConfigError(
            f"distillation: the teacher {name} has {len(theirs)} tokens, here there are {len(here.words)}"
        )


def _apart(states: Tensor, taught: Tensor, how: str) -> Tensor:
    """Sum over places how far states [M, H] are from the teacher's."""
    if states.shape != taught.shape:
        raise ConfigError(
            f"distillation: states are {states.shape[-1]} wide, the teacher's {taught.shape[-1]}; "
            f"say states = 'none'"
        )
    if how == "cosine":
        return (1 - functional.cosine_similarity(states, taught, dim=-1)).sum()
    return (states - taught).square().mean(-1).sum()
