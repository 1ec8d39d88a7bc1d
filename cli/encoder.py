"""The encoder that --encoder names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kbtools.artefact import manifest
from kbtools.extras import need

LOADER = "kbtools.cli.encoder:load"  # for linkers, whose workers load it themselves
OURS_LOADER = "kbtools.cli.encoder:load_or_ours"  # for trees


def load(name: str | None) -> Any:
    """Load the encoder of that name; without one, the index knows what it was made with."""
    if name is None:
        return None
    from kbtools.linkers.index.dense import encoders  # noqa: PLC0415 - only where it is asked for

    if (ours := encoders.named(name)) is not None:
        return ours
    if (Path(name) / manifest.NAME).is_file() and manifest.read(Path(name)).kind == "vectors":
        from kbtools.vectors.mean_of_words import MeanOfWords  # noqa: PLC0415 - as above

        return MeanOfWords(name)
    need("transformers", extra="train", why=f"--encoder {name}")
    from kbtools.models.texts import TextEncoder  # noqa: PLC0415 - slow to import

    return TextEncoder.from_pretrained(name)


def load_or_ours(name: str | None) -> Any:
    """Load the encoder of that name; without one, ours, which needs no model."""
    from kbtools.linkers.index.dense import encoders  # noqa: PLC0415 - only where it is asked for

    return encoders.default() if name is None else load(name)
