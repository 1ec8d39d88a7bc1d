"""The encoder that --encoder names."""

from __future__ import annotations

from typing import Any

from kbtools.extras import need

LOADER = "kbtools.cli.encoder:load"  # for linkers, whose workers load it themselves


def load(name: str | None) -> Any:
    """Load the encoder of that name; without one, the index knows what it was made with."""
    if name is None:
        return None
    from kbtools.linkers.index.dense import encoders  # noqa: PLC0415 - only where it is asked for

    if (ours := encoders.named(name)) is not None:
        return ours
    need("transformers", extra="train", why=f"--encoder {name}")
    from kbtools.models.texts import TextEncoder  # noqa: PLC0415 - slow to import

    return TextEncoder.from_pretrained(name)
