"""The SQL tables of a wiki, beside a reader that goes through them letter by letter."""

import bz2
import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import SourceError
from kbtools.sources.wikipedia import sql
from kbtools.sources.wikipedia.props import Items, Links
from tests.damaged import held

CREATE = """-- MySQL dump
DROP TABLE IF EXISTS `t`;
CREATE TABLE `t` (
  `n` int(10) unsigned NOT NULL,
  `s` varbinary(255) DEFAULT NULL,
  `f` float DEFAULT NULL,
  PRIMARY KEY (`n`),
  KEY `s` (`s`,`n`)
) ENGINE=InnoDB;
/*!40000 ALTER TABLE `t` DISABLE KEYS */;
"""
PROPS = (
    "CREATE TABLE `page_props` (\n  `pp_page` int,\n  `pp_propname` varbinary(60),\n  `pp_value` blob\n);\n"
)
LANGLINKS = (
    "CREATE TABLE `langlinks` (\n  `ll_from` int,\n  `ll_lang` varbinary(35),\n  `ll_title` blob\n);\n"
)
OTHER = CREATE.replace("`t`", "`u`") + "INSERT INTO `u` VALUES (9,'); INSERT INTO `t` VALUES (1',NULL);\n"
ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\0": "\\0", '"': '\\"', "\r": "\\r", "\x1a": "\\Z"}

texts = st.one_of(st.none(), st.text(st.sampled_from("ab,()'\\\n\";`NULL漢é\0\x1a "), max_size=9))
tables = st.lists(
    st.tuples(st.integers(-(2**40), 2**40), texts, st.sampled_from([None, "1.5", "-2e-05"])), max_size=9
)


def quoted(text: str | None) -> str:
    return "NULL" if text is None else "'" + "".join(ESCAPES.get(c, c) for c in text) + "'"


def statement(rows: list[Any], style: str = "one line") -> str:
    made = [f"({n},{quoted(s)},{f or 'NULL'})" for n, s, f in rows]
    if style == "a line a row":
        return "INSERT INTO `t` VALUES\n" + ",\n".join(made) + ";\n"
    return "INSERT INTO `t` VALUES " + ",".join(made) + ";\n"


def read(
    text: str, wanted: tuple[str, ...] = ("n", "s", "f"), pack: Any = bytes, table: str = "t"
) -> list[Any]:
    with held(pack(text.encode())) as path:
        batches = list(sql.rows(str(path), table, list(wanted)))
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


@settings(max_examples=200, deadline=None)
@given(
    statements=st.lists(tables.filter(len), max_size=4), style=st.sampled_from(["one line", "a line a row"])
)
def test_all_rows_of_any_text(statements, style):
    text = CREATE + "".join(statement(rows, style) for rows in statements) + "-- done\n"
    assert read(text) == [row for rows in statements for row in rows]
    assert read(OTHER + text) == read(text)
    assert read(text, ("f", "n")) == [(f, n) for rows in statements for n, _, f in rows]


def test_blocks_cut_anywhere_between_lines(monkeypatch):
    monkeypatch.setattr(sql, "BLOCK", 300)
    monkeypatch.setattr(sql, "LOOK", 200)
    rows = [(i, "x" * (i % 50) + "'", None) for i in range(400)]
    for style in ("one line", "a line a row"):
        text = OTHER + CREATE + "".join(statement(rows[i : i + 40], style) for i in range(0, 400, 40)) + OTHER
        for pack in (bytes, gzip.compress, bz2.compress):
            assert read(text, pack=pack) == rows


def test_doubled_quotes_and_columns_that_are_named():
    text = CREATE + "INSERT INTO `t` (`s`, `n`, `f`) VALUES ('Moore''s law',3,NULL);\n"
    assert read(text) == [(3, "Moore's law", None)]


