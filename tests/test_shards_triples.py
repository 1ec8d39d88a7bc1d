"""Triples as examples: which, in which split, and the tables beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kbtools import config
from kbtools.errors import ConfigError
from kbtools.kb import statements
from kbtools.kb.reader import gather
from kbtools.shards.base import Here
from kbtools.shards.layouts.triples import LAYOUT, Settings
from tests import tiny_kb
from tests.layout_tokens import read, tokenizer
from tests.tiny_kb import triple

WORDS = [
    "a",
    "capital",
    "city",
    "in",
    "germany",
    "berlin",
    "human",
    "the",
    "whole",
    "of",
    "space",
    "and",
    "time",
    "柏",
    "林",
    "universe",
    "is",
    "德",
    "国",
    "首",
    "都",
]


def opened(folder: Path, kbs: Sequence[Path], **more: Any) -> Here:
    folder.mkdir(exist_ok=True)
    bases = dict(enumerate(gather(kbs)))
    return Here(tokenizer=tokenizer(folder, WORDS), max_length=16, bases=bases, folder=folder, **more)


def made(here: Here, *overrides: str) -> list[tuple[int, int, int, str]]:
    settings = config.build(Settings, where="triples", overrides=overrides)
    parts = LAYOUT.parts([], settings, here)
    found = []
    for one in (one for part in parts for one in LAYOUT.examples(part, settings, here)):
        assert one.batch.schema == LAYOUT.schema(settings, here)
        assert len(one.key) == one.batch.num_rows == len(one.split) == len(one.tokens)
        rows = zip(*one.batch.to_pydict().values(), one.split.tolist(), strict=True)
        found += [(*row[:3], ("train", "dev", "test")[row[3]]) for row in rows]
    return found


def table(here: Here, name: str, *overrides: str) -> list[dict[str, Any]]:
    settings = config.build(Settings, where="triples", overrides=overrides)
    LAYOUT.parts([], settings, here)
    parts = [part for one, part in LAYOUT.table_parts(settings, here) if one == name]
    batches = [batch for part in parts for batch in LAYOUT.rows(name, part, settings, here)]
    found: list[dict[str, Any]] = pa.Table.from_batches(
        batches, LAYOUT.tables(settings, here)[name]
    ).to_pylist()
    return found


@pytest.fixture
def world(tmp_path: Path) -> Path:
    tables = tiny_kb.world()
    tables["descriptions"] = [
        {"eid": 2, "lang": "en", "kind": "abstract", "text": "Space.", "source": "x"},
        {"eid": 2, "lang": "en", "kind": "gloss", "text": "The whole of space and time", "source": "x"},
        {
            "eid": 3,
            "lang": "en",
            "kind": "gloss",
            "text": "Berlin is a capital city in Germany",
            "source": "x",
        },
        {"eid": 3, "lang": "zh", "kind": "gloss", "text": "柏林 is 德国的首都和最大的城市", "source": "x"},
    ]
    return tiny_kb.write(tmp_path / "kb", tables)


def test_best_statements_once(tmp_path: Path, world: Path) -> None:
    here = opened(tmp_path / "w", [world], shares=(1.0, 0.0, 0.0))
    assert made(here) == [(1, 0, 0, "train"), (3, 0, 5, "train"), (3, 1, 4, "train")]
    assert here.counts["triples of other ranks"] == 2
    assert made(here, "rank=all") == [
        (1, 0, 0, "train"),
        (1, 1, 4, "train"),
        (3, 0, 5, "train"),
        (3, 1, 4, "train"),
    ]
    assert (1, 1, 4, "train") not in made(here, "rank=normal")


def test_relations(tmp_path: Path, world: Path) -> None:
    here = opened(tmp_path / "w", [world], shares=(0.0, 0.0, 1.0))
    assert made(here, "relations=P17") == [(3, 1, 4, "test")]
    assert made(here, "deny=P17") == [(1, 0, 0, "test"), (3, 0, 5, "test")]
    with pytest.raises(ConfigError, match=r"no relation 'P18'; there are P31, P17, P569$"):
        made(here, "deny=P18")


def test_degrees(tmp_path: Path, world: Path) -> None:
    """In the world's table Q5, Berlin and Germany have 2, Douglas Adams 3, city 1."""
    here = opened(tmp_path / "w", [world], shares=(1.0, 0.0, 0.0))
    assert made(here, "min_degree=2") == [(1, 0, 0, "train"), (3, 1, 4, "train")]
    assert here.counts["triples of rare entities"] == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("facts.tsv", "Q64\tP17\tQ183\nQ5\tP31\tQ1\nQ64\tP17\tQ_gone\n"),
        ("facts.json", '{"P17": [{"tokens": [], "h": ["b", "Q64", [[0]]], "t": ["g", "Q183", [[1]]]}]}'),
        ("facts.jsonl", '{"sub_uri": "Q64", "predicate_id": "P17", "obj_uri": "Q183", "uuid": 1}\n'),
    ],
)
def test_facts_kept_for_tests(tmp_path: Path, world: Path, name: str, text: str) -> None:
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / name).write_text(text)
    here = opened(tmp_path / "w", [world], shares=(1.0, 0.0, 0.0))
    for path in (tmp_path / "facts" / name, tmp_path / "facts"):
        assert made(here, f"without={path}") == [(1, 0, 0, "train"), (3, 0, 5, "train")]
    assert here.counts["triples kept for tests"] == 2


