"""CoNLL files: AIDA's, with marks, and with tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.corpus._iob import spans
from kbtools.corpus._spacing import laid
from kbtools.errors import ConfigError
from tests.corpus_read import Read, document, link, written

AIDA = """-DOCSTART- (1 TEA)
Ann\tB\tAnn Lee\tAnn_Lee_\\u0028singer\\u0029\thttp://en.wikipedia.org/wiki/Ann_Lee_(singer)\t12\t/m/0x
Lee\tI\tAnn Lee\tAnn_Lee_\\u0028singer\\u0029\thttp://en.wikipedia.org/wiki/Ann_Lee_(singer)\t12\t/m/0x
's
tea
,
from
(
Foo\tB\tFoo\t--NME--
)
.

"
Bonn\tB\tBonn\tBonn
Bonn\tB\tBonn\tBonn
"
!

-DOCSTART- (2 EMPTY)
-DOCSTART- (3 LAST)
Rome\tB\tRome\tRome\thttp://en.wikipedia.org/wiki/Rome\t5
"""


def read(tmp_path, text, *settings, name="a.conll"):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Read(f"conll:{tmp_path / name}", *settings)


@pytest.mark.parametrize("change", [str, lambda text: "\ufeff" + text.replace("\n", "\r\n")])
def test_aida(tmp_path, change):
    found = read(tmp_path, change(AIDA))
    assert found.rejects == []
    assert found.names == ["1 TEA", "2 EMPTY", "3 LAST"]
    assert found.texts == ['Ann Lee\'s tea, from (Foo).\n"Bonn Bonn"!', "", "Rome"]
    assert found.told("id", "kb", "kind") == [
        ("Ann Lee", "Ann Lee (singer)", "wikipedia", "gold"),
        ("Foo", None, None, "gold"),
        ("Bonn", "Bonn", "wikipedia", "gold"),
        ("Bonn", "Bonn", "wikipedia", "gold"),
        ("Rome", "Rome", "wikipedia", "gold"),
    ]
    assert found.extra()[0] == {"page": "12", "mid": "/m/0x"}
    assert found.meta()["sentences"] == [[0, 26], [27, 39]]
    assert [found.texts[0][a:b] for a, b in found.meta()["tokens"]][:4] == ["Ann", "Lee", "'s", "tea"]


def test_plain_spaces(tmp_path):
    found = read(tmp_path, AIDA, "spaces=plain")
    assert found.texts[0] == 'Ann Lee \'s tea , from ( Foo ) .\n" Bonn Bonn " !'
    assert found.told()[0] == ("Ann Lee",)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Rome\tI\tRome\tRome", "a mention begins with I"),
        ("Rome\tB\tRome Italy\tRome", "the tokens of the mention are 'Rome', not 'Rome Italy'"),
        ("Rome\tX\tRome\tRome", "'X' is neither B nor I"),
        ("\tB\tRome\tRome", "no token"),
    ],
)
def test_rows_that_contradict_themselves(tmp_path, row, reason):
    found = read(tmp_path, f"-DOCSTART- (1 X)\nIn\n{row}\n.\nBonn\tB\tBonn\tBonn\n")
    assert found.rejects == [(3, reason)]
    assert found.told("id") == [("Bonn", "Bonn")]


MARKED = """DOCSTART_1_X
MMSTART_11867\tAnn_Lee
Ann
Lee
MMEND
lost
*NL*
MMSTART_7\tBonn
Bonn
MMSTART_8\tRome
Rome
MMEND
MMEND
"""


def test_marks(tmp_path):
    found = read(tmp_path, MARKED)
    assert (found.names, found.texts) == (["1_X"], ["Ann Lee lost\nBonn Rome"])
    assert found.told("id") == [("Ann Lee", "Ann Lee"), ("Rome", "Rome")]
    assert found.extra() == [{"page": "11867"}, {"page": "8"}]
    assert found.rejects == [(8, "MMSTART_… without MMEND"), (13, "MMEND without MMSTART_…")]


COLUMNS = """-DOCSTART- -X- -X- O

