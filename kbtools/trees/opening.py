"""What trees are made from: looked at and refused before anything is written; opened once in each process."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from kbtools import artefact, config, corpus
from kbtools.alias import Alias
from kbtools.alias.building.build import build as build_alias
from kbtools.artefact import Input, KbRef
from kbtools.errors import ConfigError
from kbtools.executors import Pool
from kbtools.kb.bases import bases_of, strangers
from kbtools.kb.reader import Base, gather
from kbtools.tokens.tokenizer import Tokenizer
from kbtools.trees import choosing, cooccurrence, facts, preparing
from kbtools.trees.choosing.base import Encode
from kbtools.trees.making import Maker
from kbtools.trees.matching import Names
from kbtools.trees.settings import Settings

NAMES = "work/names"  # names of the knowledge base, made for this build alone
LINKED = "linked"
HOW = "kbtools link CORPUS --alias ALIAS --out LINKED"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What trees are made with; as plain data it travels to other processes."""

    kbs: list[str]  # the base, then its overlays
    alias: str | None  # None: names, if there are any, are made from the knowledge base
    number: int  # of the knowledge base in the table of names
    tokenizer: str | None
    settings: dict[str, Any]
    encoder: str | None = None
    load_encoder: str | None = None  # module:function that loads it
    vectors: str | None = None  # what it calls itself: who makes other vectors has another name
    links: bool  # entities are told by the corpus
    names: bool  # entities are looked for by their names, and there are some
    table: bool  # a table of names is needed, if only to count in raw text, and given or to be made
    warnings: list[str] = []

    @property
    def base(self) -> Base:
        """The knowledge base."""
        return gather(self.kbs)[0]

    @property
    def how(self) -> Settings:
        """The settings."""
        return config.build(Settings, self.settings, where="tree")


def settled(settings: dict[str, Any], overrides: Iterable[str], counted: str | None) -> Settings:
    """Put settings together; with a corpus to count in, facts are chosen by what it seldom tells."""
    if counted:
        choice = {"by": list(choosing.RARE), **settings.get("choice", {}), "cooccurrence": counted}
        settings = settings | {"choice": choice}
    return config.build(Settings, settings, where="tree", overrides=overrides)


def ask(
    documents: str | None,
    *,
    kbs: Sequence[str | Path],
    alias: str | Path | None,
    tokenizer: str | Path | None,
    force_lineage: bool,
    settings: Settings,
    encoder: str | None = None,
    load_encoder: str | None = None,
) -> Asked:
    """Find out whose facts are told of whose names; `documents` None: some sentence."""
    vectors = _vectors(settings, _absolute(encoder), load_encoder)
    told = corpus.named(documents) if documents is not None else None
    linked = told is not None and told.format == LINKED
    if settings.mentions == "linked" and not linked:
        raise ConfigError(f"mentions=linked: that corpus is not LINKED; make it with `{HOW}`")
    links = linked and settings.mentions != "names"
    found, number, warnings = gather(kbs), 0, list[str]()
    for path, kind in ((told.path if links and told else None, LINKED), (alias, "alias")):
        if path is None:
            continue
        source = artefact.read(Path(path), kind)
        bases = bases_of(source, kbs, force=force_lineage)
        warnings += [
            f"{path}: made with another release of {name!r}; its numbers may mean other entities"
            for name in strangers(source, bases)
        ]
        found = found or list(bases.values())
        if kind == "alias":
            number = next(number for number, base in bases.items() if base.name == found[0].name)
    base = _only(found)
    named = alias is not None or any(part.rows("surfaces") for part in base.parts)
    return Asked(
        kbs=[str(part.path.absolute()) for part in base.parts],
        alias=str(Path(alias).absolute()) if alias is not None else None,
        number=number,
        tokenizer=_absolute(tokenizer),
        settings=config.plain(settings),
        encoder=_absolute(encoder),
        load_encoder=load_encoder if vectors else None,
        vectors=vectors,
        links=links,
        names=named and not links,
        table=named and (not links or _silent(settings)),
        warnings=warnings,
    )


def _only(found: Sequence[Base]) -> Base:
    """Return the one knowledge base there should be."""
    if not found:
        raise ConfigError("--kb is missing: the knowledge base whose facts are told")
    if len(found) != 1:
        names = ", ".join(base.name for base in found)
        raise ConfigError(f"several knowledge bases ({names}); say with --kb whose facts are told")
    return found[0]


