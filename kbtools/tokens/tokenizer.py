"""A tokenizer: text as numbers, each with its place in the text.

    tokenizer = Tokenizer.load("tokenizers/small")      # or bert/vocab.txt, or a name on the hub
    stream = tokenizer.encode(["孙日新是一位医生。", "She lives in Geneva."], ["zh", "en"])

Memory: of what `tokenizers` makes of a text, no more than that of SIZE code points, or one document, is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.tokens import loading
from kbtools.tokens.loading import Special, guarded
from kbtools.tokens.placing import Laid, Placing, Raw
from kbtools.tokens.stream import Stream, joined
from kbtools.tokens.stretches import Stretches, cutting, odd

__all__ = ["Special", "Tokenizer"]

I32: TypeAlias = NDArray[np.int32]

SIZE = 1 << 18  # code points that are encoded together
GAPS = 1 << 20  # numbers that no token has
PROBES = ("Hello, big world!", "孙日新是一位医生。", "zq \U0001f600 x")
KINDS = {"WordPiece": "wordpiece", "BPE": "bpe", "Unigram": "unigram", "WordLevel": "words"}
_SURROGATES = re.compile("[\ud800-\udfff]")


class Tokenizer:
    """What is needed of a tokenizer; no special tokens are put around texts.

    `zh` says what a Chinese word is: each character, or what jieba takes for one.
    """

    def __init__(
        self, found: loading.Found, name: str, *, zh: Literal["characters", "jieba"] = "characters"
    ) -> None:
        if zh not in ("characters", "jieba"):
            raise ConfigError(f"zh={zh!r}: Chinese is cut into characters or by jieba")
        self.name, self.content, self.made = name, found.content, found.made
        self.made.no_truncation()
        self.made.no_padding()
        if getattr(self.made.model, "dropout", None):
            self.made.model.dropout = None  # drawn anew at each call
        self._vocabulary: dict[str, int] = self.made.get_vocab(with_added_tokens=True)
        self.size = max(self._vocabulary.values(), default=-1) + 1
        if not 0 < self.size <= len(self._vocabulary) + GAPS:
            raise ConfigError(
                f"{name}: a tokenizer of {len(self._vocabulary):,} tokens with numbers up to {self.size:,}"
            )
        self.special = loading.special(found)
        self.between = loading.between(self.made, self.special, name)
        self.made.post_processor = None  # it would cut spans in ways of its own
        self._placing = Placing(self.strings, wordpiece=self._prefix, spaces=self._spaces(), zh=zh)
        self._probe()
        how = cutting(self.made)
        self._stretches = Stretches(self._encode, how) if how else None

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        zh: Literal["characters", "jieba"] = "characters",
        lowercase: bool | None = None,
    ) -> Tokenizer:
        """Read a tokenizer: a folder or file, or a name on the hub; see `loading`."""
        return cls(loading.find(path, lowercase=lowercase), str(path), zh=zh)

    @property
    def kind(self) -> str:
        """Say what sort it is: wordpiece, bpe, unigram, words, or char (a token is a character)."""
        prefix = self._prefix or ""
        if (kind := KINDS.get(type(self.made.model).__name__, "")) in ("wordpiece", "words"):
            longer = (token for token in self._vocabulary if len(token.removeprefix(prefix)) > 1)
            if all(self._is_special(token) for token in longer):
                return "char"
        return kind

    @cached_property
    def strings(self) -> pa.Array:
        """The tokens by number; null where a number has none."""
        by_id: list[str | None] = [None] * self.size
        for token, at in self._vocabulary.items():
            by_id[at] = token
        return pa.array(by_id, pa.string())

    def encode(self, texts: Sequence[str], langs: Sequence[str | None] | None = None) -> Stream:
        """Turn documents into tokens, laid end to end."""
        texts = [text if _sound(text) else _SURROGATES.sub("\ufffd", text) for text in texts]
        parts = [self._stream(texts[low:high], langs and langs[low:high]) for low, high in _groups(texts)]
        return joined(parts)

    def decode(self, ids: Sequence[int] | I32) -> str:
        """Write tokens as text again, special tokens too."""
        plain = np.asarray(ids, np.int64).tolist()
        return guarded(self.name, lambda: str(self.made.decode(plain, skip_special_tokens=False)))

    def words(self, ids: Sequence[int] | I32) -> pa.Array:
        """Return the tokens as they stand in the vocabulary."""
        return self.strings.take(pa.array(ids, pa.int32()))

    def ids_of(self, strings: pa.Array) -> I32:
        """Look tokens up in the vocabulary; what is not in it is unknown (−1 if there is no such token)."""
        wanted = strings.cast(pa.string())
        found = pc.index_in(wanted, value_set=self.strings, skip_nulls=True)
        return np.asarray(found.fill_null(self.special.unk).to_numpy(zero_copy_only=False), np.int32)

    @property
    def _prefix(self) -> str | None:
        """Return what a token that goes on with a word begins with; none where the text tells."""
        if type(self.made.model).__name__ != "WordPiece":
            return None
        return str(self.made.model.continuing_subword_prefix) or None

    def _spaces(self) -> str:
        """Return what stands for white space in tokens."""
        parts = f"{_said(self.made.pre_tokenizer)}{_said(self.made.decoder)}{_said(self.made.normalizer)}"
        return ("▁" if "▁" in parts or "Metaspace" in parts else "") + ("Ġ" if "ByteLevel" in parts else "")

    def _is_special(self, token: str) -> bool:
        return self._vocabulary.get(token, -1) in self.special or (token[:1] in "[<" and token[-1:] in "]>")

    def _stream(self, texts: Sequence[str], langs: Sequence[str | None] | None) -> Stream:
        laid = Laid.of(texts)
        if self._stretches is None:
            raw = self._encode(texts)
        elif not odd("".join(texts)):
            raw = self._stretches(laid)
        else:
            runs = [(strange, list(run)) for strange, run in groupby(texts, odd)]
            raw = Raw.joined(
                [self._encode(run) if strange else self._stretches(Laid.of(run)) for strange, run in runs]
            )
        return self._placing.stream(laid, raw, langs)

    def _encode(self, texts: Sequence[str]) -> Raw:
        made = guarded(
            f"{self.name}: cannot encode", lambda: self.made.encode_batch(texts, add_special_tokens=False)
        )
        counts = np.fromiter(map(len, made), np.int64, len(made))
        total = int(counts.sum())
        ids = np.fromiter(chain.from_iterable(one.ids for one in made), np.int32, total)
        flat = chain.from_iterable(chain.from_iterable(one.offsets for one in made))
        return Raw(ids, np.fromiter(flat, np.int32, 2 * total).reshape(total, 2), counts)

    def _probe(self) -> None:
        """Refuse a tokenizer that does not tell where its tokens stand."""
        with loading.hushed():
            probed = [(text, self._encode([text])) for text in PROBES]
        for text, raw in probed:
            low, high = raw.offsets.min(initial=0), raw.offsets.max(initial=0)
            if len(raw.ids) > 1 and (high == 0 or low < 0 or high > len(text)):
                raise ConfigError(
                    f"{self.name}: it does not tell where its tokens stand in the text; {loading.CONVERT}"
                )


def _said(part: Any) -> str:
    return "" if part is None else repr(part)


def _sound(text: str) -> bool:
    """Tell whether a text has no half of a character, which could not be written."""
    return text.isascii() or not _SURROGATES.search(text)


def _groups(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Divide texts into groups of some SIZE."""
    low = size = 0
    for at, text in enumerate(texts):
        if at > low and size + len(text) > SIZE:
            yield low, at
            low, size = at, 0
        size += len(text)
    if low < len(texts):
        yield low, len(texts)
