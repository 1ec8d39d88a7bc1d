"""Names to code without decorators or lists: a folder is a registry, and a file in it is a choice."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from kbtools.errors import ConfigError


def names(package: str) -> list[str]:
    """List the choices in a package, in alphabetical order, without importing any of them.

    A choice is a module or a sub-package; `base` and names that start with "_" are not choices.
    """
    found = (module.name for module in pkgutil.iter_modules(_folders(package)))
    return sorted(name for name in found if name != "base" and not name.startswith("_"))


def load(package: str, name: str) -> ModuleType:
    """Import one choice by name."""
    return importlib.import_module(f"{package}.{_known(package, name)}")


def summary(package: str, name: str) -> str:
    """Return the first line of a choice's docstring; the choice is read, not imported."""
    _known(package, name)
    for folder in map(Path, _folders(package)):
        for path in (folder / name / "__init__.py", folder / f"{name}.py"):
            if path.is_file():
                docstring = ast.get_docstring(ast.parse(path.read_bytes())) or ""
                return docstring.partition("\n")[0]
    return ""


def _known(package: str, name: str) -> str:
    choices = names(package)
    if name not in choices:
        near = get_close_matches(name, choices, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"{name!r} is not in {package}; {hint}it has {', '.join(choices) or 'nothing yet'}")
    return name


def _folders(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{package} is not a package", name=package)
    return list(spec.submodule_search_locations)
