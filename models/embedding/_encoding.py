"""What makes vectors of texts: a model that is loaded, or the vectors of their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbtools.artefact import Input
from kbtools.corpus.base import DOCUMENTS
from kbtools.errors import ConfigError
from kbtools.features.schema import VECTOR
from kbtools.features.settings import Settings as Running
from kbtools.models.features import opening, stage
from kbtools.vectors import KIND, Vectors
from kbtools.vectors.mean_of_words import MeanOfWords

F32 = NDArray[np.float32]


class Encoder(Protocol):
    """Texts in, one vector each out; zeros for a text of which nothing is known.

    `name` tells encoders apart whose vectors differ.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def dim(self) -> int:
        """How wide its vectors are."""
        ...

    def __call__(self, texts: Sequence[str]) -> F32:
        """Encode texts: [n, dim]."""
        ...


class Model:
    """A run, or any model that features can be made with, read as `kbtools encode` reads it."""

    def __init__(self, asked: opening.Asked) -> None:
        self._here = opening.opened(asked)
        self.name, self.dim = f"{Path(asked.model).name}@{asked.stamp[:12]}", self._here.dim

    def __call__(self, texts: Sequence[str]) -> F32:
        """Encode texts, those of like length together; [n, dim]."""
        numbers = pa.array(map(str, range(len(texts))), pa.string())
        none = [pa.nulls(len(texts), DOCUMENTS.field(name).type) for name in ("lang", "meta", "links")]
        block = pa.table([numbers, pa.array(texts, DOCUMENTS.field("text").type), *none], schema=DOCUMENTS)
        out = np.zeros((len(texts), self.dim), np.float32)
        for batch in stage.encoded(self._here, block, Counter({"tokens": 0})):
            rows = batch["doc_id"].cast(pa.int64()).to_numpy()
            out[rows] = batch[VECTOR].flatten().to_numpy().reshape(-1, self.dim)
        return out


def opened(settings: Any) -> tuple[Encoder, list[Input]]:
    """Load what the settings name; return it with its content."""
    if bool(settings.encoder) == bool(settings.words):
        told = "only one of them" if settings.encoder else "one of them is needed"
        raise ConfigError(
            f"-o encoder=RUN|FOLDER|NAME or -o words=VECTORS: {told} for vectors of descriptions"
        )
    if settings.words:
        made = MeanOfWords(settings.words)
        return made, [Input(path=settings.words, kind=KIND, content=Vectors(settings.words).content)]
    how = Running(length=settings.max_length, batch=settings.batch, device=settings.device)
    asked, made_with = opening.ask(settings.encoder, settings.layers, settings.pool, how)
    return Model(asked), made_with
