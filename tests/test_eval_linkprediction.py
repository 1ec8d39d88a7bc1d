"""`kbtools eval linkprediction`: a small graph whose every rank can be checked by hand."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kbtools import api, artefact, config, vectors
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError, KbError, SourceError
from kbtools.kb.reader import Kb
from kbtools.models.embeddings import embed as api_embed
from kbtools.models.kge.evaluation import Evaluation
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.trained import Trained
from kbtools.tasks.linkprediction import Settings
from tests import tiny_kb

TRAIN = ["a next b", "b next c", "c next d", "a like a", "b like b"]
VALID = ["d next e"]
TEST = ["a next c", "e next f", "f new a"]  # f and `new` are seen in no training
AT = {"a": 0.0, "b": 1.0, "c": 2.0, "d": 3.0, "e": 4.0, "f": 5.0}
BY = {"next": 1.0, "like": 0.0, "new": -5.0}
QUIET = {"map": 0, "plots": False, "resamples": 20}


def ingested(folder, name="graph", train=TRAIN, test=TEST):
    (folder / name).mkdir(parents=True)
    for split, lines in (("train", train), ("valid", VALID), ("test", test)):
        text = "".join(line.replace(" ", "\t") + "\n" for line in lines)
        if lines:
            (folder / name / f"{split}.txt").write_text(text)
    api.ingest("linkprediction", [folder / name], folder / f"{name}-kb", name=name)
    return folder / f"{name}-kb"


def learned(kb, out, at=AT, by=BY, **changes):
    """Write vectors that lie on a line, as `kbtools embed` would."""
    eids = {one: eid for eid, one in enumerate(Kb(kb).table("entities")["id"].to_pylist())}
    rows = [name for name in reversed(eids) if name in at]  # rows have an order of their own
    numbers = np.array([[at[name], 0.0] for name in rows], np.float32)
    relations = Kb(kb).table("relations")["id"].to_pylist()
    shifts = np.array([[by[name], 0.0] for name in relations if name in by], np.float32)
    told = {**config.plain(Recipe(model="transe", dim=2)), **changes}
    vectors.write(
        out, [eids[name] for name in rows], numbers, kb=kb, relations={"relations": shifts}, settings=told
    )
    return out


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    learned(ingested(folder), folder / "vectors")
    return folder


def evaluated(world, data=None, made="vectors", kbs=(), **settings):
    asked = Settings(**{**QUIET, **settings})
    return Evaluation(world / made, data or world / "graph-kb", kbs=kbs, settings=asked)


def value(results, metric, system="filtered, realistic", by="", group=""):
    (found,) = [
        one
        for one in results.measures
        if (one.metric, one.system, one.by, one.group) == (metric, system, by, group)
    ]
    return found.value


def queries(results):
    return {
        (row["head"], row["relation"], row["tail"], row["asked"]): row
        for row in results.predictions.to_pylist()
    }


def test_ranks_by_hand(world):
    found = evaluated(world).run()
    rows = queries(found)
    ranks = {key: (row["rank filtered, realistic"], row["rank raw, realistic"]) for key, row in rows.items()}
    assert ranks == {
        ("a", "next", "c", "tail"): (1.5, 2.5),  # b is nearest, and known; then a, as near as c
        ("a", "next", "c", "head"): (1.5, 2.5),  # as here
        ("e", "next", "f", "tail"): (1.0, 1.0),
        ("e", "next", "f", "head"): (1.0, 1.0),
        ("f", "new", "a", "tail"): (1.0, 1.0),
        ("f", "new", "a", "head"): (1.0, 1.0),
    }
    assert value(found, "MRR") == pytest.approx((4 + 2 / 1.5) / 6)
    assert value(found, "MRR", "raw, realistic") == pytest.approx((4 + 2 / 2.5) / 6)
    assert value(found, "Hits@1") == pytest.approx(4 / 6)
    assert value(found, "Hits@1", "filtered, optimistic") == 1.0
    assert value(found, "MR", "filtered, pessimistic") == pytest.approx((4 + 2 * 2) / 6)
    chance = (4 * 7 + 2 * 6) / 2 / 6  # one answer of two queries is left out
    assert value(found, "AMRI") == pytest.approx(1 - (7 / 6 - 1) / (chance - 1))
    answers = rows["a", "next", "c", "tail"]["answers"]
    assert {answers[0]["id"], answers[1]["id"]} == {"a", "c"}
    assert [one["right"] for one in answers if one["id"] == "c"] == [True]
    assert "b" not in {one["id"] for one in answers}
    assert len(answers) == 5


def test_what_queries_are_told_apart_by(world):
    found = evaluated(world).run()
    groups = {(one.by, one.group): one.n for one in found.measures if one.by}
    assert groups == {
        ("what is asked for", "tail"): 3,
        ("what is asked for", "head"): 3,
        ("category", "1-1"): 4,
        ("category", "unseen"): 2,
        ("category and what is asked for", "1-1, tail"): 2,
        ("category and what is asked for", "1-1, head"): 2,
        ("category and what is asked for", "unseen, tail"): 1,
        ("category and what is asked for", "unseen, head"): 1,
        ("seen in training", "both entities"): 2,
        ("seen in training", "not the answer"): 1,  # of (f, new, ?) a is seen
        ("seen in training", "not the entity asked about"): 1,
        ("seen in training", "neither"): 2,
        ("relation", "next"): 4,
        ("relation", "new"): 2,
    }
    assert any("2 of 3 triples have an entity that training has not seen" in note for note in found.notes)
    assert "entities that training has not seen stay in" in found.title
    assert found.counts["candidates of each"] == 6


def test_filters_and_splits(world):
    raw = evaluated(world, filter="none").run()
    assert {one.system for one in raw.measures} == {"raw, realistic", "raw, optimistic", "raw, pessimistic"}
    assert value(raw, "MRR", "raw, realistic") == pytest.approx((4 + 2 / 2.5) / 6)
    assert "not filtered" in raw.title
    valid = evaluated(world, split="valid", filter="train+valid").run()
    assert valid.predictions.num_rows == 2
    assert value(valid, "MRR") == 1.0
    drawn = evaluated(world, triples=2).run()
    assert drawn.predictions.num_rows == 4
    few = evaluated(world, relations=1, top=0).run()
    assert {one.group for one in few.measures if one.by == "relation"} == {"next", "other relations"}


def test_triples_as_text(world, tmp_path):
    path = tmp_path / "some.tsv"
    path.write_bytes("\ufeffb\tnext\tc\r\n\nb\tnext\td\nx\tnext\tb\nb\tnone\tc\n".encode())
    found = evaluated(world, path).run()
    rows = queries(found)
    assert set(rows) == {("b", "next", one, side) for one in "cd" for side in ("tail", "head")}
    assert rows["b", "next", "d", "tail"]["known answers left out"] == 1  # c, of training and of the file
    assert found.counts["unknown ids"] == 2
    assert any("2 triples have an id that the knowledge base does not know" in note for note in found.notes)
    (tmp_path / "bad.tsv").write_text("a next b\n")
    with pytest.raises(SourceError, match=r"bad.tsv:1: 1 fields"):
        evaluated(world, tmp_path / "bad.tsv").run()
    with pytest.raises(SourceError, match="neither a knowledge base nor a file"):
        evaluated(world, tmp_path / "nothing")


def test_entities_without_vectors_are_counted(world, tmp_path):
    at = {name: place for name, place in AT.items() if name != "f"}
    learned(world / "graph-kb", tmp_path / "vectors", at)
    found = evaluated(tmp_path, world / "graph-kb").run()
    assert found.counts["left out: an entity without a vector"] == 2
    assert found.counts["triples ranked"] == 1
    assert any("2 triples have an entity without a vector" in note for note in found.notes)
    learned(world / "graph-kb", tmp_path / "fewer", {"a": 0.0})
    with pytest.raises(ArtefactError, match="3 have no vectors"):
        evaluated(tmp_path, world / "graph-kb", made="fewer").run()


def test_a_base_without_such_triples(tmp_path):
    kb = ingested(tmp_path, test=[])
    learned(kb, tmp_path / "vectors")
    with pytest.raises(
        ArtefactError, match="no triples of test to rank; it has some of valid: --split valid"
    ):
        evaluated(tmp_path, kb).run()


def test_vectors_of_something_else(world, tmp_path):
    other = ingested(tmp_path, "other", train=[*TRAIN, "z next a"])
    with pytest.raises(ArtefactError, match="vectors of 'graph'; their numbers mean other entities"):
        evaluated(world, other)
    vectors.write(tmp_path / "bare", [0, 1], np.ones((2, 2), np.float32), kb=other)
    with pytest.raises(ArtefactError, match="vectors of entities alone"):
        evaluated(tmp_path, other, made="bare")
    learned(other, tmp_path / "wide", {**AT, "z": 6.0}, model="rotate")
    with pytest.raises(ArtefactError, match=r"relations \[3, 2\], where its model has \[, 1\]"):
        evaluated(tmp_path, other, made="wide")
    learned(other, tmp_path / "told", {**AT, "z": 6.0}, model="rotate", width=4)
    with pytest.raises(ArtefactError, match="vectors of 2 numbers, where its model has 4"):
        evaluated(tmp_path, other, made="told")
    learned(other, tmp_path / "odd", {**AT, "z": 6.0}, model="protate")
    with pytest.raises(ArtefactError, match="modulus") as error:
        evaluated(tmp_path, other, made="odd")
    assert "\n" not in str(error.value)
    learned(other, tmp_path / "unknown", {**AT, "z": 6.0}, model="transf")
    with pytest.raises(KbError, match="did you mean 'transe'"):
        evaluated(tmp_path, other, made="unknown")


def test_trained_vectors_are_opened(world):
    found = Trained.open(world / "vectors")
    assert found.entities.rows == 6
    assert not found.scorer.training
    assert found.relations.shape == (3, 2)
    assert found.reciprocal is None
    assert found.row_of(found.eids).tolist() == list(range(6))


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"top": -1}, {"resamples": 0}, {"map": -1}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Settings(**wrong)


def run(*arguments):
    return CliRunner().invoke(main, ["eval", "linkprediction", *(str(argument) for argument in arguments)])


def test_a_report_to_look_at(world, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "report"
    done = run(
        "--vectors",
        world / "vectors",
        "--data",
        world / "graph-kb",
        "--out",
        out,
        "--resamples",
        20,
        "--quiet",
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(
        "Links of graph (test) by transe vectors, filtered by train, valid and test;"
    )
    assert {path.name for path in (out / "plots").iterdir()} == {
        "hits.svg",
        "category.svg",
        "seen.svg",
        "map.svg",
    }
    assert "tail of next" in (out / "plots" / "map.svg").read_text()
    assert pq.read_table(out / "predictions.parquet").num_rows == 6
    assert api.verify(out, deep=True).problems == []
    again = run("--vectors", world / "vectors", "--data", world / "graph-kb", "--out", tmp_path / "again",
                "--resamples", 20, "--memory", 1, "--json")  # fmt: skip
    document = json.loads(again.stdout)
    assert [one["kind"] for one in document["inputs"]] == ["vectors", "kb"]
    for path in out.rglob("*.*"):
        if path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(out)).read_bytes(), path.name


def test_an_overlay_that_was_learned_is_asked_for(tmp_path):
    kb = ingested(tmp_path)
    whole = artefact.read(kb)
    ref = artefact.KbRef(name="graph", content=whole.content, id_space=whole.id_space)
    rows = [{**tiny_kb.triple(0, 0, 2, 100), "split": None}]
    over = tiny_kb.write(tmp_path / "over", {"triples": rows}, name="over", base=ref)
    api_embed([kb, over], tmp_path / "v", model="transe", overrides=["dim=2", "epochs=1"], quiet=True)
    settings = config.build(Settings, dict(QUIET), where="test")
    alone = Evaluation(tmp_path / "v", kb, settings=settings).run()
    assert any(str(over) in note and "--kb" in note for note in alone.notes)
    both = Evaluation(tmp_path / "v", kb, kbs=[over], settings=settings).run()
    assert not any("--kb" in note for note in both.notes)
