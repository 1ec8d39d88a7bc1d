"""Values, ranks and qualifiers worked out by hand; bad ones are named and the rest of the entity stays."""

from __future__ import annotations

import json
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import api
from kbtools.errors import KbError, TaskError
from kbtools.io import Block
from kbtools.sources.wikidata.decode import Reader
from tests import make_entities, oracle_wikidata

URL = "http://www.wikidata.org/entity/"
GREGORIAN, JULIAN = f"{URL}Q1985727", f"{URL}Q1985786"
Tables = dict[str, list[dict[str, Any]]]


def snak(kind: str, value: Any, datatype: str | None = None) -> dict[str, Any]:
    found = {"snaktype": "value", "property": "P17", "datavalue": {"type": kind, "value": value}}
    return found | ({"datatype": datatype} if datatype else {})


def said(main: Any, rank: str = "normal", **more: Any) -> dict[str, Any]:
    return {"mainsnak": main, "rank": rank, "type": "statement", **more}


def item(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"type": "item", "id": "Q1", "claims": {"P17": list(statements)}, **more}


def ingest(folder: Path, *lines: Any, **options: Any) -> Tables:
    """Read records (or lines as bytes) and return the tables, with ids."""
    dump = folder / "dump.json"
    dump.write_bytes(b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines))
    api.ingest("wikidata", [dump], folder / "kb", overwrite=True, restart=True, **options)
    return oracle_wikidata.joined(folder / "kb")


def literal(main: dict[str, Any]) -> dict[str, Any]:
    """Return what is not null of the literal that the reader makes of a value."""
    reader = Reader(langs=["en"], select=None, literals=True, qualifiers=True)
    tables = dict(reader.tables(Block(json.dumps(item(said(main))).encode(), 0, 0)))
    assert reader.rejects == []
    assert tables["triples"].num_rows == 0
    (row,) = tables["literals"].to_pylist()
    about = {"row", "relation", "rank", "best", "statement"}
    return {k: v for k, v in row.items() if k not in about and v is not None}


def reasons(tables: Tables) -> list[str]:
    return [row["reason"] for row in tables["rejects"]]


@pytest.mark.parametrize(
    ("time", "year"),
    [
        ("+1952-03-11T00:00:00Z", 1952),
        ("+2013-00-00T00:00:00Z", 2013),
        ("-0044-03-15T00:00:00Z", -44),
        ("-13798000000-00-00T00:00:00Z", -13798000000),
        ("+00000012024-01-01T00:00:00Z", 12024),
        ("+10191-01-01T00:00:00Z", 10191),
        ("+0000-01-01T00:00:00Z", 0),
        ("1066-10-14", 1066),
    ],
)
def test_the_number_of_a_time_is_its_year(time, year):
    value = {"time": time, "precision": 9, "calendarmodel": GREGORIAN, "before": 0, "timezone": 0}
    assert literal(snak("time", value, "time")) == {
        "datatype": "time", "value": time, "number": float(year), "precision": 9, "calendar": "gregorian",
    }  # fmt: skip


@pytest.mark.parametrize(("model", "name"), [(JULIAN, "julian"), (f"{URL}Q12138", "Q12138")])
def test_calendars(model, name):
    value = {"time": "+1066-10-14T00:00:00Z", "precision": 11, "calendarmodel": model}
    assert literal(snak("time", value))["calendar"] == name


@pytest.mark.parametrize(
    ("amount", "unit", "number", "name"),
    [
        ("+1.80", f"{URL}Q11573", 1.8, "Q11573"),
        ("-7", "1", -7.0, None),
        ("+98765432109876543210", "1", 98765432109876543210.0, None),
        ("+0.1", "https://www.wikidata.org/entity/Q199", 0.1, "Q199"),
        ("+1e400", "1", float("inf"), None),
    ],
)
def test_amounts_keep_their_text_and_lose_their_bounds(amount, unit, number, name):
    value = {"amount": amount, "unit": unit, "upperBound": "+9", "lowerBound": "-9"}
    expected = {"datatype": "quantity", "value": amount, "number": number} | ({"unit": name} if name else {})
    assert literal(snak("quantity", value, "quantity")) == expected


