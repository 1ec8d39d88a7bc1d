"""Damaged and foreign models: one line that says what, where and how to cure it; nothing is run."""

from __future__ import annotations

import ast
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import BertForPreTraining

from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.models.base import KnowledgeModel
from kbtools.models.loading import safety
from kbtools.models.recipe import Model
from tests import tiny_encoders
from tests.test_models_base import made, same

ROOT = Path(__file__).parents[1]
FILE = "model.safetensors"


@pytest.fixture
def ours(tmp_path):
    made().save_pretrained(tmp_path / "ours", card=False)
    return tmp_path / "ours"


@pytest.fixture
def pickled(tmp_path):
    """Make a checkpoint as they were written once: a pickle."""
    torch.manual_seed(0)
    config: Any = tiny_encoders.config("bert")
    model = BertForPreTraining(config)
    model.save_pretrained(tmp_path / "old")
    torch.save(model.state_dict(), tmp_path / "old" / "pytorch_model.bin")
    (tmp_path / "old" / FILE).unlink()
    return tmp_path / "old"


def change(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refused(folder: Path) -> str:
    with pytest.raises((ArtefactError, ConfigError)) as caught:
        KnowledgeModel.from_pretrained(folder)
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_a_pickle_is_refused_with_a_way_to_convert_it(pickled):
    said = refused(pickled)
    assert "pytorch_model.bin: a pickle" in said
    code = said.partition('python -c "')[2].rpartition('"')[0]
    exec(compile(code, "hint", "exec"), {})
    assert KnowledgeModel.from_pretrained(pickled).loaded.new == ()


def test_a_pickle_is_read_as_numbers_where_that_is_asked_for(pickled):
    model = KnowledgeModel.from_pretrained(pickled, allow_bin=True)
    state = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    assert torch.equal(model.words, state["bert.embeddings.word_embeddings.weight"])


def test_a_pickle_with_code_in_it_runs_none(pickled, tmp_path):
    torch.save({"a": Trap(tmp_path / "sprung")}, pickled / "pytorch_model.bin")
    with pytest.raises(ArtefactError, match="not weights alone"):
        KnowledgeModel.from_pretrained(pickled, allow_bin=True)
    assert not (tmp_path / "sprung").exists()


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled_anywhere():
    """torch.load only with weights_only=True; no pickle, no trust in remote code, no use of auto_map."""
    for path in sorted((ROOT / "models").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"} & {*names}, path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"torch.load", "load"}:
                told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if ast.unparse(node.func) == "torch.load":
                    assert told.get("weights_only") == "True", f"{path}:{node.lineno}"
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert ast.unparse(node.value) == "False", path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"eval", "exec", "__import__"}:
                raise AssertionError(f"{path}:{node.lineno}")


def test_code_that_comes_with_a_model_is_not_looked_at(ours, tmp_path):
    code = f"from pathlib import Path\nPath({str(tmp_path / 'sprung')!r}).touch()\n"
    (ours / "mine.py").write_text(code)
    change(ours, auto_map={"AutoConfig": "mine.Config", "AutoModel": "mine.Model"})
    assert KnowledgeModel.from_pretrained(ours, trust_remote_code=True)
    config = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}
    (ours / "config.json").write_text(json.dumps(config))
    assert "model_type is 'mine'" in refused(ours)
    assert not (tmp_path / "sprung").exists()


def test_files_cut_short_are_refused(ours):
    whole = (ours / FILE).read_bytes()
    for length in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        (ours / FILE).write_bytes(whole[:length])
        said = refused(ours)
        assert FILE in said
        assert "copy it anew" in said
    (ours / FILE).write_bytes(whole + b"x")
    refused(ours)
    (ours / FILE).write_bytes(struct.pack("<Q", 1 << 60) + whole[8:])
    assert "cut short" in refused(ours)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_changed_header_is_refused_or_means_nothing(ours, at, bit):
    path = ours / FILE
    whole = path.read_bytes()
    place = int(at * (8 + struct.unpack("<Q", whole[:8])[0]))
    changed = bytearray(whole)
    changed[place] ^= 1 << bit
    said = ""
    try:
        path.write_bytes(bytes(changed))
        model = KnowledgeModel.from_pretrained(ours)
        assert {*model.state_dict()} == {*safety.header(path)} - {*model.loaded.left}
    except KbError as error:
        said = str(error)
    finally:
        path.write_bytes(whole)
    assert "\n" not in said


