"""One dump, one result: whatever the workers, the container, the pieces, the memory or the hash seed."""

from __future__ import annotations

import os
import shutil

import pytest

from kbtools.artefact import manifest
from kbtools.kb import finish, numbering
from kbtools.sources import _stages
from tests import small_dump
from tests.damaged import PACK
from tests.small_dump import PIECE, data, dump, files, ingest, kbtools, records, rows, same

LANGS = ("--langs", "en,zh")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(_stages, "SMALLEST", PIECE)


@pytest.fixture
def pieces(monkeypatch):
    """Note the pieces that come by."""
    seen = set()

    def task(self, piece):
        seen.add((piece.source, piece.number))
        return whole(self, piece)

    whole = _stages.Feeding._task
    monkeypatch.setattr(_stages.Feeding, "_task", task)
    return seen


def test_the_dump_is_worth_it(reference):
    made = manifest.read(reference)
    assert [name for name, table in made.tables.items() if not table.rows] == ["redirects"]
    assert made.counts["rejected"] == 4
    assert made.counts["skipped: mediainfo"] == 1
    assert made.counts["classes in cycles"] == 3


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers(tmp_path, plain, reference, workers):
    ingest(plain, tmp_path / "kb", workers=workers)
    assert same(tmp_path / "kb", reference)


@pytest.mark.parametrize("container", PACK)
def test_any_container(tmp_path, reference, container):
    path = tmp_path / "dump.json"  # rejects name the dump
    path.write_bytes(PACK[container](data()))
    ingest(path, tmp_path / "kb")
    assert same(tmp_path / "kb", reference)


@pytest.mark.parametrize(("suffix", "container"), [(".gz", "gz"), (".zst", "zst")])
def test_rejects_name_the_dump_without_its_container(tmp_path, reference, suffix, container):
    path = tmp_path / f"dump.json{suffix}"
    path.write_bytes(PACK[container](data()))
    ingest(path, tmp_path / "kb")
    assert same(tmp_path / "kb", reference)


@pytest.mark.parametrize("container", ["plain", "gz"])
def test_standard_input(tmp_path, reference, container):
    packed = PACK[container](data())
    run = kbtools("ingest", "wikidata", "-", "--out", "kb", *LANGS, cwd=tmp_path, input=packed, text=False)
    assert run.returncode == 3, run.stderr
    tables = {name for name, table in manifest.read(reference).tables.items() if table.rows} - {"rejects"}
    mine, theirs = files(tmp_path / "kb"), files(reference)
    assert {name for name in mine if mine[name] != theirs[name]} == {"rejects/00000.parquet"}
    assert all(f"{table}/00000.parquet" in mine for table in tables)
    strip = [{**row, "file": "dump.json"} for row in rows(tmp_path / "kb", "rejects")]
    assert strip == rows(reference, "rejects")


@pytest.mark.parametrize(
    ("container", "size"),
    [("plain", 9_973), ("gz", 100_000), ("gz-members", 50_000), ("bz2", 30_000), ("plain", 16 << 20)],
)
def test_any_size_of_pieces(tmp_path, reference, pieces, container, size):
    _stages.SMALLEST = size  # put back with the small pieces
    path = tmp_path / "dump.json"
    path.write_bytes(PACK[container](data()))
    ingest(path, tmp_path / "kb")
    assert same(tmp_path / "kb", reference)
    assert len(pieces) == 1 if size > 1 << 20 else len(pieces) > 1


@pytest.mark.parametrize("memory", [1, 4 << 30])
def test_any_limit_of_memory(tmp_path, plain, reference, memory):
    ingest(plain, tmp_path / "kb", memory=memory)
    assert same(tmp_path / "kb", reference)


@pytest.mark.parametrize("seed", [0, 1])
def test_any_hash_seed(tmp_path, plain, reference, seed):
    env = {**os.environ, "PYTHONHASHSEED": str(seed)}
    run = kbtools("ingest", "wikidata", plain, "--out", tmp_path / "kb", *LANGS, "--workers", 2, env=env)
    assert run.returncode == 3, run.stderr
    assert same(tmp_path / "kb", reference)


def test_any_folder_and_any_name_of_the_target(tmp_path, plain, reference, monkeypatch):
    shutil.copy(plain, tmp_path)
    monkeypatch.chdir(tmp_path)
    ingest("dump.json", "un ruhiger 名字")
    assert same(tmp_path / "un ruhiger 名字", reference)


