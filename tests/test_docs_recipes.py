"""Every setting of recipes and objectives is in its reference, with its default; recipes shown there load."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from pathlib import Path

import pytest

from kbtools import config, plugins
from kbtools.models import recipe
from kbtools.models.masking.settings import Masking
from kbtools.models.parts import heads
from kbtools.models.training.setup import load_recipe

DOCS = Path(__file__).parents[1] / "docs"
OBJECTIVES = "kbtools.models.objectives"
SECTIONS = {
    "Model": (recipe.Model, "model."), "Run": (recipe.Run, "run."),
    "Optimiser": (recipe.Optimiser, "optimiser."), "Tasks": (recipe.Task, ""), "Stages": (recipe.Stage, ""),
}  # fmt: skip
TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `([\w.]+)` \|.*\| (.*?) \|$", re.MULTILINE)
SHORT = {"–": "", "2²⁸": str(1 << 28)}  # how some defaults are shown


def section(page, title):
    """Return what stands below a heading that begins so."""
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page}: no section {title}"
    return found[0]


def rows(text):
    """Return the settings of tables, with their defaults."""
    return {name: SHORT.get(default.strip("`"), default.strip("`")) for name, default in ROW.findall(text)}


def wanted(settings, prefix=""):
    """Return the settings of a class with their defaults; one that is none or an empty table is nothing."""
    return {
        f"{prefix}{one.name}": "" if one.default is None or one.default == {} else one.shown
        for one in config.describe(settings)
    }


@pytest.mark.parametrize("title", SECTIONS)
def test_of_recipes(title):
    assert is_dataclass(SECTIONS[title][0])
    told, expected = rows(section("recipes.md", title)), wanted(*SECTIONS[title])
    assert {name: told.get(name) for name in expected} == expected


@pytest.mark.parametrize("name", plugins.names(OBJECTIVES))
def test_of_objectives(name):
    settings = plugins.load(OBJECTIVES, name).OBJECTIVE.settings
    told = rows(section("objectives.md", f"`{name}`"))
    if issubclass(settings, Masking):
        told = rows(section("objectives.md", "Masking")) | told
    expected = wanted(settings)
    assert {one: told.get(one) for one in expected} == expected


def test_of_heads():
    told = section("parts.md", "Heads")
    assert not [name for name in plugins.names(heads.__name__) if f"| `{name}` |" not in told]


@pytest.mark.parametrize("page", ["reference/recipes.md", "how-to/train.md"])
def test_recipes_that_are_shown(page, tmp_path):
    shown = [one for one in TOML.findall((DOCS / page).read_text(encoding="utf-8")) if "[model]" in one]
    assert shown
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        assert load_recipe(str(path)).stages
