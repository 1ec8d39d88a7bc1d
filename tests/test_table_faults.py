"""The source `table` where maps or rows are wrong, and on tables of other people."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import api
from kbtools.cli.main import main
from kbtools.errors import ConfigError, SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.table import SOURCE, Settings, files
from kbtools.sources.table.columns import Format
from kbtools.sources.table.values import Seen
from tests.test_table import MAP, Staged, bad, parquet, stage

__all__ = ["stage"]

COLUMNS = "id,name,also\n"

WRONG_MAPS = [
    ('[entities]\nid = "idd"\n', "entities.id: no column 'idd'; did you mean 'id'? There are id, name, also"),
    ("[entities]\nid = 4\n", "entities.id is column 4; there are 3, counted from 1"),
    ('[entities]\nlabel = "name"\n', "setting 'entities[0].id' is missing"),
    ('[entitys]\nid = "id"\n', "no setting 'entitys'; did you mean 'entities'?"),
    ('[entities]\nid = "id"\nlable = "name"\n', "no setting 'entities.0.lable'; did you mean 'label'?"),
    ('[entities]\nid = "id"\naliases = {colum = "also", split = "|"}\n', "did you mean 'column'?"),
    ('[entities]\nid = "id"\naliases = {column = "also", spilt = "|"}\n', "did you mean 'split'?"),
    ('[entities]\nid = "id"\nkind = "items"\n', "did you mean 'item'?"),
    ('[entities]\nid = "id"\nfile = "u.csv"\n', "entities: no file 'u.csv' was given; there are t.csv"),
    ('[entities]\nid = {split = "|"}\n', "name a column, or a value for all rows"),
    ('[entities]\nid = "id"\n[format]\nseparator = "||"\n', "separator takes one character"),
    ('[entities]\nid = "id"\n[format]\nencoding = "utf9"\n', "no encoding 'utf9'"),
    ('[entities]\nid = "id"\n[format]\nheader = false\n', "the file has no header; give columns by number"),
    ("", "says nothing of any table; there are entities, triples"),
    ("[entities\n", "not valid TOML"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_MAPS)
def test_a_wrong_map(text, message, stage):
    with pytest.raises(ConfigError) as error:
        stage(COLUMNS, text)
    assert message in str(error.value)


def test_no_map_or_no_dump(tmp_path):
    dump = tmp_path / "t.csv"
    with pytest.raises(SourceError, match=r"t\.csv: no such file; check the path"):
        SOURCE.plan([str(dump)], Settings())
    dump.write_text(COLUMNS)
    with pytest.raises(ConfigError, match="a table needs --map FILE"):
        SOURCE.plan([str(dump)], Settings())
    with pytest.raises(ConfigError, match=r"absent.toml: cannot be read"):
        SOURCE.plan([str(dump)], Settings(map="absent.toml"))
    with pytest.raises(ConfigError, match="instead of standard input"):
        SOURCE.plan(["-"], Settings())


def test_a_file_that_no_table_speaks_of_or_nobody_knows(tmp_path):
    for name in ("t.csv", "u.csv", "v.dat"):
        (tmp_path / name).write_text(COLUMNS)
    with pytest.raises(ConfigError, match=r"no table of it speaks of .*u\.csv"):
        Staged(tmp_path, [tmp_path / "t.csv", tmp_path / "u.csv"], '[entities]\nfile = "t.*"\nid = "id"\n')
    with pytest.raises(ConfigError, match=r"v\.dat: is it csv, jsonl or parquet\?"):
        Staged(tmp_path, [tmp_path / "v.dat"], MAP)
    assert Staged(tmp_path, [tmp_path / "v.dat"], MAP + '[format]\nformat = "csv"\n')["entities"] == []


def test_files_that_are_not_what_they_should_be(stage):
    for data, name, message in [
        (b"", "t.csv", "is empty"),
        (b"a,a\n", "t.csv", "names 'a' twice"),
        (b'[{"id": 1}]', "t.jsonl", "is one JSON array"),
        (b"id,name\n", "t.jsonl", "has no JSON objects"),
        (b"PAR1", "t.parquet", "is no Parquet file"),
    ]:
        with pytest.raises(SourceError, match=message):
            stage(data, name=name)


def test_a_column_of_json_that_no_row_has(stage):
    rows = '{"id": "a", "name": "A", "alos": ["x"]}\n'
    with pytest.raises(SourceError, match="no column 'also'; did you mean 'alos'"):
        stage(rows, name="t.jsonl")
    with pytest.raises(ConfigError, match="no column 'id'; there are name"):
        stage('{"name": "A"}\n', name="t.jsonl")


def test_bad_rows_are_rejected_with_their_lines(stage):
    rows = [
        "a,Apple,x", "b,short", "c,long,x,y", "", ",nobody,x", "a,again,x", 'd,"open" mind,x', "e,\0,x",
        "f,F,x", '"g","two\nlines",', "h,H",
    ]  # fmt: skip
    found = stage(COLUMNS.encode() + "\n".join(rows).encode() + b"\ni,\xff,x\nj,J,\n")
    assert found.of("entities", "entity", "label", "line") == [
        ("a", "Apple", 1), ("e", None, 8), ("f", "F", 9), ("g", "two\nlines", 10), ("i", None, 13),
        ("j", "J", 14),
    ]  # fmt: skip
    assert sorted(bad(found)) == [
        (2, "2 fields instead of 3"), (3, "4 fields instead of 3"), (5, "empty id"),
        (6, "repeats the id 'a'"),
        (7, "quotes do not match: ',' expected after '\"'"), (8, "column 'name' has a NUL character"),
        (12, "2 fields instead of 3"), (13, "column 'name' is not in the file's encoding"),
    ]  # fmt: skip
    assert found.facts[0]["counts"]["rejected"] == 8
    assert all(len(row["snippet"]) <= 200 for row in found["rejects"])


def test_a_quote_that_is_never_closed(stage):
    found = stage(COLUMNS + 'a,A,x\nb,"B,x\nc,C,x\n')
    assert found.of("entities", "entity") == [("a",)]
    assert bad(found) == [(2, "quotes do not match: unexpected end of data")]


def test_bad_lines_of_json(stage):
    rows = [
        '{"id": "a", "name": "A", "also": ["x"]}',
        "[1]",
        '{"id": "b"',
        '{"id": "c\\u0000"}',
        '{"name": "d"}',
    ]
    found = stage("\n".join(rows).encode() + b'\n{"id": "\xff"}', name="t.jsonl")
    assert found.of("entities", "entity") == [("a",)]
    assert sorted(line for line, _ in bad(found)) == [1, 2, 3, 4, 5]


def test_bytes_in_parquet_that_are_no_text(stage, tmp_path):
    ids = pa.array([b"a", b"\xff", None, b"a"])
    data = parquet(
        tmp_path / "x", id=ids, name=pa.array([1, 2, 3, 4]), also=pa.array([["x"], None, [], [None]])
    )
    found = stage(data, name="t.parquet")
    assert found.of("entities", "entity", "label") == [("a", "1")]
    assert sorted(bad(found)) == [
        (1, "column 'id' is not in the file's encoding"),
        (2, "empty id"),
        (3, "repeats the id 'a'"),
    ]


def test_a_damaged_container(stage):
    rows = COLUMNS + "".join(f"{n},name {n * 7919 % 10007},\n" for n in range(5000))
    found = stage(gzip.compress(rows.encode())[:-3000], name="t.csv.gz")
    assert 0 < len(found["entities"]) < 5000
    assert found.facts[0]["damaged"][0][0] == "t.csv.gz"


def test_rows_of_one_id_may_add_to_each_other(stage):
    rows = "id,name,also\na,A,x\na,A,y\na,,y\nb,B,\n"
    found = stage(rows, MAP.replace("[entities]", "[entities]\nrepeated = true"))
    assert found.of("surfaces", "entity", "text") == [("a", "A"), ("b", "B"), ("a", "x"), ("a", "y")]
    assert len(found["labels"]) == 2
    assert bad(found) == []


@settings(max_examples=40)
@given(st.lists(st.lists(st.text("abc", max_size=2), max_size=6), max_size=6))
def test_what_was_seen(batches):
    seen, known = Seen(), set()
    for batch in batches:
        expected = []
        for text in batch:
            expected.append(text not in known)
            known.add(text)
        assert seen.new(pa.array(batch, pa.string())).tolist() == expected


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=40)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=6))
def test_quoted_csv_comes_back(tmp_path_factory, rows):
    """Written by the rules of RFC 4180, whatever is in a field."""
    quoted = [",".join('"' + text.replace('"', '""') + '"' for text in row) for row in [("k", "v"), *rows]]
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text("\r\n".join([*quoted, ""]), encoding="utf-8", newline="")
    out: list[str] = []
    found, _ = files.batches(str(path), Format(format="csv", separator=","), ["k", "v"], out)  # type: ignore[arg-type]
    columns = [batch.columns for batch in found]
    assert [pair for c in columns for pair in zip(c["k"], c["v"], strict=True)] == rows
    assert out == []


def test_a_table_of_quoted_ids(realdata, tmp_path):
    text = "[entities]\nid = 1\nlabel = {en = 2}\ndescription = {en = 3}\n[format]\nheader = false\n"
    found = Staged(tmp_path, [realdata / "el/spacy-emerson/assets/entities.csv"], text)
    assert found.of("entities", "entity", "label", "description")[1] == (
        "Q48226", "Ralph Waldo Emerson", "American philosopher, essayist, and poet",
    )  # fmt: skip
    assert len(found["entities"]) == 3
    assert bad(found) == []


def test_reports_of_the_disease_ontology(realdata, tmp_path):
    text = """
