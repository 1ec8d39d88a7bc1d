"""Sentences and words: tricky cases by hand, what holds of any text, and real texts."""

from __future__ import annotations

import re
import time
import unicodedata
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ConfigError
from kbtools.text.segment import sentences, words

ODD = st.text(
    st.one_of(
        st.sampled_from(
            " \n\r\t.!?…。！？；\"'”“’)(*-[]1aA中é\u0301\u200d\ufe0f👩👍🏽🇩\u2029\x0c\x85\u3000@:/"
        ),
        st.characters(),
    ),
    max_size=60,
)


def split(text, **more):
    return [text[start:end] for start, end in sentences(text, **more).tolist()]


def tokens(text, **more):
    return [text[start:end] for start, end in words(text, **more).tolist()]


@pytest.mark.parametrize(
    "text",
    [  # | parts sentences
        "Mr. J. R. Smith went to Washington D.C. | He met Gen. Grant at 3.30 p.m. on Jan. 5. | It was $3.",
        '"Stop!" he said. | "Why?" John asked. | Then they left. | (See Fig. 3.) | Really.',
        "And then... nothing. | Next one... | What?! | No way!!! | Fine…",
        "See http://a.com/?q=1.2 and www.b.org. | Mail a.b@c.org. | The end.",
        "I love it! 😀 | So 👍🏽. | Good.",
        "U.S. troops left the U.S. | The firm, i.e. Acme Corp. Ltd., said so. | He left Acme Inc. | It fell.",
        "iPhone sales rose. | iPads fell. | Yahoo! is a firm.",
        "It ends here.[1][2] | Next starts. | In Roe v. Wade it was not.",
        "In 1990. | 300 people came. | No. 5 is alive, see pp. 3-7 and vol. 2.",
        "He said no. | Then it was ill. | Bright days came.",
        "1. Introduction to it. | Now begin.",
        "The dog barked . | He 's gone , said Mr. Li . | `` Why ? '' | She did .",
        "他说：“今天很好！”他又说。 | 然后走了。 | “真的吗？”小明问。 | 是的； | 不是。",
        "“你好。” | 她笑了。 | 我……我不知道。 | （见图。） | 完",
        "很好!|下次再来?|好的。",
        "मैं जाता हूँ। | वह आता है।",
        "Où est-il ? | Il dit : « Non. » | Puis il part.",
        "¿Dónde está? | ¡Aquí! | Muy bien.",
    ],
)  # fmt: skip
def test_sentences_by_hand(text):
    assert split(re.sub(r"\s?\|\s?", lambda bar: bar[0].replace("|", "").replace("  ", " "), text)) == [
        part.strip() for part in text.split("|")
    ]


def test_lines_that_were_wrapped_go_on_and_others_do_not():
    wrapped = (
        "This is a paragraph that somebody wrapped at some\nplace near to the end of the line, as Editors\n"
        "do. The next one is\nshort."
    )
    assert len(split(wrapped)) == 2
    assert split("A Heading\n\nThe text begins\n\n\nhere. It ends") == [
        "A Heading", "The text begins", "here.", "It ends",
    ]  # fmt: skip
    assert split("- one\n- two\nA: hi\r\nB: hello") == ["- one", "- two", "A: hi", "B: hello"]
    assert split("一行\n又一行\u2029末行") == ["一行", "又一行", "末行"]
    assert split("the end\nof it\r\n\r\nNew") == ["the end\nof it", "New"]


def test_german_ordinals_need_the_language():
    text = "Er kam am 3. Oktober nach Bonn."
    assert len(split(text, lang="de")) == 1
    assert len(split(text)) == 2