def test_numbers_without_a_point_are_no_weights(ours):
    state = load_file(ours / FILE)
    name = "heads.lm.dense.weight"
    save_file({**state, name: state[name].int()}, ours / FILE)
    assert f"{name} is I32" in refused(ours)
    save_file({**state, name: state[name][:3]}, ours / FILE)
    assert f"{name} does not fit config.json (3 × 16 and 16 × 16)" in refused(ours)
    save_file({key: value for key, value in state.items() if key != name}, ours / FILE)
    assert f"no weights for {name}" in refused(ours)


def test_weights_that_nobody_asked_for_are_told(ours):
    state = load_file(ours / FILE)
    save_file({**state, "body.more": torch.zeros(1)}, ours / FILE)
    assert KnowledgeModel.from_pretrained(ours).loaded.left == ("body.more",)


def test_a_file_of_several_that_is_gone(tmp_path):
    model = made()
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    files = sorted(tmp_path.glob("model-*.safetensors"))
    files[1].rename(tmp_path / "aside")
    assert f"{files[1].name} is missing (1 of {len(files)} files)" in refused(tmp_path)
    (tmp_path / "aside").rename(files[1])
    assert same(model, KnowledgeModel.from_pretrained(tmp_path))
    index = tmp_path / safety.INDEX
    told = json.loads(index.read_text())
    bad: Any
    for bad in (
        {},
        {"weight_map": {}},
        {"weight_map": {"a": "../../elsewhere.safetensors"}},
        {"weight_map": {"a": 3}},
        [],
    ):
        index.write_text(json.dumps(bad))
        refused(tmp_path)
    told["weight_map"] = dict.fromkeys(told["weight_map"], files[0].name)
    index.write_text(json.dumps(told))
    assert "no weights for" in refused(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        '{"model_type": 3}',
        '{"a": 1}',
        "\x00\xff",
        '{"model_type": "kbtools"}',
        "[" * 9999,
    ],
)
def test_a_configuration_that_is_none(ours, text):
    (ours / "config.json").write_text(text, encoding="latin-1")
    assert "config.json" in refused(ours)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"body": "brt"}, "did you mean 'bert'"),
        ({"body": None}, "names no body"),
        ({"text": []}, "model_type"),
        ({"text": "x"}, "text is no table"),
        ({"settings": {"a": 1}}, "no setting 'a'"),
        ({"heads": {"lm": {"kind": "lmm"}}}, "lm"),
        ({"heads": {"lm": 3}}, "lm"),
        ({"heads": {}}, None),
        ({"tables": {"w": {"path": 3}}}, ""),
        ({"vocabulary": {"size": 91}}, "a vocabulary of 91 words, and embeddings of 90"),
        ({"vocabulary": {"size": -1}}, "a vocabulary of -1"),
        ({"vocabulary": {"size": "many"}}, "a vocabulary of 'many'"),
    ],
)
def test_configurations_that_cannot_be(ours, changes, said):
    change(ours, **changes)
    if said is None:
        assert KnowledgeModel.from_pretrained(ours).loaded.left
    else:
        assert said in refused(ours)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": -16}, {"hidden_size": 32}, {"vocab_size": 91}, {"vocab_size": 10**12},
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 3}, {"num_attention_heads": 0}, {"model_type": "gpt2"}, {"model_type": None},
        {"hidden_act": "gleu"}, {"hidden_size": "16"}, {"hidden_dropout_prob": "a"},
        {"intermediate_size": 1.5},
    ],
)  # fmt: skip
def test_encoders_that_cannot_be(ours, changes):
    told = json.loads((ours / "config.json").read_text())
    change(ours, text={**told["text"], **changes})
    refused(ours)


def test_things_that_are_no_model(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        KnowledgeModel.from_pretrained(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    assert "a file" in refused(tmp_path / "file")
    assert "no model" in refused(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "no weights" in refused(tmp_path)
    with pytest.raises(ArtefactError, match="no weights"):
        KnowledgeModel.make(Model(start=str(tmp_path)), heads={}, vocabulary={"size": 9}, seed=0)
