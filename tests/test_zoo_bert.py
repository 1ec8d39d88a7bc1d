"""BERT: its loss is that of transformers' BertForPreTraining; words are tied, also after a round trip."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from transformers import BertConfig, BertForPreTraining  # noqa: E402

from kbtools.models import keys  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.batch import IGNORED  # noqa: E402
from tests.tiny_models import tiny  # noqa: E402


@pytest.fixture
def pair():
    """Return our model and theirs, with the same weights, none of them 0."""
    bert = tiny("bert")
    ours = bert.still(seed=2).eval()
    for one in ours.parameters():
        nn.init.normal_(one, std=0.1)
    text = {name: value for name, value in ours.config.text.items() if name != "model_type"}
    theirs = BertForPreTraining(BertConfig(**text)).eval()
    back, left = keys.load("bert").back(ours.state_dict())
    assert not left
    told = theirs.load_state_dict(back, strict=False)
    assert not told.unexpected_keys
    assert all(name.startswith("cls.predictions.decoder") for name in told.missing_keys)
    return bert, ours, theirs


def test_masked_words_and_next_sentences_cost_what_they_cost_in_transformers(pair):
    bert, ours, theirs = pair
    batch, targets = bert.batch("long", rows=8)
    labels = torch.full_like(batch["input_ids"], IGNORED)
    labels.view(-1)[batch["mlm.places"]] = batch["mlm.targets"]
    said = theirs(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"].long(),
        token_type_ids=batch["segment"],
        labels=labels,
        next_sentence_label=batch["nsp.targets"],
    )
    assert targets == {"mlm": (labels != IGNORED).sum(), "nsp": 8}
    torch.testing.assert_close(bert.loss(ours, "long", batch, targets), said.loss, atol=1e-5, rtol=1e-5)


def test_class_0_is_a_pair_that_goes_on(pair):
    bert, ours, _ = pair
    assert ours.heads["nsp"].classes == ("next", "random")
    words = bert.classes("long")["pair.kind"]
    batch, _ = bert.batch("long", rows=16)
    kinds = [words[number] for number in batch["pair.kind"]]
    assert [ours.heads["nsp"].classes[target] for target in batch["nsp.targets"]] == kinds
    assert {*kinds} == {"next", "random"}


def test_words_are_tied_and_kept_once(pair, tmp_path):
    _, ours, _ = pair
    ours.save_pretrained(tmp_path / "saved")
    again = KnowledgeModel.from_pretrained(tmp_path / "saved").eval()
    state = again.state_dict()
    size = (again.config.vocab_size, again.config.hidden_size)
    assert [name for name, value in state.items() if tuple(value.shape) == size] == [
        "body.text.model.embeddings.word_embeddings.weight"
    ]
    hidden = torch.randn(3, size[1])
    with torch.no_grad():
        again.words[7] += 1.0
        assert again.words.data_ptr() == again.body.text.words.data_ptr()
        moved = again.heads["lm"](hidden, again.words) - ours.heads["lm"](hidden, ours.words)
    assert (moved.abs().sum(0) > 1e-6).nonzero().flatten().tolist() == [7]


def test_positions_beyond_the_first_length_do_not_move_in_the_first_stage():
    bert = tiny("bert")
    model = bert.still()
    batch, targets = bert.batch("short", rows=8)
    length = batch["input_ids"].shape[1]
    bert.loss(model, "short", batch, targets).backward()
    moved = model.body.text.model.embeddings.position_embeddings.weight.grad.abs().sum(1)
    assert (moved[:length] > 0).sum() > length // 2
    assert not moved[length:].any()


def test_a_checkpoint_of_transformers_is_taken_as_it_is(pair, tmp_path):
    bert, ours, theirs = pair
    theirs.save_pretrained(tmp_path)
    model = KnowledgeModel.from_pretrained(tmp_path).eval()
    batch = bert.raw("long")
    torch.testing.assert_close(model(batch).hidden, ours(batch).hidden)
