"""What it takes to be a head.

A module has `Settings` (a frozen dataclass: all that the head needs to know, names of its classes too) and
`build(settings, text)`, which makes it for a text encoder. In a model's configuration a head is a table of
plain values, `{"kind": "classes", "classes": ["no", "yes"]}`, so a model that is loaded has the heads it was
saved with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import nn
from transformers import PreTrainedConfig

from kbtools import config, plugins
from kbtools.errors import ConfigError

PACKAGE = "kbtools.models.parts.heads"


class Kind(Protocol):
    """A module of heads."""

    Settings: type

    @staticmethod
    def build(settings: Any, text: PreTrainedConfig) -> nn.Module:
        """Make the head."""
        ...


def plain(settings: Any) -> dict[str, Any]:
    """Write settings of a head as JSON has them; the kind is the name of the module they are from."""
    values = config.plain(settings).items()
    told = {name: [*value] if isinstance(value, tuple) else value for name, value in values}
    return {"kind": type(settings).__module__.rpartition(".")[2], **told}


def build(table: Mapping[str, Any], text: PreTrainedConfig) -> nn.Module:
    """Make a head with new weights from what `plain` wrote."""
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise ConfigError(f"a head has no kind; there are {', '.join(plugins.names(PACKAGE))}")
    module = plugins.load(PACKAGE, kind)
    rest = {name: value for name, value in table.items() if name != "kind"}
    head: nn.Module = module.build(config.build(module.Settings, rest, where=f"head {kind}"), text)
    own = getattr(head, "start", None)  # of heads that begin in another way
    if own is None:
        fresh(head, text)
    else:
        own()
    return head


def fresh(module: nn.Module, text: PreTrainedConfig) -> None:
    """Give all weights new values, as BERT does: matrices are normal and narrow, biases 0, scales 1."""
    deviation = getattr(text, "initializer_range", None) or 0.02
    for name, weight in module.named_parameters():
        if weight.dim() > 1:
            nn.init.normal_(weight, std=deviation)
        elif name.rpartition(".")[2] == "bias":
            nn.init.zeros_(weight)
        else:
            nn.init.ones_(weight)
