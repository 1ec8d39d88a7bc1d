"""Names of entities and entities of types, beside triples."""

from __future__ import annotations

from pathlib import Path

import pytest

from kbtools.errors import ConfigError
from tests import tiny_kb
from tests.test_shards_triples import opened, table


def surface(eid, text, lang="en", source="alias"):
    return {
        "eid": eid,
        "text": text,
        "lang": lang,
        "source": source,
        "pos": None,
        "count": None,
        "atom": None,
    }


@pytest.fixture
def world(tmp_path: Path) -> Path:
    tables = tiny_kb.world()
    tables["surfaces"] = [
        surface(3, "The City", source="redirect"),
        surface(3, "berlin"),
        surface(3, "柏林", "zh", "label"),
        surface(3, "Berlin", "en", "label"),
        surface(3, "Berlin", "en", "alias"),
        surface(4, "Germany", "en", "label"),
        surface(2, " "),
    ]
    tables["surfaces"].sort(key=lambda row: row["text"])
    return tiny_kb.write(tmp_path / "kb", tables)


def test_names_begin_with_the_label_and_stand_once(tmp_path, world):
    here = opened(tmp_path / "w", [world])
    rows = table(here, "aliases", "aliases=true")
    assert [row["eid"] for row in rows] == list(range(len(rows)))
    named = {row["eid"]: row["names"] for row in rows if row["names"]}
    label = rows[3]["names"][0]
    assert label == here.bases[0].kb.table("entities", ["label"])["label"][3].as_py()
    assert named == {3: [label, *sorted({"Berlin", "The City", "berlin", "柏林"} - {label})], 4: ["Germany"]}
    for row in rows:
        assert [here.tokenizer.decode(ids).replace(" ", "") for ids in row["name_ids"]] == [
            here.tokenizer.decode(here.tokenizer.encode([name]).ids).replace(" ", "") for name in row["names"]
        ]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (["langs=zh"], ["柏林"]),
        (["sources=label"], ["柏林", "Berlin"]),  # the label of the entity is Chinese
        (["sources=label,alias", "langs=en"], ["Berlin", "berlin"]),
    ],
)
def test_names_that_are_wanted(tmp_path, world, settings, names):
    here = opened(tmp_path / "w", [world])
    assert table(here, "aliases", "aliases=true", *settings)[3]["names"] == names


def test_types_have_entities_with_a_name(tmp_path, world):
    here = opened(tmp_path / "w", [world])
    told = here.bases[0].kb.table("types", ["eid", "type"]).to_pylist()
    found = {row["type"]: row["entities"] for row in table(here, "types", "types=true")}
    wanted: dict[int, list[int]] = {}
    for row in told:
        if row["eid"] in {3, 4}:
            wanted.setdefault(row["type"], []).append(row["eid"])
    assert wanted
    assert found == wanted
    assert list(found) == sorted(found)
    assert 4 not in {
        one for some in table(here, "types", "types=true", "langs=zh") for one in some["entities"]
    }


def test_tables_are_there_if_asked_for(tmp_path, world):
    here = opened(tmp_path / "w", [world])
    with pytest.raises(KeyError):
        table(here, "aliases")


def test_a_table_that_would_be_empty_is_refused(tmp_path):
    tables = tiny_kb.world()
    del tables["types"]
    here = opened(tmp_path / "w", [tiny_kb.write(tmp_path / "kb", tables)])
    with pytest.raises(
        ConfigError, match=r"kb: has no types of entities; do without: -o triples\.types=false"
    ):
        table(here, "types", "types=true")
    with pytest.raises(ConfigError, match=r"kb: has no names; do without: -o triples\.aliases=false"):
        table(here, "aliases", "aliases=true")


def test_a_source_that_is_not_there_is_refused(tmp_path, world):
    here = opened(tmp_path / "w", [world])
    with pytest.raises(ConfigError, match=r"no names from 'odd' in .*kb; there are alias, label, redirect$"):
        table(here, "aliases", "aliases=true", "sources=label,odd")
