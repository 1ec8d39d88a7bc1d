"""The shape of the project, kept by a machine: docs/adr/0001 and 0002 explain the rules.

Each rule is a function from the root of a tree to a list of what is wrong there: so it can be shown to fail.
"""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

FOLDERS = {  # at the top of the repository -> as imported
    "kbtools": "kbtools",
    "linkers": "kbtools.linkers",
    "models": "kbtools.models",
    "cli": "kbtools.cli",
}
MAY_IMPORT = {  # folder -> other folders
    "kbtools": set[str](),
    "linkers": {"kbtools"},
    "models": {"kbtools"},
    "cli": {"kbtools", "linkers", "models"},
}
FLOORS = (  # of the core, from the top; a room imports from lower floors and from itself, not from neighbours
    {"api"},
    {"pipeline", "about"},
    {"trees", "shards", "report", "tasks", "runs"},
    {"sources", "alias", "tokens"},
    {"corpus"},
    {"linked", "vectors", "features"},
    {"kb", "executors", "metrics"},
    {"artefact"},
    {"io", "progress", "presets"},
    {"text", "config", "plugins"},
    {"extras", "arrays", "cycles"},
    {"errors"},
    {"__init__"},
)
FLOOR_OF = {room: height for height, floor in enumerate(reversed(FLOORS)) for room in floor}

HEAVY = {"torch", "transformers", "spacy", "faiss"}
TABULAR = {"pyarrow", "duckdb"}
NEVER = {  # folder or room -> libraries it does not import, not even inside a function
    "kbtools": HEAVY,
    "models": {"spacy", "faiss", "duckdb"},
    **dict.fromkeys(
        ["__init__", "errors", "config", "plugins", "extras", "progress", "presets"], TABULAR | {"numpy"}
    ),
    **dict.fromkeys(["text", "artefact"], TABULAR),
}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
MODULE_LINES, FUNCTION_LINES, COMMAND_LINES = 300, 50, 60


class Module(NamedTuple):
    """One source file: where it is, what it is called, and its syntax."""

    path: Path
    folder: str
    name: str
    tree: ast.Module
    lines: int

    @property
    def room(self) -> str:
        """The floor plan's word for it: `kb` for kbtools.kb.schema."""
        inside = self.name.removeprefix(FOLDERS[self.folder]).strip(".")
        return inside.partition(".")[0] or "__init__"


class Import(NamedTuple):
    """One imported name, made absolute."""

    where: str
    by: Module
    name: str


@cache
def modules(root: Path) -> tuple[Module, ...]:
    """Read every source file below the four folders; symlinks are not followed."""
    found = []
    for folder, package in FOLDERS.items():
        for here, below, files in os.walk(root / folder):
            below[:] = sorted(name for name in below if name != "__pycache__")
            for path in (Path(here, name) for name in sorted(files) if name.endswith(".py")):
                parts = path.relative_to(root / folder).with_suffix("").parts
                name = ".".join([package, *(part for part in parts if part != "__init__")])
                text = path.read_text(encoding="utf-8")
                found.append(Module(path, folder, name, ast.parse(text), text.count("\n")))
    return tuple(found)


@cache
def imports(root: Path) -> tuple[Import, ...]:
    """List every import, inside functions too; `import_module("x")` and `need("x")` are imports."""
    names = {module.name for module in modules(root)}
    return tuple(
        Import(f"{module.path.relative_to(root)}:{line}", module, name)
        for module in modules(root)
        for node in ast.walk(module.tree)
        for line, name in _imported(node, module, names)
    )


def _imported(node: ast.AST, module: Module, names: set[str]) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Import():
            yield from ((node.lineno, alias.name) for alias in node.names)
        case ast.ImportFrom():
            base = node.module or ""
            if node.level:
                package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield node.lineno, whole if whole in names or base == "kbtools" else base
        case ast.Call(
            func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(str(name)), *_]
        ):
            if called in {"import_module", "need", "__import__"}:
                yield node.lineno, name


def folder_of(name: str) -> str | None:
    """Find the folder that a dotted name lives in."""
    head, *rest = name.split(".")
    if head != "kbtools":
        return None
    return rest[0] if rest and rest[0] in FOLDERS else "kbtools"


def wrong_directions(root: Path) -> list[str]:
    """Folders import as MAY_IMPORT says, and by their full names."""
    wrong = []
    for where, by, name in imports(root):
        theirs = folder_of(name)
        if name.partition(".")[0] in FOLDERS.keys() - {"kbtools"}:
            wrong.append(f"{where}: write kbtools.{name}; the folder is mapped in pyproject.toml")
        elif theirs not in {None, by.folder} | MAY_IMPORT[by.folder]:
            wrong.append(f"{where}: {by.folder} must not import {theirs}")
    return wrong


