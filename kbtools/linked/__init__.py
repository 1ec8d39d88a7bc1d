"""Linked documents: text with mentions and what each means, as an artefact (contracts §4)."""

from kbtools.linked.reader import Linked, is_linked
from kbtools.linked.schema import CANDIDATE, DOCUMENTS, FEATURES, KINDS, MENTION, SCORES

__all__ = ["CANDIDATE", "DOCUMENTS", "FEATURES", "KINDS", "MENTION", "SCORES", "Linked", "is_linked"]
