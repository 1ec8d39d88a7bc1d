import bz2
import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kbtools.errors import SourceError
from kbtools.io import Blocks, Dump, framing
from tests.damaged import PACK, Lines, held, never

RECORDS = [
    {"id": f"Q{i}", "labels": {"en": {"value": 'a "b" {c} \\ ' * (i % 3)}}, "claims": []} for i in range(40)
]


def slow_lines(data):
    """Say what the scanner is to do, a byte at a time."""
    out, depth, quoted, escaped = bytearray(), 0, False, False
    before = "separator"
    for byte in data:
        c = bytes([byte])
        opens = c == b"{" and not quoted
        closes = c == b"}" and not quoted and depth > 0
        if depth or opens:
            if opens and not depth and before != "separator":
                out += b"\n"
            out += b" " if c in b"\r\n" else c
            now = "object"
        elif c in b" \t\r\n[],":
            out += b" " if before == "separator" else b"\n"
            now = "separator"
        else:
            if before == "object":
                out += b"\n"
            out += c
            now = "garbage"
        depth += opens - closes
        if escaped:
            escaped = False
        elif c == b"\\":
            escaped = True
        elif c == b'"':
            quoted = not quoted
        before = now
    return bytes(out)


def fast_lines(data, sizes=(1 << 20,)):
    liner, out, at, i = framing.Liner(), b"", 0, 0
    while at < len(data):
        size = sizes[i % len(sizes)]
        out += liner.feed(data[at : at + size])
        at += size
        i += 1
    return out + liner.finish()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('{}[],:"\\\n\r aé', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('{}"\\ a', max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.text('ab{"\\', max_size=4), json_values, max_size=4)
block_sizes = st.lists(st.integers(1, 40), min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(data=st.text('{}[]," \\\n\rab', max_size=80), sizes=block_sizes)
@example(data='{"a\\\\', sizes=[5])
@example(data='}{"}"}}{x{}', sizes=[1])
def test_the_scanner_is_the_state_machine(data, sizes):
    assert fast_lines(data.encode(), sizes) == slow_lines(data.encode())


@settings(max_examples=150, deadline=None)
@given(
    documents=st.lists(objects, min_size=1, max_size=6),
    indent=st.sampled_from([None, 0, 1, 4, "\t"]),
    form=st.sampled_from(["array", "objects", "glued"]),
    windows=st.booleans(),
    sizes=block_sizes,
)
def test_objects_come_out_one_a_line_and_in_place(documents, indent, form, windows, sizes):
    if form == "array":
        laid_out = json.dumps(documents, indent=indent)
    else:
        laid_out = ("\n" if form == "objects" else "").join(json.dumps(d, indent=indent) for d in documents)
    data = laid_out.replace("\n", "\r\n" if windows else "\n").encode()
    out = fast_lines(data, sizes)
    assert [json.loads(line) for line in out.split(b"\n") if line.strip()] == documents
    if form != "glued":
        assert len(out) == len(data)
        assert all(a == b for a, b in zip(out, data, strict=True) if a not in b" \n")


def layout(data, kind="plain"):
    with held(PACK[kind](data)) as path:
        dump = Dump(str(path), layout="json")
        dump.close()
        return dump.layout


def test_layouts():
    one = [json.dumps(record).encode() for record in RECORDS]
    dump = b"[\n" + b",\n".join(one) + b"\n]\n"
    in_lines = {
        "dump": dump,
        "dump with white space": b" \n[ \r\n" + b",\r\n".join(one) + b"\r\n]",
        "byte order mark": b"\xef\xbb\xbf" + dump,
        "ndjson": b"\n".join(one),
        "ndjson with commas": b",\n".join(one),
        "never closed": dump[:-3],
        "a first record of some megabytes": b'[\n{"a":"' + b"x" * 3_000_000 + b'"},\n' + dump[2:],
        "a first record that is broken": b'[\n{"id":"Q1","labels":{"en":\n' + dump[2:],
    }
    as_objects = {
        "pretty array": json.dumps(RECORDS, indent=2).encode(),
        "pretty object": json.dumps(RECORDS[1], indent=4).encode(),
        "no indent": json.dumps(RECORDS, indent=0).encode(),
        "one line": json.dumps(RECORDS).encode(),
        "glued": b"".join(one),
        "two a line": b"\n".join(a + b" " + b for a, b in zip(one, one, strict=True)),
        "record beside the bracket": b"[" + b",\n".join(one) + b"]",
        "empty": b"[]",
        "cut short": b"[\n" + one[1][:30],
        "wrapper": json.dumps({"entities": {"Q1": RECORDS[1]}}, indent=1).encode(),
    }
    for name, data in in_lines.items():
        assert layout(data) == "lines", name
        assert layout(data, "gz") == "lines", name
    for name, data in as_objects.items():
        assert layout(data) == "objects", name


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<mediawiki>", "expected '\\[' or '{' at byte 0, found '<mediawiki>'; is it a Wikidata JSON dump"),
        (b"  \n Q42", "at byte 4, found 'Q42'"),
        (b" \n ", "at byte 3, found the end"),
        (b"\xef\xbb\xbfnull", "at byte 3, found 'null'"),
        (b"\xff\xfe[\x00", "at byte 0"),
    ],
)
def test_what_is_not_json_is_refused(data, message):
    with pytest.raises(SourceError, match=message):
        layout(data)


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("indent", [None, 2])
def test_objects_are_spooled_from_every_container(tmp_path, kind, indent):
    data = json.dumps(RECORDS, indent=indent).encode()
    path = tmp_path / "a"
    path.write_bytes(PACK[kind](data))
    got = Lines(path, size=1500, layout="json")
    assert [json.loads(line) for line in got.data.split(b"\n") if line.strip()] == RECORDS
    assert len(got.data) == len(data)
    assert {(piece.reader, piece.numbered) for piece in got.pieces} == {("spool", False)}
    assert len(got.pieces) > 1


