"""What every model of the zoo keeps to, by its tiny recipe; a new file in `models/zoo` is tested, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")


from kbtools import config, plugins  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.batch import OURS  # noqa: E402
from kbtools.models.configuration import encoder_config  # noqa: E402
from kbtools.models.draws import Draws  # noqa: E402
from kbtools.models.objectives.base import Here  # noqa: E402
from kbtools.models.recipe import Stage  # noqa: E402
from kbtools.models.training.data import tensors  # noqa: E402
from kbtools.models.training.planning import objectives_of, stages, tasks  # noqa: E402
from kbtools.models.training.setup import OBJECTIVES, RECIPES, ZOO, load_recipe, settings_of  # noqa: E402
from kbtools.models.training.stage import train  # noqa: E402
from kbtools.models.zoo.base import Given  # noqa: E402
from kbtools.shards.reading.rows import Rows  # noqa: E402
from tests.tiny_models import NAMES, opened, tiny, without_targets  # noqa: E402

CLASSES = {
    "pair.kind": ["next", "random"], "label": ["no", "yes"], "labels": ["B-PER", "O"],
    "facts.relation_id": ["P17", "P19"], "typed.labels": ["city", "person"],
}  # fmt: skip
THEIRS = {ours: theirs for theirs, ours in OURS.items()}
FROZEN: dict[str, tuple[str, ...]] = {}  # model → parts of names of weights that no objective reaches
NEED_VECTORS = {"knowbert"}  # bodies that are refused without
HEART_STEPS, HEART_RATE = 60, 3e-3


@pytest.fixture(params=NAMES)
def model(request):
    """Return a model with what it reads; its weights are made anew for each test."""
    return tiny(request.param)


def close(found, wanted):
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)


def test_states_have_their_shapes(model):
    made = model.still().eval()
    for task in model.tasks:
        batch = model.raw(task)
        out = made(batch, layers=True)
        shape = (*batch["input_ids"].shape, made.config.hidden_size)
        assert out.hidden.shape == shape
        assert [one.shape for one in out.hidden_states] == [shape] * (made.body.text.depth + 1)
        assert torch.equal(out.hidden_states[-1], out.hidden)


def test_it_takes_what_transformers_calls_its_inputs(model):
    made, batch = model.still().eval(), model.raw(model.tasks[0])
    named = {THEIRS.get(name, name): value for name, value in batch.items()}
    close(made(**named).last_hidden_state, made(batch).hidden)


def test_padding_changes_nothing(model):
    made = model.still().eval()
    for task in model.tasks:
        (short, targets), (long, same) = model.batch(task), model.batch(task, multiple_of=64)
        assert short["input_ids"].shape[1] < long["input_ids"].shape[1]
        assert targets == same
        close(made(short).hidden[short["attention_mask"]], made(long).hidden[long["attention_mask"]])
        close(model.loss(made, task, short, targets), model.loss(made, task, long, same))


def test_packed_examples_are_as_if_each_stood_alone(model):
    made = model.still().eval()
    for task in model.tasks:
        packed, targets = model.batch(task, rows=2, packed=True, max_length=160)
        numbers = packed["batch.rows"][packed["batch.rows"] >= 0]
        assert len(numbers) > 4
        classes = model.classes(task)
        alone = tensors(Rows(model.data.shards[task], classes=classes).take(numbers.numpy()))
        draws = Draws(alone, 0)
        same = {name: one.corrupt(alone, draws) for name, one in model.objectives(task).items()}
        assert targets == same
        one, other = made(packed).hidden, made(alone).hidden
        row, first = torch.nonzero(packed["batch.rows"] >= 0)[0, 0], packed["sequence.start"][0, 0]
        length = int(alone["attention_mask"][0].sum())
        close(one[row, first : first + length], other[0, :length])
        close(model.loss(made, task, packed, targets), model.loss(made, task, alone, same))


def test_saved_and_loaded_it_is_the_same_to_the_bit(model, tmp_path):
    made = model.model(seed=3).eval()
    made.save_pretrained(tmp_path / "saved")
    again = KnowledgeModel.from_pretrained(tmp_path / "saved").eval()
    assert again.config.body == made.config.body
    before, after = made.state_dict(), again.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert [*before] == [*after]  # sums over all weights (clipping) go in their order
    for task in model.tasks:
        batch, targets = model.batch(task)
        assert torch.equal(again(batch).hidden, made(batch).hidden)
        assert torch.equal(model.loss(again, task, batch, targets), model.loss(made, task, batch, targets))


def test_the_same_seed_gives_the_same_weights(model):
    torch.manual_seed(5)
    one = model.model(seed=1).state_dict()
    torch.manual_seed(6)
    same, other = model.model(seed=1).state_dict(), model.model(seed=2).state_dict()
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    matrices = [name for name, value in one.items() if value.dim() > 1]
    assert not any(torch.equal(one[name], other[name]) for name in matrices)


def test_it_learns_a_batch_by_heart(model):
    for task in model.tasks:
        made = model.still(seed=1)
        batch, targets = model.batch(task, rows=4)
        assert all(targets.values())
        optimiser, costs = torch.optim.Adam(made.parameters(), lr=HEART_RATE), []
        for _ in range(HEART_STEPS):
            loss = model.loss(made, task, batch, targets)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            costs.append(loss.item())
            if costs[-1] < 0.1 * costs[0]:
                break
        assert costs[-1] < 0.1 * costs[0]


def test_a_batch_may_have_one_example(model):
    made = model.still().eval()
    for task in model.tasks:
        batch, targets = model.batch(task, rows=1)
        assert len(batch["input_ids"]) == 1
        assert torch.isfinite(model.loss(made, task, batch, targets))


def test_a_batch_without_targets_costs_nothing_and_reaches_all(model):
    for task in model.tasks:
        made = model.still()
        batch, targets = model.batch(task)
        loss = model.loss(made, task, without_targets(batch, targets), dict.fromkeys(targets, 0))
        assert loss.item() == 0
        loss.backward()
        reached = {name for name, one in made.named_parameters() if one.grad is not None}
        needed = {head for one in model.objectives(task).values() for head in one.heads}
        assert {name for name, _ in made.named_parameters() if name.split(".")[1] in needed} <= reached
        assert all(torch.isfinite(one.grad).all() for one in made.parameters() if one.grad is not None)


def test_every_weight_gets_a_gradient_or_is_listed(model):
    made = model.still()
    for task in model.tasks:
        batch, targets = model.batch(task, rows=8)
        model.loss(made, task, batch, targets).backward()
    listed = FROZEN.get(made.config.body, ())
    unmoved = [name for name, one in made.named_parameters() if one.grad is None or not one.grad.any()]
    assert [name for name in unmoved if not any(part in name for part in listed)] == []


def test_half_precision_is_finite(model):
    for task in model.tasks:
        made = model.model()
        batch, targets = model.batch(task)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model.loss(made, task, batch, targets)
        loss.backward()
        assert torch.isfinite(loss)
        assert all(torch.isfinite(one.grad).all() for one in made.parameters() if one.grad is not None)
        exact = model.loss(model.still().eval(), task, batch, targets)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(
                model.loss(model.still().eval(), task, batch, targets), exact, atol=0.05, rtol=0.02
            )


def test_its_tiny_recipe_trains(model, tmp_path):
    given = [f"{task}={model.data.shards[task].path}" for task in model.tasks]
    name = f"{model.recipe.model.name}.tiny"
    train(
        name, shards=given, vectors=model.vectors, out=tmp_path / "run", overrides=["run.steps=6"], quiet=True
    )
    made = KnowledgeModel.from_pretrained(tmp_path / "run")
    assert made.config.body == model.recipe.model.name
    assert {*made.heads} == {*model.heads()}


def test_every_recipe_says_what_can_be_built():
    assert {*NAMES} <= {*RECIPES.names()}
    assert {f"{name}.tiny" for name in NAMES} <= {*RECIPES.names()}


@pytest.mark.parametrize("name", RECIPES.names())
def test_a_recipe_is_what_it_says(name):
    recipe = load_recipe(name)
    assert recipe.about
    assert recipe.shards
    assert len(stages(recipe, recipe.run.steps or 1000)) == max(len(recipe.stages), 1)
    if recipe.model.start is None:
        zoo = plugins.load(ZOO, recipe.model.name)
        text = encoder_config({"vocab_size": 50, "pad_token_id": 0, **recipe.model.text}, where=name)
        settings = config.build(zoo.Settings, recipe.model.settings, where=name)
        tables = opened(recipe.model.name) if recipe.model.name in NEED_VECTORS else {}
        with torch.device("meta"):
            body = zoo.build(settings, Given(text, tables))
        assert body.text.depth == text.num_hidden_layers
    here = Here(50, {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}, classes=CLASSES)
    for stage in recipe.stages or (Stage(),):
        heads: dict[str, Any] = {}
        for task in tasks(recipe).values():
            for objective in objectives_of(recipe, stage, task):
                settings, weight = settings_of(recipe, stage, objective)
                made = plugins.load(OBJECTIVES, objective).OBJECTIVE(settings, replace(here, columns=()))
                assert weight > 0
                assert all(heads.setdefault(head, told) == told for head, told in made.heads.items())
        assert heads
