"""The trained model that `--with knowbert:RUN` names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kbtools.artefact import KbRef
from kbtools.errors import ConfigError
from kbtools.extras import need

if TYPE_CHECKING:
    from kbtools.linkers.scoring import Scorer

LOADER = "kbtools.cli.scorer:load"  # for linkers, whose workers load it themselves
KIND = "knowbert"


def load(name: str, kbs: Sequence[KbRef]) -> Scorer:
    """Load a model that links, for entities of these knowledge bases."""
    kind, _, run = name.partition(":")
    if kind != KIND:
        raise ConfigError(f"--with {name}: what links is {KIND}:RUN, a preset, or a fitted linker's folder")
    need("transformers", extra="train", why=f"--with {name}")
    from kbtools.models.linking import opened  # noqa: PLC0415 - slow to import

    return opened(run, tuple(kbs))
