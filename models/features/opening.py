"""What features are made with: a model, its tokenizer, layers, pooling. Checked before any work is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor

from kbtools import artefact, config
from kbtools.artefact import Input, digest
from kbtools.errors import ConfigError, KbError
from kbtools.features import origin
from kbtools.features.settings import Settings
from kbtools.models import devices
from kbtools.models.base import KnowledgeModel
from kbtools.models.batch import Columns
from kbtools.models.features import layers
from kbtools.models.loading import folders, safety
from kbtools.models.parts.pooling import SpanPooling
from kbtools.models.sentence_folders import Layout, find_layout
from kbtools.tokens.tokenizer import Tokenizer

POOLS = {  # by unit; the first is what is taken if nothing is said
    "document": ("mean", "cls", "max"),
    "sentence": ("mean", "cls", "max"),
    "word": ("mean", "first", "last", "max", "ends"),
    "span": ("mean", "first", "last", "max", "ends"),
    "token": ("tokens",),
}
LENGTH = 512  # tokens of a window, if the model takes more


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, as plain data."""

    model: str
    layers: str
    pool: str | None
    settings: dict[str, Any]
    stamp: str = ""  # digest of model and tokenizer


class Opened(NamedTuple):
    """What features are made with."""

    model: KnowledgeModel
    tokenizer: Tokenizer
    settings: Settings
    layers: tuple[int, ...]  # places in its states
    depth: int  # its last layer
    pool: str
    pooling: SpanPooling
    after: list[Callable[[Tensor], Tensor]]  # what follows the pooling in a model of sentence embeddings
    window: int  # tokens of a window, special ones too
    dim: int

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device

    @property
    def around(self) -> int:
        """How many special tokens stand around a window."""
        return (self.tokenizer.special.cls >= 0) + (self.tokenizer.special.sep >= 0)

    @property
    def whole(self) -> bool:
        """Whether units are texts: all else stands within one."""
        return self.settings.unit in ("document", "sentence")


def ask(model: str, layers_: str, pool: str | None, settings: Settings) -> tuple[Asked, list[Input]]:
    """Say what is asked for, with the contents of what it is made with."""
    _check(settings)
    place, layout = _where(model)
    folder = Path(layout.transformer) if layout else place
    tokenizer = settings.tokenizer or str(folder)
    made_with = [input_of(model, folder), _tokenizer_input(model, tokenizer)]
    device = "cuda" if settings.device == "auto" and torch.cuda.is_available() else settings.device
    told = config.plain(settings) | {"device": "cpu" if device == "auto" else device, "tokenizer": tokenizer}
    stamp = digest.of_json([one.content for one in made_with])
    return Asked(model=model, layers=layers_, pool=pool, settings=told, stamp=stamp), made_with


def opened(asked: Asked) -> Opened:
    """Load the model, or return what is loaded."""
    return _opened(msgspec.json.encode(asked))


@lru_cache(maxsize=1)
def _opened(told: bytes) -> Opened:
    asked = msgspec.json.decode(told, type=Asked)
    settings = config.build(Settings, asked.settings, where="encode")
    place, layout = _where(asked.model)
    tokenizer = Tokenizer.load(settings.tokenizer, zh=settings.zh)
    model = _load(Path(layout.transformer) if layout else place, settings)
    rows = model.config.vocab_size
    if tokenizer.size > rows:
        raise ConfigError(
            f"{asked.model}: embeddings of {rows:,} words, but the tokenizer {settings.tokenizer} has "
            f"{tokenizer.size:,}: it is another model's"
        )
    count, width = _probe(asked.model, model, tokenizer)
    states = layers.chosen(asked.layers, count)
    layers.check_weights(settings, len(states))
    pool = _pool(asked.pool, settings.unit, layout, tokenizer, asked.model)
    kind = {"cls": "first", "tokens": "first"}.get(pool, pool)
    pooling = SpanPooling(kind, width)
    after = _after(layout, states == (count - 1,) and layout is not None and layout.pooling == pool, settings)
    dim = pooling.width * (len(states) if settings.join == "concat" else 1)
    if after:
        dim = int(_passed(torch.zeros(1, dim), after).shape[1])
        after = [one.to(model.device) if isinstance(one, torch.nn.Module) else one for one in after]
    window = _window(asked.model, model, layout, settings)
    return Opened(model, tokenizer, settings, states, count - 1, pool, pooling, after, window, dim)


def _where(name: str) -> tuple[Path, Layout | None]:
    """Find the folder of the model, and how it is laid out if it is one of sentence embeddings."""
    root = Path(name)
    if not (root / "modules.json").is_file():
        root = folders.find(name)
    return root, find_layout(root)


