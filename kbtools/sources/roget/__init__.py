"""Roget's Thesaurus of 1911, the plain text of Project Gutenberg (roget15a.txt, pg22.txt).

What becomes what:

- **Classes, divisions, sections and the titles below** are entities (kind concept) with ids such as
  `class-1`, `class-4/division-1/section-1`, `class-1/section-1/3`, and `…/internal-conditions` for a title
  without number.
- A **head** is `head-133`, `head-16a`: the number by which the text refers to it. Notes in brackets beside
  its name are its description.
- A **paragraph** is `head-133/n-2`: the second of the nouns. Its label is its first word. A note that stands
  alone in brackets is its description, quotations are examples.
- A **group** is what stands between two semicolons, `head-133/n-2/1`: words that mean nearly the same, what
  a synset is in WordNet. Its words are its surfaces (source term, with pos and, for foreign words, language).
  So synonyms are had in the same way from both: all pairs of surfaces of one entity.
- A **word** is an entity too (kind lexeme, id the word; `--no-words` leaves them out): a triple `member_of`
  to each group it is in, and `synonym` from the first word of a group to each other one: as many triples
  as words, where all pairs would be a square. Phrases (Phr.) are no synonyms of each other: a group each.

`part_of` leads up from group to class; the type of a group is its head. `&c. (existence in space) 186` is a
triple `see_also` from the group to `head-186`, with the note and the word that it belongs to as qualifiers;
`&c. adj.` is one to the first paragraph of that kind in the same head. `{ant. 133}` is `antonym` between
heads; the opposite pairs that stood side by side in print are not marked in the text beyond that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kbtools.artefact import Licence
from kbtools.errors import ConfigError, SourceError
from kbtools.sources.base import Feed, Reading


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to read of the thesaurus."""

    words: bool = field(default=True, metadata={"help": "Make each word an entity, with its synonyms."})


class Roget:
    """A thousand heads, each with its opposite; words by meaning."""

    licence: ClassVar[Licence] = Licence(
        source="Roget's Thesaurus (1911)",
        licence="public domain",
        attribution="Roget's Thesaurus of English Words and Phrases, 1911; plain text by MICRA, Inc.",
        redistribute="yes",
    )
    prefixes: ClassVar[Sequence[str]] = ()
    subclass_of: ClassVar[str | None] = "part_of"
    settings: ClassVar[type] = Settings
    example: ClassVar[str] = """Example:
  kbtools ingest roget roget15a.txt --out kb/roget"""

    def plan(self, dumps: Sequence[str], settings: Settings) -> Reading:
        """Look for heads in the text: `#1. Existence.`."""
        from kbtools.sources.roget.read import looks_like  # noqa: PLC0415 - opens files

        if len(dumps) != 1:
            raise ConfigError(f"roget reads one text; {len(dumps)} are given")
        path = dumps[0]
        if Path(path).is_dir():
            texts = sorted(str(p) for p in Path(path).iterdir() if p.is_file() and not p.name.startswith("."))
            texts = [text for text in texts if Path(text).stat().st_size and looks_like(text)]
            if not texts:
                raise SourceError("holds no text of the thesaurus, such as roget15a.txt", path=path)
            if len(texts) > 1:
                names = ", ".join(Path(text).name for text in texts)
                what = f"holds {len(texts)} texts of the thesaurus: {names}; name the one to read"
                raise SourceError(what, path=path)
            path = texts[0]
        elif not looks_like(path):
            what = (
                "no heads such as '#1. Existence.-- N. existence, being'; is this Roget's Thesaurus of 1911?"
            )
            raise SourceError(what, path=path)
        feed = Feed(
            call="kbtools.sources.roget.read:read",
            paths=[path],
            layout="whole",
            args={"words": settings.words},
        )
        return Reading(feeds=[feed])


SOURCE = Roget()
