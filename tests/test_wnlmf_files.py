"""Whole files: each real one is read or refused with a clear line, and so are bad ones; overlays."""

from __future__ import annotations

import bz2
import importlib.util

import pytest

from kbtools import api
from kbtools.errors import SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.wnlmf import SOURCE
from kbtools.sources.wnlmf.look import licences, look
from tests.staged_source import Staged
from tests.test_packaging import ROOT

SAMPLE = ROOT / "data" / "sample"
NEITHER = "neither WN-LMF XML nor a .tab file of the Open Multilingual Wordnet"

READ = {  # file -> synsets, surfaces, triples, rejects
    "cow/wn-data-cmn.tab": (42300, 97661, 0, 0),
    "cwn/wn-data-qcn.tab": (4913, 8069, 0, 0),
    "wikt/wn-wikt-cmn.tab": (12130, 19079, 0, 0),
    "wn-tests/E101-0.xml": (1, 1, 0, 1),
    "wn-tests/E101-1.xml": (2, 1, 0, 1),
    "wn-tests/E101-2.xml": (1, 1, 0, 1),
    "wn-tests/E101-3.xml": (1, 1, 0, 0),
    "wn-tests/W305-0.xml": (1, 1, 0, 0),
    "wn-tests/W306-0.xml": (1, 1, 0, 0),
    "wn-tests/W307-0.xml": (2, 2, 0, 0),
    "wn-tests/gh328.xml": (2, 2, 1, 0),
    "wn-tests/mini-lmf-1.0.xml": (12, 20, 18, 0),
    "wn-tests/mini-lmf-1.3.xml": (3, 3, 0, 0),
    "wn-tests/sense-key-variations.xml": (2, 2, 0, 0),
    "wn-tests/sense-key-variations2.xml": (1, 1, 0, 0),
    "wn-tests/sense-member-order.xml": (2, 4, 0, 0),
}
REFUSED = {
    "cow/LICENSE": NEITHER,
    "cwn/LICENSE": NEITHER,
    "cwn/citation.bib": NEITHER,
    "cwn/qcn-changes.tab": NEITHER + "; it begins with '2025-02-01",
    "wn-tests/README.md": NEITHER,
    "wn-tests/mini-ili-with-status.tsv": NEITHER + "; it begins with 'ILI",
    "wn-tests/mini-ili.tsv": NEITHER + "; it begins with 'ILI",
    "wn-tests/test-package": "no WN-LMF .xml and no OMW .tab file in it",
    "wn-tests/test-package/test-wn.xml": "has no lexicon in it: nothing to read",
    "wn-tests/test-package/LICENSE": NEITHER,
    "wn-tests/test-package/README.md": NEITHER,
    "wn-tests/test-package/citation.bib": NEITHER,
}


@pytest.mark.parametrize("name", READ)
def test_a_real_file_is_read(realdata, tmp_path, name):
    found = Staged(tmp_path, SOURCE, realdata / "wordnet" / name)
    synsets = [kind for kind in found.rows("entities", "kind") if kind == "synset"]
    counts = (len(synsets), *(len(found.rows(table, "entity")) for table in ("surfaces", "triples")))
    assert (*counts, len(found.rejects)) == READ[name]
    assert found.reading.licences


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_that_is_something_else_is_refused(realdata, tmp_path, name):
    with pytest.raises(SourceError) as caught:
        Staged(tmp_path, SOURCE, realdata / "wordnet" / name)
    assert REFUSED[name] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_real_file_has_an_expectation(realdata):
    folder = realdata / "wordnet"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith("princeton")} <= READ.keys() | REFUSED.keys()


def test_all_synsets_of_the_chinese_open_wordnet_are_in_wordnet(realdata, tmp_path):
    folder = realdata / "wordnet"
    known = set()
    for part, letter in (("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")):
        lines = (folder / "princeton-3.0" / f"data.{part}").read_text().splitlines()
        known |= {f"{line[:8]}-{letter}" for line in lines if not line.startswith(" ")}
    ids = Staged(tmp_path, SOURCE, folder / "cow").rows("entities", "entity")
    assert len(ids) == len({*ids} & known) == 42300


def test_facts_of_real_files(realdata, tmp_path):
    tests = realdata / "wordnet" / "wn-tests"
    keys = Staged(tmp_path, SOURCE, tests / "sense-key-variations.xml").rows("xref", "value")
    assert keys == ["'s_gravenhage%1:15:00::"] * 2  # one in dc:identifier, one escaped in the id
    assert Staged(tmp_path, SOURCE, tests / "sense-key-variations2.xml").rows("xref", "value") == keys[:1]
    order = Staged(tmp_path, SOURCE, tests / "sense-member-order.xml")
    assert order.rows("entities", "label") == ["bar", "bar"]  # members: ids of senses, ids of entries
    spaces = Staged(tmp_path, SOURCE, tests / "mini-lmf-1.3.xml").rows("descriptions", "text")
    assert spaces[:2] == ["one two three"] * 2
    assert spaces[2].count("\n") == 4
    mini = Staged(tmp_path, SOURCE, tests / "mini-lmf-1.0.xml")
    assert set(mini.rows("surfaces", "lang")) == {"en", "es"}
    assert ("test-en-0003-v", "exemplifies", "form") in mini.rows("surfaces", "entity", "text", "source")
    assert ("test-en-0003-v", "other:result", "test-en-0002-n") in mini.rows(
        "triples", "entity", "relation", "tail"
    )


