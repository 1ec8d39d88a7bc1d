"""Trees through encoders: what a token cannot see changes nothing in one layer; in two, by its head."""

import pytest
import torch

from kbtools.models.parts.encoder import TextEncoder
from kbtools.models.parts.visibility import Visibility
from tests import tiny_encoders
from tests.test_parts_visibility import BRANCH, WORD

ALL = pytest.mark.parametrize("name", tiny_encoders.NAMES)
ATTENTION = pytest.mark.parametrize("attention", ["sdpa", "eager"])
SOFT = [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6, 7, 6]
CAPITAL, CITY, APPLE = [8, 9], [10, 11], [3, 4]
T = len(BRANCH)


def made(name, layers=1, **settings):
    torch.manual_seed(1)
    config = tiny_encoders.config(name, num_hidden_layers=layers, global_attn_every_n_layers=1)
    return TextEncoder(config, **settings).eval()


def batch():
    ids = torch.arange(10, 10 + T)[None]
    told = {"input_ids": ids, "attention_mask": torch.ones(1, T, dtype=torch.bool)}
    return told | {
        "positions": torch.tensor([SOFT]),
        "branch": torch.tensor([BRANCH]),
        "word": torch.tensor([WORD]),
    }


def changed(encoder, places, **settings):
    """Which states change, to the bit, if the embeddings of some tokens do."""
    given = batch()
    embeds = encoder.model.get_input_embeddings()(given["input_ids"]).detach()
    other = embeds.clone()
    other[0, places] += torch.linspace(-3, 3, embeds.shape[-1])
    visible = Visibility.of_batch(given, **settings)
    with torch.no_grad():
        one, two = (encoder(given, embeds=x, visible=visible).hidden for x in (embeds, other))
    return torch.nonzero((one != two)[0].any(-1)).flatten().tolist()


@ALL
@ATTENTION
def test_in_one_layer_a_branch_changes_itself_and_its_head_alone(name, attention):
    encoder = made(name, attention=attention)
    assert changed(encoder, CAPITAL) == [7, *CAPITAL]
    assert changed(encoder, CITY) == [7, *CITY]
    assert changed(encoder, APPLE) == [2, *APPLE]


@ALL
def test_in_two_layers_it_reaches_the_text_by_its_head(name):
    found = changed(made(name, layers=2), APPLE)
    assert found == [at for at in range(T) if at not in CAPITAL + CITY]


@ALL
def test_the_trunk_changes_itself_and_the_branches_of_the_word(name):
    trunk = [at for at in range(T) if BRANCH[at] == 0]
    assert changed(made(name), [2]) == sorted([*trunk, *APPLE])
    assert changed(made(name), [0]) == trunk


@ALL
def test_made_to_see_everyone_all_change(name):
    assert changed(made(name), CAPITAL, trees=False) == list(range(T))


@ALL
def test_everyone_visible_at_hard_positions_is_the_flat_text(name):
    encoder, given = made(name, layers=2), batch()
    hard = {**given, "positions": torch.arange(T)[None]}
    flat = {key: given[key] for key in ("input_ids", "attention_mask")}
    seen = encoder(hard, visible=Visibility.of_batch(given, trees=False)).hidden
    torch.testing.assert_close(seen, encoder(flat).hidden, atol=1e-6, rtol=1e-5)


@ALL
def test_a_tree_without_branches_is_plain_text_to_the_bit(name):
    encoder = TextEncoder(tiny_encoders.config(name), attention="eager").eval()
    plain = {
        "input_ids": torch.arange(10, 10 + T).expand(2, T),
        "attention_mask": torch.arange(T) < torch.tensor([[T], [6]]),
    }
    tree = plain | {
        "branch": torch.zeros(2, T, dtype=torch.long),
        "word": torch.arange(T).expand(2, T),
    }
    valid = plain["attention_mask"]
    seen = encoder(tree, visible=Visibility.of_batch(tree)).hidden
    assert torch.equal(seen[valid], encoder(plain).hidden[valid])


@ALL
def test_soft_positions_keep_the_text_where_it_was(name):
    """With branches nobody sees, the trunk's states are those of the trunk alone, windows included."""
    torch.manual_seed(1)
    encoder = TextEncoder(tiny_encoders.config(name)).eval()
    given = batch()
    trunk = given["branch"][0] == 0
    hidden_branches = {**given, "word": torch.where(given["branch"] > 0, 99, given["word"])}
    seen = encoder(given, visible=Visibility.of_batch(hidden_branches)).hidden[0, trunk]
    alone = encoder({"input_ids": given["input_ids"][:, trunk]}).hidden[0]
    torch.testing.assert_close(seen, alone, atol=1e-6, rtol=1e-5)


@ALL
@ATTENTION
def test_a_row_of_padding_gives_numbers_and_gradients(name, attention):
    encoder, given = made(name, layers=2, attention=attention), batch()
    rows = {key: value.expand(2, T) for key, value in given.items()}
    rows["attention_mask"] = torch.tensor([[True], [False]]).expand(2, T)
    for visible in (None, Visibility.of_batch(rows)):
        encoder.zero_grad()
        hidden = encoder(rows, visible=visible).hidden
        hidden.square().sum().backward()
        assert hidden.isfinite().all()
        assert all(one.grad is None or one.grad.isfinite().all() for one in encoder.parameters())
