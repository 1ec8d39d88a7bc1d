"""Weights read by a key map do what they did where they come from: scores of words, and states of K-BERT."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402
from transformers import BertConfig  # noqa: E402

from kbtools.models import keys  # noqa: E402
from kbtools.models.parts.encoder import TextEncoder  # noqa: E402
from kbtools.models.parts.heads import base as heads  # noqa: E402
from kbtools.models.parts.norms import as_uer  # noqa: E402
from tests.test_keys import KINDS, SIZES, named  # noqa: E402

WORDS = [kind for kind in KINDS if "lm" in kind[4]]


class Whole(nn.Module):
    """An encoder and its head, under the names that a model of ours has."""

    def __init__(self, config):
        super().__init__()
        self.body = nn.ModuleDict({"text": TextEncoder(config)})
        self.heads = nn.ModuleDict({"lm": heads.build({"kind": "lm"}, config)})

    def forward(self, batch):
        hidden = self.body["text"](batch).hidden
        return self.heads["lm"](hidden.flatten(0, 1), self.body["text"].words).view(*hidden.shape[:2], -1)


@pytest.mark.parametrize("kind", WORDS, ids=named)
def test_scores_of_words_are_those_of_transformers(kind):
    name, config, more, model, _ = kind
    torch.manual_seed(1)
    theirs = model(config(**SIZES, **more)).eval()
    for one in theirs.parameters():
        nn.init.normal_(
            one, std=0.3
        )  # biases are 0 and scales 1 else: then it would not matter which is which
    ours = Whole(theirs.config).eval()
    missing, unexpected = ours.load_state_dict(
        {one: value for one, value in keys.load(name).rename(theirs.state_dict())[0].items()
         if not one.startswith(("heads.pooler", "heads.nsp"))}, strict=False)  # fmt: skip
    assert not missing
    assert not unexpected
    ids = torch.tensor([[1, 5, 6, 7, 2], [1, 8, 2, 0, 0]])
    mask = ids > 0
    said = theirs(input_ids=ids, attention_mask=mask.long())
    wanted = said.prediction_logits if "prediction_logits" in said else said.logits
    with torch.no_grad():
        found = ours({"input_ids": ids, "attention_mask": mask})
    torch.testing.assert_close(found[mask], wanted[mask], atol=2e-5, rtol=1e-4)


def test_states_of_kbert_are_those_of_its_own_program(golden):
    told = load_file(golden / "02_kbert_forward" / "kbert_cls.safetensors")
    state = {name.removeprefix("w."): value for name, value in told.items() if name.startswith("w.")}
    known = keys.find(state)
    assert known is keys.load("uer")
    renamed, left = known.rename(state)
    assert left == []
    heads_of = {name for name in renamed if name.startswith("heads.")}
    assert heads_of == {
        f"heads.{head}.{part}" for head in ("pooler.dense", "labels.out") for part in ("weight", "bias")
    }
    encoder = TextEncoder(
        BertConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32, vocab_size=72
        )
    ).eval()
    encoder.load_state_dict(
        {name.removeprefix("body.text."): renamed[name] for name in renamed.keys() - heads_of}
    )
    as_uer(encoder)
    mask = told["in.mask"] > 0
    batch = {
        "input_ids": told["in.token_ids"],
        "attention_mask": mask,
        "segment": torch.zeros_like(told["in.mask"]),  # theirs: 0 is padding
        "positions": told["in.soft_positions"],
    }
    with torch.no_grad():
        found = encoder(batch, layers=True)
    for told_name, states in (
        ("out.embedding", found.hidden_states[0]),
        ("out.hidden_layer2_no_vm", found.hidden),
    ):
        torch.testing.assert_close(states[mask], told[told_name][mask], atol=1e-5, rtol=1e-4)
