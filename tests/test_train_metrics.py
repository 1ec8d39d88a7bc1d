"""metrics.jsonl: a line at a time, whole after a kill, cut where a run goes on."""

from __future__ import annotations

import contextlib
import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.errors import ArtefactError
from kbtools.models.training import metrics
from kbtools.models.training.metrics import Metrics, read
from kbtools.runs import metrics as reading
from tests.told_runs import line, lines, write_lines


def test_examples_in_docstrings():
    assert doctest.testmod(metrics).failed == 0


def test_each_line_is_there_before_the_next(tmp_path):
    path = tmp_path / "run" / "metrics.jsonl"
    with Metrics(path) as told:
        for step in (10, 20):
            told.write(line(step))
            assert read(path)[-1] == line(step)
    assert path.read_text().count("\n") == 2


def test_what_is_no_number_is_null_with_its_reason(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with Metrics(path) as told:
        told.write({"step": 1, "loss": float("nan"), "lr": {"rest": float("inf")}, "mfu": None})
    text = path.read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "step": 1,
        "loss": None,
        "lr": {"rest": None},
        "mfu": None,
        "reason": {"loss": "nan", "lr.rest": "inf"},
    }


def test_a_cut_drops_later_steps_and_keeps_looks_at_dev(tmp_path):
    path = write_lines(tmp_path / "metrics.jsonl", lines(10, 20, 30, 40))
    with Metrics(path) as told:
        assert told.cut(20) == 3  # 30, 40 and a look at 40
        assert [one["step"] for one in read(path)] == [10, 20, 20]
        told.write(line(21))
        assert told.cut(100) == 0
    assert [one["step"] for one in read(path)] == [10, 20, 20, 21]
    assert [one.name for one in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_file_that_is_not_there_needs_no_cut(tmp_path):
    assert Metrics(tmp_path / "metrics.jsonl").cut(0) == 0


@pytest.mark.parametrize("rest", ['{"step": 30, "lo', "{", '{"step":', "\x00\x00"])
def test_half_a_last_line_is_nobody_s(tmp_path, rest):
    path = write_lines(tmp_path / "metrics.jsonl", lines(10, 30), rest)
    assert [one["step"] for one in read(path)] == [10, 30]
    with Metrics(path) as told:
        told.write(line(50))
    assert [one["step"] for one in read(path)] == [10, 30, 50]


def test_a_last_line_without_its_end_is_one(tmp_path):
    path = write_lines(tmp_path / "metrics.jsonl", lines(10), json.dumps(line(30)))
    with Metrics(path) as told:
        told.write(line(50))
    assert [one["step"] for one in read(path)] == [10, 30, 50]


@pytest.mark.parametrize("bad", ["no JSON", "[1, 2]", '{"loss": 1.0}', '{"step": -1}', '{"step": true}', ""])
def test_another_line_that_is_none_is_refused_by_its_number(tmp_path, bad):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{bad}\n{{"step": 3}}\n')
    with pytest.raises(ArtefactError, match=r"metrics\.jsonl:2: not a line of metrics"):
        read(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ArtefactError, match="cannot be read"):
        read(tmp_path / "metrics.jsonl")


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("m") / "metrics.jsonl"
    path.write_bytes(b'{"step":1}\n' + data)
    with contextlib.suppress(ArtefactError):
        assert read(path)[0] == {"step": 1}


def test_measures_are_found_in_lines():
    told = lines(20, 40, 60, 80)
    train, dev = reading.trained(told), reading.looked(told)
    assert reading.points(train, "loss") == ([20, 40, 60, 80], [8.0, 6.0, 4.0, 2.0])
    assert reading.points([{"step": 1, "loss": None}], "loss") == ([], [])
    assert reading.measures([*train, *dev]) == ["mlm.loss"]
    best = reading.best(dev)
    assert best is not None
    assert (best["step"], best["loss"]) == (60, 1.0)
    assert reading.best([]) is None
    assert reading.rates({"step": 1, "lr": 0.1}) == {"": 0.1}
    assert reading.rates({"step": 1}) == {}