def test_facts_of_a_pair(tmp_path: Path, world: Path) -> None:
    """By fact another relation stays; by pair nothing does, not the way back either."""
    (tmp_path / "facts.tsv").write_text("Q5\tP17\tQ999\n")
    here = opened(tmp_path / "w", [world], shares=(1.0, 0.0, 0.0))
    assert (1, 0, 0, "train") in made(here, f"without={tmp_path}/facts.tsv")
    assert (1, 0, 0, "train") not in made(here, f"without={tmp_path}/facts.tsv", "without_by=pair")


def test_bad_facts(tmp_path: Path, world: Path) -> None:
    here = opened(tmp_path / "w", [world])
    (tmp_path / "bad.tsv").write_text("Q64\tP17\tQ183\nQ64 P17\n")
    with pytest.raises(ConfigError, match=r"bad.tsv:2: a fact is head, relation, tail"):
        made(here, f"without={tmp_path}/bad.tsv")
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(ConfigError, match="not in the shape of FewRel"):
        made(here, f"without={tmp_path}/bad.json")
    with pytest.raises(ConfigError, match="no such file"):
        made(here, f"without={tmp_path}/gone")


def test_splits_as_the_knowledge_base_says(tmp_path: Path) -> None:
    tables = tiny_kb.world()
    said = ["train", "test", None, "valid", "test"]
    tables["triples"] = [
        one | {"best": True, "split": split} for one, split in zip(tables["triples"], said, strict=True)
    ]
    here = opened(tmp_path / "w", [tiny_kb.write(tmp_path / "kb", tables)], shares=(1.0, 0.0, 0.0))
    # the first two rows are one triple: what is kept apart anywhere is not trained on
    assert made(here) == [(1, 0, 0, "test"), (1, 1, 4, "train"), (3, 0, 5, "dev"), (3, 1, 4, "test")]
    assert {row[3] for row in made(here, "split=head")} == {"train"}


def grid(folder: Path, entities: int, triples: list[tuple[int, int, int]], files: int = 1) -> Path:
    tables = {
        "entities": [tiny_kb.entity(n, f"Q{n}", None) for n in range(entities)],
        "relations": [{"rid": n, "id": f"P{n}"} for n in range(3)],
        "triples": [triple(*one, number) for number, one in enumerate(sorted(triples))],
    }
    return tiny_kb.write(folder, tables, files=files)


def test_entities_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    triples = [tuple(row) for row in rng.integers(0, [200, 3, 200], (3000, 3)).tolist()]
    here = opened(tmp_path / "w", [grid(tmp_path / "kb", 200, triples)], shares=(0.5, 0.25, 0.25))
    found = made(here, "split=entities")
    ends = [
        {end for row in found if row[3] == split for end in (row[0], row[2])}
        for split in ("train", "dev", "test")
    ]
    assert all(ends)
    assert not ends[0] & ends[1] | ends[0] & ends[2] | ends[1] & ends[2]
    assert here.counts["triples between splits"] == len(set(triples)) - len(found)
    by_head = made(here, "split=head")
    assert len(by_head) == len(set(triples))
    assert len({(row[0], row[3]) for row in by_head}) == len({row[0] for row in by_head})


@pytest.mark.parametrize("files", [1, 2, 5, 30])
@pytest.mark.parametrize("rows", [1, 7, 1 << 20])
def test_parts_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, rows: int) -> None:
    """A triple that was stated often may fill whole row groups: it still comes once."""
    monkeypatch.setattr(statements, "ROWS", rows)
    triples = [(n, n % 3, 5) for n in range(10)] + [(4, 1, 5)] * 20 + [(4, 1, 6)] * 3 + [(9, 2, 9)] * 4
    here = opened(tmp_path / "w", [grid(tmp_path / "kb", 10, triples, files)], shares=(1.0, 0.0, 0.0))
    assert made(here) == [(*one, "train") for one in sorted(set(triples))]


