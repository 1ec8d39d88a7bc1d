"""Names to code without decorators or lists: a folder is a registry, and a file in it is a choice.

A package that is installed beside this one adds choices by entry points, in the group of the folder's name:

    [project.entry-points."kbtools.corpus"]
    mine = "my_package.my_format"
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from kbtools.errors import ConfigError


def names(package: str) -> list[str]:
    """List the choices in a package, in alphabetical order, without importing any of them.

    A choice is a module or a sub-package; `base` and names that start with "_" are not choices.
    """
    folders = _folders(package)
    here = _inside(tuple(folders), tuple(Path(folder).stat().st_mtime_ns for folder in folders))
    return sorted(name for name in here | _added(package).keys() if name != "base" and name[0] != "_")


def load(package: str, name: str) -> ModuleType:
    """Import one choice by name."""
    return importlib.import_module(_module(package, _known(package, name)))


def summary(package: str, name: str) -> str:
    """Return the first line of a choice's docstring; the choice is read, not imported."""
    _known(package, name)
    files = [path for folder in map(Path, _folders(package)) for path in _files(folder / name)]
    if not files:
        spec = importlib.util.find_spec(_added(package)[name])
        files = [Path(spec.origin)] if spec is not None and spec.origin else []
    docstring = ast.get_docstring(ast.parse(files[0].read_bytes())) if files else None
    return (docstring or "").partition("\n")[0]


def _module(package: str, name: str) -> str:
    """Name the module of a choice; one in the folder goes before one that was added."""
    here = any(_files(folder / name) for folder in map(Path, _folders(package)))
    return f"{package}.{name}" if here else _added(package)[name]


def _files(path: Path) -> list[Path]:
    """Return the file of a module that would lie at `path`: a package's, or its own."""
    return [file for file in (path / "__init__.py", path.with_name(f"{path.name}.py")) if file.is_file()]


@cache
def _inside(folders: tuple[str, ...], _changed: tuple[int, ...]) -> frozenset[str]:
    """List what can be imported from folders, as they were when they were changed last."""
    return frozenset(module.name for module in pkgutil.iter_modules(folders))


@cache
def _added(package: str) -> dict[str, str]:
    """Return the modules that other packages add, by name."""
    return {one.name: one.value for one in entry_points(group=package)}


def _known(package: str, name: str) -> str:
    choices = names(package)
    if name not in choices:
        near = get_close_matches(name, choices, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"{name!r} is not in {package}; {hint}it has {', '.join(choices) or 'nothing yet'}")
    return name


def _folders(package: str) -> list[str]:
    """Find the folders of a package without importing it, nor those it is in: some take seconds."""
    top, *inner = package.split(".")
    spec = importlib.util.find_spec(top)
    for name in inner:
        if spec is None or spec.submodule_search_locations is None:
            break
        spec = PathFinder.find_spec(f"{spec.name}.{name}", spec.submodule_search_locations)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{package} is not a package", name=package)
    return list(spec.submodule_search_locations)
