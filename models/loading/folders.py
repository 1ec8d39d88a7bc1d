"""Which folder is meant: a model's, a run's, a checkpoint's, or what the hub calls it."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import snapshot_download

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models import hub
from kbtools.models.configuration import one_line

CONFIG = "config.json"
OLDER = (
    "bert_config.json",
    "ernie_config.json",
)  # of first releases: the kind goes unsaid
INSIDE = "model"  # of a run, and of a checkpoint
CHECKPOINTS = "checkpoints"
MAIN = (None, "main")


def find(name: str | Path, revision: str | None = None) -> Path:
    """Return the folder that holds the model's `config.json`."""
    folder = _given(str(name), revision)
    for place in (folder, folder / INSIDE):
        if config(place).is_file():
            return place
    steps = sorted((folder / CHECKPOINTS).glob("step-*"), key=_step)
    if steps:
        raise ArtefactError(
            f"{folder}: a run that is not finished; run its command again, or give {steps[-1]}"
        )
    raise ArtefactError(
        f"{folder}: no model: it has no {CONFIG}; give a run, a checkpoint or a model's folder"
    )


def config(folder: Path) -> Path:
    """Return the file that says what the model of a folder is."""
    return next((folder / name for name in (CONFIG, *OLDER) if (folder / name).is_file()), folder / CONFIG)


def _given(name: str, revision: str | None) -> Path:
    path = Path(name)
    if path.is_file():
        raise ArtefactError(f"{name}: a file; a model is a folder with {CONFIG} and model.safetensors")
    if path.is_dir() or revision in MAIN:
        return hub.find_folder(name)
    try:
        return Path(
            snapshot_download(name, revision=revision, allow_patterns=hub.WANTED, ignore_patterns=hub.OTHERS)
        )
    except Exception as error:  # the hub and what it goes through have many ways to fail
        raise ConfigError(f"{name}: revision {revision} could not be fetched: {one_line(error)}") from error


def _step(folder: Path) -> int:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
