"""What a source hands over under names: columns, numbers, bad records, files read as a whole."""

from __future__ import annotations

import bz2
import gzip

import msgspec
import pytest

from kbtools.errors import SourceError
from kbtools.io import Dump
from kbtools.kb import staged
from kbtools.kb.named import PREFIX, SCHEMAS, SNIPPET, NamedPart, read_blocks

PART = "work/parts/x.part"


def rows(folder, table):
    name = table if table == "rejects" else PREFIX + table
    return [row for batch in staged.read(folder / PART, name) for row in batch.to_pylist()]


def test_columns_may_be_sequences_single_values_or_left_out(tmp_path):
    with NamedPart(tmp_path, PART) as out:
        out.add("triples", entity=["a", "b"], relation="r", tail=["b", None], statement=out.statements(2))
        out.add("triples", entity="c", relation="r", tail="d", statement=7, rank=1, best=False)
        out.add("triples", entity=[], relation="r", tail=[], statement=out.statements(0))
    found = rows(tmp_path, "triples")
    assert [tuple(row.values()) for row in found] == [
        ("a", "r", "b", 0, True, 0, None, None),
        ("b", "r", None, 0, True, 1, None, None),
        ("c", "r", "d", 1, False, 7, None, None),
    ]


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_column_that_a_table_does_not_have_is_an_error(tmp_path, table):
    with (
        pytest.raises(TypeError, match=f"{table} has no columns .'colour'."),
        NamedPart(tmp_path, PART) as out,
    ):
        out.add(table, colour=["red"])
    assert not (tmp_path / PART).exists()


def test_statements_count_on(tmp_path):
    with NamedPart(tmp_path, PART) as out:
        numbers = [out.statements(n).tolist() for n in (3, 0, 2)]
    assert numbers == [[0, 1, 2], [], [3, 4]]
    assert out.outcome().facts["statements"] == 5


def test_what_the_task_has_done(tmp_path):
    with NamedPart(tmp_path, PART) as out:
        out.add("pages", title=["x", "y"], lang="en", text="")
        out.counts["read"] += 3
        out.notes["release"] = "3.0"
        out.reject("odd", line=4, byte=17, text="x" * 999)
        out.reject("not text", text=b"\xff" * 999, file="other.txt")
    made = out.outcome(extra=1)
    assert made.files == [PART]
    told = {"pages": 2, "counts": {"read": 3, "rejected": 2}, "notes": {"release": "3.0"}, "extra": 1}
    assert {name: made.facts[name] for name in told} == told
    assert rows(tmp_path, "rejects") == [
        {"file": None, "line": 4, "byte": 17, "reason": "odd", "snippet": "x" * SNIPPET},
        {
            "file": "other.txt",
            "line": None,
            "byte": None,
            "reason": "not text",
            "snippet": "\ufffd" * SNIPPET,
        },
    ]


def test_what_is_large_is_let_go_of_and_stays_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(staged, "SEGMENT_BYTES", 1000)
    with NamedPart(tmp_path, PART) as out:
        for number in range(50):
            out.add("entities", entity=[f"{number} {n}" for n in range(40)])
            out.end_block()
        assert out._writer._file.tell() > 0
    found = [row["entity"] for row in rows(tmp_path, "entities")]
    assert found == [f"{number} {n}" for number in range(50) for n in range(40)]


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_whole_files_may_be_compressed(tmp_path, suffix, pack):
    path = tmp_path / f"x.txt{suffix}"
    path.write_bytes(pack(b"some text\n" * 999))
    with NamedPart(tmp_path, PART) as out:
        assert out.whole(str(path)) == b"some text\n" * 999
        assert b"".join(out.chunks(str(path))) == b"some text\n" * 999
    assert out.outcome().facts["damaged"] == []


def test_a_damaged_file_gives_what_it_can_and_is_noted(tmp_path):
    path = tmp_path / "x.txt.gz"
    text = b"".join(b"%d\n" % n for n in range(9999))
    path.write_bytes(gzip.compress(text)[:-3000])
    with NamedPart(tmp_path, PART) as out:
        found = out.whole(str(path))
    assert 0 < len(found) < len(text)
    assert text.startswith(found)
    ((file, byte, reason),) = out.outcome().facts["damaged"]
    assert (file, byte) == ("x.txt.gz", len(found))
    assert "truncated" in reason


def test_a_file_that_is_gone(tmp_path):
    with pytest.raises(SourceError, match=r"x\.txt"), NamedPart(tmp_path, PART) as out:
        out.whole(str(tmp_path / "x.txt"))


def test_blocks_hold_whole_lines_and_know_their_places(tmp_path):
    lines = [b"line %d %s\n" % (n, b"x" * 2000) for n in range(3000)]
    (tmp_path / "dump").write_bytes(b"".join(lines))
    seen: list[tuple[int, int, bytes]] = []
    ended: list[NamedPart] = []

    def read(block, out):
        seen.append((block.line, block.byte, block.data))
        out.counts["read"] += block.data.count(b"\n")

    pieces = list(
        Dump(str(tmp_path / "dump"), source=0, layout="lines").pieces(
            tmp_path, size=1 << 30, skip=lambda _: False
        )
    )
    made = read_blocks(tmp_path, msgspec.to_builtins(pieces[0]), PART, read, size=1000, finish=ended.append)
    assert len(pieces) == 1
    assert len(seen) > 2
    assert b"".join(data for *_, data in seen) == b"".join(lines)
    for line, byte, data in seen:
        assert data == b"".join(lines[line : line + data.count(b"\n")])
        assert byte == sum(map(len, lines[:line]))
    assert len(ended) == 1
    facts = {
        "lines": 3000,
        "bytes": sum(map(len, lines)),
        "damage": None,
        "counts": {"read": 3000, "rejected": 0},
    }
    assert {name: made.facts[name] for name in facts} == facts
