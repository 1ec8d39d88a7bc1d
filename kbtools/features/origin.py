"""What a model of a folder is known by: its configuration and weights, whoever made it."""

from __future__ import annotations

from pathlib import Path

from kbtools.artefact import digest

MODEL = "model"  # the kind of input


def content(folder: Path) -> str:
    """Digest `config.json` and the files of weights."""
    files = [folder / "config.json", *sorted(folder.glob("*.safetensors"))]
    return digest.of_json([[file.name, digest.of_file(file)] for file in files])
