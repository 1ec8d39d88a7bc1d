"""CN-DBpedia: links, brackets, names, tags, descriptions; beside a reader that goes value by value."""

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import api
from kbtools.errors import SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.cndbpedia import SOURCE, Settings, markup
from kbtools.sources.cndbpedia.read import mentions, triples
from tests.lines_read import Staged

TRIPLE = ("entity", "relation", "tail", "otherwise", "statement")


def staged(*lines, **args):
    return Staged(triples, "".join(f"{line}\n" for line in lines).encode(), lang="zh", **args)


def test_links_are_triples_and_other_values_may_be():
    found = staged(
        "长城\t国家\t<a>中国</a>",
        "长城\t地点\t河北<a>秦皇岛</a>、<a>北京</a>等",
        "长城\t长度\t2万公里",
        "!K7\t内容\t<a>短信（释义）</a>“",  # a stray sign is no text
    )
    assert sorted(found.rows("triples", *TRIPLE), key=lambda row: row[-1]) == [
        ("长城", "国家", "中国", None, 0),
        ("长城", "地点", "秦皇岛", None, 1),
        ("长城", "地点", "北京", None, 1),
        ("长城", "地点", "河北秦皇岛、北京等", "string", 1),
        ("长城", "长度", "2万公里", "string", 2),
        ("!K7", "内容", "短信（释义）", None, 3),
    ]
    assert found.ids() == ["长城", "中国", "秦皇岛", "北京", "!K7", "短信（释义）"]


def test_brackets_tell_namesakes_apart():
    found = staged(
        "苹果（公司）\ta\tb", "苹果(水果)\ta\tb", "苹果（）\ta\tb", "（空）\ta\tb", "f(x)函数\ta\tb"
    )
    rows = [(row["entity"], row["label"], row["description"]) for row in found.rows("entities")]
    assert rows == [
        ("苹果（公司）", "苹果", "公司"),
        ("苹果(水果)", "苹果", "水果"),
        ("苹果（）", "苹果", None),
        ("（空）", "（空）", None),
        ("f(x)函数", "f(x)函数", None),
    ]
    assert ("苹果（公司）", "苹果", "label") in found.rows("surfaces", "entity", "text", "source")
    assert ("苹果（公司）", "苹果（公司）", "title") in found.rows("surfaces", "entity", "text", "source")
    assert found.rows("descriptions", "entity", "kind", "text") == [
        ("苹果（公司）", "short", "公司"),
        ("苹果(水果)", "short", "水果"),
    ]


def test_names_are_surfaces_and_stay_values():
    found = staged(
        "土豆\t别　名：\t洋芋、山药蛋（西北）等",
        "土豆\t英文名称\tpotato",
        "土豆\t外文名\tpatate/Kartoffel",
        "土豆\t拉丁学名\tSolanum tuberosum",
        "土豆\t又称\t无",
        "土豆\t产地\t甘肃、宁夏",
    )
    names = [row for row in found.rows("surfaces", "text", "lang", "source") if row[2] == "alias"]
    assert sorted(names, key=str) == sorted(
        [
            ("洋芋", "zh", "alias"),
            ("山药蛋", "zh", "alias"),
            ("potato", "en", "alias"),
            ("patate/Kartoffel", None, "alias"),
            ("Solanum tuberosum", "la", "alias"),
        ],
        key=str,
    )
    assert len(found.rows("triples")) == 6
    assert ("土豆", "又称", "无", "string", 4) in found.rows("triples", *TRIPLE)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("北平；燕京;幽州|蓟", ["北平", "燕京", "幽州", "蓟"]),
        ("苹果手机/爱疯", ["苹果手机", "爱疯"]),
        ("AC/DC", ["AC/DC"]),
        ("Apple, Inc.", ["Apple, Inc."]),
        ("中国,China", ["中国", "China"]),
        ("1,000米", ["1,000米"]),
        ("《上、下》、中", ["《上、下》", "中"]),
        ("甲（又作乙、丙）、丁", ["甲", "丁"]),
        ("高等", ["高等"]),
        ("、，", []),
        ("甲、甲", ["甲"]),
        ("、" * 2000, []),
        (" " * 900 + "x", ["x"]),
    ],
)
def test_names_are_parted_with_care(text, names):
    assert markup.split_names(text) == names


