"""Heads of words in shards: first pieces point to first pieces, in the row."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import corpus
from kbtools.shards.base import Here
from kbtools.shards.views.heads import IGNORED, VIEW, Settings
from tests import tiny_tokenizer
from tests.layout_tokens import tokenizer
from tests.viewed import cut, documents, seen, texts_of

CONLLU = """# newdoc id = a
# text = Ada can't swim.
1	Ada	_	_	_	_	4	nsubj	_	_
2-3	can't	_	_	_	_	_	_	_	_
2	can	_	_	_	_	4	aux	_	_
3	not	_	_	_	_	2	advmod	_	_
4	swim	_	_	_	_	0	root	_	SpaceAfter=No
5	.	_	_	_	_	4	punct	_	_

# text = Swim fast
1	Swim	_	_	_	_	0	root	_	_
2	fast	_	_	_	_	1	advmod	_	_

"""


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return tokenizer(tmp_path_factory.mktemp("vocab"), ["swim", "can", "fast", "."])


def parsed(tmp_path, text):
    (tmp_path / "a.conllu").write_text(text, encoding="utf-8")
    return next(iter(corpus.documents(str(tmp_path / "a.conllu"))))


def heads(batch, tokens, size=1 << 30, **settings):
    here = Here(tokens, 64)
    texts = texts_of(batch, tokens)
    found = [row["heads"] for row in seen(VIEW, Settings(**settings), texts, here, size)]
    rows = cut(texts, tokens, size)
    words = [
        tokens.words(rows.ids[rows.offsets[at] : rows.offsets[at + 1]]).to_pylist() for at in range(len(rows))
    ]
    return found, words, here.counts


def test_a_word_of_conllu_points_to_the_first_piece_of_its_head(tmp_path, tokens):
    found, words, counts = heads(parsed(tmp_path, CONLLU), tokens)
    # 0     1    2      3      4      5    6    7       8    9       10      11
    assert words == [["[CLS]", "a", "##d", "##a", "can", "'", "t", "swim", ".", "swim", "fast", "[SEP]"]]
    no = IGNORED
    assert found == [[no, 7, no, no, 7, no, no, 7, 7, 9, 9, no]]
    assert counts["words with a head"] == 6


@pytest.mark.parametrize(("root", "place"), [("self", 7), ("start", 0), ("ignore", IGNORED)])
def test_a_root_points_where_one_likes(tmp_path, tokens, root, place):
    assert heads(parsed(tmp_path, CONLLU), tokens, root=root)[0][0][7] == place


def test_a_head_in_another_row_is_none(tmp_path, tokens):
    found, words, _ = heads(parsed(tmp_path, CONLLU), tokens, size=6)
    no = IGNORED
    assert words[0][1:-1] == ["a", "##d", "##a", "can", "'", "t"]
    assert found == [[no] * 8, [no, 1, 1, 3, 3, no]]


def test_words_in_one_token_have_the_head_that_lies_elsewhere(tmp_path):
    tokens = tokenizer(tmp_path, ["cannot", "swim"])
    text = CONLLU.replace("can't", "cannot")
    found, words, _ = heads(parsed(tmp_path, text), tokens)
    assert words[0][4:6] == ["cannot", "swim"]
    assert found[0][4] == 5


@pytest.mark.parametrize(
    "meta", [{}, {"heads": "x"}, {"heads": [1], "tokens": []}, {"tokens": [[0, 1]], "heads": []}]
)
def test_documents_without_heads_are_counted(tokens, meta):
    found, _, counts = heads(documents("swim fast", meta=[meta]), tokens)
    assert set(found[0]) == {IGNORED}
    assert counts["documents without heads"] == 1


def test_heads_that_are_no_words_and_words_that_have_none(tokens):
    meta = {"tokens": [[0, 4], [5, 9]], "heads": [None, 3], "sentences": [[0, 9]]}
    found, _, counts = heads(documents("swim fast", meta=[meta]), tokens)
    assert set(found[0]) == {IGNORED}
    assert counts["heads that are no words"] == 1


WORDS = st.lists(st.sampled_from(["swim", "Ada", "苹果", "fast", "xyz"]), min_size=1, max_size=6)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=3), st.data())
def test_like_an_oracle_that_goes_word_by_word(parts, data):
    tokens = tiny_tokenizer.loaded()
    texts, metas, trees = [], [], []
    for sentences in parts:
        text, spans, bounds, told = "", [], [], []
        for words in sentences:
            begin = len(text)
            for word in words:
                spans.append([len(text), len(text) + len(word)])
                text += word + " "
            bounds.append([begin, len(text) - 1])
            told.append([data.draw(st.integers(0, len(words))) for _ in words])
        texts.append(text)
        metas.append({"tokens": spans, "sentences": bounds, "heads": [one for some in told for one in some]})
        trees.append(told)
    found, _, _ = heads(documents(*texts, meta=metas), tokens)
    for row, text, meta, told in zip(found, texts, metas, trees, strict=True):
        offsets = tokens.encode([text]).start.tolist()
        first = [1 + offsets.index(start) for start, _ in meta["tokens"]]
        wanted, before = {}, 0
        for sentence in told:
            for at, head in enumerate(sentence):
                wanted[first[before + at]] = first[before + at if head == 0 else before + head - 1]
            before += len(sentence)
        # a word that is its own head by mistake has none
        mistaken = {first[at] for at, head in enumerate(flat(told)) if head == at + 1}
        assert row == [IGNORED if at in mistaken else wanted.get(at, IGNORED) for at in range(len(row))]


def flat(told):
    """Number heads from the beginning of the document; roots stay 0."""
    before, found = 0, []
    for sentence in told:
        found += [head + before if head else 0 for head in sentence]
        before += len(sentence)
    return found


def test_what_is_written_as_conllu_is_read_with_its_heads(tmp_path, tokens):
    first = parsed(tmp_path, CONLLU)
    file = io.BytesIO()
    corpus.write("conllu", [first], file)
    again = parsed(tmp_path, file.getvalue().decode())
    assert heads(again, tokens)[0] == heads(first, tokens)[0]
    assert np.array(heads(again, tokens)[0]).max() > 0
