import runpy
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ConfigError, SourceError
from kbtools.sources.hownet import SOURCE
from tests.staged_source import Staged

RECORD = """NO.=000001
W_C=医生
G_C=noun [yi1 sheng1]
S_C=
E_C=看~
W_E=doctor
G_E=noun
DEF={human|人:HostOf={Occupation|职位},{cure|医治:agent={~},patient={human|人:modifier={sick|病}}}}
RMK=a remark
"""


@pytest.fixture
def read(tmp_path):
    def run(*files, encoding="utf-8", **settings):
        paths = []
        for number, data in enumerate(files):
            path = tmp_path / f"file{number}"
            path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding))
            paths.append(path)
        return Staged(tmp_path / "staged", SOURCE, *paths, **settings)

    return run


def faults(found):
    return [(row["line"], row["reason"]) for row in found.rejects]


def test_every_string_of_triples_is_an_entity(read):
    found = read("苹果\t义原\t水果\n梨\t义原\t水果\n苹果\t义原\t电脑\n")
    assert [(row["entity"], row["kind"], row["lang"]) for row in found["entities"]] == [
        ("苹果", "entity", "zh"), ("水果", "entity", "zh"), ("梨", "entity", "zh"), ("电脑", "entity", "zh"),
    ]  # fmt: skip
    assert found.edges() == [
        ("苹果", "义原", "水果"), ("梨", "义原", "水果"), ("苹果", "义原", "电脑"),
    ]  # fmt: skip
    assert [row["statement"] for row in found["triples"]] == [0, 1, 2]
    assert {(row["text"], row["source"], row["lang"]) for row in found["surfaces"]} == {
        (name, "name", "zh") for name in ("苹果", "水果", "梨", "电脑")
    }


def test_a_bad_line_is_a_reject_and_never_the_line_before_it_again(read):
    lines = ["甲\t义原\t乙", *(f"词{n}\t义原\t乙" for n in range(20))]
    bad = [
        "only one field", "甲\t义原", "甲\t义原\t乙\t丙", "\t义原\t乙", "甲\t\t乙", "甲\t义原\t ",
        "甲\0\t义原\t乙",
    ]  # fmt: skip
    found = read("\n".join([*lines, *bad, "", "丁\t义原\t乙"]))
    assert len(found["triples"]) == 22
    assert faults(found) == [
        (21, "1 fields instead of 3"), (22, "2 fields instead of 3"), (23, "4 fields instead of 3"),
        (24, "subject is empty"), (25, "predicate is empty"), (26, "object is empty"), (27, "NUL bytes"),
    ]  # fmt: skip
    assert found.counts["read"] == 22 + 7
    data = "\n".join([*lines, *bad]).encode()
    assert all(data[row["byte"] :].startswith(row["snippet"].encode()) for row in found.rejects)


def test_the_first_line_may_be_bad(read):
    found = read("nonsense\n" + "".join(f"词{n}\t义原\t乙\n" for n in range(5)))
    assert faults(found) == [(0, "1 fields instead of 3")]
    assert len(found["triples"]) == 5


def test_only_relations_that_are_used_are_described(read):
    assert [row["relation"] for row in read("甲\t义原\t乙\n")["relations"]] == ["义原"]
    tree = {row["relation"]: row.get("inverse") for row in read(TREE)["relations"]}
    assert tree == {"hypernym": None, "sememe": None, "DEF": None}  # no hyponym is named
    both = read("human|人 hypernym animate|生物\nanimate|生物 hyponym human|人\n")["relations"]
    assert {row["relation"]: row["inverse"] for row in both} == {"hypernym": "hyponym", "hyponym": "hypernym"}


def test_a_triple_said_again_is_counted(read):
    found = read("甲\t义原\t乙\n甲\t义原\t乙\n")
    assert len(found["triples"]) == 1
    assert found.counts["skipped: edge said again"] == 1


TREE = """- {entity|实体}
  ├ {thing|万物} {entity|实体:{exist|存在:experiencer={~}}}
  │ ├ {human|人} {thing|万物:HostOf={Name|姓名}{Age|年龄}}
  │ └ {animal|兽}
  └ {place|地方} {entity|实体:domain={*}}
- {event|事件}
  └ {act|行动}
"""
PARENTS = {
    ("thing|万物", "entity|实体"), ("human|人", "thing|万物"), ("animal|兽", "thing|万物"),
    ("place|地方", "entity|实体"), ("act|行动", "event|事件"),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "  \r\n"])
