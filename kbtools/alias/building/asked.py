"""What an alias table is built from, and how: looked at and refused before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from kbtools import config, corpus, plugins
from kbtools.alias import normal
from kbtools.alias.building import earlier
from kbtools.alias.building.prior_formats import PriorFile
from kbtools.alias.building.stages import surfaces
from kbtools.alias.settings import Settings, Weights
from kbtools.alias.settings import weights as read_weights
from kbtools.artefact import Input, digest
from kbtools.errors import ArtefactError, ConfigError, SourceError
from kbtools.kb.reader import Base, Kb, gather
from kbtools.kb.schema import STR

COMPAT = "compat."  # what begins an override that is meant for another system


class Compat(NamedTuple):
    """The system whose formula gives the priors, and its settings."""

    system: str
    settings: dict[str, Any]


class Asked(NamedTuple):
    """What a build is made from, and how."""

    bases: list[Base]
    prior_files: tuple[str, ...]
    corpora: tuple[str, ...]
    old: Path | None
    settings: Settings
    stop: list[str]
    weights: Weights
    compat: Compat | None

    @property
    def parts(self) -> list[Kb]:
        """All knowledge bases, bases and overlays."""
        return [part for base in self.bases for part in base.parts]

    @property
    def counting(self) -> bool:
        """Whether there is text to count names in."""
        return bool(self.corpora or self.pages)

    @property
    def pages(self) -> list[Path]:
        """The knowledge bases that came with text."""
        wanted = self.parts if self.settings.pages else []
        return [part.path for part in wanted if part.rows("pages")]

    @property
    def told(self) -> dict[str, Any]:
        """The settings, for the manifest."""
        told = {
            **config.plain(self.settings),
            "stop_aliases": self.stop,
            "weights": config.plain(self.weights),
            "compat": self.compat and self.compat.system,
            "compat_settings": self.compat and self.compat.settings,
        }
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))  # as it is read again
        return plain

    @property
    def inputs(self) -> list[Input]:
        """What is read, for the manifest."""
        found = [Input(path=str(kb.path), kind="kb", content=kb.manifest.content) for kb in self.parts]
        found += [
            Input(path=file, kind="file", content=digest.of_dump(Path(file))) for file in self.prior_files
        ]
        return found + [one for spec in self.corpora for one in corpus.inputs(spec)]


def ask(
    kbs: Sequence[str | Path],
    *,
    weights: str | Path | None,
    prior_files: Sequence[str | Path],
    corpora: Sequence[str],
    base: str | Path | None,
    compat: str | None,
    overrides: Iterable[str],
    settings: dict[str, Any],
) -> Asked:
    """Read settings and open knowledge bases; refuse what makes no sense."""
    overrides = list(overrides)
    theirs = [item.removeprefix(COMPAT) for item in overrides if item.startswith(COMPAT)]
    ours = [item for item in overrides if not item.startswith(COMPAT)]
    given = config.build(Settings, settings, where="alias", overrides=ours)
    old = Path(base) if base else None
    paths = [*(earlier.knowledge_bases(old, kbs) if old else ()), *kbs]
    if not paths:
        raise ConfigError("no knowledge base to take names from")
    asked = Asked(
        bases=gather(paths),
        prior_files=_prior_files(prior_files),
        corpora=tuple(corpora),
        old=old,
        settings=given,
        stop=_stop(given.stop_aliases),
        weights=read_weights(Path(weights) if weights else None),
        compat=_compat(compat, theirs),
    )
    if not surfaces(asked.bases):
        raise ArtefactError(f"{paths[0]}: no names to look up (no rows in its table surfaces)")
    return asked


def _prior_files(files: Sequence[str | Path]) -> tuple[str, ...]:
    """Look at the beginning of each."""
    for file in files:
        if not Path(file).is_file():
            raise SourceError("a folder" if Path(file).is_dir() else "no such file", path=str(file))
        with PriorFile(str(file)):
            pass
    return tuple(str(file) for file in files)


def _compat(system: str | None, overrides: list[str]) -> Compat | None:
    if system is None:
        if overrides:
            raise ConfigError(f"{COMPAT}{overrides[0]} is a setting of another system: name it with --compat")
        return None
    known = plugins.load("kbtools.alias.compat", system).Settings
    return Compat(
        system, config.plain(config.build(known, where=f"alias --compat {system}", overrides=overrides))
    )


def _stop(path: Path | None) -> list[str]:
    """Read the norms of the names that are left out."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    named = normal.spell(pa.array([line for line in lines if line.strip()], STR))
    return sorted(set(named.norm.to_pylist()))
