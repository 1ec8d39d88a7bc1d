"""What `report.json` holds."""

from __future__ import annotations

from typing import Any

import msgspec

from kbtools.metrics import Comparison, Curve, Measure


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a report was made from; the manifest has the whole path."""

    name: str
    kind: str
    content: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """`report.json`."""

    title: str
    task: str
    settings: dict[str, Any]
    inputs: list[Source]
    counts: dict[str, Any]
    notes: list[str]
    measures: list[Measure]
    comparisons: list[Comparison]
    curves: list[Curve]
