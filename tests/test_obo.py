"""OBO ontologies: each tag by hand, real files, files that are none."""

from __future__ import annotations

import pytest

from kbtools import api
from kbtools.errors import ConfigError, SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.obo import SOURCE, Settings
from tests.staged_source import Staged
from tests.test_packaging import ROOT

HEADER = "format-version: 1.4\nontology: t\ndata-version: 7\n\n"


@pytest.fixture
def stage(tmp_path):
    def make(*texts: str | bytes, **settings):
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.obo")
            whole = text if isinstance(text, bytes) else (HEADER + text).encode()
            files[-1].write_bytes(whole)
        return Staged(tmp_path, SOURCE, *files, **settings)

    return make


def test_names_definitions_and_synonyms(stage):
    found = stage(
        '[Term]\nid: X:1\nname: a\\: \\"b\\"\\Wc ! said\n'
        'def: "first\\nsecond \\"x\\"" [Y:1, "who\\, me"] {a="1"} ! end\n'
        'synonym: "plain" EXACT []\nsynonym: "kind" EXACT layperson [Y:2]\nsynonym: "wide" BROAD []\n'
        'synonym: "none" []\nrelated_synonym: "old" []\nsynonym: "法" EXACT [] {xml:lang="zh"}\n'
        'synonym: bare EXACT []\ndef: bare\nsynonym: "" EXACT []\ncomment:\n'
    )
    assert found.rows("entities", "entity", "kind", "label", "description", "lang", "line") == [
        ("X:1", "concept", 'a: "b" c', 'first\nsecond "x"', "en", 4)
    ]
    assert found.rows("surfaces", "text", "lang", "source", "atom") == [
        ('a: "b" c', "en", "label", None), ("plain", "en", "alias", None),
        ("kind", "en", "alias", "EXACT layperson"), ("wide", "en", "alias", "BROAD"),
        ("none", "en", "alias", "RELATED"), ("old", "en", "alias", "RELATED"), ("法", "zh", "alias", None),
    ]  # fmt: skip
    assert found.rows("descriptions", "kind", "text", "source") == [
        ("definition", 'first\nsecond "x"', 'Y:1, "who, me"')
    ]
    assert found.rows("rejects", "line", "reason") == [
        (14, "a synonym is a text in quotes"), (15, "a definition is a text in quotes"),
        (16, "a synonym is a text in quotes"), (17, "comment without a value"),
    ]  # fmt: skip
    assert found.counts["skipped: qualifiers of names, definitions and xrefs"] == 1


def test_relations(stage):
    found = stage(
        "[Term]\nid: X:1\nis_a: X:2 {source=\"Y\", x=z} ! two\nrelationship: part_of X:3 ! three\n"
        "intersection_of: X:2\nintersection_of: part_of X:3 {minCardinality=\"1\"}\nunion_of: X:4\n"
        "disjoint_from: X:5\nrelationship: alone\nproperty_value: seen_in X:6\n"
        'property_value: mass "1.5" xsd:double\nproperty_value: mass "?" xsd:double\n'
        "property_value: nothing\n"
        "subset: slim\nnamespace: process\nis_transitive: true\n"
    )  # fmt: skip
    assert found.rows("triples", "relation", "tail", "statement") == [
        ("is_a", "X:2", 0), ("part_of", "X:3", 1), ("intersection_of", "X:2", 2),
        ("intersection_of", "X:3", 3), ("union_of", "X:4", 4), ("disjoint_from", "X:5", 5),
        ("seen_in", "X:6", 6),
    ]  # fmt: skip
    assert found.rows("qualifiers", "statement", "relation", "value", "ord") == [
        (0, "source", "Y", 0), (0, "x", "z", 1), (3, "relation", "part_of", 0), (3, "minCardinality", "1", 1),
    ]  # fmt: skip
    assert found.rows("literals", "relation", "datatype", "value", "number") == [
        ("mass", "double", "1.5", 1.5), ("mass", "double", "?", None), ("subset", "string", "slim", None),
        ("namespace", "string", "process", None), ("is_transitive", "string", "true", None),
    ]  # fmt: skip
    assert [reason for _, reason in found.rows("rejects", "line", "reason")] == [
        "a relationship is a relation and an id", "a property is a relation and a value",
    ]  # fmt: skip