def input_of(name: str, folder: Path) -> Input:
    """Say what the model is: a run that is whole, or weights and configuration of a folder."""
    for run in (Path(name), folder.parent):
        if (run / "manifest.json").is_file():
            manifest = artefact.read(run)
            if manifest.kind == "run" and folder == run / folders.INSIDE:
                return Input(path=str(run), kind="run", content=manifest.content)
    safety.listed(folder)  # says in a line what is damaged
    return Input(path=str(folder), kind=origin.MODEL, content=origin.content(folder))


def _tokenizer_input(model: str, where: str) -> Input:
    try:
        return Input(path=where, kind="tokenizer", content=Tokenizer.load(where).content)
    except ConfigError as error:
        if where != str(_where(model)[0]) or "no tokenizer" not in str(error):
            raise
        raise ConfigError(
            f"{where}: a model without its tokenizer; say where that is with -o tokenizer=FOLDER"
        ) from error


def _load(folder: Path, settings: Settings) -> KnowledgeModel:
    device = devices.chosen(settings.device, settings.precision)
    model: KnowledgeModel = KnowledgeModel.from_pretrained(folder, dtype=devices.DTYPES[settings.precision])
    return model.to(device).eval()  # type: ignore[no-any-return, arg-type]


@torch.inference_mode()
def _probe(name: str, model: KnowledgeModel, tokenizer: Tokenizer) -> tuple[int, int]:
    """Run a row of plain text; return how many states there are, with the embeddings, and their width."""
    ids = torch.zeros(1, 2, dtype=torch.long, device=model.device) + max(tokenizer.special.cls, 0)
    try:
        states = model(columns(ids, torch.ones_like(ids)), layers=True).hidden_states
    except KeyError as error:
        raise ConfigError(f"{name}: reads {error.args[0]!r}, which plain text does not have") from error
    except KbError as error:
        raise ConfigError(f"{name}: does not take plain text: {error}") from error
    return len(states), int(states[-1].shape[-1])


def columns(ids: Tensor, mask: Tensor) -> Columns:
    """Return a batch of plain text."""
    return {"input_ids": ids, "attention_mask": mask}


def _pool(asked: str | None, unit: str, layout: Layout | None, tokenizer: Tokenizer, model: str) -> str:
    known = POOLS[unit]
    told = layout.pooling if layout and layout.pooling in known else known[0]
    pool = asked or told
    if unit == "token" and pool == "mean":
        return "tokens"
    if pool not in known:
        every = dict.fromkeys(word for words in POOLS.values() for word in words)
        what = (
            f"for a {unit} there are {', '.join(known)}" if pool in every else f"there are {', '.join(every)}"
        )
        raise ConfigError(f"pool {pool!r}: {what}")
    if pool == "cls" and tokenizer.special.cls < 0:
        raise ConfigError(f"{model}: its tokenizer has no first token such as [CLS]; use --pool mean")
    return pool


def _after(layout: Layout | None, own: bool, settings: Settings) -> list[Callable[[Tensor], Tensor]]:
    """Return what follows the pooling, where the vectors are those that the model was trained to make."""
    return list(layout.after) if layout and own and settings.unit in ("document", "sentence") else []


def _passed(vectors: Tensor, after: list[Callable[[Tensor], Tensor]]) -> Tensor:
    with torch.inference_mode():
        for one in after:
            vectors = one(vectors)
    return vectors


def _window(name: str, model: KnowledgeModel, layout: Layout | None, settings: Settings) -> int:
    """Return how many tokens a window has; refuse more than the encoder has positions for."""
    text = model.body.text
    pad = getattr(
        getattr(text.model, "embeddings", None), "padding_idx", None
    )  # RoBERTa counts from behind it
    room = (getattr(text.config, "max_position_embeddings", 0) or LENGTH) - (0 if pad is None else pad + 1)
    if settings.length > room:
        raise ConfigError(f"length is {settings.length:,}, but {name} has {room:,} positions")
    if 0 < settings.length < 4:
        raise ConfigError(f"length is {settings.length}; a window has 4 tokens or more")
    return settings.length or min(room, (layout and layout.max_length) or LENGTH)


def _check(settings: Settings) -> None:
    if settings.length < 0:
        raise ConfigError(f"length is {settings.length}; a window has 4 tokens or more, 0: as many as fit")
    if not 0 <= settings.overlap <= 0.9:
        raise ConfigError(f"overlap is {settings.overlap}; it is a share of a window, from 0 to 0.9")
    if settings.batch < 1:
        raise ConfigError(f"batch is {settings.batch}; it is a number of tokens, 1 or more")
