"""Whether shards are sound: what `kbtools verify --deep` finds in them."""

from __future__ import annotations

import copy

import pyarrow as pa
import pytest

from kbtools import api
from kbtools.shards.base import SPAN
from tests import tiny_kb, tiny_shards

SCHEMA = pa.schema([*tiny_shards.SCHEMA, pa.field("facts.head", SPAN)])


def row(number=0, length=8, /, **changed):
    """An example; columns are changed by name, with `_` for the dots."""
    found = tiny_shards.row(number, length) | {
        "facts.head": [1, 3],
        "documents": [{"start": 1, "id": f"d{number}"}],
    }
    found |= {"entities.w.spans": [[1, 2], [3, 5]], "entities.w.eids": [[4, 5], []]}
    found |= {"entities.w.priors": [[0.5, 0.5], []], "entities.w.gold": [4, -2]}
    return copy.deepcopy(found) | {
        name.replace("_w_", ".w.").replace("facts_", "facts."): v for name, v in changed.items()
    }


def problems(tmp_path, tables, **manifest):
    out = tiny_shards.write(tmp_path / "shards", tables, schema=SCHEMA)
    tiny_kb.edit_manifest(out, settings={"common": {"max_length": 16}}, **manifest)
    return api.verify(out, deep=True).problems


def test_sound(tmp_path):
    rows = [row(number, 16) for number in range(7)]
    assert problems(tmp_path, {"train": rows[:4], "dev": rows[4:]}) == []


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"input_ids": [1] * 7 + [30_000]}, "with a token that the tokenizer does not have"),
        ({"input_ids": [1] * 7 + [-1]}, "with a token that the tokenizer does not have"),
        ({"word_start": [True] * 7}, "whose word_start is not as long as its tokens"),
        ({"segment": []}, "whose segment is not as long as its tokens"),
        ({"sentences": [1, 8]}, "with a sentence that begins outside of it"),
        ({"documents": [{"start": -1, "id": "z"}]}, "with a document that begins outside of it"),
        ({"entities_w_spans": [[1, 2], [7, 9]]}, "with a span of entities.w.spans that does not lie inside"),
        ({"entities_w_spans": [[1, 2], [3, 3]]}, "with a span of entities.w.spans that does not lie inside"),
        ({"facts_head": [-1, 2]}, "with a span in facts.head that does not lie inside"),
        ({"entities_w_gold": [4, -3]}, "with a number in entities.w.gold that no entity has"),
        ({"entities_w_eids": [[4, -9], []]}, "with a number in entities.w.eids that no entity has"),
        ({"entities_w_gold": [4]}, "with another number of entities.w.gold than of spans"),
        ({"entities_w_priors": [[0.5], []]}, "whose entities.w.priors are not those of its candidates"),
    ],
    ids=range(13),
)
def test_what_is_wrong_is_found(tmp_path, wrong, what):
    found = problems(tmp_path, {"train": [row(1), row(2), row(3, **wrong)]})
    assert found == [f"train: 1 example {what}, such as number 2"]


def test_rows_too_long_and_empty(tmp_path):
    found = problems(tmp_path, {"train": [row(1, 17), row(2)]})
    assert found == ["train: 1 example longer than max_length, which is 16, such as number 0"]


def test_a_document_in_two_splits(tmp_path):
    found = problems(tmp_path, {"train": [row(1), row(2)], "dev": [row(2)]})
    assert found == ["1 document in more than one split, such as 'd2'"]


def test_an_index_that_says_something_else(tmp_path):
    found = problems(
        tmp_path, {"train": [row(1), row(2)]}, notes={"index": {"train": [[1, 8], [2, 8], [1, 9]]}}
    )
    assert found == [
        "train: the index speaks of 3 files, and there are others",
        "train: 2 examples, where the index says 4",
        "train: 16 tokens, where the index says 25",
    ]


def test_files_are_checked_without_being_read(tmp_path):
    out = tiny_shards.write(tmp_path / "shards", {"train": [row(1)]}, schema=SCHEMA)
    found = api.verify(out)
    assert (found.sound, found.rows) == (True, 1)
    tiny_kb.edit_manifest(out, tables={"train": {"rows": 2, "files": [], "schema": "x"}})
    assert not api.verify(out).sound


def test_a_damaged_file_is_a_problem_not_a_crash(tmp_path):
    out = tiny_shards.write(tmp_path / "shards", {"train": [row(1)]}, schema=SCHEMA)
    file = next((out / "train").iterdir())
    data = bytearray(file.read_bytes())
    data[-20:] = bytes(20)
    file.write_bytes(data)
    found = api.verify(out, deep=True).problems
    assert any("its footer cannot be read" in one for one in found)
