"""Weights that were learnt from gold by `kbtools fit`; they lie in the folder of a fitted linker."""

from __future__ import annotations

from dataclasses import dataclass

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.base import Rank


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is made of the weights."""

    calibrated: bool = setting("Chances as they were seen on gold in place of the model's own.", True)


def make(settings: Settings) -> Rank:
    """Refuse: without the folder there are no weights."""
    del settings
    raise ConfigError("ranking fitted: its weights are in the folder of a fitted linker: --with LINKER")
