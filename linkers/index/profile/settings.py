"""What can be said about a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError

SOURCES = ("short", "gloss", "definition", "abstract", "example")  # descriptions.kind


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the words of entities come from, what each is worth, and how much is kept."""

    label: float = setting("What a word of a label is worth; 0 to 1000, in sixteenths.", 1.0)
    names: float = setting("A word of another name.", 0.5)
    short: float = setting("A word of a short description,", 1.0)
    gloss: float = setting("of a gloss,", 1.0)
    definition: float = setting("of a definition,", 1.0)
    abstract: float = setting("of an abstract,", 1.0)
    example: float = setting("of an example.", 0.5)
    opening: float = setting("A word at the beginning of the entity's own page.", 0.5)
    context: float = setting("A word around an anchor that points to it.", 0.25)
    object: float = setting("A word of the label of what its triples lead to,", 0.5)
    type: float = setting("or of a type's label.", 0.5)
    opening_words: int = setting("Words of a page's beginning.", 100)
    context_words: int = setting("Words before and after an anchor.", 12)
    contexts: int = setting("Anchors to an entity, drawn by chance, whose surroundings are read.", 100)
    objects: int = setting("Triples of an entity whose tails' labels are read.", 30)
    most_words: int = setting("Words of an entity, those with the largest tf·idf.", 150)
    triples: Literal["both", "in", "none"] = setting(
        "Neighbours from triples: of both directions, only those that point to the entity, or none.", "both"
    )
    most_neighbours: int = setting("Neighbours of an entity, drawn by chance where there are more.", 512)
    parts: int = setting(
        "Entities that the first or last words of names lead to, the best known; 0: none.", 64
    )
    depth: int = setting("Steps from a type up to its superclasses.", 4)

    def __post_init__(self) -> None:
        for name in ("label", "names", *SOURCES, "opening", "context", "object", "type"):
            if not 0 <= getattr(self, name) <= 1000:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 0 to 1000")
        for name in ("opening_words", "context_words", "contexts", "objects", "parts", "depth"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 0 or more")
        for name in ("most_words", "most_neighbours"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 1 or more")
