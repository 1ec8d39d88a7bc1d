"""What can be set when Wikipedia is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to read of the dump."""

    namespaces: tuple[str, ...] = field(
        default=("0",),
        metadata={"help": "The namespaces whose pages are kept, by number or name; 0 is that of articles."},
    )
    categories: bool = field(
        default=True, metadata={"help": "Read what belongs to which category, and the categories' own pages."}
    )
    page_props: tuple[Path, ...] = field(
        default=(),
        metadata={"help": "The page_props SQL table: pages get the ids of their Wikidata items."},
    )
    langlinks: tuple[Path, ...] = field(
        default=(), metadata={"help": "The langlinks SQL table: names and titles in other languages."}
    )
    site: str | None = field(
        default=None,
        metadata={"help": "The database name, such as enwiki, where the dump does not say it rightly."},
    )
