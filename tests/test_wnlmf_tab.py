"""OMW's .tab files: rows by hand, and against a reader that goes line by line."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbtools.io.opening import open_stream
from kbtools.kb.named import NamedPart
from kbtools.sources.wnlmf import SOURCE
from kbtools.sources.wnlmf.languages import shorten
from kbtools.sources.wnlmf.tab import Tab
from tests.staged_source import Staged, columns_of, rows_of

HEADER = "# Tiny\tcmn\thttps://example.org\twordnet \n"


@pytest.fixture
def stage(tmp_path):
    def make(*texts: str | bytes):
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.tab")
            files[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
        return Staged(tmp_path, SOURCE, *files)

    return make


def test_rows_of_each_type(stage):
    found = stage(
        HEADER
        + "00000001-n\tcmn:lemma\t狗\n"
        + "00000002-s\tlemma\t大_的\r\n"
        + "\n# a remark\n#\tx\ty\tz\tand\tmore\n"
        + "00000001-n\tcmn:lemma\t犬\t12\n"
        + "00000001-n\tcmn:lemma\t狗狗\t0.75\n"
        + "00000001-n\tcmn:def\t0\t家养的动物\n"
        + "00000001-n\tcmn:def\t1\t另一条\n"
        + "00000001-n\texe\t狗叫了\n"
        + "00000003-v\teng:lemma\tgo out\n"
        + "00000003-v\tarb:lemma:brokenplural\tabc\n"
        + "00000003-v\tarb:lemma:root\tabc\n"
    )
    assert found.rows("surfaces", "entity", "text", "lang", "source", "pos", "count") == [
        ("00000001-n", "狗", "zh", "lemma", "n", None), ("00000002-a", "大 的", "zh", "lemma", "s", None),
        ("00000001-n", "犬", "zh", "lemma", "n", 12), ("00000001-n", "狗狗", "zh", "lemma", "n", None),
        ("00000003-v", "go out", "en", "lemma", "v", None), ("00000003-v", "abc", "ar", "form", "v", None),
    ]  # fmt: skip
    assert found.rows("entities", "entity", "kind", "label", "description", "lang", "line") == [
        ("00000001-n", "synset", "狗", "家养的动物", "zh", 1),
        ("00000002-a", "synset", "大 的", None, "zh", 2),
        ("00000003-v", "synset", None, None, "zh", 11),
    ]
    assert found.rows("labels", "entity", "lang", "text") == [
        ("00000001-n", "zh", "狗"), ("00000002-a", "zh", "大 的"), ("00000003-v", "en", "go out"),
    ]  # fmt: skip
    assert found.rows("descriptions", "entity", "lang", "kind", "text", "source") == [
        ("00000001-n", "zh", "gloss", "家养的动物", "Tiny"), ("00000001-n", "zh", "gloss", "另一条", "Tiny"),
        ("00000001-n", "zh", "example", "狗叫了", "Tiny"),
    ]  # fmt: skip
    assert found.counts == {
        "read": 10, "rejected": 0, "skipped: scores of lemmas": 1, "skipped: roots of words": 1,
    }  # fmt: skip
    (licence,) = found.reading.licences
    assert (licence.source, licence.licence, licence.redistribute) == ("Tiny", "wordnet", "yes")


def test_chinese_marks_before_grammatical_endings(stage):
    words = [
        "具体+的",
        "一丝不苟+地",
        "东北+的+地",
        "有声有色 +的",
        "中意+的人",
        "塞尔维亚+语",
        "C++",
        "大",
        "大+的",
    ]
    found = stage(HEADER + "".join(f"00000001-a\tcmn:lemma\t{word}\n" for word in words))
    assert [text for text, source in found.rows("surfaces", "text", "source") if source == "lemma"] == [
        "具体的", "一丝不苟地", "东北的地", "有声有色的", "中意的人", "塞尔维亚语", "C++", "大", "大的",
    ]  # fmt: skip
    assert [text for text, source in found.rows("surfaces", "text", "source") if source == "form"] == [
        "具体", "一丝不苟", "东北", "有声有色",
    ]  # fmt: skip
    other = stage("# X\tspa\t\t\n00000001-a\tspa:lemma\t大+的\n")
    assert other.rows("surfaces", "text", "lang") == [("大+的", "es")]


def test_bad_rows_are_rejected_with_their_line(stage):
    found = stage(
        HEADER.encode()
        + b"00000001-n\tcmn:lemma\n1-n\tcmn:lemma\tx\n00000001-n\tcmn:lemma\t \n00000001-n\tcmn:lemma\ta\0b\n"
        + b"00000001-n\tcmn:lemma\t\xff\n00000001-n\tcmn:def\t0\ta\tb\n00000001-n\tcmn:colour\tred\n"
        + b"00000001-n\tlemma\tok"
    )
    assert sorted(found.rows("rejects", "line", "reason")) == [
        (1, "2 fields instead of 3"), (2, "its id is no offset with a part of speech"), (3, "no text"),
        (4, "NUL byte"), (5, "not UTF-8"), (6, "more than 4 fields"), (7, "unknown type 'cmn:colour'"),
    ]  # fmt: skip
    assert found.counts["read"] == 8
    assert found.rows("surfaces", "text") == ["ok"]


def test_of_several_files_the_first_labels(stage):
    row = "00000001-n\tcmn:lemma\t{}\n"
    found = stage(
        HEADER + row.format("狗"),
        HEADER + row.format("犬") + "x\ty\tz\n",
        "# T\tqcn\t\t\n" + row.format("狗").replace("cmn:", ""),
    )
    assert found.rows("labels", "lang", "text") == [("zh", "狗"), ("zh-hant", "狗")]
    assert len(found.rows("surfaces", "text")) == 3
    assert found.rows("rejects", "file", "line") == [("1.tab", 2)]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_changes_nothing_but_places(stage, start):
    found = stage(start + HEADER.encode() + b"00000001-n\tcmn:lemma\t\n")
    assert found.rows("rejects", "line", "byte") == [(1, len(start) + len(HEADER))]


IDS = st.sampled_from(["00000001-n", "00000001-s", "00000001-a", "00000002-v", "1-n", "#", ""])
TYPES = st.sampled_from(["cmn:lemma", "lemma", "eng:lemma", "cmn:def", "cmn:exe", "x:y"])
TEXTS = st.sampled_from(["狗", "大+的", "大", "a b", "a_b", "", " ", "3\t狗", "狗\t3", "狗\t.5", "a\tb\tc"])


def slow(lines: list[str]) -> list[tuple[str, str, str, int | None]]:
    """Return the lemmas and forms that the lines hold."""
    good, surfaces = [], []
    for line in lines:
        fields = line.split("\t", 2)
        if len(fields) == 3 and re.fullmatch(r"\d{8}-[a-z]", fields[0]) and fields[2].strip():
            good.append((fields[0].replace("-s", "-a"), fields[1], fields[2].strip()))
    for synset, kind, value in good:
        text, *more = value.split("\t")
        if kind.endswith("lemma") and len(more) < 2:
            text = text.rstrip().replace("_", " ")
            count = int(more[0]) if more and more[0].isdecimal() else None
            english = kind == "eng:lemma"
            marked = not english and text.endswith("+的")
            surfaces.append((english, synset, text.replace("+", "") if marked else text, "lemma", count))
            if marked:
                surfaces.append((english, synset, text[:-2], "form", count))
    plain = {one[:3] for one in surfaces if one[3] == "lemma"}
    return [one[1:] for one in surfaces if one[3] == "lemma" or one[:3] not in plain]


@given(st.lists(st.tuples(IDS, TYPES, TEXTS), max_size=12))
@example([("00000001-s", "cmn:lemma", "大+的"), ("00000001-s", "eng:lemma", "大")])
def test_against_a_slow_reader(tmp_path_factory, rows):
    lines = ["\t".join(row) for row in rows]
    folder = tmp_path_factory.mktemp("tab")
    with NamedPart(folder, "x.part") as out:
        Tab(out, several=False).read((HEADER + "\n".join(lines)).encode(), "x.tab")
    found = rows_of(folder / "x.part", "surfaces")
    kinds = {"lemma": 0, "form": 1}
    expected = sorted(slow(lines), key=str)
    assert sorted(columns_of(found, "entity", "text", "source", "count"), key=str) == expected
    assert {source for *_, source, _ in expected} <= kinds.keys()


def test_the_chinese_open_wordnet_takes_well_under_a_second(realdata, tmp_path):
    path = realdata / "wordnet/cow/wn-data-cmn.tab"
    with open_stream(str(path)) as stream:
        data = b"".join(stream.chunks())
    begun = time.process_time()
    with NamedPart(tmp_path, "x.part") as out:
        Tab(out, several=False).read(data, "x")
    assert time.process_time() - begun < 1


def test_languages():
    codes = ["cmn", "cmn-Hans", "cmn_Hant", "zh", "ENG", "en-GB", "fra", "", "tlh"]
    assert [shorten(code) for code in codes] == ["zh", "zh", "zh-hant", "zh", "en", "en-gb", "fr", "", "tlh"]
