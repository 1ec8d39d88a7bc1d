"""The presets that serve models: what each of them asks for, and defects that others have."""

from __future__ import annotations

from typing import Any

import pytest

from kbtools import api, linkers
from tests import sample_linking, tiny_linking
from tests.sample_linking import SAMPLE, linked, opened, texts
from tests.tiny_alias import name
from tests.tiny_linking import found


def world(folder, names: list[dict[str, Any]], *, fuzzy: bool = False):
    """Write names of entities as a knowledge base, their table, and what linkers may ask."""
    ids = [f"E{eid}" for eid in range(max(one["eid"] for one in names) + 1)]
    bases = [tiny_linking.kb(folder / "kb", ids, names, "small")]
    api.build_alias(bases, folder / "alias")
    linkers.build_index(bases, folder / "profile", kind="profile")
    linkers.build_index(folder / "alias", folder / "fuzzy", kind="fuzzy")
    return folder


def rows(folder, linker: str, *some: str, overrides: tuple[str, ...] = (), **fields: Any):
    return linked(opened(folder, linker, *overrides), [one | fields for one in texts(*some)])


def words(folder, linker: str, text: str, **how: Any) -> list[str]:
    return [word for word, _ in found(rows(folder, linker, text, **how)[0])]


@pytest.fixture(scope="module")
def cased(tmp_path_factory):
    """Names in several cases: NATO and Nato are others, three write Obama in three ways."""
    names = [
        name(0, "NATO", "anchor", 8), name(0, "Nato", "anchor", 1), name(1, "Nato", "anchor", 4),
        name(2, "Obama", "anchor", 90), name(3, "OBAMA", "anchor", 5), name(4, "oBama", "anchor", 5),
        name(2, "New York"), name(3, "New York City"), name(4, "City"), name(5, "The City"),
        name(6, "City of"), name(5, "red pig ate four hens"), name(6, "red pig ate four hens raw"),
        name(5, "Paris, Texas"), name(6, "hens"), name(5, "Texas"),
    ]  # fmt: skip
    return world(tmp_path_factory.mktemp("cased"), names)


class TestKnowBert:
    def candidates(self, cased, text, **how):
        [one] = rows(cased, "knowbert-wiki", text, **how)[0]["mentions"]
        return one

    @pytest.mark.parametrize("text", ["obama", "oBAMA"])
    def test_names_in_other_cases_are_merged_not_overwritten(self, cased, text):
        told = {one["eid"]: one["prior"] for one in self.candidates(cased, text)["candidates"]}
        assert told == pytest.approx({2: 0.9, 3: 0.05, 4: 0.05}, abs=0.01)

    @pytest.mark.parametrize(("text", "eid"), [("NATO", 0), ("Nato", 1), ("OBAMA", 3), ("Obama", 2)])
    def test_a_name_is_taken_as_it_is_spelt(self, cased, text, eid):
        assert self.candidates(cased, text)["eid"] == eid

    def test_a_plural_is_another_name(self, cased):
        assert rows(cased, "knowbert-wiki", "many Obamas")[0]["mentions"] == []

    def test_none_of_them_is_always_possible(self, cased):
        for text in ("Nato", "obama", "New York"):
            one = self.candidates(cased, text)
            assert one["nil"] == pytest.approx(0.1, abs=0.01)
            assert sum(each["p"] for each in one["candidates"]) + one["nil"] == pytest.approx(1, abs=1e-3)

    def test_priors_of_those_left_are_one_in_sum(self, cased):
        one = self.candidates(cased, "Nato", overrides=("candidates.most=1",))
        assert [each["prior"] for each in one["candidates"]] == [1]

    def test_spans(self, cased):
        text = "New York City of red pig ate four hens raw, The City. Paris, Texas"
        assert words(cased, "knowbert-wiki", text) == [
            "New York City", "New York", "City", "red pig ate four hens", "hens", "City",
            "Texas",
        ]  # fmt: skip


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    names = [
        name(0, "北京"), name(1, "北京大学"), name(2, "大学"), name(3, "学生"), name(4, "京"),
        name(5, "苹果"),
        name(6, "苹果", "alias"), name(7, "紅樓夢"), name(3, "apple tree"), name(5, "apple"), name(6, "生"),
        name(7, "生", "anchor", 3),
    ]  # fmt: skip
    return world(tmp_path_factory.mktemp("chinese"), names)


def test_kbert_takes_the_longest_name_from_the_left(chinese):
    """北京大学 and then 生, a word of one character that is not sure enough; not 北京 and 大学 and 学生."""
    assert words(chinese, "kbert", "北京大学生") == ["北京大学"]
    assert words(chinese, "kbert", "去北京大学学生") == ["北京大学", "学生"]
    assert words(chinese, "kbert", "an apple tree, apple") == ["apple tree", "apple"]
    anything = ("overlap=all", "mentions.spans.single_prior=0", "mentions.spans.single_link=0")
    assert words(chinese, "kbert", "北京大学生", overrides=anything) == [
        "北京大学", "北京", "京", "大学", "学生", "生",
    ]  # fmt: skip


