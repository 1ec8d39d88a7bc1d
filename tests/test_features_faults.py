"""What cannot be encoded is refused in a line; what breaks off goes on to the same bytes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools.errors import KbError, TaskError  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.features import opening, stage  # noqa: E402
from kbtools.models.features.stage import encode  # noqa: E402
from tests import encoded_texts  # noqa: E402
from tests.running import Running  # noqa: E402
from tests.started import same  # noqa: E402

TEXT = "She lives in Geneva."
BLOCK = 200  # code points of a task

PROGRAM = f"""
from kbtools.models.features import stage
stage.BLOCK = {BLOCK}
from kbtools.cli.main import main
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return encoded_texts.model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    told = (TEXT * (1 + at % 5) for at in range(120))
    return encoded_texts.corpus(tmp_path_factory.mktemp("texts"), *told)


@pytest.fixture(scope="module")
def reference(texts, folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "made"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "BLOCK", BLOCK)
        made = encode(texts, out, model=folder)
    assert len(made.tables["features"].files) > 20
    return out


def refused(said, *arguments, **options):
    with pytest.raises(KbError, match=said) as error:
        encode(*arguments, **options)
    assert "\n" not in str(error.value)


def test_killed_and_gone_on_with(texts, folder, reference, tmp_path, monkeypatch):
    line = ["encode", str(texts), "--model", str(folder), "--out", str(tmp_path / "made"), "--quiet"]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started = Running([sys.executable, "-c", PROGRAM, *line], tmp_path / "made")
    if started.wait_for(5):
        started.kill()
        assert not (tmp_path / "made").exists()
        monkeypatch.setattr(stage, "BLOCK", BLOCK)
        encode(texts, tmp_path / "made", model=folder)
    else:
        started.end()
    assert same(tmp_path / "made", reference)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_broken_off_by_an_error_and_gone_on_with(texts, folder, reference, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "BLOCK", BLOCK)
    real, calls = stage.encoded, []

    def breaks(*arguments):
        calls.append(1)
        if len(calls) > 5:
            raise RuntimeError("out of memory")
        return real(*arguments)

    monkeypatch.setattr(stage, "encoded", breaks)
    with pytest.raises(TaskError, match="out of memory"):
        encode(texts, tmp_path / "made", model=folder)
    monkeypatch.setattr(stage, "encoded", real)
    refused("other settings", texts, tmp_path / "made", model=folder, layers="0")
    encode(texts, tmp_path / "made", model=folder)
    assert same(tmp_path / "made", reference)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layers": "3"}, "out of range; the model has 2 layers"),
        ({"layers": "last"}, "write -1"),
        ({"pool": "median"}, "there are mean, cls"),
        ({"pool": "first"}, "for a document there are mean, cls, max"),
        ({"pool": "cls", "unit": "word"}, "for a word there are mean, first"),
        ({"pool": "tokens", "unit": "sentence"}, "for a sentence"),
        ({"unit": "page"}, "unit = page does not fit"),
        ({"unit": "span"}, "no span in its 120 documents: link the corpus"),
        ({"overrides": ["length=65"]}, "has 64 positions"),
        ({"overrides": ["length=3"]}, "4 tokens or more"),
        ({"overrides": ["length=-1"]}, "4 tokens or more"),
        ({"overrides": ["overlap=1"]}, "from 0 to 0.9"),
        ({"overrides": ["overlap=nan"]}, "from 0 to 0.9"),
        ({"overrides": ["batch=0"]}, "1 or more"),
        ({"overrides": ["precision=fp16", "device=cpu"]}, "needs a GPU"),
        ({"overrides": ["device=gpu"]}, "device 'gpu' is not there"),
        ({"overrides": ["device=meta"]}, "device 'meta'"),
        ({"overrides": ["weights=1"]}, "weights are for join"),
        ({"overrides": ["weights=1,2", "join=mean"]}, "give one each"),
        ({"overrides": ["weights=0", "join=mean"]}, "more than 0 together"),
        ({"overrides": ["tokenizer=nowhere/here"]}, "nowhere"),
        ({"overrides": ["colour=red"]}, "no setting 'colour'"),
        ({"model": None}, "--model is missing"),
        ({"model": "no/such/model"}, "no/such/model"),
        ({"out": None}, "--out is missing"),
    ],
)
def test_bad_settings(options, said, texts, folder, tmp_path):
    out = options.pop("out", tmp_path / "made")
    refused(said, texts, out, **{"model": folder, **options})
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("lines", "said"),
    [("\n", "no documents in it"), ('{"text": ""}\n{"text": "  "}\n', "no document in its 2 documents")],
)
def test_nothing_to_encode(lines, said, folder, tmp_path):
    (tmp_path / "none.jsonl").write_text(lines)
    refused(said, tmp_path / "none.jsonl", tmp_path / "made", model=folder)
    assert [path.name for path in tmp_path.iterdir()] == ["none.jsonl"]


def test_a_model_without_its_tokenizer_or_with_anothers(texts, folder, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "bare").mkdir(exist_ok=True)
        shutil.copyfile(folder / name, tmp_path / "bare" / name)
    refused("say where that is with -o tokenizer", texts, tmp_path / "made", model=tmp_path / "bare")
    told = [f"tokenizer={folder}"]
    encode(texts, tmp_path / "made", model=tmp_path / "bare", overrides=told)
    small = tmp_path / "small.txt"
    small.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(str, range(5000))]))
    refused("another model's", texts, tmp_path / "other", model=folder, overrides=[f"tokenizer={small}"])


def test_damaged_weights(texts, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused("copy it anew", texts, tmp_path / "made", model=tmp_path / "cut")


def test_a_model_that_reads_more_than_text(texts, folder, tmp_path, monkeypatch):
    def needs(self, batch, *, layers=False):
        return batch["entities.wikidata.eids"]

    monkeypatch.setattr(KnowledgeModel, "forward", needs)
    opening._opened.cache_clear()
    refused(
        "reads 'entities.wikidata.eids', which plain text does not have",
        texts,
        tmp_path / "made",
        model=folder,
    )


def test_lines_that_are_no_documents_are_told(folder, tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({"text": TEXT}) + "\n{bad\n")
    made = encode(path, Path(tmp_path / "made"), model=folder)
    assert made.counts["rejected"] == 1
    assert made.tables["rejects"].rows == 1
