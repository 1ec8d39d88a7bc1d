"""The triples that are learned: read from knowledge bases, chosen, counted, held out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import api, artefact
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.reader import gather
from kbtools.models.kge import graph, stated
from kbtools.models.kge.recipe import Triples
from tests import tiny_kb

SPLITS = {
    "train.txt": "a\tr\tb\r\na\tr\tb\r\nb\tr\tb\r\nb\tq\tc\r\nc\tr\ta\r\n",
    "test.txt": "new\tr\ta\r\na\tr\tb\r\na\tonly\tb\r\n",
}


def read(kb, out, *, shuffled=None, seed=0, **settings):
    paths = kb if isinstance(kb, list) else [kb]
    return graph.read(graph.opened(paths), Triples(**settings), out, shuffled=shuffled, seed=seed)


def by_eid(found, split):
    """Return the triples of a split as they are in the knowledge base."""
    rows = getattr(found, split)
    return [(int(found.eids[h]), r, int(found.eids[t])) for h, r, t in rows.tolist()]


def made(out, triples, entities=8, relations=4, **fields):
    """Write a knowledge base of (head, relation, tail, split) and more."""
    rows = [{**tiny_kb.triple(one[0], one[1], one[2], at), "split": one[3]} for at, one in enumerate(triples)]
    rows.sort(key=lambda row: (row["head"], row["relation"], row["tail"], row["statement"]))
    tables = {
        "entities": [tiny_kb.entity(eid, f"e{eid}", f"entity {eid}") for eid in range(entities)],
        "relations": [{"rid": rid, "id": f"P{rid}", "label": f"says {rid}"} for rid in range(relations)],
        "triples": rows,
    }
    return tiny_kb.write(out, tables, **{"files": 3, **fields})


def plain(*triples):
    return [(*one, None) for one in triples]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Line ends of Windows, a loop, a triple said twice, things that only test has, no validation."""
    home = tmp_path_factory.mktemp("odd")
    (home / "text").mkdir()
    for name, text in SPLITS.items():
        (home / "text" / name).write_bytes(text.encode())
    api.ingest("linkprediction", [home / "text"], home / "kb", workers=1)
    return home


def test_odd_triples_are_kept_and_counted(odd, tmp_path):
    found = read(odd / "kb", tmp_path)
    assert found.counts == {
        "entities": 4, "relations": 2, "train": 4, "valid": 0, "test": 3, "duplicates": 1,
        "valid also in train": 0, "test also in train": 1, "self loops": 1, "entities not in train": 1,
        "relations not in train": 1, "relations with one triple": 1,
    }  # fmt: skip
    base = gather([odd / "kb"])[0]
    ids = base.kb.table("entities")["id"].to_pylist()
    names = graph.relation_ids(base)
    assert found.relations == len(names) == 3
    named = [(ids[h], names[r], ids[t]) for h, r, t in by_eid(found, "train")]
    assert sorted(named) == [("a", "r", "b"), ("b", "q", "c"), ("b", "r", "b"), ("c", "r", "a")]
    assert found.valid.shape == (0, 3)
    assert found.rows == 4
    assert all(type(one) is int for one in found.counts.values())


def test_rows_are_the_linked_entities_in_order_or_shuffled(tmp_path):
    kb = made(tmp_path / "kb", plain((6, 0, 1), (1, 1, 4), (4, 0, 4)))
    found = read(kb, tmp_path / "one")
    assert found.eids.tolist() == [1, 4, 6]
    assert found.train.tolist() == [[0, 1, 1], [1, 0, 1], [2, 0, 0]]
    orders = set()
    for shuffled in range(8):
        other = read(kb, tmp_path / "other", shuffled=shuffled)
        assert sorted(other.eids.tolist()) == [1, 4, 6]
        assert by_eid(other, "train") == by_eid(found, "train")
        orders.add(tuple(other.eids.tolist()))
    assert len(orders) > 2
    again = read(kb, tmp_path / "again", shuffled=7)
    assert again.eids.tolist() == other.eids.tolist()


def test_arrays_are_mapped_and_seen_from_elsewhere(tmp_path):
    found = read(made(tmp_path / "kb", plain((0, 0, 1), (1, 0, 2))), tmp_path / "g")
    other = graph.written(tmp_path / "g", found.eids, found.relations, found.counts)
    assert other.train.tolist() == found.train.tolist() == [[0, 0, 1], [1, 0, 2]]
    assert found.train.dtype == np.int32
    assert not found.train.flags.writeable


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        ("best", [(1, 0, 0), (3, 0, 5), (3, 1, 4)]),
        ("not-deprecated", [(1, 0, 0), (3, 0, 5), (3, 1, 4)]),
        ("all", [(1, 0, 0), (1, 1, 4), (3, 0, 5), (3, 1, 4)]),
    ],
)
def test_statements_count_by_their_rank(tmp_path, rank, expected):
    found = read(tiny_kb.write(tmp_path / "kb", tiny_kb.world()), tmp_path / "g", rank=rank)
    assert by_eid(found, "train") == expected
    assert found.counts["duplicates"] == (0 if rank == "best" else 1)


