"""What it takes to be a source, and what every source is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from kbtools.artefact import Licence, Task


class Source(Protocol):
    """One dump format. A module of this package is a source if it has a `SOURCE` of this shape.

    A source does not write tables. Its `decode` task turns one piece of a dump into a staged part
    (`kb/staged.py`), in which entities are numbered from 0 and named by integer keys (`kb/keymap.py`);
    finishing does the rest.
    """

    licence: ClassVar[Licence]
    layout: ClassVar[str]  # of its dumps: "lines" or "json" (see io/framing.py)
    prefixes: ClassVar[list[str]]  # of ids, by key space: an id is its prefix and the key's index
    subclass_of: ClassVar[str | None]  # the id of the relation that makes classes
    decode: ClassVar[str]  # "module:function", called with piece=, part= and `options`
    example: ClassVar[str]  # for --help
    settings: ClassVar[type]  # a frozen dataclass; its fields become flags of `kbtools ingest`

    def options(self, settings: Any) -> dict[str, Any]:
        """Return the plain arguments of `decode` that settings ask for."""
        ...

    def files(self, settings: Any) -> Sequence[str]:
        """Return the further files that settings name; their content is part of the plan."""
        ...

    def further(self, settings: Any, part: str) -> Task | None:
        """Return a task that stages rows from those files as one more part, if there is one."""
        ...

    def choose(self, settings: Any, keep: str) -> Task | None:
        """Return a task that decides which staged entities stay, once all are staged, if one is needed."""
        ...

    def without(self, settings: Any) -> Sequence[str]:
        """Return the tables that settings leave out, or that this source never fills."""
        ...
