"""Where models come from: a folder, the hub's cache, the hub; without a word but the error."""

from __future__ import annotations

import json
import logging as logging_levels

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from huggingface_hub.utils import logging as hub_logging
from huggingface_hub.utils.tqdm import are_progress_bars_disabled
from transformers import BertConfig, BertModel, BertTokenizer
from transformers.utils import logging

from kbtools.errors import ConfigError
from kbtools.models import hub
from kbtools.models.texts import TextEncoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fox"]
REVISION = "a" * 40


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Have an empty cache and a hub that cannot be reached; list what it is asked for."""
    names = []

    def unreachable(self, name, **more):
        names.append(name)
        hub_logging.get_logger("huggingface_hub.utils._http").warning("Retrying in 8s")
        raise OSError("Name or service\nnot known")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    return names


@pytest.fixture
def cached(asked, tmp_path):
    """Put a tiny model into the cache; return its folder."""
    folder = tmp_path / "cache/models--me--tiny/snapshots" / REVISION
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS) + "\n")
    BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)
    refs = folder.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text(REVISION)
    return folder


def absent(cached, file):
    """Note as the hub's own programs do that a model has no such file."""
    note = cached.parents[1] / ".no_exist" / REVISION / file
    note.parent.mkdir(parents=True)
    note.touch()


def test_a_model_in_the_cache_is_loaded_without_asking_the_hub(asked, cached, capfd):
    absent(cached, "modules.json")
    capfd.readouterr()
    encoder = TextEncoder.from_pretrained("me/tiny")
    assert encoder(["fox"]).shape == (1, 8)
    assert encoder.name.startswith("tiny@")
    assert asked == []
    assert capfd.readouterr() == ("", "")


def test_the_hub_is_asked_once_whether_anything_follows_a_transformer(asked, cached):
    assert hub.find_folder("me/tiny") == cached
    assert asked == ["me/tiny"]


def test_a_model_whose_weights_are_not_all_there_is_asked_for(asked, cached):
    absent(cached, "modules.json")
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model.safetensors"}}
    (cached / "model.safetensors.index.json").write_text(json.dumps(index))
    hub.find_folder("me/tiny")
    assert asked == ["me/tiny"]


def test_a_hub_that_cannot_be_reached_is_asked_once_and_told_of_in_one_line(asked, capfd):
    with pytest.raises(ConfigError) as caught:
        TextEncoder.from_pretrained("nosuch/folder")
    assert asked == ["nosuch/folder"]
    assert str(caught.value) == (
        "nosuch/folder: no folder, and could not be fetched from the hub (Name or service not known); "
        "give a model's folder"
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("bars", [True, False])
def test_verbosity_is_afterwards_what_it_was(asked, bars):
    levels = hub_logging.get_verbosity(), logging.get_verbosity()
    was = logging.is_progress_bar_enabled()
    try:
        (logging.enable_progress_bar if bars else logging.disable_progress_bar)()
        hub_logging.set_verbosity_info()
        logging.set_verbosity_warning()
        with pytest.raises(ConfigError):
            TextEncoder.from_pretrained("nosuch/folder")
        assert hub_logging.get_verbosity() == logging_levels.INFO
        assert logging.get_verbosity() == logging_levels.WARNING
        assert logging.is_progress_bar_enabled() is bars
        assert are_progress_bars_disabled() is not bars
    finally:
        hub_logging.set_verbosity(levels[0])
        logging.set_verbosity(levels[1])
        (logging.enable_progress_bar if was else logging.disable_progress_bar)()
