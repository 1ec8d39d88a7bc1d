import pytest

from kbtools import api
from kbtools.errors import ConfigError, SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.roget import SOURCE
from tests.staged_source import Staged

TEXT = """Some words of the editor.

%
                                CLASS I

                  WORDS OF A TEST

SECTION I. BEGINNING

1. FIRST THINGS

Internal conditions
%

     #1. [A note, with a comma.] Start. -- N. start, beginning, ini-
tium[Lat]; outset &c. (departure) 3; first step &c. adj.
     dawn &c. 2, (light) 3; a.m., morn|; early[obs3], [Study of starts] initiology.
     V. start, begin.
Adv. at first, initially; "in the beginning" [Somebody].
no longer indented, but a paragraph.
     Phr. once more, with feeling; well begun is half done.

<-- p. 1 -->

     #2. End.-- N. {ant. 1} end, close; ruin 3.

%
SECTION II. MIDDLE
%
     #2a. Middle. -- N. middle, centre; core, centre
of all.
     Adj. central.
"""


@pytest.fixture
def read(tmp_path):
    def run(text, encoding="utf-8", **settings):
        path = tmp_path / "thesaurus.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return Staged(tmp_path / "staged", SOURCE, path, **settings)

    return run


def groups(found):
    """Words by group."""
    told: dict[str, list[str]] = {}
    for row in found["surfaces"]:
        if row["source"] == "term" and row["entity"].startswith("head-"):
            told.setdefault(row["entity"], []).append(row["text"])
    return told


GROUPS = {
    "head-1/n-1/1": ["start", "beginning", "ini-tium"],
    "head-1/n-1/2": ["outset"],
    "head-1/n-1/3": ["first step"],
    "head-1/n-2/1": ["dawn"],
    "head-1/n-2/2": ["a.m.", "morn"],
    "head-1/n-2/3": ["early", "initiology"],
    "head-1/v-1/1": ["start", "begin"],
    "head-1/r-1/1": ["at first", "initially"],
    "head-1/r-2/1": ["no longer indented", "but a paragraph"],
    "head-1/phrase-1/1": ["once more, with feeling"],
    "head-1/phrase-1/2": ["well begun is half done"],
    "head-2/n-1/1": ["end", "close"],
    "head-2/n-1/2": ["ruin"],
    "head-2a/n-1/1": ["middle", "centre"],
    "head-2a/n-1/2": ["core", "centre of all"],
    "head-2a/a-1/1": ["central"],
}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(". -- ", ".—").replace(".-- ", ".—"),
        lambda text: (
            "*** START OF IT ***\n" + text + "\n*** END OF IT ***\n     #9. Licence.-- N. licence.\n"
        ),
        lambda text: text.replace("<-- p. 1 -->", "<-- a note\n     #7. over two lines -->"),
    ],
)
def test_groups_of_words(read, change):
    found = read(change(TEXT))
    assert groups(found) == GROUPS
    assert found.rejects == []


def test_an_edition_without_percent_signs_has_the_same_titles(read):
    with_signs, without = read(TEXT), read(TEXT.replace("%\n", "\n"))
    assert without.edges() == with_signs.edges()
    assert without["entities"] == [
        {**row, "line": other["line"]}
        for row, other in zip(with_signs["entities"], without["entities"], strict=True)
    ]


def test_where_a_group_belongs(read):
    parents = {head: tail for head, _, tail in read(TEXT).edges("part_of")}

    def up(name):
        return [name, *up(parents[name])] if name in parents else [name]

    assert up("head-1/n-1/1") == [
        "head-1/n-1/1", "head-1/n-1", "head-1", "class-1/section-1/1/internal-conditions",
        "class-1/section-1/1", "class-1/section-1", "class-1",
    ]  # fmt: skip
    assert up("head-2a") == ["head-2a", "class-1/section-2", "class-1"]


def test_labels_and_notes(read):
    found = read(TEXT)
    labels = {row["entity"]: row.get("label") for row in found["entities"]}
    assert labels["class-1"] == "WORDS OF A TEST"
    assert labels["class-1/section-1/1"] == "FIRST THINGS"
    assert labels["head-1"] == "Start"
    assert labels["head-1/n-2"] == "dawn"
    assert [(row["entity"], row["kind"], row["text"], row["source"]) for row in found["descriptions"]] == [
        ("head-1", "short", "A note, with a comma", "Roget"),
        ("head-1/n-2", "short", "Study of starts", "Roget"),
        ("head-1/r-1", "example", "in the beginning", "Somebody"),
    ]