@pytest.mark.parametrize(
    ("globe", "unit"), [("Q2", {}), ("Q111", {"unit": "Q111"}), (None, {})], ids=["Earth", "Mars", "none"]
)
def test_coordinates_name_their_globe_where_it_is_not_the_earth(globe, unit):
    value = {"latitude": 22.5, "longitude": -137, "altitude": None, "globe": globe and URL + globe}
    expected = {"datatype": "globe-coordinate", "value": "22.5,-137.0", **unit}
    assert literal(snak("globecoordinate", value)) == expected


def test_texts():
    value = {"text": "Ἀθῆναι", "language": "grc"}
    expected = {"datatype": "monolingualtext", "value": "Ἀθῆναι", "lang": "grc"}
    assert literal(snak("monolingualtext", value)) == expected
    assert literal(snak("string", "a.jpg", "commonsMedia")) == {
        "datatype": "commonsMedia",
        "value": "a.jpg",
    }
    assert literal(snak("string", "")) == {"datatype": "string", "value": ""}


@pytest.mark.parametrize("kind", ["somevalue", "novalue"])
def test_no_value_and_some_value_are_datatypes(kind):
    main = {"snaktype": kind, "property": "P17", "datatype": "time"}
    assert literal(main) == {"datatype": kind, "value": ""}


def test_an_unknown_datatype_is_kept():
    expected = {"datatype": "musical-score", "value": "c d e"}
    assert literal(snak("string", "c d e", "musical-score")) == expected


def test_an_unknown_type_of_value_is_kept_as_json():
    value = {"depth": 3, "phase": [None, True, "é"]}
    expected = {"datatype": "hologram", "value": '{"depth":3,"phase":[null,true,"é"]}'}
    assert literal(snak("hologram", value)) == expected
    assert literal(snak("hologram", value, "picture")) == {**expected, "datatype": "picture"}


@pytest.mark.parametrize(
    "value",
    [
        {"entity-type": "item", "numeric-id": 2, "id": "Q2"},
        {"entity-type": "item", "numeric-id": 2},
        {"entity-type": "item", "id": "Q2"},
        {"id": "Q2"},
    ],
)
def test_references_with_and_without_an_id(value, tmp_path):
    tables = ingest(tmp_path, item(said(snak("wikibase-entityid", value))), {"type": "item", "id": "Q2"})
    assert [(row["head"], row["relation"], row["tail"]) for row in tables["triples"]] == [("Q1", "P17", "Q2")]
    assert tables["literals"] == tables["rejects"] == []
    assert [(row["in_degree"], row["out_degree"]) for row in tables["entities"]] == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        ({"entity-type": "item", "numeric-id": 3}, "entity-id"),
        ({"entity-type": "lexeme", "numeric-id": 3, "id": "L3"}, "entity-id"),
        ({"entity-type": "form", "id": "L3-F1"}, "wikibase-form"),
        ({"entity-type": "sense", "id": "L3-S1"}, "wikibase-sense"),
        ({"entity-type": "entity-schema", "id": "E10"}, "entity-schema"),
        ({"entity-type": "planet", "id": "Z4"}, "planet"),
    ],
)
def test_references_to_what_is_not_here_keep_the_id(value, datatype, tmp_path):
    (row,) = ingest(tmp_path, item(said(snak("wikibase-entityid", value, datatype))))["literals"]
    assert (row["datatype"], row["value"]) == (datatype, value.get("id", "Q3"))


# ranks and qualifiers


