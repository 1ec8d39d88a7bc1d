"""What all tests share: the folders of real data, which may be absent, and how hypothesis searches."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import kept_database, small_dump

# Each worker of the suite has a core; threads of torch would only wait for each other there.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# In CI the same examples are tried each time; elsewhere new ones, and a failing one is remembered.
hypothesis.settings.register_profile("kbtools", deadline=None)
hypothesis.settings.register_profile("kbtools-ci", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("kbtools-ci" if os.environ.get("CI") else "kbtools")


@pytest.fixture(scope="session", autouse=True)
def haste() -> Iterator[None]:
    """Spare small tests what takes longer than what they do; commands in processes of their own do it all.

    A kill loses nothing that was written; only a machine that goes down does, and no test shows that.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: os.fstat(handle) and None)  # still of an open file
        patch.setattr("kbtools.kb.database.opened", kept_database.opened)
        yield
        kept_database.close()


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real dumps; without it the test is skipped, and the summary says so."""
    return _folder("KBTOOLS_REALDATA", "real dumps")


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of reference results of other people's programs."""
    return _folder("KBTOOLS_GOLDEN", "reference results")


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dump with everything in it, for the tests that ingest it in many ways."""
    path = tmp_path_factory.mktemp("small") / "dump.json"
    path.write_bytes(small_dump.data())
    return path


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory, plain: Path) -> Path:
    """What one undisturbed worker makes of it, in one piece."""
    out = tmp_path_factory.mktemp("small") / "reference"
    small_dump.ingest(plain, out)
    return out


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"needs {what}: set {variable} to their folder")
    path = Path(value).resolve()
    if not path.is_dir():
        pytest.fail(f"{variable}={value} is not a folder")
    return path


def pytest_collection_finish() -> None:
    """Spare the collector what importing everything has made: it would look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Give it back: what is frozen is not taken down at the end, and DuckDB complains of that."""
    gc.unfreeze()