def test_typedefs_instances_and_xrefs(stage):
    found = stage(
        '[Typedef]\nid: part_of\nname: part of\ndef: "of a whole" []\ninverse_of: has_part ! has part\n'
        "xref: BFO:0000050\ndomain: X:1\n\n[Instance]\nid: X:i\ninstance_of: X:1\n"
        'xref: MESH:D1 "a name"\nxref: http\\://example.org/a\nxref: loose\nxref: A:B:C\n'
        "[Annotation]\nid: q\n"
    )
    assert found.rows("relations", "relation", "label", "description", "inverse") == [
        ("part_of", "part of", "of a whole", "has_part")
    ]
    assert found.rows("entities", "entity", "kind") == [("part_of", "relation"), ("X:i", "entity")]
    assert found.rows("xref", "entity", "scheme", "value") == [
        ("part_of", "BFO", "0000050"), ("X:i", "MESH", "D1"), ("X:i", "url", "http://example.org/a"),
        ("X:i", "other", "loose"), ("X:i", "A", "B:C"),
    ]  # fmt: skip
    assert found.rows("types", "entity", "type") == [("X:i", "X:1")]
    assert found.counts["skipped: stanzas [Annotation]"] == 1
    assert found.rows("descriptions", "source") == ["t"]  # nobody is named: the ontology


OLD = (
    "[Term]\nid: X:1\nalt_id: X:9\n\n[Term]\nid: X:2\nis_obsolete: true\nreplaced_by: X:1\n\n"
    "[Term]\nid: X:3\nis_obsolete: true\nconsider: X:1\n\n"
    "[Term]\nid: X:4\nis_obsolete: true\nconsider: X:1\nconsider: X:2\n"
)


def test_what_is_obsolete_leads_to_what_replaced_it(stage):
    found = stage(OLD)
    assert found.rows("entities", "entity") == ["X:1"]
    assert found.rows("redirects", "from_id", "to", "kind") == [
        ("X:9", "X:1", "merge"), ("X:2", "X:1", "retired"), ("X:3", "X:1", "retired"),
    ]  # fmt: skip
    assert found.counts["skipped: obsolete"] == 3


def test_what_is_obsolete_may_be_kept(stage):
    found = stage(OLD, obsolete=True)
    assert found.rows("entities", "entity") == ["X:1", "X:2", "X:3", "X:4"]
    assert found.rows("redirects", "from_id") == ["X:9"]
    assert ("X:2", "replaced_by", "X:1") in found.rows("triples", "entity", "relation", "tail")
    assert found.rows("literals", "entity", "relation", "value")[0] == ("X:2", "is_obsolete", "true")


def test_bad_stanzas(stage):
    found = stage(
        "[Term]\nname: nobody\n\n[Term]\nid: X:1\nno colon here\n[broken\nname: one\n\n[Term]\nid: X:1\n"
        "name: two\n\n[Term]\nid: X:2\nis_anonymous: true\n",
        HEADER.encode() + b"[Typedef]\nid: X:1\n[Term]\nid: X:3\nname: \xff\nname: a\0b\nis_a: X:3\n",
    )
    assert sorted(found.rows("rejects", "file", "line", "reason")) == [
        ("0.obo", 4, "a [Term] without an id"), ("0.obo", 9, "not a tag with a colon and a value"),
        ("0.obo", 10, "neither a heading nor a tag with its value"),
        ("0.obo", 13, "a second stanza with the id 'X:1'"), ("1.obo", 4, "a second stanza with the id 'X:1'"),
        ("1.obo", 8, "not UTF-8"), ("1.obo", 9, "NUL byte"),
    ]  # fmt: skip
    assert found.rows("entities", "entity", "label") == [("X:1", "one"), ("X:3", None)]
    assert found.counts["skipped: anonymous"] == 1


