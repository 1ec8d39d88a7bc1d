"""`--select`: what a rule may say, and that it chooses what a full look at the whole dump would choose."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import api
from kbtools.errors import ConfigError

Record = dict[str, Any]


def said(target: str | None, rank: str = "normal") -> Record:
    if target is None:
        return {"mainsnak": {"snaktype": "somevalue"}, "rank": rank}
    value = {"type": "wikibase-entityid", "value": {"id": target}}
    return {"mainsnak": {"snaktype": "value", "datavalue": value}, "rank": rank}


def thing(name: str, **more: Any) -> Record:
    """Make an entity; P… are targets of statements, with their rank after a colon."""
    claims = {
        key: [said(*text.split(":")) for text in value.split()]
        for key, value in more.items()
        if key[:1] == "P"
    }
    return {"id": name, "claims": claims, **{k: v for k, v in more.items() if k[:1] != "P"}}


def select(rule: str, *records: Record) -> list[str]:
    """Ingest with a rule; return the ids that were chosen."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.json"
        dump.write_text("\n".join(json.dumps(record) for record in records))
        made = api.ingest("wikidata", [dump], Path(folder) / "kb", select=rule)
        chosen: list[str] = pq.read_table(Path(folder) / "kb/entities")["id"].to_pylist()
        assert made.counts["read"] == len(records)
        assert made.counts.get("skipped: not selected", 0) == len(records) - len(chosen)
        return chosen


# what a rule may say

