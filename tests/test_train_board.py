"""TensorBoard's files: the numbers of metrics.jsonl, each point once."""

from __future__ import annotations

import doctest
import importlib
import struct

import pytest

from kbtools.errors import MissingExtraError
from kbtools.models.training import board
from kbtools.models.training.board import Board
from tests.told_runs import lines

tensorboard = pytest.importorskip("tensorboardX")


def points(folder):
    """Read all scalars of a folder: records of length, checksum, message, checksum."""
    Event = importlib.import_module("tensorboardX.proto.event_pb2").Event  # noqa: N806 - a class

    found = []
    for path in sorted(folder.glob(board.FILES)):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += 16 + length
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
    return found


def test_examples_in_docstrings():
    assert doctest.testmod(board).failed == 0


def test_numbers_of_lines_become_points(tmp_path):
    with Board(tmp_path) as told:
        for line in lines(10, 20):
            told.write(line)
    found = points(tmp_path)
    assert ("train/loss", 10, 9.0) in found
    assert ("train/mlm.right", 20, pytest.approx(0.1)) in found
    assert ("dev/loss", 20, 5.0) in found
    assert ("lr/rest", 10, pytest.approx(1e-3)) in found
    assert not [tag for tag, *_ in found if "stage" in tag or "step" in tag]


def test_a_run_that_goes_on_has_each_point_once(tmp_path):
    with Board(tmp_path) as told:
        for line in lines(10, 20, 30):
            told.write(line)
    with Board(tmp_path, lines(10, 20)) as told:  # 30 was cut: it is done again
        for line in lines(30, 40):
            told.write(line)
    found = [(tag, step) for tag, step, _ in points(tmp_path)]
    assert len(found) == len(set(found))
    assert [step for tag, step in found if tag == "train/loss"] == [10, 20, 30, 40]


def test_of_a_long_run_a_selection_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(board, "REPEATED", 10)
    with Board(tmp_path, [{"step": step, "loss": 1.0} for step in range(95)]):
        pass
    assert [step for _, step, _ in points(tmp_path)] == list(range(0, 95, 10))


def test_without_the_library_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"tensorboardX.*kbtools\[train\]"):
        board.check()
