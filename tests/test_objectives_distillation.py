"""A teacher's scores are learned: by hand, from a function, from a checkpoint."""

from __future__ import annotations

import copy
import dataclasses
import math
import shutil
from pathlib import Path

import pytest
import torch
import transformers

from kbtools.errors import ConfigError, KbError
from kbtools.models.base import KnowledgeModel
from kbtools.models.batch import Output
from kbtools.models.objectives.distillation import (
    Distillation,
    Settings,
    Taught,
    of_checkpoint,
    same_vocabulary,
    soft_cross_entropy,
)
from tests import tiny_tokenizer
from tests.tiny_objectives import HERE, SIZE, WIDTH, Tiny, batch, corrupted, objective


def table(seed):
    return torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def by_table(scores):
    """Teach what a table says of the token that stands at a place."""

    def teach(some, places):
        found = scores[some["input_ids"].flatten()[places]]
        return Taught(found.__getitem__, found[:, :WIDTH])

    return teach


def masked(epoch=0):
    some = batch([1, 2, 3], epoch)
    corrupted(objective("mlm"), some)
    return some


def distilled(teacher, **settings):
    return Distillation(Settings(teacher="a function", **settings), HERE, teacher)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_soft_cross_entropy_by_hand(temperature):
    student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    p = 1 / (1 + math.exp(-3 / temperature))  # what the teacher gives the second
    q = 1 / (1 + math.exp(1 / temperature))  # and the student
    expected = -(temperature**2) * (p * math.log(q) + (1 - p) * math.log(1 - q))
    assert soft_cross_entropy(student, teacher, temperature).item() == pytest.approx(expected, rel=1e-6)


def test_gradients_do_not_shrink_with_temperature():
    teacher = torch.randn(4, 9, generator=torch.Generator().manual_seed(0)) / 10
    sizes = []
    for temperature in (1.0, 10.0):
        scores = torch.zeros(4, 9, requires_grad=True)
        soft_cross_entropy(scores, teacher, temperature).backward()
        assert scores.grad is not None
        sizes.append(scores.grad.norm().item())
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)


def test_who_says_the_same_learns_nothing():
    one = distilled(by_table(table(1)))
    model = Tiny(one.heads)
    some = masked()
    corrupted(one, some)
    with torch.no_grad():
        states = model(some).hidden.flatten(0, 1)[some["mlm.places"]]
        scores = model.heads["lm"](states, model.words)
    same = distilled(lambda *_: Taught(scores.__getitem__, states), states="squares")
    found = same.loss(model, model(some), some)
    found.total.backward()
    assert found.measures["agreed"] == len(scores)
    assert found.measures["apart"] == 0
    assert all(weight.grad.abs().max() < 1e-5 for weight in model.heads.parameters())


def test_places_are_the_other_objectives():
    one, some = distilled(by_table(table(1))), masked()
    assert corrupted(one, some) == len(some["mlm.places"]) > 0
    assert torch.equal(some["distillation.places"], some["mlm.places"])


def test_without_places_of_another_it_is_refused():
    with pytest.raises(ConfigError, match=r"distillation: mlm has chosen no places; .*put it before"):
        corrupted(distilled(by_table(table(1))), batch([1]))


@pytest.mark.parametrize(
    ("how", "apart"),
    [
        ("cosine", lambda s, t: (1 - (s * t).sum(-1) / (s.norm(dim=-1) * t.norm(dim=-1))).sum()),
        ("squares", lambda s, t: ((s - t) ** 2).sum() / WIDTH),
    ],
)
def test_states_are_drawn_to_the_teachers(how, apart):
    teach = by_table(table(1))
    plain, with_states = distilled(teach), distilled(teach, states=how, states_weight=0.5)
    model, some = Tiny(plain.heads), masked()
    corrupted(plain, some)
    output = model(some)
    states = output.hidden.flatten(0, 1)[some["mlm.places"]]
    expected = apart(states, teach(some, some["mlm.places"]).states)
    found = with_states.loss(model, output, some)
    torch.testing.assert_close(found.total, plain.loss(model, output, some).total + 0.5 * expected)
    torch.testing.assert_close(found.measures["apart"], expected)


def teaching(size):
    """Say the same of all words, of which there are so many; with states that are two wide."""
    return lambda _, places: Taught(lambda some: torch.zeros(len(some), size), torch.zeros(len(places), 2))


@pytest.mark.parametrize("at_once", [1, 2 * 5 * SIZE, 10**6])
def test_in_parts_it_is_the_same(at_once):
    seen = []

    def lost(**settings):
        one, some = distilled(by_table(table(1)), states="cosine", **settings), masked()
        corrupted(one, some)
        model = Tiny(one.heads)
        model.heads["lm"].register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
        found = one.loss(model, model(some), some)
        found.total.backward()
        return found, model

    whole, one = lost()
    del seen[:]
    parts, other = lost(at_once=at_once)
    assert max(seen) == min(max(at_once // (2 * SIZE), 1), sum(masked()["corrupted"].flatten().tolist()))
    torch.testing.assert_close(parts.total, whole.total)
    assert parts.measures == whole.measures
    for (name, weight), same in zip(one.named_parameters(), other.named_parameters(), strict=True):
        torch.testing.assert_close(same[1].grad, weight.grad, msg=name)


def test_a_teacher_of_other_shapes_is_refused():
    model, some = Tiny(objective("mlm").heads), masked()
    small = distilled(teaching(7))
    corrupted(small, some)
    with pytest.raises(ConfigError, match=f"the teacher has 7 words, the student {SIZE}"):
        small.loss(model, model(some), some)
    narrow = distilled(teaching(SIZE), states="cosine")
    with pytest.raises(ConfigError, match=f"states are {WIDTH} wide, the teacher's 2; say states = 'none'"):
        narrow.loss(model, model(some), some)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {"temperature": math.nan}, {"states_weight": -1.0}, {"at_once": 0}]
)
def test_numbers_are_above_0(settings):
    with pytest.raises(ConfigError, match=r"it is a number above 0|it is 1 at least"):
        Settings(teacher="x", **settings)


