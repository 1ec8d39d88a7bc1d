"""Fuzzy indexes on disk: the same bytes however they are made, and one line for what is wrong."""

from __future__ import annotations

import contextlib
import random
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kbtools import artefact
from kbtools.alias.building.build import build as build_alias
from kbtools.errors import ArtefactError, ConfigError, KbError, MissingExtraError
from kbtools.linkers.index import fuzzy
from kbtools.linkers.index.fuzzy import lists
from tests.oracle_fuzzy import kb_of
from tests.tiny_kb import edit_manifest, write

NAMES = [
    "Paris",
    "Paris, Texas",
    "北京",
    "New York",
    "york",
    "The Hague",
    "m/s",
    "U.S.",
    "Łódź",
    "Bern",
    "Born",
]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


def kb(folder: Path, names: list[str]) -> Path:
    return kb_of(folder, [(name, eid) for eid, name in enumerate(names)])


@pytest.fixture
def index(tmp_path):
    fuzzy.build(kb(tmp_path / "kb", NAMES), tmp_path / "index")
    return tmp_path / "index"


def test_the_manifest_tells_all(index, tmp_path):
    made = artefact.read(index, "index")
    source = artefact.read(tmp_path / "kb")
    assert made.settings["kind"] == "fuzzy"
    assert [(one.kind, one.content) for one in made.inputs] == [("kb", source.content)]
    assert [ref.name for ref in made.kbs] == ["tiny"]
    told = {file.path: file for table in made.tables.values() for file in table.files}
    assert told.keys() == bytes_of(index).keys()
    assert all(artefact.entry(index, name) == file for name, file in told.items())
    assert made.counts == {
        "read": 11, "skipped: nothing left of it": 0, "skipped: too long": 0, "names": 11, "entities": 11
    }  # fmt: skip
    ids = pq.read_table(index / "ids.parquet")
    assert sorted(ids["eid"].to_pylist()) == list(range(11))
    assert ids["row"].to_pylist() == list(range(11))


def test_of_an_alias(tmp_path):
    named = [("Paris", 0), ("paris", 1), ("Paris, Texas", 1), ("王小明", 2)]
    build_alias([kb_of(tmp_path / "kb", named, e0=50)], tmp_path / "alias")
    made = fuzzy.build(tmp_path / "alias", tmp_path / "index")
    alias = artefact.read(tmp_path / "alias")
    assert made.inputs[0].content == alias.content
    assert made.kbs == alias.kbs
    hits = fuzzy.FuzzyIndex(tmp_path / "index").search(["Pariss", "王晓明", "paris texsa"], 5)
    assert hits.eid.tolist() == [0, 1, 2, 1]
    assert hits.offsets.tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("piece", [1 << 22, 40])
def test_a_base_gives_what_a_rebuild_gives(tmp_path, monkeypatch, piece):
    chance = random.Random(5)
    names = sorted(
        {"".join(chance.choice("abeno 京") for _ in range(chance.randrange(1, 12))) for _ in range(90)}
    )
    names = [name for name in names if name.strip()]
    fuzzy.build(kb(tmp_path / "kb1", [*NAMES, *names[:60]]), tmp_path / "old")
    source = kb(tmp_path / "kb2", [*NAMES[3:], *names[30:]])
    fuzzy.build(source, tmp_path / "whole")
    monkeypatch.setattr(lists, "PIECE", piece)
    monkeypatch.setattr(lists, "RANGE", piece)
    fuzzy.build(source, tmp_path / "based", base=tmp_path / "old")
    fuzzy.build(source, tmp_path / "pieces", workers=2)
    assert bytes_of(tmp_path / "based") == bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "pieces")
    fuzzy.build(source, tmp_path / "same", base=tmp_path / "whole")
    assert bytes_of(tmp_path / "same") == bytes_of(tmp_path / "whole")


def test_names_that_cannot_be_found_are_counted(tmp_path):
    source = kb(tmp_path / "kb", ["\u200b", "\x00", "a" * 301, "b" * 300, "ok"])
    made = fuzzy.build(source, tmp_path / "index")
    assert made.counts["skipped: too long"] == 1
    assert made.counts["skipped: nothing left of it"] == 1
    assert made.counts["names"] == 3
    assert fuzzy.FuzzyIndex(tmp_path / "index").search_names(["b" * 302])[0].names == ["b" * 300]


