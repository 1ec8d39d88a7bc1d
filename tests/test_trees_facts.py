"""Facts of a knowledge base: which, in which order, in what words."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools.artefact import KbRef
from kbtools.kb.reader import gather
from kbtools.trees import facts as opening
from kbtools.trees.preparing import prepare
from tests import tiny_kb
from tests.tiny_kb import entity, triple


def literal(head, relation, datatype, value, statement, **more):
    told = {"number": None, "unit": None, "precision": None, "calendar": None, "lang": None}
    return {
        "head": head, "relation": relation, "datatype": datatype, "value": value, **told, "rank": 0,
        "best": True, "statement": statement, **more,
    }  # fmt: skip


def label(eid, lang, text):
    return {"eid": eid, "lang": lang, "text": text}


TABLES = {
    "entities": [
        entity(0, "Q1", "Geneva"), entity(1, "Q2", "Switzerland"), entity(2, "Q3", None),
        entity(3, "P1", "country", kind="property"), entity(4, "Q5", None), entity(5, "P2", "lake"),
    ],
    "labels": [
        label(0, "en", "Geneva"), label(0, "zh", "日内瓦"), label(1, "en", "Switzerland"),
        label(1, "zh-hans", "瑞士"), label(1, "zh-hant", "瑞士聯邦"), label(2, "fr", "Léman"),
        label(3, "en", "country"), label(3, "zh", "国家"), label(5, "zh", "湖"),
    ],
    "relations": [
        {"rid": 0, "id": "P1", "label": "country"}, {"rid": 1, "id": "P2", "label": "lake"},
        {"rid": 2, "id": "P3", "label": None},
    ],
    "triples": [
        triple(0, 0, 1, 7), triple(0, 1, 2, 3), triple(0, 2, 4, 2, rank=1), triple(0, 2, 5, 1, rank=-1),
        triple(3, 2, 4, 12), triple(4, 0, 0, 0),
    ],
    "literals": [
        literal(0, 0, "somevalue", "", 20), literal(0, 2, "external-id", "x12", 4),
        literal(0, 2, "monolingualtext", "Genf", 6, lang="de"),
        literal(0, 2, "monolingualtext", "城", 8, lang="zh"), literal(0, 2, "quantity", "+12.5", 5),
        literal(0, 2, "time", "+1971-03-00T00:00:00Z", 9, precision=10),
        literal(0, 2, "time", "-0044-03-15T00:00:00Z", 10, precision=11),
        literal(0, 2, "time", "+1500-00-00T00:00:00Z", 11, precision=9), literal(3, 2, "string", "P1", 13),
    ],
}  # fmt: skip


@pytest.fixture
def told(tmp_path):
    tiny_kb.write(tmp_path / "kb", TABLES, name="small")

    def facts(eid=0, **how):
        prepare(gather([tmp_path / "kb"])[0], tmp_path / "facts", **how)
        found = opening.opened(tmp_path / "facts")
        _, rows = found.of(np.array([eid]))
        pairs = zip(found.predicates(rows).to_pylist(), found.objects(rows).to_pylist(), strict=True)
        return [" ".join(pair) for pair in pairs]

    return facts


def test_facts_follow_in_the_order_of_the_file_and_deprecated_ones_are_left_out(told):
    assert told(literals="none") == ["P3 Q5", "lake Léman", "country Switzerland"]
    assert told(4, literals="none") == ["country Geneva"]
    assert told(1) == []


def test_nothing_is_told_of_a_property_for_text_says_it_and_is_not_about_it(told):
    assert told(3, literals="all") == []


def test_values_are_written_as_people_do(told):
    assert told() == [
        "P3 Q5", "lake Léman", "P3 12.5", "P3 Genf", "country Switzerland", "P3 城", "P3 1971-03",
        "P3 -0044-03-15", "P3 1500",
    ]  # fmt: skip
    assert told(literals="all")[2] == "P3 x12"


def test_labels_in_a_language(told):
    assert told(lang="zh", literals="none") == ["P3 Q5", "lake Léman", "国家 瑞士"]
    assert told(4, lang="zh") == ["国家 日内瓦"]
    assert [one for one in told(lang="zh") if "城" in one or "Genf" in one] == ["P3 城"]


def test_unknown_numbers_have_no_facts(told, tmp_path):
    told()
    found = opening.opened(tmp_path / "facts")
    assert found.counts(np.array([-2, -1, 0, 1, 99])).tolist() == [0, 0, 9, 0, 0]
    offsets, rows = found.of(np.array([99, 4, -1, 4]))
    assert offsets.tolist() == [0, 0, 1, 1, 2]
    assert found.heads(rows).tolist() == [4, 4]


def test_base_and_overlays_are_one(tmp_path):
    tiny_kb.write(tmp_path / "kb", TABLES, name="small")
    manifest = gather([tmp_path / "kb"])[0].kb.manifest
    base = KbRef(name="small", content=manifest.content)
    more = {"relations": [{"rid": 3, "id": "P9", "label": "river"}], "triples": [triple(0, 3, 4, 1)]}
    over = tiny_kb.write(tmp_path / "over", more, name="over", base=base)
    also = tiny_kb.write(
        tmp_path / "also",
        {"relations": [{"rid": 3, "id": "P8", "label": "mayor"}], "triples": [triple(0, 3, 1, 30)]},
        name="also",
        base=base,
    )
    prepare(gather([tmp_path / "kb", over, also])[0], tmp_path / "facts", literals="none")
    found = opening.opened(tmp_path / "facts")
    _, rows = found.of(np.array([0]))
    assert found.predicates(rows).to_pylist() == ["river", "P3", "lake", "country", "mayor"]
    assert found.relation_ids.to_pylist() == ["P1", "P2", "P3", "P9", "P8"]
