"""KnowBert: any number of knowledge bases between layers, and nothing where they have nothing to say."""

from __future__ import annotations

import pytest
import torch
from transformers import BertModel

from kbtools.errors import ConfigError
from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.kar import Mentions
from kbtools.models.zoo import knowbert
from kbtools.models.zoo.base import Given
from tests import small_kar as small


def close(found, wanted):
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def silent(made):
    """Let nothing come out of a part."""
    with torch.no_grad():
        for one in made.kars.values():
            one.out.weight.zero_()
            one.out.bias.zero_()
    return made


@pytest.mark.parametrize("kbs", [("wiki",), ("wiki", "words")])
def test_without_an_output_it_is_bert_to_the_bit(kbs):
    batch = small.batch(*kbs)
    paper = silent(small.body({kb: small.settings(output_norm="paper") for kb in kbs}))
    bert = BertModel(small.TEXT, add_pooling_layer=False).eval()
    bert.load_state_dict(paper.text.model.state_dict())
    plain = TextEncoder(small.TEXT).eval()
    plain.load_state_dict(paper.text.state_dict())
    found = paper(batch, layers=True)
    assert torch.equal(found.hidden, plain(batch).hidden)
    close(found.hidden, bert(batch["input_ids"], batch["attention_mask"]).last_hidden_state)
    reference = silent(small.body({kb: small.settings() for kb in kbs}))
    reference.text.load_state_dict(paper.text.state_dict())
    with torch.no_grad():  # the norm of the last layer has weights of its own; that of the output has not
        for body in (reference, paper):
            body.text.layers[1].output.LayerNorm.bias.add_(0.5)
    assert not torch.isclose(reference(batch).hidden, paper(batch).hidden).all()


def test_a_batch_without_mentions_passes_to_the_bit():
    made, batch = small.body({"wiki": small.settings()}), small.batch()
    plain = {name: batch[name] for name in ("input_ids", "attention_mask")}
    assert torch.equal(made(plain).hidden, made.text(plain).hidden)
    assert made(plain).parts == {"knowbert": {}}
    batch["entities.wiki.spans.mask"] = torch.zeros(small.B, small.M, dtype=torch.bool)
    assert torch.equal(made(batch).hidden, made.text(plain).hidden)


def test_it_stands_behind_its_layer():
    made, batch = small.body({"wiki": small.settings(layer=1)}), small.batch()
    plain, found = made.text(batch, layers=True), made(batch, layers=True)
    differ = [
        not torch.equal(*two) for two in zip(found.hidden_states, plain.hidden_states, strict=True)
    ]  # of the embeddings, and of four layers
    assert differ == [False, False, True, True, True]
    last = small.body({"wiki": small.settings(layer=-1)})
    assert [*last.at] == [3]


@pytest.mark.parametrize("layers", [(1, 2), (2, 1), (1, 1)])
def test_two_knowledge_bases_go_by_layer_then_name(layers):
    kars = {"words": small.settings(layer=layers[0]), "wiki": small.settings(layer=layers[1])}
    made, batch = small.body(kars, {"words": 4}), small.batch("wiki", "words")
    found, seen = made(batch), {}
    assert {*found.parts["knowbert"]} == {"wiki", "words"}

    def between(number, states):
        for layer, name in sorted((kars[name].layer, name) for name in kars):
            if layer == number:
                part = made.kars[name]
                states, seen[name] = part(states, Mentions.of(batch, name), batch)
        return states

    assert torch.equal(found.hidden, made.text(batch, between=between).hidden)
    assert [*found.parts["knowbert"]] == [*seen]


def test_a_second_one_reads_what_the_first_has_written():
    kars = {"wiki": small.settings(layer=1), "words": small.settings(layer=2)}
    made, batch = small.body(kars), small.batch("wiki", "words")
    small.widen(made.kars)
    alone = {name: value for name, value in batch.items() if "wiki" not in name}
    scores = [made(some).parts["knowbert"]["words"].scores for some in (batch, alone)]
    assert not torch.isclose(*scores).all()


