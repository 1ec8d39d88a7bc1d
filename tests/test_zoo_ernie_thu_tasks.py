"""Relations and types by ERNIE: markers move no entity, and the recipes train."""

from __future__ import annotations

import json
import unicodedata

import pytest
import torch

from kbtools import api
from kbtools.models.base import KnowledgeModel
from kbtools.models.parts.alignment import meant
from kbtools.models.training.stage import train
from kbtools.shards.reader import Shards
from kbtools.shards.reading.rows import Rows
from kbtools.tokens.tokenizer import Tokenizer
from tests import tiny_models, tiny_tokenizer

MARKERS = {"relations": ("[HD]", "[TL]"), "typing": ("[ENT]",)}
KB = "entities.wikidata"
CORPUS = tiny_tokenizer.CORPUS / "en.jsonl"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A tokenizer that has the markers, shards of both kinds, and texts by id of their entities."""
    room = tmp_path_factory.mktemp("tasks")
    added = ",".join(one for names in MARKERS.values() for one in names)
    api.build_vocab([CORPUS], room / "tokenizer", size=1500, overrides=[f"added={added}"])
    rows = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    (room / "typed.json").write_text("\n".join(json.dumps(one) for row in rows for one in typed(row)))
    for kind, corpus in (("relations", CORPUS), ("typing", f"typed:{room}/typed.json")):
        api.shard(
            corpus, room / kind, model=f"ernie_thu_{kind}", tokenizer=room / "tokenizer",
            kbs=[tiny_models.base("wikidata")], overrides=["max_length=48", "dev=0.1"],
        )  # fmt: skip
    return room


def typed(row):
    """Write a document as typing data of ERNIE's authors: a mention with its type, and all entities."""
    known = [one for one in row["mentions"] if "wikidata" in one.get("ids", {})]
    ents = [[one["ids"]["wikidata"], one["start"], one["end"], 0.9] for one in known]
    for one in known[:1]:
        place = {"start": one["start"], "end": one["end"]}
        yield {"sent": row["text"], **place, "labels": [one["type"]], "ents": ents}


def plain(text):
    """Leave out spaces, accents and capitals, as the tokenizer does."""
    apart = unicodedata.normalize("NFD", text.lower())
    return "".join(one for one in apart if unicodedata.category(one) != "Mn" and one != " ")


def pieces(tokenizer, ids):
    return plain("".join(tokenizer.strings.take(ids).to_pylist()).replace("##", ""))


@pytest.mark.parametrize("kind", MARKERS)
def test_entities_stand_at_their_mentions_beside_markers(world, kind):
    shards, tokenizer = Shards(world / kind), Tokenizer.load(world / "tokenizer")
    marks = {tokenizer.strings.to_pylist().index(name) for name in MARKERS[kind]}
    names: dict[str | None, set[str]] = {}
    for line in CORPUS.read_text().splitlines():
        row = json.loads(line)
        for one in row["mentions"]:
            surface = plain(row["text"][one["start"] : one["end"]])
            names.setdefault(one.get("ids", {}).get("wikidata"), set()).add(surface)
    ids = ids_of(tiny_models.base("wikidata"))
    rows = tensors(Rows(shards).take(range(min(shards.rows("train"), 150))))
    eids = meant(rows, "wikidata")
    seen = marked = 0
    for at, text in enumerate(rows["input_ids"].tolist()):
        there = rows[f"{KB}.spans.mask"][at]
        spans, gold = rows[f"{KB}.spans"][at][there].tolist(), eids[at][there].tolist()
        assert sum(token in marks for token in text) == 2 * len(MARKERS[kind])
        for (first, stop), eid in zip(spans, gold, strict=True):
            assert not marks & {*text[first:stop]}
            shown = pieces(tokenizer, text[first:stop])
            assert "[unk]" in shown or shown in names[ids[eid]]
            marked += text[first - 1] in marks and text[stop] in marks
            seen += 1
        ends = ("facts.head", "facts.tail") if kind == "relations" else ("typed.span",)
        for name in ends:
            first, stop = rows[name][at].tolist()
            assert text[first - 1] in marks
            assert text[first - 1] == text[stop]
    assert seen >= marked > 100


def ids_of(base):
    with api.query([base], "SELECT eid, id FROM entities") as rows:
        return dict(zip(*rows.read_all().to_pydict().values(), strict=True))


@pytest.mark.parametrize("kind", MARKERS)
def test_its_recipe_trains_and_goes_on_from_another(world, kind, tmp_path):
    vectors = [tiny_models.vectors("wikidata")]
    if kind == "relations":
        api.shard(
            CORPUS, tmp_path / "pairs", model="ernie_thu", tokenizer=world / "tokenizer",
            kbs=[tiny_models.base("wikidata")], overrides=["max_length=32"],
        )  # fmt: skip
        train(
            "ernie_thu.tiny", tmp_path / "start", shards=[tmp_path / "pairs"], vectors=vectors, quiet=True,
            overrides=["run.steps=2"],
        )  # fmt: skip
    start = [f"model.start={tmp_path / 'start'}"] if kind == "relations" else []
    steps = "run.steps=2" if start else "run.steps=40"
    made = train(
        f"ernie_thu_{kind}.tiny", tmp_path / "run", shards=[world / kind], vectors=vectors, quiet=True,
        overrides=[steps, "run.evaluate=0", *start],
    )  # fmt: skip
    assert made.kind == "run"
    model = KnowledgeModel.from_pretrained(tmp_path / "run").eval()
    batch = Rows(Shards(world / kind)).take(range(8))
    with torch.no_grad():
        states = model(tensors(batch)).hidden
        scores = model.heads["labels"](model.heads["pooler"](states[:, 0]))
    assert scores.shape == (8, len(model.heads["labels"].classes))
    if start:
        assert {*model.heads["labels"].classes} <= {*Shards(world / kind).words("facts.relation_id")}


def tensors(batch):
    return {
        name: torch.from_numpy(one) for name, one in batch.items() if getattr(one, "dtype", None) is not None
    }