@pytest.mark.parametrize(("container", "workers"), [("plain", 1), ("gz", 2), ("bz2", 1)])
def test_a_dump_cut_in_two_is_the_same_dump(tmp_path, reference, container, workers):
    whole, parts = records(), []
    for number, half in enumerate((whole[:130], whole[130:])):
        parts.append(tmp_path / f"{number}.json")
        parts[-1].write_bytes(PACK[container](dump(half)))
    ingest(parts, tmp_path / "kb", workers=workers)
    mine, theirs = files(tmp_path / "kb"), files(reference)
    assert {name for name in mine if mine[name] != theirs[name]} == {"rejects/00000.parquet"}
    told = [(row["file"], row["line"]) for row in rows(tmp_path / "kb", "rejects")]
    lines = sorted(
        row["line"] for row in rows(reference, "rejects")
    )  # each dump has a line before its records
    assert sorted(told) == [("0.json" if n < 132 else "1.json", n if n < 132 else n - 130) for n in lines]


def test_the_order_of_languages_decides_only_what_is_shown(tmp_path, plain, reference):
    ingest(plain, tmp_path / "kb", langs=("zh", "en"))
    mine, theirs = files(tmp_path / "kb"), files(reference)
    differ = {name.partition("/")[0] for name in mine if mine[name] != theirs[name]}
    assert differ == {"entities", "relations"}
    for table, shown in (
        ("entities", {"label", "description", "lang"}),
        ("relations", {"label", "description"}),
    ):
        for one, other in zip(rows(tmp_path / "kb", table), rows(reference, table), strict=True):
            assert {k: v for k, v in one.items() if k not in shown} == {
                k: v for k, v in other.items() if k not in shown
            }


def test_all_tables_sorted_whole_are_the_tables_sorted_in_slices(tmp_path, plain, reference):
    """With a predecessor nothing can be taken for sorted; the numbering is the same, so is the result."""
    made = ingest(plain, tmp_path / "kb", ids_from=reference)
    assert files(tmp_path / "kb") == files(reference)
    old = manifest.read(reference)
    assert (made.content, made.id_space) == (old.content, old.id_space)
    assert made.counts["ids kept"] == made.counts["entities"]
    assert made.counts == {**old.counts, "tombstones": 0, "ids kept": made.counts["entities"]}


def with_small_groups(monkeypatch, group, file):
    monkeypatch.setattr(numbering, "GROUP", group)
    for name, value in {"GROUP": group, "FILE": file, "GROUPS": file // group}.items():
        monkeypatch.setattr(finish, name, value)


@pytest.mark.parametrize("select", [None, "lang:zh or kind:property", "P31/P279*:Q3"])
def test_many_files_and_row_groups(tmp_path, plain, monkeypatch, select):
    """Repeated and unchosen entities lie between those that make a group; both paths cut at the same ones."""
    with_small_groups(monkeypatch, 16, 64)
    ingest(plain, tmp_path / "sliced", select=select)
    ingest(plain, tmp_path / "whole", select=select, ids_from=tmp_path / "sliced")
    assert "triples/00001.parquet" in files(tmp_path / "sliced")
    mine, theirs = files(tmp_path / "sliced"), files(tmp_path / "whole")
    assert sorted(mine) == sorted(theirs)
    assert [name for name in mine if mine[name] != theirs[name]] == []


def test_the_cut_into_files_does_not_change_the_rows(tmp_path, plain, reference, monkeypatch):
    with_small_groups(monkeypatch, 16, 64)
    ingest(plain, tmp_path / "kb")
    for table in manifest.read(reference).tables:
        assert rows(tmp_path / "kb", table) == rows(reference, table)


def test_rows_are_sorted_by_the_key_then_by_all_columns(reference):
    from kbtools.kb.schema import TABLES  # noqa: PLC0415

    for table, spec in TABLES.items():
        if (reference / table).exists():
            keys = [
                [(row[name] is None, row[name] if not isinstance(row[name], str) else row[name].encode())
                 for name in spec.order]
                for row in rows(reference, table)
            ]  # fmt: skip
            assert keys == sorted(keys), table


def test_another_dump_is_another_content(tmp_path, reference):
    (tmp_path / "dump.json").write_bytes(small_dump.data(seed=2))
    ingest(tmp_path / "dump.json", tmp_path / "kb")
    assert manifest.read(tmp_path / "kb").content != manifest.read(reference).content