def test_tags_are_types_and_concepts():
    found = staged("长城\tBaiduTAG\t建筑", "北京\tBaiduTAG\t城市", "城市\tBaiduTAG\t词语")
    assert found.rows("types", "entity", "type") == [("长城", "建筑"), ("北京", "城市"), ("城市", "词语")]
    assert found.rows("triples", *TRIPLE)[0] == ("长城", "BaiduTAG", "建筑", None, 0)
    kinds = {(row["entity"], row["kind"], row["order"]) for row in found.rows("entities")}
    assert {("建筑", "concept", 1), ("城市", "concept", 1), ("城市", "entity", 0)} <= kinds
    assert found.ids() == ["长城", "建筑", "北京", "城市", "词语"]


def test_descriptions_lose_markup_and_keep_paragraphs():
    found = staged(
        "北京\tBaiduCARD\t<a>中国</a>的首都。|||面积1.6万km<sup>2</sup>。", "北京\tDESC\t城市 &amp; 都会"
    )
    assert found.rows("descriptions", "entity", "lang", "kind", "text", "source") == [
        ("北京", "zh", "abstract", "中国的首都。\n面积1.6万km2。", "CN-DBpedia"),
        ("北京", "zh", "abstract", "城市 & 都会", "CN-DBpedia"),
    ]
    assert found.rows("triples") == found.rows("relations") == []
    assert found.counts["skipped: links in descriptions"] == 1


def test_what_only_looks_like_markup_stays():
    found = staged(
        "<b>\t说明\ta<b and c>d", "AT&amp;T\t说明\t1 &lt; 2", "x\t说明\t<a>没有结尾", "y\t说明\t&#xD800;z"
    )
    assert found.ids() == ["<b>", "AT&T", "x", "y"]
    assert [row[2] for row in found.rows("triples", *TRIPLE)] == [
        "a<b and c>d",
        "1 < 2",
        "没有结尾",
        "\ufffdz",
    ]


def test_bad_lines_are_rejects():
    found = staged("a\tb", "\tb\tc", "a\t \tc", "a\tb\t", "a\tb\t<a></a>", "a\tb\tc\td", "a\tb\t<a>c</a>")
    assert sorted(found.rows("rejects", "line", "reason")) == [
        (0, "2 fields instead of 3"),
        (1, "no entity"),
        (2, "no attribute"),
        (3, "no value"),
        (4, "no value"),
        (5, "4 fields instead of 3"),
    ]
    assert found.rows("triples", *TRIPLE) == [("a", "b", "c", None, 0)]
    assert found.counts["read"] == 7


class Parser(HTMLParser):
    """An independent view of a value: its text, its links, and what stands around them."""

    def __init__(self, value):
        super().__init__()
        self.text, self.around, self.links, self.inside = "", "", [], False
        self.feed(value)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.inside = True
        self.links.append("")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        self.text += data
        if self.inside:
            self.links[-1] += data
        else:
            self.around += data


words = st.sampled_from(["上海", "a", "x y", "&amp;", "1<2", "、", "“"])
links = st.lists(words, min_size=1, max_size=2).map(lambda inside: f"<a>{''.join(inside)}</a>")
lines = st.tuples(
    st.sampled_from(["甲", "乙（丙）"]), st.lists(words | links, min_size=1, max_size=4).map("".join)
)


@given(st.lists(lines, min_size=1, max_size=8), st.integers(1, 80))
def test_values_are_read_as_a_parser_of_html_reads_them(rows, size):
    found = staged(*(f"{entity}\t属性\t{value}" for entity, value in rows), size=size)
    expected: Counter[tuple[str, str, str, str | None]] = Counter()
    for entity, value in rows:
        parser = Parser(value)
        expected.update((entity, "属性", link, None) for link in parser.links)
        if not parser.links or any(map(str.isalnum, parser.around)):
            expected[entity, "属性", parser.text, "string"] += 1
    assert Counter(found.rows("triples", *TRIPLE[:4])) == expected
    tails = [row["tail"] for row in found.rows("triples") if row["otherwise"] is None]
    assert set(tails) <= set(found.ids())


