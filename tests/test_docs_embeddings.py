"""Every setting of recipes that learn vectors is in its reference, with its default; recipes shown load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools import config, plugins
from kbtools.models.kge import recipes
from kbtools.models.kge.recipe import Loss, Recipe

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "reference" / "embeddings.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([\w.]+)` \|.*\| (.*?) \|$", re.MULTILINE)
TOML = re.compile(r"^```toml\n(about.*?)^```", re.MULTILINE | re.DOTALL)
SCORERS = [name for name in plugins.names(recipes.SCORERS) if name != "base"]


def test_settings_of_recipes():
    told = {name: default.strip("`–") for name, default in ROW.findall(PAGE)}
    expected = {
        one.name: "" if one.default is None or one.default == {} else one.shown
        for one in config.describe(Recipe)
    }
    assert {name: told.get(name) for name in expected} == expected


@pytest.mark.parametrize("name", SCORERS)
def test_scorers(name):
    assert f"| `{name}` |" in PAGE
    settings = config.describe(plugins.load(recipes.SCORERS, name).SCORER.Settings)
    names = [one.name for one in settings if one.name != "dim"]
    assert not [one for one in names if not re.search(rf"`(scorer\.)?{one}`", PAGE)]


def test_losses():
    kinds = get_args(get_type_hints(Loss)["kind"])
    assert len(kinds) > 4
    assert not [kind for kind in kinds if f"| `{kind}` |" not in PAGE]


def test_recipe_that_is_shown(tmp_path):
    shown = TOML.findall((DOCS / "how-to" / "embed.md").read_text(encoding="utf-8"))
    assert shown
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        assert recipes.load(str(path)).judge.every
