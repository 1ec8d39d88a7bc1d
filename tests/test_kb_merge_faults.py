"""Merging that is done anew, in another way, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kbtools import api
from kbtools.errors import ArtefactError, ConfigError
from tests.test_kb_merge import kb, two, wikidata

__all__ = ["two"]


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def test_the_same_bytes_for_any_number_of_workers(two, tmp_path):
    for workers in (1, 3):
        api.merge(two, tmp_path / f"w{workers}", on="xref", workers=workers)
    assert bytes_of(tmp_path / "w1") == bytes_of(tmp_path / "w3")


def test_a_build_that_broke_off_leaves_nothing_behind(two, tmp_path, monkeypatch):
    def fail(*_args, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kbtools.kb.classes.close", fail)
        with pytest.raises(KeyboardInterrupt):
            api.merge(two, tmp_path / "out", on="xref")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ArtefactError, match="unfinished build"):
        api.merge(two, tmp_path / "out", on="id")
    api.merge(two, tmp_path / "out", on="xref")
    api.merge(two, tmp_path / "whole", on="xref")
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_wrong_inputs(two, tmp_path):
    base = two[0]
    with pytest.raises(ConfigError, match="takes two knowledge bases"):
        api.merge([base], tmp_path / "out", on="id")
    with pytest.raises(ArtefactError, match="both named 'wikidata'"):
        api.merge([base, kb(tmp_path / "x", "wikidata", wikidata())], tmp_path / "out", on="id")
    with pytest.raises(ConfigError, match="it is xref or id"):
        api.merge(two, tmp_path / "out", on="ids")
    with pytest.raises(ConfigError, match="goes with --on xref"):
        api.merge(two, tmp_path / "out", on="id", schemes=["ili"])
    with pytest.raises(ConfigError, match="use only a-z"):
        api.merge(two, tmp_path / "out", on="id", name="Both")
    with pytest.raises(ArtefactError, match="no entities"):
        api.merge([base, kb(tmp_path, "bare", {"labels": []})], tmp_path / "out", on="id")
    broken = {**wikidata(), "types": [{"eid": 0, "type": 77}]}
    with pytest.raises(ArtefactError, match="types speaks of numbers that do not exist"):
        api.merge([two[1], kb(tmp_path, "broken", broken)], tmp_path / "out", on="id")
    assert not (tmp_path / "out").exists()
