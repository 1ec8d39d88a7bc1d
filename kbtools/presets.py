"""Choices that are TOML files: by the name of one in a folder, or by the path of any other; writing them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from kbtools import config
from kbtools.errors import ConfigError

SUFFIX = ".toml"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Presets(NamedTuple):
    """The files of a folder; the rest is for whoever names none of them."""

    folder: Path
    option: str  # of the command line: --for
    what: str  # it chooses: model
    others: str = ".toml files"  # what else may be given

    def names(self) -> list[str]:
        """List them."""
        return sorted(file.stem for file in self.folder.glob(f"*{SUFFIX}"))

    def abouts(self) -> list[tuple[str, str]]:
        """List them with what each says it is; they are not checked."""
        return [(name, config.load_table(self.path(name)).get("about", "")) for name in self.names()]

    def path(self, name: str) -> Path:
        """Return the file of a preset; `-` and `_` in its name are the same."""
        names = self.names()
        known = {one.replace("-", "_"): one for one in names}.get(name.replace("-", "_"))
        if known:
            return self.folder / f"{known}{SUFFIX}"
        if name.endswith(SUFFIX):
            return Path(name)
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        there = f"there are {', '.join(names)}, {self.others}"
        raise ConfigError(f"{self.option} {name!r}: no such {self.what}; {hint}{there}")


def to_toml(settings: Any, *, brief: bool = False) -> str:
    """Write settings as a file that `config.load` reads; none is the default of whatever may be none.

    `brief`: what is as it is by default is left out.
    """
    return _table(changed(settings) if brief else config.plain(settings), ()).lstrip("\n")


def changed(settings: Any) -> dict[str, Any]:
    """Turn settings into plain types, as `config.plain` does, but for what is as it is by default."""
    told, found = config.plain(settings), {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            if inner := changed(value):
                found[field.name] = inner
            continue
        made = field.default_factory
        if value != (field.default if made is dataclasses.MISSING else made()):
            found[field.name] = told[field.name]
    return found


def _table(table: Mapping[str, Any], path: tuple[str, ...], brackets: str = "[]") -> str:
    left, right = brackets[: len(brackets) // 2], brackets[len(brackets) // 2 :]
    lines = [f"\n{left}{'.'.join(map(_key, path))}{right}"] if path else []
    below = []
    for name, value in table.items():
        if isinstance(value, dict):
            below.append(_table(value, (*path, name)))
        elif isinstance(value, list | tuple) and value and all(isinstance(one, dict) for one in value):
            below += [_table(one, (*path, name), "[[]]") for one in value]
        elif value is not None:
            lines.append(f"{_key(name)} = {_value(value)}")
    return "".join([*(f"{line}\n" for line in lines), *below])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        told = (f"{_key(name)} = {_value(one)}" for name, one in value.items() if one is not None)
        return f"{{ {', '.join(told)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)
