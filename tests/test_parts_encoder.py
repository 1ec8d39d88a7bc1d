"""A text encoder run layer by layer: what transformers' own forward gives, and what may step in between."""

import copy
from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModel, GPT2Config

from kbtools.errors import ConfigError
from kbtools.models.parts import families
from kbtools.models.parts.encoder import TextEncoder
from tests import tiny_encoders

ALL = pytest.mark.parametrize("name", tiny_encoders.NAMES)
B, T = 3, 21


def made(name, **settings):
    torch.manual_seed(1)
    return TextEncoder(tiny_encoders.config(name), **settings).eval()


def batch(name="bert", padded=True):
    pad = tiny_encoders.config(name).pad_token_id
    valid = torch.ones(B, T, dtype=torch.bool)
    if padded:
        valid[1, 13:] = False
        valid[2, 5:] = False
    ids = torch.randint(5, tiny_encoders.WORDS, (B, T), generator=torch.Generator().manual_seed(2))
    return {"input_ids": ids.masked_fill(~valid, pad), "attention_mask": valid}


def theirs(encoder, given, **more):
    return encoder.model(
        input_ids=given["input_ids"],
        attention_mask=given["attention_mask"].long(),
        output_hidden_states=True,
        **more,
    )


def assert_same(ours, other, valid):
    assert len(ours.hidden_states) == len(other.hidden_states)
    for one, two in zip(ours.hidden_states, other.hidden_states, strict=True):
        assert torch.equal(one[valid], two[valid])
    assert torch.equal(ours.hidden[valid], other.last_hidden_state[valid])


@ALL
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("padded", [True, False], ids=["padded", "whole"])
def test_states_are_those_of_transformers_to_the_bit(name, attention, padded):
    encoder, given = made(name, attention=attention), batch(name, padded)
    with torch.no_grad():
        ours, other = encoder(given, layers=True), theirs(encoder, given)
    assert_same(ours, other, given["attention_mask"])
    assert (encoder.width, encoder.depth, encoder.words.shape) == (16, 2, (tiny_encoders.WORDS, 16))


