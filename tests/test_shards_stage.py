"""`kbtools.api.shard`: a corpus in, examples in an order drawn by lot out; the same bytes always."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kbtools.corpus._files as files
from kbtools import api, artefact
from kbtools.corpus import documents
from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.text.segment import sentences
from kbtools.tokens.tokenizer import Tokenizer
from tests import tiny_tokenizer

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
ENGLISH, CHINESE = SAMPLE / "corpus" / "en.jsonl", SAMPLE / "corpus" / "zh.jsonl"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer.build(tmp_path_factory.mktemp("tokenizer") / "t")


def shard(tokenizer, out, source=ENGLISH, model="roberta", **options):
    overrides = ["max_length=64", "dev=.1", "test=.1", *options.pop("overrides", ())]
    return api.shard(source, out, model=model, tokenizer=tokenizer, overrides=overrides, **options)


def rows(out, split="train"):
    manifest = artefact.read(out, "shards")
    found = []
    for file in manifest.tables[split].files if split in manifest.tables else []:
        with pa.memory_map(str(out / file.path)) as source:
            found += pa.ipc.open_file(source).read_all().to_pylist()
    return found


def everything(out):
    return [row for split in ("train", "dev", "test") for row in rows(out, split)]


def content(out):
    return {
        path.relative_to(out): path.read_bytes()
        for path in out.rglob("*")
        if path.suffix != ".json" and path.is_file()
    }


@pytest.fixture(scope="module")
def made(tokenizer, tmp_path_factory):
    out = tmp_path_factory.mktemp("shards") / "s"
    shard(tokenizer, out)
    return out


def test_every_token_is_in_one_example(made, tokenizer):
    loaded = Tokenizer.load(tokenizer)
    truth = {}
    for batch in documents(str(ENGLISH)):
        for row in batch.to_pylist():
            truth[row["doc_id"]] = loaded.encode([row["text"]]).ids.tolist()
    pieces: dict[str, list[list[int]]] = {}
    for row in everything(made):
        bounds = [*(one["start"] for one in row["documents"]), len(row["input_ids"])]
        assert row["input_ids"][0] == loaded.special.cls
        for at, one in enumerate(row["documents"]):
            own = row["input_ids"][bounds[at] : bounds[at + 1]]
            assert own.pop() == loaded.special.sep
            pieces.setdefault(one["id"], []).append(own)
    assert pieces.keys() == {name for name, ids in truth.items() if ids}
    for name, ids in truth.items():
        assert sorted(chain.from_iterable(pieces.get(name, []))) == sorted(ids)
        assert all(str(piece)[1:-1] in str(ids) for piece in pieces.get(name, []))


def test_examples_are_full_but_not_too_long(made):
    lengths = [len(row["input_ids"]) for row in everything(made)]
    assert max(lengths) <= 64
    assert np.mean(lengths) > 50


def test_starts_of_words_and_sentences(made, tokenizer):
    loaded = Tokenizer.load(tokenizer)
    texts = {row["doc_id"]: row["text"] for batch in documents(str(ENGLISH)) for row in batch.to_pylist()}
    begun = 0
    for row in everything(made):
        strings = loaded.words(np.array(row["input_ids"])).to_pylist()
        assert [not token.startswith("##") for token in strings] == row["word_start"]
        begun += len(row["sentences"])
    assert begun == sum(len(sentences(text, "en")) for text in texts.values())


def test_no_document_is_in_two_splits(made):
    ids = [
        {one["id"] for row in rows(made, split) for one in row["documents"]}
        for split in ("train", "dev", "test")
    ]
    assert all(ids)
    assert not (ids[0] & ids[1] | ids[0] & ids[2] | ids[1] & ids[2])
    assert 10 < len(ids[1]) < 70  # a tenth of 342


def test_the_order_is_drawn_by_the_seed_alone(made, tokenizer, tmp_path):
    shard(tokenizer, tmp_path / "again", seed=0)
    assert content(tmp_path / "again") == content(made)
    shard(tokenizer, tmp_path / "other", seed=7)
    order = [row["documents"][0]["id"] for row in rows(made)]
    assert order != sorted(order)
    assert [row["documents"][0]["id"] for row in rows(tmp_path / "other")] != order


def test_the_same_bytes_for_any_workers_pieces_and_hashes(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 9000)  # bytes of text for each task
    shard(tokenizer, tmp_path / "one", workers=1)
    shard(tokenizer, tmp_path / "two", workers=2)
    assert len({one.path for one in artefact.read(tmp_path / "one").tables["train"].files}) == 1
    assert content(tmp_path / "one") == content(tmp_path / "two")
    code = (
        "import sys, kbtools.corpus._files as files; files.PIECE = 9000\n"
        "from kbtools import api\n"
        "api.shard(sys.argv[1], sys.argv[2], model='roberta', tokenizer=sys.argv[3],"
        " overrides=['max_length=64', 'dev=.1', 'test=.1'])"
    )
    call = [sys.executable, "-c", code, str(ENGLISH), str(tmp_path / "three"), str(tokenizer)]
    subprocess.run(call, check=True, env=os.environ | {"PYTHONHASHSEED": "77"})
    assert content(tmp_path / "three") == content(tmp_path / "one")


def test_several_files_hold_the_same_examples_in_the_same_order(made, tokenizer, tmp_path):
    shard(tokenizer, tmp_path / "small", overrides=["file_size=20000"])
    manifest = artefact.read(tmp_path / "small")
    assert len(manifest.tables["train"].files) > 2
    assert rows(tmp_path / "small") == rows(made)
    told = manifest.notes["index"]["train"]
    assert sum(one[0] for one in told) == manifest.tables["train"].rows == len(rows(made))
    assert sum(one[1] for one in told) == sum(len(row["input_ids"]) for row in rows(made))


def test_parquet_holds_the_same(made, tokenizer, tmp_path):
    shard(tokenizer, tmp_path / "p", overrides=["files=parquet"])
    assert pq.read_table(tmp_path / "p" / "train" / "000000.parquet").to_pylist() == rows(made)


def test_the_histogram_counts_every_example(made):
    manifest = artefact.read(made)
    for split, bars in manifest.notes["lengths"].items():
        lengths = np.array([len(row["input_ids"]) for row in rows(made, split)])
        below = 0
        for bound, number in bars:
            assert number == (lengths <= (bound or 1 << 30)).sum() - below
            below += number
        assert below == len(lengths)


def test_a_document_ends_a_sequence_if_asked(tokenizer, tmp_path):
    shard(tokenizer, tmp_path / "s", overrides=["sequences.pack=documents"])
    assert all(len(row["documents"]) == 1 for row in everything(tmp_path / "s"))


def test_documents_of_nothing_are_counted(tokenizer, tmp_path):
    texts = ["", " \n", "\u200b\ufeff", "Oil drifted into the Dead Sea."]
    path = tmp_path / "odd.jsonl"
    path.write_text(
        "".join(json.dumps({"id": str(at), "text": text}) + "\n" for at, text in enumerate(texts))
    )
    shard(tokenizer, tmp_path / "s", path, overrides=["dev=0", "test=0"])
    assert [one["id"] for row in everything(tmp_path / "s") for one in row["documents"]] == ["3"]
    assert artefact.read(tmp_path / "s").counts["documents without tokens"] == 3


def test_a_corpus_of_nothing_makes_no_examples(tokenizer, tmp_path):
    (tmp_path / "none.jsonl").write_text('{"text": " "}\n')
    made = shard(tokenizer, tmp_path / "s", tmp_path / "none.jsonl")
    assert made.tables == {}
    assert "no examples" in api.shard_summary(made, tmp_path / "s")


def test_the_corpus_may_say_the_split(tokenizer, tmp_path):
    shard(tokenizer, tmp_path / "s", overrides=["split=corpus"])
    told = {
        row["doc_id"]: json.loads(row["meta"])["split"]
        for batch in documents(str(ENGLISH))
        for row in batch.to_pylist()
    }
    for split in ("train", "dev", "test"):
        assert {one["id"] for row in rows(tmp_path / "s", split) for one in row["documents"]} == {
            name for name, where in told.items() if where == split
        }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"model": None}, "--for is missing: a model: .*knowbert"),
        ({"model": "kebert"}, "did you mean 'kbert'"),
        ({"model": "kbert"}, "made from sentence trees, not from documents"),
        ({"tokenizer": None}, "--tokenizer is missing: build one with `kbtools vocab`"),
        ({"tokenizer": "no/such/folder"}, "no/such/folder"),
        ({"source": "absent.jsonl"}, "absent.jsonl"),
        ({"overrides": ["max_length=2"]}, "max_length is 2"),
        ({"overrides": ["dev=.6", "test=.6"]}, "shares below 1"),
        ({"overrides": ["pairs.short=1"]}, "no part 'pairs' here; there are sequences"),
        ({"overrides": ["sequences.pak=full"]}, "did you mean 'pack'"),
        ({"overrides": ["layout=pears"]}, "did you mean 'pairs'"),
        ({"kbs": ["absent"]}, "absent"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_leaves_nothing(tokenizer, tmp_path, options, told):
    wanted = {"tokenizer": tokenizer, "source": ENGLISH, "model": "roberta"} | options
    given = wanted.pop("tokenizer")
    with pytest.raises(KbError, match=told) as error:
        shard(given, tmp_path / "s", **wanted)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_target_is_not_overwritten_unasked(made, tokenizer):
    with pytest.raises(ArtefactError, match="exists"):
        shard(tokenizer, made)


def test_an_interrupted_build_goes_on(made, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 9000)
    from kbtools.shards import manifests  # noqa: PLC0415 - to be broken

    whole = manifests.manifest_of
    monkeypatch.setattr(manifests, "manifest_of", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        shard(tokenizer, tmp_path / "s")
    monkeypatch.setattr(manifests, "manifest_of", whole)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "s.partial" / "work").rglob("*.arrow")}
    assert len(done) > 3
    with pytest.raises(ArtefactError, match="--restart"):
        shard(tokenizer, tmp_path / "s", seed=5)
    assert {path: path.stat().st_mtime_ns for path in done} == done  # the other plan has touched nothing
    shard(tokenizer, tmp_path / "s")
    assert rows(tmp_path / "s") != []
    with pytest.raises(ConfigError, match="max_length"):
        shard(tokenizer, tmp_path / "t", overrides=["max_length=1"])
    assert made.exists()
