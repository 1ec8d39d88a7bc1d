"""The sorts of tokenizers that are built here, each out of counted words.

- wordpiece: pieces of words, joined by byte-pair encoding; the longest that fits is taken (BERT).
- char: single characters; ##x goes on with a word, so that nothing is lost.
- bpe: byte-pair encoding of bytes: nothing is unknown (GPT-2, RoBERTa).
- unigram: pieces with probabilities; the likeliest division is taken (Kudo 2018).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Made

from kbtools.errors import ConfigError
from kbtools.tokens import merging, unigram
from kbtools.tokens.counting import HAN
from kbtools.tokens.loading import bert
from kbtools.tokens.settings import SPECIAL, Settings

Words = Mapping[str, int]
Told = Callable[[int], None]
PREFIX, SPACE = "##", "▁"
UNK = SPECIAL["wordpiece"]["unk"]


def blank(settings: Settings) -> Made:
    """Make a tokenizer that cuts words and has no pieces yet."""
    if settings.kind in ("wordpiece", "char"):
        return bert(models.WordPiece({}, unk_token=UNK), lower=not settings.cased)
    han = [pre_tokenizers.Split(Regex(f"[{HAN}]"), "isolated")] if settings.chinese == "apart" else []
    lower = [] if settings.cased else [normalizers.Lowercase()]
    if settings.kind == "bpe":
        made = Made(models.BPE())
        made.normalizer = normalizers.Sequence([normalizers.NFC(), *lower])
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.pre_tokenizer = pre_tokenizers.Sequence([*han, bytes_])
        made.decoder = decoders.ByteLevel()
        return made
    made = Made(models.Unigram())
    accents = [] if settings.cased else [normalizers.NFKD(), normalizers.StripAccents()]
    made.normalizer = normalizers.Sequence([*accents, *lower, normalizers.NFKC()])
    cut = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(), *han, pre_tokenizers.Punctuation()]
    made.pre_tokenizer = pre_tokenizers.Sequence(cut)
    made.decoder = decoders.Metaspace()
    return made


def learnt(settings: Settings, words: Words, told: Told | None = None) -> Made:
    """Learn the pieces and put the special tokens in."""
    made = blank(settings)
    made.model = LEARN[settings.kind](settings, words, told)
    fixed = SPECIAL[settings.kind]
    made.add_special_tokens(
        [AddedToken(one, lstrip=one == "<mask>", special=True, normalized=False) for one in settings.special]
    )
    cls, sep = ((fixed[role], settings.special.index(fixed[role])) for role in ("cls", "sep"))
    if settings.kind == "bpe":
        made.post_processor = processors.RobertaProcessing(
            sep, cls, trim_offsets=True, add_prefix_space=False
        )
    else:
        twice = f"{sep[0]} " if settings.kind == "unigram" else ""
        kind = 0 if settings.kind == "unigram" else 1
        made.post_processor = processors.TemplateProcessing(
            single=f"{cls[0]} $A {sep[0]}",
            pair=f"{cls[0]} $A {sep[0]} {twice}$B:{kind} {sep[0]}:{kind}",
            special_tokens=[cls, sep],
        )
    return made


def _characters(settings: Settings, words: Words, prefix: str) -> list[str]:
    """Choose the characters that are pieces; those that go on with a word bear the prefix."""
    found: Counter[str] = Counter()
    for word, count in words.items():
        found[word[0]] += count
        for char in word[1:]:
            found[prefix + char] += count
    chosen = sorted(
        (one for one in found if found[one] >= settings.least), key=lambda one: (-found[one], one)
    )
    room = settings.size - len(settings.special)
    return sorted(chosen[: min(settings.alphabet or room, room)])


def _wordpiece(settings: Settings, words: Words, told: Told | None) -> Any:
    pieces = settings.special + _characters(settings, words, PREFIX)
    if settings.kind == "wordpiece":
        pieces, _ = merging.learn(
            words, pieces, settings.size, prefix=PREFIX, least=settings.least, told=told
        )
    return models.WordPiece(
        {piece: at for at, piece in enumerate(pieces)}, unk_token=UNK, continuing_subword_prefix=PREFIX
    )


def _bpe(settings: Settings, words: Words, told: Told | None) -> Any:
    pieces = settings.special + sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces, merges = merging.learn(words, pieces, settings.size, least=settings.least, told=told)
    return models.BPE({piece: at for at, piece in enumerate(pieces)}, merges)


def _unigram(settings: Settings, words: Words, told: Told | None) -> Any:
    special = settings.special
    alphabet = _characters(settings, words, "")
    if not alphabet:
        raise ConfigError("no character occurs often enough to be a piece; is the corpus empty?")
    scored = unigram.learn(
        words,
        alphabet,
        settings.size - len(special),
        longest=settings.longest,
        least=settings.least,
        told=told,
    )
    unk = special.index(SPECIAL["unigram"]["unk"])
    return models.Unigram([(one, 0.0) for one in special] + scored, unk, False)


LEARN: dict[str, Callable[[Settings, Words, Told | None], Any]] = {
    "wordpiece": _wordpiece,
    "char": _wordpiece,
    "bpe": _bpe,
    "unigram": _unigram,
}