def test_words_by_hand():
    assert tokens("Mr. O'Neil's 1,000.5 well-known, can't") == [
        "Mr", ".", "O'Neil's", "1,000.5", "well", "-", "known", ",", "can't",
    ]  # fmt: skip
    assert tokens("Mr. O'Neil's well-known Inc. can't, cannot I’m etc. no. 5 no.", style="penn") == [
        "Mr.", "O'Neil", "'s", "well-known", "Inc.", "ca", "n't", ",", "can", "not", "I", "’m", "etc.",
        "no.", "5", "no", ".",
    ]  # fmt: skip
    assert tokens("U.S. e.g. http://a.b/c?d=1. x.y@foo.org, 10:30 3D... --") == [
        "U.S.", "e.g.", "http://a.b/c?d=1", ".", "x.y@foo.org", ",", "10:30", "3D", "...", "--",
    ]  # fmt: skip
    assert tokens("हिन्दी e\u0301te\u0301 👨‍👩‍👧👍🏽🇩🇪🇫🇷1️⃣") == [
        "हिन्दी", "e\u0301te\u0301", "👨‍👩‍👧", "👍🏽", "🇩🇪", "🇫🇷", "1️⃣",
    ]  # fmt: skip
    assert tokens("萬里長城，ABC中国 カタカナと") == [
        "萬",
        "里",
        "長",
        "城",
        "，",
        "ABC",
        "中",
        "国",
        "カタカナ",
        "と",
    ]


def test_chinese_words_by_jieba():
    pytest.importorskip("jieba")
    assert tokens("我来到北京清华大学，Hello中国", zh="jieba") == [
        "我",
        "来到",
        "北京",
        "清华大学",
        "，",
        "Hello",
        "中国",
    ]


def test_an_unknown_way_to_cut_chinese_is_refused():
    with pytest.raises(ConfigError, match="jieba"):
        words("x", zh="pkuseg")  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [sentences, words, lambda text: words(text, style="penn")])
@given(text=ODD)
def test_spans_are_in_order_and_hold_all_but_white_space(cut, text):
    spans = cut(text)
    assert spans.dtype == np.int32
    assert spans.shape == (len(spans), 2)
    flat = spans.ravel().tolist()
    assert flat == sorted(flat)
    covered: set[int] = set()
    for start, end in spans.tolist():
        assert start < end
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        covered.update(range(start, end))
    assert all(at in covered for at, char in enumerate(text) if not char.isspace())
    for start, _ in spans.tolist():  # never between a letter and its mark
        if start and not text[start - 1].isspace():
            assert unicodedata.category(text[start])[0] != "M" or cut is sentences


@given(ODD)
def test_words_hold_no_white_space_and_sentences_part_no_words_of_letters(text):
    assert not any(char.isspace() for word in tokens(text) for char in word)
    for start, _ in sentences(text).tolist():
        assert not (start and text[start - 1].isalpha() and text[start].isascii() and text[start].isalpha())


@pytest.mark.parametrize(
    "unit",
    [
        ".",
        ". ",
        '"',
        "A.",
        "a\n",
        "\n",
        "@",
        "a.b@",
        "。”",
        "://",
        "a://",
        "😀",
        "'",
        "1.1",
        "www.",
        "(1) ",
        "..!",
    ],
)
@pytest.mark.parametrize("cut", [sentences, words, lambda text: words(text, style="penn")])
def test_no_text_takes_more_than_its_share_of_time(cut, unit):
    cut("")
    begin = time.process_time()
    cut("." + unit * (200_000 // len(unit)))
    assert time.process_time() - begin < 3


def test_sentences_of_the_brown_corpus(realdata):
    right = found = known = 0
    with zipfile.ZipFile(realdata / "text/nltk/brown.zip") as archive:
        for name in sorted(archive.namelist())[2:400:8]:
            if not re.fullmatch(r"brown/c[a-r]\d\d", name):
                continue
            lines = [line for line in archive.read(name).decode().splitlines() if line.strip()]
            gold = [" ".join(word.rpartition("/")[0] for word in line.split()) for line in lines]
            text = " ".join(gold)
            bounds = np.cumsum([len(one) + 1 for one in gold]) - 1
            # The corpus takes each semicolon for an end of a sentence, and prints it twice.
            ends = {end for end in bounds.tolist() if text[end - 1] not in ";:"}
            told = set(sentences(text)[:, 1].tolist())
            right, found, known = right + len(ends & told), found + len(told), known + len(ends)
    assert right / found > 0.99
    assert right / known > 0.94  # others are headings, which stand in the same line here


def test_chinese_sentences_of_real_texts_end_at_their_stops(realdata):
    text = (realdata / "text/zh/CLUECorpusSmall_sampled.txt").read_text()[:200_000]
    ends = set(sentences(text)[:, 1].tolist())
    stops = [found.end() for found in re.finditer("[。！？](?=[一-鿿])", text)]
    assert len(stops) > 1000
    assert all(stop in ends for stop in stops)
