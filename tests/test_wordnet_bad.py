"""WordNet folders with faults, and any synsets at all beside a reader that goes line by line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ConfigError, SourceError
from kbtools.sources.wordnet import SOURCE
from tests import oracle_wordnet

SAMPLE = Path(__file__).parent.parent / "data/sample/wordnet/dict"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SAMPLE, tmp_path / "dict")


def plan(*paths):
    return SOURCE.plan([str(path) for path in paths], SOURCE.settings())


def edit(path, change):
    """Change one line, the first with a synset, or all of the file."""
    lines = path.read_bytes().split(b"\n")
    lines[2] = change(lines[2])
    path.write_bytes(b"\n".join(lines))


def rejects(folder, tmp_path):
    tables, facts = oracle_wordnet.stage(folder, tmp_path)
    assert facts["counts"]["rejected"] == len(tables["rejects"])
    return [(row["file"], row["line"], row["reason"]) for row in tables["rejects"]], tables


def test_a_folder_without_the_data_is_refused(folder, tmp_path):
    (folder / "data.adv").unlink()
    (folder / "data.verb").unlink()
    with pytest.raises(SourceError, match=r"dict: no data\.verb, data\.adv here; give the dict folder"):
        plan(folder)
    with pytest.raises(SourceError, match="no such folder; check the path"):
        plan(tmp_path / "nowhere")
    with pytest.raises(SourceError, match=rf"a file; give the folder it lies in, {folder}$"):
        plan(folder / "data.noun")
    (tmp_path / "wordnet.tar.gz").touch()
    with pytest.raises(SourceError, match="a file; give the dict folder"):
        plan(tmp_path / "wordnet.tar.gz")
    with pytest.raises(ConfigError, match="one folder"):
        plan(folder, folder)


def test_a_whole_release_may_be_given(folder):
    assert plan(folder.parent).feeds[0].paths[0] == str(folder / "data.noun")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("00000000 03 n".encode("utf-16"), "not UTF-8, which was tried"),
        ("00000000 03 n 01 entity 0 000 | x\n".encode("utf-16-le"), "not UTF-8, which was tried"),
        (b"<html>\n", "data.adv:1: not a WordNet data file"),
        (b"  1 licence\nword n 1 0 1 0 00001740\n", "data.adv:2: not a WordNet data file"),
        (b"", "not a WordNet data file"),
    ],
)
def test_what_is_no_data_file_is_refused(folder, data, message):
    (folder / "data.adv").write_bytes(data)
    with pytest.raises(SourceError, match=message):
        plan(folder)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_byte_order_marks_and_line_ends_do_not_matter(folder, tmp_path, ending):
    clean, _ = oracle_wordnet.stage(folder, tmp_path / "clean")
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", ending))
    assert oracle_wordnet.stage(folder, tmp_path / "other")[0] == clean


SHORT = "its fields are not as many as its numbers of words, pointers and frames say"
NO_SYNSET = "no synset: offset, lexicographer file, type and number of words come first"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda line: line[:40], "cut short: no bar and gloss"),
        (lambda line: line.replace(b" v 03 ", b" v 02 "), SHORT),
        (lambda line: line.replace(b" v 03 ", b" v 04 "), SHORT),
        (lambda line: line.replace(b" 002 $", b" 900 $"), SHORT),
        (lambda line: line.replace(b" 002 $", b" zz $"), SHORT),
        (lambda line: line.replace(b" v 03 ", b" v 00 "), NO_SYNSET),
        (lambda line: line.replace(b" v 03 ", b" x 03 "), NO_SYNSET),
        (lambda line: b"x" + line, NO_SYNSET),
        (lambda line: line.replace(b"move 0", b"move zz"), "a word without a lex_id, a hexadecimal number"),
        (lambda line: line.replace(b" v 03 ", b" n 03 "), "its type is that of another part of speech"),
        (lambda line: line + b"\n" + line, "the offset of an earlier synset"),
        (lambda line: line.replace(b"travel", b"tra\0vel"), "a NUL byte"),
        (lambda line: line.replace(b"travel", b"tr\xe4vel"), "not UTF-8"),
        (lambda line: b"garbage", NO_SYNSET),
    ],
)
def test_a_bad_synset_is_rejected_with_its_line(folder, tmp_path, change, reason):
    whole, _ = oracle_wordnet.stage(folder, tmp_path / "whole")
    edit(folder / "data.verb", change)
    found, tables = rejects(folder, tmp_path)
    again = reason == "the offset of an earlier synset"
    assert found[0] == ("data.verb", 2 + again, reason)
    # what points to it is rejected too
    lost = {(name, why) for name, _, why in found[1:]}
    assert lost <= {("data.verb", "a pointer to a synset that does not exist")}
    assert bool(lost) is not again
    assert len(tables["entities"]) == len(whole["entities"]) - (not again)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"$ 0", b"?? 0", "an unknown pointer symbol"),
        (b"$ 0", b"$$$ 0", "an unknown pointer symbol"),
        (b"$ 00000", b"$ 77777", "a pointer to a synset that does not exist"),
        (b"$ 00000", b"$ x0000", "not a pointer: no offset, part of speech and word numbers"),
        (b"v 0000 ~", b"v 0400 ~", "a pointer from or to a word that its synset does not have"),
        (b"v 0000 ~", b"v 0002 ~", "a pointer from or to a word that its synset does not have"),
        (b"v 0000 ~", b"q 0000 ~", "not a pointer: no offset, part of speech and word numbers"),
        (b"v 0000 ~", b"v 000 ~", "not a pointer: no offset, part of speech and word numbers"),
        (b"+ 02 00", b"+ 99 00", "not a known frame of a verb"),
        (b"+ 02 00", b"+ 02 0f", "not a known frame of a verb"),
        (b"38 v", b"77 v", "no lexicographer file has the number 77"),
    ],
)
def test_a_bad_part_costs_only_itself(folder, tmp_path, old, new, reason):
    whole, _ = oracle_wordnet.stage(folder, tmp_path / "whole")
    edit(folder / "data.verb", lambda line: line.replace(old, new, 1))
    found, tables = rejects(folder, tmp_path)
    assert found == [("data.verb", 2, reason)]
    ids = [row["entity"] for row in whole["entities"] if row["kind"] == "synset"]
    assert [row["entity"] for row in tables["entities"] if row["kind"] == "synset"] == ids
    lost = {"triples", "literals", "types"}
    assert sum(len(tables[name]) - len(whole[name]) for name in lost) == -1


def test_what_is_absent_is_done_without(folder, tmp_path):
    whole, _ = oracle_wordnet.stage(folder, tmp_path / "whole")
    for path in folder.iterdir():
        if not path.name.startswith("data."):
            path.unlink()
    (folder / "noun.exc").touch()  # an empty file is an absent one
    tables, facts = oracle_wordnet.stage(folder, tmp_path)
    absent = [line.partition(":")[0] for line in facts["notes"]["absent"]]
    assert {"no index.sense", "no cntlist.rev", "no noun.exc", "no lexnames", "no frames.vrb"} <= {*absent}
    assert tables["triples"] == whole["triples"]
    assert tables["types"] == whole["types"]
    assert {row["count"] for row in tables["surfaces"]} == {None}
    assert {row["freq"] for row in tables["entities"]} == {None}
    assert {row["scheme"] for row in tables["xref"]} == {"sense_key"}


def test_sense_numbers_and_counts_have_a_second_source(folder, tmp_path):
    whole, _ = oracle_wordnet.stage(folder, tmp_path / "whole")
    (folder / "index.sense").unlink()
    counts = (folder / "cntlist.rev").read_text().replace(":small:00", ":small(a):00")
    (folder / "cntlist.rev").write_text(counts)
    tables, _ = oracle_wordnet.stage(folder, tmp_path)
    assert tables == whole


def test_an_index_of_another_release_is_warned_of(folder, tmp_path):
    lines = (folder / "index.sense").read_text().splitlines()
    key, _, *rest = lines[0].split()
    text = "\n".join(
        [" ".join([key, "00000001", *rest]), "nobody%1:18:00:: 00000001 1 0", "short", *lines[1:]]
    )
    (folder / "index.sense").write_text(text)
    tables, facts = oracle_wordnet.stage(folder, tmp_path)
    assert any("index.sense is of another release" in warning for warning in facts["notes"]["warnings"])
    assert facts["counts"]["skipped: senses of index.sense that no data file has"] == 1
    assert [(row["line"], row["snippet"]) for row in tables["rejects"]] == [(2, "short")]


def test_hypernyms_in_a_circle_are_triples_all_the_same(folder, tmp_path):
    lines = (folder / "data.noun").read_text().split("\n")
    entity, physical = lines[2].split()[0], lines[3].split()[0]
    lines[2] = lines[2].replace(f"~ {physical}", f"@ {physical}")
    (folder / "data.noun").write_text("\n".join(lines))
    tables, _ = oracle_wordnet.stage(folder, tmp_path)
    up = {(row["entity"], row["tail"]) for row in tables["triples"] if row["relation"] == "hypernym"}
    assert {(f"{entity}-n", f"{physical}-n"), (f"{physical}-n", f"{entity}-n")} <= up


@settings(max_examples=60)
@given(data=st.data())
def test_nothing_that_is_written_over_a_file_breaks_the_reader(data, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("any")
    folder = shutil.copytree(SAMPLE, tmp_path / "dict")
    path = folder / data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir())))
    old = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(min(300, len(old)), len(old)))
        new = data.draw(
            st.binary(max_size=6) | st.sampled_from([b" ", b"\n", b" | ", b"%", b" ff ", b" 999 "])
        )
        old[at : at + data.draw(st.integers(0, 30))] = new
    path.write_bytes(old)
    try:
        tables, _ = oracle_wordnet.stage(folder, tmp_path)
    except SourceError:
        return
    known = {row["entity"] for row in tables["entities"]}
    assert {row["tail"] for row in tables["triples"]} <= known
    assert all(row["text"] is not None for row in tables["surfaces"])


WORD = st.text("ab_'.-é苹|1", min_size=1, max_size=6).filter(lambda word: word != "|")
GLOSS = st.text('ab ;"|()-', max_size=12).map(lambda text: " ".join(text.split()))


@st.composite
def nouns(draw):
    """Draw the lines of a data.noun whose pointers all lead somewhere."""
    n = draw(st.integers(1, 6))
    words = [draw(st.lists(WORD, min_size=1, max_size=18, unique_by=str.lower)) for _ in range(n)]
    lines = []
    for row in range(n):
        pointers = []
        for _ in range(draw(st.integers(0, 3))):
            to = draw(st.integers(0, n - 1))
            ends = [draw(st.integers(0, len(words[end]))) for end in (row, to)]
            symbol = draw(st.sampled_from(["@", "~", "@i", "#p", "!"]))
            pointers.append(f"{symbol} {to:08d} n {ends[0]:02x}{ends[1]:02x}")
        fields = [f"{word} {draw(st.integers(0, 15)):x}" for word in words[row]]
        head = [f"{row:08d} {draw(st.integers(3, 28)):02d} n {len(fields):02x}", *fields]
        lines.append(" ".join([*head, f"{len(pointers):03d}", *pointers, "|", draw(GLOSS)]))
    return lines


@settings(max_examples=60)
@given(lines=nouns())
def test_any_synsets_are_read_as_line_by_line(lines, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("any")
    folder = shutil.copytree(SAMPLE, tmp_path / "dict")
    for path in folder.iterdir():
        if not path.name.startswith("data."):
            path.unlink()
    (folder / "data.noun").write_text("\n".join(lines), "utf-8")
    tables, _ = oracle_wordnet.stage(folder, tmp_path)
    mine = {f"{row:08d}-n" for row in range(len(lines))}
    known = {id_: one for id_, one in oracle_wordnet.synsets(folder).items() if id_ in mine}
    words = [(one.id, word.replace("_", " ")) for one in known.values() for word in one.words]
    assert [(row["entity"], row["text"]) for row in tables["surfaces"] if row["entity"] in mine] == words
    keys = [
        (one.id, oracle_wordnet.key(one, n, known)) for one in known.values() for n in range(len(one.words))
    ]
    assert [(row["entity"], row["value"]) for row in tables["xref"] if row["entity"] in mine] == keys
    pointers = [(one.id, target) for one in known.values() for _, target, *_ in one.pointers]
    assert [(row["entity"], row["tail"]) for row in tables["triples"] if row["entity"] in mine] == pointers
    named = [
        n for one in known.values() for *_, source, target in one.pointers for n in (source, target) if n
    ]
    said = [
        row["number"]
        for row in sorted(tables["qualifiers"], key=lambda row: (row["statement"], row["ord"]))
        if row["number"] and row["entity"] in mine
    ]
    assert said == named
