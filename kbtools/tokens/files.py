"""The files of a tokenizer, as transformers reads them without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from tokenizers import Tokenizer as Made

from kbtools.artefact import FileEntry, entry
from kbtools.tokens.loading import CONFIG, MAP, MERGES, PAIRS, VOCABULARY, WHOLE
from kbtools.tokens.settings import SPECIAL, Settings

CLASSES = {"wordpiece": "BertTokenizer", "char": "BertTokenizer"}
LONGEST = 512  # tokens of a text, as transformers wants to be told


def write(folder: Path, made: Made, settings: Settings) -> list[FileEntry]:
    """Write all files of a tokenizer; return what they are."""
    special = _special(settings)
    written = {
        WHOLE: made.to_str(pretty=True).encode(),
        CONFIG: _json(_config(settings) | special),
        MAP: _json(special),
    }
    by_number = sorted(made.get_vocab(), key=made.get_vocab().__getitem__)
    if settings.kind in ("wordpiece", "char"):
        written[VOCABULARY] = "".join(f"{token}\n" for token in by_number).encode()
    elif settings.kind == "bpe":
        told = msgspec.json.decode(made.to_str())["model"]["merges"]
        written[PAIRS] = _json({token: at for at, token in enumerate(by_number)})
        written[MERGES] = (
            "#version: 0.2\n" + "".join(f"{first} {second}\n" for first, second in told)
        ).encode()
    for name, data in written.items():
        (folder / name).write_bytes(data)
    return [entry(folder, name) for name in sorted(written)]


def _special(settings: Settings) -> dict[str, Any]:
    """Say which token is what."""
    names = {f"{role}_token": token for role, token in SPECIAL[settings.kind].items()}
    if settings.kind in ("bpe", "unigram"):
        names |= {"bos_token": names["cls_token"], "eos_token": names["sep_token"]}
    more = {"additional_special_tokens": list(settings.added)} if settings.added else {}
    return dict(sorted(names.items())) | more


def _config(settings: Settings) -> dict[str, Any]:
    told: dict[str, Any] = {
        "tokenizer_class": CLASSES.get(settings.kind, "PreTrainedTokenizerFast"),
        "model_max_length": LONGEST,
        "clean_up_tokenization_spaces": False,
    }
    if settings.kind in CLASSES:
        told |= {"do_lower_case": not settings.cased, "strip_accents": None, "tokenize_chinese_chars": True}
    return told


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
