"""Gold beside its candidates becomes links to learn from; a KnowBert over WordNet answers `eval wsd`."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools import api, linkers  # noqa: E402
from kbtools.cli.scorer import LOADER  # noqa: E402
from kbtools.linked import Linked  # noqa: E402
from kbtools.models.base import KnowledgeModel  # noqa: E402
from kbtools.models.parts.tables import EntityTable  # noqa: E402
from kbtools.shards.reader import Shards  # noqa: E402
from kbtools.tasks.wsd import Settings  # noqa: E402
from kbtools.tasks.wsd.evaluation import FIRST, Evaluation  # noqa: E402
from tests import tiny_linking, tiny_models, tiny_tokenizer  # noqa: E402

WORDS = "The dog saw the bank of the river."


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("senses")
    api.build_alias([tiny_models.base("wordnet")], folder / "alias")
    return folder


def documents(world, links, called):
    told = [
        {"start": WORDS.index(word), "end": WORDS.index(word) + len(word), "id": key, "kind": "gold"}
        for word, key in links
    ]
    return tiny_linking.corpus(world, {"id": "a", "text": WORDS, "mentions": told}, called=called)


def keys(world):
    """Return the words of the text that have senses, with an id of the last of them."""
    linked(world, documents(world, [], "none.jsonl"), "found", "knowbert-wordnet")
    base = tiny_models.base("wordnet")
    [row] = tiny_linking.rows(world / "found")
    ids = api_ids(base)
    found: dict[str, str] = {}
    for one in row["mentions"]:
        listed = sorted(each["eid"] for each in one["candidates"])
        found.setdefault(row["text"][one["start"] : one["end"]], ids[listed[-1]])
    return found


def api_ids(base):
    from kbtools.kb.reader import Kb  # noqa: PLC0415

    table = Kb(base).table("entities", ["eid", "id"])
    return dict(zip(table["eid"].to_pylist(), table["id"].to_pylist(), strict=True))


def linked(world, corpus, out, linker, *told, **options):
    return linkers.link(
        corpus, world / out, alias=world / "alias", kbs=[tiny_models.base("wordnet")], linker=linker,
        candidates="all", overrides=told, overwrite=True, **options,
    )  # fmt: skip


def test_gold_stands_beside_its_candidates(world):
    meant = keys(world)
    assert meant
    corpus = documents(world, [*meant.items()], "gold.jsonl")
    linked(world, corpus, "gold", "knowbert-wordnet-gold")
    ids = api_ids(tiny_models.base("wordnet"))
    [row] = tiny_linking.rows(world / "gold")
    assert len(row["mentions"]) == len(meant)
    for one in row["mentions"]:
        assert (ids[one["eid"]], one["kind"], one["p"]) == (
            meant[WORDS[one["start"] : one["end"]]],
            "gold",
            1,
        )
        assert sum(each["prior"] for each in one["candidates"]) == pytest.approx(1)
        assert one["eid"] in [each["eid"] for each in one["candidates"]]


def test_gold_that_is_no_candidate_is_nobody(world):
    (word, _), *rest = keys(world).items()
    [other] = [key for key in api_ids(tiny_models.base("wordnet")).values() if key not in dict(rest)][:1]
    corpus = documents(world, [(word, other), *rest], "odd.jsonl")
    linked(world, corpus, "odd", "knowbert-wordnet-gold")
    [row] = tiny_linking.rows(world / "odd")
    by_word = {WORDS[one["start"] : one["end"]]: one for one in row["mentions"]}
    assert by_word[word]["eid"] is None
    assert all(by_word[word]["eid"] is not None for word, _ in rest)


def test_shards_have_gold_and_candidates_with_vectors(world):
    linked(world, documents(world, [*keys(world).items()], "gold.jsonl"), "gold", "knowbert-wordnet-gold")
    api.shard(
        world / "gold", world / "shards", model="knowbert_linking", tokenizer=tiny_tokenizer.path(),
        kbs=[tiny_models.base("wordnet")], vectors=tiny_models.vectors("wordnet"),
        overrides=["max_length=32", "dev=0"], overwrite=True,
    )  # fmt: skip
    columns = Shards(world / "shards").columns
    assert {f"entities.wordnet.{name}" for name in ("spans", "eids", "priors", "gold")} <= {*columns}


def test_wsd_of_a_model(world):
    table = EntityTable.open(tiny_models.vectors("wordnet"))
    told = tiny_models.tiny("knowbert")
    made = KnowledgeModel.make(
        told.recipe.model, heads={}, vocabulary=told.data.vocabulary, tables={table.kb: table}, seed=0
    )
    made.save_pretrained(world / "model", tokenizer=tiny_tokenizer.path(), card=False)
    corpus = documents(world, [*keys(world).items()], "gold.jsonl")
    name = f"knowbert:{world / 'model'}"
    linked(world, corpus, "said", name, "preset=wsd", "features.model.length=32", load_model=LOADER)
    assert len(tiny_linking.rows(world / "said")[0]["mentions"]) == len(keys(world))
    found = Evaluation(
        [world / "said"], str(corpus), kbs=[tiny_models.base("wordnet")], settings=Settings(resamples=10)
    ).run()
    assert {one.system for one in found.measures} >= {"said"}
    assert FIRST
    assert Linked(world / "said").manifest.settings["linker"] == name
    linked(world, corpus, "free", name, load_model=LOADER)  # words of a wordnet, without being told which
    assert Linked(world / "free").manifest.settings["preset"]["mentions"] == {"lemmas": {"most_words": 7}}
