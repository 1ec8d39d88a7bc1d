"""The same bytes however an alias table is built: at once, from an earlier one, by many, after a crash."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from kbtools import api, artefact
from kbtools.alias.building import stages
from kbtools.alias.lookup import Alias
from kbtools.errors import ArtefactError
from tests import small_names
from tests.small_names import SPELLINGS, Name


def many(seed, rows=400):
    draw = random.Random(seed)
    words = [*SPELLINGS, *(f"name {i}" for i in range(60)), *(f"Ünique {i}" for i in range(30))]
    sources = ["label", "alias", "anchor", "redirect"]
    return [
        Name(draw.randrange(8), draw.choice(words), draw.choice(sources), draw.choice([None, 1, 7, 100]))
        for _ in range(rows)
    ]


@pytest.fixture
def small_ranges(monkeypatch):
    monkeypatch.setattr(stages, "ROWS_IN_RANGE", 50)


@pytest.fixture
def kbs(tmp_path):
    return [small_names.write(tmp_path / f"kb{i}", many(i), name=f"kb{i}") for i in range(3)]


def bytes_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def test_the_same_bytes_with_any_number_of_workers(tmp_path, kbs, small_ranges):
    for workers in (1, 3):
        api.build_alias(kbs, tmp_path / f"alias{workers}", workers=workers)
    assert bytes_of(tmp_path / "alias1") == bytes_of(tmp_path / "alias3")
    assert len(list((tmp_path / "alias1" / "counts").iterdir())) > 5


def test_ranges_do_not_change_what_is_found(tmp_path, kbs, monkeypatch):
    whole = api.build_alias(kbs, tmp_path / "whole")
    monkeypatch.setattr(stages, "ROWS_IN_RANGE", 20)
    parted = api.build_alias(kbs, tmp_path / "parted")
    assert {name: table.rows for name, table in whole.tables.items()} == {
        name: table.rows for name, table in parted.tables.items()
    }
    for name in (
        "norms",
        "offsets",
        "places",
        "tags",
        "entries",
        "form_tags",
        "firsts",
        "eids",
        "priors",
        "kbs",
    ):
        one, other = (Alias(tmp_path / folder).arrays[name] for folder in ("whole", "parted"))
        assert (one == other).all(), name


def test_hash_seeds_change_nothing(tmp_path, kbs):
    code = "import sys; from kbtools import api; api.build_alias(sys.argv[2:], sys.argv[1])"
    for seed in ("1", "2"):
        command = [sys.executable, "-c", code, str(tmp_path / f"alias{seed}"), *map(str, kbs)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
    assert bytes_of(tmp_path / "alias1") == bytes_of(tmp_path / "alias2")


def test_adding_a_knowledge_base_gives_what_a_rebuild_gives(tmp_path, kbs, small_ranges):
    api.build_alias(kbs[:2], tmp_path / "old")
    grown = api.build_alias(kbs[2:], tmp_path / "grown", base=tmp_path / "old")
    rebuilt = api.build_alias(kbs, tmp_path / "rebuilt")
    assert grown.content == rebuilt.content
    assert bytes_of(tmp_path / "grown") == bytes_of(tmp_path / "rebuilt")
    assert grown.counts["read"] < rebuilt.counts["read"]


def test_replacing_a_knowledge_base_gives_what_a_rebuild_gives(tmp_path, kbs, small_ranges):
    api.build_alias(kbs, tmp_path / "old")
    newer = small_names.write(tmp_path / "newer", many(9), name="kb1")
    grown = api.build_alias([newer], tmp_path / "grown", base=tmp_path / "old")
    rebuilt = api.build_alias([kbs[0], kbs[2], newer], tmp_path / "rebuilt")
    assert bytes_of(tmp_path / "grown") == bytes_of(tmp_path / "rebuilt")
    assert [ref.name for ref in grown.kbs] == [ref.name for ref in rebuilt.kbs] == ["kb0", "kb2", "kb1"]


def test_other_weights_read_no_names(tmp_path, kbs):
    weights = tmp_path / "weights.toml"
    weights.write_text("anchor = 0.1\n")
    api.build_alias(kbs, tmp_path / "old")
    again = api.build_alias([], tmp_path / "again", base=tmp_path / "old", weights=weights, alpha=3.0)
    fresh = api.build_alias(kbs, tmp_path / "fresh", weights=weights, alpha=3.0)
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "fresh")
    assert "read" not in again.counts
    assert fresh.counts["read"] > 0


def test_other_rules_read_all_names_anew(tmp_path, kbs):
    api.build_alias(kbs, tmp_path / "old")
    api.build_alias([], tmp_path / "again", base=tmp_path / "old", min_length=4)
    api.build_alias(kbs, tmp_path / "fresh", min_length=4)
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "fresh")


def test_a_knowledge_base_that_is_gone_or_changed_is_named(tmp_path, kbs):
    api.build_alias(kbs[:1], tmp_path / "old")
    small_names.write(tmp_path / "kb0", many(5), name="kb0")
    with pytest.raises(ArtefactError, match="kb0, which has changed since"):
        api.build_alias(kbs[1:], tmp_path / "grown", base=tmp_path / "old")
    (tmp_path / "kb0").rename(tmp_path / "moved")
    with pytest.raises(ArtefactError, match="kb0, which is gone"):
        api.build_alias(kbs[1:], tmp_path / "grown", base=tmp_path / "old")


def test_a_build_that_was_killed_goes_on(tmp_path, kbs, small_ranges, monkeypatch):
    whole = api.build_alias(kbs, tmp_path / "whole")
    for stage in ("weigh", "compile"):
        with monkeypatch.context() as patch:
            patch.setattr(stages.Stages, stage, _fail)
            with pytest.raises(KeyboardInterrupt):
                api.build_alias(kbs, tmp_path / "alias")
        assert (tmp_path / "alias.partial").is_dir()
    assert api.build_alias(kbs, tmp_path / "alias").content == whole.content
    assert not (tmp_path / "alias.partial").exists()
    assert artefact.read(tmp_path / "alias").counts == whole.counts


def _fail(*_args, **_options):
    raise KeyboardInterrupt
