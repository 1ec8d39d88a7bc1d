"""Triples of text: every line is a triple or a reject, and nothing depends on how a file is cut."""

import dataclasses
import gzip
import tarfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbtools import api
from kbtools.errors import ConfigError, KbError, SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.spo import SEPARATORS, SOURCE, Settings
from kbtools.sources.spo.read import decode
from tests.lines_read import Staged

USUAL = {"columns": "spo", "separator": "\t", "header": False}
TRIPLE = ("entity", "relation", "tail")


def staged(data, *, size=1 << 20, **args):
    return Staged(decode, data, size=size, **{**USUAL, **args})


def triples_of(kb):
    ids = kb.table("entities")["id"].to_pylist()
    names = kb.table("relations")["id"].to_pylist()
    rows = kb.table("triples").to_pylist()
    rows.sort(key=lambda row: row["statement"])
    return [(ids[row["head"]], names[row["relation"]], ids[row["tail"]]) for row in rows]


def test_each_line_is_a_triple_and_each_end_an_entity():
    found = staged("苹果\t类别\t水果\r\n水果\t来源\t 树 \n苹果\t类别\t水果\n".encode())
    assert found.rows("triples", *TRIPLE, "statement") == [
        ("苹果", "类别", "水果", 0),
        ("水果", "来源", "树", 1),
        ("苹果", "类别", "水果", 2),  # said twice, kept twice
    ]
    assert found.ids() == ["苹果", "水果", "树"]
    assert found.rows("relations", "relation", "label") == [("类别", "类别"), ("来源", "来源")]
    assert found.counts == {"read": 3, "rejected": 0}


@pytest.mark.parametrize("lang", ["zh", None])
def test_what_an_entity_is_called_is_its_id(lang, tmp_path):
    (tmp_path / "dump").write_text("苹果\t类别\t水果\n水果\t来源\t树\n", encoding="utf-8")
    api.ingest("spo", [tmp_path / "dump"], tmp_path / "kb", lang=lang)
    kb = Kb(tmp_path / "kb")
    names = ["苹果", "水果", "树"]
    entities = kb.table("entities").select(["id", "label", "kind", "lang"]).to_pylist()
    assert [tuple(row.values()) for row in entities] == [(name, name, "entity", lang) for name in names]
    surfaces = {(row["eid"], row["text"], row["lang"]) for row in kb.table("surfaces").to_pylist()}
    assert surfaces == {(eid, name, lang) for eid, name in enumerate(names)}
    labels = kb.table("labels")["text"].to_pylist() if "labels" in kb.tables else []
    assert labels == (names if lang else [])


def test_a_malformed_line_is_a_reject_and_never_the_line_before_again():
    data = b"a\tb\tc\nonly two\tfields\n\tp\to\ns\t\to\ns\tp\t \na\tb\tc\td\n\0\tp\to\nlast\tb\tc"
    found = staged(data + b"\n\xff\tp\to\n")
    assert found.rows("triples", *TRIPLE) == [("a", "b", "c"), ("last", "b", "c")]
    assert sorted(found.rows("rejects", "line", "reason")) == [
        (1, "2 fields instead of 3"),
        (2, "no subject"),
        (3, "no predicate"),
        (4, "no object"),
        (5, "4 fields instead of 3"),
        (6, "NUL byte"),
        (8, "not UTF-8"),
    ]
    assert found.counts == {"read": 9, "rejected": 7}
    snippets = {row["line"]: (row["byte"], row["snippet"]) for row in found.rows("rejects")}
    assert snippets[3] == (data.index(b"s\t\to"), "s\t\to")


def test_columns_in_any_order_and_some_passed_over():
    line = b'/a/[x]\t/r/IsA\t/c/en/apple\t/c/en/fruit\t{"weight": 1.0}\n'
    found = staged(line, columns="-pso-")
    assert found.rows("triples", *TRIPLE) == [("/c/en/apple", "/r/IsA", "/c/en/fruit")]
    assert staged(b"IsA|dog|animal\n", columns="pso", separator="|").ids() == ["dog", "animal"]


def test_a_header_is_passed_over_once():
    found = staged(b"\xef\xbb\xbfs\tp\to\n" + b"a\tb\tc\n" * 200, header=True, size=100)
    assert set(found.rows("triples", *TRIPLE)) == {("a", "b", "c")}
    assert found.counts == {"read": 200, "rejected": 0, "skipped: header": 1}


texts = st.lists(
    st.sampled_from(["a", "苹果", "b c", "\t", "\t", "\t", "\n", "\r\n", " ", "\u3000", '"']), max_size=60
)


