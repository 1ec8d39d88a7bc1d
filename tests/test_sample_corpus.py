"""The tiny world's corpus: rebuilt to the byte, and its gold is true to the knowledge bases."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from kbtools import corpus
from kbtools.text import BARE, normalise_many

SAMPLE = Path(__file__).parent.parent / "data" / "sample"
HERE = SAMPLE / "corpus"
LANGS = ("en", "zh")
UNNAMED = {"misspelt", "abbreviation", "inflected", "partial", "unlisted"}  # surfaces that are no name there


def module(path: Path):
    spec = importlib.util.spec_from_file_location(f"sample_{path.parent.name}", path)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def lines(name):
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def ids(document):
    return {one["ids"]["wikidata"] for one in document["mentions"] if "wikidata" in one.get("ids", {})}


@pytest.fixture(scope="module")
def items():
    release = module(SAMPLE / "build.py").World().release()
    return {id_: item for id_, item in release.items() if id_[0] == "Q"}


@pytest.fixture(scope="module")
def documents():
    return {lang: lines(f"{lang}.jsonl") for lang in LANGS}


@pytest.fixture(scope="module")
def mentions(documents):
    """Every mention with its document, language and words."""
    return [
        (document, lang, document["text"][one["start"] : one["end"]], one)
        for lang in LANGS
        for document in documents[lang]
        for one in document["mentions"]
    ]


@pytest.fixture(scope="module")
def builder():
    sys.path.insert(0, str(HERE))
    try:
        yield module(HERE / "build.py")
    finally:
        sys.path.remove(str(HERE))
        for name in ("tiny_facts", "tiny_sentences"):
            sys.modules.pop(name, None)


def test_the_tables_rebuild_the_committed_files(builder):
    made = builder.build()
    assert made.keys() == {"en.jsonl", "zh.jsonl", "probes.jsonl"}
    for name, text in made.items():
        assert (HERE / name).read_text("utf-8") == text


def test_it_is_large_enough_and_small_enough(documents):
    assert sum(len(documents[lang]) for lang in LANGS) >= 600
    for lang in LANGS:
        told = Counter((one["origin"], one["split"]) for one in documents[lang])
        assert sum(n for (origin, _), n in told.items() if origin == "written") >= 60
        assert told["template", "train"] >= 150
        assert all(sum(told[origin, split] for origin in ("template", "written")) >= 50
                   for split in ("dev", "test"))  # fmt: skip
        assert told["written", "train"] == 0
        assert [one["id"] for one in documents[lang]] == [
            f"{lang}-{i:04d}" for i in range(1, 1 + len(documents[lang]))
        ]
        assert len({one["text"] for one in documents[lang]}) == len(documents[lang])
    assert sum(path.stat().st_size for path in HERE.glob("*.jsonl")) <= 1_000_000


def test_it_is_read_without_a_reject(documents):
    for lang in LANGS:
        report = corpus.Report()
        rows = [row for batch in corpus.documents(str(HERE / f"{lang}.jsonl"), report=report)
                for row in batch.to_pylist()]  # fmt: skip
        assert not report.rejects
        assert [row["doc_id"] for row in rows] == [one["id"] for one in documents[lang]]
        assert sum(len(row["links"]) for row in rows) == sum(
            max(1, len(one.get("ids", {}))) for document in documents[lang] for one in document["mentions"]
        )


def test_spans_fit_and_nest(mentions, documents):
    for _, _, words, one in mentions:
        assert one["start"] < one["end"]
        assert words == words.strip()
        assert len(words) == one["end"] - one["start"]
    for document in (one for lang in LANGS for one in documents[lang]):
        spans = [(one["start"], one["end"]) for one in document["mentions"]]
        assert spans == sorted(spans, key=lambda span: (span[0], -span[1]))
        assert len(set(spans)) == len(spans)
        for a, b in spans:
            assert not any(a < c < b < d for c, d in spans)
    nested = sum(
        any(a["start"] <= b["start"] and b["end"] <= a["end"] and a is not b for a in document["mentions"])
        for document in (one for lang in LANGS for one in documents[lang])
        for b in document["mentions"]
    )
    assert nested >= 10


def test_a_mention_is_a_name_of_its_entity(items, mentions):
    names = defaultdict(set)
    for id_, item in items.items():
        told = [term["value"] for term in dict(item["labels"]).values()]
        told += [term["value"] for terms in dict(item["aliases"]).values() for term in terms]
        names[id_] = set(normalise_many(told, BARE))
    every = set().union(*names.values())
    for document, _, words, one in mentions:
        (name,) = normalise_many([words], BARE)
        where = (document["id"], words)
        if id_ := one.get("ids", {}).get("wikidata"):
            assert (name in names[id_]) != bool(UNNAMED & one.keys()), where
        elif "ids" not in one:
            assert name not in every, where


def test_ids_exist_in_every_knowledge_base(items, mentions):
    cuis = {line.split("|")[0] for line in (SAMPLE / "umls/META/MRCONSO.RRF").read_text("utf-8").splitlines()}
    cn = (SAMPLE / "cndbpedia/baike_triples.txt").read_text("utf-8")
    senses = [line.split()[:2] for line in (SAMPLE / "wordnet/dict/index.sense").read_text().splitlines()]
    synsets = {f"{offset}-{' nvara'[int(key.split('%')[1][0])]}" for key, offset in senses}
    known = {"wikidata": items, "umls": cuis, "wordnet": synsets, "cndbpedia": cn}
    seen: Counter[str] = Counter()
    for _, _, words, one in mentions:
        for kb, id_ in one.get("ids", {}).items():
            assert id_ in known[kb], (kb, id_)
            seen[kb] += 1
        if "sense" in one:
            offset = dict(senses)[one["sense"]]
            assert one["ids"]["wordnet"].startswith(offset)
            if words.isascii():
                assert words[:2].lower() == one["sense"][:2] or words in {"ate", "woke"}, words
    assert all(seen[kb] >= 30 for kb in known), seen
    assert sum("ids" not in one for _, _, _, one in mentions) >= 100


def test_one_thing_has_the_same_ids_everywhere(items, mentions):
    told = defaultdict(set)
    for _, _, _, one in mentions:
        if "wikidata" in one.get("ids", {}):
            told[one["ids"]["wikidata"]].add(json.dumps([one["ids"], one["type"], one.get("ner")]))
    assert all(len(forms) == 1 for forms in told.values())
    assert len(told) >= 450
    for id_, (form,) in told.items():
        claims = dict(items[id_]["claims"]).get("P2892", [])
        assert json.loads(form)[0].get("umls") == next(
            (one["mainsnak"]["datavalue"]["value"] for one in claims), None
        )


def test_names_that_mean_several_things_are_met_in_several_senses(mentions):
    means = defaultdict(set)
    for _, _, words, one in mentions:
        means[words].add(one.get("ids", {}).get("wikidata"))
    for name, least in {
        "Jordan": 5,
        "Apple": 2,
        "Paris": 5,
        "Mercury": 5,
        "Lincoln": 4,
        "Cambridge": 3,
        "Java": 2,
        "Python": 2,
        "Washington": 4,
        "苹果": 4,
        "长城": 2,
        "华盛顿": 3,
        "乔丹": 3,
        "林肯": 4,
    }.items():
        assert len(means[name] - {None}) >= least, (name, means[name])  # fmt: skip


def test_relations_are_statements_of_the_knowledge_base(items, documents):
    n = 0
    for document in (one for lang in LANGS for one in documents[lang]):
        for one in document.get("relations", []):
            head, tail = (document["mentions"][one[side]]["ids"]["wikidata"] for side in ("head", "tail"))
            stated = items[head]["claims"][one["relation"]]
            values = [claim["mainsnak"].get("datavalue", {}).get("value") for claim in stated]
            assert tail in [value.get("id") for value in values if isinstance(value, dict)]
            n += 1
    assert n >= 900


def test_what_is_held_out_is_met_in_test_only(documents, items):
    heldout = {
        line.split("\t")[0]
        for line in (HERE / "heldout.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    }
    assert heldout <= items.keys()
    for lang in LANGS:
        seen: dict[str, set[str]] = {split: set() for split in ("train", "dev", "test")}
        for document in documents[lang]:
            seen[document["split"]] |= ids(document)
        assert not heldout & (seen["train"] | seen["dev"])
        assert len(heldout & seen["test"]) >= 20


def pairs(document):
    """The entities that each relation of a document joins, in the order of its sentences or not."""
    return [
        frozenset(document["mentions"][one[side]]["ids"]["wikidata"] for side in ("head", "tail"))
        for one in document["relations"]
    ]


@pytest.fixture(scope="module")
def told(documents):
    """What train says."""
    every = [one for lang in LANGS for one in documents[lang] if one["split"] == "train"]
    return {pair for document in every for pair in pairs(document)}


def test_a_document_outside_train_says_something_new(documents, told):
    for document in (one for lang in LANGS for one in documents[lang]):
        if document["split"] != "train" and document["origin"] == "template":
            assert set(pairs(document)) - told, document["id"]


def test_probes_hold_facts_that_train_does_not_tell(items, told):
    probes = lines("probes.jsonl")
    assert len(probes) >= 300
    for probe in probes:
        assert "[X]" in probe["template"]
        assert "[Y]" in probe["template"]
        assert probe["sub_label"] == items[probe["sub"]]["labels"][probe["lang"]]["value"]
        assert probe["obj_label"] == items[probe["obj"]]["labels"][probe["lang"]]["value"]
        if probe["split"] != "train":
            assert frozenset((probe["sub"], probe["obj"])) not in told
    assert Counter(one["split"] for one in probes)["test"] >= 50
    assert len({one["id"] for one in probes}) == len(probes)
