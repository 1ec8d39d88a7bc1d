"""A model: a body of the zoo and its heads, made, loaded and saved as transformers does it.

    recipe ──make──▶ KnowledgeModel ──save_pretrained──▶ folder ──from_pretrained──▶ KnowledgeModel
    checkpoint of BERT, RoBERTa, ... ──from_pretrained──▶

One class for all of the zoo. Names of weights: `body.text.model.*` is transformers' own encoder, `body.*`
what the body adds, `heads.NAME.*` the heads. Frozen entity tables are files of their own: in no state dict.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from kbtools import config as settings_of
from kbtools import plugins
from kbtools.errors import ArtefactError, KbError
from kbtools.models import hub
from kbtools.models.batch import Columns, Output, renamed
from kbtools.models.configuration import ATTENTION, MODEL_TYPE, KnowledgeConfig, one_line
from kbtools.models.loading import checkpoints, exporting, folders, reading, writing
from kbtools.models.loading.building import building, drawn, passing_buffers, put_back
from kbtools.models.loading.checkpoints import Loaded
from kbtools.models.parts.heads import base as heads_of
from kbtools.models.parts.tables import EntityTable
from kbtools.models.recipe import Model
from kbtools.models.vectors.packing import How
from kbtools.models.zoo.base import Given

ZOO = "kbtools.models.zoo"
THEIRS = {"output_hidden_states", "return_dict", "output_attentions", "use_cache"}  # what transformers passes

log = logging.getLogger("kbtools.models")


class KnowledgeModel(PreTrainedModel):  # type: ignore[no-untyped-call]  # transformers' own checks
    """Body and heads; `model(batch)` or `model(input_ids=..., attention_mask=...)` returns an `Output`."""

    config_class = KnowledgeConfig
    config: KnowledgeConfig
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    body: Any
    heads: nn.ModuleDict
    _supports_sdpa = _supports_flex_attn = True

    def __init__(
        self,
        config: KnowledgeConfig,
        *,
        tables: Mapping[str, EntityTable] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(config)
        self.loaded = Loaded()
        self.origin: Path | None = None  # the folder that it was loaded from
        text = config.encoder()
        if tables is None:
            where = Path(config.name_or_path or ".")
            tables = {kb: EntityTable.attach(told, where) for kb, told in (config.tables or {}).items()}
        self.tables = dict(tables)
        with building() as loading:
            for name, table in self.tables.items() if seed is not None else ():
                with drawn(seed, f"table {name}"):
                    table.reset()
            with drawn(seed, "body"):
                self.body = _body(config, Given(text, self.tables, config.attention))
            self.heads = nn.ModuleDict()
            # Sorted, as config.json has them: the gradient's length is a sum in the order of weights, and a
            # run that goes on is to be the same to the bit.
            for name, table in sorted((config.heads or {}).items()):
                with drawn(seed, f"head {name}"):
                    self.heads[name] = heads_of.build(table, text)
        self._kept = passing_buffers(self) if loading else {}
        self.post_init()  # type: ignore[no-untyped-call]

    @classmethod
    def make(
        cls,
        model: Model,
        *,
        heads: Mapping[str, Any],
        vocabulary: Mapping[str, Any],
        seed: int,
        tables: Mapping[str, EntityTable] | None = None,
        attention: str = "sdpa",
    ) -> KnowledgeModel:
        """Make what a recipe's [model] says, with new weights or from a checkpoint, to be trained.

        `heads` are settings of heads by name; `vocabulary` has `content`, `size` and the numbers of `pad`,
        `unk`, `cls`, `sep`, `mask` (−1: there is none). Weights depend on `seed` and their place alone.
        """
        start = (
            checkpoints.read(model.start, body=model.name, settings=model.settings) if model.start else None
        )
        text = checkpoints.text_of(model, start, vocabulary)
        config = KnowledgeConfig(
            body=model.name,
            settings=dict(model.settings if start is None else start.settings),
            text=text,
            heads={name: _plain(head) for name, head in heads.items()},
            tables={name: table.plain() for name, table in (tables or {}).items()},
            vocabulary=checkpoints.plain_vocabulary(vocabulary),
        )
        config._attn_implementation = ATTENTION.get(attention, attention)
        made = cls(config, tables=tables or {}, seed=seed)
        made.loaded = Loaded(new=tuple(made.state_dict()))
        if start is not None:
            made.loaded = checkpoints.fill(made, start)
            log.info("%s", made.loaded)
        return made

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        name: str | Path,
        *args: Any,
        model: str = "bert",
        settings: Mapping[str, Any] | None = None,
        heads: Mapping[str, Any] | None = None,
        allow_bin: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Load a model of ours, a run or a checkpoint of one, or begin one with BERT, RoBERTa and their kin.

        For the latter say which body of the zoo it shall be (`model`, `settings`); heads are those that the
        checkpoint has (`lm`, `pooler`, `nsp`) unless they are named. Weights that are new are logged, and in
        `.loaded`. Weights are read from safetensors; `allow_bin` reads pickles too, as numbers alone. Other
        arguments are those of transformers (`dtype`, `device_map`, `attn_implementation`, ...).
        """
        asked = reading.Asked.of(kwargs)
        folder = folders.find(name, asked.revision)
        if reading.is_ours(folder):
            made, info = cls._load(folder, args, asked, kwargs)
        else:
            start = checkpoints.read(
                name, body=model, settings=settings, revision=asked.revision, allow_bin=allow_bin
            )
            config, info = reading.beginning(start, model, heads), {}
            config._attn_implementation = asked.attention
            made = cls(config, tables={}, seed=0)
            made.loaded = checkpoints.fill(made, start)
            made = reading.placed(made, kwargs, where=str(name))
        if made.loaded.new or made.loaded.left or made.loaded.grown:
            log.info("%s", made.loaded)
        return (made, info) if asked.info else made

    @classmethod
    def _load(
        cls, folder: Path, args: tuple[Any, ...], asked: reading.Asked, kwargs: dict[str, Any]
    ) -> tuple[KnowledgeModel, dict[str, Any]]:
        """Load a model of ours by transformers' own means; what it does not find or cannot use is refused."""
        config, listed = reading.checked(folder, kwargs.pop("config", None))
        if asked.attention is not None:
            config._attn_implementation = asked.attention
        parent: Any = super()
        try:
            with hub.quiet():
                made, info = parent.from_pretrained(
                    str(folder), *args, config=config, use_safetensors=True, output_loading_info=True,
                    ignore_mismatched_sizes=True, **kwargs,
                )  # fmt: skip
        except KbError:
            raise
        except Exception as error:  # of transformers, of torch, of parts: each has its own
            raise ArtefactError(f"{folder}: cannot be loaded: {one_line(error)}") from error
        reading.refuse_gaps(folder, made, info, listed)
        put_back(made, made._kept)
        made._kept = {}
        made.loaded = Loaded(str(folder), left=tuple(sorted(info["unexpected_keys"])))
        made.origin = folder
        return made, info

    def save_pretrained(  # type: ignore[override]
        self,
        folder: str | Path,
        *,
        entities: How = "link",
        tokenizer: Path | str | None = None,
        recipe: str | None = None,
        metrics: Mapping[str, Any] | None = None,
        card: bool = True,
        **kwargs: Any,
    ) -> None:
        """Write configuration, weights, tokenizer, recipe and model card into a folder.

        `entities`: of entity tables pack none, the rows that training has used, or all (link, used, full).
        Without `tokenizer` and `recipe`, those that the model was loaded with are kept. What is left goes to
        transformers (`max_shard_size`, `state_dict`, ...); with `is_main_process=False` nothing is written.
        """
        if not kwargs.get("is_main_process", True):
            return
        with writing.placed(Path(folder)) as here:
            before = self.config.tables, self.config.lineage
            try:
                packed = {kb: table.save(here, entities) for kb, table in self.tables.items()}
                self.config.tables = packed
                writing.beside(self, here, tokenizer=tokenizer, recipe=recipe)
                with hub.quiet():
                    super().save_pretrained(here, save_original_format=False, **kwargs)
                if card:
                    writing.card_of(self, here, metrics)
            finally:
                self.config.tables, self.config.lineage = before

    def export_text(self, folder: str | Path) -> list[str]:
        """Write the text encoder, with heads that transformers has too, as a checkpoint of transformers.

        Returns the names of weights that have no place there.
        """
        with writing.placed(Path(folder)) as here:
            left = exporting.write(self, here)
            writing.beside(self, here, tokenizer=None, recipe=None)
        return left

    @property
    def words(self) -> Tensor:
        """The embeddings of the vocabulary, [V, E]."""
        found: Tensor = self.body.text.words
        return found

    def get_input_embeddings(self) -> nn.Module:
        """Return the embeddings of the vocabulary as a module."""
        found: nn.Module = self.body.text.model.get_input_embeddings()
        return found

    def forward(self, batch: Columns | None = None, *, layers: bool = False, **columns: Any) -> Output:
        """Run the body on a batch, or on columns by name, as transformers or we name them."""
        layers = layers or bool(columns.get("output_hidden_states"))
        given = renamed({name: value for name, value in columns.items() if name not in THEIRS})
        output: Output = self.body({**(batch or {}), **given} if given else batch, layers=layers)
        return output

    def _init_weights(self, module: nn.Module) -> None:
        """Leave all as it is: encoder, parts and heads give themselves their first weights."""


def _body(config: KnowledgeConfig, given: Given) -> nn.Module:
    """Build a body of the zoo from its plain settings."""
    module = plugins.load(ZOO, config.body)
    settings = settings_of.build(module.Settings, config.settings or {}, where=f"settings of {config.body}")
    body: nn.Module = module.build(settings, given)
    return body


def _plain(head: Any) -> dict[str, Any]:
    """Write settings of a head as a table, unless they are one."""
    return dict(head) if isinstance(head, Mapping) else heads_of.plain(head)


AutoConfig.register(MODEL_TYPE, KnowledgeConfig, exist_ok=True)
AutoModel.register(KnowledgeConfig, KnowledgeModel, exist_ok=True)
