"""A corpus that is linked in many pieces by `kbtools link`, for the tests of what can go wrong meanwhile."""

from __future__ import annotations

import pytest

from kbtools import linkers
from tests import tiny_linking
from tests.started import run, same

PIECE = 400  # bytes of a corpus
DOCUMENTS = 160


def build(folder):
    """Write names, a corpus, and what linking it undisturbed makes of it."""
    alias = tiny_linking.alias(folder)
    texts = ("Paris {}, then New York City", "中国 {}", "nothing {}", "NYC Inc. in France {}")
    documents = ({"id": f"d{n}", "text": texts[n % 4].format(n)} for n in range(DOCUMENTS))
    news = tiny_linking.corpus(folder, *documents)
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        made = linkers.link(news, folder / "linked", alias=alias)
    assert len(made.tables["documents"].files) > 15
    return alias, news, folder / "linked"


def small(patch):
    """Cut corpora into small pieces."""
    patch.setattr("kbtools.corpus._files.PIECE", PIECE)


def line(news, alias, out, *more, workers=1):
    return ["link", news, "--alias", alias, "--out", out, "--workers", workers, "--quiet", *more]


def finish(news, alias, out, reference, workers=1):
    if not out.exists() or out.with_name(f"{out.name}.partial").exists():
        done = run(*line(news, alias, out, workers=workers))
        assert done.exit_code == 0, done.output
    assert same(out, reference)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def fixtures():
    """Make what a module needs whose tests link that corpus; it gives them these names."""

    @pytest.fixture(autouse=True)
    def small_pieces(monkeypatch):
        small(monkeypatch)

    @pytest.fixture(scope="module")
    def world(tmp_path_factory):
        return build(tmp_path_factory.mktemp("world"))

    @pytest.fixture
    def alias(world):
        return world[0]

    @pytest.fixture
    def news(world):
        return world[1]

    @pytest.fixture
    def reference(world):
        return world[2]

    return small_pieces, world, alias, news, reference
