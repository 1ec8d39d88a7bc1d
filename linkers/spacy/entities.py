"""The entities that a pipeline of spaCy recognises, as places in texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.alias.normal import SURROGATE
from kbtools.errors import ConfigError
from kbtools.extras import need

LONGEST = 900_000  # characters: by default spaCy refuses texts of a million


class Recognised(NamedTuple):
    """Where entities stand, ordered by text and start."""

    text: NDArray[np.int32]
    start: NDArray[np.int32]  # code points
    end: NDArray[np.int32]


@lru_cache(maxsize=4)
def pipeline(model: str, disable: tuple[str, ...] = ()) -> Any:
    """Load a pipeline by its name or its folder; a process loads it once."""
    spacy = need("spacy", extra="link", why="recognising entities")
    try:
        return spacy.load(model, disable=list(disable))
    except OSError as error:
        raise ConfigError(
            f"spaCy has no pipeline {model!r}; install one (python -m spacy download en_core_web_sm) "
            "or name a folder"
        ) from error


def recognised(
    model: str, disable: tuple[str, ...], labels: Collection[str], texts: Sequence[str]
) -> Recognised:
    """Run the pipeline over texts; one that is too long for it is cut where a line or a sentence ends."""
    nlp = pipeline(model, disable)
    pieces = [piece for number, text in enumerate(texts) for piece in _pieces(number, text)]
    rows = []
    for doc, (number, first) in nlp.pipe(((text, at) for text, at in pieces), as_tuples=True):
        rows += [
            (number, first + ent.start_char, first + ent.end_char)
            for ent in doc.ents
            if not labels or ent.label_ in labels
        ]
    table = np.array(rows, np.int32).reshape(-1, 3)
    return Recognised(*(np.ascontiguousarray(table[:, at]) for at in range(3)))


def _pieces(number: int, text: str) -> list[tuple[str, tuple[int, int]]]:
    """Cut a text; a lone surrogate, which no pipeline can take, becomes U+FFFD."""
    text = text if text.isascii() else SURROGATE.sub("\ufffd", text)
    found, at = [], 0
    while len(text) - at > LONGEST:
        cuts = (text.rfind(mark, at, at + LONGEST) + len(mark) for mark in ("\n\n", "\n", ". ", "。", " "))
        cut = next((cut for cut in cuts if cut > at + LONGEST // 2), at + LONGEST)
        found.append((text[at:cut], (number, at)))
        at = cut
    found.append((text[at:], (number, at)))
    return [piece for piece in found if piece[0].strip()]
