"""The scorer that a how-to writes is one: both ways give the same score, and it learns."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools import plugins  # noqa: E402
from kbtools.models.kge import recipes  # noqa: E402
from kbtools.models.kge.stage import embed  # noqa: E402
from kbtools.models.kge.trained import Trained  # noqa: E402
from tests import kge_worlds  # noqa: E402

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "own-scorer.md"
TEXT = PAGE.read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
RECIPES = [
    one for one in re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL) if "about" in one
]


def test_tried_by_hand():
    named: dict[str, object] = {}
    for program in PROGRAMS:
        exec(compile(program, str(PAGE), "exec"), named)
    there, back = named["there"], named["back"]
    assert isinstance(there, torch.Tensor)
    assert isinstance(back, torch.Tensor)
    torch.testing.assert_close(there, back)
    assert (there.abs() > 1e-4).all()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make the page's first program a module of another package, named by an entry point."""
    (tmp_path / "found_quate.py").write_text(PROGRAMS[0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    added = plugins._added

    def with_ours(package: str) -> dict[str, str]:
        return added(package) | ({"quate": "found_quate"} if package == recipes.SCORERS else {})

    monkeypatch.setattr(plugins, "_added", with_ours)
    yield
    sys.modules.pop("found_quate", None)


@pytest.mark.usefixtures("installed")
def test_it_learns(tmp_path):
    recipe = tmp_path / "quate.toml"
    recipe.write_text(RECIPES[0], encoding="utf-8")
    kb = kge_worlds.ingested(tmp_path, **kge_worlds.ring())
    told = ["epochs=60", "batch=64", "judge.every=20"]
    made = embed([kb], tmp_path / "vectors", model=str(recipe), overrides=told, quiet=True)
    assert made.notes["looks"][-1]["mrr"] > 0.4  # of a random one: 0.16
    trained = Trained.open(tmp_path / "vectors")
    assert trained.scorer.width == trained.entities.dim == 100
