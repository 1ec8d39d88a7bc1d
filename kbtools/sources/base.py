"""What it takes to be a source, and what every source is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from kbtools.artefact import Licence, Task

WHOLE = "whole"  # the layout of files that are not cut into pieces
EXTRA = "work/parts/extra.part"  # what `Reading.further` stages


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Some input, and the function that stages it.

    A file that is cut into pieces ("lines", "json", "pages": see `kbtools.io`) is read by many tasks, each
    called as `call(folder, piece=..., part=..., **args)`. Files that are read as a "whole" are read by one,
    called as `call(folder, files=[...], part=..., **args)`.
    """

    call: str  # "module:function"
    paths: Sequence[str]  # one, unless they are read as a whole
    layout: str = "lines"
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How dumps are read: what a source makes of the command line."""

    feeds: Sequence[Feed]
    files: Sequence[str] = ()  # further files that settings name; their content is part of the plan
    further: Task | None = None  # stages rows from those files as one more part (`EXTRA`)
    choose: Task | None = None  # decides which staged entities stay, once all are staged
    without: Collection[str] = ()  # the tables that settings leave out, or that this source never fills
    licences: Sequence[Licence] = ()  # where the dump has others than the source
    own_names: bool = False  # every id that a triple speaks of is an entity, and its own name
    lang: str | None = None  # of such names
    names: str = "id"  # what ids are in a base given by --onto: "id", or "site:enwiki" for its titles there
    release: str | None = None  # of that base that the ids belong to, where releases number anew
    notes: dict[str, Any] = field(default_factory=dict)  # what the manifest should tell of the dump


class Source(Protocol):
    """One dump format. A module of this package is a source if it has a `SOURCE` of this shape.

    A source does not write tables. Its tasks turn what they read into staged parts, in which entities are
    named by text (`kb/named.py`), or, where `prefixes` says how such keys are written, by integers
    (`kb/staged.py`); finishing does the rest.
    """

    licence: ClassVar[Licence]
    prefixes: ClassVar[Sequence[str]]  # of ids, by key space: an id is its prefix and the key's index
    subclass_of: ClassVar[str | None]  # the id of the relation that makes classes
    example: ClassVar[str]  # for --help
    settings: ClassVar[type]  # a frozen dataclass; its fields become flags of `kbtools ingest`

    def plan(self, dumps: Sequence[str], settings: Any) -> Reading:
        """Say how these dumps are read; refuse what makes no sense before anything is written."""
        ...