def test_relations_are_chosen_by_id(tmp_path):
    kb = made(tmp_path / "kb", plain((0, 0, 1), (1, 1, 2), (2, 2, 3)))
    assert by_eid(read(kb, tmp_path / "a", relations=("P0", "P2")), "train") == [(0, 0, 1), (2, 2, 3)]
    assert by_eid(read(kb, tmp_path / "b", without=("P0",)), "train") == [(1, 1, 2), (2, 2, 3)]
    chosen = read(kb, tmp_path / "c", relations=("P0", "P2"), without=("P2",))
    assert by_eid(chosen, "train") == [(0, 0, 1)]
    assert chosen.relations == 4  # rids stay
    for setting, name, hint in (
        ("relations", "P22", "did you mean 'P2'?"),
        ("without", "says 1", "did you mean 'P1'?"),
        ("without", "zzzz", "ids are such as 'P0', 'P1', 'P2'"),
    ):
        with pytest.raises(ConfigError, match="has no relation") as raised:
            read(kb, tmp_path / "d", **{setting: (name,)})
        assert str(raised.value).startswith(f"triples.{setting}: ")
        assert str(raised.value).endswith(hint)
        assert "\n" not in str(raised.value)


def test_entities_with_too_few_triples_go_with_them(tmp_path):
    star = [(0, 0, 1), (0, 0, 2), (1, 0, 2), (3, 0, 0), (4, 0, 4), (5, 0, 3), (5, 0, 3)]
    found = read(made(tmp_path / "kb", plain(*star)), tmp_path / "g", least=2)
    assert by_eid(found, "train") == [(0, 0, 1), (0, 0, 2), (1, 0, 2), (3, 0, 0)]  # 3 has one left: one pass
    assert found.eids.tolist() == [0, 1, 2, 3]
    assert found.counts["entities with too few triples"] == 2  # a loop is one triple; what is said twice, too
    assert found.counts["triples of entities with too few"] == 2


TRIPLE = st.tuples(st.integers(0, 7), st.integers(0, 3), st.integers(0, 7))


@settings(max_examples=20)  # each writes a knowledge base
@given(st.sets(TRIPLE, min_size=1, max_size=60), st.sampled_from([0.1, 0.5, 0.95]), st.integers(0, 1000))
def test_nothing_is_unseen_because_of_what_is_held_out(tmp_path_factory, triples, share, seed):
    home = tmp_path_factory.mktemp("held")
    kb = made(home / "kb", plain(*sorted(triples)))
    found = read(kb, home / "g", hold_out=share, seed=seed)
    train, valid = by_eid(found, "train"), by_eid(found, "valid")
    assert sorted(train + valid) == sorted(triples)
    assert {e for h, _, t in train for e in (h, t)} == {e for h, _, t in triples for e in (h, t)}
    assert {r for _, r, _ in train} == {r for _, r, _ in triples}
    assert found.counts["held out"] == found.counts["valid"] == len(valid)
    assert found.counts["entities not in train"] == found.counts["relations not in train"] == 0
    assert by_eid(read(kb, home / "s", hold_out=share, seed=seed, shuffled=3), "valid") == valid


def test_a_share_is_held_out_where_there_is_no_validation(tmp_path):
    rng = np.random.default_rng(0)
    triples = {tuple(map(int, one)) for one in rng.integers(0, [50, 4, 50], (2000, 3))}
    kb = made(tmp_path / "kb", plain(*sorted(triples)), entities=50)
    first, other = (read(kb, tmp_path / f"g{seed}", hold_out=0.1, seed=seed) for seed in (0, 1))
    for found in (first, other):
        assert 0.08 < len(found.valid) / len(triples) < 0.12
    assert by_eid(first, "valid") != by_eid(other, "valid")
    split = made(tmp_path / "split", [(0, 0, 1, "train"), (1, 0, 2, "train"), (2, 0, 3, "valid")])
    assert len(read(split, tmp_path / "s", hold_out=0.9).valid) == 1  # it has its own
    with pytest.raises(ConfigError, match=r"hold_out = 1\.5"):
        read(kb, tmp_path / "x", hold_out=1.5)