def test_kbert_takes_one_candidate_the_same_each_time(chinese):
    [one] = rows(chinese, "kbert", "苹果")[0]["mentions"]
    assert [(each["eid"], each["p"]) for each in one["candidates"]] == [(5, 1.0)]


def test_chinese_needs_no_words_and_finds_other_characters(chinese):
    assert words(chinese, "chinese", "我读红楼梦在京城") == ["红楼梦"]
    assert words(chinese, "chinese", "京、北京大学") == ["京", "北京大学"]


def test_chinese_by_words_of_jieba(chinese):
    pytest.importorskip("jieba")
    text = "这是东北京剧"
    assert words(chinese, "chinese", text) == ["北京"]
    assert words(chinese, "chinese", text, overrides=("mentions.spans.words=jieba",)) == []


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return sample_linking.build(tmp_path_factory.mktemp("sample"))


def test_tagme_and_ernie_ask_for_trust(sample):
    some = sample_linking.documents("en")[::5]
    sure = {}
    for linker, least in (("tagme", 0.1), ("ernie", 0.3)):
        p = [one["p"] for row in linked(opened(sample, linker), some) for one in row["mentions"]]
        p = [one for one in p if one < 1]
        assert min(p) >= least
        sure[linker] = len(p)
    assert sure["tagme"] > sure["ernie"] > 0
    strict = linked(opened(sample, "tagme", "nil.total=0.4"), some)
    assert all(one["p"] >= 0.4 for row in strict for one in row["mentions"])


@pytest.fixture(scope="module")
def umls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("umls")
    api.ingest("umls", [SAMPLE / "umls" / "META"], folder / "kb", langs=["en", "zh"])
    api.build_alias([folder / "kb"], folder / "alias")
    linkers.build_index([folder / "kb"], folder / "profile", kind="profile")
    linkers.build_index(folder / "alias", folder / "fuzzy", kind="fuzzy")
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two tablets of PARACETAMOL", "PARACETAMOL"),
        ("paracetamole was given", "paracetamole"),
        ("the aquired immunodeficiency syndrom", "aquired immunodeficiency syndrom"),
        ("alzheimers disease", "alzheimers disease"),
        ("服用扑热息痛后", "扑热息痛"),
    ],
)
def test_names_almost_as_the_umls_has_them(umls, text, expected):
    assert words(umls, "umls", text) == [expected]


def test_what_is_less_alike_is_less_sure(umls):
    p = [rows(umls, "umls", text)[0]["mentions"][0]["p"] for text in ("salbutamol", "salbutamoll")]
    assert p[0] > 0.99 > p[1] > 0.5


def test_short_forms_that_the_text_explains(umls):
    text = "Aquired immunodeficiency syndrome (AIS) is told. AIS is."
    told = rows(umls, "umls", text)[0]["mentions"]
    assert [(one["kind"], one["start"]) for one in told] == [
        ("dictionary", 0), ("abbreviation", 35), ("abbreviation", 49),
    ]  # fmt: skip
    assert len({one["eid"] for one in told}) == 1


def test_classes_of_the_umls(umls):
    text = "paracetamol against AIDS"
    assert words(umls, "umls", text) == ["paracetamol", "AIDS"]
    assert words(umls, "umls", text, overrides=("mentions.typed.classes=T047",)) == ["AIDS"]


def test_a_pipeline_beside_names(tmp_path):
    pytest.importorskip("spacy")
    from tests import spacy_world  # noqa: PLC0415

    spacy_world.build(tmp_path)
    spacy_world.pipeline({"label": "PERSON", "pattern": "Nobody Known"}).to_disk(tmp_path / "model")
    made = tmp_path / "both.toml"
    made.write_text(
        f'[mentions.dictionary]\n\n[mentions.ner]\nmodel = "{tmp_path}/model"\n\n[nil]\nkeep = ["ner"]\n'
    )
    path = tiny_linking.corpus(tmp_path, {"text": "In Paris, Nobody Known met Ada."})
    linkers.link(path, tmp_path / "linked", alias=tmp_path / "alias", linker=str(made))
    [row] = tiny_linking.rows(tmp_path / "linked")
    kinds = [one["kind"] for one in row["mentions"]]
    assert [(word, eid is None) for word, eid in found(row)] == [
        ("Paris", False), ("Nobody Known", True), ("Ada", False),
    ]  # fmt: skip
    assert kinds == ["dictionary", "ner", "dictionary"]