def wrong_floors(root: Path) -> list[str]:
    """Inside the core, a room imports from lower floors only."""
    core = [module for module in modules(root) if module.folder == "kbtools"]
    rooms = {module.room for module in core}
    wrong = [
        f"kbtools/{room}: has no floor; give it one in FLOORS" for room in sorted(rooms - FLOOR_OF.keys())
    ]
    for where, by, name in imports(root):
        theirs = (name.split(".")[1:] or ["__init__"])[0]
        if (
            by.folder != "kbtools"
            or folder_of(name) != "kbtools"
            or theirs not in rooms
            or by.room not in FLOOR_OF
        ):
            continue
        if theirs != by.room and FLOOR_OF.get(theirs, -1) >= FLOOR_OF[by.room]:
            wrong.append(f"{where}: {by.room} must not import {theirs}, which is not below it")
    return wrong


def heavy_imports(root: Path) -> list[str]:
    """The core is light, its lower floors lighter; a machine that trains needs no spaCy, faiss or DuckDB."""
    wrong = []
    for where, by, name in imports(root):
        never = NEVER.get(by.folder, set()) | (NEVER.get(by.room, set()) if by.folder == "kbtools" else set())
        if name.partition(".")[0] in never:
            wrong.append(f"{where}: no {name.partition('.')[0]} here")
    return wrong


def too_long(root: Path) -> list[str]:
    """One concept, one file; a command parses, calls and prints."""
    wrong = []
    for module in modules(root):
        path = module.path.relative_to(root)
        functions = [
            n for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        is_command = module.folder == "cli" and any(f.name == "command" for f in functions)
        limit = COMMAND_LINES if is_command else MODULE_LINES
        if module.lines > limit:
            wrong.append(f"{path}: {module.lines} lines, {limit} at most; split it by concept, not by number")
        for function in functions:
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > FUNCTION_LINES:
                wrong.append(
                    f"{path}:{function.lineno}: {function.name} has {lines} lines, {FUNCTION_LINES} at most"
                )
    return wrong


def empty_names(root: Path) -> list[str]:
    """A module is named for what it does."""
    named = [module for module in modules(root) if EMPTY_NAMES & set(module.name.split("."))]
    return [f"{module.path.relative_to(root)}: name it for what it does" for module in named]


def circles(root: Path) -> list[str]:
    """No module imports itself over others, not even from inside a function."""
    names = {module.name for module in modules(root)}
    graph: dict[str, set[str]] = {name: set() for name in sorted(names)}
    for _, by, name in imports(root):
        graph[by.name] |= {name} & names - {by.name}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" imports ".join(reversed(error.args[1]))]
    return []


def unlisted_packages(root: Path) -> list[str]:
    """An editable install finds a forgotten sub-package; a wheel does not."""
    listed = _pyproject(root)["tool"]["setuptools"]["packages"]
    on_disk = {module.name for module in modules(root) if module.path.name == "__init__.py"}
    bare = {m.path.parent for m in modules(root)} - {
        m.path.parent for m in modules(root) if m.name in on_disk
    }
    return [
        *(f"pyproject.toml: {name} is not listed" for name in sorted(on_disk - {*listed})),
        *(f"pyproject.toml: {name} is listed, but not there" for name in sorted({*listed} - on_disk)),
        *(f"{path.relative_to(root)}: has modules but no __init__.py" for path in sorted(bare)),
    ]


def unknown_extras(root: Path) -> list[str]:
    """The extra that a user is told to install is one that we have."""
    extras = _pyproject(root)["project"]["optional-dependencies"]
    return [
        f"{module.path.relative_to(root)}:{node.lineno}: no extra {extra!r} in pyproject.toml"
        for module in modules(root)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "need"
        for extra in (ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg == "extra")
        if extra not in extras
    ]


def _pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def wrong_links(root: Path) -> list[str]:
    """`kbtools/models -> ../models` and its like: what lets the static tools see one package."""
    links = [root / "kbtools" / folder for folder in FOLDERS if folder != "kbtools"]
    return [
        f"{link.relative_to(root)}: make it a symlink to ../{link.name}"
        for link in links
        if not link.is_symlink() or link.readlink() != Path("..", link.name)
    ]


