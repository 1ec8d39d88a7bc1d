"""The checkpoint of ERNIE's authors: which weight is which, what is missing, what is too much."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from kbtools.errors import ArtefactError
from kbtools.models import keys
from kbtools.models.base import KnowledgeModel

WIDE, INNER, WIDTH, WORDS = 8, 12, 4, 30
CONFIG = {
    "model_type": "bert", "hidden_size": WIDE, "num_hidden_layers": 12, "num_attention_heads": 2,
    "intermediate_size": INNER, "vocab_size": WORDS, "max_position_embeddings": 16, "type_vocab_size": 2,
    "hidden_act": "gelu",
}  # fmt: skip
SETTINGS = {"width": WIDTH, "heads": 2}


def dense(name, out, into):
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def norm(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def attention(name, width, ent=""):
    found: dict[str, tuple[int, ...]] = {}
    for part in ("query", "key", "value"):
        found |= dense(f"{name}.self{ent}.{part}", width, width)
    return (
        found
        | dense(f"{name}.output{ent}.dense", width, width)
        | norm(f"{name}.output{ent}.LayerNorm", width)
    )


def shapes():
    """List the weights as the authors' code names them: five plain layers, one of kind mix, six of norm."""
    found: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (WORDS, WIDE),
        "bert.embeddings.position_embeddings.weight": (16, WIDE),
        "bert.embeddings.token_type_embeddings.weight": (2, WIDE),
    }
    found |= norm("bert.embeddings.LayerNorm", WIDE)
    for at in range(12):
        layer = f"bert.encoder.layer.{at}"
        found |= attention(f"{layer}.attention", WIDE)
        found |= dense(f"{layer}.intermediate.dense", INNER, WIDE) | dense(
            f"{layer}.output.dense", WIDE, INNER
        )
        found |= norm(f"{layer}.output.LayerNorm", WIDE)
        if at >= 5:
            found |= dense(f"{layer}.intermediate.dense_ent", INNER, WIDTH)
            found |= dense(f"{layer}.output.dense_ent", WIDTH, INNER) | norm(
                f"{layer}.output.LayerNorm_ent", WIDTH
            )
        if at >= 6:
            found |= attention(f"{layer}.attention", WIDTH, "_ent")
    found |= dense("bert.pooler.dense", WIDE, WIDE)
    found |= dense("cls.predictions.transform.dense", WIDE, WIDE)
    found |= norm("cls.predictions.transform.LayerNorm", WIDE)
    found |= {"cls.predictions.decoder.weight": (WORDS, WIDE), "cls.predictions.bias": (WORDS,)}
    found |= dense("cls.predictions_ent.transform.dense", WIDTH, WIDE)
    found |= norm("cls.predictions_ent.transform.LayerNorm", WIDTH)
    return found | dense("cls.seq_relationship", 2, WIDE)


