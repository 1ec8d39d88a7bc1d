"""Weights to begin with: another model of ours, or a checkpoint of BERT, RoBERTa and their kin.

Names are brought to ours by the key maps (models/keys.py). Rows may be added to embeddings (words, segments,
positions): those of the checkpoint are copied, the others keep the new values that they were made with.
Nothing else may differ in shape, heads apart: one that does not fit is left, and its place begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models import keys
from kbtools.models.configuration import (
    MODEL_TYPE,
    SIZES,
    KnowledgeConfig,
    encoder_config,
    known_settings,
    plain_encoder,
    read_table,
    refuse_unknown,
)
from kbtools.models.loading import belonging, folders, safety
from kbtools.models.parts.heads import base as heads_of
from kbtools.models.parts.heads import classes, entity
from kbtools.models.recipe import Model

GROWING = {
    "vocab_size",
    "type_vocab_size",
    "max_position_embeddings",
}  # sizes that may be more than they were
SLACK = 256  # rows that embeddings of words may have for no word: checkpoints round their number up
SPECIAL = ("pad", "unk", "cls", "sep", "mask")
ENDS = {"bos_token_id": "cls", "cls_token_id": "cls", "eos_token_id": "sep", "sep_token_id": "sep"}
TEXT = "body.text."
SEGMENTS = "body.text.model.embeddings.token_type_embeddings.weight"
LABELS, DEA = "heads.labels.out.weight", "heads.dea.dense.weight"
HEADS = "heads."


@dataclass(frozen=True)
class Loaded:
    """What became of a model's weights when it was made."""

    source: str = ""
    new: tuple[str, ...] = ()  # ours that the source does not have
    left: tuple[str, ...] = ()  # of the source that are not needed, or not known
    grown: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # rows there, and here

    def __str__(self) -> str:
        if not self.source:
            return "all weights are new"
        said = [f"weights of {self.source}"]
        said += [f"new: {_some(self.new)}"] if self.new else []
        said += [f"{name} has {now} rows, {then} of them there" for name, (then, now) in self.grown.items()]
        said += [f"left: {_some(self.left)}"] if self.left else []
        return "; ".join(said)


class Start(NamedTuple):
    """A checkpoint, by our names."""

    where: str
    text: dict[str, Any]  # its text encoder's configuration
    state: dict[str, Tensor]
    left: list[str]  # what nothing is known of, by their names
    vocabulary: Mapping[str, Any]  # of a model of ours
    heads: Mapping[str, Any] = {}  # likewise; of others, those whose classes they tell
    settings: Mapping[str, Any] = {}  # of the body that is made of it


def read(
    name: str | Path,
    *,
    body: str = "bert",
    settings: Mapping[str, Any] | None = None,
    revision: str | None = None,
    allow_bin: bool = False,
) -> Start:
    """Read a checkpoint: a folder, a run, or a name on the hub; to make a body with these settings of it."""
    folder = folders.find(name, revision)
    path = folders.config(folder)
    where, told = str(path), read_table(path)
    if path.name in folders.OLDER:
        told = {"model_type": "bert"} | {name: value for name, value in told.items() if name != "layer_types"}
    if told.get("model_type") == MODEL_TYPE:
        config = own_config(told, where)
        belonging.refuse_others(where, config.body, config.settings or {}, body)
        return Start(
            str(name),
            dict(config.text or {}),
            safety.read(folder),
            [],
            config.vocabulary or {},
            config.heads or {},
            belonging.settled(body, settings or {}, config.settings or {}),
        )
    text = plain_encoder(encoder_config(told, where=where))
    raw = safety.read(folder, allow_bin=allow_bin)
    known = keys.find(raw)
    if known is None:
        raise ArtefactError(
            f"{folder}: weights of no kind that is known here (the first is {next(iter(raw), 'absent')!r}); "
            "give a checkpoint of BERT, RoBERTa or their kin"
        )
    found = belonging.settled(body, settings or {}, known.settings)
    state, left = known.rename(raw, whole=known.whole(found))
    if known.whole(found) and SEGMENTS in state:
        text["type_vocab_size"] = len(state[SEGMENTS])
    return Start(str(name), text, state, left, {}, _told_by(state), found)


