"""Shards opened: examples one by one and many at once, beside a slow version; what is damaged or foreign."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.errors import ArtefactError, KbError
from kbtools.shards.reader import Shards
from kbtools.shards.reading.rows import Rows
from tests import tiny_shards
from tests.tiny_shards import PAD

LENGTHS = [5, 9, 3, 16, 8, 8, 2, 11, 12, 7, 16, 16, 4, 2, 2, 10, 6]
ALONG = {"input_ids": PAD, "word_start": False, "segment": 0, "heads": -100, "labels": -100}


@pytest.fixture(scope="module")
def examples():
    return tiny_shards.rows(LENGTHS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, examples):
    out = tmp_path_factory.mktemp("reading") / "shards"
    tables = {"train": examples, "dev": tiny_shards.rows([4, 6], 100), "test": []}
    return tiny_shards.write(out, tables, files=3, batch=4)


@pytest.fixture(scope="module")
def rows(folder):
    return Rows(Shards(folder))


def test_shards_say_what_they_are(folder, examples):
    shards = Shards(folder)
    assert shards.splits == ["train", "dev", "test"]
    assert [shards.rows(split) for split in shards.splits] == [17, 2, 0]
    assert shards.tokens("train") == sum(LENGTHS)
    assert shards.lengths("train").tolist() == LENGTHS
    assert shards.lengths("train", np.array([3, 0])).tolist() == [16, 5]
    assert shards.lengths("train").dtype == np.int32
    assert shards.columns[:2] == ["input_ids", "word_start"]
    assert shards.tokenizer["pad"] == PAD
    assert [kb.name for kb in shards.kbs] == ["w"]
    assert shards.max_length == 16
    assert [shards.row("train", number) for number in range(17)] == examples
    assert shards.row("train", -1) == examples[-1]


def test_a_table_is_scanned_and_mapped(folder, examples):
    shards = Shards(folder)
    before = pa.total_allocated_bytes()
    table = shards.table("train", ["pair.kind", "input_ids"])
    assert pa.total_allocated_bytes() - before < 1000  # nothing was read
    assert table["pair.kind"].to_pylist() == [one["pair.kind"] for one in examples]
    batches = list(shards.scan("train", ["score"], rows=3))
    assert max(batch.num_rows for batch in batches) == 3
    assert [row["score"] for batch in batches for row in batch.to_pylist()] == [
        one["score"] for one in examples
    ]
    with pytest.raises(ArtefactError, match="Did you mean 'score'"):
        list(shards.scan("train", ["scores"]))


def test_an_example_looks_into_the_file(rows, examples):
    for number, told in enumerate(examples):
        found = rows[number]
        assert found["input_ids"].tolist() == told["input_ids"]
        assert found["word_start"].tolist() == told["word_start"]
        assert found["entities.w.spans"].tolist() == told["entities.w.spans"]
        assert [one.tolist() for one in found["entities.w.eids"]] == told["entities.w.eids"]
        assert found["documents.id"] == [one["id"] for one in told["documents"]]
        assert found["documents.start"].tolist() == [one["start"] for one in told["documents"]]
        assert found["labels"].tolist() == [-100 if one is None else one for one in told["labels"] or []]
        assert found["topic"] == told["topic"]
    ids = rows[3]["input_ids"]
    assert not ids.flags.owndata
    assert not ids.flags.writeable
    assert rows[-1]["input_ids"].tolist() == examples[-1]["input_ids"]
    for wrong in (17, -18):
        with pytest.raises(IndexError, match="there are 17"):
            rows[wrong]
    with pytest.raises(IndexError, match="no example 17: there are 17"):
        rows.take([0, 17])


def padded(lists: list[list[Any]], width: int, fill: Any) -> list[list[Any]]:
    return [[fill if one is None else one for one in some] + [fill] * (width - len(some)) for some in lists]


def check(batch: dict[str, Any], told: list[dict[str, Any]], multiple_of: int) -> None:
    """Compare a batch with one that is made value by value."""
    width = -(-max(len(one["input_ids"]) for one in told) // multiple_of) * multiple_of
    for name, fill in ALONG.items():
        values = [one[name] or [] for one in told]
        assert batch[name].tolist() == padded(values, width, fill), name
        assert batch[name].dtype == (np.bool_ if name == "word_start" else np.int64)
    assert batch["attention_mask"].sum(axis=1).tolist() == [len(one["input_ids"]) for one in told]
    most = max(len(one["sentences"]) for one in told)
    assert batch["sentences"].tolist() == padded([one["sentences"] for one in told], most, -1)
    assert batch["pair.kind"].tolist() == [one["pair.kind"] for one in told]
    assert batch["score"].tolist() == [one["score"] or 0.0 for one in told]
    assert batch["topic"].to_pylist() == [one["topic"] for one in told]
    assert batch["lexical.ids"].to_pylist() == [one["lexical.ids"] for one in told]
    assert batch["documents.id"].to_pylist() == [[two["id"] for two in one["documents"]] for one in told]
    starts = [[two["start"] for two in one["documents"]] for one in told]
    assert batch["documents.start"].tolist() == padded(starts, max(map(len, starts)), -1)
    mentions = max(len(one["entities.w.spans"]) for one in told)
    spans = padded([one["entities.w.spans"] for one in told], mentions, [0, 0])
    assert batch["entities.w.spans"].tolist() == spans
    assert batch["entities.w.spans"].shape == (len(told), mentions, 2)
    gold = [one["entities.w.gold"] for one in told]
    assert batch["entities.w.gold"].tolist() == padded(gold, mentions, -1)
    assert batch["entities.w.gold.mask"].sum(axis=1).tolist() == [len(one) for one in gold]
    eids = [one["entities.w.eids"] for one in told]
    many = max((len(two) for one in eids for two in one), default=0)
    whole = [padded(one, many, -1) + [[-1] * many] * (mentions - len(one)) for one in eids]
    assert batch["entities.w.eids"].tolist() == whole
    assert (batch["entities.w.eids.mask"] == (batch["entities.w.eids"] != -1)).all()
    assert batch["entities.w.priors"].dtype == np.float32
    assert (batch["entities.w.priors"] > 0).tolist() == batch["entities.w.priors.mask"].tolist()


@given(st.lists(st.integers(0, 16), min_size=1, max_size=25), st.sampled_from([1, 4, 8]))
@settings(max_examples=40)
def test_any_rows_make_the_batch_that_a_slow_loop_makes(folder, examples, numbers, multiple_of):
    rows = Rows(Shards(folder), multiple_of=multiple_of)
    batch = rows.take(numbers)
    check(batch, [examples[number] for number in numbers], multiple_of)
    assert batch["batch.rows"].tolist() == numbers


def test_arrays_may_be_written_to(rows):
    first, again = rows.take([1, 2]), rows.take([1, 2])
    for name, values in first.items():
        if isinstance(values, np.ndarray):
            values[...] = 0
            assert not np.shares_memory(values, again[name])
    assert again["input_ids"].any()
    assert rows.take([1, 2])["input_ids"].tolist() == again["input_ids"].tolist()


def test_columns_and_pads_are_chosen(folder):
    rows = Rows(Shards(folder), columns=["input_ids", "labels"], pads={"labels": -1, "input_ids": 9})
    batch = rows.take([0, 1])
    assert [*batch] == ["input_ids", "attention_mask", "labels", "batch.rows"]
    assert batch["input_ids"][0, 5:].tolist() == [9] * 11
    assert batch["labels"][0].tolist() == [-1] * 16  # null
    with pytest.raises(ArtefactError, match="no column 'lables'"):
        Rows(Shards(folder), columns=["lables"])


def test_parquet_is_read_as_arrow_is(tmp_path, examples, rows):
    folder = tiny_shards.write(tmp_path / "p", {"train": examples}, files=2, batch=3, suffix="parquet")
    shards = Shards(folder)
    assert shards.columns == rows.shards.columns
    assert sum(batch.num_rows for batch in shards.scan("train")) == 17
    assert not list(tmp_path.glob("p.*"))  # what is read in order needs no copy
    check(Rows(shards).take([16, 0, 9]), [examples[at] for at in (16, 0, 9)], 8)
    copies = tmp_path / f"p.mapped-{shards.content[:12]}"
    assert sorted(path.name for path in copies.rglob("*.arrow")) == ["000000.arrow", "000001.arrow"]
    assert [shards.row("train", at) for at in range(17)] == examples
    check(Rows(Shards(folder, cache=tmp_path / "c")).take([1]), [examples[1]], 8)
    assert len(list((tmp_path / "c").rglob("*.arrow"))) == 2
    (tmp_path / "file").touch()
    with pytest.raises(KbError, match=r"give another folder \(cache\)"):
        Shards(folder, cache=tmp_path / "file").row("train", 0)


def test_other_processes_open_the_same(rows):
    again: Rows = pickle.loads(pickle.dumps(rows))
    assert again.take([4, 2])["input_ids"].tolist() == rows.take([4, 2])["input_ids"].tolist()


def test_numbers_without_tokens_are_rows_too(tmp_path):
    schema = pa.schema([("head", pa.uint32()), ("vector", pa.list_(pa.float32(), 3))])
    told = [{"head": at, "vector": [at, 0.5, -at]} for at in range(7)]
    shards = Shards(tiny_shards.write(tmp_path / "s", {"train": told}, schema=schema, batch=2))
    assert shards.lengths("train").tolist() == [1] * 7
    batch = Rows(shards).take([6, 1])
    assert batch["head"].tolist() == [6, 1]
    assert batch["vector"].tolist() == [[6, 0.5, -6], [1, 0.5, -1]]


def test_what_has_a_value_for_some_tokens_only_is_refused(tmp_path):
    schema = pa.schema([("input_ids", pa.list_(pa.int32())), ("tags", pa.list_(pa.int32()))])
    told = [{"input_ids": [1, 2], "tags": [3, 4]}] * 5000 + [{"input_ids": [1, 2], "tags": [3]}]
    rows = Rows(Shards(tiny_shards.write(tmp_path / "s", {"train": told}, schema=schema)))
    assert rows.take([0, 4999])["tags"].shape == (2, 8)
    with pytest.raises(ArtefactError, match="tags does not have one value for each token in every row"):
        rows.take([0, 5000])


def test_tokens_of_a_part_have_a_mask_of_their_own(tmp_path):
    schema = pa.schema(
        [(name, pa.list_(pa.int32())) for name in ("input_ids", "about.input_ids", "about.kind")]
    )
    told = [
        {"input_ids": [1] * n, "about.input_ids": [7] * (2 * n), "about.kind": [2] * (2 * n)} for n in (2, 5)
    ]
    batch = Rows(Shards(tiny_shards.write(tmp_path / "s", {"train": told}, schema=schema))).take([0, 1])
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (2, 8)
    assert batch["about.input_ids"].shape == batch["about.attention_mask"].shape == (2, 16)
    assert batch["about.kind"].shape == (2, 16)
    assert batch["about.attention_mask"].sum(axis=1).tolist() == [4, 10]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("short", "damaged: .* bytes, where the manifest has"),
        ("gone", "gone; `kbtools verify"),
        ("foreign", "damaged: .*make the shards again"),
        ("offsets", "damaged: input_ids has lists outside of it"),
    ],
)
def test_damage_is_told_in_one_line(tmp_path, fault, said):
    folder = tiny_shards.write(tmp_path / "s", {"train": tiny_shards.rows(LENGTHS)}, files=1, batch=50)
    path = folder / "train" / "000000.arrow"
    data = path.read_bytes()
    offsets = np.cumsum([0, *LENGTHS]).astype(np.int32).tobytes()
    changed = {
        "short": data[:-50],
        "foreign": b"x" * len(data),
        "offsets": data.replace(offsets, offsets[:8] + b"\xff\xff\xff\x7f" + offsets[12:]),
    }
    assert all(change != data for change in changed.values())
    path.write_bytes(changed[fault]) if fault in changed else path.unlink()
    with pytest.raises(ArtefactError, match=said) as caught:
        Rows(Shards(folder)).take([0, 1, 2])
    assert "\n" not in str(caught.value)


def test_changed_bytes_end_in_a_batch_or_in_one_line(tmp_path):
    folder = tiny_shards.write(tmp_path / "s", {"train": tiny_shards.rows(LENGTHS)}, files=1, batch=9)
    path = folder / "train" / "000000.arrow"
    data = path.read_bytes()
    draw = random.Random(7)
    ends = {"read": 0, "refused": 0}
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(draw.choice([1, 3, 20])):
            changed[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(changed)
        try:
            Rows(Shards(folder)).take(np.arange(len(LENGTHS)))
            ends["read"] += 1
        except (KbError, IndexError) as error:
            assert "\n" not in str(error)  # noqa: PT017
            ends["refused"] += 1
    assert min(ends.values()) > 5


def test_what_is_compressed_cannot_be_mapped(tmp_path):
    folder = tiny_shards.write(tmp_path / "s", {"train": tiny_shards.rows([900])}, compression="zstd")
    with pytest.raises(ArtefactError, match="input_ids is compressed and cannot be mapped; write it uncompr"):
        Rows(Shards(folder))


def test_other_artefacts_and_other_columns_are_refused(tmp_path, folder):
    with pytest.raises(ArtefactError, match="no such artefact"):
        Shards(tmp_path / "none")
    (tmp_path / "plain").mkdir()
    with pytest.raises(ArtefactError, match="not an artefact of kbtools"):
        Shards(tmp_path / "plain")
    with pytest.raises(ArtefactError, match="no table 'tran'"):
        Shards(folder).row("tran", 0)
    schema = pa.schema([("when", pa.timestamp("s"))])
    odd = tiny_shards.write(tmp_path / "s", {"train": [{"when": 0}]}, schema=schema)
    with pytest.raises(ArtefactError, match=r"column 'when' is timestamp.*leave it out"):
        Rows(Shards(odd))