def test_all_that_are_not_named_are_as_the_star_says():
    kars = {"*": small.settings(layer=2), "wiki": small.settings(layer=0)}
    tables = {kb: small.table(kb) for kb in ("wiki", "words", "more")}
    made = knowbert.build(knowbert.Settings(kars=kars), Given(small.TEXT, tables))
    assert made.at == {0: ["wiki"], 2: ["more", "words"]}


def test_the_way_out_undoes_the_way_in():
    kars = {"wiki": small.settings(), "words": small.settings(inverse=False)}
    made = small.body(kars)
    small.widen(made.kars)
    before = made.kars["words"].out.weight.clone()
    assert made.ONCE == ("pseudo_inverse",)
    made.pseudo_inverse()
    part = made.kars["wiki"]
    into, out = part.linker.into, part.out
    close(into.weight @ out.weight, torch.eye(small.E))  # [E, H] [H, E]
    words = torch.randn(5, small.E)
    close(into(out(words)), words)
    assert torch.equal(made.kars["words"].out.weight, before)


def test_tables_and_vectors_of_nobody_never_train():
    made, batch = small.body({"wiki": small.settings()}).train(), small.batch()
    frozen = {name: value.clone() for name, value in made.named_buffers()}
    rows = small.table()(torch.arange(small.ENTITIES))
    optimiser = torch.optim.SGD(made.parameters(), lr=1.0)
    made(batch).hidden.square().sum().backward()
    optimiser.step()
    assert {"kars.wiki.null", "kars.wiki.linker.candidates.hidden"} <= {*made.state_dict()}
    assert all(torch.equal(value, frozen[name]) for name, value in made.named_buffers())
    assert torch.equal(small.table()(torch.arange(small.ENTITIES)), rows)
    assert not [name for name in made.state_dict() if "table" in name]


def test_special_vectors_follow_from_the_seed():
    one, same, other = (small.body({"wiki": small.settings()}, seed=seed).kars["wiki"] for seed in (1, 1, 2))
    for name in ("null", "linker.candidates.hidden"):
        values = [part.get_buffer(name) for part in (one, same, other)]
        assert values[0].any()
        assert torch.equal(values[0], values[1])
        assert not torch.equal(values[0], values[2])


def test_gradients_are_the_same_with_checkpointing():
    made, batch = small.body({"wiki": small.settings()}).train(), small.batch()

    def gradients():
        made.zero_grad()
        out = made(batch)
        (out.hidden.square().sum() + out.parts["knowbert"]["wiki"].scores.clamp(min=-1).sum()).backward()
        return {name: one.grad.clone() for name, one in made.named_parameters() if one.grad is not None}

    plain = gradients()
    made.text.checkpoint()
    again = gradients()
    assert plain.keys() == again.keys()
    for name, value in plain.items():
        close(again[name], value)


def test_a_frozen_encoder_needs_no_way_back():
    made, batch = small.body({"wiki": small.settings()}).train(), small.batch()
    for name, one in made.named_parameters():
        one.requires_grad_("linker" in name)
    seen = []
    made.text.layers[1].register_forward_hook(lambda *told: seen.append(told[-1].requires_grad))
    scores = made(batch).parts["knowbert"]["wiki"].scores
    scores.clamp(min=-1).sum().backward()
    assert seen == [False]
    assert all((one.grad is not None) == ("linker" in name) for name, one in made.named_parameters())


@pytest.mark.parametrize(
    ("kars", "said"),
    [
        ({"other": {}}, r"no vectors of other \(there are: wiki\); give them with --vectors"),
        ({"wiki": {"layer": 4}}, "layers 0 to 3"),
        ({"wiki": {"layer": -5}}, "layers 0 to 3"),
    ],
)
def test_what_cannot_be_is_refused(kars, said):
    told = knowbert.Settings(kars={kb: small.settings(**one) for kb, one in kars.items()})
    with pytest.raises(ConfigError, match=said):
        knowbert.build(told, Given(small.TEXT, {"wiki": small.table()}))
