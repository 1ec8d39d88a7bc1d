"""A model that links, opened for the knowledge bases of a table of names; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.bases import same_ids
from kbtools.models import devices
from kbtools.models.base import KnowledgeModel
from kbtools.models.features.opening import input_of
from kbtools.models.linking import running
from kbtools.models.linking.laying import Asked, Texts, laid
from kbtools.models.loading import folders
from kbtools.models.zoo.knowbert import NAME
from kbtools.tokens.tokenizer import Tokenizer

LENGTH = 512  # tokens of a window, if the model takes more


class Scorer:
    """Mentions with candidates in, log-odds against none out."""

    def __init__(self, run: str, kbs: Sequence[KbRef]) -> None:
        folder = folders.find(run)
        told = input_of(run, folder)
        self.path, self.kind, self.content = told.path, told.kind, told.content
        model = KnowledgeModel.from_pretrained(folder)
        _check(run, model, kbs)
        self.model: KnowledgeModel = model.eval()
        self.kbs = [ref.name for ref in kbs]
        self.tokenizer = Tokenizer.load(str(folder))

    def __call__(
        self,
        texts: Sequence[str],
        langs: Sequence[str | None],
        asked: Any,
        /,
        *,
        length: int = 0,
        batch: int = 2048,
        device: str = "auto",
    ) -> NDArray[np.float32]:
        """Return the log-odds of each candidate, [C]; `asked` has the columns of `laying.Asked`."""
        self.model.to(devices.chosen(device))  # type: ignore[arg-type]
        mine = Asked.of(asked)
        known = self._known(mine)
        stream = self.tokenizer.encode(list(texts), list(langs))
        found = laid(Texts(stream, self.tokenizer.special, self._window(length)), mine, known)
        return running.scores(self.model, self.kbs, found, batch)

    def check(self, *, length: int, device: str) -> None:
        """Refuse settings that it cannot follow, before any work is done."""
        self._window(length)
        devices.chosen(device)

    def _known(self, asked: Asked) -> NDArray[np.bool_]:
        """Tell which candidates have a vector."""
        kb = np.repeat(asked.kb, np.diff(asked.offsets))
        known = np.zeros(len(asked.eid), np.bool_)
        for place, name in enumerate(self.kbs):
            mine = kb == place
            known[mine] = (
                self.model.tables[name].has(torch.from_numpy(asked.eid[mine].astype(np.int64))).numpy()
            )
        return known

    def _window(self, length: int) -> int:
        room = self.model.body.text.room or max(length, LENGTH)
        if length > room:
            raise ConfigError(f"features.model.length is {length}, but {self.path} takes {room} tokens")
        around = (self.tokenizer.special.cls >= 0) + (self.tokenizer.special.sep >= 0)
        window = length or min(room, LENGTH)
        if window <= around:
            raise ConfigError(f"features.model.length is {window}: no room for text between special tokens")
        return int(window)


def opened(run: str, kbs: Sequence[KbRef]) -> Scorer:
    """Open a run, or return what this process has open, if it is still what lies there."""
    content = input_of(run, folders.find(run)).content
    return _opened(run, content, msgspec.json.encode(kbs))


@lru_cache(maxsize=1)
def _opened(run: str, _content: str, kbs: bytes) -> Scorer:
    return Scorer(run, msgspec.json.decode(kbs, type=list[KbRef]))


def _check(run: str, model: KnowledgeModel, kbs: Sequence[KbRef]) -> None:
    """Refuse a model that does not link, or links entities of others than these."""
    if model.config.body != NAME:
        raise ConfigError(
            f"{run}: a {model.config.body}, which links nothing; train one that does: kbtools train {NAME}"
        )
    there = ", ".join(model.body.kars) or "no knowledge base"
    for ref in kbs:
        if ref.name not in model.body.kars:
            raise ArtefactError(
                f"{run}: links entities of {there}, but names of --alias mean those of {ref.name}, too; "
                f"give an alias table without them: kbtools alias"
            )
        table = model.tables[ref.name]
        if table.absent:
            raise ArtefactError(f"{run}: the vectors of {ref.name} are not where they were; it links by them")
        theirs = [one for one in (table.source.kbs if table.source else []) if one.name == ref.name]
        if theirs and not same_ids(theirs[0], ref):
            raise ArtefactError(
                f"{run}: of another release of {ref.name} than --alias, whose numbers mean other entities"
            )
