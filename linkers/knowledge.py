"""All that is opened for linking: names, candidate indexes, what is known of entities; mapped, shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kbtools.alias import Alias
from kbtools.artefact import KbRef
from kbtools.errors import ConfigError
from kbtools.linkers.index.base import Index

if TYPE_CHECKING:
    from kbtools.linkers.index.profile import Profile


@dataclass(frozen=True)
class Knowledge:
    """What a linker may ask."""

    alias: Alias
    indexes: tuple[Index, ...] = ()  # fuzzy and dense: of names or texts to candidates
    profile: Profile | None = None  # an index of kind profile: words, neighbours and classes of entities

    @property
    def kbs(self) -> list[KbRef]:
        """The knowledge bases; `kb` of a mention is a place in this list, the alias table's."""
        return self.alias.kbs

    def need_profile(self, what: str) -> Profile:
        """Return the profile; say how to make one if there is none."""
        if self.profile is None:
            raise ConfigError(
                f"{what} asks what is known of entities: make it with "
                "`kbtools index KB... --kind profile --out PROFILE` and add --index PROFILE"
            )
        return self.profile
