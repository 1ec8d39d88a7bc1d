"""Runs: what was trained, how it went, whether its files are whole. Nothing here needs what trains."""

from kbtools.runs.metrics import Line, read

__all__ = ["KIND", "Line", "read"]

KIND = "run"