REAL = {  # file -> entities, surfaces, triples, redirects
    "pronto/cio.obo": (49, 52, 193, 0),
    "pronto/go.obo": (4, 11, 3, 0),
    "pronto/hp.obo": (2, 18, 1, 12),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(realdata, tmp_path, name):
    found = Staged(tmp_path, SOURCE, realdata / "obo" / name)
    counts = [len(found.rows(table, *key)) for table, key in (
        ("entities", ["entity"]), ("surfaces", ["text"]), ("triples", ["tail"]), ("redirects", ["to"]),
    )]  # fmt: skip
    assert tuple(counts) == REAL[name]
    assert found.rejects == []


@pytest.mark.parametrize("name", ["HumanDO.tsv", "MESHinDO.tsv", "allXREFinDO.tsv", "../LICENSE"])
def test_tables_are_refused(realdata, tmp_path, name):
    with pytest.raises(
        SourceError, match=r"not OBO: no format-version and no \[Term\]; it begins with '"
    ) as caught:
        Staged(tmp_path, SOURCE, realdata / "obo/do/DOreports" / name)
    assert "\n" not in str(caught.value)


def test_every_real_file_has_an_expectation(realdata):
    files = {path.name for path in (realdata / "obo").rglob("*") if path.is_file()}
    assert files == {
        "cio.obo",
        "go.obo",
        "hp.obo",
        "HumanDO.tsv",
        "MESHinDO.tsv",
        "allXREFinDO.tsv",
        "LICENSE",
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'<?xml version="1.0"?><rdf:RDF/>', "in OWL; convert it to OBO"),
        (b"Prefix(:=<x>)", "in OWL; convert it to OBO"),
        (b'{"graphs": []}', "is JSON; an ontology in it must be converted to OBO"),
        (
            b'<?xml version="1.0"?>\n<!DOCTYPE x>\n<LexicalResource/>',
            "is a wordnet in WN-LMF; .* wnlmf",
        ),
        (b"<html>\n", "neither OBO nor OWL: it begins with '<html>'"),
        (b"\x89PNG\r\n\x1a\x1b[31m", r"begins with '\\x89PNG'$"),
        (b"\x1b[31m" + b"x" * 99, r"begins with '\\x1b\[31mx{32}'…$"),
        (HEADER.encode("utf-16"), "is UTF-16, where UTF-8 was tried"),
        (b"\0\1\2", "not OBO"),
        (b"", "is empty"),
    ],
)
def test_bad_files_are_refused(stage, data, message):
    with pytest.raises(SourceError, match=message):
        stage(data)


def test_bad_places_and_settings_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"no \.obo file in it"):
        Staged(tmp_path, SOURCE, tmp_path)
    with pytest.raises(SourceError, match="name a file"):
        Staged(tmp_path, SOURCE, "-")
    with pytest.raises(ConfigError, match="lang: name a language"):
        Staged(tmp_path, SOURCE, tmp_path, **vars(Settings(lang=" ")))


def test_the_header_names_release_imports_and_terms(stage):
    found = stage(
        "import: other.obo\nproperty_value: terms:license http://creativecommons.org/licenses/by-nc/4.0/\n"
        "[Term]\nid: X:1\n"
    )
    notes = found.outcome.facts["notes"]
    assert notes["release"] == "t 7"
    assert notes["warnings"] == ["t imports other.obo, which is read only if it is named too"]
    (licence,) = found.reading.licences
    assert (licence.source, licence.redistribute) == ("t 7", "ask")
    assert licence.licence == "http://creativecommons.org/licenses/by-nc/4.0/"


def test_the_sample_as_a_base(tmp_path):
    sample = ROOT / "data/sample/obo/food.obo"
    api.ingest("obo", [sample], tmp_path / "kb")
    kb = Kb(tmp_path / "kb")
    ids = kb.table("entities", ["id"])["id"].to_pylist()
    eid = {name: place for place, name in enumerate(ids)}
    closure = {(row["type"], row["ancestor"]): row["depth"] for row in kb.table("classes").to_pylist()}
    assert closure[eid["TF:0000003"], eid["TF:0000001"]] == 2  # an apple is a fruit, which is food
    moved = {row["from_id"]: row["to_eid"] for row in kb.table("redirects").to_pylist()}
    assert moved == {"TF:0000102": eid["TF:0000002"], "TF:0000013": eid["TF:0000003"]}


def test_cycles_do_no_harm(tmp_path):
    path = tmp_path / "x.obo"
    path.write_text(HEADER + "[Term]\nid: X:1\nis_a: X:2\n\n[Term]\nid: X:2\nis_a: X:1\nis_a: X:2\n")
    made = api.ingest("obo", [path], tmp_path / "kb")
    assert made.tables["triples"].rows == 3