def test_references(read):
    found = read(TEXT)
    told: dict[int, dict[str, str]] = {}
    for row in found["qualifiers"]:
        told.setdefault(row["statement"], {})[row["relation"]] = row["value"]
    seen = [
        (row["entity"], row["tail"], *sorted(told.get(row["statement"], {}).items()))
        for row in found["triples"]
        if row["relation"] == "see_also"
    ]
    assert seen == [
        ("head-1/n-1/2", "head-3", ("note", "departure"), ("word", "outset")),
        ("head-1/n-1/3", "head-1/a-1", ("word", "first step")),
        ("head-1/n-2/1", "head-2", ("word", "dawn")),
        ("head-1/n-2/1", "head-3", ("note", "light"), ("word", "dawn")),
        ("head-2/n-1/2", "head-3", ("word", "ruin")),
    ]
    assert found.edges("antonym") == [("head-2", "antonym", "head-1")]


def test_words_have_language_part_of_speech_and_synonyms(read):
    found = read(TEXT)
    word = {row["text"]: row for row in found["surfaces"] if row["source"] == "term"}
    assert (word["ini-tium"]["lang"], word["initially"]["pos"], word["central"]["pos"]) == ("la", "r", "a")
    assert found.edges("synonym") == [
        (words[0], "synonym", other) for words in GROUPS.values() for other in words[1:]
    ]
    members = {(head, tail) for head, _, tail in found.edges("member_of")}
    assert members == {(word, group) for group, words in GROUPS.items() for word in words}
    bare = read(TEXT, words=False)
    assert groups(bare) == GROUPS
    assert bare.edges("synonym") == bare.edges("member_of") == []
    assert {row["kind"] for row in bare["entities"]} == {"concept"}


def test_pairs_of_synonyms_are_the_pairs_of_names_of_an_entity(read, tmp_path):
    """As for a synset of WordNet: what needs pairs need not know which of the two it reads."""
    path = tmp_path / "t.txt"
    path.write_text(TEXT)
    api.ingest("roget", [path], tmp_path / "kb", words=False)
    rows = Kb(tmp_path / "kb").table("surfaces").to_pylist()
    terms = [(row["eid"], row["text"]) for row in rows if row["source"] == "term"]
    pairs = {(a, b) for eid, a in terms for other, b in terms if eid == other and a != b}
    truth = {(a, b) for words in GROUPS.values() for a in words for b in words if a != b}
    assert pairs == truth


def test_what_is_bad(read):
    again = "     #2. End once more.-- N. finis[Lat].\n#x\n#\n     #5.\nNUL\0\n"
    found = read(TEXT + again)
    assert {(row["reason"].partition(";")[0], row["snippet"]) for row in found.rejects} == {
        ("NUL bytes", "NUL\0"),
        ("a head of this number was there before", "#2. End once more.-- N. finis[Lat]."),
        ("no number after '#'", "#x"),
        ("a head without a name", "#5. "),
    }
    assert groups(found)["head-2/n-2/1"] == ["finis"]


def test_other_texts_and_encodings_are_refused(read, tmp_path):
    with pytest.raises(SourceError, match="is this Roget's Thesaurus of 1911"):
        read("A text.\n\nWithout heads.\n")
    with pytest.raises(SourceError, match="tried UTF-8 and Windows-1252"):
        read(TEXT.encode() + b"\x81\xff\n")
    assert groups(read(TEXT.replace("centre", "caf\u00e9"), "windows-1252"))["head-2a/n-1/1"] == [
        "middle",
        "café",
    ]
    with pytest.raises(ConfigError, match="one text"):
        Staged(tmp_path / "a", SOURCE, tmp_path / "x", tmp_path / "y")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no text of the thesaurus"):
        Staged(tmp_path / "a", SOURCE, tmp_path / "empty")
    (tmp_path / "empty" / "nothing.txt").touch()
    with pytest.raises(SourceError, match="holds no text of the thesaurus"):
        Staged(tmp_path / "a", SOURCE, tmp_path / "empty")
    for name in ("one.txt", "two.txt"):
        (tmp_path / "empty" / name).write_text(TEXT)
    with pytest.raises(SourceError, match=r"holds 2 texts of the thesaurus: one\.txt, two\.txt; name"):
        Staged(tmp_path / "a", SOURCE, tmp_path / "empty")
