"""What stands beside the weights in a model's folder: tokenizer, recipe, model card."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kbtools.artefact import digest
from kbtools.errors import ArtefactError
from kbtools.models import card
from kbtools.models.configuration import read_table

RECIPE = "recipe.toml"
CARD = "README.md"
SETTINGS = "tokenizer_config.json"
TOKENIZER = (  # files of tokenizers, as transformers names them
    "tokenizer.json", SETTINGS, "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json",
    "merges.txt", "*.model", "bpe.codes", "chat_template.jinja",
)  # fmt: skip


@contextmanager
def placed(folder: Path) -> Iterator[Path]:
    """Give a folder to write into: beside the one that is wanted, which is named when it is whole.

    One that is there already is written into as it is: whoever made it sees to it that it is whole.
    """
    if folder.is_file():
        raise ArtefactError(f"{folder}: a file; a model is a folder")
    if folder.exists():
        yield folder
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    here = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    here.mkdir()
    try:
        yield here
        here.rename(folder)
    finally:
        shutil.rmtree(here, ignore_errors=True)


def beside(model: Any, folder: Path, *, tokenizer: Path | str | None, recipe: str | None) -> None:
    """Copy the tokenizer, and write the recipe; unless they are given, those that the model came with."""
    source = Path(tokenizer) if tokenizer is not None else model.origin
    if source is not None and source.resolve() != folder.resolve():
        copied = _copy_tokenizer(source, folder)
        if not copied and tokenizer is not None:
            raise ArtefactError(f"{source}: no tokenizer; it has none of tokenizer.json, vocab.txt")
    kept = None if model.origin is None else model.origin / RECIPE
    if recipe is None and kept is not None and kept.is_file():
        recipe = kept.read_text(encoding="utf-8")
    if recipe is not None:
        (folder / RECIPE).write_text(recipe, encoding="utf-8")
        told = digest.of_bytes(recipe.encode())
        model.config.lineage = {**(model.config.lineage or {}), "recipe": told}


def card_of(model: Any, folder: Path, metrics: Mapping[str, Any] | None) -> None:
    """Write the model card."""
    recipe = folder / RECIPE
    text = card.write(
        model.config,
        parameters=sum(value.numel() for value in model.parameters()),
        recipe=recipe.read_text(encoding="utf-8") if recipe.is_file() else None,
        metrics=metrics,
    )
    (folder / CARD).write_text(text, encoding="utf-8")


def _copy_tokenizer(source: Path, folder: Path) -> list[str]:
    files = sorted({path for pattern in TOKENIZER for path in source.glob(pattern) if path.is_file()})
    for path in files:
        if path.name == SETTINGS:
            (folder / SETTINGS).write_text(_settings(path, source), encoding="utf-8")
        else:
            shutil.copyfile(path, folder / path.name)
    return [path.name for path in files if path.name != SETTINGS]


def _settings(path: Path, source: Path) -> str:
    """Read a tokenizer's settings; the class is named, for our model's type names none, and code is not."""
    told = {name: value for name, value in read_table(path).items() if name != "auto_map"}
    if "tokenizer_class" not in told and (source / "tokenizer.json").is_file():
        told["tokenizer_class"] = "PreTrainedTokenizerFast"
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"