RULES: list[Callable[[Path], list[str]]] = [
    wrong_directions,
    wrong_floors,
    heavy_imports,
    too_long,
    empty_names,
    circles,
    unlisted_packages,
    unknown_extras,
    wrong_links,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps(rule):
    assert rule(ROOT) == []


PYPROJECT = """[project.optional-dependencies]
some = []
[tool.setuptools]
packages = ["kbtools", "kbtools.kb", "kbtools.cli", "kbtools.linkers", "kbtools.models"]
"""
HARMLESS = {
    "pyproject.toml": PYPROJECT,
    "kbtools/__init__.py": "",
    "kbtools/errors.py": "class KbError(Exception): ...",
    "kbtools/config.py": "from .errors import KbError",
    "kbtools/executors.py": "import kbtools",
    "kbtools/kb/__init__.py": "from kbtools.kb.order import x",
    "kbtools/kb/order.py": "import numpy",
    "kbtools/kb/schema.py": "import pyarrow\nfrom ..errors import KbError\nfrom . import order",
    "linkers/__init__.py": "",
    "linkers/rank.py": "need('faiss', extra='some', why='x')\nfrom kbtools.kb import schema",
    "models/__init__.py": "",
    "models/base.py": "import torch\nfrom kbtools import errors",
    "cli/__init__.py": "",
    "cli/link.py": "from kbtools.linkers.rank import x\nfrom kbtools.models import base\ndef command(): ...",
}


@pytest.fixture
def plant(tmp_path):
    """Make a small tree that keeps every rule, with the given files in it besides or instead."""

    def grow(files: dict[str, str]) -> Any:
        for name, text in {**HARMLESS, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        for name in ["linkers", "models", "cli"]:
            (tmp_path / "kbtools" / name).symlink_to(Path("..", name))
        return tmp_path

    return grow


@pytest.mark.parametrize("rule", RULES)
def test_a_tree_that_keeps_the_rules_passes(rule, plant):
    assert rule(plant({})) == []


LONG = "def command():" + "\n    x = 1" * 50
FAULTS = {
    wrong_directions: [
        ("linkers/x.py", "from kbtools.models import base", "x.py:1: linkers must not import models"),
        ("models/x.py", "def f():\n import kbtools.cli.x", "x.py:2: models must not import cli"),
        ("kbtools/kb/x.py", "from ..models import base", "kbtools must not import models"),
        ("kbtools/kb/x.py", "from .. import models", "kbtools must not import models"),
        ("kbtools/io.py", "import_module('kbtools.cli.a')", "kbtools must not import cli"),
        ("cli/x.py", "from models.base import x", "cli/x.py:1: write kbtools.models.base"),
    ],
    wrong_floors: [
        ("kbtools/errors.py", "from kbtools import config", "errors must not import config"),
        ("kbtools/text.py", "\nfrom .config import x", "kbtools/text.py:2: text must not import config"),
        ("kbtools/io.py", "if TYPE_CHECKING:\n import kbtools.kb.order", "io must not import kb"),
        ("kbtools/kb/x.py", "from kbtools import executors", "kb must not import executors"),
        ("kbtools/attic.py", "", "kbtools/attic: has no floor"),
    ],
    heavy_imports: [
        ("kbtools/kb/x.py", "def f():\n import torch.nn", "kbtools/kb/x.py:2: no torch here"),
        ("kbtools/kb/x.py", "need('spacy', extra='some', why='x')", "no spacy here"),
        ("kbtools/artefact.py", "from pyarrow import parquet", "no pyarrow here"),
        ("kbtools/config.py", "import numpy as np", "no numpy here"),
        ("models/x.py", "import duckdb", "no duckdb here"),
    ],
    too_long: [
        ("kbtools/kb/x.py", "\n" * 300, "kbtools/kb/x.py: 301 lines, 300 at most"),
        ("cli/x.py", "def command(): ..." + "\n" * 60, "cli/x.py: 61 lines, 60 at most"),
        ("cli/x.py", LONG, "cli/x.py:1: command has 51 lines, 50 at most"),
    ],
    empty_names: [
        ("kbtools/kb/utils.py", "", "kbtools/kb/utils.py: name it for what it does"),
        ("kbtools/common/__init__.py", "", "name it for what it does"),
    ],
    circles: [
        ("kbtools/kb/order.py", "def f():\n from . import schema", "kb.schema imports kbtools.kb.order"),
        ("kbtools/kb/order.py", "from kbtools.kb import y", "kbtools.kb imports kbtools.kb.order"),
    ],
    unlisted_packages: [
        ("models/zoo/__init__.py", "", "kbtools.models.zoo is not listed"),
        ("models/zoo/x.py", "", "models/zoo: has modules but no __init__.py"),
        ("pyproject.toml", PYPROJECT.replace(".kb", ".gone"), "kbtools.gone is listed, but not there"),
    ],
    unknown_extras: [("cli/x.py", "extras.need('a', extra='sone', why='x')", "cli/x.py:1: no extra 'sone'")],
}


@pytest.mark.parametrize(
    ("rule", "file", "text", "found"), [(rule, *fault) for rule, faults in FAULTS.items() for fault in faults]
)
def test_a_planted_fault_is_found(rule, file, text, found, plant):
    assert found in "\n".join(rule(plant({file: text})))


def test_a_copy_or_a_wrong_link_is_found(plant):
    root = plant({})
    for name, target in [("models", root / "models"), ("cli", Path("..", "linkers"))]:
        (root / "kbtools" / name).unlink()
        (root / "kbtools" / name).symlink_to(target)
    assert [line.partition(":")[0] for line in wrong_links(root)] == ["kbtools/models", "kbtools/cli"]


def test_help_is_light():
    """Asking for help imports none of the libraries that do the work."""
    code = (
        "import sys; from kbtools.cli.main import main; main(['-h'], 'x', None, False); print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    imported = {name.partition(".")[0] for name in run.stdout.splitlines()[-1].split()}
    assert "kbtools" in imported
    assert imported & (HEAVY | TABULAR | {"numpy"}) == set()
