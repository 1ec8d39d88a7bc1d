"""What an index is made from: knowledge bases, or those that an alias artefact was made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kbtools import artefact
from kbtools.artefact import Input, KbRef, Manifest, unite
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.reader import Base, gather


class Given(NamedTuple):
    """The knowledge bases, in the order of `kb` in the index, and the lineage."""

    bases: list[Base]
    inputs: list[Input]

    @property
    def paths(self) -> list[str]:
        """Where the knowledge bases and their overlays lie."""
        return [str(part.path) for base in self.bases for part in base.parts]

    @property
    def fields(self) -> dict[str, Any]:
        """What the manifest of the index takes over from theirs."""
        parts = [part.manifest for base in self.bases for part in base.parts]
        bases = [base.kb.manifest for base in self.bases]
        return {
            "inputs": self.inputs,
            "kbs": [KbRef(name=b.name or "", content=b.content, id_space=b.id_space) for b in bases],
            "licences": unite(one for part in parts for one in part.licences),
            "incomplete": any(part.incomplete for part in parts),
        }


def find(source: Path | Sequence[Path]) -> Given:
    """Open the knowledge bases given (with overlays), or those of the alias artefact given."""
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(one) for one in source]
    if not paths:
        raise ConfigError("no knowledge base to index")
    manifests = [artefact.read(path) for path in paths]
    aliases = [path for path, found in zip(paths, manifests, strict=True) if found.kind == "alias"]
    if not aliases:
        bases, inputs = gather(paths), []
    elif len(paths) == 1:
        bases = _of_alias(paths[0], manifests[0])
        inputs = [Input(path=str(paths[0]), kind="alias", content=manifests[0].content)]
    else:
        raise ConfigError(f"{aliases[0]}: an alias artefact is indexed alone: its knowledge bases are known")
    if not bases:
        raise ArtefactError(f"{paths[0]}: no entities to index")
    for base in bases:
        if "entities" not in base.kb.tables:
            raise ArtefactError(f"{base.kb.path}: has no entities to index")
    parts = [part for base in bases for part in base.parts]
    inputs += [Input(path=str(part.path), kind="kb", content=part.manifest.content) for part in parts]
    return Given(bases, inputs)


def _of_alias(alias: Path, manifest: Manifest) -> list[Base]:
    """Open the knowledge bases of an alias artefact, in its order."""
    paths = []
    for one in manifest.inputs:
        if one.kind != "kb":
            continue
        path = Path(one.path)
        if not path.exists():
            raise ArtefactError(
                f"{alias} was made from {path}, which is gone: give its knowledge bases instead"
            )
        if artefact.read(path, "kb").content != one.content:
            raise ArtefactError(
                f"{alias} was made from {path}, which has changed since: make the alias artefact again"
            )
        paths.append(path)
    order = [ref.name for ref in manifest.kbs]
    bases = gather(paths)
    if sorted(base.name for base in bases) != sorted(order):
        raise ArtefactError(f"{alias}: its manifest names other knowledge bases than its inputs are")
    return sorted(bases, key=lambda base: order.index(base.name))
