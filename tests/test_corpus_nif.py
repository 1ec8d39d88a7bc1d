"""NIF, in Turtle and N-Triples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.corpus._turtle import triples
from kbtools.corpus._uris import entity_of, uri_of
from kbtools.corpus.base import Report
from kbtools.errors import ConfigError
from tests.corpus_read import Read, document, link, written

HEAD = """@prefix nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#> .
@prefix itsrdf: <http://www.w3.org/2005/11/its/rdf#> .
PREFIX dbr: <http://dbpedia.org/resource/>
"""
CONTEXT = '<http://x.org/1#char=0,24> a nif:Context ; nif:isString "Ärzte in Bonn und Xyzzy."@de .\n'


def mention(start, end, surface, told, more=""):
    return (
        f"<http://x.org/1#char={start},{end}> nif:referenceContext <http://x.org/1#char=0,24> ;\n"
        f'  nif:beginIndex "{start}" ; nif:endIndex {end} ; nif:anchorOf "{surface}" ; {more} {told} .\n'
    )


def nif(tmp_path, text, *settings, name="a.ttl"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Read(tmp_path / name, *settings)


def test_mentions_of_all_kinds(tmp_path):
    found = nif(
        tmp_path,
        HEAD
        + mention(
            9,
            13,
            "Bonn",
            "itsrdf:taIdentRef dbr:Bonn, dbr:City_of_Bonn, <http://www.wikidata.org/entity/Q586>",
        )
        + CONTEXT  # the text may come after what is told of it
        + mention(18, 23, "Xyzzy", "itsrdf:taIdentRef <http://aksw.org/notInWiki/Xyzzy>")
        + mention(0, 5, "Ärzte", "itsrdf:taClassRef <http://dbpedia.org/ontology/Person>")
        + mention(0, 24, "Ärzte in Bonn und Xyzzy.", "a nif:Sentence").replace(
            "char=0,24> nif:ref", "char=0,24;s> nif:ref"
        ),
    )
    assert found.rejects == []
    assert (found.names, found.rows[0]["lang"]) == (["http://x.org/1"], "de")
    assert found.told("id", "kb", "kind", "type", "others") == [
        ("Ärzte", None, None, "ner", "Person", None),
        ("Bonn", "Bonn", "wikipedia", "gold", None, ["City of Bonn"]),
        ("Xyzzy", None, None, "gold", None, None),
    ]
    assert found.extra() == [None, {"also": ["wikidata:Q586"]}, {"uri": "http://aksw.org/notInWiki/Xyzzy"}]
    assert found.meta() == {"sentences": [[0, 24]]}


def test_malformed_statements_cost_no_others(tmp_path):
    broken = '<http://x.org/1#char=1,2> nif:beginIndex "1 ;\n  nif:endIndex 3 .\n'
    undeclared = "<http://x.org/1#char=1,2> foaf:name 'x' .\n"
    found = nif(
        tmp_path, HEAD + broken + undeclared + CONTEXT + mention(9, 13, "Bonn", "itsrdf:taIdentRef dbr:Bonn")
    )
    assert found.told("id") == [("Bonn", "Bonn")]
    assert [line for line, _ in found.rejects] == [4, 6]
    assert found.rejects[1][1] == "not Turtle: nobody says what the prefix 'foaf' is"
    assert {row["file"] for row in found.report.rejects} == {"a.ttl"}


BONN = "itsrdf:taIdentRef dbr:Bonn"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (mention(9, 14, "Bonna", BONN), "the span 9..14 is 'Bonn ', not 'Bonna'"),
        (mention(9, 99, "Bonn", BONN), "the span 9..99 is beyond the text, which has 24 characters"),
        (mention(13, 9, "Bonn", BONN), "the span 13..9 is empty"),
        (mention("x", 9, "Bonn", BONN), "no whole numbers in nif:beginIndex and nif:endIndex"),
        (mention(9, 13, "Bonn", BONN).replace("/1#", "/2#"), "a part of no text: its nif:Context is missing"),
    ],
)
def test_what_does_not_fit_is_rejected_with_its_line(tmp_path, told, reason):
    found = nif(tmp_path, HEAD + CONTEXT + told)
    assert found.texts == ["Ärzte in Bonn und Xyzzy."]
    assert (found.told(), found.rejects) == ([], [(5, reason)])


def test_offsets_in_bytes_are_found_out(tmp_path):
    text = HEAD + CONTEXT + mention(10, 14, "Bonn", "itsrdf:taIdentRef dbr:Bonn")
    assert nif(tmp_path, text).told("id") == [("Bonn", "Bonn")]
    assert nif(tmp_path, text, "offsets=bytes").told("id") == [("Bonn", "Bonn")]
    ((_, reason),) = nif(tmp_path, text, "offsets=code points").rejects
    assert reason.endswith("offsets look like bytes: set offsets=bytes")


def test_ntriples_boms_line_ends_and_offsets_in_addresses(tmp_path):
    text = (
        b"\xef\xbb\xbf<urn:d#char=0,9> "
        b"<http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#isString> "
        b'"\\u00C4 \\uD83D\\uDE00 \\"Rom\\"" .\r\n'
        b"<urn:d#char=5,8> <http://www.w3.org/2005/11/its/rdf#taIdentRef> "
        b"<http://de.dbpedia.org/resource/Rom> .\r\n"
    )
    found = nif(tmp_path, text, name="a.nt")
    assert found.texts == ['Ä 😀 "Rom"']
    assert found.told("id", "kb") == [("Rom", "Rom", "dewiki")]


TURTLE = '''# a comment
@base <http://b.org/> .
@prefix : <#> .
<s> a :T ; :p 1, -2.5, true, "x"@en-GB, """long "quoted"
text""" ;; :q [ :r ( 1 :o [] ) ; :r2 'it\\'s' ] .
[] :p <o> . :a.b :p :c .
'''


def test_turtle():
    report = Report()
    found = list(triples("x", TURTLE, report))
    assert not report.rejects
    assert [(s, p.rpartition("#")[2], getattr(o, "value", o)) for s, p, o, _ in found] == [
        ("http://b.org/s", "type", "http://b.org/#T"),
        *[("http://b.org/s", "p", value) for value in ("1", "-2.5", "true", "x", 'long "quoted"\ntext')],
        ("_:[1]", "r", "_:[2]"),
        ("_:[1]", "r2", "it's"),
        ("http://b.org/s", "q", "_:[1]"),
        ("_:[4]", "p", "http://b.org/o"),
        ("http://b.org/#a.b", "p", "http://b.org/#c"),
    ]
    assert [line for *_, line in found][-2:] == [6, 6]


@given(st.text(max_size=200))
def test_nothing_breaks_the_reader(text):
    list(triples("x", text, Report()))
    list(triples("x", TURTLE[: len(text)] + text + TURTLE, Report()))


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
LINKS = st.fixed_dictionaries(
    {"id": st.none() | NAMES, "kind": st.sampled_from(["gold", "ner", "user"]), "type": st.none() | NAMES},
    optional={"kb": st.sampled_from(["wikipedia", "wikidata", "url", "dewiki", "mesh"])},
)


@st.composite
def worlds(draw):
    rows = []
    for name in draw(st.lists(NAMES, max_size=3)):
        text = draw(NAMES)
        links = []
        for told in draw(st.lists(LINKS, max_size=3)):
            start = draw(st.integers(0, len(text) - 1))
            one = link(start, draw(st.integers(start + 1, len(text))), **told)
            if one["id"] is None:
                one["kb"], one["kind"] = None, "ner" if one["kind"] == "user" else one["kind"]
            else:
                one["kb"] = one["kb"] or "umls"
                one["others"] = draw(st.none() | st.lists(NAMES, min_size=1, max_size=2, unique=True))
                one["others"] = [o for o in one["others"] or () if o != one["id"]] or None
            links.append(one)
        links.sort(key=lambda one: (one["start"], -one["end"]))
        more = {
            "lang": draw(st.sampled_from([None, "en", "zh-hans", "?"])),
            "meta": draw(st.sampled_from([None, '{"a":1}'])),
        }
        rows.append(document(name, text, links, **more))
    return rows


@given(worlds())
def test_what_was_written_is_read_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("nif")
    found = nif(folder, written("nif", rows))
    assert found.rejects == []
    assert found.rows == rows


def test_numbers_of_entities_are_not_written():
    with pytest.raises(ConfigError, match="write links that tell ids"):
        written("nif", [document("d", "text", [link(0, 1, eid=3)])])


@given(
    st.sampled_from(["wikipedia", "wikidata", "url", "zhwiki", "umls", "a:b"]),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_addresses_lead_back(kb, name):
    assert entity_of(uri_of(kb, name)) == (kb, name)


def test_both_files_of_a_real_corpus_tell_the_same(realdata):
    turtle, ntriples = (Read(realdata / f"el/n3/Reuters-128.{suffix}") for suffix in ("ttl", "nt"))
    assert turtle.rows == ntriples.rows
    assert (len(turtle.rows), len(turtle.told()), turtle.rejects) == (128, 880, [])
    assert sum(id_ is None for _, id_ in turtle.told("id")) == 230
