"""A model's entity table is linked, packed in part or whole, found again, or missed; and copied."""

from __future__ import annotations

import copy
import gc
import json
import logging
import pickle
import shutil
from itertools import pairwise

import pytest
import torch

from kbtools import about, artefact
from kbtools.errors import ArtefactError
from kbtools.models.parts.tables import EntityTable
from tests import tiny_vectors

EIDS = torch.tensor([[0, 9], [9, -1]])
PACKED = "entities/tiny"


@pytest.fixture
def folder(tmp_path):
    tiny_vectors.made(tmp_path / "v")
    return tmp_path


def trained_on(folder, eids=EIDS, **how):
    table = EntityTable.open(folder / "v", **how)
    return table, table.train()(eids)


def attached(plain, folder):
    """Attach as a model does whose config was a file of JSON."""
    return EntityTable.attach(json.loads(json.dumps(plain)), folder)


@pytest.mark.parametrize("how", ["link", "used", "full"])
@pytest.mark.parametrize("mode", ["frozen", "resident"])
def test_the_same_bits_after_saving(folder, mode, how):
    table, wanted = trained_on(folder, mode=mode)
    plain = table.save(folder / "model", how)
    if how != "link":
        shutil.rmtree(folder / "v")
        (folder / "model").rename(folder / "moved")
    again = attached(plain, folder / "moved")
    assert torch.equal(again(EIDS), wanted)
    assert (again.mode, again.rows) == (mode, {"link": 4, "used": 2, "full": 4}[how])
    assert again.counts["unknown"] == 0


@pytest.mark.parametrize("how", ["link", "used", "full"])
def test_trained_rows_travel_with_the_weights(folder, how):
    table, _ = trained_on(folder, mode="trained", unknown="trained")
    with torch.no_grad():
        table.weight.mul_(2)
    again = attached(table.save(folder / "model", how), folder / "model")
    shutil.rmtree(folder / "v")
    asked = torch.tensor([0, 4, 9, 7, 5, -1, -2])
    assert torch.equal(again(asked), again.unknown * (asked >= 0).unsqueeze(1))  # nothing is loaded yet
    again.load_state_dict(table.state_dict())
    assert torch.equal(again(asked), table(asked))
    assert not (folder / "model").exists()


def test_what_is_packed_is_sound_and_says_where_it_is_from(folder):
    table, _ = trained_on(folder)
    source = artefact.read(folder / "v")
    for how, rows in (("used", 2), ("full", 4)):
        plain = table.save(folder / how, how)
        packed = folder / how / PACKED
        made = artefact.read(packed)
        assert about.verify(packed, deep=True).problems == []
        assert plain["packed"] == {"how": how, "content": made.content, "rows": rows}
        assert made.kbs == source.kbs
    assert artefact.read(folder / "full" / PACKED).content == source.content
    (input_,) = artefact.read(folder / "used" / PACKED).inputs
    assert (input_.kind, input_.content) == ("vectors", source.content)


def test_no_rows_were_used(folder):
    table = EntityTable.open(folder / "v")
    again = attached(table.save(folder / "model", "used"), folder / "model")
    assert again.rows == 0
    assert again(EIDS).shape == (2, 2, 3)


def test_saved_again_where_it_was_loaded_from(folder):
    table, wanted = trained_on(folder)
    for how in ("used", "full", "link"):
        again = attached(table.save(folder / "model", "used"), folder / "model")
        plain = again.save(folder / "model", how)
        assert torch.equal(attached(plain, folder / "model")(EIDS), wanted)


def test_packed_rows_are_saved_elsewhere(folder):
    table, wanted = trained_on(folder)
    places = [folder / name for name in ("a", "b", "c")]
    plain = table.save(places[0], "used")
    for here, there in pairwise(places):
        plain = attached(plain, here).save(there, "full")
        shutil.rmtree(here)
    assert torch.equal(attached(plain, places[-1])(EIDS), wanted)