def _silent(settings: Settings) -> bool:
    """Tell whether it is counted in a corpus that may have no links."""
    counted = settings.choice.cooccurrence
    return counted is not None and corpus.named(counted).format != LINKED


def _absolute(path: str | Path | None) -> str | None:
    """Say where a tokenizer or an encoder lies, for workers elsewhere; a name on the hub stays as it is."""
    if path is None:
        return None
    return str(Path(path).absolute()) if Path(path).exists() else str(path)


def _vectors(settings: Settings, encoder: str | None, load: str | None) -> str | None:
    """Return what the encoder calls itself, if one is needed; refuse one that is not."""
    if choosing.LIKE not in settings.choice.weights:
        if encoder:
            raise ConfigError(f"--encoder is for {choosing.LIKE}: -o choice.by={choosing.LIKE}")
        return None
    if load is None:
        raise ConfigError(f"{choosing.LIKE} needs an encoder of texts: load_encoder='module:function'")
    return str(getattr(_encode(load, encoder), "name", encoder))


def inputs(asked: Asked) -> list[Input]:
    """Say what is read besides the corpus."""
    found = [
        Input(path=str(part.path), kind="kb", content=part.manifest.content) for part in asked.base.parts
    ]
    if asked.alias:
        found.append(Input(path=asked.alias, kind="alias", content=artefact.read(Path(asked.alias)).content))
    if asked.tokenizer:
        content = Tokenizer.load(asked.tokenizer).content
        found.append(Input(path=asked.tokenizer, kind="tokenizer", content=content))
    return found + choosing.inputs(asked.how)


def reference(base: Base) -> KbRef:
    """Name a knowledge base as manifests do."""
    manifest = base.kb.manifest
    return KbRef(name=base.name, content=manifest.content, id_space=manifest.id_space)


def prepare_names(asked: Asked, folder: Path, *, workers: int = 1, quiet: bool = True) -> None:
    """Make the table of names, unless one was given."""
    if asked.table and not asked.alias and not (folder / NAMES).exists():
        build_alias(asked.kbs, folder / NAMES, workers=workers, quiet=quiet, pages=False)


def prepare_facts(asked: Asked, folder: Path) -> list[str]:
    """Write the facts to be mapped; return the files."""
    settings, room = asked.how, folder / facts.FOLDER
    made = preparing.prepare(asked.base, room, lang=settings.lang, literals=settings.literals)
    return [f"{facts.FOLDER}/{name}" for name in made]


def prepare_choice(asked: Asked, folder: Path, crew: Pool | None = None) -> None:
    """Write what is worked out once for choosing among facts."""
    choosing.prepare(
        facts.opened(folder / facts.FOLDER),
        asked.how,
        base=asked.base,
        alias=_table(asked, folder) if asked.table else None,
        site=folder,
        crew=crew,
        force=bool(asked.warnings),  # there are some where it was asked to
    )


def _table(asked: Asked, folder: Path) -> Path:
    """Say where the table of names lies."""
    return Path(asked.alias) if asked.alias else folder / NAMES


def maker(asked: Asked, folder: Path) -> Maker:
    """Open all of it; what was prepared lies in the folder."""
    mine = facts.opened(folder / facts.FOLDER)
    settings = asked.how
    names = None
    if asked.names:
        table = _alias(_table(asked, folder))
        names = Names(table, asked.number, mine, settings)
    tokenizer = _tokenizer(asked.tokenizer) if asked.tokenizer else None
    encode = _encode(asked.load_encoder, asked.encoder) if asked.load_encoder else None
    return Maker(settings, mine, names, tokenizer, encode)


@contextmanager
def passing() -> Iterator[None]:
    """Let go of all that was mapped meanwhile: its files are gone, and would take room until then."""
    try:
        yield
    finally:
        facts.close()
        cooccurrence.opened.cache_clear()
        _opened.cache_clear()


def _alias(path: Path) -> Alias:
    return _opened(path, artefact.read(path, "alias").content)


@lru_cache(maxsize=1)
def _opened(path: Path, _content: str) -> Alias:
    return Alias(path)


@lru_cache(maxsize=1)
def _encode(load: str, name: str | None) -> Encode:
    """Load what makes vectors of texts; `load` is code of the caller's, no setting names it."""
    module, _, function = load.partition(":")
    made: Encode = getattr(importlib.import_module(module), function)(name)
    return made


@lru_cache(maxsize=1)
def _tokenizer(path: str) -> Tokenizer:
    return Tokenizer.load(path)
