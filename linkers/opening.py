"""From plain data to a linker at work: in a task of another process, in a notebook, for a stream."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from kbtools import artefact, config
from kbtools.alias import Alias
from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.bases import bases_of
from kbtools.kb.reader import Base
from kbtools.kb.schema import STR
from kbtools.linkers import preset as presets
from kbtools.linkers import scoring, told
from kbtools.linkers.base import Block
from kbtools.linkers.index.kinds import open_index
from kbtools.linkers.index.profile import Profile
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.linking import Linker
from kbtools.linkers.preset import Preset
from kbtools.linkers.scoring import Scorer


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which linker, over which artefacts: plain data, to be handed to any process."""

    alias: str
    indexes: list[str] = []
    kbs: list[str] = []
    preset: dict[str, Any] = {}
    fitted: str | None = None  # a `linker` artefact
    encoder: str | None = None  # what dense indexes were made with
    load_encoder: str | None = None  # module:function that loads it
    model: str | None = None  # a trained model that decides, as knowbert:RUN
    load_model: str | None = None  # module:function that loads it


class Opened:
    """A linker with all it needs, opened once a process."""

    def __init__(self, asked: Asked) -> None:
        alias = Alias(asked.alias)
        encoder = _encoder(asked)
        opened = [open_index(index, encoder) for index in asked.indexes]
        self._check(alias, opened)
        profiles = [index.bound_to(alias.kbs) for index in opened if isinstance(index, Profile)]
        if len(profiles) > 1:
            raise ConfigError("several indexes of kind profile; give the one that is of all knowledge bases")
        others = tuple(index for index in opened if not isinstance(index, Profile))
        self.scorer = _scorer(asked, alias.kbs)
        profile = profiles[0] if profiles else None
        self.knowledge = Knowledge(alias, others, profile, tuple(asked.kbs), self.scorer)
        if asked.kbs:
            self.knowledge.bases  # noqa: B018 - those that do not belong here are refused now, not in the middle
        self.asked = asked
        self.preset: Preset = config.build(Preset, asked.preset, where="linker")
        self.linker = self._linker()

    @property
    def names(self) -> list[str]:
        """The names of the knowledge bases."""
        return [ref.name for ref in self.knowledge.kbs]

    @property
    def bases(self) -> Mapping[int, Base]:
        """The knowledge bases themselves, by their place in `names`."""
        return self.knowledge.bases

    def block(self, documents: pa.RecordBatch, *, gold: bool = False) -> Block:
        """Make a block of documents with what the corpus tells that the linker looks at; with `gold`, all."""
        steps, given, own = self.preset.mentions, None, None
        resolved = gold or "given" in steps or "told" in self.preset.features
        if resolved or "lemmas" in steps:
            links = documents["links"]
            bases = self.known_bases(links) if resolved else {}
            given = told.given(links, bases, self.names, lemmas="lemmas" in steps)
        if "anchored" in steps:
            own = told.own(documents["meta"], self.names)
        return Block(documents["text"].to_pylist(), documents["lang"].to_pylist(), given, own)

    def known_bases(self, links: pa.Array) -> Mapping[int, Base]:
        """Return the knowledge bases if a corpus names entities by ids; numbers can do without them."""
        values = links.flatten()
        ids, eids = (values.field(name) for name in ("id", "eid"))
        if ids.null_count < len(ids):
            return self.bases
        try:
            return self.bases if eids.null_count < len(eids) else {}
        except ArtefactError:
            return {}

    def _linker(self) -> Linker:
        if self.asked.fitted is None:
            return Linker(self.preset, self.knowledge)
        fitted = importlib.import_module("kbtools.linkers.fitting")
        made: Linker = fitted.open_linker(Path(self.asked.fitted), self.preset, self.knowledge)
        return made

    def _check(self, alias: Alias, indexes: Sequence[Any]) -> None:
        """Refuse an index of another alias table: its numbers may mean others."""
        for index in indexes:
            for source in index.manifest.inputs:
                if source.kind == "alias" and source.content != alias.manifest.content:
                    raise ArtefactError(
                        f"{index.path}: made from another alias table than {alias.path}; make it again: "
                        f"kbtools index {alias.path} --kind fuzzy --out {index.path}"
                    )


def ask(
    alias: str | Path,
    *,
    indexes: Sequence[str | Path] = (),
    kbs: Sequence[str | Path] = (),
    linker: str = "prior",
    overlap: str | None = None,
    overrides: Sequence[str] = (),
    encoder: str | None = None,
    load_encoder: str | None = None,
    load_model: str | None = None,
) -> Asked:
    """Put together what is asked for.

    `linker` is a preset, a TOML file, a fitted linker's folder or, with `load_model`, a trained model.
    """
    said = [*overrides, *([f"overlap={overlap}"] if overlap else [])]
    fitted = model = None
    if Path(linker).is_dir() and linker not in presets.PRESETS.names():
        artefact.read(Path(linker), "linker")
        fitted, preset = linker, presets.load(str(Path(linker) / "linker.toml"), said)
    elif load_model and scoring.names_a_model(linker):
        kind, _, run = linker.partition(":")
        model = f"{kind}:{Path(run).absolute()}"
        base, said = scoring.taken(said)
        preset = presets.load(base or _found_by(alias, kbs), said, instead=scoring.decided_by_model())
    else:
        preset = presets.load(linker, said)
    return Asked(
        alias=str(Path(alias).absolute()),
        indexes=[str(Path(index).absolute()) for index in indexes],
        kbs=[str(Path(kb).absolute()) for kb in kbs],
        preset=config.plain(preset),
        fitted=str(Path(fitted).absolute()) if fitted else None,
        encoder=encoder,
        load_encoder=load_encoder,
        model=model,
        load_model=load_model if model else None,
    )


def _found_by(alias: str | Path, kbs: Sequence[str | Path]) -> str:
    """Name the preset that finds what KnowBert links: words of wordnets, else names."""
    bases = bases_of(artefact.read(Path(alias), "alias"), kbs).values()
    return "knowbert-wordnet" if all(map(_has_words, bases)) else "knowbert-wiki"


def _has_words(base: Base) -> bool:
    """Tell whether most names of a knowledge base are words with parts of speech: the first ones will do."""
    if "surfaces" not in base.tables:
        return False
    first = next(iter(base.kb.scan("surfaces", ["pos"])), None)
    return first is not None and 2 * first["pos"].cast(STR).null_count < len(first)


@lru_cache(maxsize=2)
def _opened(told: bytes, _contents: tuple[str, ...]) -> Opened:
    return Opened(msgspec.json.decode(told, type=Asked))


def opened(asked: Asked) -> Opened:
    """Open a linker, or return the one that this process has open, if it is still what lies there."""
    paths = [asked.alias, *asked.indexes, *asked.kbs, *([asked.fitted] if asked.fitted else [])]
    contents = [artefact.read(Path(path)).content for path in paths]
    if scorer := _scorer(asked, artefact.read(Path(asked.alias), "alias").kbs):
        contents.append(scorer.content)
    return _opened(msgspec.json.encode(asked), tuple(contents))


def _scorer(asked: Asked, kbs: Sequence[KbRef]) -> Scorer | None:
    if asked.model is None or asked.load_model is None:
        return None
    return scoring.load(asked.model, asked.load_model, kbs)


def _encoder(asked: Asked) -> Any:
    if asked.encoder is None or asked.load_encoder is None:
        return None
    module, _, function = asked.load_encoder.partition(":")
    return getattr(importlib.import_module(module), function)(asked.encoder)
