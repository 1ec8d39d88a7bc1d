"""Text in, links out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kbtools.linkers.corpora import link
    from kbtools.linkers.explaining import Limits, explain_documents, explain_text, write_page
    from kbtools.linkers.fitting.building import cross_validated, fit
    from kbtools.linkers.fitting.telling import summary as fit_summary
    from kbtools.linkers.index.kinds import KINDS, build_index, index_summary, open_index
    from kbtools.linkers.manifests import summary as link_summary
    from kbtools.linkers.spacy.parsing import parse_to as parse

__all__ = [
    "KINDS", "Limits", "build_index", "cross_validated", "explain_documents", "explain_text", "fit",
    "fit_summary", "index_summary", "link", "link_summary", "open_index", "parse", "write_page",
]  # fmt: skip

# what lives where its work is done, imported when it is first asked for
_ELSEWHERE = {
    "KINDS": "kbtools.linkers.index.kinds:KINDS",
    "Limits": "kbtools.linkers.explaining:Limits",
    "build_index": "kbtools.linkers.index.kinds:build_index",
    "cross_validated": "kbtools.linkers.fitting.building:cross_validated",
    "explain_documents": "kbtools.linkers.explaining:explain_documents",
    "explain_text": "kbtools.linkers.explaining:explain_text",
    "fit": "kbtools.linkers.fitting.building:fit",
    "fit_summary": "kbtools.linkers.fitting.telling:summary",
    "index_summary": "kbtools.linkers.index.kinds:index_summary",
    "link": "kbtools.linkers.corpora:link",
    "link_summary": "kbtools.linkers.manifests:summary",
    "open_index": "kbtools.linkers.index.kinds:open_index",
    "parse": "kbtools.linkers.spacy.parsing:parse_to",
    "write_page": "kbtools.linkers.explaining:write_page",
}


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"kbtools.linkers has no {name!r}")
    module, _, function = _ELSEWHERE[name].partition(":")
    return getattr(importlib.import_module(module), function)
