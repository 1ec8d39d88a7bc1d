"""The folder of a model: given as such, in the hub's cache on this machine, or fetched from the hub once.

What the cache has is taken as it is: the hub is asked only where a model is not there or not whole. Where it
does not answer within seconds, one error says so.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download, try_to_load_from_cache
from huggingface_hub.utils import logging as hub_logging
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars
from transformers.utils import logging as untyped

from kbtools.errors import ConfigError

PATIENCE = 5.0  # seconds for the hub to answer
WANTED = ["*.json", "*.txt", "*.model", "*.safetensors"]
OTHERS = ["onnx/*", "openvino/*", "original/*"]  # the same weights for other programs


def find_folder(name: str) -> Path:
    """Return the folder of a model; `name` is a folder or what the hub calls it."""
    path = Path(name)
    if path.is_dir():
        return path
    if path.is_absolute() or name.startswith((".", "~")):
        raise ConfigError(f"{name}: no such folder; give a model's folder or its name on the hub")
    cached = _cached(name)
    if cached is not None and _whole(cached, name):
        return cached
    try:
        HfApi().model_info(name, timeout=PATIENCE)  # asks once, where downloads try again and again
        return Path(snapshot_download(name, allow_patterns=WANTED, ignore_patterns=OTHERS))
    except Exception as error:  # the hub and what it goes through have many ways to fail
        if cached is not None and any(cached.rglob("*.safetensors")):
            return cached
        said = " ".join(str(error).split()).partition(". ")[0][:200]
        raise ConfigError(
            f"{name}: no folder, and could not be fetched from the hub ({said}); give a model's folder"
        ) from error


def _cached(name: str) -> Path | None:
    """Find what the hub's cache has of a model."""
    try:
        return Path(
            snapshot_download(name, allow_patterns=WANTED, ignore_patterns=OTHERS, local_files_only=True)
        )
    except Exception:  # not there, or no name that the hub could have: said where it is asked
        return None


def _whole(folder: Path, name: str) -> bool:
    """Tell whether all is there: all weights, and what follows the transformer, if anything does.

    Programs that want the transformer alone leave a folder that does not say whether anything follows.
    """
    for index in folder.rglob("*.safetensors.index.json"):
        try:
            parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
        if not all((index.parent / str(part)).is_file() for part in parts):
            return False
    listed = folder.parents[1] / "trees" / f"{folder.name}.json"  # its files were listed, and looked for
    known = listed.exists() or try_to_load_from_cache(name, "modules.json") is not None
    return known and any(folder.rglob("*.safetensors"))


@contextmanager
def quiet() -> Iterator[None]:
    """Load models without bars and without warnings; afterwards all is as it was."""
    transformers: Any = untyped
    levels = hub_logging.get_verbosity(), transformers.get_verbosity()
    bars, no_hub_bars = transformers.is_progress_bar_enabled(), are_progress_bars_disabled()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*progress bars")  # the environment may insist
        hub_logging.set_verbosity(logging.CRITICAL)
        transformers.set_verbosity_error()
        transformers.disable_progress_bar()
        try:
            yield
        finally:
            hub_logging.set_verbosity(levels[0])
            transformers.set_verbosity(levels[1])
            if bars:
                transformers.enable_progress_bar()
            if no_hub_bars:
                disable_progress_bars()
