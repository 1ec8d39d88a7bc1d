"""Whether the numbers that a corpus tells mean the same entities here."""

from __future__ import annotations

from pathlib import Path

from kbtools import artefact, corpus
from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError
from kbtools.kb.comparing import one_space
from kbtools.linkers.opening import Opened

LOOKING = {"given", "anchored"}  # steps that take numbers from the corpus
NUMBERED = {"pages", "linked"}  # formats whose links are numbers


def same_numbers(documents: str, here: Opened) -> None:
    """Refuse a corpus whose links are numbers of another release, if the linker looks at them."""
    told = corpus.named(documents)
    if told.format not in NUMBERED or not LOOKING & set(here.preset.mentions):
        return
    manifest = artefact.read(Path(told.path))
    itself = KbRef(name=manifest.name or "", content=manifest.content, id_space=manifest.id_space)
    mine = {ref.name: ref for ref in here.knowledge.kbs}
    for ref in manifest.kbs if manifest.kind == "linked" else [manifest.base or itself]:
        if ref.name in mine and not one_space(ref, mine[ref.name]):
            raise ArtefactError(
                f"{told.path}: its links are numbers of another release of {ref.name!r} than that of "
                f"{here.asked.alias}; make one of them again from the other's release"
            )
