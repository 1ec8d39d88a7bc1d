"""Read a tokenizer, in whatever form one has it; transformers is not needed.

Forms, in this order: a folder with tokenizer.json; a BERT vocabulary (vocab.txt); vocab.json with merges.txt
(byte-level BPE); a file of one of these; a name on the Hugging Face hub.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from tokenizers import Tokenizer as Made
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from kbtools.artefact import digest, manifest
from kbtools.errors import ConfigError
from kbtools.tokens import hub

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # a process has one thread; workers are processes

T = TypeVar("T")
Config = dict[str, Any]

WHOLE, VOCABULARY, PAIRS, MERGES = "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"
CONFIG, MAP = "tokenizer_config.json", "special_tokens_map.json"
FORMS = f"a folder with {WHOLE}, {VOCABULARY} or {PAIRS} and {MERGES}, one of these files, or a hub name"
CONVERT = "save it as a fast one: transformers.AutoTokenizer.from_pretrained(PATH, use_fast=True)"
NAMES = {  # the usual names, where nothing else tells
    "pad": ("[PAD]", "<pad>"),
    "unk": ("[UNK]", "<unk>"),
    "cls": ("[CLS]", "<s>", "<cls>"),
    "sep": ("[SEP]", "</s>", "<sep>"),
    "mask": ("[MASK]", "<mask>"),
}


class Special(NamedTuple):
    """Ids of the special tokens; −1: there is none."""

    pad: int
    unk: int
    cls: int
    sep: int
    mask: int


class Found(NamedTuple):
    """A tokenizer as it was read."""

    made: Made
    config: Config  # what the files beside it say
    content: str  # digest of what decides the ids


def guarded(what: str, function: Callable[[], T]) -> T:
    """Call something of the library `tokenizers`; whatever it throws (a panic, too) becomes one line."""
    try:
        return function()
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        raise ConfigError(f"{what}: {' '.join(str(error).split())[:200]}") from None


@contextmanager
def hushed() -> Iterator[None]:
    """Keep what a panic of Rust prints from standard error: the error that follows says it in a line."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def find(path: str | Path, *, lowercase: bool | None = None) -> Found:
    """Read the tokenizer at a path, or of that name; `lowercase` is for vocabularies that do not tell."""
    where = Path(path)
    if not str(path).strip():
        raise ConfigError(f"{path!r}: no such file or folder; a tokenizer is {FORMS}")
    if where.is_dir():
        return _folder(where, lowercase)
    if where.is_file():
        return _file(where, lowercase)
    return _folder(hub.find_folder(str(path)), lowercase)


def _folder(folder: Path, lowercase: bool | None) -> Found:
    if (folder / manifest.NAME).is_file():
        manifest.read(folder, "tokenizer")
    config = _config(folder)
    if (folder / WHOLE).is_file():
        return _whole(folder / WHOLE, config)
    if {"auto_map", "word_tokenizer_type"} & config.keys():
        raise ConfigError(f"{folder}: code of its own cuts the words and tells no offsets; {CONVERT}")
    if (folder / VOCABULARY).is_file():
        return _wordpiece(folder / VOCABULARY, config, lowercase)
    if (folder / PAIRS).is_file() and (folder / MERGES).is_file():
        return _bytelevel(folder / PAIRS, folder / MERGES, config)
    if models_there := sorted(one.name for one in folder.glob("*.model")):
        raise ConfigError(
            f"{folder}: {models_there[0]} alone tells no offsets; {CONVERT}.save_pretrained(NEW)"
        )
    raise ConfigError(f"{folder}: no tokenizer; it takes {FORMS}")


def _file(file: Path, lowercase: bool | None) -> Found:
    if file.suffix == ".txt" and file.name != MERGES:
        return _wordpiece(file, {}, lowercase)
    if file.name in (PAIRS, MERGES):
        return _folder(file.parent, lowercase)
    if file.suffix == ".json":
        return _whole(file, _config(file.parent) if file.name == WHOLE else {})
    if file.suffix == ".model":
        raise ConfigError(
            f"{file}: a model of sentencepiece tells no offsets; {CONVERT}.save_pretrained(NEW)"
        )
    raise ConfigError(f"{file}: no tokenizer; it takes {FORMS}")


def _whole(file: Path, config: Config) -> Found:
    data = _read(file)
    try:
        text = data.decode("utf-8-sig")
        if not isinstance(told := msgspec.json.decode(text), dict) or "model" not in told:
            raise ConfigError(f"{file}: no tokenizer (it says nothing of a model); a tokenizer is {FORMS}")
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: damaged or foreign: {error}") from None
    with hushed():
        made = guarded(f"{file}: not a tokenizer that can be used", lambda: Made.from_str(text))
    return Found(made, config, digest.of_bytes(data))