def test_a_folder_gives_what_can_be_read_in_it(realdata, tmp_path):
    found = Staged(tmp_path, SOURCE, realdata / "wordnet" / "cwn")
    assert len(found.rows("surfaces", "entity")) == 8069
    (warning,) = found.reading.notes["warnings"]
    assert warning.startswith("left out: ")
    assert "qcn-changes.tab" in warning


BOMB = """<?xml version="1.0"?>
<!DOCTYPE LexicalResource [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<LexicalResource><Lexicon id="x" label="&b;" language="en"><Synset id="x-1"/></Lexicon></LexicalResource>
"""
LATE = "<!DOCTYPE LexicalResource [" + "<!-- far -->" * 9000 + '<!ENTITY % p SYSTEM "http://example.org/x">]>'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BOMB.encode(), "x:2: declares the entity 'a'"),
        (LATE.encode() + BOMB.partition("]>")[2].encode(), "declares the entity 'p'|no lexicon in it"),
        (b"<html><body/></html>", "its root is <html>, not <LexicalResource>"),
        (b"<LexicalResource><Lexicon", "not XML: unclosed token"),
        (b"<LexicalResource", "not XML"),
        (b'<?xml version="1.0" encoding="nonsense"?><LexicalResource/>', "unknown encoding"),
        ("# Tiny\tcmn\tx\ty\n".encode("utf-16"), "is UTF-16; a .tab file must be UTF-8"),
        (
            "# 中文\tcmn\tx\ty\n00000001-n\tcmn:lemma\t狗\n".encode("gb18030"),
            "tried UTF-8: 0 of its first 2 lines",
        ),
        (b"\0\1\2" * 100, "tried UTF-8"),
        (b"PK\x03\x04", "is a zip archive; unpack it first"),
        (b"", "is empty"),
    ],
)
def test_bad_files_are_refused(tmp_path, data, message):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        look(str(path))
    assert "\n" not in str(caught.value)


def test_standard_input_is_refused(tmp_path):
    with pytest.raises(SourceError, match="cannot be looked at before it is read; name a file"):
        Staged(tmp_path, SOURCE, "-")


def test_an_entity_that_nobody_declares_is_told(tmp_path):
    path = tmp_path / "x.xml"
    path.write_text(
        '<!DOCTYPE LexicalResource SYSTEM "http://example.org/none.dtd">\n<LexicalResource>\n'
        '<Lexicon id="x" language="en"><Synset id="a">\n<Definition>caf&eacute;</Definition></Synset>'
        "</Lexicon></LexicalResource>"
    )
    found = Staged(tmp_path, SOURCE, path)
    assert found.rows("rejects", "line", "reason") == [
        (3, "the entity 'eacute' is not declared: its text is missing")
    ]


def test_containers_and_encodings(tmp_path):
    text = '<?xml version="1.0"?><LexicalResource><Lexicon id="x" label="L" license="Ü" language="en">'
    text += '<Synset id="ä"/></Lexicon></LexicalResource>'
    for name, data in (
        ("x.xml.bz2", bz2.compress(text.encode())),
        ("y.xml", text.encode("utf-16")),
        ("z.xml", b"\xef\xbb\xbf" + text.encode()),
    ):
        (tmp_path / name).write_bytes(data)
        assert Staged(tmp_path, SOURCE, tmp_path / name).rows("entities", "entity") == ["ä"]
    (licence,) = licences(str(tmp_path / "x.xml.bz2"))
    assert (licence.source, licence.licence, licence.redistribute) == ("L", "Ü", "ask")


def test_the_sample_is_what_its_words_give(tmp_path):
    path = SAMPLE / "wnlmf" / "build.py"
    spec = importlib.util.spec_from_file_location("build_wnlmf", path)
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    build.main(tmp_path)
    for name in ("wn-data-cmn.tab", "omw-de.xml"):
        assert (tmp_path / name).read_bytes() == (SAMPLE / "wnlmf" / name).read_bytes()


def test_onto_a_wordnet(tmp_path):
    api.ingest("wordnet", [str(SAMPLE / "wordnet" / "dict")], tmp_path / "base", quiet=True)
    tab = tmp_path / "more.tab"
    tab.write_text((SAMPLE / "wnlmf" / "wn-data-cmn.tab").read_text() + "99999999-n\tcmn:lemma\t无\n")
    files = [str(tab), str(SAMPLE / "wnlmf" / "omw-de.xml")]
    api.ingest("wnlmf", files, tmp_path / "zh", onto=tmp_path / "base", ids="offset", quiet=True)
    base, over = Kb(tmp_path / "base"), Kb(tmp_path / "zh")
    assert "entities" not in over.tables
    eids = {row["id"]: row["eid"] for row in base.table("entities").to_pylist()}
    words: dict[int, set[str]] = {}
    for row in over.table("surfaces").to_pylist():
        words.setdefault(row["eid"], set()).add(row["text"])
    dog = next(row["eid"] for row in base.table("labels").to_pylist() if row["text"] == "dog")
    assert words[dog] == {"狗", "犬", "Hund", "Haushund", "Hunde"}
    assert words.keys() <= set(eids.values())
    (reject,) = over.table("rejects").to_pylist()
    assert (reject["file"], reject["line"]) == ("more.tab", tab.read_text().count("\n"))
