"""An optimiser's state by name: fresh objects that are given it go on as if nothing had been."""

from __future__ import annotations

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from torch import distributed, nn  # noqa: E402

from kbtools.errors import ArtefactError  # noqa: E402
from kbtools.models.recipe import Optimiser, Stage  # noqa: E402
from kbtools.models.training.groups import freeze, groups  # noqa: E402
from kbtools.models.training.optimisers import make  # noqa: E402
from kbtools.models.training.states import gather, scatter  # noqa: E402
from tests.resumed_training import KINDS, Small, as_it_is, copied, fresh, resumed, same, sharded  # noqa: E402


@pytest.fixture
def alone(tmp_path):
    """A group of one process, so that the model can be wrapped and sharded."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("kind", KINDS)
def test_five_and_five_steps_are_ten(tmp_path, kind):
    assert same(*resumed(kind, as_it_is, tmp_path))


@pytest.mark.parametrize("wrap", [copied, sharded])
@pytest.mark.parametrize("kind", KINDS)
def test_five_and_five_steps_are_ten_wrapped(tmp_path, alone, kind, wrap):
    straight, again = resumed(kind, wrap, tmp_path)
    assert same(straight, again)
    plain = fresh(kind)
    plain.go(range(10))
    assert straight.keys() == plain.everything().keys()
    for name, value in plain.everything().items():
        torch.testing.assert_close(straight[name], value)


@pytest.mark.long
def test_two_processes(tmp_path):
    command = [sys.executable, "-m", "tests.resumed_training"]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "group"), str(tmp_path)], stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    told = [one.communicate(timeout=300)[1] for one in started]
    assert [one.returncode for one in started] == [0, 0], "\n".join(told)


def test_weights_that_were_never_touched_have_none():
    run = fresh("adamw")
    run.go(range(2))
    names = {name.rpartition("/")[0] for name in gather(run.model, run.optimiser)}
    assert "words.weight" in names
    assert not any(name.startswith("unused") for name in names)
    assert int(gather(run.model, run.optimiser)["mix/step"]) == 2


def begun(kind, model, stage, state, *, anew):
    """Make the optimiser of a stage and give it a state."""
    settings = Optimiser(lr=0.01, **KINDS[kind][0])
    freeze(model, stage if anew else Stage())
    optimiser = make(groups(model, settings), settings, fused=KINDS[kind][1])
    scatter(model, optimiser, state)
    freeze(model, stage)
    return optimiser


def staged(kind, stages, *, anew, stop=None):
    """Train 3 steps a stage; at `stop` fresh objects take over.

    `anew`: each stage has an optimiser of its own, of the weights that train in it; else there is one.
    """
    torch.manual_seed(0)
    model, step = Small(), 0
    optimiser = begun(kind, model, stages[0], {}, anew=anew)
    for stage in stages:
        if anew:
            optimiser = begun(kind, model, stage, gather(model, optimiser), anew=True)
        freeze(model, stage)
        for _ in range(3):
            if step == stop:
                state, weights = gather(model, optimiser), model.state_dict()
                model = Small()
                model.load_state_dict(weights)
                optimiser = begun(kind, model, stage, state, anew=anew)
            ids = torch.randint(7, (2, 4), generator=torch.Generator().manual_seed(step))
            model(ids).backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
    return {**model.state_dict(), **gather(model, optimiser)}


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_stages_that_freeze_other_weights_can_stop_anywhere(kind, anew):
    stages = [Stage(freeze=("layers.0", "words")), Stage(), Stage(train=("layers.1",))]
    straight = staged(kind, stages, anew=anew)
    assert ("words.weight/step" in straight) != anew  # of one optimiser nothing is forgotten
    for stop in (0, 2, 3, 4, 6, 8):
        assert same(straight, staged(kind, stages, stop=stop, anew=anew)), stop


def test_names_decide_not_groups():
    run = fresh("lamb")
    run.go(range(3))
    settings = Optimiser(name="lamb", parts={"layers.1": 1e-3, "mix": 2e-3})
    other = make(groups(run.model, settings), settings)
    assert scatter(run.model, other, gather(run.model, run.optimiser)) == ()
    for weight, state in run.optimiser.state.items():
        assert all(torch.equal(other.state[weight][what], value) for what, value in state.items())
        assert all(other.state[weight][what] is not value for what, value in state.items())


def test_what_there_is_no_use_for_is_named():
    run = fresh("adamw")
    run.go(range(2))
    state = gather(run.model, run.optimiser)
    freeze(run.model, Stage(freeze=("words",)))
    settings = Optimiser()
    fewer = make(groups(run.model, settings), settings)
    assert scatter(run.model, fewer, {**state, "gone.weight/step": torch.ones(())}) == (
        "words.weight",
        "gone.weight",
    )


def test_the_state_of_another_model_is_refused():
    model, settings = nn.Linear(2, 3), Optimiser()
    optimiser = make(groups(model, settings), settings)
    with pytest.raises(ArtefactError, match=r"weight is \[3, 2\], and \[2, 2\] in the checkpoint"):
        scatter(model, optimiser, {"weight/exp_avg": torch.zeros(2, 2)})


def test_a_count_of_steps_lies_where_the_optimiser_reads_it():
    for kind, (_, fused) in KINDS.items():
        run = fresh(kind)
        run.go([0])
        scatter(run.model, run.optimiser, gather(run.model, run.optimiser))
        steps = [state["step"] for state in run.optimiser.state.values()]
        assert all((one.device.type, one.dtype, one.ndim) == ("cpu", torch.float32, 0) for one in steps), (
            fused
        )
