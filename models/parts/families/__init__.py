"""How encoders of a family are run layer by layer; a module's `MODELS` are what transformers calls them."""

from __future__ import annotations

from typing import Any, cast

from transformers import PreTrainedConfig

from kbtools import plugins
from kbtools.errors import ConfigError
from kbtools.models.parts.families.base import Family


def of(config: PreTrainedConfig) -> Family:
    """Return the family of an encoder."""
    found = {model: family for family in _all() for model in family.MODELS}
    kind = config.model_type
    if kind not in found:
        raise ConfigError(
            f"{kind or 'a nameless kind'!r} is no encoder known here; known are {', '.join(sorted(found))}"
        )
    if getattr(config, "is_decoder", False):
        raise ConfigError(f"this {kind} is a decoder (is_decoder in its config); an encoder is needed")
    return found[kind]


def _all() -> list[Family]:
    package = __name__
    return [cast(Any, plugins.load(package, name)) for name in plugins.names(package)]
