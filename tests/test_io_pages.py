"""Pages of an XML dump, cut into pieces and blocks: each is delivered once, whole, and in its place."""

import codecs
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import SourceError
from kbtools.io import Dump, reading
from tests.damaged import PACK, Lines, held, never

HEAD = b'<mediawiki xml:lang="en">\n  <siteinfo>\n  </siteinfo>\n'
TAIL = b"</mediawiki>\n"
bodies = st.one_of(
    st.text(st.sampled_from("ab \n<>/pageäé漢"), max_size=30).map(lambda s: s.replace("page>", "")),
    st.integers(0, 400).map("x".__mul__),
    st.sampled_from(["<pa", "</pag", "<title>T</title>", "&lt;page&gt;", "<<<<"]),
).map(str.encode)  # fmt: skip
gaps = st.sampled_from([b"", b"\n", b"\n  ", b"<", b"</", b"\r\n"])
pages = st.builds(
    lambda pairs: b"".join(b"<page>" + body + b"</page>" + gap for body, gap in pairs),
    st.lists(st.tuples(bodies, gaps), max_size=12),
)
dumps = st.builds(
    lambda head, body, tail: head + body + tail,
    st.sampled_from([b"", HEAD, b"<pag", b"\xef\xbb\xbf" + HEAD]),
    pages,
    st.sampled_from([b"", TAIL, b"<page>cut off", b"<pa", b"<page>no end<page>of two</page>"]),
).filter(len)


def units(data: bytes) -> list[bytes]:
    """Take a stream apart the slow way: from each `<page>` to its end, or to the next one."""
    found = re.findall(rb"<page>.*?(?=<page>|\Z)", data, re.DOTALL)
    return [unit.partition(b"</page>")[0] + b"</page>" * (b"</page>" in unit) for unit in found]


def make(n: int, width: int = 300) -> bytes:
    every = (
        b"  <page>\n    <id>%d</id>%s\n  </page>\n" % (i, b"w%d " % i * (i * 7 % width)) for i in range(n)
    )
    return HEAD + b"".join(every) + TAIL


def check(got: Lines, truth: bytes) -> None:
    assert units(got.data) == units(truth)
    for byte, line, data in got.starts:
        assert truth[byte : byte + len(data)] == data
        assert line == truth.count(b"\n", 0, byte)
        assert data.startswith(b"<page>")


@settings(max_examples=250, deadline=None)
@given(truth=dumps, kind=st.sampled_from(sorted(PACK)), size=st.integers(1, 700), block=st.integers(1, 200))
def test_every_page_is_delivered_once_and_in_order(truth, kind, size, block):
    with held(PACK[kind](truth)) as path:
        got = Lines(path, size=size, block=block, layout="pages")
    check(got, truth)
    assert got.bytes == len(truth)
    assert not got.damages


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("size", [3_000, 60_000, 1 << 30])
def test_larger_files(tmp_path, kind, size):
    truth = make(400)
    path = tmp_path / "dump"
    path.write_bytes(PACK[kind](truth))
    got = Lines(path, size=size, block=5_000, layout="pages")
    check(got, truth)
    assert len(units(got.data)) == 400
    ranges = kind in {"plain", "gz-members", "bz2", "bz2-streams"}
    assert {piece.reader for piece in got.pieces} == {kind.partition("-")[0] if ranges else "spool"}
    assert {piece.layout for piece in got.pieces} == {"pages"}


def test_tags_at_every_border(tmp_path):
    truth = make(6, 5)
    path = tmp_path / "dump"
    path.write_bytes(truth)
    for size in range(1, 60):
        check(Lines(path, size=size, block=size, layout="pages"), truth)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("bom", [False, True])
def test_utf_16_is_turned_into_utf_8_before_it_is_cut(tmp_path, encoding, bom):
    truth = make(30) + "<page>漢字 😀</page>".encode()
    text = truth.decode().encode(encoding)
    if bom and encoding != "utf-16":
        text = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}[encoding] + text
    for kind in ("plain", "bz2", "gz"):
        path = tmp_path / kind
        path.write_bytes(PACK[kind](text))
        for size in (1000, 1 << 20):
            got = Lines(path, size=size, layout="pages")
            assert units(got.data) == units(truth)
            assert {piece.reader for piece in got.pieces} == {"spool"}


def test_a_page_that_is_cut_off_is_delivered_for_its_reader_to_refuse(tmp_path):
    truth = make(5)
    cut = truth[: truth.rfind(b"<page>") + 20]
    for kind in ("plain", "gz", "bz2"):
        path = tmp_path / kind
        path.write_bytes(PACK[kind](cut))
        got = Lines(path, size=1000, layout="pages")
        assert len(units(got.data)) == 5
        assert got.starts[-1][2].endswith(cut[-20:])


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "gz-members"])
def test_a_damaged_container_gives_whole_pages_and_says_what_is_lost(tmp_path, kind):
    truth = make(3000)
    packed = PACK[kind](truth)
    path = tmp_path / "dump"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    for size in (50_000, 1 << 30):
        got = Lines(path, size=size, layout="pages")
        have = units(got.data)
        assert have == units(truth)[: len(have)]
        assert len(have) > 100
        assert got.damages
        assert all("line" not in damage.reason for damage in got.damages)
    assert any("unfinished page dropped" in damage.reason for damage in got.damages)


def test_a_page_that_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_LINE", 4_000_000)
    path = tmp_path / "dump"
    path.write_bytes(HEAD + b"<page>" + b"x" * 9_000_000)
    with pytest.raises(SourceError, match="a page of more than"):
        Lines(path, size=1 << 30, layout="pages")


def test_a_page_of_a_hundred_megabytes(tmp_path):
    path = tmp_path / "dump"
    path.write_bytes(HEAD + b"<page>" + b"wikitext " * (100_000_000 // 9) + b"</page>\n<page>b</page>" + TAIL)
    (piece,) = Dump(str(path), layout="pages").pieces(tmp_path, size=1 << 30, skip=never)
    blocks = reading.Blocks(piece, tmp_path)
    assert sum(len(block.data) for block in blocks) > 100_000_000
    assert blocks.bytes == path.stat().st_size
