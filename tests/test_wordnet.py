"""The WordNet source on its sample: facts that can be seen in data/sample/wordnet/synsets.txt."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from kbtools import api
from kbtools.kb.query import query
from kbtools.sources.wordnet.glosses import Example, apart
from kbtools.sources.wordnet.symbols import RELEASES, release
from tests import oracle_wordnet

SAMPLE = Path(__file__).parent.parent / "data/sample/wordnet"


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    return oracle_wordnet.stage(SAMPLE / "dict", tmp_path_factory.mktemp("wordnet"))


@pytest.fixture(scope="module")
def tables(staged):
    return staged[0]


@pytest.fixture(scope="module")
def named(tables):
    """Return the id of a synset, from a word and the beginning of its definition."""

    def find(word: str, about: str = "") -> Any:
        words = [row["entity"] for row in tables["surfaces"] if row["text"] == word]
        return next(
            row["entity"]
            for row in tables["entities"]
            if row["entity"] in words and (row["description"] or "").startswith(about)
        )

    return find


def rows(table, *columns, **where):
    """Return the chosen columns of the rows that have these values."""
    found = [row for row in table if all(row[name] == value for name, value in where.items())]
    return [row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns) for row in found]


def test_the_sample_is_what_its_script_writes():
    build = runpy.run_path(str(SAMPLE / "build.py"))["build"]()
    assert {path.name: path.read_text("utf-8") for path in (SAMPLE / "dict").iterdir()} == build
    for name in oracle_wordnet.PARTS:
        data = (SAMPLE / "dict" / f"data.{name}").read_bytes()
        for line in data.splitlines():
            assert line.startswith(b"  ") or data.index(line) == int(line[:8])


def test_entities_are_synsets_and_supersenses(tables, named):
    dog = named("dog")
    (entity,) = [row for row in tables["entities"] if row["entity"] == dog]
    assert entity == {
        "entity": dog, "kind": "synset", "label": "dog", "lang": "en", "freq": 42, "sitelinks": None,
        "description": "a canine kept by people since the Stone Age", "line": entity["line"], "order": None,
    }  # fmt: skip
    text = (SAMPLE / "dict/data.noun").read_text().splitlines()
    assert text[entity["line"]].startswith(dog.removesuffix("-n"))
    assert rows(tables["types"], "type", entity=dog) == ["noun.animal"]
    assert rows(tables["entities"], "kind", "label", entity="noun.animal") == [("concept", "noun.animal")]
    assert named("tiny").endswith("-a")


def test_words_have_pos_count_and_key(tables, named):
    columns = ("text", "source", "pos", "count", "atom")
    assert rows(tables["surfaces"], *columns, entity=named("large"), source="lemma") == [
        ("large", "lemma", "a", 45, "large%3:00:00::"),
        ("big", "lemma", "a", 39, "big%3:00:00::"),
    ]
    assert rows(tables["surfaces"], *columns, entity=named("tiny")) == [
        ("tiny", "lemma", "s", 8, "tiny%5:00:00:small:00"),
        ("bantam", "lemma", "s", 0, "bantam%5:00:00:small:00"),
    ]
    assert "Paris" in rows(tables["surfaces"], "text", entity=named("City of Light"))


def test_one_word_in_two_cases_is_one_sense(tables, named):
    letter = named("A", "the first letter")
    assert rows(tables["surfaces"], "text", "source", "atom", entity=letter) == [
        ("A", "lemma", "a%1:10:00::"),
        ("a", "alias", "a%1:10:00::"),
    ]
    assert rows(tables["xref"], "value", entity=letter) == ["a%1:10:00::", "a#n#1"]


def test_sense_numbers_come_from_the_index(tables, named):
    of = {row["value"]: row["entity"] for row in tables["xref"] if row["scheme"] == "sense"}
    assert of["mercury#n#1"] == named("Mercury", "the planet")
    assert of["mercury#n#2"] == named("mercury", "a heavy metal")
    assert of["mercury#n#3"] == named("Mercury", "the messenger")
    assert of["galore#a#1"] == named("galore")


def test_pointers_are_triples(tables, named):
    paris = named("Paris")
    columns = ("relation", "tail")
    assert rows(tables["triples"], *columns, entity=paris) == [
        ("instance_hypernym", named("capital")),
        ("part_holonym", named("France")),
    ]
    assert ("part_meronym", paris) in rows(tables["triples"], *columns, entity=named("France"))
    assert (paris,) not in rows(tables["types"], "type", entity=paris)
    assert ("pertainym", named("canine", "a mammal")) in rows(
        tables["triples"], *columns, entity=named("canine", "of or like")
    )
    assert ("derived_from_adjective", named("great")) in rows(
        tables["triples"], *columns, entity=named("greatly")
    )
    inverse = {row["relation"]: row["inverse"] for row in tables["relations"]}
    assert inverse["hypernym"] == "hyponym"
    assert all(inverse[other] == one for one, other in inverse.items() if other)


def test_pointers_between_words_say_which(tables, named):
    (statement,) = rows(
        tables["triples"], "statement", entity=named("big"), relation="antonym", tail=named("little")
    )[1:]
    columns = ("relation", "value", "number", "datatype", "ord")
    said = rows(tables["qualifiers"], *columns, statement=statement)
    assert sorted(said, key=lambda row: row[-1]) == [
        ("source_word", "2", 2.0, "quantity", 0),
        ("target_word", "2", 2.0, "quantity", 1),
        ("source_sense", "big%3:00:00::", None, "external-id", 2),
        ("target_sense", "little%3:00:00::", None, "external-id", 3),
    ]


def test_frames_and_positions_are_literals(tables, named):
    feed = named("feed")
    assert rows(tables["literals"], "relation", "value", "number", entity=feed) == [
        ("verb_frame", "Somebody ----s somebody", 9.0),
        ("verb_frame", "Somebody ----s something", 8.0),
    ]
    (statement,) = rows(tables["literals"], "statement", entity=feed, number=8.0)
    words = rows(tables["qualifiers"], "relation", "value", statement=statement)
    assert words == [("source_word", "1"), ("source_sense", "feed%2:34:00::")]
    assert rows(tables["literals"], "relation", "value", entity=named("asleep")) == [
        ("adjective_position", "p")
    ]


def test_statements_are_numbered_as_in_the_files(tables):
    both = [*tables["triples"], *tables["literals"]]
    assert sorted(row["statement"] for row in both) == [*range(len(both))]
    place = {row["entity"]: number for number, row in enumerate(tables["entities"])}
    ordered = sorted(both, key=lambda row: row["statement"])
    assert [place[row["entity"]] for row in ordered] == sorted(place[row["entity"]] for row in both)


def test_irregular_forms_are_exceptions(tables, named):
    exceptions = {
        (row["text"], row["entity"], row["pos"]) for row in tables["surfaces"] if row["source"] == "exception"
    }
    assert ("mice", named("mouse"), "n") in exceptions
    assert ("men of letters", named("man of letters"), "n") in exceptions
    assert {
        ("went", named("go"), "v"),
        ("ate", named("eat"), "v"),
        ("bigger", named("big"), "a"),
    } <= exceptions


def test_all_of_it_agrees_with_reading_line_by_line(tables):
    known = oracle_wordnet.synsets(SAMPLE / "dict")
    assert [row["entity"] for row in tables["entities"] if row["kind"] == "synset"] == [*known]
    keys = {(row["entity"], row["value"]) for row in tables["xref"] if row["scheme"] == "sense_key"}
    wanted = {
        (one.id, oracle_wordnet.key(one, n, known)) for one in known.values() for n in range(len(one.words))
    }
    assert keys == wanted
    listed = {line.split()[0] for line in (SAMPLE / "dict/index.sense").read_text().splitlines()}
    assert {key for _, key in keys} == listed
    pointers = sorted((one.id, target) for one in known.values() for _, target, *_ in one.pointers)
    assert sorted(rows(tables["triples"], "entity", "tail")) == pointers


def test_an_unknown_release_is_warned_of(staged):
    _, facts = staged
    assert facts["notes"]["release"] == "unknown"
    assert "sense keys" in facts["notes"]["warnings"][0]
    assert facts["counts"]["rejected"] == 0


def test_a_release_is_known_by_its_offsets():
    known = RELEASES["3.0"]
    assert release(known) == ("3.0", None)
    name, warning = release({**known, "verb": (13_767, 19_154_585_283)})  # as in Debian's wordnet-base
    assert name == "3.0, other offsets"
    assert "not at Princeton's offsets" in str(warning)
    assert release({**known, "verb": (13_766, 1)})[0] == "unknown"


def test_ingested_the_closure_of_hypernyms_is_there(tmp_path):
    made = api.ingest("wordnet", [SAMPLE / "dict"], tmp_path / "kb", quiet=True)
    assert made.notes["release"] == "unknown"
    sql = """
        select a.label from xref x join classes c on c.type = x.eid join entities a on a.eid = c.ancestor
        where x.value = 'dog#n#1' order by c.depth"""
    with query([tmp_path / "kb"], sql) as found:
        labels = found.read_all()["label"].to_pylist()
    assert [label for label in labels if label != "dog"] == [
        "canine", "mammal", "vertebrate", "animal", "organism", "living thing", "object", "physical entity",
        "entity",
    ]  # fmt: skip


ONE = [Example("an act", None)]


@pytest.mark.parametrize(
    ("gloss", "definition", "examples"),
    [
        ("a deed", "a deed", []),
        ('a deed; "an act"', "a deed", ONE),
        ('"an act"', "", ONE),
        ('a deed (as in "brave deed"); "an act"', 'a deed (as in "brave deed")', ONE),
        ('said "as is" of goods; "an act"', 'said "as is" of goods', ONE),
        ('a deed; "an act"; (rare) a thing done', "a deed; (rare) a thing done", ONE),
        ('a deed; "an act"- I. Nobody', "a deed", [Example("an act", "I. Nobody")]),
        ('a deed; "an act"--I. Nobody; "x"', "a deed", [Example("an act", "I. Nobody"), Example("x", None)]),
        ('a deed; "an act" (Book 7:12)', "a deed", [Example("an act", "Book 7:12")]),
        ('a deed: "an act" or "a; b", "c"', "a deed", [*ONE, Example("a; b", None), Example("c", None)]),
        ('(of people) "an act"', "(of people)", ONE),
        ('do, "an act"; "x"', "do", [*ONE, Example("x", None)]),
        ('a deed; "an act', "a deed", ONE),
        ('a deed done"', "a deed done", []),
        ('a deed done"; "an act"', "a deed done", ONE),
        ("", "", []),
        ('""', "", []),
    ],
)
def test_glosses_are_taken_apart(gloss, definition, examples):
    assert apart(gloss) == (definition, examples)
