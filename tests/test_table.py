"""The source `table`: what a map makes of rows, format by format."""

from __future__ import annotations

import bz2
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kbtools.errors import ConfigError, SourceError
from kbtools.kb import staged
from kbtools.sources.table import SOURCE, Settings
from kbtools.sources.table.read import read

MAP = '[entities]\nid = "id"\nlabel = "name"\nlang = "en"\naliases = {column = "also", split = "|"}\n'


class Staged:
    """What some files become: the rows of each table, without what is null."""

    def __init__(self, folder, files, text):
        (folder / "map.toml").write_text(text, encoding="utf-8")
        self.reading = SOURCE.plan([str(file) for file in files], Settings(map=str(folder / "map.toml")))
        self.folder, self.facts = folder, []
        for number, feed in enumerate(self.reading.feeds):
            part = f"{number}.part"
            self.facts.append(read(folder, files=list(feed.paths), part=part, **feed.args).facts)

    def __getitem__(self, table):
        name = table if table == "rejects" else f"named {table}"
        return [
            {key: value for key, value in row.items() if value is not None}
            for number in range(len(self.facts))
            for batch in staged.read(self.folder / f"{number}.part", name)
            for row in batch.to_pylist()
        ]

    def of(self, table, *columns):
        return [tuple(row.get(column) for column in columns) for row in self[table]]


