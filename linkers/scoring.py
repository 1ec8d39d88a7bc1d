"""What a trained model has to be for a linker: mentions with their candidates in, a score for each out.

The linker finds mentions and candidates, and decides; the model reads the text around and says how well each
candidate fits. Who joins the two names a function `load(name, kbs)` that returns a `Scorer`: every process
loads its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kbtools.artefact import KbRef
from kbtools.errors import ConfigError
from kbtools.linkers.base import Floats, Mentions

NIL = 0.0  # what a score is measured against: a candidate as likely as none


class Asked(NamedTuple):
    """M mentions with C candidates; those of mention i are offsets[i]:offsets[i + 1]."""

    text: NDArray[np.int32]  # [M] number of the text
    start: NDArray[np.int32]  # [M] code points
    end: NDArray[np.int32]  # [M]
    kb: NDArray[np.uint8]  # [M] a place among the knowledge bases that it was loaded for
    offsets: NDArray[np.int64]  # [M + 1]
    eid: NDArray[np.uint32]  # [C]
    prior: Floats  # [C]

    @classmethod
    def of(cls, mentions: Mentions) -> Asked:
        """Leave out what is the linker's own."""
        return cls._make(getattr(mentions, name) for name in cls._fields)


class Scorer(Protocol):
    """A model that tells candidates apart."""

    path: str
    kind: str  # of artefact: run, or model
    content: str  # a digest

    def check(self, *, length: int, device: str) -> None:
        """Refuse settings that it cannot follow, before any work is done."""
        ...

    def __call__(
        self,
        texts: Sequence[str],
        langs: Sequence[str | None],
        asked: Asked,
        /,
        *,
        length: int,
        batch: int,
        device: str,
    ) -> Floats:
        """Return the log-odds of each candidate against none, [C]; very small for one it does not know.

        A window has up to `length` tokens (0: what the model takes), windows of some `batch` tokens are run
        together. The same text and mentions get the same scores, whatever process asks.
        """
        ...


def load(name: str, loader: str, kbs: Sequence[KbRef]) -> Scorer:
    """Load the model that `--with KIND:RUN` names, for the knowledge bases of a table of names."""
    module, _, function = loader.partition(":")
    found: Scorer = getattr(importlib.import_module(module), function)(name, list(kbs))
    return found


def names_a_model(linker: str) -> bool:
    """Tell `knowbert:RUN` from presets, files and folders."""
    kind, colon, path = linker.partition(":")
    return bool(colon and path) and len(kind) > 1 and kind.isidentifier()


def taken(overrides: Sequence[str]) -> tuple[str | None, list[str]]:
    """Take `preset=NAME` out of what is set: whose mentions and candidates a model decides among."""
    base, rest = None, []
    for item in overrides:
        name, _, value = item.partition("=")
        if name.strip() != "preset":
            rest.append(item)
        elif not (base := value.strip()):
            raise ConfigError("preset= names nothing: a linker whose mentions and candidates are taken")
    return base, rest


def decided_by_model() -> dict[str, Any]:
    """Return the tables of a linker that stand in place of those of the preset that mentions come from."""
    return {
        "features": {"model": {}},
        "ranking": {"rule": "softmax", "prior": 0.0, "nil": NIL, "weights": {"model": 1.0}},
        "nil": {},
        "by_link": False,
    }
