"""Tiny configs of encoders of each architecture, by name; weights are random."""

from __future__ import annotations

from typing import Any

from transformers import (
    BertConfig,
    DebertaV2Config,
    ModernBertConfig,
    PreTrainedConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

WORDS = 90
NAMES = ("bert", "roberta", "xlm-roberta", "deberta-v2", "modernbert")
_SIZE = {
    "vocab_size": WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
_KINDS: dict[str, tuple[type[PreTrainedConfig], dict[str, Any]]] = {
    "bert": (BertConfig, {"max_position_embeddings": 64}),
    "roberta": (RobertaConfig, {"max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 1}),
    "xlm-roberta": (
        XLMRobertaConfig,
        {"max_position_embeddings": 66, "type_vocab_size": 1, "pad_token_id": 1},
    ),
    "deberta-v2": (  # as version 3 is: relative positions in buckets, no absolute ones
        DebertaV2Config,
        {
            "max_position_embeddings": 64,
            "type_vocab_size": 0,
            "relative_attention": True,
            "position_buckets": 8,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
        },
    ),
    "modernbert": (  # the first layer sees all, the second a window of 4 to each side
        ModernBertConfig,
        {
            "max_position_embeddings": 64,
            "pad_token_id": 0,
            "local_attention": 8,
            "global_attn_every_n_layers": 2,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "cls_token_id": 2,
            "sep_token_id": 3,
        },
    ),
}


def config(name: str, **changes: Any) -> PreTrainedConfig:
    """Return the config of an architecture, with some settings changed."""
    kind, settings = _KINDS[name]
    return kind(**{**_SIZE, **settings, **changes})


def without_dropout(name: str, **changes: Any) -> PreTrainedConfig:
    """Return a config in which training is as sure as evaluation."""
    found = config(name, **changes)
    for setting in found.to_dict():
        if "dropout" in setting and isinstance(getattr(found, setting), float):
            setattr(found, setting, 0.0)
    return found