def test_rubbish_between_objects_stands_alone():
    out = fast_lines(b'[{"a": 1} oops {"b": 2}, null, }{"c": 3}x]')
    lines = [line.strip() for line in out.split(b"\n") if line.strip()]
    assert lines == [b'{"a": 1}', b"oops", b'{"b": 2}', b"null", b"}", b'{"c": 3}', b"x"]


def test_an_array_that_is_cut_short_ends_with_a_line_to_refuse(tmp_path):
    data = json.dumps(RECORDS, indent=1).encode()
    path = tmp_path / "a"
    path.write_bytes(data[:-40])
    lines = [line for line in Lines(path, size=1000, layout="json").data.split(b"\n") if line.strip()]
    assert [json.loads(line) for line in lines[:-1]] == RECORDS[:-1]
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(lines[-1])


def test_a_damaged_container_drops_the_object_it_cuts(tmp_path):
    data = json.dumps(RECORDS, indent=1).encode()
    path = tmp_path / "a.gz"
    path.write_bytes(PACK["gz"](data)[:-60])
    got = Lines(path, size=1000, layout="json")
    lines = [line for line in got.data.split(b"\n") if line.strip()]
    assert [json.loads(line) for line in lines] == RECORDS[: len(lines)]
    (damage,) = got.damages
    assert "truncated gzip stream" in damage.reason
    assert "unfinished line dropped" in damage.reason


REAL = os.environ.get("KBTOOLS_REALDATA")
real = pytest.mark.skipif(not REAL, reason="set KBTOOLS_REALDATA to a folder of real dumps")


@real
def test_real_files_open():
    files = [path for path in Path(str(REAL), "wikidata").rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        try:
            dump = Dump(str(path), layout="json")
            dump.close()
        except SourceError as error:
            assert path.suffix not in {".json", ".gz", ".bz2"}, error  # noqa: PT017


@real
def test_real_layouts(tmp_path):
    root = Path(str(REAL), "wikidata")
    for path in root.glob("wdsub/**/*.gz"):
        dump = Dump(str(path), layout="json")
        assert dump.layout == "lines"
        dump.close()
    for path in root.glob("qwikidata/*.json"):
        dump = Dump(str(path), layout="json")
        assert dump.layout == "objects"
        (piece,) = dump.pieces(tmp_path, size=1 << 26, skip=never)
        lines = b"".join(block.data for block in Blocks(piece, tmp_path)).split(b"\n")
        assert [json.loads(line) for line in lines if line.strip()] == [json.loads(path.read_bytes())]


@real
def test_real_bz2_in_ranges(tmp_path):
    path = Path(str(REAL), "wikidata/opentapioca/data/sample_wikidata_items.json.bz2")
    for size in (1_000_000, 3_000_000, 1 << 30):
        dump = Dump(str(path), layout="json")
        assert (dump.layout, dump.reader) == ("lines", "bz2")
        pieces = dump.pieces(tmp_path, size=size, skip=never)
        data = b"".join(block.data for piece in pieces for block in Blocks(piece, tmp_path))
        with bz2.open(path) as file:
            assert data == file.read()


def test_lines_of_text_are_not_taken_for_json(tmp_path):
    path = tmp_path / "a.ttl"
    path.write_bytes(b"<a> <b> <c> .\n" * 100)
    assert Lines(path, size=50).data == path.read_bytes()
