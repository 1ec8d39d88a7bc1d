"""The tiny world is true to the dump's format, closed, and rebuilt to the byte from its tables."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
FILES = ("wikidata.json.gz", "wikidata-next.json.gz", "redirects.nt.gz")
DATATYPES = {
    "wikibase-item",
    "wikibase-property",
    "string",
    "external-id",
    "monolingualtext",
    "time",
    "quantity",
    "globe-coordinate",
    "url",
    "commonsMedia",
    "math",
}
# Calendars and the globe are written as addresses; the reader needs no item for them.
OUTSIDE = {"Q1985727", "Q1985786"}

Entities = dict[str, dict[str, Any]]


def text_of(name: str) -> str:
    return gzip.decompress((SAMPLE / name).read_bytes()).decode()


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_build", SAMPLE / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def world() -> Entities:
    return {entity["id"]: entity for entity in json.loads(text_of("wikidata.json.gz"))}


@pytest.fixture(scope="module")
def later() -> Entities:
    return {entity["id"]: entity for entity in json.loads(text_of("wikidata-next.json.gz"))}


def statements(entities: Entities) -> Iterator[tuple[str, dict[str, Any]]]:
    for entity in entities.values():
        for holder in (entity, *entity.get("senses", [])):
            # `[]` stands for an empty map.
            for group in dict(holder["claims"]).values():
                yield from ((holder["id"], claim) for claim in group)


def snaks(entities: Entities) -> Iterator[dict[str, Any]]:
    for _, claim in statements(entities):
        yield claim["mainsnak"]
        for part in (claim.get("qualifiers", {}), *(ref["snaks"] for ref in claim.get("references", []))):
            for group in part.values():
                yield from group


def called(entities: Entities, name: str) -> set[str]:
    """Entities with this label or alias in English or Chinese."""
    found = set()
    for id_, entity in entities.items():
        if entity["type"] != "item":
            continue
        texts = [term["value"] for term in dict(entity["labels"]).values()]
        texts += [term["value"] for terms in dict(entity["aliases"]).values() for term in terms]
        if name in texts:
            found.add(id_)
    return found


def test_the_tables_rebuild_the_committed_files(builder):
    assert {name: text_of(name) for name in FILES} == builder.build()


@pytest.mark.parametrize("name", FILES[:2])
def test_a_dump_is_one_entity_a_line(name):
    first, *lines, last = text_of(name).splitlines()
    assert (first, last) == ("[", "]")
    assert all(line.endswith(",") for line in lines[:-1])
    ids = [json.loads(line.rstrip(","))["id"] for line in lines]
    assert len(ids) == len(set(ids))


def test_it_is_large_enough_and_small_enough(world):
    kinds = Counter(entity["type"] for entity in world.values())
    assert kinds["item"] >= 300
    assert kinds["property"] >= 100
    assert kinds["lexeme"] >= 4
    assert sum(1 for _ in statements(world)) >= 2900
    assert all((SAMPLE / name).stat().st_size < 300_000 for name in FILES)


def test_ranks_qualifiers_references_and_datatypes_all_occur(world):
    claims = [claim for _, claim in statements(world)]
    ranks = Counter(claim["rank"] for claim in claims)
    assert ranks["preferred"] > 100
    assert ranks["deprecated"] > 3
    assert sum("qualifiers" in claim for claim in claims) > 300
    assert sum("references" in claim for claim in claims) > 300
    assert {snak["datatype"] for snak in snaks(world)} == DATATYPES
    assert {snak["snaktype"] for snak in snaks(world)} == {"value", "somevalue", "novalue"}
    times = [
        snak["datavalue"]["value"]
        for snak in snaks(world)
        if snak["datatype"] == "time" and "datavalue" in snak
    ]
    assert {time["precision"] for time in times} == {3, 7, 8, 9, 10, 11}
    assert len({time["calendarmodel"] for time in times}) == 2


def test_statement_ids_name_their_entity_and_are_unique(world):
    ids = []
    for subject, claim in statements(world):
        assert claim["id"].split("$")[0] == subject
        ids.append(claim["id"])
    assert len(ids) == len(set(ids))


def test_every_property_used_is_in_the_world(world):
    for snak in snaks(world):
        assert world[snak["property"]]["datatype"] == snak["datatype"]


def test_every_target_is_in_the_world(world):
    targets = set()
    for snak in snaks(world):
        value = snak.get("datavalue", {"type": snak["snaktype"]})
        if value["type"] == "wikibase-entityid":
            entity = value["value"]
            targets.add(entity.get("id") or f"Q{entity['numeric-id']}")
        elif value["type"] == "quantity" and value["value"]["unit"] != "1":
            targets.add(value["value"]["unit"].rpartition("/")[2])
        elif value["type"] == "time":
            targets.add(value["value"]["calendarmodel"].rpartition("/")[2])
        elif value["type"] == "globecoordinate":
            targets.add(value["value"]["globe"].rpartition("/")[2])
    assert targets - world.keys() == OUTSIDE


def test_nearly_all_have_english_and_chinese_labels(world):
    named = [entity for entity in world.values() if entity["type"] != "lexeme"]
    without = [entity["id"] for entity in named if not {"en", "zh"} <= set(entity["labels"])]
    assert sorted(without) == ["Q13406268", "Q15397819"]  # the sandboxes


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("Jordan", {"Q810", "Q41421", "Q3308285", "Q40059", "Q55428"}),
        ("Apple", {"Q312", "Q89", "Q213710"}),
        ("Paris", {"Q90", "Q830149", "Q47899", "Q167646"}),
        ("Mercury", {"Q308", "Q925", "Q1150"}),
        ("Python", {"Q28865", "Q271218", "Q16402"}),
        ("Java", {"Q251", "Q3757"}),
        ("Amazon", {"Q3884", "Q3783"}),
        ("Cambridge", {"Q350", "Q49111", "Q35794"}),
        ("Washington", {"Q23", "Q61", "Q1223"}),
        ("Lincoln", {"Q91", "Q28260", "Q32433"}),
        ("苹果", {"Q89", "Q312"}),
        ("长城", {"Q12501", "Q1117001"}),
        ("约旦", {"Q810", "Q40059"}),
    ],
)
def test_a_name_is_ambiguous_on_purpose(world, name, some):
    assert some <= called(world, name)


def test_the_oddities_are_as_documented(world):
    empty = world["Q15397819"]
    assert [empty[field] for field in ("labels", "aliases", "claims", "sitelinks")] == [[], [], [], []]
    sandbox = world["Q4115189"]["claims"]
    assert "id" not in sandbox["P31"][0]["mainsnak"]["datavalue"]["value"]
    assert {claim["rank"] for claim in sandbox["P36"]} == {"deprecated"}
    cycle = [
        world[id_]["claims"]["P279"][0]["mainsnak"]["datavalue"]["value"]["id"]
        for id_ in ("Q4115189", "Q13406268")
    ]
    assert cycle == ["Q13406268", "Q4115189"]
    start = world["Q1"]["claims"]["P580"][0]["mainsnak"]["datavalue"]["value"]
    assert (start["time"], start["precision"]) == ("-13798000000-00-00T00:00:00Z", 3)


def test_the_next_release_differs_as_documented(world, later):
    merged = {"Q4830453", "Q112193867", "Q158657"}
    assert world.keys() - later.keys() == merged | {"Q18479", "Q212406"}
    assert later.keys() - world.keys() == {"Q23548", "Q7809", "Q9584", "Q20718"}
    redirects = [line.split() for line in text_of("redirects.nt.gz").splitlines()]
    assert {line[0].strip("<>").rpartition("/")[2] for line in redirects} == merged
    assert all(line[2].strip("<>").rpartition("/")[2] in later for line in redirects)
    assert later["Q43"]["labels"]["en"]["value"] == "Türkiye"
    changed = {id_ for id_ in world.keys() & later.keys() if world[id_] != later[id_]}
    assert changed == {"Q43", "Q61", "Q37156", "Q312", "Q339", "Q20", "Q34"}