def _wordpiece(file: Path, config: Config, lowercase: bool | None) -> Found:
    """Make BERT's tokenizer of its vocabulary; without a word on case, capitals in it tell."""
    data = _read(file)
    try:
        lines = data.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not a vocabulary: {error}") from None
    ids = {token: at for at, token in enumerate(lines)}
    unk = _named(config.get("unk_token")) or NAMES["unk"][0]
    if unk not in ids:
        raise ConfigError(f"{file}: not a vocabulary of BERT: it has no {unk}")
    lower = config.get(
        "do_lower_case", lowercase if lowercase is not None else not {"A", "E", "S"} & ids.keys()
    )
    pieces = models.WordPiece(
        ids, unk_token=unk, continuing_subword_prefix="##", max_input_chars_per_word=100
    )
    made = bert(pieces, lower=bool(lower), chinese=bool(config.get("tokenize_chinese_chars", True)))
    if (accents := config.get("strip_accents")) is not None:
        made.normalizer.strip_accents = bool(accents)
    made.add_special_tokens([name for names in NAMES.values() for name in names if name in ids])
    told = {"cased": not lower, "config": {key: str(config[key]) for key in sorted(config) if "token" in key}}
    return Found(made, config, digest.of_json([digest.of_bytes(data), told]))


def bert(pieces: Any, *, lower: bool, chinese: bool = True) -> Made:
    """Put BERT's way of cutting words before a vocabulary."""
    made = Made(pieces)
    made.normalizer = normalizers.BertNormalizer(lowercase=lower, handle_chinese_chars=chinese)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    return made


def _bytelevel(vocabulary: Path, merges: Path, config: Config) -> Found:
    data = [_read(vocabulary), _read(merges)]
    model = guarded(
        f"{vocabulary}: not a vocabulary of byte-level BPE",
        lambda: models.BPE.from_file(str(vocabulary), str(merges)),
    )
    made = Made(model)
    spaced = bool(config.get("add_prefix_space", False))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    made.decoder, made.post_processor = decoders.ByteLevel(), processors.ByteLevel(trim_offsets=True)
    ids = made.get_vocab()
    made.add_special_tokens([name for names in NAMES.values() for name in names if name in ids])
    return Found(made, config, digest.of_json([*map(digest.of_bytes, data), spaced]))


def special(found: Found) -> Special:
    """Find the ids of the special tokens: told, or by their usual names."""
    ids = found.made.token_to_id
    told = {kind: found.config.get(f"{kind}_token") for kind in NAMES}
    told["unk"] = told["unk"] or getattr(found.made.model, "unk_token", None)
    return Special(
        **{
            kind: next(
                (at for name in (_named(told[kind]), *names) if name and (at := ids(name)) is not None), -1
            )
            for kind, names in NAMES.items()
        }
    )


def between(made: Made, known: Special, name: str) -> tuple[int, ...]:
    """Find what stands between the two texts of a pair."""
    with hushed():
        pair = guarded(f"{name}: cannot put special tokens around texts", lambda: made.encode("a", "a"))
    sides = pair.sequence_ids
    firsts = [at for at, side in enumerate(sides) if side == 0]
    seconds = [at for at, side in enumerate(sides) if side == 1]
    if firsts and seconds and (inner := pair.ids[firsts[-1] + 1 : seconds[0]]):
        return tuple(inner)
    twice = known.sep >= 0 and made.id_to_token(known.sep) == "</s>"
    return (known.sep,) * (1 + twice) if known.sep >= 0 else ()


def _config(folder: Path) -> Config:
    """Read what stands beside a tokenizer: what it is called, how it cuts, its special tokens."""
    found: Config = {}
    for name in (MAP, CONFIG):
        if not (folder / name).is_file():
            continue
        try:
            told = msgspec.json.decode(_read(folder / name))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"{folder / name}: damaged or foreign: {error}") from None
        if not isinstance(told, dict):
            raise ConfigError(f"{folder / name}: damaged or foreign: no table of settings")
        found |= {key: value for key, value in told.items() if value is not None}
    return found


def _named(told: Any) -> str | None:
    """Return the text of a special token, which may be told with its properties."""
    value = told.get("content") if isinstance(told, dict) else told
    return value if isinstance(value, str) else None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
