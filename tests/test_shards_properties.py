"""What must hold of shards whatever they are made of: names stand where they stood, whole, in one split."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import artefact, corpus, linkers
from kbtools.shards.about.decode import decode
from kbtools.tokens.tokenizer import Tokenizer
from tests import shard_world, tiny_tokenizer
from tests.shard_world import CHINESE, rows, shard

KINDS = ["wordpiece", "bpe", "unigram", "char"]
WHOLE = [
    "layout=sequences",
    "sequences.pack=documents",
    "max_length=512",
    "dev=0",
    "test=0",
]  # a row, a document


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return shard_world.build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def linked(world, tmp_path_factory):
    chinese = tmp_path_factory.mktemp("chinese") / "linked"
    linkers.link(CHINESE, chinese, alias=world.alias, candidates="all")
    return {"en": world.linked, "zh": chinese}


def plain(text):
    """Forget what tokenizers forget: capitals, accents, spaces."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in parts if not unicodedata.combining(one) and not one.isspace())


def surfaces(spec, name):
    """Return the words of each document's mentions of one knowledge base, in order of their places."""
    found: dict[str, list[str]] = defaultdict(list)
    for batch in corpus.documents(str(spec)):
        for row in batch.to_pylist():
            links = sorted((one["start"], one["end"]) for one in row["links"] or [] if one["kb"] == name)
            found[row["doc_id"]] += [plain(row["text"][start:end]) for start, end in links]
    return found


def is_part(some, whole):
    """Tell whether `some` are in `whole`, in this order; an unknown token stands for anything."""
    left = iter(whole)
    patterns = [".+".join(map(re.escape, re.split(r"\[unk\]|<unk>", one))) for one in some]
    return all(any(re.fullmatch(pattern, other) for other in left) for pattern in patterns)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_a_span_spell_what_was_mentioned(world, linked, tmp_path, lang, kind):
    given_world = world._replace(tokenizer=tiny_tokenizer.path(kind))
    made = shard(given_world, tmp_path / "s", linked[lang], "knowbert", *WHOLE)
    tokenizer = Tokenizer.load(tiny_tokenizer.path(kind))
    lost = made.counts.get("mentions cut by tokens", 0)
    for ref in made.kbs:
        truth = surfaces(linked[lang], ref.name)
        for row in rows(tmp_path / "s"):
            (document,) = row["documents"]
            ids = np.array(row["input_ids"], np.int32)
            spans = row[f"entities.{ref.name}.spans"]
            told = [plain(tokenizer.decode(ids[start:end])) for start, end in sorted(map(tuple, spans))]
            assert is_part(told, truth[document["id"]]), document["id"]
            lost -= len(truth.pop(document["id"])) - len(told)
        assert not any(truth.values())
    assert lost == 0


@pytest.mark.parametrize("length", [16, 24, 40])
@pytest.mark.parametrize("model", ["knowbert", "ernie_thu"])
def test_no_mention_is_cut_where_it_could_be_whole(world, tmp_path, model, length):
    kept = ["entities.overlap=all", "entities.min_spans=0", f"max_length={length}"]
    made = shard(world, tmp_path / "s", world.linked, model, *kept, "layout=sequences")
    assert made.counts["mentions in examples"] == made.counts["entities: spans"]
    assert made.counts.get("mentions cut by the ends of examples", 0) == 0


def test_copies_are_of_one_split_and_cut_otherwise(world, tmp_path):
    shard(world, tmp_path / "s", world.linked, "bert", "copies=3")
    of = defaultdict(set)
    for split in ("train", "dev", "test"):
        for row in rows(tmp_path / "s", split):
            for one in row["documents"]:
                of[one["id"]].add(split)
    assert {len(splits) for splits in of.values()} == {1}
    once = shard(world, tmp_path / "once", world.linked, "bert")
    thrice = artefact.read(tmp_path / "s", "shards")
    assert 2 * once.tables["train"].rows < thrice.tables["train"].rows


@pytest.mark.parametrize("how", ["exact", "minhash"])
def test_copies_among_linked_documents_go(world, tmp_path, how):
    text = (
        "The river Vistula flows through Poland, past Warsaw and many a small town, into the cold Baltic Sea."
    )
    docs = [{"id": f"d{number}", "text": text} for number in range(3)] + [
        {"id": "e", "text": "Warsaw is old."}
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, docs)), encoding="utf-8")
    linkers.link(tmp_path / "a.jsonl", tmp_path / "l", alias=world.alias)
    made = shard(world, tmp_path / "s", tmp_path / "l", "wklm", f"duplicates={how}")
    found = [row for split in made.tables for row in rows(tmp_path / "s", split)]
    assert sorted(row["documents"][0]["id"] for row in found) == ["d0", "e"]
    assert made.counts["near copies left out"] == 2
    assert any(row["entities.wikidata.spans"] for row in found)


def test_labels_need_no_knowledge_base_twice(world, tmp_path):
    made = shard(world, tmp_path / "s", world.linked, "knowbert", kbs=[world.kb])
    there = [one for one in made.inputs if one.kind == "kb"]
    assert [(one.path, one.content) for one in there] == [
        (str(path), artefact.read(path, "kb").content) for path in (world.kb, world.wordnet)
    ]
    assert decode(tmp_path / "s", 3).notes == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=1, max_size=6),
    model=st.sampled_from(["bert", "roberta", "structbert", "ernie_baidu", "absa"]),
)
def test_any_text_makes_examples_or_is_counted(world, tmp_path_factory, texts, model):
    room = tmp_path_factory.mktemp("any")
    lines = [json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts)]
    (room / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    made = shard(world, room / "s", room / "a.jsonl", model)
    assert made.counts["read"] == len(texts)
    size = made.notes["tokenizer"]["size"]
    seen = set()
    for split in made.tables:
        for row in rows(room / "s", split):
            assert 0 < len(row["input_ids"]) <= 64
            assert all(0 <= one < size for one in row["input_ids"])
            assert len(row["word_start"]) == len(row["input_ids"])
            seen |= {one["id"] for one in row["documents"]}
    if model == "roberta":  # one whose documents need no partner
        assert len(seen) + made.counts.get("documents without tokens", 0) == len(texts)
