"""Texts as the mean of the vectors of their words."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools import vectors
from kbtools.cli import encoder
from kbtools.errors import ConfigError
from kbtools.vectors.mean_of_words import MeanOfWords
from kbtools.vectors.words import Words

TEXTS = ["red", "blue", "new york", "York"]
ARRAY = np.eye(4, dtype=np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("words") / "v"
    vectors.write(out, [], np.zeros((0, 4), np.float32), words=Words(TEXTS, ARRAY))
    return out


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("red", [1, 0, 0, 0]),
        ("red, blue!", [0.5, 0.5, 0, 0]),
        ("new york", [0, 0, 1, 0]),  # a word as a whole
        ("a red york", [0.5, 0, 0, 0.5]),  # what is unknown counts nothing; york is York
        ("nothing known", [0, 0, 0, 0]),
        ("", [0, 0, 0, 0]),
    ],
)
def test_the_mean_of_what_is_known(folder, text, want):
    np.testing.assert_allclose(MeanOfWords(str(folder))([text]), [want])


def test_the_command_line_takes_vectors_for_an_encoder(folder):
    made = encoder.load(str(folder))
    assert isinstance(made, MeanOfWords)
    assert (made.dim, made.name.split("@")[0]) == (4, "v")


def test_vectors_without_words_are_none(tmp_path):
    vectors.write(tmp_path / "v", [0], ARRAY[:1])
    with pytest.raises(ConfigError, match="no words"):
        MeanOfWords(str(tmp_path / "v"))
