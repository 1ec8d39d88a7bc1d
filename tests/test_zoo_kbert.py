"""K-BERT: what a token does not see does not change it; what is switched off is as if it had never been."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from transformers import BertConfig, RobertaConfig  # noqa: E402

from kbtools.errors import ConfigError  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.parts.visibility import Visibility  # noqa: E402
from kbtools.models.recipe import Model  # noqa: E402
from kbtools.models.training.data import tensors  # noqa: E402
from kbtools.shards.reader import Shards  # noqa: E402
from kbtools.shards.reading.rows import Rows  # noqa: E402
from tests import grown_trees, tiny_trees  # noqa: E402

#         [CLS] Tim Cook CEO Apple is visiting Beijing capital China is_a City now
SOFT = [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6, 7, 6]
BRANCH = [0, 0, 0, 1, 1, 0, 0, 0, 2, 2, 3, 3, 0]
WORD = [0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 5, 5, 6]
TRUNK = [at for at, branch in enumerate(BRANCH) if not branch]
COOK, BEIJING = 2, 7
CEO, CAPITAL, CITY = [3, 4], [8, 9], [10, 11]
T = len(SOFT)
TEXTS = {
    "bert": BertConfig(pad_token_id=0, type_vocab_size=2),
    "roberta": RobertaConfig(pad_token_id=1, type_vocab_size=1),
}
SIZES = {
    "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 24,
}  # fmt: skip
ALL = pytest.mark.parametrize("kind", TEXTS)


def made(kind="bert", body="kbert", layers=2, attention="eager", places=24, **settings):
    """A model whose weights matter: biases and scales too are no zeros and ones."""
    text = TEXTS[kind].to_dict() | SIZES | {"num_hidden_layers": layers, "max_position_embeddings": places}
    vocabulary = {"size": 60, "pad": text["pad_token_id"]}
    text = {name: text[name] for name in ("model_type", "type_vocab_size", *SIZES)}
    told = Model(name=body, text=text, settings=settings)
    model = KnowledgeModel.make(told, heads={}, vocabulary=vocabulary, seed=1, attention=attention)
    torch.manual_seed(3)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return model.eval()


def batch(rows=1, **more) -> dict[str, Any]:
    told = {
        "input_ids": torch.arange(10, 10 + T), "attention_mask": torch.ones(T, dtype=torch.bool),
        "segment": torch.zeros(T, dtype=torch.int8), "soft": torch.tensor(SOFT, dtype=torch.int16),
        "branch": torch.tensor(BRANCH, dtype=torch.int16), "word": torch.tensor(WORD, dtype=torch.int16),
    }  # fmt: skip
    return {name: value.expand(rows, T).clone() for name, value in told.items()} | more


def changed(model, places):
    """Which states change, to the bit, if other words stand in some places."""
    one, other = batch(), batch()
    other["input_ids"][0, places] += 20
    with torch.no_grad():
        differ = (model(one).hidden != model(other).hidden)[0].any(-1)
    return torch.nonzero(differ).flatten().tolist()


def trees(what="label", most=2, rows=8):
    """The first examples of the shards; the same ones whatever hangs on them."""
    return tensors(Rows(Shards(tiny_trees.shards(what, most=most))).take(range(rows)))


@ALL
@pytest.mark.parametrize("what", ["label", "pair"])
def test_without_facts_it_is_bert_to_the_bit(kind, what):
    model, plain = made(kind, places=40), made(kind, "bert", places=40)
    given = trees(what, most=0)
    given["input_ids"] = given["input_ids"] % 60
    text = {name: given[name] for name in ("input_ids", "attention_mask", "segment")}
    valid = given["attention_mask"]
    assert not given["branch"][valid].any()
    assert not valid.all()
    assert torch.equal(model(given).hidden[valid], plain(text).hidden[valid])
    assert {*model.state_dict()} == {*plain.state_dict()}


def test_the_published_example(tmp_path):
    """Positions and the visible matrix of the paper's sentence: from trees to the model's mask."""
    facts = [("Cook", "CEO", "Apple"), ("Beijing", "capital", "China"), ("Beijing", "is_a", "City")]
    base = grown_trees.kb(tmp_path, facts)
    (row,) = grown_trees.grow(tmp_path, "Tim Cook is visiting Beijing now\n", base, overrides=["sep=no"])
    assert (row["soft"], row["branch"], row["word"]) == (SOFT, BRANCH, WORD)
    pairs = Visibility.of_batch({name: torch.tensor([row[name]]) for name in ("branch", "word")}).pairs()
    assert pairs is not None
    seen = pairs[0]
    trunk, cook, beijing = "1110011100001", "1111111100001", "1110011111111"
    ceo, capital, city = "0011100000000", "0000000111000", "0000000100110"
    wanted = [trunk, trunk, cook, ceo, ceo, trunk, trunk, beijing, capital, capital, city, city, trunk]
    assert ["".join(map(str, line)) for line in seen.int().tolist()] == wanted
    assert torch.equal(seen, seen.T)
    assert int(seen.sum()) == 73
    assert [int(seen[at].sum()) for at in (*CEO, *CAPITAL, *CITY)] == [2 + 1] * 6


@ALL
def test_in_one_layer_a_branch_reaches_itself_and_its_word(kind):
    model = made(kind, layers=1)
    assert changed(model, CEO) == [COOK, *CEO]
    assert changed(model, CAPITAL) == [BEIJING, *CAPITAL]  # not its sister
    assert changed(model, CITY) == [BEIJING, *CITY]


@ALL
def test_in_two_layers_it_reaches_the_sentence(kind):
    found = changed(made(kind), CEO)
    assert found == [at for at in range(T) if at not in CAPITAL + CITY]
    assert 0 in found


@ALL
def test_without_knowledge_the_sentence_stands_alone(kind):
    alone = {
        name: value[:, TRUNK] for name, value in batch().items() if name in ("input_ids", "attention_mask")
    }
    wanted = made(kind, "bert")(alone).hidden
    for more in ({}, {"soft_positions": False}, {"visibility": False}):
        found = made(kind, knowledge=False, **more)(batch()).hidden[:, TRUNK]
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
        told = made(kind, knowledge=False)(batch(**{"batch.padded": False})).hidden[:, TRUNK]
        torch.testing.assert_close(told, wanted, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(made(kind)(batch()).hidden[:, TRUNK], wanted, atol=1e-3)


@ALL
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_with_neither_it_is_bert_on_the_words_in_a_row(kind, attention):
    flat = {name: batch()[name] for name in ("input_ids", "attention_mask", "segment")}
    wanted = made(kind, "bert", attention=attention)(flat).hidden
    found = made(kind, attention=attention, soft_positions=False, visibility=False)(batch()).hidden
    assert torch.equal(found, wanted)


@ALL
def test_each_switch_changes_something_of_its_own(kind):
    settings = [{}, {"soft_positions": False}, {"visibility": False}, {"knowledge": False}]
    states = [made(kind, **one)(batch()).hidden[0, 0] for one in settings]
    assert all(not torch.allclose(a, b, atol=1e-4) for at, a in enumerate(states) for b in states[:at])
    assert changed(made(kind, layers=1, visibility=False), CEO) == [*range(T)]


def test_soft_positions_of_the_sentence_are_the_same_with_and_without_facts():
    told, plain = trees(most=2), trees(most=0)
    assert (told["branch"] > 0).any()
    for row in range(8):
        trunk, alone = told["branch"][row] == 0, plain["attention_mask"][row]
        for name in ("soft", "input_ids"):
            assert torch.equal(told[name][row][trunk], plain[name][row][alone])


@ALL
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_row_of_padding_gives_numbers(kind, attention):
    given = batch(rows=2)
    given["attention_mask"][1] = False
    for norm in ("bert", "uer"):
        model = made(kind, attention=attention, layer_norm=norm)
        hidden = model(given).hidden
        hidden.square().sum().backward()
        assert hidden.isfinite().all()
        assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


@ALL
def test_a_tree_that_is_too_long(kind):
    places = max(SOFT) + 1 + (2 if kind == "roberta" else 0)
    assert made(kind, places=places)(batch()).hidden.isfinite().all()  # 13 tokens, 8 soft positions
    with pytest.raises(ConfigError, match="a tree of 8 soft positions, but this encoder has 7: make shorter"):
        made(kind, places=places - 1)(batch())
    with pytest.raises(ConfigError, match="13 tokens, but this encoder has 8 positions"):
        made(kind, places=places, soft_positions=False)(batch())


def test_three_segments():
    with pytest.raises(ConfigError, match="segments is uer: 3 segments, but the text encoder has 2; set"):
        made(segments="uer")
