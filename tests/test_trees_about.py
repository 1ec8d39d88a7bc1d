"""What trees are, whether they are sound, what changed between two folders of them."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kbtools import api, artefact
from kbtools.artefact import Table
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.schema_digest import schema_digest
from kbtools.trees.about.overview import bars
from kbtools.trees.schema import TREES
from tests import grown_trees

COOK: dict[str, Any] = {
    "sentence_id": "cook",
    "doc_id": "d",
    "text": "Tim Cook is visiting Beijing now",
    "tokens": [
        *("[CLS]", "Tim", "Cook", "CEO", "Apple", "is", "visiting"),
        *("Beijing", "capital", "China", "is_a", "City", "now"),
    ],
    "input_ids": None,
    "segment": [0] * 13,
    "soft": [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6, 7, 6],
    "branch": [0, 0, 0, 1, 1, 0, 0, 0, 2, 2, 3, 3, 0],
    "word": [0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 5, 5, 6],
    "label": "news",
    "labels": None,
    "lost_trunk": 0,
}
WALK = COOK | {
    "sentence_id": "walk", "text": "Tim ##s", "tokens": ["[CLS]", "Tim", "##s"], "segment": [0] * 3,
    "soft": [0, 1, 2], "branch": [0] * 3, "word": [0, 1, 1], "label": None, "lost_trunk": 4,
}  # fmt: skip


def write(out: Path, rows: list[Any], **settings) -> Path:
    with artefact.Staging(out, f"trees {out.name}") as staging:
        staging.new.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, TREES), staging.new / "trees.parquet")
        files = [artefact.entry(staging.new, "trees.parquet")]
        tables = {"trees": Table(rows=len(rows), files=files, schema=schema_digest(TREES))}
        staging.commit(artefact.begin("trees", settings=settings, tables=tables))
    return out


def inspect(path, **options) -> Any:
    return api.inspect(path, **options)


def diff(old, new, **options) -> Any:
    return api.diff(old, new, **options)


def changed(row=COOK, /, **places):
    """A row with single members of its lists changed."""
    found = copy.deepcopy(row)
    for name, changes in places.items():
        for at, value in changes.items():
            found[name][at] = value
    return found


def problems(tmp_path, *rows, **settings):
    return api.verify(write(tmp_path / "trees", list(rows), **settings), deep=True).problems


def test_what_is_grown_is_sound(tmp_path):
    base = grown_trees.kb(tmp_path, [("北京", "首都", "中国"), ("北京", "是", "城市"), ("猫", "吃", "鱼")])
    for policy, length in (("trunk-first", 256), ("trunk-first", 9), ("reference", 9)):
        grown_trees.grow(tmp_path, "北京了\n我在北京和北京\n无\n", base, policy=policy, max_length=length)
        assert api.verify(tmp_path / "trees", deep=True).problems == []


def test_sound_by_hand(tmp_path):
    labelled = COOK | {
        "labels": [None if branch else "O" for branch in COOK["branch"]],
        "input_ids": [5] * 13,
    }
    empty = COOK | {name: [] for name in ("tokens", "segment", "soft", "branch", "word")}
    second = changed(segment={12: 1})
    assert problems(tmp_path, COOK, WALK, labelled, empty, second, max_length=13) == []


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (COOK | {"soft": [0]}, "whose lists are not of one length"),
        (COOK | {"labels": ["O"]}, "whose lists are not of one length"),
        (changed(soft={4: 5}), "whose soft positions do not count on from its word"),
        (changed(soft={3: 4, 4: 5}), "whose soft positions do not count on from its word"),
        (changed(soft={12: 8}), "whose trunk does not count 0, 1, 2 …"),
        (changed(branch={10: 5, 11: 5}), "whose branches are not numbered 1, 2, 3 …"),
        (changed(branch={9: 3}), "whose soft positions do not count on from its word"),
        (changed(branch={5: -1}), "whose branches are not numbered 1, 2, 3 …"),
        (changed(branch={0: 1}), "a branch that does not stand behind its word"),
        (changed(word={3: 1, 4: 1}), "a branch that does not stand behind its word"),
        (changed(word={12: 8}), "whose words are not numbered 0, 1, 2 …"),
        (changed(word={0: 1}), "whose words are not numbered 0, 1, 2 …"),
        (changed(word={5: 2}), "with a branch inside of its word"),
        (changed(segment={3: 1}), "whose segments do not follow each other"),
        (changed(segment={1: 1}), "whose segments do not follow each other"),
        (changed(segment={12: 2}), "with a segment that is not 0 or 1"),
        (COOK | {"labels": ["O"] * 13}, "with a label on a branch"),
        (COOK | {"input_ids": [-1] * 13}, "with an id of a token below 0"),
        (changed(tokens={3: None}), "with a token that is null"),
    ],
    ids=range(19),
)
def test_what_is_wrong_is_found(tmp_path, wrong, what):
    found = problems(tmp_path, WALK, wrong | {"sentence_id": "bad"}, COOK)
    assert any(what in one and "'bad'" in one for one in found), found
    assert all("'bad'" in one and "1 sentence " in one for one in found)


def test_longer_than_allowed(tmp_path):
    (one,) = problems(tmp_path, COOK, WALK, max_length=12)
    assert one == "trees: 1 sentence with more tokens than max_length, which is 12, such as 'cook'"


def test_the_overview_counts(tmp_path):
    found = inspect(write(tmp_path / "trees", [WALK, COOK, COOK]), rows=1)
    told = (found.sentences, found.trunk, found.inside, found.branches, found.cut, found.lost)
    assert told == (3, 17, 12, 6, 1, 4)
    assert [(one.low, one.sentences) for one in found.per_sentence] == [(0, 1), (3, 2)]
    assert [(one.text, one.count) for one in found.often] == [
        ("CEO Apple", 2),
        ("capital China", 2),
        ("is_a City", 2),
    ]
    assert [one.sentence_id for one in found.first] == ["cook"]  # the first that has branches
    assert [one.sentence_id for one in inspect(tmp_path / "trees", rows=9).first] == [
        "walk",
        "cook",
        "cook",
    ]


def test_relations_are_counted_as_trees_grow(tmp_path):
    base = grown_trees.kb(
        tmp_path, [("北京", "首都", "中国"), ("北京", "是", "城市"), ("猫", "吃", "鱼"), ("狗", "吃", "肉")]
    )
    grown_trees.grow(tmp_path, "北京的北京\n猫和狗\n大猫大猫大猫\n", base, least=1)
    found = inspect(tmp_path / "trees", top=2)
    assert [(one.text, one.count) for one in found.relations_used] == [("吃", 5), ("是", 2)]
    assert found.branches == 9


def test_words_of_branches_are_whole(tmp_path):
    pieces = COOK | {
        "tokens": [("##" if at in {4, 9} else "") + one for at, one in enumerate(COOK["tokens"])]
    }
    bpe = COOK | {"tokens": ["Ġ" * (at in {3, 8, 9}) + one for at, one in enumerate(COOK["tokens"])]}
    assert "CEOApple" in [one.text for one in inspect(write(tmp_path / "a", [pieces])).often]
    told = [one.text for one in inspect(write(tmp_path / "b", [bpe])).often]
    assert told == ["CEOApple", "capital China", "is_aCity"]


def test_rows_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ArtefactError, match="verify --deep"):
        inspect(write(tmp_path / "trees", [COOK | {"soft": [0]}]))


def test_bars_hold_everything_once():
    counts = Counter({3: 2, 17: 1, 211: 5})
    found = bars(counts, 10)
    assert sum(one.sentences for one in found) == 8
    assert all(one.high - one.low == 49 for one in found)
    assert [one.low for one in found] == [0, 50, 100, 150, 200]
    assert bars(Counter(), 10) == []


def test_inspect_draws(tmp_path):
    done = CliRunner().invoke(
        main, ["inspect", str(write(tmp_path / "trees", [COOK]))], env={"COLUMNS": "70"}
    )
    assert done.exit_code == 0, done.output
    assert "    [CLS]  Tim  Cook  is  visiting  Beijing  now" in done.stdout.splitlines()
    assert "  cook  Tim Cook is visiting Beijing now  → news" in done.stdout.splitlines()


def test_what_changed(tmp_path):
    fewer = {
        "tokens": [*COOK["tokens"][:9], "Japan", "now"], "segment": [0] * 11,
        "soft": [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6], "branch": [0, 0, 0, 1, 1, 0, 0, 0, 2, 2, 0],
        "word": [0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 6],
    }  # fmt: skip
    split = {"tokens": ["[CLS]", "T", "##ims"]}
    old = write(tmp_path / "old", [COOK, COOK, WALK, WALK | {"sentence_id": "gone"}], max_length=64)
    new = write(
        tmp_path / "new",
        [COOK, COOK | fewer, WALK | split, WALK | {"sentence_id": "new"}],
        max_length=32,
    )
    found = diff(old, new)
    assert (found.added.examples, found.vanished.examples) == (["new"], ["gone"])
    assert (found.reworded.count, found.retokenised.examples, found.regrown.examples) == (
        0,
        ["walk"],
        ["cook"],
    )
    assert (found.kept, found.lost, found.gained) == (4, 2, 1)
    turns = {one.text: (one.lost, one.gained) for one in found.turns}
    assert turns == {"capital China": (1, 0), "is_a City": (1, 0), "capital Japan": (0, 1)}
    assert found.settings == {"max_length": (64, 32)}
    shown = CliRunner().invoke(main, ["diff", str(old), str(new)]).stdout
    assert "branches: 2 lost, 1 gained, 4 in both" in shown
    assert diff(old, old).same
    assert diff(old, write(tmp_path / "third", [COOK | {"label": "x"}])).reworded.count == 1


def test_labels_are_compared(tmp_path):
    tagged = WALK | {"labels": ["O", "B", None]}
    found = diff(write(tmp_path / "a", [tagged]), write(tmp_path / "b", [WALK]))
    assert found.reworded.count == 1


def test_a_knowledge_base_says_nothing_here(tmp_path):
    one = write(tmp_path / "trees", [COOK])
    with pytest.raises(ConfigError, match="--kb"):
        inspect(one, kbs=["kb"])
    with pytest.raises(ConfigError, match="--kb"):
        diff(one, one, kbs=["kb"])
