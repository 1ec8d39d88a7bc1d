"""A tokenizer by its name on the Hugging Face hub: from the cache of this machine, or fetched once."""

from __future__ import annotations

import os
from pathlib import Path

from kbtools.errors import ConfigError
from kbtools.extras import need

PATIENCE = 5.0  # seconds for the hub to answer
WANTED = ["tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer_config.json"]
WANTED += ["special_tokens_map.json"]
FILES = (".json", ".txt", ".model")


def find_folder(name: str) -> Path:
    """Return the folder of a tokenizer that the hub has."""
    if not name.strip() or name.count("/") > 1 or name[0] in "./~" or name.endswith(FILES):
        raise ConfigError(
            f"{name!r}: no such file or folder; give a tokenizer's folder, or its name on the hub"
        )
    hub = need("huggingface_hub", extra="train", why=f"{name!r} is no file or folder here; asking the hub")
    try:
        cached = Path(hub.snapshot_download(name, allow_patterns=WANTED, local_files_only=True))
        if any((cached / file).is_file() for file in WANTED[:3]):
            return cached
    except Exception:  # noqa: S110 - not in the cache, or no name that the hub could have
        pass
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        raise ConfigError(
            f"{name!r}: no such file or folder, and HF_HUB_OFFLINE is set; give a tokenizer's folder"
        )
    try:
        hub.HfApi().model_info(name, timeout=PATIENCE)  # asks once, where downloads try again and again
        return Path(hub.snapshot_download(name, allow_patterns=WANTED))
    except Exception as error:  # the hub and what it goes through have many ways to fail
        said = " ".join(str(error).split()).partition(". ")[0][:200]
        raise ConfigError(
            f"{name!r}: no such file or folder, and not on the hub ({said}); give a tokenizer's folder"
        ) from None