def _told_by(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return heads whose sizes a checkpoint tells: classes of examples, numbered; vectors of entities."""
    found = {}
    if LABELS in state:
        names = tuple(map(str, range(len(state[LABELS]))))
        found["labels"] = heads_of.plain(classes.Settings(classes=names, dropout=0.0))
    if DEA in state:
        found["dea"] = heads_of.plain(entity.Settings(width=len(state[DEA])))
    return found


def own_config(told: Mapping[str, Any], where: str) -> KnowledgeConfig:
    """Read what a model of ours says of itself; refuse what cannot be."""
    tables = ("settings", "text", "heads", "tables", "vocabulary", "lineage")
    for name in tables:
        if not isinstance(told.get(name) or {}, dict):
            raise ConfigError(f"{where}: {name} is no table; copy the model anew")
    for name in ("heads", "tables"):
        for part, table in (told.get(name) or {}).items():
            if not isinstance(table, dict):
                raise ConfigError(f"{where}: {part!r} of {name} is no table; copy the model anew")
    if not isinstance(told.get("body"), str):
        raise ConfigError(f"{where}: names no body; copy the model anew")
    plain = {name: value for name, value in told.items() if name != "auto_map"}
    config: KnowledgeConfig = KnowledgeConfig.from_dict(plain)
    rows, size = (
        encoder_config(config.text or {}, where=where).vocab_size,
        (config.vocabulary or {}).get("size"),
    )
    if size is not None and (not isinstance(size, int) or not 0 < size <= rows):
        raise ConfigError(f"{where}: a vocabulary of {size!r} words, and embeddings of {rows}")
    return config


def began(start: Start, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's configuration with some of it changed; of sizes, only rows may be added."""
    kind = changes.get("model_type", start.text["model_type"])
    if kind != start.text["model_type"]:
        raise ConfigError(
            f"model.text.model_type is {kind!r}, but {start.where} is {start.text['model_type']!r}"
        )
    for name in SIZES.keys() & changes.keys():
        there, wanted = start.text.get(name), changes[name]
        more = name in GROWING and isinstance(there, int) and isinstance(wanted, int) and wanted > there
        if wanted != there and not more:
            least = " at least" if name in GROWING else ""
            raise ConfigError(
                f"model.text.{name} is {wanted!r}, but {start.where} has {there}; give {there}{least}"
            )
    return {**start.text, **changes}


def check_vocabulary(start: Start, rows: int, vocabulary: Mapping[str, Any], given: bool) -> None:
    """Refuse a tokenizer that is not the checkpoint's, as far as that can be seen; `rows` may be `given`."""
    size, content = vocabulary.get("size"), vocabulary.get("content")
    before = start.vocabulary.get("content")
    if before is not None and content is not None and before != content and not given:
        raise ConfigError(f"{start.where} was trained with another tokenizer than the shards were made with")
    slack = rows if given else SLACK
    if size is not None and not size <= rows <= size + slack:
        cure = f"; or set model.text.vocab_size={size} to add rows" if size > rows else ""
        raise ConfigError(
            f"{start.where} has embeddings of {rows} words, the tokenizer has {size}: "
            f"make shards with its own{cure}"
        )
    pad, theirs = _special(vocabulary).get("pad", -1), start.text.get("pad_token_id")
    if theirs is not None and pad >= 0 and pad != theirs:
        raise ConfigError(
            f"{start.where} pads with token {theirs}, the tokenizer with {pad}: another tokenizer"
        )


@torch.no_grad()
def fill(model: nn.Module, start: Start) -> Loaded:
    """Copy a checkpoint's weights into a model that has new ones."""
    ours, words = model.state_dict(), start.text.get("vocab_size")
    others = _other_classes(getattr(model, "config", None), start)
    new, left, grown = [*ours], [*start.left], dict[str, tuple[int, int]]()
    for name, value in start.state.items():
        mine = ours.get(name)
        unlike = mine is not None and mine.shape != value.shape and not name.startswith(TEXT)
        if mine is None or name.startswith(others) or (unlike and value.shape[:1] != (words,)):
            left.append(name)
            continue
        if mine.shape != value.shape:
            _check_grows(model, name, mine, value, start.where)
            grown[name] = (len(value), len(mine))
        if not value.is_floating_point() and mine.is_floating_point():
            raise ArtefactError(f"{start.where}: {name} holds whole numbers; copy the checkpoint anew")
        safety.refuse_nan(start.where, name, value)
        mine[: len(value)].copy_(value) if name in grown else mine.copy_(value)
        new.remove(name)
    if gone := [name for name in new if name.startswith(TEXT)]:
        raise ArtefactError(
            f"{start.where}: {len(gone)} weights of the text encoder are not there ({_some(gone)}); "
            "its config.json and its weights do not belong together"
        )
    return Loaded(start.where, tuple(new), tuple(left), grown)


def _other_classes(config: Any, start: Start) -> tuple[str, ...]:
    """Return what the names of heads begin with whose classes are others, or in another order, than there."""
    mine = getattr(config, "heads", None) or {}
    return tuple(
        f"{HEADS}{name}."
        for name, there in start.heads.items()
        if [*(mine.get(name, {}).get("classes") or ())] != [*(there.get("classes") or ())]
    )


def _check_grows(model: nn.Module, name: str, mine: Tensor, value: Tensor, where: str) -> None:
    """Refuse a shape that is another one by more than rows of an embedding, or of a bias of words."""
    owner = model.get_submodule(name.rpartition(".")[0])
    rows = isinstance(owner, nn.Embedding) or (name.startswith(HEADS) and value.dim() == 1)
    if not rows or mine.shape[1:] != value.shape[1:] or len(mine) < len(value):
        raise ConfigError(f"{where}: {name} is {_shape(value)}, where the configuration says {_shape(mine)}")


def _special(vocabulary: Mapping[str, Any]) -> Mapping[str, int]:
    found: Mapping[str, int] = vocabulary.get("special") or vocabulary
    return found


def _shape(value: Tensor) -> str:
    return " × ".join(map(str, value.shape)) or "one number"


def _some(names: tuple[str, ...] | list[str], many: int = 4) -> str:
    """Name parts that are new as a whole once, others one by one, up to a number."""
    roots = [*dict.fromkeys(name.split(".")[1] if name.startswith(HEADS) else name for name in names)]
    more = f" and {len(roots) - many} more" if len(roots) > many else ""
    return ", ".join(roots[:many]) + more


def text_of(model: Model, start: Start | None, vocabulary: Mapping[str, Any]) -> dict[str, Any]:
    """Work out the configuration of the text encoder from a recipe, a checkpoint and the vocabulary."""
    if start is not None:
        refuse_unknown(model.text, start.text["model_type"], where="model.text")
        text = encoder_config(began(start, model.text), where="model.text")
        check_vocabulary(start, text.vocab_size, vocabulary, given="vocab_size" in model.text)
        return plain_encoder(text)
    if "model_type" not in model.text:
        raise ConfigError(
            "model.text has no model_type: say which encoder (bert, roberta, ...), or give model.start"
        )
    refuse_unknown(model.text, str(model.text["model_type"]), where="model.text")
    return plain_encoder(encoder_config({**_words(vocabulary, model.text), **model.text}, where="model.text"))


def plain_vocabulary(vocabulary: Mapping[str, Any]) -> dict[str, Any]:
    """Write a vocabulary as a configuration holds it."""
    found: dict[str, Any] = {name: vocabulary[name] for name in ("content", "size") if name in vocabulary}
    special = {name: int(at) for name, at in _special(vocabulary).items() if name in SPECIAL}
    return {**found, "special": special} if special else found


def _words(vocabulary: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an encoder with new weights has from the vocabulary; refuse what is given and differs."""
    special = _special(vocabulary)
    found = {"vocab_size": vocabulary["size"], "pad_token_id": special.get("pad", -1)}
    found |= {name: special.get(what, -1) for name, what in ENDS.items()}
    known = known_settings(given["model_type"])
    found = {name: value for name, value in found.items() if value >= 0 and name in known}
    for name in found.keys() & given.keys():
        spare = name == "vocab_size" and given[name] > found[name]  # rows that no word has yet
        if given[name] != found[name] and not spare:
            raise ConfigError(
                f"model.text.{name} is {given[name]!r}, the tokenizer's is {found[name]}; leave it out"
            )
    return found
