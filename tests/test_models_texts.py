"""Text encoders from model folders: a tiny random BERT, pooled as a slow loop would; bad folders."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402
from transformers import BertConfig, BertModel, BertTokenizer  # noqa: E402

from kbtools.errors import ConfigError  # noqa: E402
from kbtools.models.texts import TextEncoder  # noqa: E402

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "fox", "owl", "elk", "red", "##s", "水", "果"]
TEXTS = ["the red fox", "owl", "", "the owls the elks the red foxs", "水果", "elk \ud800 fox"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Save a BERT of two layers with random weights."""
    path = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=12,
    )  # fmt: skip
    BertModel(config).save_pretrained(path)
    (path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    BertTokenizer(vocab=str(path / "vocab.txt")).save_pretrained(path)
    return path


def slowly(encoder, text):
    """Return the hidden vectors of one text alone: [T, H]."""
    text = text.replace("\ud800", "?")
    tokens = encoder.tokenizer(text, truncation=True, max_length=12, return_tensors="pt")
    with torch.no_grad():
        return encoder.model(**tokens).last_hidden_state[0].numpy()


@pytest.mark.parametrize(
    ("pooling", "pooled"),
    [("mean", lambda h: h.mean(0)), ("cls", lambda h: h[0]), ("max", lambda h: h.max(0))],
)
def test_vectors_are_pooled_tokens_whatever_the_batch(folder, pooling, pooled):
    encoder = TextEncoder.from_pretrained(folder, pooling=pooling, batch=2)
    assert encoder.dim == 16
    found = encoder(TEXTS)
    assert found.dtype == np.float32
    expected = np.stack([pooled(slowly(encoder, text)) for text in TEXTS])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len({tuple(row.round(4)) for row in found}) == len(TEXTS)


def test_no_texts(folder):
    assert TextEncoder.from_pretrained(folder)([]).shape == (0, 16)


def test_long_texts_are_cut(folder):
    encoder = TextEncoder.from_pretrained(folder, max_length=100)
    assert encoder.max_length == 12  # the model has no more places
    assert np.isfinite(encoder(["fox " * 1000])).all()
    short = TextEncoder.from_pretrained(folder, max_length=3)
    np.testing.assert_allclose(short(["fox owl elk"]), short(["fox"]), atol=1e-6)


def test_the_name_tells_weights_and_settings_apart(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / folder.name)
    names = [TextEncoder.from_pretrained(folder, pooling=pooling).name for pooling in ("mean", "cls")]
    assert TextEncoder.from_pretrained(copy).name == names[0] != names[1]
    model = BertModel.from_pretrained(copy)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[0] += 1
    model.save_pretrained(copy)
    assert TextEncoder.from_pretrained(copy).name != names[0]


@pytest.fixture
def sentences(folder, tmp_path):
    """Lay the same model out as a sentence-embedding model: cls, a dense layer, length 1."""
    path = shutil.copytree(folder, tmp_path / "sentences")
    modules = ["Transformer", "Pooling", "Dense", "Normalize"]
    places = ["", "1_Pooling", "2_Dense", "3_Normalize"]
    listed = [
        {"idx": at, "name": str(at), "path": place, "type": f"sentence_transformers.models.{kind}"}
        for at, (kind, place) in enumerate(zip(modules, places, strict=True))
    ]
    (path / "modules.json").write_text(json.dumps(listed))
    (path / "sentence_bert_config.json").write_text('{"max_seq_length": 5}')
    (path / "1_Pooling").mkdir()
    told = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 16}
    (path / "1_Pooling/config.json").write_text(json.dumps(told))
    (path / "2_Dense").mkdir()
    dense = {"in_features": 16, "out_features": 4, "bias": True, "activation_function": "torch.nn.Tanh"}
    (path / "2_Dense/config.json").write_text(json.dumps({**dense, "activation_function": "x.Tanh"}))
    torch.manual_seed(1)
    save_file(
        {"linear.weight": torch.randn(4, 16), "linear.bias": torch.randn(4)},
        str(path / "2_Dense/model.safetensors"),
    )
    return path


def test_a_sentence_embedding_folder_says_itself_how(sentences, folder):
    encoder = TextEncoder.from_pretrained(sentences)
    assert (encoder.dim, encoder.max_length, encoder.pooling) == (4, 5, "cls")
    hidden = TextEncoder.from_pretrained(folder, pooling="cls", max_length=5)(TEXTS)
    dense = encoder.after[0]
    assert isinstance(dense, torch.nn.Sequential)
    layer = dense[0]
    linear = hidden @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    expected = np.tanh(linear)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder(TEXTS), expected, atol=1e-5)


def refused(path, **more):
    with pytest.raises(ConfigError) as caught:
        TextEncoder.from_pretrained(path, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "modules.json",
            '[{"path": "", "type": "m.Transformer"}, {"path": "x", "type": "m.LSTM"}]',
            "type LSTM",
        ),
        ("modules.json", '[{"path": "../x", "type": "m.Transformer"}]', "outside of the model"),
        ("modules.json", "[]", "lists no Transformer"),
        ("modules.json", '{"a": 1}', "not a list of modules"),
        ("modules.json", "[", "not valid JSON"),
        ("1_Pooling/config.json", '{"pooling_mode_lasttoken": true}', "pools by lasttoken"),
        ("1_Pooling/config.json", "{}", "pools by nothing"),
        ("2_Dense/config.json", '{"activation_function": "os.system"}', "activation system"),
        ("2_Dense/config.json", '{"in_features": 3, "out_features": 4}', "does not fit its config.json"),
        ("2_Dense/model.safetensors", "junk", "does not fit its config.json"),
    ],
)
def test_a_sentence_embedding_folder_that_is_not_understood(sentences, file, text, said):
    (sentences / file).write_text(text)
    assert said in refused(sentences)


def test_folders_that_are_no_model(folder, tmp_path):
    assert "no such folder" in refused(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "no weights in safetensors" in refused(tmp_path / "empty")
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    torch.save({}, pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    assert "no weights in safetensors" in refused(pickled)
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"junk")
    assert "not a model that transformers can load" in refused(damaged)


def test_a_name_that_cannot_be_fetched(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "could not be fetched from the hub" in refused("nobody/no-such-model")


def test_settings_that_do_not_fit(folder):
    assert "pooling 'sum'" in refused(folder, pooling="sum")
    assert "max_length is 2" in refused(folder, max_length=2)
    assert "batch is 0" in refused(folder, batch=0)