@pytest.mark.parametrize("tree", [TREE, TREE.replace("├", "|-").replace("└", "`-").replace("│", "|")])
def test_trees_in_any_encoding_with_any_line_end(read, encoding, end, tree):
    found = read(tree.replace("\n", end), encoding=encoding)
    assert {(head, tail) for head, _, tail in found.edges("hypernym")} == PARENTS
    assert found.rejects == []
    assert found.counts["read"] == 7


def test_a_tree_of_indentation_alone(read):
    text = (
        "{entity|实体}\n  {thing|万物}\n    {human|人}\n    {animal|兽}\n  {place|地方}\n"
        "{event|事件}\n  {act|行动}"
    )
    assert {(head, tail) for head, _, tail in read(text).edges("hypernym")} == PARENTS


def test_what_a_tree_says_besides_is_a_definition(read):
    found = read(TREE)
    assert ("thing|万物", "sememe", "exist|存在") in found.edges()
    assert ("human|人", "HostOf", "Age|年龄") in found.edges()
    assert found.edges("main_sememe") == []  # it is the hypernym
    told = {
        (row["entity"], row["relation"], row.get("tail"), row.get("value")) for row in found["qualifiers"]
    }
    assert told == {("thing|万物", "experiencer", "thing|万物", None), ("place|地方", "domain", None, "*")}
    statements = {row["statement"]: row for row in found["triples"]}
    slot = next(row for row in found["qualifiers"] if row["relation"] == "domain")
    assert statements[slot["statement"]]["tail"] == "entity|实体"


def test_sememes_are_named_in_two_languages(read):
    found = read(TREE)
    human = [row for row in found["surfaces"] if row["entity"] == "human|人"]
    assert [(row["text"], row["lang"], row["source"]) for row in human] == [
        ("人", "zh", "label"), ("human", "en", "label"),
    ]  # fmt: skip
    assert next(row for row in found["entities"] if row["entity"] == "human|人")["label"] == "人"
    other = read(TREE, label="en")
    assert next(row for row in other["entities"] if row["entity"] == "human|人")["label"] == "human"


def test_relations_and_lists_of_sememes(read):
    triples = "human|人 hypernym animate|生物\nanimate|生物 hyponym human|人\nbuy|买 converse sell|卖\n甲\n"
    found = read(triples, "人 生物 河流 买")
    assert found.edges() == [
        ("human|人", "hypernym", "animate|生物"),
        ("animate|生物", "hyponym", "human|人"),
        ("buy|买", "converse", "sell|卖"),
    ]
    assert found["entities"][-1]["entity"] == "河流"
    assert found.counts["skipped: sememe known from another file"] == 3
    assert faults(found) == [(3, "1 fields instead of 3")]


def test_a_record_of_the_dictionary(read):
    found = read(RECORD)
    (concept,) = [row for row in found["entities"] if row["kind"] == "concept"]
    assert (concept["entity"], concept["label"]) == ("NO.000001", "医生")
    words = [row for row in found["surfaces"] if row["source"] == "lemma"]
    assert [(row["text"], row["lang"], row["pos"]) for row in words] == [
        ("医生", "zh", "n"), ("doctor", "en", "n"),
    ]  # fmt: skip
    assert found.edges() == [
        ("NO.000001", "main_sememe", "human|人"),
        ("NO.000001", "HostOf", "Occupation|职位"),
        ("NO.000001", "sememe", "cure|医治"),
        ("NO.000001", "patient", "human|人"),
        ("NO.000001", "modifier", "sick|病"),
    ]
    number = {row["tail"] + row["relation"]: row["statement"] for row in found["triples"]}
    told = {(row["statement"], row["relation"], row["tail"]) for row in found["qualifiers"]}
    assert told == {
        (number["cure|医治sememe"], "agent", "NO.000001"),
        (number["human|人patient"], "within", "cure|医治"),
        (number["sick|病modifier"], "within", "human|人"),
    }
    assert {row["relation"]: row["value"] for row in found["literals"]} == {
        "pronunciation": "yi1 sheng1",
        "DEF": RECORD.partition("DEF=")[2].partition("\n")[0],
        "RMK": "a remark",
    }
    assert [row["text"] for row in found["descriptions"]] == ["看~"]


