"""Models of all sorts as encoders: sentence-embedding folders, models of the zoo; and real text."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402

from kbtools import about, corpus  # noqa: E402
from kbtools.features import about as features_about  # noqa: E402
from kbtools.models.texts import TextEncoder  # noqa: E402
from tests import encoded_texts, tiny_models, tiny_tokenizer  # noqa: E402

TEXTS = ("The river rises.", "He lives in Geneva, they say.", "a")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return encoded_texts.corpus(tmp_path_factory.mktemp("texts"), *TEXTS)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_a_model_of_sentence_embeddings_gives_its_own_vectors(pooling, texts, tmp_path):
    folder = encoded_texts.model(tmp_path / "model")
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense", "3_Normalize": "Normalize"}
    listed = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(listed))
    for name, told in {
        "1_Pooling": {"pooling_mode": pooling},
        "2_Dense": {"in_features": 16, "out_features": 5},
    }.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(told))
    weights = torch.nn.Linear(16, 5)
    save_file(
        {f"linear.{k}": v for k, v in weights.state_dict().items()}, folder / "2_Dense" / "model.safetensors"
    )
    own = encoded_texts.made(tmp_path, texts, folder)
    assert own.manifest.settings["pool"] == pooling
    assert own.dim == 5
    if pooling != "cls":  # there special tokens are pooled with the others, here they are not
        assert np.linalg.norm(own.array, axis=1) == pytest.approx(1, abs=1e-5)
    else:
        np.testing.assert_allclose(own.array, TextEncoder.from_pretrained(folder)(list(TEXTS)), atol=1e-5)
    assert encoded_texts.made(tmp_path, texts, folder, "first", layers="0").dim == 16


def test_a_model_of_the_zoo_saved_and_encoded_with(texts, tmp_path):
    model = tiny_models.tiny("bert").model().eval()
    model.save_pretrained(tmp_path / "run" / "model", tokenizer=tiny_tokenizer.path())
    found = encoded_texts.made(tmp_path, texts, tmp_path / "run", pool="cls", layers="1")
    stream = tiny_tokenizer.loaded().encode([TEXTS[0]])
    special = tiny_tokenizer.loaded().special
    ids = torch.tensor([[special.cls, *stream.ids.tolist(), special.sep]])
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=torch.ones_like(ids), layers=True).hidden_states[1]
    np.testing.assert_allclose(found.array[0], expected[0, 0].numpy(), atol=2e-6, rtol=1e-5)


def test_damage_is_found(texts, tmp_path):
    folder = encoded_texts.model(tmp_path / "model")
    made = encoded_texts.made(tmp_path, texts, folder, pool="tokens")
    assert not about.verify(made.path, deep=True).problems
    (file,) = made.files("features")
    table = pq.read_table(file)
    values = made.array.copy()
    values[2, 3] = np.nan
    vector = pa.FixedSizeListArray.from_arrays(
        pa.array(values.ravel()), type=table.schema.field("vector").type
    )
    ends = pa.array([0] * len(table), pa.uint32())
    broken = table.set_column(4, table.schema.field("vector"), vector).set_column(
        3, table.schema.field("end"), ends
    )
    pq.write_table(broken.take(list(range(len(table)))[::-1]), file)
    told = " ".join(features_about.problems(made.path, ["features"]))
    for what in ("1 row with NaN", "ends before it begins", "out of order"):
        assert what in told


def test_real_text(realdata, tmp_path):
    found = sorted(path for path in realdata.rglob("*.jsonl*") if path.is_file())
    if not found:
        pytest.skip("no JSON Lines among the real dumps")
    batches = (batch for path in found for batch in corpus.documents(f"jsonl:{path}"))
    told = [text[:3000] for text in next(batches)["text"].to_pylist()[:20]]
    made = encoded_texts.made(
        tmp_path, encoded_texts.corpus(tmp_path, *told), encoded_texts.model(tmp_path / "m"), unit="word"
    )
    assert np.isfinite(made.array).all()