EU NNP I-NP {0}
rejects VBZ I-VP O
New NNP I-NP {1}
York NNP I-NP {2}
Rome NNP I-NP {3}
"""


@pytest.mark.parametrize(
    "tags",
    [
        ("I-ORG", "I-LOC", "I-LOC", "B-LOC"),  # IOB1
        ("B-ORG", "B-LOC", "I-LOC", "B-LOC"),  # IOB2
        ("S-ORG", "B-LOC", "E-LOC", "S-LOC"),  # IOBES
        ("U-ORG", "B-LOC", "L-LOC", "U-LOC"),  # BILOU
    ],
)
def test_schemes_of_tags(tmp_path, tags):
    found = read(tmp_path, COLUMNS.format(*tags))
    assert found.texts == ["EU rejects New York Rome"]
    assert found.told("type", "kind") == [
        ("EU", "ORG", "ner"), ("New York", "LOC", "ner"), ("Rome", "LOC", "ner")
    ]  # fmt: skip
    meta = found.meta()
    assert meta["tags"] == [tags[0], "O", *tags[1:]]
    assert (meta["pos"][1], meta["chunks"][1], found.names) == ("VBZ", "I-VP", ["a.conll:1"])


WNUT = "It\tO\n'\tO\ns\tO\nBonn\tB-location\n\t\n中\tB-loc\n国\tI-loc\n好\tO\nodd\n"


def test_documents_are_blocks_or_the_file(tmp_path):
    found = read(tmp_path, WNUT)
    assert found.texts == ["It's Bonn", "中国好"]
    assert found.names == ["a.conll:1", "a.conll:6"]
    assert found.told("type") == [("Bonn", "location"), ("中国", "loc")]
    assert found.rejects == [(9, "2 columns are expected, not 1")]
    whole = read(tmp_path, WNUT, "document=file")
    assert (whole.texts, whole.names) == (["It's Bonn\n中国好"], ["a.conll"])
    assert whole.told("type") == found.told("type")


def test_columns_can_be_named(tmp_path):
    text = "1\tUlm\tB-LOC\tO\n2\tliegt\tO\tO\n"
    found = read(tmp_path, text, "columns=-,token,ner,-", "lang=de")
    assert (found.texts, found.told("type"), found.rows[0]["lang"]) == (["Ulm liegt"], [("Ulm", "LOC")], "de")
    with pytest.raises(ConfigError, match="columns are token, ner"):
        read(tmp_path, text, "columns=word,ner")


def test_an_empty_file_has_no_documents(tmp_path):
    assert read(tmp_path, "").rows == []
    assert read(tmp_path, "\n\n\r\n").rows == []


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ('He said " it \'s ( $ 5 ) " .', 'He said "it\'s ($5)".'),
        ("You should ' ve stayed .", "You should've stayed."),
        ("It ’ s the players ' union", "It’s the players' union"),
        ("do n't ; ' quoted ' text", "don't; 'quoted' text"),
        ('" good " and " bad " , too', '"good" and "bad", too'),
        ("rock ' n ' roll , the '90s : 50 %", "rock 'n' roll, the '90s: 50%"),
        ("在 北 京 。 I like 北 京", "在北京。 I like 北京"),
        ("[ x ] { y } …", "[x] {y}…"),
    ],
)
def test_spaces_are_where_people_write_them(tokens, text):
    assert laid([tokens.split()]).text == text


@given(st.lists(st.lists(st.text("ab.'\"(", min_size=1, max_size=3), max_size=6), max_size=4), st.booleans())
def test_tokens_stand_where_they_are_said_to(sentences, plain):
    made = laid(sentences, plain=plain)
    assert [made.text[a:b] for a, b in made.tokens] == [token for each in sentences for token in each]
    assert len(made.sentences) == sum(map(bool, sentences))


def slow_spans(tags):
    """The rule of CoNLL's scorer, token by token: does a chunk end before, does one begin here."""
    found: list[tuple[int, int, str]] = []
    start, last_prefix, last_type = 0, "O", ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, kind = tag.partition("-")
        ends = last_prefix != "O" and (prefix in "OBSU" or last_prefix in "ESLU" or kind != last_type)
        if ends:
            found.append((start, i, last_type))
        if prefix != "O" and (last_prefix == "O" or ends):
            start = i
        last_prefix, last_type = prefix, kind
    return found


