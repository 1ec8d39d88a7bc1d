"""Mentions of the tiny world in shards, against an oracle that goes mention by mention."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kbtools import api, artefact, linkers
from kbtools.corpus.linked import COLUMNS
from kbtools.kb.bases import bases_of
from kbtools.linked.reader import Linked
from kbtools.shards.base import Here
from kbtools.shards.views import entities, senses, units
from kbtools.shards.views.entities import VIEW, Settings
from tests import tiny_tokenizer
from tests.viewed import cut, seen, texts_of

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
ENGLISH, CHINESE = (SAMPLE / "corpus" / f"{lang}.jsonl" for lang in ("en", "zh"))
SETTINGS = [
    {},
    {"candidates": 2, "overlap": "best", "columns": ("eids", "priors", "ps", "gold", "best", "p", "types")},
    {"candidates": 1, "overlap": "longest", "renormalise": False, "kbs": ("wordnet",), "snap": "outwards"},
    {"linked": True, "min_p": 0.5, "columns": ("best", "p"), "kbs": ("wikidata",)},
]


class World(NamedTuple):
    kb: Path
    wordnet: Path
    en: Path
    zh: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    made = World(*(folder / name for name in World._fields))
    api.ingest("wikidata", [SAMPLE / "wikidata.json.gz"], made.kb, langs=["en", "zh"])
    api.ingest("wordnet", [SAMPLE / "wordnet" / "dict"], made.wordnet)
    api.build_alias([made.kb, made.wordnet], folder / "alias")
    linkers.link(ENGLISH, made.en, alias=folder / "alias", candidates="all")
    linkers.link(CHINESE, made.zh, alias=folder / "alias", overlap="all", candidates="all")
    return made


def opened(world, folder):
    manifest = artefact.read(folder, "linked")
    bases = bases_of(manifest, [world.kb, world.wordnet])
    return Here(tiny_tokenizer.loaded(), 64, bases=bases, kbs=manifest.kbs)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("number", range(len(SETTINGS)))
@pytest.mark.parametrize("size", [7, 1 << 30])
def test_like_an_oracle_that_goes_mention_by_mention(world, lang, number, size):
    folder, settings = getattr(world, lang), Settings(**SETTINGS[number])
    here = opened(world, folder)
    batch = next(Linked(folder).scan("documents", COLUMNS)).slice(3, 150)
    texts = texts_of(batch, here.tokenizer)
    found = seen(VIEW, settings, texts, here, size)
    wanted = oracle(texts, cut(texts, here.tokenizer, size), settings, here)
    assert found == wanted
    assert sum(len(value) for row in found for name, value in row.items() if name.endswith(".spans"))


def oracle(texts, rows, settings, here):
    names = [one.name for one in here.kbs]
    kbs = [kb for kb, name in enumerate(names) if not settings.kbs or name in settings.kbs]
    types = {kb: types_of(here.bases[kb].kb) for kb in kbs}
    kept = [
        one
        for doc, row in enumerate(texts.documents.to_pylist())
        for one in mentions(texts, doc, row, kbs, settings)
    ]
    found = []
    for number in range(len(rows)):
        low, high = int(rows.segments.start[number]), int(rows.segments.stop[number])
        row: dict[str, list[Any]] = {}
        for kb in kbs:
            mine = [one for one in kept if one["kb"] == kb and low <= one["low"] and one["high"] <= high]
            told = {"spans": [[one["low"] - low + 1, one["high"] - low + 1] for one in mine]}
            for name in settings.columns:
                told[name] = [
                    types[kb].get(one["means"], []) if name == "types" else one[name] for one in mine
                ]
            row |= {f"entities.{names[kb]}.{name}": values for name, values in told.items()}
        found.append(row)
    return found


def types_of(kb):
    found: dict[int, list[int]] = {}
    for row in kb.table("types").to_pylist():
        found.setdefault(row["eid"], []).append(row["type"])
    return found


def mentions(texts, doc, row, kbs, settings):
    """The mentions of a document that are kept, each with its tokens."""
    found = []
    for one in row["mentions"]:
        tokens = [
            at
            for at in range(int(texts.stream.begins[doc]), int(texts.stream.begins[doc + 1]))
            if max(one["start"], texts.stream.start[at]) < min(one["end"], texts.stream.end[at])
        ]
        if not tokens or one["kb"] not in kbs:
            continue
        low, high = tokens[0], tokens[-1] + 1
        cuts = texts.stream.start[low] < one["start"] or texts.stream.end[high - 1] > one["end"]
        if cuts and settings.snap == "drop":
            continue
        listed = one["candidates"][: settings.candidates]
        best = -2 if one["eid"] is None else one["eid"]
        gold = best if one["kind"] in ("gold", "anchor", "user") else -1
        means = best if gold == -1 else gold
        if (settings.linked and means < 0) or (gold == -1 and one["p"] < settings.min_p):
            continue
        total = sum(each["prior"] for each in listed) if settings.renormalise else 1
        found.append({
            "kb": one["kb"], "low": low, "high": high, "eids": [each["eid"] for each in listed],
            "priors": [pytest.approx(each["prior"] / total, abs=1e-6) for each in listed],
            "ps": [each["p"] for each in listed], "gold": gold, "best": best, "means": means, "p": one["p"],
        })  # fmt: skip
    if settings.overlap != "all":
        found = greedy(found, settings.overlap)
    return found


def greedy(found, how):
    """Take the most wanted first, then whatever it leaves room for."""

    def wanted(one):
        wide = one["high"] - one["low"]
        return (-wide, one["low"]) if how == "longest" else (-one["p"], -wide, one["low"])

    taken: list[dict[str, Any]] = []
    for one in sorted(found, key=wanted):
        if all(one["kb"] != it["kb"] or one["high"] <= it["low"] or it["high"] <= one["low"] for it in taken):
            taken.append(one)
    return sorted(taken, key=lambda one: (one["low"], -one["high"], one["kb"]))


@pytest.mark.parametrize(
    ("view", "settings"),
    [
        (entities.VIEW, Settings(overlap="best")),
        (senses.VIEW, senses.Settings()),
        (units.VIEW, units.Settings()),
    ],
    ids=["entities", "senses", "units"],
)
def test_documents_have_the_same_columns_whatever_stands_beside_them(world, view, settings):
    here = opened(world, world.en)
    batch = next(Linked(world.en).scan("documents", COLUMNS)).slice(0, 30)
    together = seen(view, settings, texts_of(batch, here.tokenizer), here, 20)
    apart = [seen(view, settings, texts_of(batch.slice(at, 1), here.tokenizer), here, 20) for at in range(30)]
    assert together == [row for rows in apart for row in rows]
