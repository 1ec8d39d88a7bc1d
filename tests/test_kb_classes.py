import tempfile
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools.kb import classes
from kbtools.kb.writer import write_rows
from tests import staged_world as world

SUBCLASS, OTHER = 3, 4


def triple(head, relation, tail, *, best=True, rank=0):
    row = {"head": head, "relation": relation, "tail": tail, "rank": rank, "best": best}
    return row | {"statement": 0, "split": None}


def written(folder, edges, types=(), more=()):
    """Write triples and types as wave two would have, and return what the closure holds and its facts."""
    triples = world.in_order("triples", [*(triple(a, SUBCLASS, b) for a, b in edges), *more])
    write_rows(folder / "new", "triples", world.plain_batches("triples", triples, 5))
    rows = world.in_order("types", [{"eid": 100 + n, "type": one} for n, one in enumerate(types)])
    write_rows(folder / "new", "types", world.plain_batches("types", rows, 5))
    return built(folder)


def built(folder, subclass_of=SUBCLASS):
    outcome = classes.build(folder, subclass_of=subclass_of, memory=world.MEMORY, threads=1)
    rows = world.rows_of(folder, "classes")
    assert rows == world.in_order("classes", rows)
    assert [
        str(path.relative_to(folder)) for path in sorted((folder / "new" / "classes").iterdir())
    ] == outcome.files
    return [(row["type"], row["ancestor"], row["depth"]) for row in rows], outcome.facts


def walk(start, edges):
    """Return how far away everything above `start` is."""
    far, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        for child, parent in edges:
            if child == here and parent not in far:
                far[parent] = far[here] + 1
                queue.append(parent)
    return far


def closure(edges, types):
    names = {one for edge in edges for one in edge} | set(types)
    return sorted((one, above, depth) for one in names for above, depth in walk(one, edges).items())


def cycles(edges):
    """Group the classes that reach themselves by whom they reach and are reached by."""
    above = {one: set(walk(one, edges)) for edge in edges for one in edge}
    looped = {one for one in above if any(child == one and one in above[parent] for child, parent in edges)}
    groups = {frozenset(other for other in above[one] if one in above[other]) for one in looped}
    return sorted(sorted(group) for group in groups)


def test_depth_is_that_of_the_shortest_way(tmp_path):
    found, facts = written(tmp_path, [(1, 2), (2, 3), (3, 4), (1, 3)], types=[9, 9, 1])
    assert found == [
        (1, 1, 0), (1, 2, 1), (1, 3, 1), (1, 4, 2),
        (2, 2, 0), (2, 3, 1), (2, 4, 2),
        (3, 3, 0), (3, 4, 1),
        (4, 4, 0),
        (9, 9, 0),
    ]  # fmt: skip
    assert facts == {"class depth": 2, "classes in cycles": 0, "cycles": []}


def test_cycles_do_no_harm_and_are_named(tmp_path):
    edges = [(5, 5), (1, 2), (2, 3), (3, 1), (0, 1), (3, 7), (7, 8), (8, 7)]
    found, facts = written(tmp_path, edges)
    assert found == closure(edges, [])
    assert facts["classes in cycles"] == 6
    assert facts["cycles"] == [[1, 2, 3], [5], [7, 8]]


def test_only_the_best_statements_of_the_one_relation_count(tmp_path):
    more = [triple(1, OTHER, 2), triple(1, SUBCLASS, 3, best=False, rank=-1), triple(6, OTHER, 7)]
    found, _ = written(tmp_path, [(1, 5)], more=more)
    assert found == closure([(1, 5)], [])


def test_an_edge_stated_twice_is_one(tmp_path):
    assert written(tmp_path, [(1, 2), (1, 2)])[0] == closure([(1, 2)], [])


def test_no_classes_at_all(tmp_path):
    found, facts = written(tmp_path, [])
    assert found == []
    assert facts["class depth"] == 0


def test_without_a_relation_for_classes_there_are_the_types(tmp_path):
    written(tmp_path, [(1, 2)], types=[4])
    assert built(tmp_path, subclass_of=None)[0] == [(4, 4, 0)]


def test_a_source_without_triples_or_types_has_no_classes(tmp_path):
    assert built(tmp_path)[0] == []


def test_a_long_chain_and_many_cycles(tmp_path):
    chain = [(n, n + 1) for n in range(300)]
    pairs = [(a, b) for n in range(1000, 1100, 2) for a, b in ((n, n + 1), (n + 1, n))]
    found, facts = written(tmp_path, chain + pairs)
    assert len(found) == 301 * 302 // 2 + 200
    assert max(found, key=lambda row: row[2]) == (0, 300, 300)
    assert facts["class depth"] == 300
    assert facts["classes in cycles"] == 100
    assert facts["cycles"] == [[n, n + 1] for n in range(1000, 1000 + 2 * classes.NAMED, 2)]


nodes = st.integers(0, 9)


@settings(max_examples=25)
@given(
    edges=st.lists(st.tuples(nodes, nodes), max_size=25),
    types=st.lists(nodes, max_size=4),
    at_once=st.sampled_from([1, 3, classes.AT_ONCE]),
)
def test_any_graph(edges, types, at_once):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(classes, "AT_ONCE", at_once)
        found, facts = written(Path(folder), edges, types)
    assert found == closure(edges, types)
    assert facts["cycles"] == cycles(edges)
    assert facts["classes in cycles"] == sum(map(len, cycles(edges)))
    assert facts["class depth"] == max((depth for *_, depth in found), default=0)


@pytest.mark.long
@settings(max_examples=60)
@given(
    edges=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=200),
    types=st.lists(st.integers(0, 99), max_size=20),
)
def test_larger_graphs(edges, types):
    with tempfile.TemporaryDirectory() as folder:
        assert written(Path(folder), edges, types)[0] == closure(edges, types)
