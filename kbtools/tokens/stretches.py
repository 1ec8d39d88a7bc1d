"""Encode each stretch of text without white space once, where a tokenizer does not look beyond one.

Most tokenizers cut at white space before they do anything else, so a text's tokens are those of its
stretches, and a few thousand stretches make up most of a text. BERT's cut around Chinese characters, too.
Which tokenizers those are, their own parts tell (`cutting`); a text with an odd sort of white space is
encoded as a whole.

Memory: MOST stretches or TOKENS of theirs; then all are forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Made

from kbtools.tokens.counting import HAN as EVERY_HAN
from kbtools.tokens.placing import SPACE, Laid, Raw

I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
Cutting: TypeAlias = Literal["words", "characters", "spaced", "spaced characters"]

MOST = 1 << 18
TOKENS = 1 << 21
HAN = "\u3400-\u4dbf\u4e00-\u9fff"  # what all take for Chinese
ODD = "\x0b\x0c\x1c\x1d\x1e\x1f\x85\u180e"  # white space for one, not for another
BARE = re.compile(f"[{HAN}]|[^\\s{HAN}]+")
SPACED = re.compile(r"\s*\S+|\s+")
SPACED_APART = re.compile(f"\\s*(?:[{HAN}]|[^\\s{HAN}]+)|\\s+")
_PLAIN = {"NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Lowercase"}


def odd(text: str) -> bool:
    """Tell whether a text has white space that not all take for it."""
    return any(char in text for char in ODD)


def cutting(made: Made) -> Cutting | None:
    """Tell where a tokenizer cuts before all else: at white space, around Chinese, before white space."""
    normalizer, cut = _parts(made.normalizer, "normalizers"), _parts(made.pre_tokenizer, "pretokenizers")
    around = any(_looks_around(token) for token in made.get_added_tokens_decoder().values())
    if around or not cut or any(one.get("prepend_scheme") == "first" for one in cut):
        return None
    names, first, last = [one["type"] for one in normalizer], cut[0]["type"], cut[-1]
    if names == ["BertNormalizer"] and first == "BertPreTokenizer" and normalizer[0]["clean_text"]:
        return "characters" if normalizer[0]["handle_chinese_chars"] else "words"
    if _PLAIN.issuperset(names) and first in ("BertPreTokenizer", "WhitespaceSplit"):
        return "words"
    bytes_ = last["type"] == "ByteLevel" and last["use_regex"] and not last["add_prefix_space"]
    if bytes_ and {"NFC", "Lowercase"}.issuperset(names) and cut[:-1] in ([], [_APART]):
        return "spaced characters" if cut[:-1] else "spaced"
    return None


def _parts(part: Any, inner: str) -> list[dict[str, Any]]:
    """List what a part of a tokenizer is made of, in order."""
    if part is None:
        return []
    told = msgspec.json.decode(part.__getstate__())
    return list(told[inner]) if told["type"] == "Sequence" else [told]


def _looks_around(token: Any) -> bool:
    """Tell whether an added token depends on what stands beside it, or on more than one stretch."""
    return bool(token.single_word or token.rstrip or _BREAKS.search(token.content))


_BREAKS = re.compile(f"[\\s{HAN}]")
_APART = {
    "type": "Split",
    "pattern": {"Regex": f"[{EVERY_HAN}]"},
    "behavior": "Isolated",
    "invert": False,
}


class Stretches:
    """The stretches that a tokenizer has met, with their tokens."""

    def __init__(self, encode: Callable[[Sequence[str]], Raw], how: Cutting) -> None:
        self.encode, self.how = encode, how
        self.known: dict[str, int] = {}
        self.first: I64
        self.counts: I64
        self.ids: I32
        self.offsets: I32
        self._forget()

    def __call__(self, laid: Laid) -> Raw:
        """Encode documents without odd white space."""
        found = [self._cut(text) for text in laid.texts]
        stretches = list(chain.from_iterable(found))
        held = np.append(0, np.cumsum(np.fromiter(map(len, found), np.int64, len(found))))
        at = self._numbers(stretches)
        counts = self.counts[at]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        base = np.repeat(laid.begins[:-1], np.diff(held))
        token = np.arange(total) + np.repeat(self.first[at] - (ends - counts), counts)
        shift = np.repeat(self._starts(laid, stretches) - base, counts).astype(np.int32)
        per_document = np.diff(np.append(0, ends)[held])
        return Raw(self.ids[token], self.offsets[token] + shift[:, None], per_document)

    def _cut(self, text: str) -> list[str]:
        if self.how == "spaced":
            return SPACED.findall(text)
        if self.how == "spaced characters":
            return SPACED_APART.findall(text)
        return text.split() if self.how == "words" or text.isascii() else BARE.findall(text)

    def _starts(self, laid: Laid, stretches: Sequence[str]) -> I64:
        """Find where the stretches begin, in all documents laid end to end."""
        if self.how.startswith("spaced"):  # they leave nothing out
            lengths = np.fromiter(map(len, stretches), np.int64, len(stretches))
            return np.cumsum(lengths) - lengths
        solid = laid.sorts != SPACE
        after = np.append(False, solid[:-1])
        after[laid.begins[:-1][laid.begins[:-1] < len(solid)]] = False
        begins = solid & ~after
        if self.how == "characters":
            han = ((laid.codes >= 0x4E00) & (laid.codes <= 0x9FFF)) | (
                (laid.codes >= 0x3400) & (laid.codes <= 0x4DBF)
            )
            begins |= han | (solid & np.append(False, han[:-1]))
        return np.flatnonzero(begins)

    def _numbers(self, stretches: Sequence[str]) -> I64:
        """Look stretches up; encode those that are new."""
        if len(self.known) > MOST or len(self.ids) > TOKENS:
            self._forget()
        at = np.fromiter(map(self.known.get, stretches, repeat(-1)), np.int64, len(stretches))
        missing = np.flatnonzero(at < 0)
        if len(missing):
            self._learn([*dict.fromkeys(stretches[one] for one in missing.tolist())])
            at[missing] = np.fromiter(
                (self.known[stretches[one]] for one in missing.tolist()), np.int64, len(missing)
            )
        return at

    def _learn(self, new: list[str]) -> None:
        raw = self.encode(new)
        there, tokens = len(self.known), len(self.ids)
        self.known.update(zip(new, range(there, there + len(new)), strict=True))
        self.first = np.append(self.first, tokens + np.cumsum(raw.counts) - raw.counts)
        self.counts = np.append(self.counts, raw.counts)
        self.ids = np.append(self.ids, raw.ids)
        self.offsets = np.append(self.offsets, raw.offsets, axis=0)

    def _forget(self) -> None:
        self.known = {}
        self.first, self.counts = np.empty(0, np.int64), np.empty(0, np.int64)
        self.ids, self.offsets = np.empty(0, np.int32), np.empty((0, 2), np.int32)
