"""An optional library is asked for at the moment of use."""

from __future__ import annotations

import json

import pytest

from kbtools.errors import MissingExtraError
from kbtools.extras import need


def test_what_is_there_is_imported():
    assert need("json", extra="none", why="nothing") is json


@pytest.mark.parametrize("module", ["not_there_at_all", "not_there_at_all.inside"])
def test_what_is_missing_is_named_with_its_extra(module):
    with pytest.raises(MissingExtraError) as caught:
        need(module, extra="remote", why="reading s3:// addresses")
    assert str(caught.value) == (
        f"reading s3:// addresses needs {module}, which is not installed; "
        "install it with: pip install 'kbtools[remote]'"
    )


def test_a_library_that_is_broken_inside_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'not_there_at_all'"):
        need("half_there", extra="remote", why="reading")
