"""Words of a wordnet in texts: every form leads to its lemmas, every lemma to its senses."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as example
from hypothesis import strategies as st

from kbtools.alias import Alias
from kbtools.errors import ConfigError
from kbtools.linkers.base import KINDS, Block, Given, no_mentions
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.lexicon import POS, UNKNOWN, named
from kbtools.linkers.mentions import lemmas
from kbtools.text.detachment import RULES
from tests import tiny_alias, tiny_kb, tiny_wordnet

GOLD = KINDS.index("gold")


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory):
    return Knowledge(Alias(tiny_wordnet.alias(tmp_path_factory.mktemp("wordnet"))))


def found(knowledge, *texts, **settings):
    """Return what is found: words, and the eids of each, the likeliest first."""
    step = lemmas.make(knowledge, lemmas.Settings(**settings))
    mentions = step(Block(texts), no_mentions())
    return [(texts[text][start:end], eids) for text, start, end, eids in told(mentions)]


def told(mentions):
    places = zip(mentions.text.tolist(), mentions.start.tolist(), mentions.end.tolist(), strict=True)
    bounds = mentions.offsets.tolist()
    return [
        (*place, mentions.eid[low:high].tolist())
        for place, low, high in zip(places, bounds, bounds[1:], strict=False)
    ]


def link(text, surface, lemma="", pos=UNKNOWN, kb=-1):
    start = text.index(surface)
    return (0, start, start + len(surface), kb, -1, GOLD, named(pa.array([lemma]))[0] if lemma else 0, pos)


def given(knowledge, text, *links, **settings):
    kinds = (np.int32, np.int32, np.int32, np.int16, np.int64, np.uint8, np.uint64, np.uint8)
    columns = [np.array(column, kind) for column, kind in zip(zip(*links, strict=True), kinds, strict=True)]
    step = lemmas.make(knowledge, lemmas.Settings(find=False, given=True, **settings))
    return step(Block([text], None, Given(*columns)), no_mentions())


def test_forms_lead_to_lemmas(knowledge):
    # a list of exceptions, by rule, as it is
    assert found(knowledge, "Axes, glasses and a boss") == [
        ("Axes", [3, 4]), ("glasses", [9, 8]), ("boss", [17])
    ]  # fmt: skip
    assert found(knowledge, "wishes WISHING wished wishs") == [
        ("wishes", [20]), ("WISHING", [20]), ("wished", [20]), ("wishs", [20])
    ]  # fmt: skip
    # a form of the list has no lemma by rule; of as frequent senses the earlier one is first
    assert found(knowledge, "men, man") == [("men", [14, 15, 16]), ("man", [14, 15])]
    assert found(knowledge, "bos") == []


def test_collocations_change_at_one_end(knowledge):
    assert found(knowledge, "He took off.") == [("took off", [6]), ("took", [5])]
    assert found(knowledge, "taking sides") == [("taking sides", [7]), ("taking", [5])]
    assert found(knowledge, "two dining tables") == [("dining tables", [19])]
    assert found(knowledge, "dinings table") == []


def test_what_stands_between_words(knowledge):
    for text in ("river bank", "river-bank", "River_Bank", "river - bank", "river  bank"):
        assert found(knowledge, text)[0] == (text, [1])
    for text in ("river, bank", "river\nbank", "river. Bank", "river (bank"):
        assert [words for words, _ in found(knowledge, text)] == [text[-4:]]
    assert found(knowledge, "river", "bank") == [("bank", [0, 1, 2])]
    for text in ("the U.S. army", "U. S.", "u s"):
        assert found(knowledge, text)[0][1] == [10]
    assert found(knowledge, "in the long-run")[0] == ("long-run", [11])


def test_seven_words_are_seven_words(knowledge):
    whole = "man of the house in the moon"
    assert found(knowledge, f"The {whole}!", most_words=7) == [(whole, [13]), ("man", [14, 15])]
    assert found(knowledge, whole, most_words=6) == [("man", [14, 15])]
    assert found(knowledge, whole[:-5], most_words=7) == [("man", [14, 15])]  # only begins like it


def test_senses_are_as_likely_as_they_were_counted(knowledge):
    step = lemmas.make(knowledge, lemmas.Settings())
    mentions = step(Block(["banks"]), no_mentions())
    assert mentions.eid.tolist() == [0, 1, 2]
    assert mentions.prior == pytest.approx(np.array([6, 4, 1]) / 11, abs=1e-4)
    assert mentions.prior.sum() == pytest.approx(1)
    mentions = lemmas.make(knowledge, lemmas.Settings(prior="order", pos=("n",)))(
        Block(["bank"]), no_mentions()
    )
    assert mentions.prior == pytest.approx(np.array([2, 1]) / 3, abs=1e-4)


def test_parts_of_speech_and_what_was_found_before(knowledge):
    assert found(knowledge, "bank long well", pos=("v", "a")) == [("bank", [2]), ("long", [12])]
    before = lemmas.make(knowledge, lemmas.Settings(pos=("v",)))(Block(["bank"]), no_mentions())
    after = lemmas.make(knowledge, lemmas.Settings())(Block(["bank"]), before)
    assert told(after) == [(0, 0, 4, [2])]


def test_given_words_have_the_senses_of_their_lemma(knowledge):
    text = "Banks of glasses, banked."
    mentions = given(
        knowledge, text, link(text, "Banks", "bank", 0), link(text, "glasses", "glasses", 0),
        link(text, "banked", "bank", 1),
    )  # fmt: skip
    assert [eids for *_, eids in told(mentions)] == [[0, 1], [8], [2]]
    assert mentions.kind.tolist() == [GOLD] * 3


def test_lemmas_that_differ_by_a_point(knowledge):
    text = "No. 7, no?"
    assert found(knowledge, text) == [("No", [22, 23]), ("no", [22, 23])]
    rows = link(text, "No", "no.", 0), link(text, "no?", "No", 0)
    assert [eids for *_, eids in told(given(knowledge, text, *rows))] == [[23], [22]]


def test_given_words_without_lemma_or_part_of_speech(knowledge):
    text = "Banks took long_run nothing"
    rows = [
        link(text, "Banks", pos=POS.index("n")), link(text, "took"), link(text, "long_run", "long-run", 2),
        link(text, "nothing", "nothing", 0),
    ]  # fmt: skip
    assert [eids for *_, eids in told(given(knowledge, text, *rows))] == [[0, 1], [5], [11], []]
    # no such verb: the part of speech is let go; a lemma that nobody knows: the form counts
    rows = [link(text, "Banks", "axis", 1), link(text, "took", "tooken", 1)]
    mentions = given(knowledge, text, *rows)
    assert [eids for *_, eids in told(mentions)] == [[2], [5]]
    # another knowledge base is meant; a kind that is not asked for
    assert [eids for *_, eids in told(given(knowledge, text, link(text, "Banks", "bank", 0, kb=1)))] == [[]]
    assert not len(given(knowledge, text, link(text, "Banks", "bank", 0), kinds=("user",)))


def test_texts_without_words(knowledge):
    assert found(knowledge, "", "🙂 … —", "\x00") == []
    assert found(knowledge) == []


def test_settings_and_bases_that_make_no_sense(knowledge, tmp_path):
    for wrong in ({"pos": ("x",)}, {"kinds": ("x",)}, {"most_words": 0}):
        with pytest.raises(ConfigError):
            lemmas.Settings(**wrong)
    tiny_alias.build(tmp_path)
    with pytest.raises(ConfigError, match="no words with a part of speech"):
        found(Knowledge(Alias(tmp_path / "alias")), "bank")


def test_senses_without_numbers_are_ordered_by_count(tmp_path):
    rows = [
        {"eid": eid, "text": "fall", "lang": "en", "source": "lemma", "pos": "n", "count": count}
        for eid, count in ((0, 1), (1, 8))
    ]
    entities = [tiny_kb.entity(eid, f"{eid:08}-n", None) for eid in (0, 1)]
    tiny_kb.write(tmp_path / "kb", {"entities": entities, "surfaces": rows}, name="wordnet")
    from kbtools import api  # noqa: PLC0415

    api.build_alias([tmp_path / "kb"], tmp_path / "alias")
    assert found(Knowledge(Alias(tmp_path / "alias")), "falls") == [("falls", [1, 0])]


def morphy(word):
    """Return the entries of a word, (lemma, pos), as morphy(7WN) says it: rule by rule."""
    known = {(lemma.lower(), "a" if pos == "s" else pos) for lemma, pos, *_ in tiny_wordnet.SENSES}
    listed = {("axes", "n"): {"axis", "ax", "axe"}, ("took", "v"): {"take"}, ("men", "n"): {"man"},
              ("was", "v"): {"be"}}  # fmt: skip
    entries = {(word, pos) for pos in POS if (word, pos) in known}
    for pos in POS:
        if (word, pos) in listed:
            entries |= {(lemma, pos) for lemma in listed[word, pos]}
            continue
        if pos == "n" and (word.endswith("ss") or len(word) <= 2):
            continue
        for suffix, ending in RULES.get(pos, ()):
            lemma = word[: len(word) - len(suffix)] + ending
            if word.endswith(suffix) and (lemma, pos) in known:
                entries.add((lemma, pos))
    return entries


STEMS = sorted({lemma.lower() for lemma, *_ in tiny_wordnet.SENSES if lemma.isalpha()})
TAILS = sorted({suffix for rules in RULES.values() for suffix, _ in rules} | {"", "x", "ss"})


@example(st.sampled_from(STEMS), st.integers(0, 2), st.sampled_from(TAILS))
def test_forms_are_those_of_the_rules(knowledge, stem, cut, tail):
    word = stem[: len(stem) - cut] + tail
    senses = {
        eid
        for lemma, pos, eid, *_ in tiny_wordnet.SENSES
        if (lemma.lower(), "a" if pos == "s" else pos) in morphy(word)
        or lemma.lower().rstrip(".") == word  # `no` is No. as well; `nos` is not
    }
    one = found(knowledge, word) if word else []
    assert set(one[0][1] if one else []) == senses
