"""What can go wrong while shards are made: kills, Ctrl-C, full disks. What was done is not done again."""

from __future__ import annotations

import pytest

from kbtools import api
from tests import tiny_tokenizer
from tests.running import linux_root
from tests.shard_world import ENGLISH
from tests.started import Staged

PIECE = 4000  # bytes of a corpus


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("kbtools.corpus._files.PIECE", PIECE)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    tokenizer = tiny_tokenizer.build(tmp_path_factory.mktemp("tokenizer") / "t")
    out = tmp_path_factory.mktemp("reference") / "shards"
    options = ["max_length=32", "file_size=9000"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kbtools.corpus._files.PIECE", PIECE)
        api.shard(ENGLISH, out, model="roberta", tokenizer=tokenizer, overrides=options)
    command = ["shard", ENGLISH, "--for", "roberta", "--tokenizer", tokenizer]
    return Staged([*command, *(part for one in options for part in ("-o", one))], out, PIECE)


@pytest.mark.parametrize(
    ("tasks", "workers"),
    [pytest.param(4, 1, marks=pytest.mark.long), (12, 2), (40, 2)],  # the last: while they are merged
)
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, shards, tasks, workers):
    shards.killed(tmp_path / "s", tasks, workers)


def test_control_c_says_how_to_resume(tmp_path, shards):
    shards.interrupted(tmp_path / "s", 3, 2)


@pytest.mark.parametrize(
    ("what", "at"),
    [
        ("pyarrow.ipc.RecordBatchFileWriter.write_batch", 7),
        ("kbtools.shards.merging.write_batches", 2),
        ("kbtools.artefact.task.write_whole", 9),
        ("kbtools.artefact.staging.write_whole", 2),
    ],
)
def test_no_space_is_said_in_one_line_and_room_helps(tmp_path, shards, what, at):
    shards.without_space(tmp_path / "s", what, at)


@linux_root
def test_a_disk_that_is_really_full(tmp_path, shards):
    shards.on_a_small_disk(tmp_path / "disk", 40, 200, 500)