@pytest.mark.parametrize(
    ("ranks", "best"),
    [
        ("normal normal", [True, True]),
        ("normal preferred preferred", [False, True, True]),
        ("deprecated normal", [False, True]),
        ("deprecated preferred normal", [False, True, False]),
        ("deprecated deprecated", [False, False]),
    ],
)
@pytest.mark.parametrize("around", [{}, {"P1": [], "P9": []}], ids=["alone", "empty groups around"])
def test_best_is_preferred_else_normal_and_never_deprecated(ranks, best, around, tmp_path):
    group = [said(snak("string", str(place)), rank) for place, rank in enumerate(ranks.split())]
    claims = {**dict(list(around.items())[:1]), "P17": group, **dict(list(around.items())[1:])}
    rows = ingest(tmp_path, {"type": "item", "id": "Q1", "claims": claims})["literals"]
    rows.sort(key=lambda row: row["statement"])
    codes = {"deprecated": -1, "normal": 0, "preferred": 1}
    assert [(row["value"], row["rank"], row["best"]) for row in rows] == [
        (str(place), codes[rank], best[place]) for place, rank in enumerate(ranks.split())
    ]


def test_best_is_chosen_for_each_relation_and_over_all_kinds_of_values(tmp_path):
    claims = {
        "P17": [said(snak("string", "a"), "preferred"), said({"snaktype": "novalue"})],
        "P31": [said(snak("wikibase-entityid", {"id": "Q1"})), said(snak("string", "b"), "preferred")],
        "P2": [said(snak("string", "id"), "deprecated")],
    }
    tables = ingest(tmp_path, {"type": "item", "id": "Q1", "claims": claims})
    best = {row["value"]: row["best"] for row in tables["literals"]}
    assert best == {"a": True, "": False, "b": True, "id": False}
    assert [row["best"] for row in tables["triples"]] == [False]
    assert tables["types"] == []  # the best P31 is no entity


def test_external_ids_of_best_statements_are_cross_references(tmp_path):
    group = [
        said(snak("string", "old", "external-id"), "deprecated"),
        said(snak("string", "n1", "external-id")),
        said(snak("string", "not one", "string")),
    ]
    for options in ({}, {"literals": False}):
        tables = ingest(tmp_path, item(*group), **options)
        assert tables["xref"] == [{"eid": "Q1", "scheme": "P17", "value": "n1"}]
        assert ("literals" in tables) is (options == {})


def test_a_type_stated_twice_is_one_row(tmp_path):
    human = snak("wikibase-entityid", {"id": "Q5"})
    tables = ingest(
        tmp_path,
        {
            "type": "item",
            "id": "Q1",
            "claims": {"P31": [said(human), said(human, qualifiers={"P1": [human]})]},
        },
        {"type": "item", "id": "Q5"},
    )
    assert tables["types"] == [{"eid": "Q1", "type": "Q5"}]
    assert len(tables["triples"]) == 2


def test_qualifiers_are_numbered_within_their_statement(tmp_path):
    here, text = snak("wikibase-entityid", {"id": "Q1"}), snak("string", "x")
    amount = snak("quantity", {"amount": "+3", "unit": f"{URL}Q2"})
    first = said(text, qualifiers={"P9": [text, here], "P2": [amount], "P3": []})
    second = said(
        text, qualifiers={"P2": [snak("wikibase-entityid", {"id": "Q77"}), {"snaktype": "novalue"}]}
    )
    rows = ingest(tmp_path, item(said(text), first, said(text, qualifiers=[]), second))["qualifiers"]
    keys = ("statement", "ord", "relation", "tail", "datatype", "value", "number", "unit")
    assert [
        tuple(row[key] for key in keys) for row in sorted(rows, key=lambda r: (r["statement"], r["ord"]))
    ] == [
        (1, 0, "P9", None, "string", "x", None, None),
        (1, 1, "P9", "Q1", None, None, None, None),
        (1, 2, "P2", None, "quantity", "+3", 3.0, "Q2"),
        (3, 0, "P2", None, "entity-id", "Q77", None, None),
        (3, 1, "P2", None, "novalue", "", None, None),
    ]


# what is bad is left out, named, and nothing else with it

GOOD = snak("string", "good")


