"""Texts as the mean of the vectors of their words: an encoder that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.text import EXACT, FORMS, normalise_many, segment
from kbtools.text.words import DIGIT, HAN, KATAKANA, LETTER, kinds
from kbtools.vectors.reader import Vectors
from kbtools.vectors.words import ANY

WORDY = np.isin(np.arange(8), [LETTER, DIGIT, HAN, KATAKANA])

F32 = NDArray[np.float32]


class MeanOfWords:
    """The mean vector of the words of a text; one that is a word as a whole has that word's."""

    def __init__(self, folder: str) -> None:
        found = Vectors(folder)
        if found.words is None:
            raise ConfigError(f"{folder}: vectors of entities alone, no words; make some with --model sgns")
        self._words = found.words
        self._form = FORMS.get(str(found.manifest.settings.get("form", "")), EXACT)
        self._zh: Any = found.manifest.settings.get("zh", "characters")
        self.name, self.dim = f"{Path(folder).name}@{found.content[:12]}", found.dim

    def __call__(self, texts: Sequence[str]) -> F32:
        """Average words, [n, dim]."""
        plain = normalise_many(texts, self._form)
        whole = self._words.look(plain, forms=ANY, subwords=False)
        left = np.flatnonzero(~whole.found)
        cut = [self._cut(plain[at]) for at in left.tolist()]
        whole.array[left] = self._words.phrases(cut, forms=ANY).array
        return whole.array

    def _cut(self, text: str) -> str:
        spans = segment.words(text, zh=self._zh).tolist()
        known = kinds()
        return " ".join(text[start:end] for start, end in spans if WORDY[known[ord(text[start])]])
