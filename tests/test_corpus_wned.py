"""WNED's XML with its texts, and the XML of N³."""

from tests.corpus_read import Read

XML = """<?xml version="1.0" encoding="UTF-8"?>
<toy.entityAnnotation>
  <document docName="one.txt">
    <annotation><mention>Ärzte &amp; Co</mention><wikiName>Die_Ärzte</wikiName><offset>0</offset><length>10</length></annotation>
    <annotation><mention>Bonn</mention><wikiName/><offset>14</offset><length>4</length></annotation>
    <annotation><mention>Bonn</mention><wikiName>NIL</wikiName><offset>14</offset><length>4</length><entity/></annotation>
    <annotation><mention>Bonn</mention><wikiName>Bonn</wikiName><offset>13</offset><length>4</length></annotation>
    <annotation><mention>Bonn</mention><wikiName>Bonn</wikiName><offset>x</offset></annotation>
  </document>
  <document docName="gone.txt"/>
  <document docName="../../etc/passwd"/>
  <document docName="empty.txt"/>
</toy.entityAnnotation>
"""  # noqa: E501
TEXT = "Ärzte & Co in Bonn."


def corpus_in(folder, xml=XML, text=TEXT):
    (folder / "RawText").mkdir(parents=True)
    (folder / "RawText/one.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    (folder / "RawText/empty.txt").write_bytes(b"")
    (folder / "toy.xml").write_text(xml)
    return folder / "toy.xml"


def test_mentions_nil_and_what_is_wrong(tmp_path):
    found = Read(f"wned:{corpus_in(tmp_path)}")
    assert (found.names, found.texts) == (["one.txt", "empty.txt"], [TEXT, ""])
    assert found.told("id", "kb", "kind") == [
        ("Ärzte & Co", "Die Ärzte", "wikipedia", "gold"),
        ("Bonn", None, None, "gold"),
        ("Bonn", None, None, "gold"),
    ]
    assert [line for line, _ in found.rejects] == [8, 7, 10, 11]
    reasons = [reason for _, reason in found.rejects]
    assert reasons[0] == "an annotation without an offset and a length in whole numbers"
    assert reasons[1] == "the span 13..17 is ' Bon', not 'Bonn'"
    assert "no such file" in reasons[2]
    assert reasons[3] == "a document whose docName names no file"


def test_lengths_that_count_the_escapes_of_xml(tmp_path):
    found = Read(f"wned:{corpus_in(tmp_path, XML.replace('<length>10<', '<length>14<'))}")
    assert found.told("id")[0] == ("Ärzte & Co", "Die Ärzte")


def test_offsets_in_utf16_and_texts_that_are_not_utf8(tmp_path):
    text = "😀😀 " + TEXT
    xml = XML.replace("<offset>0", "<offset>5").replace("<offset>14", "<offset>19")
    found = Read(f"wned:{corpus_in(tmp_path / 'a', xml, text)}")
    assert [words for (words,) in found.told()] == ["Ärzte & Co", "Bonn", "Bonn"]
    found = Read(f"wned:{corpus_in(tmp_path / 'b', XML, TEXT.encode('latin-1'))}")
    assert found.names == ["empty.txt"]
    assert "not UTF-8" in [reason for _, reason in found.rejects]


def test_xml_that_breaks_off_or_declares_entities(tmp_path):
    short = XML[: XML.index("</toy")]
    broken = Read(f"wned:{corpus_in(tmp_path / 'a', short)}")
    assert (broken.names, broken.rejects[-1][1][:8]) == (["one.txt", "empty.txt"], "not XML:")
    bomb = XML.replace("<toy.", '<!DOCTYPE t [<!ENTITY a "aaa">]><toy.', 1)
    refused = Read(f"wned:{corpus_in(tmp_path / 'b', bomb)}")
    assert (refused.rows, len(refused.rejects)) == ([], 1)


def test_a_changed_text_is_another_corpus(tmp_path):
    from kbtools import corpus  # noqa: PLC0415

    path = corpus_in(tmp_path)
    before = [one.content for one in corpus.inputs(f"wned:{path}")]
    (tmp_path / "RawText/one.txt").write_text("other")
    assert before != [one.content for one in corpus.inputs(f"wned:{path}")]


N3 = """<corpus xmlns="http://x.org/">
<Document id="7"><DocumentURI>http://x.org/7</DocumentURI><TextWithNamedEntities>
  <NamedEntityInText uri="http://dbpedia.org/resource/Bonn">Bonn</NamedEntityInText>
  <SimpleTextPart> und </SimpleTextPart>
  <NamedEntityInText uri="http://aksw.org/notInWiki/Xyz">Xyz</NamedEntityInText>
  <NamedEntityInText uri="http://dbpedia.org/resource/Ulm"></NamedEntityInText>
  <b>bold</b>
</TextWithNamedEntities></Document></corpus>"""


def test_n3(tmp_path):
    (tmp_path / "a.xml").write_text(N3)
    found = Read(f"n3:{tmp_path / 'a.xml'}", "lang=de")
    assert (found.names, found.texts, found.meta()) == (["7"], ["Bonn und Xyz"], {"source": "http://x.org/7"})
    assert found.told("id", "kb") == [("Bonn", "Bonn", "wikipedia"), ("Xyz", None, None)]
    assert found.rejects == [(6, "a mention without words"), (7, "<b> is no piece of a text")]


def test_real_files(realdata):
    for name, documents, links, nil in [("ace", 36, 306, 49), ("msnbc", 20, 739, 83)]:
        found = Read(f"wned:{realdata}/el/entity-fishing/corpus-long/{name}/{name}.xml")
        assert (len(found.rows), len(found.told()), found.rejects) == (documents, links, [])
        assert sum(told is None for _, told in found.told("id")) == nil
    ours, theirs = Read(f"n3:{realdata}/el/n3/reuters.xml"), Read(realdata / "el/n3/Reuters-128.ttl")
    assert (len(ours.told()), ours.rejects) == (len(theirs.told()), [])
    # the published NIF says some pieces of ten texts twice
    assert len({*ours.texts} & {*theirs.texts}) == 118
