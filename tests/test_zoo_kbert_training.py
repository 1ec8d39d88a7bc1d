"""K-BERT learns from trees: classes, pairs, names, answers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from transformers import RobertaConfig, RobertaForMaskedLM  # noqa: E402

from kbtools.errors import ConfigError  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.batch import IGNORED  # noqa: E402
from kbtools.models.training import stage  # noqa: E402
from kbtools.models.training.data import tensors  # noqa: E402
from kbtools.runs import metrics  # noqa: E402
from kbtools.shards.reader import Shards  # noqa: E402
from kbtools.shards.reading.rows import Rows  # noqa: E402
from tests import tiny_tokenizer, tiny_trees  # noqa: E402

SMALL = (
    "model.text.hidden_size=32", "model.text.intermediate_size=64", "model.text.num_attention_heads=2",
    "model.text.hidden_dropout_prob=0", "model.text.attention_probs_dropout_prob=0",
)  # fmt: skip
EAGER = ("model.text.initializer_range=0.15", "optimiser.decay=0", "optimiser.lr=3e-3", "run.clip=0")
SHORT = ("run.steps=40", "run.log=1", "run.evaluate=0")


def train(out, *overrides, recipe="kbert.tiny", what="label", shards=None, small=SMALL):
    given = tiny_trees.shards(what) if shards is None else shards
    stage.train(recipe, out, shards=[given], overrides=[*small, *SHORT, *overrides], quiet=True)
    return out


def test_names_with_their_kinds(tmp_path):
    """No text tells the kind; to call all tokens O is right for .87 of them."""
    run = train(tmp_path / "run", *EAGER, recipe="kbert_ner.tiny", what="tags")
    told = metrics.trained(metrics.read(run / metrics.NAME))[-5:]
    assert sum(one["tags.right"] for one in told) / len(told) > 0.93
    made = KnowledgeModel.from_pretrained(run)
    assert (made.config.body, [*made.heads]) == ("kbert", ["tags"])
    assert made.heads["tags"].classes == ("B-city", "B-river", "B-writer", "O")


def test_classes(tmp_path):
    made = KnowledgeModel.from_pretrained(train(tmp_path / "run", "run.steps=6"))
    assert {*made.heads} == {"pooler", "labels"}
    assert made.heads["labels"].classes == ("city", "river", "writer")


@pytest.mark.parametrize("what", ["pair", "group"])
def test_two_texts(tmp_path, what):
    run = train(tmp_path / "run", "run.steps=6", what=what)
    assert KnowledgeModel.from_pretrained(run).heads["labels"].classes == ("0", "1")
    segments = tensors(Rows(Shards(tiny_trees.shards(what))).take(range(4)))["segment"]
    assert {*segments.flatten().tolist()} == {0, 1}


def test_answers_know_their_question():
    shards = Shards(tiny_trees.shards("group"))
    table = shards.table("train")
    assert {*table["group"].to_pylist()} == {f"q{at}" for at in range(len(tiny_trees.THINGS))}
    assert {*table["label"].to_pylist()} == {"0", "1"}


def test_tags_stand_on_first_pieces_of_the_sentence_alone():
    shards = Shards(tiny_trees.shards("tags"))
    words = tuple(sorted(shards.words("labels")))
    assert words == ("B-city", "B-river", "B-writer", "O")
    batch = tensors(Rows(shards, classes={"labels": words}).take(range(20)))
    told, first = batch["labels"] != IGNORED, batch["labels"] < 3
    assert not (told & (batch["branch"] != 0)).any()
    assert ((told & first).sum(1) == 1).all()  # names of several pieces have one tag
    assert not told[:, 0].any()
    trunk = (batch["branch"] == 0).sum(1) - 2  # without [CLS] and [SEP]
    assert (told.sum(1) < trunk).any()


def test_from_roberta(tmp_path):
    tokenizer = tiny_tokenizer.loaded("bpe")
    config = RobertaConfig(
        vocab_size=tokenizer.size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        type_vocab_size=1, intermediate_size=64, max_position_embeddings=40,
        pad_token_id=tokenizer.special.pad,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    RobertaForMaskedLM(config).save_pretrained(tmp_path / "roberta")
    (tmp_path / "mine.toml").write_text(
        'about = "Trees, from RoBERTa."\n[model]\nname = "kbert"\n'
        f'start = "{tmp_path / "roberta"}"\n[run]\nbatch = 16\n[objectives.labels]\n',
        encoding="utf-8",
    )
    shards = tiny_trees.shards("pair", tokenizer="bpe")
    run = train(tmp_path / "run", "run.steps=8", recipe=str(tmp_path / "mine.toml"), shards=shards, small=())
    made = KnowledgeModel.from_pretrained(run)
    assert made.config.text["model_type"] == "roberta"
    assert not [name for name in made.state_dict() if not name.startswith(("body.text.model.", "heads."))]


def test_trees_that_are_too_long(tmp_path):
    with pytest.raises(ConfigError, match=r"an example has \d+ tokens, the encoder 12 positions"):
        train(tmp_path / "run", "model.text.max_position_embeddings=12")


def test_switches_of_a_recipe(tmp_path):
    run = train(tmp_path / "run", "run.steps=2", "model.settings.soft_positions=false")
    assert KnowledgeModel.from_pretrained(run).body.told.soft_positions is False
    with pytest.raises(ConfigError, match="soft_position"):
        train(tmp_path / "other", "model.settings.soft_position=false")
