"""WN-LMF XML: each kind of record, by hand."""

from __future__ import annotations

import gzip

import pytest

from kbtools.errors import ConfigError
from kbtools.sources.wnlmf import SOURCE
from kbtools.sources.wnlmf.ids import sense_key
from tests.staged_source import Staged

TOP = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.4.dtd">
<LexicalResource xmlns:dc="https://globalwordnet.github.io/schemas/dc/">
"""
LEXICON = '<Lexicon id="t" label="Tiny" language="en" license="CC0" version="2024" citation="We, 2024">\n'
END = "</Lexicon>\n</LexicalResource>\n"
SYNSETS = '<Synset id="t-00000001-n" members="w2"/>\n<Synset id="t-00000002-s"/>\n'


@pytest.fixture
def stage(tmp_path):
    """Stage what stands inside one lexicon, or whole files."""

    def make(*texts: str, whole: bool = False, **settings):
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.xml")
            files[-1].write_text(text if whole else TOP + LEXICON + text + END, encoding="utf-8")
        return Staged(tmp_path, SOURCE, *files, **settings)

    return make


def entry(name: str, lemma: str, inside: str, pos: str = "n") -> str:
    lemma = f'<Lemma writtenForm="{lemma}" partOfSpeech="{pos}"/>'
    return f'<LexicalEntry id="{name}">{lemma}{inside}</LexicalEntry>\n'


def test_words_become_surfaces_of_the_synsets_they_have_senses_in(stage):
    found = stage(
        entry(
            "w1",
            "goose",
            '<Form writtenForm="geese"/><Form writtenForm=" "/>'
            '<Sense id="t-goose__1.05.00.." synset="t-00000001-n"><Count>3</Count><Count>4</Count></Sense>'
            '<Sense id="s2" synset="t-00000002-s"><Count>many</Count></Sense>',
        )
        + entry(
            "w2", "wild  goose", '<Sense id="s3" synset="t-00000001-n" dc:identifier="wild_goose%1:05:00::"/>'
        )
        + SYNSETS
    )
    assert found.rows("surfaces", "entity", "text", "lang", "source", "pos", "count", "atom") == [
        ("t-00000001-n", "goose", "en", "lemma", "n", 7, "goose%1:05:00::"),
        ("t-00000002-s", "goose", "en", "lemma", "n", None, "s2"),
        ("t-00000001-n", "geese", "en", "form", "n", None, None),
        ("t-00000002-s", "geese", "en", "form", "n", None, None),
        ("t-00000001-n", "wild goose", "en", "lemma", "n", None, "wild_goose%1:05:00::"),
    ]
    assert found.rows("entities", "entity", "kind", "label", "lang", "freq", "line") == [
        ("t-00000001-n", "synset", "wild goose", "en", 7, 6),  # the order of `members`
        ("t-00000002-s", "synset", "goose", "en", None, 7),
    ]
    assert found.rows("labels", "entity", "text") == [
        ("t-00000001-n", "wild goose"),
        ("t-00000002-s", "goose"),
    ]
    keys = [("t-00000001-n", "sense_key", key) for key in ("goose%1:05:00::", "wild_goose%1:05:00::")]
    assert found.rows("xref", "entity", "scheme", "value") == keys
    assert found.rows("rejects", "line", "reason") == [
        (4, "'many' is no count"),
        (4, "a form that is not written"),
    ]


def test_what_a_synset_says(stage):
    found = stage(
        '<Synset id="a" ili="i42" lexfile="noun.animal">\n'
        "<Definition>one\n  two</Definition><Definition language='de'>eins</Definition>"
        '<Example xml:space="preserve">x  y</Example><Example> </Example><ILIDefinition>new</ILIDefinition>'
        '<SynsetRelation relType="hypernym" target="b"/>'
        '<SynsetRelation relType="other" target="b" dc:type="near"/>'
        '<SynsetRelation relType="hypernym"/><Odd/></Synset>\n'
        '<Synset id="b" ili="in" dc:subject="noun.Tops"/>'
    )
    assert found.rows("descriptions", "entity", "lang", "kind", "text", "source") == [
        ("a", "en", "gloss", "one two", "t"), ("a", "de", "gloss", "eins", "t"),
        ("a", "en", "example", "x  y", "t"), ("a", "en", "definition", "new", "t"),
    ]  # fmt: skip
    assert found.rows("triples", "entity", "relation", "tail") == [
        ("a", "hypernym", "b"),
        ("a", "other:near", "b"),
    ]
    assert found.rows("relations", "relation", "label", "inverse") == [
        ("hypernym", "hypernym", "hyponym"), ("other:near", "other: near", None),
    ]  # fmt: skip
    assert found.rows("xref", "entity", "scheme", "value") == [("a", "ili", "i42")]
    assert found.rows("types", "entity", "type") == [("a", "noun.animal"), ("b", "noun.Tops")]
    assert found.rows("entities", "entity", "kind")[2:] == [
        ("noun.animal", "concept"),
        ("noun.Tops", "concept"),
    ]
    assert found.rows("rejects", "line", "reason") == [(6, "a relation without a target")]
    assert (
        found.counts["skipped: blank definitions and examples"] == found.counts["skipped: elements Odd"] == 1
    )


def test_relations_of_senses_may_come_before_their_target(stage):
    relation = '<SenseRelation relType="{}" target="{}"/>'
    found = stage(
        entry(
            "w1",
            "long",
            '<Sense id="s1" synset="t-00000001-n">'
            + relation.format("antonym", "s2") + relation.format("exemplifies", "t-00000002-s")
            + relation.format("antonym", "elsewhere") + "</Sense>",
        )
        + entry("w2", "short", '<Sense id="s2" synset="t-00000002-s"/>')
        + SYNSETS
    )  # fmt: skip
    assert found.rows("triples", "entity", "relation", "tail", "statement") == [
        ("t-00000001-n", "antonym", "t-00000002-s", 0),
        ("t-00000001-n", "exemplifies", "t-00000002-s", 1),
        ("t-00000001-n", "antonym", "elsewhere", 2),
    ]
    assert found.rows("qualifiers", "statement", "relation", "value", "ord") == [
        (0, "source_sense", "s1", 0), (0, "target_sense", "s2", 1),
        (1, "source_sense", "s1", 0), (2, "source_sense", "s1", 0),
    ]  # fmt: skip


def test_frames_of_all_releases(stage):
    sense = '<Sense id="{}" synset="t-00000001-n" {}/>'
    frame = '<SyntacticBehaviour subcategorizationFrame="{}" {}/>'
    found = stage(
        entry("w1", "do", sense.format("s1", "") + sense.format("s2", "") + frame.format("A", "senses='s2'"))
        + entry("w2", "take", sense.format("s3", 'subcat="f1 f2"') + frame.format("B", ""))
        + frame.format("C", 'id="f1"') + SYNSETS
    )  # fmt: skip
    literals = found.rows("literals", "relation", "value", "statement")
    senses = dict(found.rows("qualifiers", "statement", "value"))
    assert {(value, senses[number]) for _, value, number in literals} == {
        ("A", "s2"),
        ("B", "s3"),
        ("C", "s3"),
    }
    assert {relation for relation, *_ in literals} == {"verb_frame"}
    assert found.counts["skipped: frames that are not here"] == 1


def test_of_two_records_with_one_id_the_first_counts(stage):
    found = stage(
        entry("w", "a", '<Sense id="s" synset="x"/><Sense id="s" synset="y"/><Sense synset="y"/>')
        + entry("w", "b", '<Sense id="s9" synset="x"/>')
        + entry("v", " ", "")
        + '<Synset id="x"/>\n<Synset id="x" ili="i1"/><Synset/>'
    )
    assert found.rows("rejects", "line", "reason") == [
        (4, "a second sense with the id 's'"), (4, "a sense without an id or a synset"),
        (5, "a second lexical entry with the id 'w'"), (6, "a lexical entry without a lemma"),
        (8, "a second synset with the id 'x'"), (8, "a synset without an id"),
    ]  # fmt: skip
    assert found.rows("surfaces", "entity", "text") == [("x", "a")]
    assert found.rows("xref", "value") == []


def test_ids_by_offset(stage):
    more = '<Synset id="t-in-n"/><SynsetRelation/>'
    inside = entry("w", "a", '<Sense id="s" synset="t-00000002-s"/>') + SYNSETS.replace(
        "/>", ">{}</Synset>", 1
    )
    found = stage(
        inside.format('<SynsetRelation relType="similar" target="omw-ja-00000002-s"/>') + more, ids="offset"
    )
    assert found.rows("entities", "entity", "label") == [("00000001-n", None), ("00000002-a", "a")]
    assert found.rows("triples", "entity", "tail") == [("00000001-n", "00000002-a")]
    assert found.rows("surfaces", "entity", "atom") == [("00000002-a", "s")]
    assert found.rows("rejects", "line", "reason") == [
        (7, "'t-in-n' ends in no offset, which is to be its id")
    ]
    other = stage(TOP + LEXICON.replace('id="t"', 'id="oewn"') + SYNSETS + END, whole=True, ids="offset")
    assert other.outcome.facts["notes"]["warnings"] == [
        "oewn: its ids hold offsets of WordNet 3.1 and its own, not of 3.0"
    ]
    with pytest.raises(ConfigError, match="ids: 'ofset' is none of own, offset"):
        stage("", ids="ofset")


EXTENSION = """<LexiconExtension id="x" label="More" language="en" license="CC BY-NC 4.0" version="1">
<Extends id="t" version="2024"/>
<ExternalLexicalEntry id="w1"><ExternalLemma><Tag category="c">x</Tag></ExternalLemma>
<Form writtenForm="dogs"/>
<ExternalSense id="s1"><Example>A dog.</Example></ExternalSense>
<Sense id="s2" synset="x-new"/></ExternalLexicalEntry>
<ExternalSynset id="t-1"><Definition>a pet</Definition>
<SynsetRelation relType="hyponym" target="x-new"/></ExternalSynset>
<Synset id="x-new"/>
</LexiconExtension>
</LexicalResource>
"""


def test_an_extension_adds_to_what_it_extends(stage):
    base = TOP + LEXICON + entry("w1", "dog", '<Sense id="s1" synset="t-1"/>') + '<Synset id="t-1"/>\n' + END
    found = stage(base, TOP + EXTENSION, whole=True)
    assert found.rows("surfaces", "entity", "text", "source") == [
        ("t-1", "dog", "lemma"), ("x-new", "dog", "lemma"), ("x-new", "dogs", "form"),
        ("t-1", "dogs", "form"),
    ]  # fmt: skip
    assert found.rows("descriptions", "entity", "text") == [("t-1", "A dog."), ("t-1", "a pet")]
    assert found.rows("triples", "entity", "relation", "tail") == [("t-1", "hyponym", "x-new")]
    assert found.rows("entities", "entity") == ["t-1", "x-new"]
    assert "warnings" not in found.outcome.facts["notes"]
    assert [(one.source, one.attribution, one.redistribute) for one in found.reading.licences] == [
        ("Tiny 2024", "We, 2024", "yes"), ("More 1", "", "ask"),
    ]  # fmt: skip


def test_an_extension_alone_says_what_it_lacks(stage):
    found = stage(TOP + EXTENSION, whole=True)
    assert found.counts["skipped: on words of a lexicon that is not here"] == 2
    assert found.counts["skipped: tags"] == 1
    (warning,) = found.outcome.facts["notes"]["warnings"]
    assert warning.startswith("x builds on t, which is not among the files")


@pytest.mark.parametrize(
    ("sense", "version", "key"),
    [
        ("t-dog__1.05.00..", "2024", "dog%1:05:00::"),
        ("t--ap-s_gravenhage__1.15.00..", "2024", "'s_gravenhage%1:15:00::"),
        ("t--apos-s_gravenhage__1.15.00..", "2025", "'s_gravenhage%1:15:00::"),
        ("t-rock---apos-n-apos---roll__1.10.00..", "2025+", "rock-'n'-roll%1:10:00::"),
        ("t-rock--ap-n-ap--roll__1.10.00..", "2023", "rock-'n'-roll%1:10:00::"),
        ("t-able__5.00.00.well-sp-made.00", "2024", "able%5:00:00:well_made:00"),
        ("t-a__b__3.00.01..", "2024", "a__b%3:00:01::"),
        ("t-goose-01", "2024", None),
    ],
)
def test_sense_keys_are_read_from_ids(sense, version, key):
    assert sense_key(sense, "t", version) == key


def test_a_file_that_breaks_off_keeps_what_is_whole(tmp_path):
    whole = (TOP + LEXICON + '<Synset id="a"/>\n<Synset id="b"/>\n<Synset id="c"/>' + END).encode()
    path = tmp_path / "x.xml"
    path.write_bytes(whole[: whole.index(b'"c"')])
    found = Staged(tmp_path, SOURCE, path)
    assert found.rows("entities", "entity") == ["a", "b"]
    assert [line for line, _ in found.rows("rejects", "line", "reason")] == [6]
    assert found.outcome.facts["damaged"][0][2].startswith("not XML: ")
    packed = gzip.compress(whole * 1)
    path.write_bytes(packed[:-20])
    assert Staged(tmp_path, SOURCE, path).outcome.facts["damaged"][0][0] == "x.xml"
