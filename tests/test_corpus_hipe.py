"""HIPE's tables."""

import pytest

from tests.corpus_read import Read

HEAD = (
    "TOKEN NE-COARSE-LIT NE-COARSE-METO NE-FINE-LIT NE-FINE-METO NE-FINE-COMP NE-NESTED NEL-LIT NEL-METO MISC"
).replace(" ", "\t")
ROWS = """# hipe2022:document_id = one
# hipe2022:language = de
# toy:title = Blatt
Herr|O|O|O|O|O|O|_|_|_
Karl|B-pers|O|B-pers.ind|O|B-comp.name|O|Q1{or}Q2|_|_
Bonn|I-pers|O|I-pers.ind|O|I-comp.name|B-loc.adm|Q1{or}Q2|_|NoSpaceAfter
,|O|O|O|O|O|O|_|_|EndOfLine
Paris|B-loc|B-org|B-loc.adm.town|B-org.adm|O|O|Q90|Q142|NoSpaceAfter{or}EndOfSentence
.|O|O|O|O|O|O|_|_|EndOfLine
Foo|B-org|O|B-org.ent|O|O|O|NIL|_|_
1830|B-time|O|B-time.date|O|O|O|_|_|_

# hipe2022:document_id = two
Ulm|B-loc|O|_|_|_|_|Q3|_|
"""


def table(tmp_path, *settings, rows=ROWS, head=HEAD):
    body = rows.replace("|", "\t").replace("{or}", "|")
    (tmp_path / "a.tsv").write_bytes(f"{head}\n{body}".encode())
    return Read(f"hipe:{tmp_path / 'a.tsv'}", *settings)


def test_texts_and_links(tmp_path):
    found = table(tmp_path)
    assert found.rejects == []
    assert (found.names, found.rows[0]["lang"]) == (["one", "two"], "de")
    assert found.texts == ["Herr Karl Bonn,\nParis.\nFoo 1830", "Ulm"]
    assert found.told("id", "kb", "kind", "type", "others") == [
        ("Karl Bonn", "Q1", "wikidata", "gold", "pers", ["Q2"]),
        ("Paris", "Q90", "wikidata", "gold", "loc", None),
        ("Foo", None, None, "gold", "org", None),
        ("1830", None, None, "ner", "time", None),
        ("Ulm", "Q3", "wikidata", "gold", "loc", None),
    ]
    assert found.extra()[:2] == [
        {"fine": "pers.ind"}, {"fine": "loc.adm.town", "metonymic": "org", "instead": "Q142"}
    ]  # fmt: skip
    meta = found.meta()
    assert (meta["title"], meta["components"], meta["sentences"]) == (
        "Blatt", [[5, 14, "comp.name"]], [[0, 21], [21, 31]]
    )  # fmt: skip


def test_settings(tmp_path):
    assert table(tmp_path, "sense=metonymic", "types=fine").told("id", "type") == [
        ("Paris", "Q142", "org.adm")
    ]
    assert ("Bonn", "loc.adm", "ner") in table(tmp_path, "nested=true").told("type", "kind")
    assert table(tmp_path, "lines=false").texts[0] == "Herr Karl Bonn, Paris. Foo 1830"


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("Bonn|I-pers|O|I-pers.ind|O|I-comp.name|B-loc.adm|Q1{or}Q2", "Bonn|I-pers|O|I-pers.ind|O|O|O|Q7", 6,
         "the tokens of a mention name different entities"),
        ("Herr|O|O|O|O|O|O|_", "Herr|O|O|O|O|O|O|Q9", 5, "an entity without a mention"),
        ("Herr|O|O", "Herr|O", 5, "10 columns are expected, not 9"),
        ("Herr|", "|", 5, "no token"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_rejected_with_its_line(tmp_path, old, new, line, reason):
    found = table(tmp_path, rows=ROWS.replace(old, new))
    assert found.rejects == [(line, reason)]
    assert len(found.rows) == 2


def test_a_table_that_tells_nothing_says_so(tmp_path):
    found = table(tmp_path, rows="# document_id = x\r\nUlm|_|_|_|_|_|_|_|_|_\r\n")
    assert found.rows[0]["links"] is None
    assert (found.names, found.texts) == (["x"], ["Ulm"])


def test_real_files(realdata):
    expected = {
        "ajmc-dev-de": (14, 403), "ajmc-dev-en": (14, 416), "ajmc-dev-fr": (17, 391),
        "hipe2020-dev-de": (33, 1242), "hipe2020-dev-en": (80, 966), "hipe2020-dev-fr": (43, 1729),
        "topres19th-dev-en": (34, 237),
    }  # fmt: skip
    files = sorted((realdata / "el/hipe2022").rglob("*.tsv"))
    found = {file.stem.removeprefix("HIPE-2022-v2.1-"): Read(f"hipe:{file}") for file in files}
    assert {name: (len(one.rows), len(one.told())) for name, one in found.items()} == expected
    assert not any(one.rejects for one in found.values())
