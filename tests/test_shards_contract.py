"""What every layout, view and preset of shards does; a new file in their folders is tested by existing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kbtools import api, config, plugins
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.reader import Kb
from kbtools.shards import preset
from kbtools.shards.base import SPAN
from tests import shard_world, tiny_tokenizer
from tests.shard_world import CHINESE, ENGLISH, rows, shard

LAYOUTS = {name: plugins.load(preset.LAYOUTS, name).LAYOUT for name in plugins.names(preset.LAYOUTS)}
VIEWS = {name: plugins.load(preset.VIEWS, name).VIEW for name in plugins.names(preset.VIEWS)}
MADE = [(name, takes) for name in preset.PRESETS.names() for takes in preset.load(name).takes]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return shard_world.build(tmp_path_factory.mktemp("world"))


def source(world, takes):
    return {"corpus": world.linked, "kb": world.kb, "trees": world.trees}[takes]


@pytest.mark.parametrize("part", [*LAYOUTS.items(), *VIEWS.items()], ids=lambda part: part[0])
def test_a_part_tells_what_can_be_set(part):
    name, found = part
    settings: Any = found.settings
    assert settings.__dataclass_params__.frozen
    assert isinstance(config.build(settings, where=name), settings)  # nothing must be given
    assert all(one.help for one in config.describe(settings))
    package = preset.LAYOUTS if name in LAYOUTS and found is LAYOUTS[name] else preset.VIEWS
    assert plugins.summary(package, name)


@pytest.mark.parametrize(("name", "takes"), MADE)
def test_a_preset_names_what_there_is(name, takes):
    found = preset.load(name)
    assert found.about.endswith(".")
    chosen = preset.choose(found, takes)
    assert preset.rebuilt(chosen.plain()) == chosen


def test_every_layout_and_view_is_in_a_preset():
    parts = [getattr(preset.load(name), takes) for name, takes in MADE]
    assert {part.layout for part in parts} == set(LAYOUTS)
    assert {view for part in parts for view in part.views} == set(VIEWS)


@pytest.mark.parametrize(("name", "takes"), MADE)
def test_what_a_preset_makes_keeps_the_contract(world, tmp_path, name, takes):
    kbs = [world.kb, world.wordnet] if takes == "corpus" else []
    part = getattr(preset.load(name), takes)
    if name == "bert_wwm" or "units" in part.views:
        pytest.importorskip("jieba")
    given = world.wordnet if part.layout == "lexical" else source(world, takes)
    made = shard(world, tmp_path / "s", given, name, kbs=kbs)
    entities = {
        ref.name: Kb(path).rows("entities")
        for ref, path in zip(made.kbs, (world.kb, world.wordnet), strict=False)
    }
    size = made.notes["tokenizer"]["size"]
    for split in ("train", "dev", "test"):
        found = rows(tmp_path / "s", split)
        assert len(found) == (made.tables[split].rows if split in made.tables else 0)
        for row in found:
            keeps(row, size, entities)


@pytest.mark.parametrize("name", ["kbert", "kepler", "knowbert", "libert"])
def test_any_number_of_workers_makes_the_same(world, tmp_path, name):
    takes = preset.load(name).takes[-1]
    given = world.wordnet if name == "libert" else source(world, takes)
    made = [shard(world, tmp_path / str(n), given, name, workers=n).content for n in (1, 2)]
    assert made[0] == made[1]


def keeps(row, size, entities):
    """Check one example by what its columns are called."""
    ids = row.get("input_ids")
    if ids is None:
        return
    assert 0 < len(ids) <= 64
    assert all(0 <= one < size for one in ids)
    for name in ("word_start", "segment", "soft", "branch", "word", "heads"):
        assert len(row.get(name, ids)) == len(ids), name
    assert all(0 <= place < len(ids) for place in row.get("sentences", ()))
    for name, value in row.items():
        base = name.removeprefix("entities.").partition(".")[0] if name.startswith("entities.") else None
        if name.endswith(".spans"):
            assert all(0 <= start < end <= len(ids) for start, end in value), name
        elif base and name.endswith((".eids", ".types")):
            assert all(-2 <= eid < entities[base] for some in value for eid in some), name
        elif base and name.endswith((".gold", ".best")):
            assert all(-2 <= eid < entities[base] for eid in value), name
        if base:
            assert len(value) == len(row[f"entities.{base}.spans"]), name


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
@pytest.mark.parametrize("layout", [name for name, one in LAYOUTS.items() if one.takes == "corpus"])
def test_a_layout_takes_any_text(world, tmp_path, layout, text):
    made = shard(world, tmp_path / "s", text, "roberta", f"layout={layout}")
    for split in made.tables:
        for row in rows(tmp_path / "s", split) if split != "rejects" else []:
            keeps(row, made.notes["tokenizer"]["size"], {})


@pytest.mark.parametrize("layout", [name for name, one in LAYOUTS.items() if one.takes == "corpus"])
def test_no_document_is_in_two_splits(world, tmp_path, layout):
    shard(world, tmp_path / "s", ENGLISH, "roberta", f"layout={layout}")
    found = [
        {one["id"] for row in rows(tmp_path / "s", split) for one in row["documents"]}
        for split in ("train", "dev", "test")
    ]
    assert not (found[0] & found[1] | found[0] & found[2] | found[1] & found[2])


def test_spans_are_columns_of_one_kind():
    assert SPAN.value_type == "int32"
    assert SPAN.list_size == 2


def test_an_input_of_the_wrong_kind_is_refused(world, tmp_path):
    with pytest.raises(ConfigError, match="made from sentence trees, not from a knowledge base"):
        shard(world, tmp_path / "s", world.kb, "kbert")
    with pytest.raises(ArtefactError, match="an alias artefact"):
        shard(world, tmp_path / "s", world.alias, "roberta")
    with pytest.raises(ConfigError, match="layout triples: is made from a knowledge base"):
        shard(world, tmp_path / "s", ENGLISH, "roberta", "layout=triples")


def test_what_had_no_room_is_told(world, tmp_path):
    made = shard(
        world, tmp_path / "s", world.linked, "knowbert", "max_length=16", kbs=[world.kb, world.wordnet]
    )
    found = {
        len(row["input_ids"]) for split in ("train", "dev", "test") for row in rows(tmp_path / "s", split)
    }
    assert max(found) <= 16
    lost, all_of_them = made.counts["entities: spans without room"], made.counts["entities: spans"]
    assert 0 < lost < all_of_them
    assert made.notes["without room"]["entities"] == pytest.approx(lost / all_of_them, abs=1e-6)


def test_trees_of_another_tokenizer_are_refused_or_looked_up(world, tmp_path):
    other = tiny_tokenizer.path("wordpiece", 2000)
    with pytest.raises(ConfigError, match=r"made with another tokenizer, .*: give that, or tree.ids=tokens"):
        api.shard(world.trees, tmp_path / "s", model="kbert", tokenizer=other)
    how = ["tree.ids=tokens"]
    made = api.shard(world.trees, tmp_path / "s", model="kbert", tokenizer=other, overrides=how)
    assert made.tables["train"].rows > 100


def test_trees_that_the_tokenizer_does_not_know_are_told(world, tmp_path):
    trees = tmp_path / "trees"
    api.tree(ENGLISH, trees, kbs=[world.kb], alias=world.alias)  # words as they stand, capitals too
    made = api.shard(trees, tmp_path / "s", model="kbert", tokenizer=world.tokenizer)
    (told,) = made.notes["warnings"]
    assert re.search(r"does not have \d\d% of the tokens; make .*trees with `kbtools tree --tokenizer", told)
