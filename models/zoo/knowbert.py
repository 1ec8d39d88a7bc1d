"""KnowBert: between two layers, states link mentions of knowledge bases, and read what they were linked to.

(Peters et al. 2019, arXiv 1909.04164.) Any number of knowledge bases, after any layers; those after one layer
go by name. `output.parts["knowbert"]` says by knowledge base how candidates were scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from kbtools.errors import ConfigError
from kbtools.models.batch import Columns, Output
from kbtools.models.parts import kar
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.kar import Kar, Linked, Mentions
from kbtools.models.zoo.base import Given

NAME = "knowbert"
OTHERS = "*"
OF_WEIGHTS = ("kars",)
COLUMNS = ("entities.*.spans", "entities.*.eids", "entities.*.priors")  # read wherever there are any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Its knowledge bases."""

    kars: Mapping[str, kar.Settings] = field(
        default_factory=dict,
        metadata={"help": "By knowledge base; `*`: those whose vectors are given, and that are not named."},
    )


class KnowBert(nn.Module):
    """A text encoder, and what stands between its layers."""

    ONCE = ("pseudo_inverse",)

    def __init__(self, text: TextEncoder, kars: Mapping[str, Kar], layers: Mapping[str, int]) -> None:
        super().__init__()
        self.text = text
        self.kars: Any = nn.ModuleDict(dict(kars))
        self.at: dict[int, list[str]] = {}
        for name in sorted(kars):
            self.at.setdefault(layers[name], []).append(name)

    def forward(self, batch: Columns, *, layers: bool = False) -> Output:
        """Return the states of all tokens, and how candidates were scored."""
        found: dict[str, Linked] = {}

        def between(number: int, states: Tensor) -> Tensor:
            for name in self.at.get(number, ()):
                mentions = Mentions.of(batch, name)
                if mentions is not None:  # a batch without these columns passes as it is
                    states, found[name] = self.kars[name](states, mentions, batch)
            return states

        out: Output = self.text(batch, between=between if self.at else None, layers=layers)
        out.parts[NAME] = found
        return out

    def pseudo_inverse(self) -> None:
        """Let what goes out of each part begin as the inverse of what goes in."""
        for one in self.kars.values():
            if one.told.inverse:
                one.pseudo_inverse()


def build(settings: Settings, given: Given) -> nn.Module:
    """Put it together, with new weights."""
    text = TextEncoder(given.text, attention=given.attention)
    told = dict(settings.kars)
    if (others := told.pop(OTHERS, None)) is not None:
        told |= {name: others for name in given.tables if name not in told}
        if not told:
            raise ConfigError(
                'model.settings.kars."*": there are no vectors of any knowledge base; give --vectors'
            )
    for name in told:
        if name not in given.tables:
            there = ", ".join(given.tables) or "none"
            raise ConfigError(
                f"model.settings.kars.{name}: there are no vectors of {name} (there are: {there}); "
                "give them with --vectors"
            )
        if "." in name:
            raise ConfigError(f"model.settings.kars: {name!r} has a point in its name: name it otherwise")
    dropout = float(getattr(given.text, "hidden_dropout_prob", 0.1))
    tables: Mapping[str, Any] = given.tables
    kars = {name: Kar(tables[name], text.width, one, dropout) for name, one in sorted(told.items())}
    return KnowBert(text, kars, {name: _layer(name, one, text.depth) for name, one in told.items()})


def _layer(name: str, told: kar.Settings, depth: int) -> int:
    """Return after which layer a knowledge base is read."""
    if not -depth <= told.layer < depth:
        raise ConfigError(
            f"model.settings.kars.{name}.layer is {told.layer}; the text encoder has layers 0 to {depth - 1}"
        )
    return told.layer % depth