@pytest.mark.parametrize("why", ["gone", "replaced", "another kind"])
def test_an_absent_table_warns_once_and_runs(folder, caplog, why):
    plain = EntityTable.open(folder / "v", unknown="trained").plain()
    shutil.rmtree(folder / "v")
    if why == "replaced":
        tiny_vectors.made(folder / "v", kb="other", seed=1)
    elif why == "another kind":
        tiny_vectors.base(folder / "v", "tiny")
    with caplog.at_level(logging.WARNING, "kbtools.models"):
        table = attached(plain, folder / "model")
        found = [table(EIDS) for _ in range(3)][-1]
    (said,) = caplog.records
    assert "entities of tiny are unknown" in said.getMessage()
    assert "\n" not in said.getMessage()
    assert table.absent
    assert found.tolist() == [[table.unknown.tolist()] * 2, [table.unknown.tolist(), [0.0] * 3]]
    assert table.plain() == plain
    assert table.save(folder / "other", "link") == plain
    assert table.counts == {"entities": 9, "unknown": 9}
    with pytest.raises(ArtefactError, match="cannot be packed"):
        table.save(folder / "other", "used")


def test_without_its_own_rows_a_model_takes_those_it_is_linked_to(folder):
    table, wanted = trained_on(folder)
    plain = table.save(folder / "model", "used")
    shutil.rmtree(folder / "model")
    assert torch.equal(attached(plain, folder / "model")(EIDS), wanted)


def test_packed_rows_that_are_damaged_or_replaced(folder):
    table, _ = trained_on(folder)
    plain = table.save(folder / "model", "used")
    shutil.rmtree(folder / "model" / PACKED)
    tiny_vectors.made(folder / "model" / PACKED, seed=1)
    with pytest.raises(ArtefactError, match="replaced"):
        attached(plain, folder / "model")
    shutil.rmtree(folder / "model")
    plain = table.save(folder / "model", "full")
    file = folder / "model" / PACKED / "vectors.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArtefactError, match="damaged") as caught:
        attached(plain, folder / "model")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kb": "../../etc"},
        {"kb": ""},
        {"dim": 0},
        {"dim": "x"},
        {"mode": "melted"},
        {"more": 1},
        {"packed": "used"},
    ],
    ids=str,
)
def test_a_config_that_says_nonsense(folder, wrong):
    plain = EntityTable.open(folder / "v").plain() | wrong
    with pytest.raises(ArtefactError, match="cannot be understood") as caught:
        attached(plain, folder)
    assert "\n" not in str(caught.value)


def test_vectors_of_another_width(folder):
    plain = EntityTable.open(folder / "v").plain() | {"dim": 4}
    with pytest.raises(ArtefactError, match="3 numbers, not 4"):
        attached(plain, folder)


def test_a_name_that_is_no_folder(folder):
    with pytest.raises(ArtefactError, match="no name"):
        EntityTable.open(folder / "v", kb="a/b")


@pytest.mark.parametrize("mode", ["frozen", "resident", "trained"])
def test_copies_map_the_same_file(folder, mode):
    table, wanted = trained_on(folder, mode=mode)
    data = pickle.dumps(table)
    for again in (copy.deepcopy(table), pickle.loads(data)):
        assert again.source is table.source
        assert torch.equal(again(EIDS), wanted)
        assert torch.equal(again.used_state(), table.used_state())


def test_what_goes_to_another_process_is_a_path(folder):
    table, wanted = trained_on(folder, mode="resident")
    data = pickle.dumps(table)
    assert table.source.gather(torch.tensor([1])).numpy().tobytes() not in data
    del table
    gc.collect()  # nobody has it open: as in a process that was just started
    assert torch.equal(pickle.loads(data)(EIDS), wanted)
    shutil.rmtree(folder / "v")
    gc.collect()
    with pytest.raises(ArtefactError, match="no such artefact"):
        pickle.loads(data)