@pytest.mark.parametrize("kind", sorted(set(families.of(tiny_encoders.config("bert")).MODELS)))
def test_each_model_like_bert_is_run_as_transformers_runs_it(kind):
    sizes: dict[str, Any] = {
        "vocab_size": 90,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    sizes |= {"intermediate_size": 24, "max_position_embeddings": 64, "pad_token_id": 1}
    sizes |= {"embedding_size": 8} if kind == "electra" else {}
    encoder = TextEncoder(CONFIG_MAPPING[kind](**sizes)).eval()
    given = batch("roberta")
    with torch.no_grad():
        assert_same(encoder(given, layers=True), theirs(encoder, given), given["attention_mask"])


@ALL
def test_segments_count_where_an_encoder_has_them_and_nowhere_else(name):
    encoder, given = made(name), batch(name)
    segment = (torch.arange(T) > 4).to(torch.int8).expand(B, T)
    plain, told = encoder(given), encoder({**given, "segment": segment})
    if name == "bert":
        other = theirs(encoder, given, token_type_ids=segment.long())
        assert torch.equal(told.hidden, other.last_hidden_state)
        assert not torch.equal(told.hidden, plain.hidden)
    else:
        assert torch.equal(told.hidden, plain.hidden)


@ALL
def test_positions_that_only_count_change_nothing(name):
    encoder, given = made(name), batch(name)
    counted = torch.arange(T).expand(B, T)
    told = encoder({**given, "positions": counted}).hidden
    valid = given["attention_mask"]
    torch.testing.assert_close(told[valid], encoder(given).hidden[valid])


@ALL
def test_other_positions_change_states(name):
    encoder, given = made(name), batch(name)
    far = (torch.arange(T) * 2).expand(B, T)
    valid = given["attention_mask"]
    told = encoder({**given, "positions": far}).hidden
    assert (told[valid] - encoder(given).hidden[valid]).abs().max() > 1e-6


def test_a_word_that_happens_to_be_the_padding_moves_no_position():
    """An objective may put any word in place of another, [PAD] too."""
    encoder, given = made("roberta"), batch("roberta", padded=False)
    given["input_ids"][0, 3] = 1
    seen = []
    hook = encoder.model.embeddings.position_embeddings.register_forward_pre_hook(
        lambda _, x: seen.append(x[0])
    )
    encoder(given)
    hook.remove()
    assert torch.equal(seen[0][0], torch.arange(2, T + 2))


@ALL
def test_states_may_be_changed_after_any_layer(name):
    encoder, given = made(name), batch(name)
    asked = []

    def twice_after_the_first(number, hidden):
        asked.append(number)
        return hidden * 2 if number == 0 else hidden

    plain, changed = encoder(given, layers=True), encoder(given, layers=True, between=twice_after_the_first)
    assert asked == [0, 1]
    assert torch.equal(changed.hidden_states[1], plain.hidden_states[1] * 2)
    assert not torch.equal(changed.hidden, plain.hidden)
    same = encoder(given, between=lambda _, hidden: hidden)
    assert torch.equal(same.hidden, plain.hidden)
    assert same.hidden_states is None


@ALL
def test_embeddings_may_stand_in_for_tokens(name):
    encoder, given = made(name), batch(name)
    embeds = encoder.model.get_input_embeddings()(given["input_ids"])
    expected = encoder(given).hidden
    assert torch.equal(encoder(given, embeds=embeds).hidden, expected)
    alone = {"attention_mask": given["attention_mask"]}
    assert torch.equal(encoder(alone, embeds=embeds).hidden, expected)
    with pytest.raises(ConfigError, match="neither input_ids nor embeddings"):
        encoder(alone)


@ALL
def test_dropout_is_for_training(name):
    changes = {"attention_dropout": 0.1, "embedding_dropout": 0.1} if name == "modernbert" else {}
    encoder, given = TextEncoder(tiny_encoders.config(name, **changes)), batch(name)
    assert not torch.equal(encoder(given).hidden, encoder(given).hidden)
    encoder.eval()
    assert torch.equal(encoder(given).hidden, encoder(given).hidden)


@ALL
@pytest.mark.parametrize("frozen", [False, True], ids=["whole", "frozen"])
def test_layers_may_be_run_again_on_the_way_back(name, frozen):
    plain = TextEncoder(tiny_encoders.without_dropout(name)).train()
    plain.model.embeddings.requires_grad_(not frozen)
    again, given = copy.deepcopy(plain), batch(name)
    again.checkpoint()
    runs = []
    first = next(module for module in again.layers[0].modules() if isinstance(module, torch.nn.Linear))
    first.register_forward_hook(lambda *_: runs.append(1))
    for encoder in (plain, again):
        loss = encoder(given).hidden[given["attention_mask"]].square().sum()
        once = len(runs)
        loss.backward()
    assert len(runs) == 2 * once > 0
    for (label, one), two in zip(plain.named_parameters(), again.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None), label
        if one.grad is not None:
            torch.testing.assert_close(one.grad, two.grad)
    assert any(parameter.grad is not None for parameter in again.layers.parameters())
    again.checkpoint(False)
    runs.clear()
    again(given).hidden.sum().backward()
    assert len(runs) == once


@ALL
def test_the_usual_path_compiles_in_one_piece(name):
    encoder, given = made(name), batch(name)
    torch.compiler.reset()
    compiled = torch.compile(encoder, backend="eager", fullgraph=True)
    valid = given["attention_mask"]
    torch.testing.assert_close(compiled(given).hidden[valid], encoder(given).hidden[valid])
    torch.compiler.reset()


@ALL
def test_bf16_gives_numbers(name):
    encoder, given = made(name), batch(name)
    given["attention_mask"][2] = False
    packed = {**given, "sequence": given["attention_mask"].long()}
    for columns in (given, packed):
        with torch.autocast("cpu", torch.bfloat16):
            assert encoder(columns).hidden.isfinite().all()
    half = copy.deepcopy(encoder).bfloat16()
    for columns in (given, packed):
        hidden = half(columns).hidden
        assert hidden.dtype == torch.bfloat16
        assert hidden.isfinite().all()


@ALL
def test_weights_have_the_names_of_transformers(name):
    config = tiny_encoders.config(name)
    config.dtype = torch.float16  # as its checkpoint was saved
    encoder = TextEncoder(config)
    known = {key for key in AutoModel.from_config(config).state_dict() if not key.startswith("pooler.")}
    assert {key.removeprefix("model.") for key in encoder.state_dict()} == known
    assert encoder.words.dtype == torch.float32
    assert config._attn_implementation != "eager" or name == "deberta-v2"  # the one given is left alone


def test_what_cannot_be_run_is_refused_in_one_line():
    with pytest.raises(ConfigError, match=r"'gpt2' is no encoder known here; known are bert, .*modernbert"):
        TextEncoder(GPT2Config())
    with pytest.raises(ConfigError, match="is a decoder"):
        TextEncoder(tiny_encoders.config("bert", is_decoder=True))
    with pytest.raises(ConfigError, match="deberta-v2 has no attention 'flex'; it has sdpa, eager"):
        TextEncoder(tiny_encoders.config("deberta-v2"), attention="flex")
    with pytest.raises(ConfigError, match="bert has no attention 'fast'"):
        TextEncoder(tiny_encoders.config("bert"), attention="fast")
    with pytest.raises(ConfigError, match="runs on a GPU only"):
        TextEncoder(tiny_encoders.config("bert"), attention="flex")(batch())


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_rows_longer_than_positions_are_refused(name):
    with pytest.raises(ConfigError, match="rows of 65 tokens, but this encoder has 64 positions"):
        made(name)({"input_ids": torch.full((1, 65), 7)})