def test_records_that_cannot_be_read(read):
    text = RECORD + "".join(
        [
            "NO.=000001\nW_C=又\nDEF={a|甲}\n",
            "NO.=000002\nW_C=坏\nDEF={a|甲\nDEF={b|乙}\nno key here\nZZ=1\n",
            "NO.=000003\nDEF={a|甲}\n",
            f"NO.=000004\nW_C=深\nDEF={'{' * 100_000}\n",
            "NO.=\nW_C=无号\nG_C=V\nDEF={a|甲}\n",
        ]
    )
    found = read(text)
    assert [reason for _, reason in faults(found)] == [
        "number of an earlier record",
        "DEF a second time in one record",
        "not a line of the form KEY=value",
        "DEF: a brace is never closed",
        "a record without a word",
        "DEF: a brace where a sememe should be",
    ]
    assert found.counts["read"] == 6
    assert found.counts["skipped: key ZZ"] == 1
    concepts = [row["entity"] for row in found["entities"] if row["kind"] == "concept"]
    assert concepts == ["NO.000001", "NO.000002", "NO.000004", "无号{a|甲}"]


def test_some_damaged_lines_are_rejects_and_another_encoding_is_refused(read):
    lines = [f"词{n}\t义原\t乙".encode() for n in range(30)]
    lines[7] = b"\xff\xfe\t\xe4\xb9\x89\t\xe4\xb9\x99"
    found = read(b"\n".join(lines))
    assert faults(found) == [(7, "not UTF-8")]
    assert len(found["triples"]) == 29
    with pytest.raises(SourceError, match="tried UTF-8 and GB18030"):
        read(b"\n".join(b"\xff\xe9\t\xff\t\xff%d" % n for n in range(30)))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("A piece of prose.\nIt has two lines.\n", "running text"),
        ("老虎\t老虎\t4.8\n钱\t 现金\t4.58\n", "pairs of words with a number"),
        (": capital\n雅典 希腊 北京 中国\n巴黎 法国 北京 中国\n", "analogies"),
        ("/m/01\t/people/born\t/m/02\n", "source spo"),
        ("\n\n \n", "no lines of text"),
        (b"\0" * 100, "no lines of text"),
    ],
)
def test_what_is_not_hownet_is_refused_in_one_line(read, data, why):
    with pytest.raises(SourceError, match=why) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_a_folder_gives_what_is_of_hownet(tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    with pytest.raises(SourceError, match="no file of HowNet in this folder"):
        Staged(tmp_path / "a", SOURCE, folder)
    (folder / "b.txt").write_text("A piece of prose.\nIt has two lines.\n")
    (folder / "a.spo").write_text("甲\t义原\t乙\n")
    found = Staged(tmp_path / "b", SOURCE, folder)
    assert found.edges() == [("甲", "义原", "乙")]
    (warning,) = found.reading.notes["warnings"]
    assert warning == "left out: b.txt (looks like running text): no HowNet files"
    (folder / "c.txt").write_text("More prose.\nIn two lines.\n")
    (folder / "d.txt").write_text("老虎\t老虎\t4.8\n", encoding="utf-8")
    (warning,) = SOURCE.plan([str(folder)], SOURCE.settings()).notes["warnings"]
    assert warning == (
        "left out: b.txt, c.txt (looks like running text), d.txt (holds pairs of words with a number, "
        "such as a test of word similarity): no HowNet files"
    )


def test_settings_that_make_no_sense(read):
    with pytest.raises(ConfigError, match="zh and en"):
        read("甲\t义原\t乙\n", label="fr")


def test_the_sample_is_what_its_script_writes():
    folder = Path(__file__).parents[1] / "data/sample/hownet"
    written = runpy.run_path(str(folder / "build.py"))["tree"]()
    assert (folder / "openhownet/HowNet Taxonomy Entity.txt").read_bytes() == written


FILES = [RECORD * 2, TREE, "甲\t义原\t乙\n" * 3, "a|甲 hypernym b|乙\n", "甲 乙 丙"]


@given(
    text=st.sampled_from(FILES),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-16"]),
    cuts=st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=4), st.integers(0, 5)), max_size=4),
)
def test_any_bytes_are_read_or_refused(text, encoding, cuts):
    data = text.encode(encoding)
    for place, put, take in cuts:
        data = data[:place] + put + data[place + take :]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "file")
        path.write_bytes(data)
        try:
            found = Staged(Path(name), SOURCE, path)
        except SourceError:
            return
    known = {row["entity"] for row in found["entities"]}
    assert {end for head, _, tail in found.edges() for end in (head, tail)} <= known
    assert all(name.strip("| ") for name in known)
    numbers = [row["statement"] for row in found["triples"] + found["literals"]]
    assert sorted(numbers) == list(range(len(numbers)))
    assert found.outcome.facts["statements"] == len(numbers)