def test_keys_do_not_depend_on_parts(tmp_path: Path) -> None:
    triples = [(n, n % 3, n % 7) for n in range(50)]
    keys = []
    for files in (1, 6):
        here = opened(tmp_path / f"w{files}", [grid(tmp_path / f"kb{files}", 50, triples, files)], seed=3)
        settings = Settings()
        parts = LAYOUT.parts([], settings, here)
        keys.append(
            np.concatenate([one.key for part in parts for one in LAYOUT.examples(part, settings, here)])
        )
    assert (keys[0] == keys[1]).all()
    assert len(np.unique(keys[0])) == 50


def test_descriptions(tmp_path: Path, world: Path) -> None:
    """The best that is long enough, or the name; nothing for what is in no triple."""
    here = opened(tmp_path / "w", [world])
    found = table(here, "entities", "langs=en", "length=8", "isolated=true")
    assert [row["eid"] for row in found] == [0, 1, 2, 3, 4, 5]
    words = [read(here.tokenizer, row["input_ids"]) for row in found]
    assert words[0] == "[CLS] human [SEP]"
    assert words[2:4] == [
        "[CLS] the whole of space and time [SEP]",
        "[CLS] berlin is a capital city in [SEP]",
    ]
    assert words[5] is None
    assert here.counts["entities without words"] == 1
    assert table(here, "entities")[2]["input_ids"] is None  # the universe is in no triple


def test_descriptions_in_another_language(tmp_path: Path, world: Path) -> None:
    here = opened(tmp_path / "w", [world])
    found = table(here, "entities", "langs=zh,en", "kinds=gloss")
    assert (
        read(here.tokenizer, found[3]["input_ids"])
        == "[CLS] 柏 林 is 德 国 [UNK] 首 都 [UNK] [UNK] [UNK] [UNK] [UNK] [UNK] [SEP]"
    )
    assert here.counts["entities by name alone"] == 3
    assert (
        read(here.tokenizer, table(here, "entities", "langs=zh", "min_words=30")[3]["input_ids"])
        == "[CLS] 柏 林 [SEP]"
    )


def test_only_described_entities(tmp_path: Path, world: Path) -> None:
    here = opened(tmp_path / "w", [world], shares=(1.0, 0.0, 0.0))
    assert made(here, "need_description=true") == []
    assert here.counts["triples without descriptions"] == 3


def test_relations_table(tmp_path: Path, world: Path) -> None:
    here = opened(tmp_path / "w", [world])
    found = table(here, "relations", "relation_length=5")
    assert [(row["rid"], row["id"]) for row in found] == [(0, "P31"), (1, "P17"), (2, "P569")]
    assert all(len(row["input_ids"]) <= 5 for row in found)
    assert all(row["input_ids"] is None for row in table(here, "relations", "texts=false"))


def test_graph_is_of_training_triples_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kbtools.shards.layouts.triples.SIZES", {"entities": 3, "graph": 17})
    monkeypatch.setattr("kbtools.shards.layouts._graph.AT_ONCE", 4)
    rng = np.random.default_rng(2)
    triples = [tuple(row) for row in rng.integers(0, [40, 3, 40], (300, 3)).tolist()]
    here = opened(tmp_path / "w", [grid(tmp_path / "kb", 40, triples, 3)], shares=(0.6, 0.2, 0.2))
    train = [row[:3] for row in made(here) if row[3] == "train"]
    assert 0 < len(train) < len(set(triples))
    found = table(here, "graph", "graph=true")
    assert [row["eid"] for row in found] == list(range(40))
    for row in found:
        out = sorted((r, t) for h, r, t in train if h == row["eid"])
        into = sorted((r, h) for h, r, t in train if t == row["eid"])
        assert list(zip(row["out_relations"], row["out_tails"], strict=True)) == out
        assert list(zip(row["in_relations"], row["in_heads"], strict=True)) == into


def test_one_knowledge_base_at_a_time(tmp_path: Path, world: Path) -> None:
    other = tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")
    with pytest.raises(
        ConfigError, match="takes one knowledge base and its overlays; there are: tiny, other"
    ):
        made(opened(tmp_path / "w", [world, other]))