def test_mentions_are_surfaces(tmp_path):
    found = Staged(mentions, "苹果\t苹果（公司）\n苹果\t苹果（水果）\n\t苹果\n一\n".encode(), lang="zh")
    assert [row for row in found.rows("surfaces", "text", "entity", "source") if row[2] == "alias"] == [
        ("苹果", "苹果（公司）", "alias"),
        ("苹果", "苹果（水果）", "alias"),
    ]
    assert found.ids() == ["苹果（公司）", "苹果（水果）"]
    assert sorted(found.rows("rejects", "reason")) == [("1 field instead of 2",), ("no mention",)]


def test_a_value_is_a_triple_if_an_entity_has_that_title(tmp_path):
    lines = ["长城\t国家\t中国", "长城\t长度\t2万公里", "中国\t首都\t北京", "长城\t位于\t<a>北京</a>"]
    (tmp_path / "triples.txt").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "m2e.txt").write_text("万里长城\t长城\n", encoding="utf-8")
    api.ingest("cndbpedia", [tmp_path / "triples.txt", tmp_path / "m2e.txt"], tmp_path / "kb")
    kb = Kb(tmp_path / "kb")
    ids = kb.table("entities")["id"].to_pylist()
    assert ids == ["长城", "中国", "北京"]
    ends = [(ids[row["head"]], ids[row["tail"]]) for row in kb.table("triples").to_pylist()]
    assert sorted(ends) == [("中国", "北京"), ("长城", "中国"), ("长城", "北京")]
    assert kb.table("literals").select(["head", "datatype", "value"]).to_pylist() == [
        {"head": 0, "datatype": "string", "value": "2万公里"}
    ]
    assert "万里长城" in kb.table("surfaces")["text"].to_pylist()


def test_the_published_sample(realdata, tmp_path):
    path = realdata / "cndbpedia/ChrisCN97/data/sample.txt"
    made = api.ingest("cndbpedia", [path], tmp_path / "kb")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    kb = Kb(tmp_path / "kb")
    assert (made.counts["read"], made.counts["rejected"]) == (len(rows), 0)
    assert kb.rows("types") == sum(row[1] == "BaiduTAG" for row in rows) == 14
    assert kb.rows("descriptions") == sum(row[1] == "BaiduCARD" for row in rows) + 1  # and a bracket
    ids = kb.table("entities")["id"].to_pylist()
    assert {row[0] for row in rows} <= set(ids)
    tails = {ids[row["tail"]] for row in kb.table("triples").to_pylist()}
    assert {"兰考县", "12380", "短信（释义）", "上海", "教育科学出版社"} <= tails
    assert not any("<a>" in text for text in kb.table("literals")["value"].to_pylist())


def test_files_are_told_apart_by_their_columns(tmp_path):
    for name, text in [
        ("one", "a\n"),
        ("two", "a\tb\n"),
        ("three", "a\tb\tc\n"),
        ("five", "a\tb\tc\td\te\n"),
    ]:
        (tmp_path / name).write_text(text)
    plan = SOURCE.plan([str(tmp_path / name) for name in ("three", "two")], Settings())
    assert [feed.call.partition(":")[2] for feed in plan.feeds] == ["triples", "mentions"]
    for name, columns in [("one", "1 column"), ("five", "5 columns")]:
        with pytest.raises(SourceError, match=f"{columns} between tabs; triples have 3"):
            SOURCE.plan([str(tmp_path / name)], Settings())


def test_a_folder_gives_the_files_of_known_layouts(tmp_path):
    with pytest.raises(SourceError, match="no file of CN-DBpedia in this folder"):
        SOURCE.plan([str(tmp_path)], Settings())
    for name, text in [
        ("m2e.txt", "a\tb\n"),
        ("baike.txt", "a\tb\tc\n"),
        ("five.txt", "a\tb\tc\td\te\n"),
        ("readme.txt", "Some text.\nMore of it.\nIts\tcolumns\n"),
        ("notes.txt", "One.\n"),
        (".hidden", "a\tb\n"),
    ]:
        (tmp_path / name).write_text(text)
    plan = SOURCE.plan([str(tmp_path)], Settings())
    found = [(feed.call.partition(":")[2], Path(feed.paths[0]).name) for feed in plan.feeds]
    assert found == [("triples", "baike.txt"), ("mentions", "m2e.txt")]
    assert plan.notes["warnings"] == [
        "left out: five.txt (its lines have 5 columns between tabs), "
        "notes.txt, readme.txt (its lines have 1 column between tabs): no files of CN-DBpedia"
    ]