[[entities]]
file = "MESHinDO.tsv"
id = "id"
label = {en = "label"}
repeated = true
[xref]
file = "allXREFinDO.tsv"
id = "id"
value = "xref"
cut = ":"
[[entities]]
file = "HumanDO.tsv"
id = "label"
repeated = true
"""
    folder = realdata / "obo/do/DOreports"
    paths = [folder / name for name in ("MESHinDO.tsv", "allXREFinDO.tsv", "HumanDO.tsv")]
    found = Staged(tmp_path, paths, text)
    lines = [path.read_text(encoding="utf-8").splitlines()[1:] for path in paths]
    assert [facts["counts"]["read"] for facts in found.facts] == [len(some) for some in lines]
    assert set(found.of("xref", "entity", "scheme", "value")) == {
        (row.split("\t")[0].strip('"'), *row.split("\t")[2].strip('"').split(":", 1)) for row in lines[1]
    }
    assert bad(found) == []


def test_the_sample_becomes_a_knowledge_base(tmp_path):
    sample = "data/sample/table/"
    names = ["companies.csv", "people.jsonl", "deals.tsv", "former.tsv"]
    dumps = [sample + name for name in names]
    made = api.ingest("table", dumps, tmp_path / "kb", map=sample + "map.toml")
    kb = Kb(tmp_path / "kb")
    ids = kb.table("entities")["id"].to_pylist()
    assert ids[:6] == ["apple", "microsoft", "ibm", "toyota", "huawei", "apple-records"]
    heads = [ids[head] for head in kb.table("triples")["head"].to_pylist()]
    assert sorted(set(heads)) == sorted({*ids[:6], "steve-jobs", "steve-wozniak", "bill-gates"})
    values = kb.table("literals").to_pylist()
    assert [row["value"] for row in values if row["datatype"] == "entity-id"] == ["Panasonic"]
    assert [licence.redistribute for licence in made.licences] == ["yes"]
    assert api.verify(tmp_path / "kb", deep=True).sound
    asked = CliRunner().invoke(main, ["sql", str(tmp_path / "kb"), "SELECT from_id FROM redirects"])
    assert asked.output.split()[-2:] == ["apple-computer", "ibm-inc"]