@given(texts.map("".join), st.integers(1, 40))
@example("a\tb\tc", 1)
def test_what_is_read_is_what_a_plain_loop_reads_however_the_file_is_cut(text, size):
    if not text:
        return
    found = staged(text.encode(), size=size)
    expected, ids = [], []
    for line in text.split("\n"):
        fields = [field.strip() for field in line.removesuffix("\r").split("\t")]
        if len(fields) == 3 and all(fields):
            expected.append(tuple(fields))
            ids += [fields[0], fields[2]]
    assert found.rows("triples", *TRIPLE) == expected
    assert found.ids() == list(dict.fromkeys(ids))
    assert found.counts["read"] == len(expected) + found.counts["rejected"]


def test_containers_and_workers_make_no_difference(tmp_path):
    lines = "".join(
        f"实体{n * 7 % 1000}\t关系{n % 13}\t实体{n * 31 % 1700}\n" for n in range(20_000)
    ).encode()
    (tmp_path / "plain.spo").write_bytes(lines)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(lines))
    made = [
        api.ingest("spo", [tmp_path / name], tmp_path / f"kb{at}", workers=workers)
        for at, (name, workers) in enumerate([("plain.spo", 1), ("packed.gz", 1), ("plain.spo", 2)])
    ]
    assert len({each.content for each in made}) == 1
    kb = Kb(tmp_path / "kb0")
    assert triples_of(kb) == [tuple(line.split("\t")) for line in lines.decode().splitlines()]
    assert kb.table("entities")["id"][:3].to_pylist() == ["实体0", "实体7", "实体31"]


def test_the_hownet_graph_has_all_its_rows(realdata, tmp_path):
    api.ingest("spo", [realdata / "kbert/kgs/HowNet.spo"], tmp_path / "kb", lang="zh")
    kb = Kb(tmp_path / "kb")
    assert kb.rows("triples") == 52_576
    lines = (realdata / "kbert/kgs/HowNet.spo").read_text(encoding="utf-8").splitlines()
    assert triples_of(kb) == [tuple(line.split("\t")) for line in lines]


def test_conceptnet_is_read_in_its_own_order(realdata, tmp_path):
    path = realdata / "lama/conceptnet100k/dev1.txt"
    api.ingest("spo", [path], tmp_path / "kb", columns="pso-", lang="en")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert triples_of(Kb(tmp_path / "kb")) == [(row[1].strip(), row[0], row[2].strip()) for row in rows]


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (b"a,b,c\nd,e,f\n", {}, "perhaps they need --separator comma$"),
        (b'a,b,"c d"\nd,e,f\n', {}, "--separator comma; source table reads CSV with quotes"),
        (
            b"a,b;1,c,1,x\nd,e,f,2,y\n",
            {},
            "1 column, .*--separator comma, which makes 5 columns, and --columns .* as in spo--; source",
        ),
        (b"C1|A1|RO|C2|\nC2|A2|RO|C1|\n", {}, r"RRF, as the source umls .* --separator bar, .* as in spo--"),
        (b"a|b|c\nd|e|f\n", {}, "1 column, not 3; perhaps they need --separator bar$"),
        (b"abc\ndef\n", {}, "1 column, not 3; what stands between them is said by --separator"),
        (b"a\tb\tc\t1\nd\te\tf\t2\n", {}, "its lines have 4 columns, not 3"),
        ("苹果\t类别\t水果\n".encode("gb18030") * 9, {}, "iconv -f GB18030"),
        ("a\tb\tc\n".encode("utf-16"), {}, "UTF-16"),
        (b"a\tb\tc\n", {"columns": "sp"}, "each of s, p and o once"),
        (b"a\tb\tc\n", {"columns": "spoo"}, "each of s, p and o once"),
        (b"a\tb\tc\n", {"separator": "::"}, "one ASCII character"),
        (b"a\tb\tc\n", {"separator": "，"}, "one ASCII character"),
        (b"", {}, "is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(data, settings, message, tmp_path):
    (tmp_path / "dump").write_bytes(data)
    with pytest.raises(KbError, match=message):
        api.ingest("spo", [tmp_path / "dump"], tmp_path / "kb", **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


def test_the_help_lists_all_names_of_separators():
    (field,) = [each for each in dataclasses.fields(Settings) if each.name == "separator"]
    assert ", ".join(SEPARATORS) in field.metadata["help"]


def test_a_folder_or_an_archive_is_refused(tmp_path):
    (tmp_path / "x.spo").write_text("a\tb\tc\n")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "x.spo", "x.spo")
    for path, message in [(tmp_path, "is a folder"), (tmp_path / "x.tar.gz", "tar archive; unpack it first")]:
        with pytest.raises(SourceError, match=message):
            SOURCE.plan([str(path)], Settings())
    with pytest.raises((SourceError, ConfigError), match="no such file"):
        SOURCE.plan([str(tmp_path / "absent")], Settings())
