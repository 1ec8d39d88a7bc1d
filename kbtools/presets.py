"""Choices that are TOML files: by the name of one in a folder, or by the path of any other."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from kbtools import config
from kbtools.errors import ConfigError

SUFFIX = ".toml"


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
