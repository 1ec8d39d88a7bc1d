"""The thesaurus as a text: oddities of single items, any text at all, and time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.sources.roget import SOURCE
from kbtools.sources.roget.entries import entries, headed, spoken
from kbtools.sources.roget.outline import Head, Outline, Title, lines_of
from tests.staged_source import Staged


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("days of  yore, times of\nyore; eld|.", [["days of yore", "times of yore"], ["eld"]]),
        ("new, hip [coll.]; in", [["new", "hip"], ["in"]]),
        ("Archaic[5,000,000], Modern[10]", [["Archaic", "Modern"]]),
        ("St. Luke's summer, fall", [["St. Luke's summer", "fall"]]),
        ("dawn. noon, midday", [["dawn"], ["noon", "midday"]]),
        ("be early &c. adj., keep time", [["be early", "keep time"]]),
        ("adj. &c. v.; x", [["adj"], ["x"]]),
        ("air; \"thin, air; more\" [Tempest]; fog", [["air"], ["fog"]]),
        ('an "open quote, word', [["an open quote", "word"]]),
        ("an [open bracket, word", [["an [open bracket", "word"]]),
        ("_ens_, esse", [["ens", "esse"]]),
        ("one, one, two", [["one", "two"]]),
        ("186; &c. 12; ;;, .", []),
        ("what ho! hail!", [["what ho"], ["hail"]]),
    ],
)  # fmt: skip
def test_items(text, words):
    assert [[word.text for word in entry.words] for entry in entries(text) if entry.words] == words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("truth &c. 494", [("494", "", "")]),
        ("truth &c. 16a", [("16a", "", "")]),
        ("phantom &c.(fallacy of vision) 443", [("443", "", "fallacy of vision")]),
        ("truth (exactness) 494", [("494", "", "exactness")]),
        ("truth 494[TE 12]", [("494", "", "")]),
        ("special &c. 79, (indicative) 550", [("79", "", ""), ("550", "", "indicative")]),
        ("existing &c. v.", [("", "v", "")]),
        ("having &c. adj[obs3].", [("", "a", "")]),
        ("perished, &c. adv.", [("", "r", "")]),
        ("under &c. (class) 75  of", [("75", "", "class")]),
        ("archaeologist &c.[obs3]", []),
        ("no reference (at all)", []),
    ],
)
def test_references(text, told):
    found = [(r.head, r.pos, r.note) for entry in entries(text) for r in entry.references]
    assert found == told


@pytest.mark.parametrize(
    ("text", "name", "notes", "rest"),
    [
        ("Existence.-- N. being", "Existence", [], "N. being"),
        ("[Double relation.] Correlation. -- N. x--y", "Correlation", ["Double relation"], "N. x--y"),
        ("Morning. [Noon.] — N. morn", "Morning", ["Noon"], "N. morn"),
        ("The Past -- N.  the past", "The Past", [], "N.  the past"),
        ("Veteran. N. old man", "Veteran", [], "N. old man"),
        ("Only a name.", "Only a name", [], ""),
    ],
)
def test_heads(text, name, notes, rest):
    assert headed(text) == (name, notes, rest)


def test_parts_of_speech_within_a_paragraph():
    assert spoken("N. a, b. V. c &c. Adj. d; e. Adj. f") == [
        ("n", "a, b."),
        ("v", "c &c. Adj. d; e."),
        ("a", "f"),
    ]


def cut(text):
    def ignore(*_):
        pass

    return list(Outline(ignore, ignore).pieces(lines_of(text)))


def test_titles():
    text = (
        "%\nCLASS IV\nA LONG TITLE\nON TWO LINES\n\nDIVISION (II) Y\nSECTION IX. Z\n\n(1) Conditions\n%\n"
        "#1. A.-- N. a."
    )
    assert cut(text) == [
        Title(0, "class-4", "A LONG TITLE ON TWO LINES"),
        Title(1, "division-2", "Y"),
        Title(2, "section-9", "Z"),
        Title(3, "1", "Conditions"),
        Head(10, "1", "A.-- N. a."),
    ]


def test_a_page_mark_does_not_end_a_paragraph():
    text = "     #1. A.-- N. a, b,\n\n<-- p. 2 -->\n\nc, cousin-\ngerman.\n     dd.\nV. ee.\nff.\n"
    assert [piece.text for piece in cut(text)] == ["A.-- N. a, b, c, cousin-german.", "dd.", "V. ee.", "ff."]


@given(st.text(alphabet='#%1aA.,;"[]()&c{}|\n -—NV<>', max_size=120))
def test_any_text_gives_something(text):
    for piece in cut("#1. A.-- N. a\n" + text):
        if isinstance(piece, Head):
            for _, part in spoken(headed(piece.text)[2]):
                for entry in entries(part):
                    assert all(word.text == word.text.strip() != "" for word in entry.words)


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        '"',
        "(",
        "{",
        "&c. ",
        " ",
        ". ",
        ", ",
        "<-- ",
        "1 ",
        "--",
        "#",
        "a (b [c ",
        "x\n",
        "%\n",
        "&",
        "-\n",
    ],
)
def test_time_is_linear(unit, tmp_path):
    path = tmp_path / "text"
    path.write_text("%\nCLASS I\n%\n#1. A.-- N. a " + unit * (200_000 // len(unit)) + "b 7; ")
    begin = time.monotonic()
    Staged(tmp_path / "staged", SOURCE, path)
    assert time.monotonic() - begin < 5


def test_the_whole_thesaurus_takes_seconds(tmp_path):
    """A text of its size: a thousand heads of thirty lines."""
    words = [f"word{n % 40_000:x} of some" for n in range(60_000)]
    lines = []
    for head in range(1000):
        own = words[head * 60 : head * 60 + 60]
        lines.append(f"     #{head + 1}. Head {head}.-- N. " + ",\n".join(own[:20]) + f" &c. (note) {head}.")
        lines.append("     V. " + ";\n".join(own[20:40]) + "; be &c. n.")
        lines.append("     Adj. " + ", ".join(own[40:]) + ' "as they say" [Anon].')
    path = tmp_path / "text"
    path.write_text("\n".join(lines))
    begin = time.monotonic()
    found = Staged(tmp_path / "staged", SOURCE, path)
    assert time.monotonic() - begin < 10  # 3 on a machine that does nothing else
    assert found.counts["read"] == 3000