BAD = [
    *make_entities.BAD,
    snak("quantity", {"amount": None}),
    snak("quantity", "5"),
    snak("time", {"time": "long ago", "precision": 9, "calendarmodel": GREGORIAN}),
    snak("time", {"time": "+1-01", "precision": 300, "calendarmodel": GREGORIAN}),
    snak("time", {"time": "+1-01", "precision": 2**80, "calendarmodel": GREGORIAN}),
    snak("globecoordinate", {"latitude": None, "longitude": 1}),
    snak("wikibase-entityid", {"entity-type": "item", "numeric-id": 2**31}),
    snak("wikibase-entityid", {"entity-type": "item", "numeric-id": 2**80}),
    snak("wikibase-entityid", "Q5"),
    snak("monolingualtext", {"text": "no language"}),
    snak("string", {"not": "text"}),
    {"snaktype": ["value"]},
    [],
]


def test_a_bad_statement_is_left_out_by_name(tmp_path):
    lines = [
        item(said(GOOD), said(bad), said(GOOD, qualifiers={"P2": [bad]}), said(GOOD), id=f"Q{number}")
        for number, bad in enumerate(BAD, 1)
    ]
    tables = ingest(tmp_path, *lines)
    assert [reason.partition(" left out: ")[0] for reason in reasons(tables)] == [
        f"statement P17 of Q{number}" for number in range(1, len(BAD) + 1) for _ in "12"
    ]
    assert [row["line"] for row in tables["rejects"]] == [n for n in range(1, len(BAD) + 1) for _ in "12"]
    assert len({row["byte"] for row in tables["rejects"]}) == len(BAD)
    assert [(row["head"], row["value"]) for row in tables["literals"]] == [
        (f"Q{number}", "good") for number in range(1, len(BAD) + 1) for _ in "12"
    ]
    assert tables["qualifiers"] == []


def test_a_bad_property_id_is_refused_by_name(tmp_path):
    names = ["Q5", "P0", "p31", "P", "", "P1 ", "P99999999999", "P１"]
    lines = [
        {
            "type": "item",
            "id": f"Q{number}",
            "claims": {name: [said(GOOD)], "P17": [said(GOOD, qualifiers={name: [GOOD]}), said(GOOD)]},
        }
        for number, name in enumerate(names, 1)
    ]
    tables = ingest(tmp_path, *lines)
    assert [row["value"] for row in tables["literals"]] == ["good"] * len(names)
    assert sorted(reasons(tables)) == sorted(
        f"statement {stated} of Q{number} left out: {name!r} is not a property id"
        for number, name in enumerate(names, 1)
        for stated in (name, "P17")
    )


NO_ENTITY: list[tuple[Any, str]] = [
    ({"type": "property", "id": "Q2"}, "Q2 says that it is of type 'property'"),
    ({"type": "item", "id": "L2"}, "L2 says that it is of type 'item'"),
    ({"type": ["item"], "id": "Q2"}, "Q2 says that it is of type ['item']"),
    ({"type": "item", "id": f"Q{2**31}"}, f"not an entity: its id is 'Q{2**31}'"),
    ({"type": "item", "id": 2}, "not an entity: its id is 2"),
    ({"type": "item", "id": "Q02"}, "not an entity: its id is 'Q02'"),
    ({"type": "item", "id": None}, "not an entity: it has no id"),
    ({}, "not an entity: it has no id"),
    ([1], "not an entity: a JSON int"),  # brackets are of the whole dump
    ("text", "not an entity: a JSON str"),
    (None, "not an entity: a JSON NoneType"),
]


def test_what_is_no_entity(tmp_path):
    tables = ingest(tmp_path, {"id": "Q1"}, *(record for record, _ in NO_ENTITY), {"id": "Q3"})
    assert [row["id"] for row in tables["entities"]] == ["Q1", "Q3"]
    expected = [(line, reason) for line, (_, reason) in enumerate(NO_ENTITY, 2)]
    assert [(row["line"], row["reason"]) for row in tables["rejects"]] == expected


