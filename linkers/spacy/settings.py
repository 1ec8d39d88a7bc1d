"""The settings of the component."""

from __future__ import annotations

from typing import Literal

import msgspec

SPAN_KEY = "kbtools"  # of spans and of user_data
Ents = Literal["keep", "fill", "replace"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of it."""

    alias: str = ""
    indexes: list[str] = []
    kbs: list[str] = []
    preset: str = "prior"
    overrides: list[str] = []  # name=value of the preset
    find: bool = True  # mentions beside the entities that the pipeline has recognised
    ents: Ents = "keep"  # as they are; with what was found where none is; only what was found
    overwrite: bool = True  # ids that entities have already
    spans_key: str = SPAN_KEY  # empty: no spans
    nil: str = ""  # the id of entities that are in no knowledge base; spaCy's own linker says NIL
