"""Several knowledge bases become one: random small ones, against a slow oracle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import api
from kbtools.kb.schema import TABLES
from tests import oracle_merge as oracle
from tests.test_kb_merge import kb, rows
from tests.tiny_kb import entity


def ordered(table, found):
    """Sort rows as their table is sorted, nulls last."""
    columns = TABLES[table].order
    return sorted(found, key=lambda row: [(row.get(c) is None, row.get(c)) for c in columns if c in row])


@st.composite
def small(draw):
    """Draw two or three knowledge bases whose ids, relations and cross references overlap."""
    made = []
    for _ in range(draw(st.integers(2, 3))):
        ids = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True))
        eid = st.integers(0, len(ids) - 1)
        relations = draw(st.lists(st.sampled_from("rst"), min_size=1, unique=True))
        rid = st.integers(0, len(relations) - 1)
        said = draw(st.lists(st.tuples(eid, rid, eid, st.integers(-1, 1), st.booleans()), max_size=5))
        triples, literals = [], []
        for number, (head, relation, tail, rank, is_triple) in enumerate(said):
            row = {"head": head, "relation": relation, "rank": rank, "statement": number}
            if is_triple:
                triples.append({**row, "tail": tail})
            else:
                literals.append({**row, "datatype": "string", "value": str(tail)})
        oracle.judge({"triples": triples, "literals": literals})
        edges = set(draw(st.lists(st.tuples(eid, eid).filter(lambda e: e[0] != e[1]), max_size=4)))
        types = set(draw(st.lists(st.tuples(eid, eid), max_size=3)))
        schemes = st.sampled_from(["same", "kb0", "kb1", "other"])
        xref = set(draw(st.lists(st.tuples(eid, schemes, st.sampled_from("abc")), max_size=4)))
        names = st.tuples(eid, st.sampled_from(["en", "zh"]), st.sampled_from("xy"))
        labels = set(draw(st.lists(names, max_size=4)))
        label = st.none() | st.sampled_from("xy")
        lang = st.sampled_from(["en", None])
        entities = [
            entity(n, id_, draw(label), lang=draw(lang), description=draw(label), freq=n, sitelinks=n)
            for n, id_ in enumerate(ids)
        ]
        closure = oracle.closure(edges, {type_ for _, type_ in types})
        tables = {
            "triples": triples,
            "literals": literals,
            "qualifiers": [{"statement": n, "relation": 0, "tail": 0, "ord": 0} for n in range(len(said))],
            "labels": [{"eid": e, "lang": lang, "text": text} for e, lang, text in labels],
            "types": [{"eid": e, "type": type_} for e, type_ in types],
            "xref": [{"eid": e, "scheme": scheme, "value": value} for e, scheme, value in xref],
            "classes": [{"type": t, "ancestor": a, "depth": d} for t, a, d in closure],
            "relations": [{"rid": n, "id": id_} for n, id_ in enumerate(relations)],
        }
        made.append({"entities": entities, **{name: ordered(name, rows) for name, rows in tables.items()}})
    return made


@settings(max_examples=8)
@given(small(), st.sampled_from(["id", "xref"]))
def test_against_the_oracle(tmp_path_factory, kbs, on):
    folder = tmp_path_factory.mktemp("merge")
    names = [f"kb{place}" for place in range(len(kbs))]
    paths = [kb(folder, name, tables) for name, tables in zip(names, kbs, strict=True)]
    schemes = ["same", *names] if on == "xref" else []
    known = {row["scheme"] for tables in kbs for row in tables["xref"]}
    made = api.merge(paths, folder / "out", on=on, schemes=[one for one in schemes if one in known])
    pairs = (oracle.by_id if on == "id" else oracle.by_xref)(kbs, names)
    expected = oracle.merge(kbs, names, pairs)
    for table, wanted in expected.items():
        columns = TABLES[table].schema.names
        plain = [{name: row.get(name) for name in columns} for row in wanted]
        assert rows(folder / "out", table) == ordered(table, plain), table
    assert made.counts["read"] == sum(len(tables["entities"]) for tables in kbs)
    assert api.verify(folder / "out", deep=True).problems == []
