from random import Random

import pytest

from tests import staged_world as world


@pytest.mark.parametrize("seed", range(4))
def test_x(tmp_path, monkeypatch, seed):
    world.small_groups(monkeypatch)
    made = world.random_world(Random(seed))
    done, facts = world.finished(made.stage(tmp_path))
    for table, rows in made.expected().items():
        assert world.rows_of(tmp_path, table) == rows, table
