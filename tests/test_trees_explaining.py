"""A tree drawn, in cells and on a page: everything is there, nothing overlaps, hostile tokens stay text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kbtools.cli import drawn
from kbtools.errors import ConfigError
from kbtools.trees.explaining import picture
from kbtools.trees.explaining.explained import Branch, Drawing, Explained, Mention
from kbtools.trees.explaining.page import counted, page, write_page
from kbtools.trees.visibility import visible

GOLDEN = Drawing(
    tokens=[
        *("[CLS]", "Tim", "Cook", "CEO", "Apple", "is", "visiting"),
        *("Beijing", "capital", "China", "is_a", "City", "now"),
    ],
    soft=[0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6, 7, 6],
    branch=[0, 0, 0, 1, 1, 0, 0, 0, 2, 2, 3, 3, 0],
    word=[0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 5, 5, 6],
    segment=[0] * 13,
)
NASTY = [
    "<script>alert(1)</script>",
    "</svg>",
    "</text>",
    '"',
    "'",
    "&amp;",
    "]]>",
    "<!--",
    "\u202e",
    "\0",
    "",
    "\n",
]


class Plain(NamedTuple):
    """Any arrays will do."""

    tokens: list[str]
    soft: list[int]
    branch: list[int]
    word: list[int]
    segment: list[int]


@st.composite
def trees(draw):
    """Words of one to three tokens, each with up to three branches."""
    word = st.text("aß北\u0301京x中<", min_size=1, max_size=12)
    found = Plain([], [], [], [], [])
    soft = number = 0
    second = draw(st.integers(0, 12))
    for at in range(draw(st.integers(1, 12))):
        kind = int(at >= second)
        for _ in range(draw(st.integers(1, 3))):
            _add(found, draw(word), soft, 0, at, kind)
            soft += 1
        for _ in range(draw(st.sampled_from([0, 0, 1, 2, 3]))):
            number += 1
            for step in range(draw(st.integers(1, 6))):
                _add(found, draw(word), soft + step, number, at, kind)
    return found


def _add(tree, *values):
    for column, value in zip(tree, values, strict=True):
        column.append(value)


def test_the_golden_tree():
    assert drawn.lines(GOLDEN, 80) == [
        "[CLS]  Tim  Cook  is  visiting  Beijing  now",
        "  0     1    2    3      4         5      6",
        "            │                   │",
        "            └─ CEO  Apple       ├─ capital  China",
        "                3     4         │     6       7",
        "                                └─ is_a  City",
        "                                    6     7",
    ]


def test_a_narrow_terminal_breaks_before_words_whose_branches_have_no_room():
    assert drawn.lines(GOLDEN, 24) == [
        "[CLS]  Tim",
        "  0     1",
        "",
        "Cook  is  visiting",
        " 2    3      4",
        "│",
        "└─ CEO  Apple",
        "    3     4",
        "",
        "Beijing  now",
        "   5      6",
        "│",
        "├─ capital  China",
        "│     6       7",
        "└─ is_a  City",
        "    6     7",
    ]


def test_wide_characters_are_two_cells_and_a_word_of_several_tokens_is_bracketed():
    soft, branch, word = [0, 1, 2, 3, 4, 3], [0, 0, 0, 1, 1, 0], [0, 1, 1, 1, 1, 2]
    tree = Plain(list("去北京首都了"), soft, branch, word, [])
    assert drawn.lines(tree, 80) == [
        "去  北  京  了",
        "0   1   2   3",
        "    ├────┘",
        "    └─ 首  都",
        "       3   4",
    ]


def test_the_second_sentence_begins_a_line():
    tree = Plain(["a", "b"], [0, 1], [0, 0], [0, 1], [0, 1])
    assert drawn.lines(tree, 80) == ["a", "0", "", "b", "1"]


@given(tree=trees(), width=st.integers(20, 90))
def test_all_tokens_are_drawn_once_and_apart(tree, width):
    taken: set[tuple[int, int]] = set()
    rows = list(drawn.rows(tree, width))
    texts: list[str] = []
    for number, row in enumerate(rows):
        at = 0
        for text, look in row:
            cells = {(number, column) for column in range(at, at + cell_len(text))}
            at += cell_len(text)
            if text.strip():
                assert not cells & taken
                taken |= cells
                texts += [text] if look != drawn.DIM else []
        assert at <= max(width, max(cell_len(one) for one in tree.tokens) + 3)
    assert sorted(texts) == sorted(tree.tokens)


@given(tree=trees())
def test_a_branch_is_on_the_page_as_many_times_as_it_has_tokens(tree):
    shown = Page(picture.tree(tree))
    assert shown.texts("token") == [one for line in _in_order(tree) for one in line]
    assert len(shown.texts("at")) == len(tree.tokens)


def _in_order(tree):
    """What the picture writes: line by line the trunk, then branches, from the right."""
    from kbtools.trees.explaining.lines import lay  # noqa: PLC0415

    for line in lay(tree, picture.CELLS, str):
        yield [one.token.text for one in line.trunk]
        yield [one.token.text for branch in line.branches for one in branch.tokens]


def test_the_matrix_has_a_square_for_each_pair_that_sees_each_other():
    sees = visible(np.array(GOLDEN.branch), np.array(GOLDEN.word))
    shown = Page(picture.matrix(GOLDEN, sees))
    assert len(shown.titles(" sees ")) == 73 == sees.sum()
    assert "CEO sees Cook" in shown.titles(" sees ")
    assert "CEO sees is" not in shown.titles(" sees ")


def test_squares_of_many_tokens_are_joined_and_cover_the_same():
    count = 70
    tree = Plain(["x"] * count, list(range(count)), [0] * count, list(range(count)), [0] * count)
    shown = Page(picture.matrix(tree, np.ones((count, count), np.bool_)))
    assert len(shown.titles(" sees ")) == count


def test_the_page_tells_all():
    found = Page(page(explained()))
    words = found.all
    for told in (
        "Tim Cook is visiting Beijing now",
        "over max_entities, which is 2",
        "branch 1",
        "0.810",
        "Q312",
    ):
        assert told in words
    assert (
        counted(explained())
        == "13 tokens · 7 of the sentence · 6 in 3 branches · 1 token of the sentence had no room"
    )
    assert "now" in words[words.index("Passed over") :]


@pytest.mark.parametrize("nasty", NASTY, ids=range(len(NASTY)))
def test_hostile_text_stays_text(nasty):
    tree = Drawing(tokens=[nasty] * 3, soft=[0, 1, 1], branch=[0, 1, 0], word=[0, 0, 1], segment=[0] * 3)
    found = explained(tree=tree, text=nasty, entity=nasty, branch=nasty, why=nasty)
    shown = Page(page(found))
    assert set(shown.tags) <= TAGS
    assert {name for name, _ in shown.attributes} <= ATTRIBUTES
    assert not any("url(" in value or "javascript" in value for _, value in shown.attributes)
    assert not shown.open


def test_only_a_page_of_its_own_is_written_over(tmp_path):
    path = tmp_path / "tree.html"
    write_page(explained(), path)
    write_page(explained(), path)
    other = tmp_path / "mine.html"
    other.write_text("mine")
    with pytest.raises(ConfigError, match="is no such page"):
        write_page(explained(), other)
    with pytest.raises(ConfigError, match="no such folder"):
        write_page(explained(), tmp_path / "no" / "tree.html")


def explained(tree=GOLDEN, text="Tim Cook is visiting Beijing now", entity="Q1", branch="CEO Apple", why="p"):
    label = entity
    taken = Branch(
        relation="P39", relation_label="CEO", tail="Q312", tail_label="Apple", text=branch, score=0.81,
        parts={"rank": 0.5}, number=1,
    )  # fmt: skip
    left = Branch(
        relation="P19", relation_label=None, tail=None, tail_label="1960", text=branch, score=0.2,
        why="over max_entities, which is 2",
    )  # fmt: skip
    cook = Mention(surface="Cook", word=2, entity=entity, label=label, p=0.9, branches=[taken, left])
    now = Mention(surface="now", word=None, entity=None, label=None, p=None, branches=[], why=why)
    return Explained(text=text, tree=tree, lost=1, mentions=[cook, now], settings={"policy": "trunk-first"})


TAGS = {
    "html", "meta", "title", "style", "h1", "h2", "h4", "p", "br", "ul", "li", "span", "div", "bdi",
    "article",
    "small", "table", "tr", "th", "td", "details", "summary", "footer", "code", "svg", "g", "rect",
    "text", "path",
}  # fmt: skip
ATTRIBUTES = {
    "name", "content", "charset", "http-equiv", "class", "lang", "dir", "role", "aria-label", "aria-hidden",
    "width", "height", "viewbox", "transform", "x", "y", "rx", "d", "text-anchor", "font-size", "data-c",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[tuple[str, str]] = []
        self.said: list[tuple[str, str, str]] = []
        self.all = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "br", "rect", "path"} or (
            tag == "rect" and not str(self.get_starttag_text()).endswith("/>")
        ):
            self.open.append((tag, dict(attrs).get("class", "")))

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            self.said.append((*self.open[-1], data))
            self.all += data

    def texts(self, look: str) -> list[str]:
        return [data for tag, mine, data in self.said if tag == "text" and mine == look]

    def titles(self, part: str) -> list[str]:
        return [data for tag, _, data in self.said if tag == "title" and part in data]
