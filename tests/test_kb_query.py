from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError, KbError, ResourceError
from kbtools.kb.query import query
from kbtools.kb.reader import Kb
from tests import tiny_kb


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return tiny_kb.write(tmp_path_factory.mktemp("query") / "kb", tiny_kb.world(), files=2)


def ask(kbs, sql: str, **options) -> list[tuple[object, ...]]:
    with query(kbs, sql, **options) as rows:
        return list(zip(*(column.to_pylist() for column in rows.read_all().columns), strict=True))


def test_views_join_like_tables(kb):
    sql = (
        "SELECT h.id, r.id, t.id FROM triples JOIN entities h ON head = h.eid JOIN entities t ON tail = t.eid"
    )
    found = ask([kb], f"{sql} JOIN relations r ON relation = rid WHERE best ORDER BY ALL")
    assert found == [("Q42", "P31", "Q5"), ("Q64", "P17", "Q183"), ("Q64", "P31", "Q515")]


def test_rows_are_streamed_as_arrow(kb):
    with query([kb], "SELECT eid, lang FROM entities, range(20000)", threads=2) as rows:
        assert isinstance(rows, pa.RecordBatchReader)
        sizes = [batch.num_rows for batch in rows]
    assert sum(sizes) == 120_000
    assert max(sizes) < 120_000


def test_base_and_overlay_are_one(tmp_path, kb):
    base = KbRef(name="tiny", content=Kb(kb).manifest.content)
    rows = [{"eid": 1, "lang": "fr", "text": "Douglas Adams"}]
    page = {"eid": 1, "text": "DNA", "lang": "en", "source": "user"}
    over = tiny_kb.write(tmp_path / "over", {"labels": rows, "surfaces": [page]}, base=base)
    assert ask([kb, over], "SELECT count(*), count(DISTINCT lang) FROM labels") == [(6, 3)]
    assert ask([over, kb], "SELECT text FROM surfaces JOIN entities USING (eid)") == [("DNA",)]


def test_several_bases_are_schemas(tmp_path, kb):
    other = tiny_kb.write(tmp_path / "o", {"entities": [tiny_kb.entity(0, "Q42", "x")]}, name="my-kb")
    sql = 'SELECT a.eid, b.eid FROM tiny.entities a JOIN "my-kb".entities b USING (id)'
    assert ask([kb, other], sql) == [(1, 0)]
    with pytest.raises(KbError, match=r"no table 'entities'.*Tables: tiny\.entities"):
        ask([kb, other], "SELECT * FROM entities")


NAMES = ["it's", 'a "b"', "[x]", "st*r", "q?", "year=2024", "{a,b}", "ü 柏林", "semi;colon", "-- x", "$1"]


@pytest.mark.parametrize("name", NAMES)
def test_any_folder_name_works_and_reads_no_neighbour(tmp_path, name):
    tiny_kb.write(tmp_path / "x", {"relations": [{"rid": 0, "id": "wrong"}]})
    tiny_kb.write(tmp_path / "stxr", {"relations": [{"rid": 0, "id": "wrong"}]})
    kb = tiny_kb.write(tmp_path / name, {"relations": [{"rid": 0, "id": "right"}]})
    assert ask([kb], "SELECT * FROM relations") == [(0, "right", None, None, None)]


def test_a_relative_path_works(kb, monkeypatch):
    monkeypatch.chdir(kb.parent)
    assert ask([Path("kb")], "SELECT count(*) FROM entities") == [(6,)]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_text('/etc/passwd')",
        "FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM glob('/etc/*')",
        "FROM read_blob('{kb}/../outside.txt')",
        "FROM read_text('{kb}/entities/../../outside.txt')",
        "FROM read_text('{kb}/manifest.json')",
        "FROM query('COPY entities TO ''{kb}/x''')",
        "FROM secret",
    ],
)
def test_other_files_cannot_be_read(kb, sql):
    secret = pa.table({"a": [1]})  # a variable in reach of the query is no table either
    (kb.parent / "outside.txt").write_text(str(secret))
    with pytest.raises(KbError) as error:
        ask([kb], sql.format(kb=kb))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY entities TO '{kb}/out.csv'",
        "COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)",
        "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)",
        "/* x */ EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)",
        "EXPLAIN ANALYZE EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)",
        "SELECT 1; COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)",
        "PREPARE x AS COPY (SELECT 1) TO '{file}' (USE_TMP_FILE false)",
        "COPY (PIVOT entities ON kind) TO '{file}' (USE_TMP_FILE false)",
        "EXPORT DATABASE '{kb}/x'",
        "ATTACH '{kb}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA threads = 1",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW entities",
        "CALL pragma_version()",
        "PIVOT entities ON kind",
        "",
        "-- nothing",
    ],
)
def test_nothing_but_questions(kb, sql):
    before = contents(kb)
    with pytest.raises(KbError) as error:
        ask([kb], sql.format(kb=kb, file=Kb(kb).files("entities")[0]))
    assert "\n" not in str(error.value)
    assert contents(kb) == before


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.parent.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM entites", "there is no table 'entites'. Did you mean 'entities'? Tables: entities, "),
        ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"'),
        ("SELECT idd FROM labels", 'Referenced column "idd" not found in FROM clause! Candidate'),
        ("SELECT id::INT FROM entities", "Conversion Error: Could not convert string 'Q"),
        ("SELECT if(eid = 5, error('late'), id) FROM entities", "late"),
    ],
)
def test_mistakes_in_sql_are_told_in_one_line(kb, sql, message):
    with pytest.raises(KbError) as error:
        ask([kb], sql)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "sql", ["SHOW TABLES", "DESCRIBE labels", "SUMMARIZE labels", "FROM labels", "EXPLAIN FROM labels"]
)
def test_ways_to_ask(kb, sql):
    assert ask([kb], sql)


def test_more_than_the_memory_is_spilled(kb, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    rows = "SELECT row_number() OVER (ORDER BY sha256(i::VARCHAR)) AS n FROM range(2000000) t(i)"
    assert ask([kb], f"SELECT count(*) FROM ({rows})", memory=128 << 20, threads=1) == [(2_000_000,)]
    assert not list(tmp_path.iterdir())


def test_too_little_memory_is_said_with_what_to_do(kb):
    with pytest.raises(ResourceError, match=r"give it more --memory or fewer --workers") as error:
        ask([kb], "SELECT list(i::VARCHAR) FROM range(5000000) t(i)", memory=20 << 20)
    assert "\n" not in str(error.value)


def test_a_reader_left_unread_leaves_nothing_behind(kb):
    with query([kb], "SELECT * FROM entities"):
        pass
    assert sorted(path.name for path in kb.parent.glob(".*")) == []


def test_damage_met_on_the_way_is_one_line(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    file = Kb(kb).files("labels")[0]
    file.write_bytes(file.read_bytes()[:-8] + b"\0" * 8)
    with pytest.raises(KbError) as error:
        ask([kb], "FROM labels")
    assert "\n" not in str(error.value)
    file.unlink()
    with pytest.raises(ArtefactError, match="gone"):
        ask([kb], "FROM entities")
