"""All that is opened for linking: names, candidate indexes, what is known of entities; mapped, shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kbtools.alias import Alias
from kbtools.artefact import KbRef
from kbtools.errors import ConfigError
from kbtools.kb.bases import bases_of
from kbtools.kb.reader import Base
from kbtools.linkers.index.base import Index
from kbtools.linkers.lexicon import Lexicon
from kbtools.linkers.scoring import Scorer

if TYPE_CHECKING:
    from kbtools.linkers.index.profile import Profile


@dataclass(frozen=True)
class Knowledge:
    """What a linker may ask."""

    alias: Alias
    indexes: tuple[Index, ...] = ()  # fuzzy and dense: of names or texts to candidates
    profile: Profile | None = None  # an index of kind profile: words, neighbours and classes of entities
    places: tuple[str | Path, ...] = ()  # of the knowledge bases, if they moved
    scorer: Scorer | None = None  # a trained model that tells candidates apart

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases; `kb` of a mention is a place in this list, the alias table's."""
        return self.alias.kbs

    @cached_property
    def bases(self) -> Mapping[int, Base]:
        """The knowledge bases themselves, where they are."""
        return bases_of(self.alias.manifest, self.places)

    @cached_property
    def lexicon(self) -> Lexicon:
        """Words with parts of speech, and their senses; read whole, some seconds."""
        found = Lexicon(self.bases)
        if not len(found):
            names = ", ".join(ref.name for ref in self.kbs)
            raise ConfigError(
                f"{names}: no words with a part of speech; give names of a wordnet: kbtools alias"
            )
        return found

    def need_profile(self, what: str) -> Profile:
        """Return the profile; say how to make one if there is none."""
        if self.profile is None:
            raise ConfigError(
                f"{what} asks what is known of entities: make it with "
                "`kbtools index KB... --kind profile --out PROFILE` and add --index PROFILE"
            )
        return self.profile