WORLD = [
    thing("Q1", P31="Q10", P569="Q90", sitelinks={"enwiki": {"title": "a"}}, labels={"en": {"value": "a"}}),
    thing("Q2", P31="Q11", labels={"zh": {"value": "二"}}),
    thing("Q3", P31="Q12 Q10:deprecated", P17="Q142:preferred Q30", sitelinks=[], labels=[]),
    thing("Q4", P31="Q10 Q12:preferred", P17="Q142 Q30:preferred", labels={"mul": {"value": "b"}}),
    thing("Q11", P279="Q10"),
    thing("P7", P31="Q11", labels={"en": {"value": "p"}}),
    {"id": "L1", "lemmas": {"zh": {"value": "字"}}},
    {"id": "Q5", "claims": {"P569": [said(None)], "P570": [said(None, "deprecated")], "P571": []}},
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("P31/P279*:Q10", "Q1 Q2 P7"),
        ("P31/P279*:Q12", "Q3 Q4"),
        ("P31:Q10", "Q1"),
        ("P17:Q142", "Q3"),
        ("P17:Q30", "Q4"),
        ("has:P569", "Q1 Q5"),
        ("has:P570", ""),
        ("has:P571", ""),
        ("site:enwiki", "Q1"),
        ("lang:zh", "Q2 L1"),
        ("lang:mul", "Q4"),
        ("kind:property", "P7"),
        ("kind:lexeme", "L1"),
        ("kind:item and not has:P31", "Q11 Q5"),
        ("not kind:item", "P7 L1"),
        ("P31/P279*:Q10 and lang:zh", "Q2"),
        ("site:enwiki or lang:zh and kind:lexeme", "Q1 L1"),
        ("(site:enwiki or lang:zh) and kind:lexeme", "L1"),
        ("kind:lexeme and lang:zh or site:enwiki", "Q1 L1"),
        ("not site:enwiki and lang:en", "P7"),
        ("not (site:enwiki or kind:item)", "P7 L1"),
        ("not not lang:en", "Q1 P7"),
        ("NOT kind:item AND (lang:en OR lang:zh)", "P7 L1"),
        ("((lang:en)and(kind:item))", "Q1"),
        ("  lang:en  and\tkind:item\n", "Q1"),
        ("not P31/P279*:Q10 and not kind:lexeme", "Q3 Q4 Q11 Q5"),
        ("P31/P279*:Q10 or P31/P279*:Q12", "Q1 Q2 Q3 Q4 P7"),
        ("lang:zh or lang:zh and not lang:zh", "Q2 L1"),
        ("lang:nobody", ""),
    ],
)
def test_what_a_rule_chooses(rule, expected):
    assert select(rule, *WORLD) == expected.split()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (" ", "a term is missing at the end"),
        ("lang:en and", "a term is missing at the end"),
        ("not", "a term is missing at the end"),
        ("(lang:en", "a ')' is missing"),
        ("lang:en)", "')' is left over; add 'and' or 'or'?"),
        ("lang:en lang:zh", "'lang:zh' is left over; add 'and' or 'or'?"),
        ("and lang:en", "'and' is not a term; terms are P31/P279*:Q5, "),
        ("()", "')' is not a term"),
        ("Q5", "'Q5' is not a term"),
        ("P31", "'P31' is not a term"),
        ("P31:", "'P31:' is not a term"),
        ("P0:Q5", "'P0:Q5' is not a term"),
        ("P31:Q0", "'P31:Q0' is not a term"),
        ("P31:Q99999999999", "'P31:Q99999999999' is not a term"),
        ("P31/P279:Q5", "'P31/P279:Q5' is not a term"),
        ("P31*:Q5", "'P31*:Q5' is not a term"),
        ("p31:q5", "'p31:q5' is not a term"),
        ("has:Q5", "'has:Q5' is not a term"),
        ("has:P0", "'has:P0' is not a term"),
        ("has:P１", "'has:P１' is not a term"),
        ("has:", "'has:' is not a term"),
        ("site:", "'site:' is not a term"),
        ("kind:mediainfo", "kind:item|property|lexeme"),
        ("lang:e,n", "'lang:e,n' is not a term"),
        ('site:"a b"', "quotes do not match"),
        (" or ".join(["lang:en"] * 65), "more than 64 terms"),
        ("(" * 5000 + "lang:en" + ")" * 5000, "nested too deeply"),
        ("not " * 5000 + "lang:en", "nested too deeply"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_before_anything_is_written(rule, message, tmp_path):
    dump = tmp_path / "dump.json"
    dump.write_text('{"id": "Q1"}')
    with pytest.raises(ConfigError) as refusal:
        api.ingest("wikidata", [dump], tmp_path / "kb", select=rule)
    assert message in str(refusal.value)
    assert "--select" in str(refusal.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump.json"]


def test_sixty_four_terms_are_fine():
    rule = " or ".join(["lang:nobody"] * 63 + ["lang:zh"])
    assert select(rule, *WORLD) == ["Q2", "L1"]
    classes = " or ".join([f"P31/P279*:Q{n}" for n in range(1000, 1063)] + ["P31/P279*:Q12"])
    assert select(classes, *WORLD) == ["Q3", "Q4"]


# files of ids


@pytest.mark.parametrize("name", ["ids.txt", "my ids (new).txt", "and", "身份.txt"])
def test_a_file_of_ids(name, tmp_path):
    file = tmp_path / name
    file.write_text("# a comment\n\nQ2\n  L1  # with a reason\nQ2\nQ999\r\n", encoding="utf-8")
    quoted = f'"{file}"' if " " in name else str(file)
    assert select(f"ids:{quoted}", *WORLD) == ["Q2", "L1"]
    assert select(f"not(ids:{quoted})and kind:lexeme or ids:{quoted} and lang:zh", *WORLD) == ["Q2", "L1"]


def test_an_empty_file_of_ids_chooses_nothing(tmp_path):
    (tmp_path / "none.txt").write_text("# nobody\n")
    assert select(f"ids:{tmp_path / 'none.txt'}", *WORLD) == []


def test_a_file_of_ids_that_is_missing_or_wrong_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"--select ids:.*gone\.txt: cannot be read: .*No such file"):
        select("ids:gone.txt", *WORLD)
    with pytest.raises(ConfigError, match="cannot be read"):
        select(f"ids:{tmp_path}", *WORLD)
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("Q1\nDouglas Adams\n")
    with pytest.raises(ConfigError, match=r"wrong\.txt:2: 'Douglas Adams' is not an id such as Q42"):
        select(f"ids:{wrong}", *WORLD)
    wrong.write_bytes(b"Q1\n\xff\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        select(f"ids:{wrong}", *WORLD)


def test_another_content_of_the_file_of_ids_is_another_build(tmp_path):
    dump, ids, out = tmp_path / "dump.json", tmp_path / "ids.txt", tmp_path / "kb"
    dump.write_text('{"id": "Q1"}\n{"id": "Q2"}')
    plans = []
    for name in ("Q1", "Q2"):
        ids.write_text(name)
        made = api.ingest("wikidata", [dump], out, select=f"ids:{ids}", overwrite=True)
        plans.append(made.plan)
        assert pq.read_table(out / "entities")["id"].to_pylist() == [name]
    assert plans[0] != plans[1]


# classes


def test_subclass_edges_may_come_later_and_belong_to_what_is_left_out():
    rule = "P31/P279*:Q10 and not P31/P279*:Q20"
    records = [
        thing("Q1", P31="Q11"),
        thing("Q2", P31="Q13"),
        thing("Q3", P31="Q14:deprecated"),
        thing("Q4", P31="Q14"),
        thing("Q11", P279="Q12"),  # these are no instances: none is chosen, all are needed
        thing("Q12", P279="Q10"),
        thing("Q13", P279="Q12 Q20"),
        thing("Q14", P279="Q10:deprecated"),
    ]
    assert select(rule, *records) == ["Q1"]
    assert select(rule, *reversed(records)) == ["Q1"]


def test_an_edge_counts_though_what_states_it_can_be_ruled_out_at_once():
    records = [thing("Q1", P31="Q11", labels={"en": {"value": "x"}}), thing("Q11", P279="Q10")]
    assert select("lang:en and P31/P279*:Q10", *records) == ["Q1"]


def test_cycles_of_classes_end():
    ring = [thing("Q11", P279="Q12"), thing("Q12", P279="Q13"), thing("Q13", P279="Q11 Q13")]
    records = [thing("Q1", P31="Q12"), *ring, thing("Q2", P31="Q14")]
    assert select("P31/P279*:Q13", *records) == ["Q1"]
    assert select("P31/P279*:Q14", *records) == ["Q2"]


def test_any_two_properties_can_be_followed():
    records = [
        thing("Q1", P131="Q2"),
        thing("Q2", P131="Q3"),
        thing("Q3", P17="Q9"),
        thing("Q4", P17="Q1"),
    ]
    assert select("P131/P131*:Q3", *records) == ["Q1", "Q2"]
    assert select("P17/P131*:Q3", *records) == ["Q4"]


# any rule, any world: brute force

NAMES = [f"Q{number}" for number in range(1, 9)]
RANKS = ["", "", ":preferred", ":deprecated"]
targets = st.lists(
    st.tuples(st.sampled_from([*NAMES, "Q99"]), st.sampled_from(RANKS)).map("".join), max_size=3
)


@st.composite
def worlds(draw: st.DrawFn) -> list[Record]:
    records = []
    for name in draw(st.permutations(NAMES)):
        facts = {p: " ".join(draw(targets)) for p in ("P31", "P279", "P17") if draw(st.booleans())}
        links = {site: {"title": "x"} for site in draw(st.sets(st.sampled_from(["enwiki", "zhwiki"])))}
        labels = {lang: {"value": "x"} for lang in draw(st.sets(st.sampled_from(["en", "zh"])))}
        records.append(thing(name, sitelinks=links, labels=labels, **facts))
    return records


TERMS = [
    *(("class", p, "P279", name) for p in ("P31", "P17") for name in (*NAMES[:3], "Q99")),
    *(("value", p, name) for p in ("P31", "P17") for name in (*NAMES[:2], "Q99")),
    *(("has", p) for p in ("P31", "P17", "P279")),
    ("site", "enwiki"),
    ("lang", "zh"),
    ("kind", "item"),
    ("kind", "lexeme"),
]
Tree = tuple[Any, ...]
trees: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(TERMS),
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)


def text(tree: Tree) -> str:
    """Write a rule with no more parentheses than it needs."""
    match tree:
        case ("class", relation, over, target):
            return f"{relation}/{over}*:{target}"
        case ("value", relation, target):
            return f"{relation}:{target}"
        case ("not", inner):
            return f"not {text(inner)}" if inner[0] not in {"and", "or"} else f"not ({text(inner)})"
        case ("and", *both):
            return " and ".join(text(one) if one[0] != "or" else f"({text(one)})" for one in both)
        case ("or", *both):
            return " or ".join(map(text, both))
    return ":".join(tree)


def best(record: Record, relation: str) -> list[str]:
    group = record["claims"].get(relation, [])
    highest = "preferred" if any(s["rank"] == "preferred" for s in group) else "normal"
    return [s["mainsnak"]["datavalue"]["value"]["id"] for s in group if s["rank"] == highest]


def holds(tree: Tree, record: Record, above: dict[str, set[str]]) -> bool:  # noqa: PLR0911 - one a term
    match tree:
        case ("not", inner):
            return not holds(inner, record, above)
        case ("and", *both):
            return all(holds(one, record, above) for one in both)
        case ("or", *both):
            return any(holds(one, record, above) for one in both)
        case ("class", relation, _, target):
            return any(target in above[name] for name in best(record, relation))
        case ("value", relation, target):
            return target in best(record, relation)
        case ("has", relation):
            return bool(best(record, relation))
        case ("site", name):
            return name in record["sitelinks"]
        case ("lang", name):
            return name in record["labels"]
    return tree == ("kind", "item")


def reachable(records: list[Record]) -> dict[str, set[str]]:
    """Return all names with what they reach over P279, themselves included."""
    above: dict[str, set[str]] = defaultdict(set)
    for name in [*NAMES, "Q99"]:
        above[name] = {name}
    for _ in above:
        for record in records:
            for parent in best(record, "P279"):
                for names in above.values():
                    if record["id"] in names:
                        names.add(parent)
    return above


@given(trees, worlds())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_a_rule_chooses_what_brute_force_chooses(tree, records):
    above = reachable(records)
    expected = [record["id"] for record in records if holds(tree, record, above)]
    assert select(text(tree), *records) == expected
