"""Names of weights in other people's checkpoints: all of them known, none lost, and back again."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from transformers import (  # noqa: E402
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    DebertaV2Model,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    ErnieConfig,
    ErnieForPreTraining,
    ModernBertConfig,
    ModernBertForMaskedLM,
    ModernBertModel,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from kbtools.errors import ConfigError  # noqa: E402
from kbtools.models import keys  # noqa: E402
from kbtools.models.parts.heads import base as heads  # noqa: E402

SIZES: dict[str, Any] = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 20,
    "max_position_embeddings": 10,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
BUCKETS = {
    "relative_attention": True,
    "position_buckets": 4,
    "pos_att_type": ["c2p", "p2c"],
    "norm_rel_ebd": "layer_norm",
}
FIRST = {"cls_token_id": 1, "sep_token_id": 2}
HEADS = {"lm": "lm", "pooler": "pooler", "nsp": "classes"}
KINDS = [  # key map, configuration, more of it, model, heads that it brings
    ("bert", BertConfig, {}, BertForPreTraining, "lm pooler nsp"),
    ("bert", BertConfig, {}, BertForMaskedLM, "lm"),
    ("encoder", BertConfig, {}, BertModel, "pooler"),
    ("ernie_baidu", ErnieConfig, {}, ErnieForPreTraining, "lm pooler nsp"),
    ("roberta", RobertaConfig, {}, RobertaForMaskedLM, "lm"),
    ("roberta", XLMRobertaConfig, {}, XLMRobertaForMaskedLM, "lm"),
    ("encoder", RobertaConfig, {}, RobertaModel, "pooler"),
    ("deberta", DebertaV2Config, BUCKETS, DebertaV2ForMaskedLM, "lm"),
    ("encoder", DebertaV2Config, BUCKETS, DebertaV2Model, ""),
    ("electra", ElectraConfig, {"embedding_size": 4}, ElectraForPreTraining, ""),
    ("electra", ElectraConfig, {"embedding_size": 4}, ElectraForMaskedLM, "lm"),
    ("modernbert", ModernBertConfig, FIRST, ModernBertForMaskedLM, "lm"),
    ("modernbert_encoder", ModernBertConfig, FIRST, ModernBertModel, ""),
]  # fmt: skip


def named(kind):
    return f"{kind[0]}-{kind[3].__name__}"


@pytest.fixture(scope="module", params=KINDS, ids=named)
def kind(request):
    name, config, more, model, brought = request.param
    return name, model(config(**SIZES, **more)), brought.split()


def wanted(model, brought):
    """Return the shapes of our weights for a model: its encoder without a pooler, and heads."""
    found = {f"body.text.model.{name}": value.shape for name, value in model.base_model.state_dict().items()
             if not name.startswith("pooler.")}  # fmt: skip
    for name in brought:
        settings = {"kind": HEADS[name], **({"classes": ["next", "random"]} if name == "nsp" else {})}
        made = heads.build(settings, model.config).state_dict()
        found |= {f"heads.{name}.{inner}": value.shape for inner, value in made.items()}
    return found


def test_a_checkpoint_is_recognised_by_its_names(kind):
    name, model, _ = kind
    assert keys.find(model.state_dict()) is keys.load(name)
    fitting = [one for one in keys.PRESETS.names() if keys.load(one).fits(model.state_dict())]
    assert fitting == [name]


def test_all_names_are_known_and_nothing_of_ours_is_missing(kind):
    name, model, brought = kind
    renamed, left = keys.load(name).rename(model.state_dict())
    assert left == []
    assert {one: value.shape for one, value in renamed.items()} == wanted(model, brought)


def test_written_back_it_is_the_checkpoint_again(kind):
    name, model, _ = kind
    known, state = keys.load(name), model.state_dict()
    back, alone = known.back(known.rename(state)[0])
    assert alone == []
    assert back.keys() == {one for one in state if not known.says_nothing(one)}
    assert all(value is state[one] for one, value in back.items())


def test_transformers_loads_what_was_written_back(tmp_path):
    model = BertForPreTraining(BertConfig(**SIZES)).eval()
    known, ids = keys.load("bert"), torch.tensor([[1, 5, 6, 2]])
    back, _ = known.back(known.rename(model.state_dict())[0])
    model.save_pretrained(tmp_path, state_dict=back)
    loaded: Any = BertForPreTraining.from_pretrained(tmp_path, output_loading_info=True)
    again, told = loaded
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert torch.equal(again.eval()(ids).prediction_logits, model(ids).prediction_logits)


def test_old_names_of_layer_norms_and_what_wraps_a_model_do_not_matter():
    known, value = keys.load("bert"), torch.zeros(2)
    old = {
        "module.bert.embeddings.word_embeddings.weight": value,
        "module.bert.embeddings.LayerNorm.gamma": value,
        "module.cls.predictions.transform.LayerNorm.beta": value,
        "module.bert.embeddings.position_ids": value,
        "module.classifier.weight": value,
    }
    assert keys.find(old) is known
    renamed, left = known.rename(old)
    assert [*renamed] == [
        "body.text.model.embeddings.word_embeddings.weight",
        "body.text.model.embeddings.LayerNorm.weight",
        "heads.lm.norm.bias",
    ]
    assert left == ["module.classifier.weight"]


def test_names_of_no_kind_are_not_recognised():
    assert keys.find(["layers.0.weight", "bias"]) is None
    assert keys.find([]) is None


def test_one_weight_under_two_names_is_refused():
    both = {"target.mlm_linear_1.bias": torch.zeros(1), "target.mlm.linear_1.bias": torch.ones(1)}
    with pytest.raises(ConfigError, match=r"both target.mlm_linear_1.bias and target.mlm.linear_1.bias"):
        keys.load("uer").rename(both)


def test_uer_has_a_segment_for_padding_that_we_do_not_have():
    known = keys.load("uer")
    renamed, _ = known.rename({"embedding.segment_embedding.weight": torch.arange(6.0).view(3, 2)})
    (value,) = renamed.values()
    assert value.tolist() == [[2, 3], [4, 5]]
    with pytest.raises(ConfigError, match=r"cannot be written back: embedding.segment_embedding.weight"):
        known.back(renamed)


def test_separate_matrices_of_uer_are_query_key_and_value():
    known = keys.load("uer")
    layer = "encoder.transformer.11.self_attn.linear_layers"
    ours = [known.ours(f"{layer}.{number}.bias") for number in range(4)]
    there = "body.text.model.encoder.layer.11.attention.self"
    assert ours == [f"{there}.query.bias", f"{there}.key.bias", f"{there}.value.bias", None]


words = st.text("abcXYZ_019", min_size=1)
TEMPLATES = [(name, pair) for name in keys.PRESETS.names() for pair in keys.load(name).names.items()]


@given(st.sampled_from(TEMPLATES), st.integers(0, 200), words, st.lists(words, min_size=1, max_size=3))
def test_every_pair_of_names_goes_both_ways(template, layer, part, rest):
    name, pair = template
    known = keys.load(name)
    theirs, ours = (one.format(layer=layer, part=part, rest=".".join(rest)) for one in pair)
    if part in known.endings or rest[-1] in known.endings or known.says_nothing(theirs):
        return
    named = known.ours(theirs)
    assert named is not None
    assert known.theirs(named) is not None
    if list(known.names.values()).count(pair[1]) == 1 and named == ours:
        assert known.theirs(ours) == theirs


BAD = {
    "about = 1": "about = 1 does not fit",
    'signs = ["a"]': "a key map has `signs` and `names`",
    'signs = ["a"]\nnames = { a = 1 }': "expected `str`",
    'signs = ["a"]\nname = { a = "b" }': "did you mean 'names'",
    'signs = ["a"]\nnames = { "a.{x}" = "b.{x}" }': "in braces stands one of {layer}, {part}, {rest}",
    'signs = ["a"]\nnames = { "a.{part}.{part}" = "b" }': "each once at most",
    'signs = ["a"]\nnames = { "a.{part" = "b" }': "in braces stands",
    'signs = ["a"]\nnames = { "a.{part}" = "b" }': "'a.{part}' and 'b' do not hold the same",
    'signs = ["a"]\nnames = { "a" = "b" }\nignore = ["{any}"]': "in braces stands",
    'signs = ["a"]\nrows_with = "c"\nnames = { "a" = "b" }': "rows_with: 'c' is none of `settings`",
    "signs = [": "not valid TOML",
}


@pytest.mark.parametrize("text", BAD, ids=BAD.values())
def test_a_file_that_cannot_be_right_is_refused_in_one_line(text, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        keys.load(str(path))
    assert BAD[text] in str(told.value)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_an_unknown_map_is_told_with_those_there_are():
    with pytest.raises(ConfigError, match="'robertta': no such key map; did you mean 'roberta'"):
        keys.load("robertta")
