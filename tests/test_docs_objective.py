"""The objective that a how-to writes is one: it does what is said there, and trains."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

from kbtools import plugins
from kbtools.runs import metrics
from tests import training

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "own-objective.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
COMMAND = re.search(r"^kbtools train .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_tried_by_hand():
    named: dict[str, object] = {}
    for program in PROGRAMS:
        exec(compile(program, str(PAGE), "exec"), named)
    batch, ids = named["batch"], named["ids"]
    assert isinstance(batch, dict)
    assert isinstance(ids, torch.Tensor)
    assert batch["strangers.places"].tolist() == [1, 2, 3, 4, 5]
    changed = (batch["input_ids"] != ids)[0, 1:6]
    assert batch["strangers.targets"].bool().tolist() == changed.tolist()
    assert 0 < changed.sum() < 5


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make the page's first program a module of another package, named by an entry point."""
    (tmp_path / "found_strangers.py").write_text(PROGRAMS[0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    added = plugins._added

    def with_ours(package: str) -> dict[str, str]:
        ours = {"strangers": "found_strangers"} if package == "kbtools.models.objectives" else {}
        return added(package) | ours

    monkeypatch.setattr(plugins, "_added", with_ours)
    yield
    sys.modules.pop("found_strangers", None)


@pytest.mark.usefixtures("installed")
def test_it_trains_beside_others(tmp_path):
    assert COMMAND
    settings = re.findall(r"-o (\S+)", COMMAND[0])
    assert len(settings) == 2
    run = training.train(tmp_path / "run", *settings, "run.steps=6", "run.evaluate=3")
    lines = metrics.read(run / metrics.NAME)
    told = [one for one in metrics.trained(lines) if one.get("strangers.loss")]
    assert len(told) == 6
    assert all(0 <= one["strangers.right"] <= 1 for one in told)
    assert all("strangers.loss" in one for one in metrics.looked(lines))