def test_nothing_to_index(tmp_path):
    with pytest.raises(ArtefactError, match="has no names to index"):
        fuzzy.build(kb(tmp_path / "empty", []), tmp_path / "index")
    with pytest.raises(ArtefactError, match="has no names to index"):
        fuzzy.build(kb(tmp_path / "control", ["\u200b", "\u200e"]), tmp_path / "controls")
    write(tmp_path / "none", {"entities": []})
    with pytest.raises(ArtefactError, match="has no names to index"):
        fuzzy.build(tmp_path / "none", tmp_path / "index")


def test_sources_and_bases_that_do_not_fit(index, tmp_path):
    with pytest.raises(ArtefactError, match="a fuzzy index is made of an alias or a kb"):
        fuzzy.build(index, tmp_path / "other")
    with pytest.raises(ConfigError, match="was built with edits 2, not 1; build without"):
        fuzzy.build(tmp_path / "kb", tmp_path / "other", settings=fuzzy.Settings(edits=1), base=index)
    with pytest.raises(ArtefactError, match=r"where an? index is wanted"):
        fuzzy.build(tmp_path / "kb", tmp_path / "other", base=tmp_path / "kb")
    edit_manifest(index, settings={"kind": "dense"})
    for refused in (
        lambda: fuzzy.FuzzyIndex(index),
        lambda: fuzzy.build(tmp_path / "kb", tmp_path / "other", base=index),
    ):
        with pytest.raises(ArtefactError, match="a dense index, where a fuzzy one is wanted"):
            refused()


@pytest.mark.parametrize("name", ["lists", "names", "offsets", "buckets", "eids"])
def test_files_that_are_short_gone_or_foreign(index, name):
    file = index / f"grams.{name}.npy"
    whole = file.read_bytes()
    for damaged in (b"", whole[:-4], whole[:30], whole + b"0000", b"\x80\x04K\x01." + whole[5:]):
        file.write_bytes(damaged)
        with pytest.raises(ArtefactError, match=rf"grams\.{name}\.npy: "):
            fuzzy.FuzzyIndex(index)
    file.unlink()
    with pytest.raises(ArtefactError, match="gone"):
        fuzzy.FuzzyIndex(index)


@pytest.mark.parametrize("name", ["places", "offsets", "entries", "names", "buckets", "lists", "firsts"])
def test_numbers_that_lead_nowhere(index, name):
    array = np.load(index / f"grams.{name}.npy")
    array[:-1] = np.iinfo(array.dtype).max - 3
    np.save(index / f"grams.{name}.npy", array)
    silent = contextlib.suppress(ArtefactError) if name in {"lists", "firsts"} else None
    with silent or pytest.raises(ArtefactError, match="damaged; `kbtools verify"):
        assert len(fuzzy.FuzzyIndex(index).search(["Parris", "bern", "m/s"]).offsets) == 4


def test_settings_and_queries_that_make_no_sense(index):
    for wrong in ({"edits": 5}, {"pool": -1}, {"least": 0.0}, {"longest": 0}, {"mode": "best"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            fuzzy.Settings(**wrong)
    with pytest.raises(ConfigError, match="mode"):
        fuzzy.FuzzyIndex(index, mode="best")
    opened = fuzzy.FuzzyIndex(index)
    with pytest.raises(KbError, match="query 1 is nan"):
        opened.search(["a", float("nan")])  # type: ignore[list-item]
    for queries, k in (("a", 1), (["a"], 0)):
        with pytest.raises(KbError, match="a list of texts, and a k of 1 or more"):
            opened.search(queries, k)


def test_rapidfuzz_missing(index, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("rapidfuzz")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kbtools\[link\]'"):
        fuzzy.FuzzyIndex(index)


def test_a_build_that_broke_off_starts_anew(tmp_path, monkeypatch):
    source = kb(tmp_path / "kb", NAMES)
    with monkeypatch.context() as patch:
        patch.setattr(lists, "_merge", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fuzzy.build(source, tmp_path / "index")
    assert not (tmp_path / "index").exists()
    fuzzy.build(source, tmp_path / "index")
    fuzzy.build(source, tmp_path / "again")
    assert bytes_of(tmp_path / "index") == bytes_of(tmp_path / "again")
    with pytest.raises(ArtefactError, match="exists"):
        fuzzy.build(source, tmp_path / "index")