@given(st.lists(st.sampled_from(["O", *(f"{p}-{t}" for p in "BIESLU" for t in "XY")]), max_size=12))
def test_spans_are_those_of_the_scorer(tags):
    assert [tuple(span) for span in spans(tags)] == slow_spans(tags)


WORDS = st.text("abcäß中", min_size=1, max_size=4) | st.sampled_from([",", ".", "(", ")", '"', "'s", "50"])


@given(st.lists(st.lists(WORDS, min_size=1, max_size=8), max_size=3), st.data())
def test_what_was_written_is_read_back(tmp_path_factory, sentences, data):
    folder = tmp_path_factory.mktemp("conll")
    text = "".join(
        f"-DOCSTART- (d{i})\n" + "".join(f"{t}\n" for t in each) for i, each in enumerate(sentences)
    )
    first = read(folder, text, "layout=aida")
    for row, tokens in zip(first.rows, sentences, strict=True):
        places = laid([tokens]).tokens
        cuts = sorted(data.draw(st.sets(st.integers(0, len(tokens)), max_size=4)))
        for a, b in zip(cuts[::2], cuts[1::2], strict=False):
            told = data.draw(st.sampled_from([
                {"id": "Á b (c)", "kb": "wikipedia"}, {"id": "Q5", "kb": "wikidata"}, {},
                {"id": "x:1 2", "kb": "mesh"}, {"kind": "ner", "type": "PER"},
                {"type": "LOC", "id": "X", "kb": "dewiki"},
            ]))  # fmt: skip
            row["links"].append(link(places[a][0], places[b - 1][1], **told))
    again = read(folder, written("conll", first.rows))
    assert again.rejects == []
    assert again.rows == first.rows


def test_overlapping_links_and_odd_tokens_are_written_so_that_they_can_be_read(tmp_path):
    rows = [document("a\tb", "New York-based\u2003Ann  Lee", [
        link(0, 8, id="New York", kb="wikipedia"), link(4, 8, id="York", kb="wikipedia"),
        link(15, 23, id="Q1", kb="wikidata"),
    ])]  # fmt: skip
    found = read(tmp_path, written("conll", rows))
    assert (found.rejects, found.names) == ([], ["a b"])
    assert found.told("id") == [("New York", "New York"), ("Ann Lee", "Q1")]


def test_real_files(realdata):
    for name, documents, links in [("wnut17train.conll", 3394, 1975), ("emerging.dev.conll", 1009, 836)]:
        found = Read(f"conll:{realdata / 'ner/wnut17' / name}")
        assert (len(found.rows), len(found.told()), found.rejects) == (documents, links, [])
    found = Read(f"conll:{realdata / 'el/allenai-kb/linking/aida.txt'}")
    assert found.told("id")[1] == ("British", "United Kingdom")


@given(
    st.text(st.sampled_from("ab\tBIO-\n\r \u00a0#_") | st.characters(exclude_categories=["Cs"]), max_size=80)
)
def test_nothing_breaks_the_readers(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("conll")
    for settings in ((), ("layout=aida",), ("layout=marked", "document=block"), ("columns=ner,token,pos",)):
        found = read(folder, text, *settings)
        assert all(words for (words,) in found.told())
    Read(f"hipe:{folder / 'a.conll'}", "nested=true")
