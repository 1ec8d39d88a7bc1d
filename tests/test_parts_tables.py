"""A table of entities' vectors: eids in, vectors out; what is frozen stays as it is."""

from __future__ import annotations

import gc

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.parts.tables import EntityTable
from tests import tiny_vectors

MODES = ["frozen", "resident", "trained"]
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]
KINDS = ["zero", "trained"]
NONE, NIL = -1, -2
WITHOUT = 5  # an entity that has no vector


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of some vectors, and the vectors by eid."""
    folder = tmp_path_factory.mktemp("tables") / "v"
    return folder, tiny_vectors.made(folder)


def gradient(weights):
    return weights.grad


@pytest.mark.parametrize("mode", MODES)
def test_by_hand(made, mode):
    folder, wanted = made
    table = EntityTable.open(folder, mode=mode)
    found = table(torch.tensor([[0, NONE, 9], [NIL, WITHOUT, 9]]))
    zeros = [0.0] * 3
    assert found.tolist() == [
        [wanted[0].tolist(), zeros, wanted[9].tolist()],
        [zeros, zeros, wanted[9].tolist()],
    ]
    assert table.counts == {"entities": 4, "unknown": 1}
    assert (table.rows, table.dim, table.mode, table.absent) == (4, 3, mode, False)


@given(
    mode=st.sampled_from(MODES),
    special=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    eids=st.lists(st.sampled_from([*tiny_vectors.EIDS, NONE, NIL, WITHOUT, -7, 4_000_000_000]), max_size=12),
    columns=st.integers(1, 3),
)
def test_against_a_dict(made, mode, special, eids, columns):
    folder, wanted = made
    table = EntityTable.open(folder, mode=mode, nil=special[0], unknown=special[1])
    eids = eids[: len(eids) // columns * columns]

    def vector(eid):
        if eid in wanted:
            return wanted[eid].tolist()
        special = table.nil if eid == NIL else table.unknown if eid >= 0 else None
        return [0.0] * 3 if special is None else special.tolist()

    found = table(torch.tensor(eids, dtype=torch.int64).reshape(-1, columns))
    assert found.shape == (len(eids) // columns, columns, 3)
    assert found.reshape(-1, 3).tolist() == [vector(eid) for eid in eids]
    real = [eid for eid in eids if eid >= 0]
    assert table.counts == {"entities": len(real), "unknown": sum(eid not in wanted for eid in real)}


@pytest.mark.parametrize("mode", ["frozen", "resident"])
def test_no_gradient_reaches_frozen_rows(made, mode):
    table = EntityTable.open(made[0], mode=mode, nil="trained", unknown="trained")
    assert sorted(table.state_dict()) == ["nil", "unknown"]
    assert sorted(name for name, _ in table.named_parameters()) == ["nil", "unknown"]
    table(torch.tensor([0, 4, NIL, NIL, WITHOUT])).sum().backward()
    assert gradient(table.nil).tolist() == [2.0] * 3
    assert gradient(table.unknown).tolist() == [1.0] * 3
    assert not EntityTable.open(made[0], mode=mode)(torch.tensor([0])).requires_grad


def test_special_vectors_get_a_gradient_though_nobody_asked(made):
    table = EntityTable.open(made[0], nil="trained", unknown="trained")
    table(torch.tensor([0, NONE])).sum().backward()
    assert gradient(table.nil).tolist() == gradient(table.unknown).tolist() == [0.0] * 3


def test_trained_rows_get_gradients(made):
    table = EntityTable.open(made[0], mode="trained")
    table(torch.tensor([9, 9, 0, NONE, WITHOUT])).sum().backward()
    assert gradient(table.weight).tolist() == [
        [0.0] * 3,
        [1.0] * 3,
        [2.0] * 3,
        [0.0] * 3,
    ]  # rows of 4, 0, 9, 7
    table.zero_grad()
    table(torch.tensor([NONE])).sum().backward()
    assert gradient(table.weight).abs().sum() == 0


def test_no_rows_cannot_be_trained(tmp_path):
    tiny_vectors.made(tmp_path / "v", [])
    with pytest.raises(ConfigError, match="no rows"):
        EntityTable.open(tmp_path / "v", mode="trained")
    assert EntityTable.open(tmp_path / "v")(torch.tensor([0, 3])).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("device", DEVICES)
def test_vectors_come_in_the_models_type_and_on_its_device(made, mode, device):
    table = EntityTable.open(made[0], mode=mode, nil="trained").to(device)
    exact = table(torch.tensor([9, NIL], device=device))
    half = table.to(torch.bfloat16)(torch.tensor([9, NIL], device=device))
    assert (exact.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    assert half.device.type == device
    assert torch.equal(exact.bfloat16(), half)


@pytest.mark.parametrize("mode", MODES)
def test_stored_halves_are_widened(tmp_path, mode):
    wanted = tiny_vectors.made(tmp_path / "v", kind="float16")
    found = EntityTable.open(tmp_path / "v", mode=mode)(torch.tensor([7]))
    assert found.dtype == torch.float32
    assert found[0].tolist() == wanted[7].astype("float32").tolist()


@pytest.mark.parametrize("mode", ["frozen", "resident"])
def test_frozen_rows_outlive_a_model_that_is_filled_later(made, mode):
    with torch.device("meta"):
        table = EntityTable.attach(EntityTable.open(made[0], mode=mode).plain(), made[0])
    table.to_empty(device="cpu")
    assert table(torch.tensor([9])).tolist() == [made[1][9].tolist()]
    assert table.counts == {"entities": 1, "unknown": 0}


def test_rows_that_training_used(made):
    table = EntityTable.open(made[0])
    table.eval()(torch.tensor([7]))
    assert table.used_state().tolist() == [0]
    table.train()(torch.tensor([0, 9, 9, NONE, NIL, WITHOUT]))
    assert table.used_state().tolist() == [0b01100000]  # rows 1 and 2 of 4
    other = EntityTable.open(made[0])
    other.train()(torch.tensor([4]))
    other.load_used(table.used_state())
    assert other.used_state().tolist() == [0b11100000]
    with pytest.raises(ArtefactError, match="another table"):
        other.load_used(torch.zeros(2, dtype=torch.uint8))


def test_within_a_model_that_is_compiled(made):
    class Body(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = EntityTable.open(made[0])

        def forward(self, eids):
            return self.table(eids) * 2

    found = torch.compile(Body(), backend="eager")(torch.tensor([9]))
    assert found.tolist() == [(made[1][9] * 2).tolist()]


def test_memory_does_not_grow_with_the_table(tmp_path):
    """200 MB, of which a tenth of all rows is read, by batches; opened twice."""
    tiny_vectors.stretched(tmp_path / "v", 100_000, 512)
    table = EntityTable.open(tmp_path / "v")
    table(torch.tensor([0]))
    gc.collect()
    before = psutil.Process().memory_info().rss
    for part in torch.arange(0, 100_000, 10)[:8192].split(1024):
        table(part)
    second = EntityTable.open(tmp_path / "v")
    assert second.source is table.source
    assert psutil.Process().memory_info().rss - before < 40 << 20
