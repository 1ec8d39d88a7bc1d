"""`kbtools parse` as a user sees it: a corpus in, a file of CoNLL-U out, whole or not at all."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

spacy = pytest.importorskip("spacy")

from kbtools import corpus  # noqa: E402 - spaCy first
from kbtools.cli.main import main  # noqa: E402

TRAINED = [("Cats sleep.", [1, 1, 1], ["nsubj", "ROOT", "punct"])]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["parse", *(str(one) for one in arguments), "--quiet"])


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Save a pipeline with a tiny parser: what it says is wrong, but trees."""
    made = spacy.blank("en")
    network = {
        "@architectures": "spacy.TransitionBasedParser.v2", "state_type": "parser",
        "extra_state_tokens": False, "hidden_width": 4, "maxout_pieces": 1, "use_upper": False, "nO": None,
        "tok2vec": {
            "@architectures": "spacy.HashEmbedCNN.v2", "width": 4, "depth": 1, "embed_size": 20,
            "window_size": 1, "maxout_pieces": 1, "subword_features": False, "pretrained_vectors": None,
        },
    }  # fmt: skip
    made.add_pipe("parser", config={"min_action_freq": 1, "model": network})
    examples = [
        spacy.training.Example.from_dict(made.make_doc(text), {"heads": heads, "deps": names})
        for text, heads, names in TRAINED
    ]
    made.initialize(lambda: examples)
    out = tmp_path_factory.mktemp("pipeline") / "p"
    made.to_disk(out)
    return out


@pytest.fixture
def texts(tmp_path):
    link = {"start": 0, "end": 4, "id": "Q146", "kb": "wikidata"}
    rows = [{"id": "a", "text": "Cats sleep. Dogs do not.", "mentions": [link]}, {"id": "b", "text": ""}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path / "a.jsonl"


def test_a_corpus_becomes_words_and_heads(texts, pipeline, tmp_path):
    done = run(texts, "--pipeline", pipeline, "--out", tmp_path / "new" / "a.conllu")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'new' / 'a.conllu'}: 2 documents read, 0 rejected\n"
    first = next(iter(corpus.documents(str(tmp_path / "new" / "a.conllu")))).to_pylist()[0]
    meta = json.loads(first["meta"])
    assert first["text"] == "Cats sleep. Dogs do not."
    assert len(meta["tokens"]) == len(meta["heads"]) == 7
    assert first["links"][0]["id"] == "Q146"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.conllu"]


def test_a_file_is_not_overwritten_unasked(texts, pipeline, tmp_path):
    (tmp_path / "a.conllu").write_text("mine")
    done = run(texts, "--pipeline", pipeline, "--out", tmp_path / "a.conllu")
    assert (done.exit_code, "--overwrite" in done.stderr) == (2, True)
    assert (tmp_path / "a.conllu").read_text() == "mine"
    assert run(texts, "--pipeline", pipeline, "--out", tmp_path / "a.conllu", "--overwrite").exit_code == 0
    assert "Cats" in (tmp_path / "a.conllu").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--out", "a.conllu"], "--pipeline is missing"),
        (["--pipeline", "p"], "--out is missing"),
        (["--pipeline", "xx_none", "--out", "a.conllu"], "no pipeline 'xx_none'"),
        (["--pipeline", None, "--out", "a.conllu", "-c", "txt=x"], "no setting 'txt'"),
    ],
)
def test_faults_are_one_line(texts, pipeline, tmp_path, options, told):
    given = {None: pipeline, "a.conllu": tmp_path / "a.conllu"}
    done = run(texts, *(given.get(one, one) for one in options))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert told in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_without_a_parser_nothing_is_left(texts, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "p")
    done = run(texts, "--pipeline", tmp_path / "p", "--out", tmp_path / "a.conllu")
    assert (done.exit_code, "has no parser" in done.stderr) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"a.jsonl", "p"}


def test_what_was_rejected_is_told(texts, pipeline, tmp_path):
    texts.write_text(texts.read_text() + "\nnonsense\n")
    done = run(texts, "--pipeline", pipeline, "--out", tmp_path / "a.conllu")
    assert done.exit_code == 3
    assert "a.jsonl:3: rejected: " in done.stderr
    assert "2 documents read, 1 rejected" in done.stdout


def test_no_space_leaves_the_old_file(texts, pipeline, tmp_path, monkeypatch):
    (tmp_path / "a.conllu").write_text("mine")

    def full(*_args):
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(corpus, "write", full)
    done = run(texts, "--pipeline", pipeline, "--out", tmp_path / "a.conllu", "--overwrite")
    assert (done.exit_code, done.stderr) == (2, f"Error: {tmp_path}: No space left on device\n")
    assert {path.name for path in tmp_path.iterdir()} == {"a.jsonl", "a.conllu"}
    assert (tmp_path / "a.conllu").read_text() == "mine"