def checkpoint(folder, *, without=(), more=(), gamma=False):
    """Write what the authors' code would have saved; return its weights."""
    told = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(shape, generator=told) for name, shape in shapes().items() if name not in without
    }
    state |= {name: torch.zeros(3) for name in more}
    if gamma:
        ends = {"weight": "gamma", "bias": "beta"}
        old = {
            name: f"{name.rpartition('.')[0]}.{ends[name.rpartition('.')[2]]}"
            for name in state
            if "LayerNorm" in name
        }
        state = {old.get(name, name): value for name, value in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    save_file({name: value.clone() for name, value in state.items()}, folder / "model.safetensors")
    return state


def load(folder, **settings):
    return KnowledgeModel.from_pretrained(folder, model="ernie_thu", settings=SETTINGS | settings)


@pytest.mark.parametrize("gamma", [False, True], ids=["weight", "gamma"])
def test_all_of_it_is_read(tmp_path, gamma):
    state = checkpoint(tmp_path, gamma=gamma)
    assert keys.find(state) is keys.load("ernie_thu")
    made = load(tmp_path)
    assert made.loaded.new == ()
    assert {*made.loaded.left} == {
        f"body.fusion.11.{name}.{part}" for name in ("outer", "norm") for part in ("weight", "bias")
    }  # what nothing reads
    assert {*made.heads} == {"lm", "pooler", "nsp", "dea"}
    ours, plain = made.state_dict(), checkpoint(tmp_path / "again")
    for here, there in {
        "body.text.model.encoder.layer.7.output.dense.weight": "bert.encoder.layer.7.output.dense.weight",
        "body.fusion.7.attention.self.key.bias": "bert.encoder.layer.7.attention.self_ent.key.bias",
        "body.fusion.7.attention.output.dense.bias": "bert.encoder.layer.7.attention.output_ent.dense.bias",
        "body.fusion.5.inner.weight": "bert.encoder.layer.5.intermediate.dense_ent.weight",
        "body.fusion.5.outer.bias": "bert.encoder.layer.5.output.dense_ent.bias",
        "body.fusion.5.norm.weight": "bert.encoder.layer.5.output.LayerNorm_ent.weight",
        "heads.dea.dense.weight": "cls.predictions_ent.transform.dense.weight",
        "heads.dea.norm.bias": "cls.predictions_ent.transform.LayerNorm.bias",
        "heads.nsp.out.weight": "cls.seq_relationship.weight",
    }.items():
        assert torch.equal(ours[here], plain[there]), here


def test_names_go_both_ways(tmp_path):
    state = checkpoint(tmp_path)
    known = keys.load("ernie_thu")
    renamed, left = known.rename(state)
    assert left == []
    back, alone = known.back(renamed)
    assert alone == []
    assert {*back} == {*state} - {"cls.predictions.decoder.weight"}


def test_what_is_missing_and_what_is_too_much_is_listed(tmp_path):
    gone = "bert.encoder.layer.8.intermediate.dense_ent.weight"
    checkpoint(tmp_path, without=[gone], more=["bert_extra.weight"])
    made = load(tmp_path)
    assert made.loaded.new == ("body.fusion.8.inner.weight",)
    assert "bert_extra.weight" in made.loaded.left
    assert "body.fusion.8.inner.weight" in str(made.loaded)


def test_a_text_encoder_with_gaps_is_refused(tmp_path):
    checkpoint(tmp_path, without=["bert.encoder.layer.2.output.dense.weight"])
    with pytest.raises(ArtefactError, match=r"body\.text\.model\.encoder\.layer\.2\.output\.dense\.weight"):
        load(tmp_path)


def test_entities_of_another_width_begin_anew(tmp_path):
    checkpoint(tmp_path)
    made = load(tmp_path, width=6)
    assert "body.fusion.5.inner.weight" in made.loaded.new
    assert "body.fusion.5.inner.weight" in made.loaded.left
    assert not any(name.startswith("body.text.") for name in (*made.loaded.new, *made.loaded.left))


def test_berts_weights_are_the_token_side(tmp_path):
    only = [name for name in shapes() if "_ent" in name]
    state = checkpoint(tmp_path, without=only)
    assert keys.find(state) is keys.load("bert")
    made = load(tmp_path)
    assert made.loaded.left == ()
    assert all(name.startswith("body.fusion.") for name in made.loaded.new)
    assert torch.equal(
        made.state_dict()["body.text.model.encoder.layer.9.output.dense.weight"],
        state["bert.encoder.layer.9.output.dense.weight"],
    )


def test_read_and_saved_it_is_the_same(tmp_path):
    checkpoint(tmp_path / "theirs")
    made = load(tmp_path / "theirs")
    made.save_pretrained(tmp_path / "ours")
    again = KnowledgeModel.from_pretrained(tmp_path / "ours")
    before, after = made.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    ids = torch.arange(5)[None]
    assert torch.equal(made(input_ids=ids).hidden, again(input_ids=ids).hidden)
