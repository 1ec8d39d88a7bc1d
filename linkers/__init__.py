"""Text in, links out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kbtools.linkers.corpora import link
    from kbtools.linkers.corpora import summary as link_summary
    from kbtools.linkers.index.kinds import KINDS, build_index, index_summary, open_index

__all__ = ["KINDS", "build_index", "index_summary", "link", "link_summary", "open_index"]

# what lives where its work is done, imported when it is first asked for
_ELSEWHERE = {
    "KINDS": "kbtools.linkers.index.kinds:KINDS",
    "build_index": "kbtools.linkers.index.kinds:build_index",
    "index_summary": "kbtools.linkers.index.kinds:index_summary",
    "link": "kbtools.linkers.corpora:link",
    "link_summary": "kbtools.linkers.corpora:summary",
    "open_index": "kbtools.linkers.index.kinds:open_index",
}


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"kbtools.linkers has no {name!r}")
    module, _, function = _ELSEWHERE[name].partition(":")
    return getattr(importlib.import_module(module), function)
