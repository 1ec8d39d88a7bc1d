"""A map as users write it: what is written shortly is written out, so that `kbtools.config` can check it."""

from __future__ import annotations

import dataclasses
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.sources.table.columns import CLASSES, Cell, Map, Property

LANGUAGE = re.compile("[a-z]{2,3}(-[A-Za-z0-9]+)*")


def read_map(path: Path) -> Map:
    """Read a map and check every name in it."""
    raw = config.load_table(path)
    found = config.build(Map, _spread(Map, raw, str(path)), where=str(path))
    if not any(found.tables().values()):
        raise ConfigError(f"{path}: says nothing of any table; there are {', '.join(CLASSES)}")
    return found


def _spread(settings: type, raw: Any, where: str, key: str = "") -> Any:
    """Write out what was written shortly; what makes no sense is left for `config` to refuse."""
    if not isinstance(raw, dict):
        return raw
    spread = dict(raw)
    if settings is Property and isinstance(raw.get("column"), str | int):
        spread["column"] = {
            "column": raw["column"],
            **({"split": spread.pop("split")} if "split" in raw else {}),
        }
        spread.setdefault("relation", str(raw["column"]))
    hints, fields = get_type_hints(settings), {one.name: one for one in dataclasses.fields(settings)}
    for name in spread.keys() & hints.keys():
        kind, value, at = hints[name], spread[name], f"{key}.{name}".strip(".")
        inner = get_args(kind)[0] if get_origin(kind) is tuple else None
        if inner is Cell:
            spread[name] = _cells(value, where, at)
        elif inner is str:
            spread[name] = [value] if isinstance(value, str) else value
        elif dataclasses.is_dataclass(inner) and isinstance(inner, type):
            rows = [value] if isinstance(value, dict) else value
            spread[name] = (
                [_spread(inner, row, where, at) for row in rows] if isinstance(rows, list) else rows
            )
        elif get_origin(kind) is dict and isinstance(value, dict):
            spread[name] = {scheme: _cell(entry) for scheme, entry in value.items()}
        elif Cell in (kind, *get_args(kind)):
            spread[name] = _cell(value, constant=bool(fields[name].metadata))
    return spread


def _cell(value: Any, *, constant: bool = False) -> Any:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return {"value" if constant and isinstance(value, str) else "column": value}
    return value


def _cells(value: Any, where: str, key: str) -> Any:
    if isinstance(value, list):
        return [_cell(entry) for entry in value]
    known = [one.name for one in dataclasses.fields(Cell)]
    if not isinstance(value, dict) or value.keys() & set(known):
        return [_cell(value)]
    for lang in value:
        if not LANGUAGE.fullmatch(lang):
            near = get_close_matches(lang, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"a column has {', '.join(known)}"
            raise ConfigError(f"{where}: {key}: {lang!r} is no language; {hint}")
    return [
        {"lang": lang, **entry} if isinstance(entry := _cell(one), dict) else entry
        for lang, one in value.items()
    ]
