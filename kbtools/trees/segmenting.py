"""Sentences whose words are parted by spaces already: the words, and the text as people write it.

Between Chinese or Japanese characters no space is written, so those go; `word` of the tree tells the words
still.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kbtools.text import CJK
from kbtools.trees.base import I64, Tokens
from kbtools.trees.reading import Texts
from kbtools.trees.strings import Joined

BETWEEN = re.compile(f"(?<=[{CJK}]) (?=[{CJK}])")


class Words(NamedTuple):
    """The words of a block's sentences, in order."""

    words: list[str]
    sentence: I64
    start: I64  # code points of the sentence
    end: I64


def segmented(block: Texts) -> tuple[Texts, Words]:
    """Find the words, and take out the spaces between Chinese characters; all places move with them."""
    joined = Joined(block.texts)
    gone = np.fromiter((found.start() for found in BETWEEN.finditer(joined.text)), np.int64)
    solid = joined.codes != ord(" ")
    solid[joined.begins[1:] - 1] = False
    edges = np.flatnonzero(np.diff(solid, prepend=False, append=False))
    low, high = edges[::2], edges[1::2]
    sentence = joined.owner(low)

    def moved(sentence: NDArray[Any], place: NDArray[Any]) -> I64:
        here = joined.begins[sentence] + place
        before = np.searchsorted(gone, here) - np.searchsorted(gone, joined.begins[sentence])
        found: I64 = place - before
        return found

    own = joined.begins[sentence]
    words = Words(
        joined.strings(low, high).to_pylist(),
        sentence,
        moved(sentence, low - own),
        moved(sentence, high - own),
    )
    tags = block.tags._replace(start=moved(block.tags.sentence, block.tags.start))
    links = block.links
    if links is not None:
        links = links._replace(start=moved(links.sentence, links.start), end=moved(links.sentence, links.end))
    texts = [BETWEEN.sub("", text) for text in block.texts]
    return block._replace(texts=texts, tags=tags, links=links), words


def marked(tokens: Tokens, words: Words) -> Tokens:
    """Say of tokens that a word begins where one was told to begin."""
    key = words.sentence << 32 | words.start
    owner = np.repeat(np.arange(tokens.size), np.diff(tokens.begins))
    which = np.searchsorted(key, owner << 32 | tokens.start, "right")
    begins = np.append(True, which[1:] != which[:-1])[: len(which)]
    begins[tokens.begins[:-1][np.diff(tokens.begins) > 0]] = True
    return tokens._replace(word=begins)