def test_bytes_that_are_no_text():
    with held((CREATE + "INSERT INTO `t` VALUES (1,'a").encode() + b"\xff',NULL);\n") as path:
        (batch,) = sql.rows(str(path), "t", ["s"])
    assert batch.to_pylist() == [{"s": "a\ufffd"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CREATE + "INSERT INTO `t` VALUES (1,'a');\n", "not 3 values"),
        (CREATE + "INSERT INTO `t` VALUES (1,'a,NULL),(2,'b',NULL);\n", "not 3 values"),
        (CREATE + "INSERT INTO `t` VALUES (1,'a',NULL,7);\n", "not 3 values"),
        (CREATE.replace("`t`", "`page_props`"), "expected the SQL dump of table t, found page_props"),
        ("<mediawiki>", "expected the SQL dump of table t, found no CREATE TABLE"),
        (CREATE.replace("`s` varb", "`z` varb"), "table t has no column s; it has n, z, f"),
    ],
)
def test_what_cannot_be_read_is_refused(text, expected):
    with pytest.raises(SourceError, match=expected):
        read(text)


def test_a_damaged_table_is_not_taken_for_a_small_one():
    packed = gzip.compress((CREATE + statement([(i, "x", None) for i in range(50_000)])).encode())
    with pytest.raises(SourceError, match=r"truncated.*download it again"):
        read("", pack=lambda _: packed[: len(packed) // 2])


def test_items_of_pages(tmp_path):
    rows = (
        "(7,'wikibase_item','Q42'),(7,'displaytitle','Q1'),(3,'wikibase_item','Q5'),(4,'wikibase_item','L7')"
    )
    path = tmp_path / "page_props.sql"
    path.write_text(f"{PROPS}INSERT INTO `page_props` VALUES {rows};\n")
    items = Items.of(tmp_path, [str(path)])
    assert [items.of_page(page) for page in (3, 4, 7, 8, None)] == ["Q5", None, "Q42", None, None]
    path.unlink()  # made once
    assert Items.of(tmp_path, [str(path)]).of_page(7) == "Q42"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_titles_in_other_languages(tmp_path, order):
    rows = {1: "(1,'de','Apfel'),(1,'fr','Pomme')", 2: "(2,'zh-yue','蘋果公司'),(2,'de','')"}
    path = tmp_path / "langlinks.sql"
    path.write_text(LANGLINKS + "".join(f"INSERT INTO `langlinks` VALUES {rows[n]};\n" for n in order))
    links = Links.of(tmp_path, [str(path)])
    assert list(links.of_page(1)) == [("de", "Apfel"), ("fr", "Pomme")]
    assert list(links.of_page(2)) == [("zh-yue", "蘋果公司")]
    assert list(links.of_page(3)) == list(links.of_page(None)) == []


def test_real_tables(realdata: Path):
    folder = realdata / "wikipedia"
    for name in ("testfile.sql", "testfile.sql.gz"):
        path = str(folder / "mwsql" / name)
        rows = [
            row
            for batch in sql.rows(path, "change_tag_def", ["ctd_id", "ctd_name"])
            for row in batch.to_pylist()
        ]
        assert len(rows) == 84
        assert {"ctd_id": 86, "ctd_name": "short 'X is a city in Y' article"} in rows
    links = folder / "dkpro-jwpl" / "aawiki-20260101-pagelinks.sql.gz"
    assert list(sql.columns(str(links), "pagelinks")) == ["pl_from", "pl_from_namespace", "pl_target_id"]
    assert sum(len(batch) for batch in sql.rows(str(links), "pagelinks", ["pl_target_id"])) == 637
    categories = folder / "dkpro-jwpl" / "aawiki-20260101-categorylinks.sql.gz"
    found = list(sql.rows(str(categories), "categorylinks", ["cl_from", "cl_sortkey", "cl_target_id"]))
    assert sum(map(len, found)) == 156
    assert found[0].to_pylist()[1] == {"cl_from": 1343, "cl_sortkey": "SJ\nSJ", "cl_target_id": 212}
    with pytest.raises(SourceError, match="found no CREATE TABLE"):
        sql.columns(str(next(folder.glob("dkpro-jwpl/**/data.sql"))), "Page")
