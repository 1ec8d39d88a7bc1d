"""Linkers that learn from gold which evidence counts how much: `kbtools fit`, and what opens its result."""

from __future__ import annotations

from kbtools.linkers.fitting.opening import open_linker

__all__ = ["open_linker"]
