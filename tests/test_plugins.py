"""A folder is a registry: its choices are known without importing them."""

from __future__ import annotations

import sys

import pytest

from kbtools import plugins
from kbtools.errors import ConfigError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A registry of a module and a small package; importing the wrong thing would fail."""
    folder = tmp_path / "zoo_for_test"
    (folder / "panda").mkdir(parents=True)
    (folder / "_private").mkdir()
    (folder / "data").mkdir()
    (folder / "panda" / "__init__.py").write_text('"""Eats bamboo."""\nloaded = True\n')
    (folder / "_private" / "__init__.py").write_text("raise RuntimeError\n")
    (folder / "__init__.py").write_text("")
    (folder / "base.py").write_text("raise RuntimeError\n")
    (folder / "otter.py").write_text(
        '"""Holds hands.\n\nWhile asleep.\n"""\nraise RuntimeError("imported")\n'
    )
    (folder / "silent.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "zoo_for_test"
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_for_test"]:
        del sys.modules[name]


def test_choices_are_listed_and_described_without_import(package):
    assert plugins.names(package) == ["otter", "panda", "silent"]
    assert [plugins.summary(package, name) for name in plugins.names(package)] == [
        "Holds hands.",
        "Eats bamboo.",
        "",
    ]
    assert not [name for name in sys.modules if name.partition(".")[0] == package]


def test_a_choice_is_imported_by_name(package):
    assert plugins.load(package, "panda").loaded
    with pytest.raises(RuntimeError, match="imported"):
        plugins.load(package, "otter")


@pytest.mark.parametrize("call", [plugins.load, plugins.summary])
def test_a_wrong_name_gets_a_hint(package, call):
    with pytest.raises(ConfigError, match="'pandda' is not in zoo_for_test; did you mean 'panda'"):
        call(package, "pandda")
    with pytest.raises(ConfigError, match="'base' is not in zoo_for_test; it has otter, panda, silent"):
        call(package, "base")


def test_a_module_is_no_registry(package):
    with pytest.raises(ModuleNotFoundError, match=r"zoo_for_test\.otter is not a package"):
        plugins.names(f"{package}.otter")


def test_every_source_says_what_it_is():
    for name in plugins.names("kbtools.sources"):
        assert plugins.summary("kbtools.sources", name), f"{name} needs a docstring: it is what --help shows"
