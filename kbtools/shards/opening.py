"""From plain data to all that examples are made with: in the task of another process, in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kbtools import artefact, corpus, plugins
from kbtools.artefact import KbRef, Manifest
from kbtools.artefact.manifest import NAME
from kbtools.errors import ArtefactError, KbError
from kbtools.kb.bases import bases_of
from kbtools.kb.reader import Base, gather
from kbtools.shards import preset as presets
from kbtools.shards.base import Here, View
from kbtools.shards.preset import LAYOUTS, VIEWS, Chosen, Takes
from kbtools.tokens.tokenizer import Tokenizer


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to make, of what: plain data, to be handed to any process."""

    input: str  # a corpus as the user named it, or the path of an artefact
    chosen: dict[str, Any]  # see preset.Chosen
    tokenizer: str
    kbs: list[str] = []
    vectors: str | None = None
    seed: int = 0
    force_lineage: bool = False
    stamp: str = ""  # what the inputs hold: others may be made at the same paths later


class Opened(NamedTuple):
    """All that examples are made with."""

    here: Here
    chosen: Chosen
    layout: Any  # TextLayout or MadeLayout, as `chosen.takes` says
    views: list[tuple[str, View, Any]]  # name, view, its settings
    linked: Manifest | None  # of the input, if it is linked


def takes_of(spec: str, wanted: Sequence[str]) -> Takes:
    """Find out what an input is: a corpus, a knowledge base or trees.

    The folder of a knowledge base is one, unless only what its pages say can be wanted.
    """
    if not Path(spec, NAME).is_file():
        return "corpus"
    kind = artefact.read(Path(spec)).kind
    if kind == "trees":
        return "trees"
    if kind == "kb":
        return "kb" if "kb" in wanted or "pages" not in artefact.read(Path(spec)).tables else "corpus"
    if kind != "linked":
        raise ArtefactError(
            f"{spec}: {artefact.manifest.a(kind)} artefact; give a corpus, linked documents, trees or a kb"
        )
    return "corpus"


def linked_manifest(spec: str, takes: Takes) -> Manifest | None:
    """Return the manifest of linked documents; None for other corpora."""
    if takes != "corpus":
        return None
    told = corpus.named(spec)
    return artefact.read(Path(told.path), "linked") if told.format == "linked" else None


def opened(asked: Asked, folder: Path | None = None) -> Opened:
    """Open what was asked for; once in each process."""
    found = _opened(msgspec.json.encode(asked))
    found.here.folder = folder
    found.here.counts.clear()
    return found


@lru_cache(maxsize=2)
def _opened(told: bytes) -> Opened:
    asked = msgspec.json.decode(told, type=Asked)
    chosen = presets.rebuilt(asked.chosen)
    linked = linked_manifest(asked.input, chosen.takes)
    bases, kbs = _bases(asked, linked, chosen.takes)
    here = Here(
        tokenizer=Tokenizer.load(asked.tokenizer, zh=chosen.common.chinese),
        max_length=chosen.common.max_length,
        seed=asked.seed,
        shares=(1 - chosen.common.dev - chosen.common.test, chosen.common.dev, chosen.common.test),
        bases=bases,
        kbs=kbs,
        vectors=Path(asked.vectors) if asked.vectors else None,
    )
    layout = plugins.load(LAYOUTS, chosen.layout).LAYOUT
    views = [(name, plugins.load(VIEWS, name).VIEW, settings) for name, settings in chosen.views.items()]
    return Opened(here, chosen, layout, views, linked)


def _bases(asked: Asked, linked: Manifest | None, takes: Takes) -> tuple[dict[int, Base], list[KbRef]]:
    """Open the knowledge bases that numbers of entities speak of: given, or where links were made to them."""
    given = [asked.input, *asked.kbs] if takes == "kb" else asked.kbs
    if linked is None:
        bases = gather(given)
        refs = [
            KbRef(name=b.name, content=b.kb.manifest.content, id_space=b.kb.manifest.id_space) for b in bases
        ]
        return dict(enumerate(bases)), refs
    try:
        return bases_of(linked, given, force=asked.force_lineage), linked.kbs
    except KbError as error:
        if given:
            hint = "" if asked.force_lineage else "; --force-lineage takes it all the same"
            raise ArtefactError(f"{error}{hint}") from error
        return {}, linked.kbs  # a view that needs them says so
