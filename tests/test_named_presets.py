"""Choices that are TOML files, by name or by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from kbtools.errors import ConfigError
from kbtools.presets import Presets


@pytest.fixture
def presets(tmp_path):
    (tmp_path / "some-model.toml").write_text('about = "Some model."\n')
    (tmp_path / "other_one.toml").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("no preset\n")
    return Presets(tmp_path, "--for", "model")


def test_the_files_of_a_folder_are_listed_with_what_they_say(presets):
    assert presets.names() == ["other_one", "some-model"]
    assert presets.abouts() == [("other_one", ""), ("some-model", "Some model.")]


@pytest.mark.parametrize("name", ["some-model", "some_model"])
def test_hyphens_and_underscores_are_the_same(presets, name):
    assert presets.path(name) == presets.folder / "some-model.toml"


def test_any_other_file_is_named_by_its_path(presets):
    assert presets.path("my/own.toml") == Path("my/own.toml")


def test_a_name_that_is_misspelt_is_refused(presets):
    with pytest.raises(ConfigError) as told:
        presets.path("some-modle")
    there = "did you mean 'some-model'? there are other_one, some-model, .toml files"
    assert str(told.value) == f"--for 'some-modle': no such model; {there}"
