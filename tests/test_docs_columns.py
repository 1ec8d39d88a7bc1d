"""Every column that is written is named in its reference."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from kbtools import plugins
from kbtools.artefact import KbRef
from kbtools.shards import columns, preset
from kbtools.shards.base import Here
from kbtools.shards.views import entities
from kbtools.trees.schema import TREES

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
HERE = Here(None, 64, kbs=[KbRef(name="KB", content="")])  # type: ignore[arg-type]
LAYOUTS, VIEWS = plugins.names(preset.LAYOUTS), plugins.names(preset.VIEWS)


def section(page, title):
    """Return what stands below a heading that begins so."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page}: no section {title}"
    return found[0]


def unnamed(names, text):
    return [name for name in names if f"`{name}`" not in text]


def test_of_trees():
    assert not unnamed(TREES.names, (REFERENCE / "trees.md").read_text(encoding="utf-8"))


def test_of_all_text():
    told = section("shards.md", "Columns")
    names = [field.name for field in (*columns.TEXT, columns.SEGMENT, *columns.DOCUMENT)]
    assert not unnamed(names, told)


@pytest.mark.parametrize("name", LAYOUTS)
def test_of_layouts(name):
    layout = plugins.load(preset.LAYOUTS, name).LAYOUT
    settings = layout.settings()
    names = [field.name for field in getattr(layout, "fields", ())]
    if layout.takes != "corpus":
        names += layout.schema(settings, HERE).names
    assert not unnamed(names, section("layouts.md", f"`{name}`"))


@pytest.mark.parametrize("name", VIEWS)
def test_of_views(name):
    view = plugins.load(preset.VIEWS, name).VIEW
    settings = view.settings()
    switches = {one.name: True for one in fields(settings) if getattr(settings, one.name) is False}
    settings = replace(settings, **switches)  # all that can be asked for
    if name == "entities":
        settings = replace(settings, columns=tuple(entities.OF_MENTIONS)[1:])
    names = [field.name for field in view.fields(settings, HERE)]
    assert names
    assert not unnamed(names, section("views.md", f"`{name}`"))


@pytest.mark.parametrize("name", LAYOUTS)
def test_settings_of_layouts(name):
    settings = plugins.load(preset.LAYOUTS, name).LAYOUT.settings
    assert not unmentioned(settings, section("layouts.md", f"`{name}`"))


@pytest.mark.parametrize("name", VIEWS)
def test_settings_of_views(name):
    settings = plugins.load(preset.VIEWS, name).VIEW.settings
    assert not unmentioned(settings, section("views.md", f"`{name}`"))


def unmentioned(settings, text):
    return [one.name for one in fields(settings) if not re.search(rf"`[^`\n]*\b{one.name}\b", text)]