@pytest.mark.parametrize("langs", [["en", "zh"], ["all"]], ids=str)
def test_what_stands_where_a_map_should_costs_that_field_only(langs, tmp_path):
    fields = ["labels", "aliases", "claims", "sitelinks", "forms", "senses", "lemmas"]
    odd: list[Any] = ["text", 5, True, 0, "", [1], {"en": 1}, {"en": None, "zh": 7}]
    lines, expected = [], []
    for number, (field, value) in enumerate(product(fields, odd), 1):
        kind = "lexeme" if field in {"forms", "senses", "lemmas"} else "item"
        name = f"{'L' if kind == 'lexeme' else 'Q'}{number}"
        lines.append({"type": kind, "id": name, field: value, "descriptions": {"en": {"value": "fine"}}})
        expected.append(name)
    tables = ingest(tmp_path, *lines, langs=langs)
    assert [row["id"] for row in tables["entities"]] == expected
    assert len(tables["descriptions"]) == sum(name[0] == "Q" for name in expected)
    assert {row["line"] for row in tables["rejects"]} == set(range(1, len(lines) + 1))
    for row in tables["rejects"]:
        field = fields[(row["line"] - 1) // len(odd)]
        assert row["reason"].startswith((field, "statement ") if field == "claims" else field)


def test_one_bad_term_does_not_cost_the_others(tmp_path):
    labels = {"de": None, "en": {"value": "one"}, "fr": "un", "zh": {"value": "一"}}
    tables = ingest(tmp_path, {"type": "item", "id": "Q1", "labels": labels}, langs=["all"])
    assert [(row["lang"], row["text"]) for row in tables["labels"]] == [("en", "one"), ("zh", "一")]
    assert [reason.partition(" left")[0] for reason in reasons(tables)] == [
        "labels de of Q1",
        "labels fr of Q1",
    ]


def test_null_everywhere_is_an_empty_entity(tmp_path):
    fields = ["labels", "descriptions", "aliases", "claims", "sitelinks", "forms", "senses", "lemmas"]
    nothing = dict.fromkeys([*fields, "lexicalCategory", "lastrevid", "modified"])
    tables = ingest(tmp_path, *({"id": name, **nothing} for name in ("Q1", "P1", "L1")))
    assert [row["kind"] for row in tables["entities"]] == ["item", "property", "lexeme"]
    assert tables["rejects"] == []


@pytest.mark.parametrize("odd", [b'"x":1e400', b'"x":"\\ud800"', b'"references":"\xff"'], ids=repr)
def test_what_becomes_of_a_line_does_not_depend_on_its_neighbours(odd, tmp_path):
    line = b'{"type":"item","id":"Q2",' + odd + b',"labels":{}}'
    alone = ingest(tmp_path, b'{"type":"item","id":"Q1"}', line)
    beside = ingest(tmp_path, b'{"type":"item","id":"Q1"}', line, b'{"type":"item"}')
    assert [row["id"] for row in alone["entities"]] == [row["id"] for row in beside["entities"]]
    assert len(beside["rejects"]) == len(alone["rejects"]) + 1


@pytest.mark.parametrize("name", ["lone surrogate", "absurd number", "deep", "deep and broken", "huge id"])
def test_absurd_lines_cost_themselves_only(name, tmp_path):
    text = {
        "lone surrogate": b'{"type":"item","id":"Q2","labels":{"en":{"value":"\\ud800"}}}',
        "absurd number": json.dumps(
            {**item(said(snak("globecoordinate", {"latitude": 99999, "longitude": 1}))), "id": "Q2"}
        ).encode().replace(b"99999", b"1e400"),
        "deep": b'{"type":"item","id":"Q2","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "deep and broken": b'{"type":"item","id":"Q2","labels":' + b'{"en":' * 100_000,
        "huge id": b'{"type":"item","id":"' + b"Q" * 3_000_000 + b'"}',
    }[name]  # fmt: skip
    tables = ingest(tmp_path, {"id": "Q1"}, text, {"id": "Q3"})
    assert [row["id"] for row in tables["entities"]] == ["Q1", "Q3"]
    (reject,) = tables["rejects"]
    assert reject["line"] == 2
    assert len(reject["reason"]) <= 500
    assert len(reject["snippet"]) <= 200


def test_a_line_of_megabytes(tmp_path):
    names = [{"language": "en", "value": f"name {number}"} for number in range(70_000)]
    many = [said(snak("string", "x" * 100)) for _ in range(30_000)]
    record = item(*many, aliases={"en": names}, sitelinks={f"s{n}": {"title": "t"} for n in range(70_000)})
    assert len(json.dumps(record)) > 9_000_000
    tables = ingest(tmp_path, {"id": "Q2"}, record, {"id": "Q3"})
    assert [row["id"] for row in tables["entities"]] == ["Q2", "Q1", "Q3"]
    assert len(tables["surfaces"]) == len(tables["sitelinks"]) == 70_000
    assert tables["entities"][1]["sitelinks"] == 65_535  # as many as the column can hold
    assert len(tables["literals"]) == 30_000


def test_more_qualifiers_than_can_be_numbered(tmp_path):
    fine, beyond = ({"P2": [GOOD] * number} for number in (65_536, 65_537))
    tables = ingest(tmp_path, item(said(GOOD, qualifiers=fine), said(GOOD, qualifiers=beyond)))
    assert max(row["ord"] for row in tables["qualifiers"]) == 65_535
    assert len(tables["qualifiers"]) == 65_536
    assert len(tables["literals"]) == 1
    assert len(tables["rejects"]) == 1


def test_the_largest_id_is_an_entity(tmp_path):
    last = f"Q{2**31 - 1}"
    to_last = snak("wikibase-entityid", {"entity-type": "item", "numeric-id": 2**31 - 1})
    tables = ingest(tmp_path, item(said(to_last)), {"type": "item", "id": last})
    assert [row["tail"] for row in tables["triples"]] == [last]


# languages


def test_a_language_asked_for_twice_is_asked_for_once(tmp_path):
    labels = {lang: {"value": lang} for lang in ("en", "mul", "zh")}
    tables = ingest(tmp_path, {"id": "Q1", "labels": labels}, langs=["zh", "en", "zh"])
    assert sorted(row["lang"] for row in tables["labels"]) == ["en", "mul", "zh"]
    assert tables["entities"][0]["label"] == "zh"


@pytest.mark.parametrize("lang", ["", "en ", 'e"n', "e\\n", "en,zh", "*"])
def test_what_is_no_language_is_refused(lang, tmp_path):
    with pytest.raises(KbError, match="is not a language such as en or zh-hans"):
        ingest(tmp_path, {"id": "Q1"}, langs=["en", lang])


# garbage

WHOLE = json.dumps(
    {
        "type": "item",
        "id": "Q42",
        "labels": {"en": {"language": "en", "value": "Douglas"}},
        "aliases": {"en": [{"language": "en", "value": "DNA"}]},
        "claims": {
            "P31": [said(snak("wikibase-entityid", {"entity-type": "item", "numeric-id": 5, "id": "Q5"}))],
            "P569": [
                said(
                    snak("time", {"time": "+1952-03-11T00:00:00Z", "precision": 11, "calendarmodel": JULIAN}),
                    qualifiers={"P2": [snak("quantity", {"amount": "+1", "unit": "1"})]},
                ),
                said({"snaktype": "novalue", "property": "P569"}, "deprecated"),
            ],
            "P625": [said(snak("globecoordinate", {"latitude": 1.5, "longitude": 2}))],
        },
        "sitelinks": {"enwiki": {"site": "enwiki", "title": "Douglas Adams"}},
    },
    separators=(",", ":"),
).encode()
BYTES = st.sampled_from([*b'"{}[],:\\0-+eEQPnull\xff\x00\xc3 \t', 0x80])  # but no newline: lines are counted


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    line = bytearray(WHOLE)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(1, len(line) - 1))
        match draw(st.sampled_from(["change", "cut", "put", "end"])):
            case "change":
                line[at] = draw(BYTES)
            case "cut":
                del line[at : at + draw(st.integers(1, 40))]
            case "put":
                line.insert(at, draw(BYTES))
            case _ if draw(st.integers(0, 3)) == 0:
                del line[at:]
        if len(line) < 3:
            break
    return bytes(line)


@given(st.lists(damaged(), min_size=1, max_size=30), st.sampled_from([["en"], ["all"]]))
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_a_damaged_line_is_read_or_rejected_and_never_lost(lines, langs):
    with tempfile.TemporaryDirectory() as folder:
        dump, out = Path(folder) / "dump.json", Path(folder) / "kb"
        whole = [WHOLE.replace(b"Q42", b"Q%d" % (100 + n)) for n in range(2)]
        dump.write_bytes(b"\n".join([whole[0], *lines, whole[1]]))
        try:
            made = api.ingest("wikidata", [dump], out, langs=langs)
        except TaskError:
            raise AssertionError("a task failed") from None
        rejects = pq.read_table(out / "rejects").to_pylist()
        reading = pq.read_table(out / "entities")["id"].to_pylist()
        assert len(rejects) == made.counts["rejected"]
        assert reading[0] == "Q100"
        assert reading[-1] == "Q101"
        skipped = sum(n for what, n in made.counts.items() if what.startswith("skipped"))
        bare = sum(not line.strip(b"[], \t\r\n") for line in lines)
        lost = {row["line"] for row in rejects}
        assert len(reading) + skipped + len(lost) + bare >= len(lines) + 2
        assert lost <= set(range(2, len(lines) + 2))


LEXEME = {
    "type": "lexeme",
    "id": "L7",
    "lemmas": {"en": {"language": "en", "value": "go"}},
    "lexicalCategory": "Q24905",
    "claims": {},
    "forms": [{"id": "L7-F1", "representations": {"en": {"value": "goes"}}, "claims": {"P17": [said(GOOD)]}}],
    "senses": {"2": {"id": "L7-S2", "glosses": {"en": {"value": "move"}}, "claims": []}},
}
ANSWER = {"entities": {"Q9": {"id": "Q1", "redirects": {"from": "Q9"}}, "Q2": {"id": "Q2", "missing": ""}}}
ANYTHING: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    "",
    "x",
    "Q1",
    "P1",
    [],
    [None],
    [[]],
    {},
    {"x": None},
    {"P1": {}},
]


def paths(value: Any) -> list[tuple[Any, ...]]:
    """Return the way to every place within a JSON value."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *rest) for key, inner in below for rest in paths(inner))]


def exchanged(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = exchanged(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("langs", [["en"], ["all"]], ids=str)
@pytest.mark.parametrize("record", [json.loads(WHOLE), LEXEME, ANSWER], ids=["item", "lexeme", "answer"])
def test_anything_anywhere_is_read_or_rejected(record, langs):
    """Put everything odd into every place of a record: some entity or some reject comes of it."""
    reader = Reader(langs=langs, select="has:P31 or lang:en or not kind:item", literals=True, qualifiers=True)
    for path in paths(record):
        for new in ANYTHING:
            line = json.dumps(exchanged(record, path, new)).encode()
            before = sum((reader.counts["read"], len(reader.rejects)))
            tables = dict(reader.tables(Block(line, 0, 0)))
            assert reader.counts["read"] + len(reader.rejects) > before or line in (b"[]", b"[[]]"), line
            for table in tables.values():
                table.validate(full=True)


@given(st.binary(max_size=200))
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_read_or_refused(data):
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.json"
        dump.write_bytes(b'{"id":"Q1"}\n' + data)
        try:
            api.ingest("wikidata", [dump], Path(folder) / "kb")
        except TaskError:
            raise AssertionError("a task failed") from None
        except KbError:
            pass
