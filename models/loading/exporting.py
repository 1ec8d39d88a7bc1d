"""A checkpoint of transformers out of a model of ours: for those who do not have this library.

Of the classes that transformers has for the architecture, the one with most heads that the model has: the
encoder and the heads of its training, those for masked words, or the encoder alone. Names are found by giving
the names of such a model to the key map that reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForPreTraining, PreTrainedConfig

from kbtools.errors import ConfigError
from kbtools.models import hub, keys
from kbtools.models.keys import KeyMap

CLASSES: tuple[Any, ...] = (AutoModelForPreTraining, AutoModelForMaskedLM, AutoModel)


@torch.no_grad()
def write(model: Any, folder: Path) -> list[str]:
    """Write the text encoder and heads; return the names of weights that have no place there."""
    text, ours = model.config.encoder(), model.state_dict()
    text.tie_word_embeddings = True
    with hub.quiet():
        kind, options, known = _fitting(text, ours)
        made = kind.from_config(text, **options)
        theirs = made.state_dict()
        for name, value in theirs.items():
            if (mine := known.ours(name)) is not None:
                value.copy_(ours[mine])
        made.tie_weights()
        made.to(model.dtype).save_pretrained(folder)
    used = {mine for name in theirs if (mine := known.ours(name)) is not None}
    return [name for name in ours if name not in used]


def _fitting(text: PreTrainedConfig, ours: dict[str, Any]) -> tuple[Any, dict[str, Any], KeyMap]:
    """Find the largest model of transformers whose weights are all here."""
    for kind, options in _candidates():
        try:
            with torch.device("meta"):  # names are all that is wanted
                made = kind.from_config(text, **options)
        except (ValueError, TypeError, KeyError):  # it has no such class, or takes no such option
            continue
        known = keys.find(made.state_dict())
        if known is None:
            continue
        names = {name: known.ours(name) for name in made.state_dict() if not known.says_nothing(name)}
        if all(mine in ours for mine in names.values()):
            return kind, options, known
    raise ConfigError(f"transformers has no class for {text.model_type} that these weights would fill")


def _candidates() -> Iterator[tuple[Any, dict[str, Any]]]:
    for kind in CLASSES:
        yield kind, {}
    yield AutoModel, {"add_pooling_layer": False}