@pytest.fixture
def stage(tmp_path):
    def staging(data, text=MAP, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return Staged(tmp_path, [path], text)

    return staging


def bad(found):
    return [(row.get("line"), row["reason"]) for row in found["rejects"]]


ROWS = [("a", "Apple", ["fruit", "苹果"]), ("b", 'the "big" one, red', []), ("c", "two\nlines", ["x"])]
EXPECTED = [
    ("a", "Apple", "en", "label"),
    ("b", 'the "big" one, red', "en", "label"),
    ("c", "two\nlines", "en", "label"),
    ("a", "fruit", "en", "alias"),
    ("a", "苹果", "en", "alias"),
    ("c", "x", "en", "alias"),
]
CSV = 'id,name,also\na,Apple,fruit|苹果\nb,"the ""big"" one, red",\nc,"two\nlines",x\n'


def parquet(path, **columns):
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path.read_bytes()


def in_format(form, folder):
    if form.startswith("t.csv"):
        return CSV.encode()
    if form.startswith("t.jsonl"):
        rows = [{"id": id_, "name": name, "also": also} for id_, name, also in ROWS]
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    names = ("id", "name", "also")
    return parquet(folder / "x", **dict(zip(names, zip(*ROWS, strict=True), strict=True)))


@pytest.mark.parametrize("form", ["t.csv", "t.jsonl", "t.parquet", "t.csv.gz", "t.jsonl.bz2"])
def test_all_formats_say_the_same(form, stage, tmp_path):
    data = in_format(form, tmp_path)
    if form.endswith("gz"):
        data = gzip.compress(data)
    elif form.endswith("bz2"):
        data = bz2.compress(data)
    found = stage(data, name=form)
    assert found.of("surfaces", "entity", "text", "lang", "source") == EXPECTED
    assert found.of("labels", "entity", "lang", "text") == [
        (e, la, t) for e, t, la, s in EXPECTED if s == "label"
    ]
    first = 0 if "csv" not in form else 1
    assert found.of("entities", "entity", "kind", "label", "lang", "line") == [
        (id_, "entity", name, "en", first + place) for place, (id_, name, _) in enumerate(ROWS)
    ]
    assert found.facts[0]["counts"] == {"read": 3, "rejected": 0}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_encodings(encoding, stage):
    text = MAP if encoding == "utf-8-sig" else f'{MAP}[format]\nencoding = "{encoding}"\n'
    found = stage(CSV.replace("\n", "\r\n").encode(encoding), text)
    assert found.of("surfaces", "text")[4] == ("苹果",)


def test_labels_by_language_and_the_first_that_is_there(stage):
    text = (
        '[entities]\nid = 1\nlabel = {en = 2, zh = 3}\ndescription = {zh = "关于"}\n[format]\nseparator=";"'
    )
    found = stage("id;en;zh;关于\na;Apple;苹果;水果\nb;;梨;\nc;;;\n", text)
    assert found.of("entities", "entity", "label", "lang", "description") == [
        ("a", "Apple", "en", "水果"), ("b", "梨", "zh", None), ("c", None, None, None),
    ]  # fmt: skip
    assert found.of("labels", "entity", "lang", "text") == [
        ("a", "en", "Apple"),
        ("a", "zh", "苹果"),
        ("b", "zh", "梨"),
    ]


def test_what_has_no_language_is_undetermined_where_one_is_needed(stage):
    found = stage("id,name,about\na,Apple,red\n", '[entities]\nid="id"\nlabel="name"\ndescription="about"')
    assert found["labels"] == [{"entity": "a", "lang": "und", "text": "Apple"}]
    assert found["descriptions"][0]["lang"] == "und"
    assert "lang" not in found["entities"][0]
    assert "lang" not in found["surfaces"][0]


RELATIONS = """
[entities]
id = "id"
lang = {column = "tongue"}
types = {column = "kind", split = ";"}
freq = "seen"
xref = {wikidata = "qid"}
sitelinks = {enwiki = "page"}
[[entities.relations]]
column = "boss"
relation = "works for"
split = ";"
tail = true
[[entities.relations]]
column = "age"
datatype = "quantity"
unit = "year"
[[entities.relations]]
column = "town"
tail = true
create = true
"""


def test_columns_that_say_something(stage):
    rows = "id,tongue,kind,seen,qid,page,boss,age,town\na,en,x;y,7,Q1,A,b;c,31,Ulm\nb,zh,x,,,,,about 50,Ulm\n"
    found = stage(rows, RELATIONS)
    assert found.of("types", "entity", "type") == [("a", "x"), ("a", "y"), ("b", "x")]
    assert found.of("xref", "entity", "scheme", "value") == [("a", "wikidata", "Q1")]
    assert found.of("sitelinks", "entity", "site", "title") == [("a", "enwiki", "A")]
    assert found.of("triples", "entity", "relation", "tail", "statement") == [
        ("a", "works for", "b", 0), ("a", "works for", "c", 1),
        ("a", "town", "Ulm", 3), ("b", "town", "Ulm", 5),
    ]  # fmt: skip
    assert found.of("literals", "entity", "relation", "value", "number", "unit", "statement") == [
        ("a", "age", "31", 31.0, "year", 2), ("b", "age", "about 50", None, "year", 4),
    ]  # fmt: skip
    entities = found.of("entities", "entity", "kind", "label", "lang", "freq", "order")
    assert entities == [
        ("a", "entity", None, "en", 7, None), ("b", "entity", None, "zh", None, None),
        ("x", "concept", None, None, None, 1), ("y", "concept", None, None, None, 1),
        ("x", None, "x", None, None, 2), ("y", None, "y", None, None, 2),
        ("Ulm", "entity", None, None, None, 1), ("Ulm", None, "Ulm", None, None, 2),
    ]  # fmt: skip


def test_rows_of_their_own_for_everything(tmp_path):
    files = {
        "triples.tsv": "h\tr\tt\na\tlikes\tb\na\tlikes\t\n\tlikes\tb\n",
        "values.tsv": "h\tr\tv\na\tage\t3\n",
        "names.tsv": "i\tt\tl\na\tA\ten\na\tA\ten\na\tA\tde\n",
        "about.tsv": "i\tt\na\tthe first letter\n",
        "types.tsv": "i\tt\na\tletter\na\tletter\n",
        "xref.tsv": "i\tx\na\tMESH:D1:2\na\tMESH\n",
        "moved.tsv": "old\tnew\naa\ta\n",
        "relations.tsv": "id\tname\tback\nlikes\tis fond of\tliked by\n",
    }
    text = """
[triples]
file = "triples.tsv"
head = "h"
relation = "r"
tail = "t"
create = true
[literals]
file = "values.tsv"
head = 1
relation = 2
value = 3
datatype = "integer"
[names]
file = "names.tsv"
id = "i"
text = "t"
lang = {column = "l"}
[descriptions]
file = "about.tsv"
id = "i"
text = "t"
lang = "en"
kind = "gloss"
[types]
file = "types.tsv"
id = "i"
type = "t"
[xref]
file = "xref.tsv"
id = "i"
value = "x"
cut = ":"
[redirects]
file = "moved.tsv"
old = "old"
new = "new"
[relations]
file = "relations.tsv"
id = "id"
label = "name"
inverse = "back"
"""
    for name, data in files.items():
        (tmp_path / name).write_text(data)
    found = Staged(tmp_path, [tmp_path / name for name in files], text)
    assert found.of("triples", "entity", "relation", "tail") == [("a", "likes", "b")]
    assert found.of("literals", "entity", "value", "number", "datatype") == [("a", "3", 3.0, "integer")]
    assert found.of("surfaces", "entity", "text", "lang", "source") == [
        ("a", "a", None, "name"), ("b", "b", None, "name"),
        ("a", "A", "en", "alias"), ("a", "A", "de", "alias"),
    ]  # fmt: skip
    assert found.of("descriptions", "entity", "lang", "kind", "text") == [
        ("a", "en", "gloss", "the first letter")
    ]
    assert found.of("types", "entity", "type") == [("a", "letter")]
    assert found.of("xref", "scheme", "value") == [("MESH", "D1:2")]
    assert found.of("redirects", "from_id", "to", "kind") == [("aa", "a", "merge")]
    assert found.of("relations", "relation", "label", "inverse") == [("likes", "is fond of", "liked by")]
    assert bad(found) == [(3, "empty head"), (2, "empty tail"), (2, "has no ':' between scheme and value")]


def test_no_header(stage):
    text = '[entities]\nid = "key"\nlabel = 2\n[format]\nheader = false\ncolumns = ["key", "name"]\n'
    assert stage("a,Apple\nb,Pear\n", text).of("entities", "entity", "label", "line") == [
        ("a", "Apple", 0),
        ("b", "Pear", 1),
    ]


def test_without_quotes_a_quote_is_a_letter(stage):
    found = stage('id,name,also\na,"x,\nb,5" disk,\n', MAP + "[format]\nquotes = false\n")
    assert found.of("entities", "entity", "label") == [("a", '"x'), ("b", '5" disk')]


def test_objects_within_objects(stage):
    rows = '{"id": 7, "names": {"en": "Apple", "zh": ["苹果", null]}, "a.b": 1.5, "ok": true}\n'
    text = '[entities]\nid="id"\nlabel={en="names.en", zh="names.zh"}\naliases=["a.b", "ok"]\n'
    found = stage(rows, text, "t.jsonl")
    assert found.of("labels", "entity", "lang", "text") == [("7", "en", "Apple"), ("7", "zh", "苹果")]
    assert [row["text"] for row in found["surfaces"] if row["source"] == "alias"] == ["1.5", "true"]


def test_a_folder_and_a_map_beside_it(tmp_path):
    (tmp_path / "map.toml").write_text(MAP)
    for name in ("b.csv", "a.csv", "notes.md"):
        (tmp_path / name).write_text(CSV)
    reading = SOURCE.plan([str(tmp_path)], Settings(map=str(tmp_path / "map.toml")))
    assert [feed.paths for feed in reading.feeds] == [[str(tmp_path / "a.csv")], [str(tmp_path / "b.csv")]]
    assert SOURCE.plan([str(tmp_path / "a.csv")], Settings(map="map.toml")).files == [
        str(tmp_path / "map.toml")
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no table; they end in"):
        SOURCE.plan([str(tmp_path / "empty")], Settings(map=str(tmp_path / "map.toml")))
    with pytest.raises(ConfigError, match="give a file instead of standard input"):
        SOURCE.plan(["-"], Settings(map=str(tmp_path / "map.toml")))