def test_nothing_to_learn_is_said(tmp_path, odd):
    for triples, chosen, message in (
        ([], {}, "no triples at all"),
        (plain((0, 0, 1)), {"without": ("P0",)}, "no triples of the relations and ranks"),
        ([(0, 0, 1, "valid"), (1, 0, 2, "test")], {}, "2 triples, but none in train"),
        (plain((0, 0, 9)), {}, "entities that are not there"),
        (plain((0, 7, 1)), {}, "relations that are not there"),
    ):
        kb = made(tmp_path / "kb", triples, overwrite=True)
        with pytest.raises(ArtefactError, match=message):
            read(kb, tmp_path / "g", **chosen)
    for path in (odd / "text", odd / "text" / "train.txt"):
        with pytest.raises(ArtefactError, match="ingest it first: kbtools ingest linkprediction"):
            graph.opened([path])
    with pytest.raises(ArtefactError, match="no such artefact"):
        graph.opened([tmp_path / "nowhere"])
    two = [made(tmp_path / name, plain((0, 0, 1)), name=name) for name in ("one", "two")]
    with pytest.raises(ConfigError, match="not of one, two"):
        read(two, tmp_path / "g")


def overlay(out, base, triples):
    """Write triples over a base; relation 4 is the overlay's own first."""
    whole = artefact.read(base)
    ref = artefact.KbRef(name="tiny", content=whole.content, id_space=whole.id_space)
    rows = [
        {**tiny_kb.triple(one[0], one[1], one[2], 100 + at), "split": None}
        for at, one in enumerate(sorted(triples))
    ]
    own = [{"rid": 4, "id": f"own of {out.name}", "label": None}]
    return tiny_kb.write(out, {"triples": rows, "relations": own}, name=out.name, base=ref)


def test_overlays_add_their_triples(tmp_path):
    base = made(tmp_path / "kb", [(0, 0, 1, "train"), (2, 1, 3, "train"), (5, 0, 6, "test")])
    parts = [
        overlay(tmp_path / "one", base, [(0, 0, 1), (1, 4, 2), (5, 0, 6)]),
        overlay(tmp_path / "two", base, [(0, 0, 1), (1, 4, 2)]),
    ]
    found = read([base, *parts], tmp_path / "g")
    names = graph.relation_ids(gather([base, *parts])[0])
    assert [(h, names[r], t) for h, r, t in by_eid(found, "train")] == [
        (0, "P0", 1), (1, "own of one", 2), (1, "own of two", 2), (2, "P1", 3), (5, "P0", 6)
    ]  # fmt: skip
    assert found.counts["duplicates"] == 2
    assert found.counts["test also in train"] == 1
    assert found.relations == 6


@given(st.lists(st.lists(TRIPLE, max_size=30), max_size=4), st.integers(1, 6))
def test_sorted_streams_are_merged_whole(streams, most):
    def stream(triples):
        """Yield a few triples at a time, all that are the same together."""
        at = 0
        while at < len(triples):
            end = min(at + most, len(triples))
            while end < len(triples) and triples[end] == triples[end - 1]:
                end += 1
            columns = np.array(triples[at:end], np.int64).T
            yield stated.Rows(*columns, *(np.zeros(end - at, kind) for kind in (np.int8, np.bool_, np.uint8)))
            at = end

    chunks = [
        list(zip(*(column.tolist() for column in rows[:3]), strict=True))
        for rows in stated.merged([stream(sorted(one)) for one in streams])
    ]
    assert [one for chunk in chunks for one in chunk] == sorted(one for some in streams for one in some)
    for before, after in pairwise(chunks):
        assert before[-1] != after[0]


def test_real_triples(realdata, tmp_path):
    api.ingest("linkprediction", [realdata / "kge" / "umls"], tmp_path / "kb", workers=1)
    found = read(tmp_path / "kb", tmp_path / "g")
    assert [len(found.train), len(found.valid), len(found.test)] == [5216, 652, 661]
    assert (found.rows, found.relations) == (135, 46)
    text = (realdata / "kge" / "umls" / "test.txt").read_text().split("\n")
    ids = gather([tmp_path / "kb"])[0].kb.table("entities")["id"].to_pylist()
    names = graph.relation_ids(gather([tmp_path / "kb"])[0])
    named = {"\t".join((ids[h], names[r], ids[t])) for h, r, t in by_eid(found, "test")}
    assert named == {line for line in text if line}
    least = replace(Triples(), least=30)
    fewer = graph.read(graph.opened([tmp_path / "kb"]), least, tmp_path / "f", shuffled=None, seed=0)
    assert 0 < fewer.rows < 135
