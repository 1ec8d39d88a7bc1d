"""What can go wrong while trees are made: kills, Ctrl-C, full disks. What was done is not done again."""

from __future__ import annotations

import pytest

from kbtools import api
from tests import grown_trees
from tests.running import linux_root
from tests.started import Staged

PIECE = 1500  # bytes of a corpus
FACTS = [("天地", "人", "日"), ("日月", "火", "水"), ("日月", "山", "石")]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("kbtools.corpus._files.PIECE", PIECE)


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    grown_trees.kb(folder, FACTS)
    lines = (f"天地{'很大' * (at % 7)}日月{at}\n" for at in range(800))
    (folder / "a.txt").write_text("".join(lines), encoding="utf-8")
    met = ["--cooccurrence", folder / "a.txt"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kbtools.corpus._files.PIECE", PIECE)
        made = api.tree(
            folder / "a.txt", folder / "trees", kbs=[folder / "small"], cooccurrence=str(folder / "a.txt")
        )
    assert len(made.tables["trees"].files) > 10
    command = ["tree", folder / "a.txt", "--kb", folder / "small", *met]
    return Staged(command, folder / "trees", PIECE)


@pytest.mark.parametrize(
    ("tasks", "workers"),  # names, counting, trees
    [(3, 2), (20, 1), *(pytest.param(*one, marks=pytest.mark.long) for one in [(0, 1), (25, 2)])],
)
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, trees, tasks, workers):
    trees.killed(tmp_path / "t", tasks, workers)


@pytest.mark.parametrize(("tasks", "workers"), [(2, 2), pytest.param(22, 1, marks=pytest.mark.long)])
def test_control_c_says_how_to_resume(tmp_path, trees, tasks, workers):
    trees.interrupted(tmp_path / "t", tasks, workers)


@pytest.mark.parametrize(
    ("what", "at"),
    [
        ("kbtools.trees.writing.TextFile.add", 2),
        ("numpy.savez", 2),
        ("pyarrow.parquet.ParquetWriter.write_table", 1),  # of the names
        ("pyarrow.parquet.ParquetWriter.write_table", 9),
        ("kbtools.artefact.task.write_whole", 20),
        ("kbtools.artefact.staging.write_whole", 2),
    ],
)
def test_no_space_is_said_in_one_line_and_room_helps(tmp_path, trees, what, at):
    trees.without_space(tmp_path / "t", what, at)


@linux_root
def test_a_disk_that_is_really_full(tmp_path, trees):
    trees.on_a_small_disk(tmp_path / "disk", 24, 80, 160)
