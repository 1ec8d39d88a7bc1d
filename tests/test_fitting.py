"""A linker learns from gold and is opened again."""

from __future__ import annotations

import json
import random

import msgspec
import numpy as np
import pytest

from kbtools import artefact, linkers
from kbtools.artefact import digest
from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.io import tensors
from kbtools.linkers import calibration, preset
from kbtools.presets import to_toml
from tests import tiny_linking
from tests.tiny_linking import document, found, rows

TEXAS = "Q830149"  # the less usual meaning of Paris, and the right one here


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"))


def gold(count=20):
    """Paris is in Texas; NYC is gold, too; China is none of ours."""
    texts = ["Paris here, NYC there, and France.", "So Paris; then NYC, then France, and China ends."]
    links = [("Paris", TEXAS), ("NYC", "Q60")]
    return [
        document(texts[at % 2], *links, *([("China", None)] if at % 2 else []), id=f"d{at}", lang="en")
        for at in range(count)
    ]


@pytest.fixture(scope="module")
def fitted(alias, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    path = tiny_linking.corpus(folder, *gold())
    for model in ("logistic", "gradient"):
        linkers.fit(path, folder / model, alias=alias, linker="prior", model=model, ridge=0.1)
    return folder


@pytest.mark.parametrize("model", ["logistic", "gradient"])
def test_what_gold_says_is_learnt(alias, fitted, tmp_path, model):
    """The prior is wrong about Paris; France is never gold, China is of no knowledge base."""
    notes = artefact.read(fitted / model).notes
    assert notes["accuracy prior"][0] == 0.5
    assert notes["accuracy fitted"] == [1.0, 1.0, 1.0]
    assert (notes["folds"], notes["links of gold"], notes["of entities here"]) == (5, 50, 40)
    assert notes["accuracy with NIL"][0] == 1
    assert notes["F1 fitted"][0] > notes["F1 before"][0]
    path = tiny_linking.corpus(tmp_path, {"text": "Paris here, NYC there."}, {"text": "Nothing."})
    linkers.link(path, tmp_path / "linked", alias=alias, linker=str(fitted / model))
    told = rows(tmp_path / "linked")
    assert found(told[0], 0) == [("Paris", 1), ("NYC", 4)]
    assert told[1]["mentions"] == []
    paris = told[0]["mentions"][0]
    assert sum(one["p"] for one in paris["candidates"]) + paris["nil"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("model", ["logistic", "gradient"])
def test_the_same_gold_gives_the_same_bytes(alias, fitted, tmp_path, model):
    path = tiny_linking.corpus(tmp_path, *gold())
    again = linkers.fit(path, tmp_path / "again", alias=alias, linker="prior", model=model, ridge=0.1)
    assert again.content == artefact.read(fitted / model).content
    other = linkers.fit(path, tmp_path / "other", alias=alias, linker="prior", model=model, seed=1, ridge=0.1)
    assert other.plan != again.plan


def test_the_folder_is_as_the_contract_says(alias, fitted):
    made = artefact.read(fitted / "logistic", "linker")
    assert sorted(file.name for file in (fitted / "logistic").iterdir()) == [
        "calibration.json", "linker.toml", "manifest.json", "weights.safetensors",
    ]  # fmt: skip
    assert {"corpus", "alias", "kb"} <= {one.kind for one in made.inputs}
    assert [ref.name for ref in made.kbs] == ["places", "senses"]
    assert made.licences == artefact.read(alias).licences
    told = preset.load(str(fitted / "logistic" / "linker.toml"))
    assert (told.ranking["rule"], told.mentions) == ("fitted", {"dictionary": {}})
    assert told.nil.total == pytest.approx(made.notes["threshold"])
    text = (fitted / "logistic" / "calibration.json").read_text()
    assert calibration.from_json(text, "x")


def test_every_preset_is_written_as_it_is_read(tmp_path):
    path = tmp_path / "x.toml"
    for name in preset.PRESETS.names():
        path.write_text(to_toml(preset.load(name)), encoding="utf-8")
        assert preset.load(str(path)) == preset.load(name)


def test_given_mentions_alone(alias, tmp_path):
    """A linker that finds nothing by itself learns from what is given, and has no threshold."""
    path = tiny_linking.corpus(tmp_path, *gold())
    (tmp_path / "given.toml").write_text("[mentions.given]\n")
    made = linkers.fit(path, tmp_path / "out", alias=alias, linker=str(tmp_path / "given.toml"))
    assert made.notes["accuracy fitted"][0] == 1
    assert not {"threshold", "F1 fitted"} & made.notes.keys()


def test_gold_may_be_linked_documents(alias, tmp_path):
    path = tiny_linking.corpus(tmp_path, *gold())
    linkers.link(path, tmp_path / "linked", alias=alias, linker="gold")
    made = linkers.fit(tmp_path / "linked", tmp_path / "out", alias=alias, linker="prior")
    assert made.notes["accuracy fitted"][0] == 1
    assert made.notes["of entities here"] == 40


def test_a_fitted_linker_can_be_fitted_again(alias, fitted, tmp_path):
    path = tiny_linking.corpus(tmp_path, *gold())
    made = linkers.fit(path, tmp_path / "out", alias=alias, linker=str(fitted / "gradient"))
    assert made.notes["accuracy before"][0] == 1
    assert "linker" in {one.kind for one in made.inputs}


def test_answers_are_of_models_that_have_not_seen_the_document(alias, tmp_path):
    """One document says otherwise than all others: the others decide."""
    odd = document("Paris here, NYC there, and France.", ("Paris", "Q90"), ("NYC", "Q60"), id="odd")
    path = tiny_linking.corpus(tmp_path, *gold(), odd)
    crossed = linkers.cross_validated(path, alias=alias, linker="prior", settings={"folds": 21})
    assert sorted(crossed.fold.tolist()) == list(range(21))
    seen, p = crossed.given.seen, crossed.given.ranked.p
    [at] = np.flatnonzero((seen.mentions.text == 20) & (seen.mentions.start == 0))
    low, high = seen.mentions.offsets[at : at + 2]
    assert seen.mentions.eid[low:high][np.argmax(p[low:high])] == 1
    assert seen.right[low:high].tolist() == [True, False]
    assert crossed.documents[20] == "odd"
    answers = crossed.given.answers()
    assert (answers.eid[at], answers.right[at], answers.meant[at]) == (1, False, True)
    assert answers.right[answers.meant & (answers.text < 20)].all()
    assert answers.p[at] == max(p[low:high])


def test_chances_are_nearer_to_what_is_so_when_calibrated(alias, tmp_path):
    """A ridge so strong that the model dares say little: it is far too unsure."""
    path = tiny_linking.corpus(tmp_path, *gold(60))
    made = linkers.fit(path, tmp_path / "out", alias=alias, linker="prior", ridge=100.0)
    assert made.notes["ECE after calibration"] < made.notes["ECE before calibration"] / 2


def test_names_outside_of_gold_are_not_always_mistakes(alias, tmp_path):
    path = tiny_linking.corpus(tmp_path, *gold())
    made = linkers.fit(path, tmp_path / "out", alias=alias, linker="prior", negatives=False)
    assert "threshold" not in made.notes
    anchors = random.Random(0).sample(gold(), 20)
    for one in anchors:
        for mention in one["mentions"]:
            mention["kind"] = "anchor"
    path = tiny_linking.corpus(tmp_path, *anchors)
    made = linkers.fit(path, tmp_path / "out", alias=alias, linker="prior", overwrite=True)
    assert "threshold" not in made.notes


def test_no_more_gold_is_read_than_asked_for(alias, tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus.base.ROWS", 4)
    path = tiny_linking.corpus(tmp_path, *gold(40))
    made = linkers.fit(path, tmp_path / "out", alias=alias, linker="prior", most=10)
    assert (made.counts["gold"], made.counts["documents"]) == (10, 4)
    assert "first 4" in made.notes["not looked at"]
    assert "not looked at: documents after the first 4" in linkers.fit_summary(made, tmp_path / "out")


NIL = [document("Paris is nowhere.", ("Paris", None)), document("France, too.", ("France", None))]
FOREIGN = [document("Paris.", ("Paris", "geo:2988507")), document("France.", ("France", "geo:3017382"))]
UNNAMED = [document("Lutetia.", ("Lutetia", "Q90")), document("Gallia.", ("Gallia", "Q142"))]


@pytest.mark.parametrize(
    ("documents", "options", "what"),
    [
        ([{"text": "Paris"}, {"text": "France"}], {}, "no gold"),
        (gold(), {"kinds": ("user",)}, "no gold"),
        (NIL, {}, "gold of another knowledge base"),
        (FOREIGN, {}, "none of its 2 links of gold names an entity of places, senses"),
        (UNNAMED, {}, "nothing can be learnt"),
        (gold(1), {}, "one document alone"),
        (gold(), {"kinds": ("golden",)}, "no kind 'golden'"),
        (gold(), {"folds": 1}, "folds is 1"),
        (gold(), {"ridge": 0.0}, "ridge is above 0"),
        (gold(), {"model": "logistics"}, "did you mean 'logistic'"),
        (gold(), {"fold": 3}, "did you mean 'folds'"),
        (gold(), {"linker": "type"}, "kbtools index"),
        (gold(), {"linker": "priors"}, "did you mean 'prior'"),
        (gold(), {"alias": None}, "--alias is missing"),
        (gold(), {"out": None}, "--out is missing"),
    ],
)
def test_what_cannot_be_fitted_is_told_in_one_line(alias, tmp_path, documents, options, what):
    path = tiny_linking.corpus(tmp_path, *documents)
    asked = {"out": tmp_path / "out", "alias": alias, "linker": "prior", **options}
    with pytest.raises(KbError) as error:
        linkers.fit(path, **asked)
    assert what in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("out*"))  # nothing is in the way of another try


def spoilt(fitted, folder, name, change):
    """Copy a fitted linker with one file changed, the manifest fitting it."""
    out = folder / "spoilt"
    out.mkdir()
    for file in (fitted / "logistic").iterdir():
        (out / file.name).write_bytes(change(file.read_bytes()) if file.name == name else file.read_bytes())
    return out


def rewritten(change):
    """Change the arrays and the words of a file of weights."""

    def apply(data):
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        words = header.pop("__metadata__")
        arrays = {}
        for name, one in header.items():
            low, high = (8 + length + at for at in one["data_offsets"])
            arrays[name] = np.frombuffer(data[low:high], tensors.KINDS[one["dtype"]]).reshape(one["shape"])
        return tensors.encode(*change(arrays, words))

    return apply


FAULTS = [
    ("weights.safetensors", lambda data: data[:20], "damaged"),
    (
        "weights.safetensors",
        rewritten(lambda a, w: ({**a, "nil.weight": a["nil.weight"] * np.nan}, w)),
        "num",
    ),
    ("weights.safetensors", rewritten(lambda a, w: (a, {**w, "model": "forest"})), "no model 'forest'"),
    ("weights.safetensors", rewritten(lambda a, w: (a, {"model": "logistic"})), "what its weights are for"),
    ("weights.safetensors", rewritten(lambda a, w: (a, {**w, "nil": "3"})), "what its weights are for"),
    ("weights.safetensors", rewritten(lambda a, w: (a, {**w, "nil": '["x"]'})), "numbers"),
    ("calibration.json", lambda _: b"{}", "calibration"),
    ("calibration.json", lambda _: b"\xff", "cannot be read"),
    ("linker.toml", lambda _: b"= 3", "TOML"),
    ("linker.toml", lambda data: data + b"\n[features.string]\n", "fitted without"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[2])
def test_a_damaged_linker_is_told_in_one_line(alias, fitted, tmp_path, fault):
    *which, what = fault
    path = tiny_linking.corpus(tmp_path, {"text": "Paris"})
    with pytest.raises(KbError) as error:
        linkers.link(path, tmp_path / "out", alias=alias, linker=str(spoilt(fitted, tmp_path, *which)))
    assert what in str(error.value)
    assert "\n" not in str(error.value)


def test_what_a_profile_knows_is_learnt_from_as_well(alias, tmp_path):
    path = tiny_linking.corpus(tmp_path, *gold())
    bases = [alias.parent / "places", alias.parent / "senses"]
    linkers.build_index(bases, tmp_path / "profile", kind="profile")
    asked = {"alias": alias, "indexes": [tmp_path / "profile"]}
    made = linkers.fit(path, tmp_path / "out", **asked, linker="prior")
    assert made.notes["accuracy fitted"][0] == 1
    assert "index" in {one.kind for one in made.inputs}
    linkers.link(path, tmp_path / "linked", **asked, linker=str(tmp_path / "out"))
    with pytest.raises(ArtefactError, match="add --index PROFILE"):
        linkers.link(path, tmp_path / "x", alias=alias, linker=str(tmp_path / "out"))


def test_a_linker_with_other_features_than_it_was_fitted_with_is_refused(alias, fitted, tmp_path):
    path = tiny_linking.corpus(tmp_path, {"text": "Paris"})
    asked = {"alias": alias, "linker": str(fitted / "logistic")}
    with pytest.raises(ArtefactError, match="fitted without 'feature string'"):
        linkers.link(path, tmp_path / "out", **asked, overrides=["features.string={}"])
    linkers.link(path, tmp_path / "out", **asked, overrides=["ranking.calibrated=false"])
    with pytest.raises(ConfigError, match="--with LINKER"):
        linkers.link(path, tmp_path / "x", alias=alias, linker=str(fitted / "logistic" / "linker.toml"))


def test_nothing_of_it_is_read_when_it_is_verified(fitted):
    made = artefact.read(fitted / "gradient")
    for table in made.tables.values():
        for file in table.files:
            assert digest.of_file(fitted / "gradient" / file.path) == file.digest
    assert msgspec.json.decode(msgspec.json.encode(made.notes)) == made.notes
