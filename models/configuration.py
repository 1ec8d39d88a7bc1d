"""What a saved model says of itself: `config.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from transformers import CONFIG_MAPPING, PreTrainedConfig

from kbtools.errors import ConfigError
from kbtools.models import hub

MODEL_TYPE = "kbtools"
ATTENTION = {"sdpa": "sdpa", "eager": "eager", "flex": "flex_attention"}  # here, and in transformers
SIZES = {  # of text encoders, and what is beyond any sense: a damaged file should not fill the memory
    "vocab_size": 1 << 24,
    "hidden_size": 1 << 20,
    "embedding_size": 1 << 20,
    "intermediate_size": 1 << 22,
    "num_hidden_layers": 1 << 12,
    "num_attention_heads": 1 << 16,
    "max_position_embeddings": 1 << 24,
    "type_vocab_size": 1 << 20,
}
MAY_BE_ZERO = {"type_vocab_size", "max_position_embeddings"}  # DeBERTa, encoders with relative places
LIKE = 0.85  # how alike two names are for one to be the other, misspelt
PASSING = {  # what transformers writes into a configuration that is none of the encoder's
    "transformers_version", "_name_or_path", "name_or_path", "architectures", "auto_map", "dtype",
    "torch_dtype", "_attn_implementation_autoset", "id2label", "label2id", "problem_type",
    "num_labels", "output_attentions", "output_hidden_states", "return_dict", "use_return_dict",
}  # fmt: skip


class KnowledgeConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]  # transformers' own checks
    """Which body, its settings and text encoder, which heads and tables, and what it was made from.

    | field        | what                                                                              |
    |--------------|-----------------------------------------------------------------------------------|
    | `body`       | a name of the zoo                                                                 |
    | `settings`   | the body's own                                                                    |
    | `text`       | configuration of the text encoder, with its `model_type`                          |
    | `heads`      | name → `{"kind": ..., ...}`                                                       |
    | `tables`     | knowledge base → where its entity table is, its digest, rows and width            |
    | `vocabulary` | `content` (digest of the tokenizer), `size`, `special` (pad, unk, cls, sep, mask)    |
    | `lineage`    | `inputs`, `kbs`, `licences`, digest of the `recipe`                               |
    """

    model_type = MODEL_TYPE

    body: str = "bert"
    settings: dict[str, Any] | None = None
    text: dict[str, Any] | None = None
    heads: dict[str, Any] | None = None
    tables: dict[str, Any] | None = None
    vocabulary: dict[str, Any] | None = None
    lineage: dict[str, Any] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        for name in ("settings", "text", "heads", "tables", "vocabulary", "lineage"):
            if getattr(self, name) is None:
                setattr(self, name, {})
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]

    def encoder(self) -> PreTrainedConfig:
        """Build the text encoder's configuration."""
        return encoder_config(self.text or {}, where="text")

    @property
    def attention(self) -> str:
        """How attention is computed, in our words; not saved: another machine may want another way."""
        return next((ours for ours, name in ATTENTION.items() if name == self._attn_implementation), "sdpa")

    @property
    def hidden_size(self) -> int:
        """The width of states; tools of transformers ask for it."""
        return int((self.text or {}).get("hidden_size", 0))

    @property
    def vocab_size(self) -> int:
        """Rows of the words' embeddings."""
        return int((self.text or {}).get("vocab_size", 0))


def encoder_config(table: Mapping[str, Any], *, where: str) -> PreTrainedConfig:
    """Build the configuration of a text encoder; refuse unknown kinds and senseless sizes.

    Code that comes with a checkpoint (`auto_map`) is never looked at.
    """
    kind = table.get("model_type")
    if not isinstance(kind, str) or kind == MODEL_TYPE or kind not in CONFIG_MAPPING:
        raise ConfigError(f"{where}: model_type is {kind!r}; transformers has no encoder of that name")
    for name in SIZES.keys() & table.keys():
        _check_size(name, table[name], where)
    if "auto_map" in table and not table.keys() - {"model_type", "auto_map"}:
        raise ConfigError(f"{where}: a model of its own code; code that comes with a model is never run")
    plain = {name: value for name, value in table.items() if name not in PASSING}
    try:
        with hub.quiet():
            made: PreTrainedConfig = CONFIG_MAPPING[kind].from_dict(plain)
    except Exception as error:  # each configuration checks in its own way
        raise ConfigError(f"{where}: not a configuration of {kind}: {one_line(error)}") from error
    for name in SIZES:
        if isinstance(getattr(made, name, None), int):
            _check_size(name, getattr(made, name), where)
    heads, width = getattr(made, "num_attention_heads", 1), getattr(made, "hidden_size", 0)
    if width % heads:
        raise ConfigError(f"{where}: hidden_size {width} is not a multiple of num_attention_heads {heads}")
    return made


def refuse_unknown(table: Mapping[str, Any], kind: str, *, where: str) -> None:
    """Refuse misspelt settings of an encoder: transformers would take them, and do nothing.

    One that is like no other is let through: some encoders read what their configuration does not name.
    """
    if kind not in CONFIG_MAPPING:
        raise ConfigError(f"{where}: model_type is {kind!r}; transformers has no encoder of that name")
    known = known_settings(kind)
    for name in sorted(table.keys() - known - {"model_type"}):
        if near := get_close_matches(name, known, n=1, cutoff=LIKE):
            raise ConfigError(f"{where}: {kind} has no setting {name!r}; did you mean {near[0]!r}?")


def known_settings(kind: str) -> set[str]:
    """List what the configuration of an encoder has."""
    made: Any = CONFIG_MAPPING[kind]
    fields = {field.name for field in dataclasses.fields(made)}
    return (fields | {*made.attribute_map} | {*made().to_dict()}) - PASSING


def plain_encoder(made: PreTrainedConfig) -> dict[str, Any]:
    """Write a text encoder's configuration as plain values, defaults too: they may change some day."""
    table: dict[str, Any] = json.loads(made.to_json_string(use_diff=False))
    return {name: value for name, value in table.items() if name not in PASSING}


def read_table(path: Path) -> dict[str, Any]:
    """Read a file of JSON that holds a table."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid JSON: {one_line(error)}") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: not a table of settings")
    return table


def one_line(error: BaseException) -> str:
    """Say in a line what another library complains of."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _check_size(name: str, value: Any, where: str) -> None:
    least = int(name not in MAY_BE_ZERO)
    if value is None and name == "embedding_size":
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= SIZES[name]:
        _refuse_size(name, value, least, where)


def _refuse_size(name: str, value: Any, least: int, where: str) -> NoReturn:
    raise ConfigError(f"{where}: {name} is {value!r}; it is a whole number from {least} to {SIZES[name]}")
