"""What is built to be installed holds all that the program needs, and nothing under a stranger's name."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("pyproject.toml", "README.md", "LICENSE", "kbtools", "cli", "linkers", "models")
FOLDERS = {"cli", "linkers", "models"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the tree: a build leaves its traces there and not in the working tree."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in TOP:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout):
    return _build_wheel(checkout)


@pytest.fixture(scope="module")
def sdist(checkout):
    _python("-c", "from setuptools import build_meta; build_meta.build_sdist('dist')", cwd=checkout)
    (archive,) = (checkout / "dist").glob("*.tar.gz")
    return archive


def _build_wheel(folder):
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", "dist"]
    _python("-m", "pip", "wheel", *options, ".", cwd=folder)
    (archive,) = (folder / "dist").glob("*.whl")
    return archive


def _python(*arguments, cwd, path=""):
    run = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=cwd,
        env={"PYTHONPATH": str(path), "PATH": "", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def _wanted():
    """Every file that belongs into the package, under its name there."""
    found = set()
    for top in ("kbtools", *FOLDERS):
        for path in (ROOT / top).rglob("*"):
            inside = path.relative_to(ROOT)
            if path.is_file() and "__pycache__" not in inside.parts and (inside.parts[1] not in FOLDERS):
                found.add(inside.as_posix() if top == "kbtools" else f"kbtools/{inside.as_posix()}")
    return found


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if not name.startswith("kbtools-")} == _wanted()
    assert {"kbtools/py.typed", "kbtools/tables/NOTICE", "kbtools/cli/main.py"} <= names


def test_the_wheel_carries_the_licences(wheel):
    names = {name.partition("dist-info/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"licenses/LICENSE", "licenses/kbtools/tables/NOTICE", "entry_points.txt"} <= names


def test_a_wheel_made_from_the_sdist_is_the_same(wheel, sdist, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    again = zipfile.ZipFile(_build_wheel(unpacked))
    first = zipfile.ZipFile(wheel)
    assert {i.filename: i.CRC for i in again.infolist()} == {i.filename: i.CRC for i in first.infolist()}


def test_the_wheel_works_away_from_the_checkout(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import importlib.util as u, kbtools.cli.main as m, kbtools.linkers, kbtools.models;"
        "print(m.__file__); print([n for n in ('cli', 'linkers', 'models') if u.find_spec(n)])"
    )
    where, strangers = _python("-c", code, cwd=tmp_path, path=tmp_path / "site").splitlines()
    assert Path(where) == tmp_path / "site" / "kbtools" / "cli" / "main.py"
    assert strangers == "[]"


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    asked = {re.split(r"[<>=!~;\[ ]", line)[0].lower() for line in lines} - {"kbtools"}
    pins = re.findall(
        r"^([\w.-]+)==\S+$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert asked - {name.lower() for name in pins} == set()