# A checkpoint as a teacher.


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A small BERT with a head of words, and its tokenizer."""
    folder = tmp_path_factory.mktemp("teacher") / "bert"
    return folder, saved(folder, transformers.BertForMaskedLM)


def saved(folder, kind, seed=0):
    size = tiny_tokenizer.loaded().size
    config = transformers.BertConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    torch.manual_seed(seed)
    model = kind(config).eval()
    model.save_pretrained(folder)
    for file in tiny_tokenizer.path().iterdir():
        if file.name.startswith(("tokenizer", "vocab", "special")):
            shutil.copy(file, folder)
    return model


def words():
    return [word or "" for word in tiny_tokenizer.loaded().strings.to_pylist()]


def here():
    return dataclasses.replace(HERE, size=len(words()), words=words())


def test_a_checkpoint_teaches_what_it_says(teacher):
    folder, model = teacher
    some = masked()
    places = some["mlm.places"]
    told = of_checkpoint(str(folder))(some, places)
    with torch.no_grad():
        expected = model(input_ids=some["input_ids"], attention_mask=some["attention_mask"].long(),
                         token_type_ids=some["segment"].long(), output_hidden_states=True)  # fmt: skip
    scores, some = told.scores(torch.arange(len(places))), torch.tensor([2, 0])
    torch.testing.assert_close(scores, expected.logits.flatten(0, 1)[places], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(told.scores(some), scores[some])
    states = expected.hidden_states[-1].flatten(0, 1)[places]
    torch.testing.assert_close(told.states, states, rtol=1e-4, atol=1e-5)
    assert not scores.requires_grad


class Student(Tiny):
    """As many words as the teacher has."""

    @property
    def words(self):
        return self.embeddings.weight.repeat(-(-len(words()) // SIZE), 1)[: len(words())]


def test_a_checkpoint_is_loaded_once_and_stays_at_home(teacher):
    one = Distillation(Settings(teacher=str(teacher[0])), here())
    model = Student({"pooler": {"kind": "pooler"}})
    model.heads["lm"] = Words()
    some = masked()
    corrupted(one, some)
    first = one.loss(model, model(some), some)
    kept = one.teacher
    assert one.loss(model, model(some), some).total == first.total
    assert one.teacher is kept
    sent = copy.copy(one)  # as a process that makes batches gets it
    assert sent._teacher is None
    assert corrupted(sent, masked()) == len(some["distillation.places"])


def test_stages_share_a_checkpoint_until_it_is_another(teacher, tmp_path, monkeypatch):
    folder, loads = tmp_path / "bert", list[Path]()
    shutil.copytree(teacher[0], folder)
    load = KnowledgeModel.from_pretrained

    def counted(name):
        loads.append(name)
        return load(name)

    monkeypatch.setattr(KnowledgeModel, "from_pretrained", counted)
    scores = []
    for _ in range(2):
        some = masked()
        corrupted(Distillation(Settings(teacher=str(folder)), here()), some)  # a stage has one of its own
        told = of_checkpoint(str(folder))(some, some["mlm.places"])
        scores.append(told.scores(torch.arange(3)))
    assert len(loads) == 1
    assert torch.equal(*scores)
    saved(folder, transformers.BertForMaskedLM, seed=1)
    told = of_checkpoint(str(folder))(masked(), masked()["mlm.places"])
    assert len(loads) == 2
    assert not torch.equal(told.scores(torch.arange(3)), scores[0])


class Words(torch.nn.Module):
    """Scores words by their embeddings alone."""

    def forward(self, hidden, words):
        return hidden @ words.T


def test_loading_a_teacher_draws_no_numbers(teacher):
    one = Distillation(Settings(teacher=str(teacher[0])), here())
    before = torch.get_rng_state()
    assert one.teacher is not None
    assert torch.equal(torch.get_rng_state(), before)


def test_without_places_no_teacher_is_asked():
    one = distilled(by_table(table(1)), states="cosine")
    one._teacher = None
    model, some = Tiny(one.heads), masked()
    corrupted(one, some)
    some["distillation.places"] = some["distillation.places"][:0]
    found = one.loss(model, Output(last_hidden_state=model(some).hidden), some)
    assert found.total == 0
    assert found.measures == {"agreed": 0, "apart": 0}


def test_teachers_that_are_refused(teacher, tmp_path):
    with pytest.raises(KbError, match="no such folder"):
        objective("distillation", teacher=str(tmp_path / "nowhere"))
    others = [*words()]
    others[7] = "other"
    with pytest.raises(ConfigError, match=r"distillation: token 7 is '.*' to the teacher .*, 'other' here"):
        same_vocabulary(str(teacher[0]), dataclasses.replace(here(), words=others))
    with pytest.raises(ConfigError, match=rf"has {len(words())} tokens, here there are {len(words()) - 1}"):
        same_vocabulary(str(teacher[0]), dataclasses.replace(here(), words=words()[:-1]))
    saved(tmp_path / "bare", transformers.BertModel)
    with pytest.raises(ConfigError, match="has no head `lm`: it cannot say which words are likely"):
        of_checkpoint(str(tmp_path / "bare"))
