"""ELEVANT's articles: labels of every kind, what is no item, what is wrong, and written back."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import corpus
from kbtools.corpus.base import Document, Link, Report, batches

TEXT = "Ada, Countess of Lovelace, met 柏林 😀 in 1842."


def read(path, **settings):
    report = corpus.Report()
    told = [f"{name}={value}" for name, value in settings.items()]
    found = corpus.documents(f"elevant:{path}", settings=told, report=report)
    return [row for batch in found for row in batch.to_pylist()], report


@pytest.fixture
def write(tmp_path):
    def write(*articles, name="x.benchmark.jsonl"):
        path = tmp_path / name
        path.write_text("".join(one if isinstance(one, str) else json.dumps(one) + "\n" for one in articles))
        return path

    return write


def article(*labels, **more):
    return {"id": 7, "title": "Ada", "text": TEXT, "evaluation_span": [0, 40], "labels": labels, **more}


def label(entity, span=(0, 3), **more):
    return {"id": 0, "span": [*span], "entity_id": entity, "name": "N", "type": "OTHER", **more}


def test_an_article(write):
    nested = label("Q2", (5, 13), id=1, parent=0, optional=True)
    rows, report = read(write(article(label("Q7259", (0, 25), type="Q5|Q1", children=[1]), nested)))
    assert report.counts == {"read": 1}
    (row,) = rows
    assert (row["doc_id"], row["text"], row["lang"]) == ("7", TEXT, None)
    assert json.loads(row["meta"]) == {"title": "Ada", "evaluation_span": [0, 40]}
    first, second = row["links"]
    assert (first["start"], first["end"], first["id"], first["kb"]) == (0, 25, "Q7259", "wikidata")
    assert (first["kind"], first["type"]) == ("gold", "Q5|Q1")
    assert json.loads(first["extra"]) == {"label": 0, "name": "N", "children": [1]}
    assert json.loads(second["extra"]) == {"label": 1, "name": "N", "parent": 0, "optional": True}


@pytest.mark.parametrize(
    ("entity", "extra"),
    [
        ("<NIL>", {}),
        ("<NO_MAPPING>", {"unknown": True}),
        ("", {"unknown": True}),
        ("Q", {"unknown": True}),
        ("Q0", {"unknown": True}),
        ("Ada Lovelace", {"unknown": True}),
        ("QUANTITY", {"optional": True}),
        ("QUANTITY:17", {"optional": True}),
        ("QANTITY:17", {"optional": True}),
        ("DATETIME:1842", {"optional": True}),
    ],
)
def test_what_is_no_item_has_no_id(write, entity, extra):
    (row,), report = read(write(article(label(entity))))
    (link,) = row["links"]
    assert (link["id"], link["kind"]) == (None, "gold")
    assert json.loads(link["extra"]) == {"label": 0, "name": "N", "entity": entity, **extra}
    assert report.counts["rejected"] == 0


def test_items_of_a_type_that_is_a_value_are_optional_and_ids_are_trimmed(write):
    (row,), _ = read(
        write(article(label("Q42", type="QUANTITY"), label(" Q42 ", (5, 8)), label(None, (9, 12))))
    )
    assert [link["id"] for link in row["links"]] == ["Q42", "Q42", None]
    assert json.loads(row["links"][0]["extra"])["optional"] is True


def test_coreference_and_alternatives(write):
    (row,), _ = read(write(article(label("Q42", coref=3), label("Q1", (5, 8), alternatives=["Q2", "Q3"]))))
    assert [link["kind"] for link in row["links"]] == ["coreference", "gold"]
    assert row["links"][1]["others"] == ["Q2", "Q3"]


def test_what_a_linker_found(write):
    found = {
        "span": [0, 3],
        "id": "Q5",
        "linked_by": "prior",
        "candidates": ["Q5", "Q6"],
        "recognized_by": "NER",
    }
    path = write(article(label("Q42"), entity_mentions=[found, {"span": [5, 8], "candidates": [None]}]))
    assert [link["id"] for link in read(path)[0][0]["links"]] == ["Q42"]
    first, second = read(path, links="mentions")[0][0]["links"]
    assert (first["id"], first["kind"], second["id"]) == ("Q5", "user", None)
    assert json.loads(first["extra"])["candidates"] == ["Q5", "Q6"]


def test_what_is_wrong_costs_only_itself(write):
    path = write(
        article(label("Q1"), label("Q2", (40, 90)), label("Q3", (5, 5)), {"id": 3}, label("Q4", (-1, 3)), 17),
        '{"id": 1, "text": \n',
        "[1, 2]\n",
        {"id": 2, "labels": []},
        {"id": 3, "text": "x", "labels": 5},
        {"id": 4, "text": ""},
    )
    rows, report = read(path)
    assert [(row["doc_id"], [link["id"] for link in row["links"]]) for row in rows] == [
        ("7", ["Q1"]),
        ("4", []),
    ]
    assert [one["line"] for one in report.rejects] == [1, 1, 1, 1, 1, 2, 3, 4, 5]
    assert report.rejects[0]["reason"] == f"labels: 40:90 is no span of {len(TEXT)} characters"
    assert "span" in report.rejects[2]["reason"]


def test_bytes_that_are_no_text(write, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"id": 1, "text": "a"}\r\n{"id": 2, "text": "\xff"}\r\n{"id": 3, "text": "b"}'
    )
    rows, report = read(path)
    assert [row["doc_id"] for row in rows] == ["1", "3"]
    assert report.counts["rejected"] == 1


def test_a_folder_holds_several(tmp_path, write):
    write({"id": 1, "text": "a"}, name="a.benchmark.jsonl")
    write({"id": 1, "text": "b"}, name="b.benchmark.jsonl")
    (tmp_path / "a.metadata.json").write_text("{}")
    assert [row["text"] for row in read(tmp_path)[0]] == ["a", "b"]


def again(documents):
    """Write documents and read them."""
    made = list(batches(documents, Report()))
    out = io.BytesIO()
    corpus.write("elevant", made, out)
    return [row for batch in made for row in batch.to_pylist()], out.getvalue()


def gold(start, size, id_, extra, others):
    return Link(start, start + size, id_, "wikidata", "gold", "Q5", others or None, extra)


def nil(start, extra):
    return Link(start, start + 1, None, "wikidata", "gold", "OTHER", None, {**extra, "entity": "<NIL>"})


def document(doc_id, text, lang, meta, links):
    return Document(doc_id, "abcdefgh" + text, lang, meta and json.dumps(meta), links)


NUMBER = st.integers(0, 9)
EXTRA = st.fixed_dictionaries(
    {"label": NUMBER}, optional={"name": st.text(max_size=3), "optional": st.just(True), "parent": NUMBER}
)
META = st.fixed_dictionaries({"title": st.just("T")}, optional={"labels": st.just([1]), "id": st.just(3)})
LINKS = st.one_of(
    st.builds(
        gold,
        st.integers(0, 4),
        st.integers(1, 3),
        st.sampled_from(["Q1", "Q42"]),
        EXTRA,
        st.lists(st.sampled_from(["Q7", "Q8"]), max_size=2),
    ),
    st.builds(nil, st.integers(0, 6), EXTRA),
)
DOCUMENTS = st.builds(
    document,
    st.sampled_from(["0", "17", "007", "x", "-1", "1.5"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from([None, "zh"]),
    st.one_of(st.none(), META),
    st.lists(LINKS, max_size=4),
)


@given(st.lists(DOCUMENTS, max_size=4))
def test_what_is_written_is_read(tmp_path_factory, documents):
    rows, data = again(documents)
    path = tmp_path_factory.mktemp("written") / "x.jsonl"
    path.write_bytes(data)
    found = read(path)[0] if documents else []
    for row in (*rows, *found):
        row["meta"] = row["meta"] and json.loads(row["meta"])
        for link in row["links"]:
            link["extra"] = link["extra"] and json.loads(link["extra"])
    assert found == rows


def test_answers_are_written_as_mentions(tmp_path):
    _, data = again([Document("a", TEXT, None, None, [Link(0, 3, "Q5", "wikidata", None), Link(5, 8, "Q6")])])
    written = json.loads(data)
    assert written["entity_mentions"] == [{"span": [0, 3], "id": "Q5"}]
    assert [one["entity_id"] for one in written["labels"]] == ["Q6"]
    assert written["title"] == ""


def test_real_benchmarks(realdata, tmp_path):
    """Every label fits its text; the numbers are those counted by other means."""
    expected = {
        "kore50": (50, 144, 1),
        "msnbc": (20, 755, 89),
        "wiki-fair": (80, 1961, 601),
        "reuters-128": (128, 880, 257),
    }
    for name, (articles, labels, without) in expected.items():
        path = Path(realdata, "el", "elevant", f"{name}.benchmark.jsonl")
        rows, report = read(path)
        links = [link for row in rows for link in row["links"]]
        assert (len(rows), len(links), sum(link["id"] is None for link in links)) == (
            articles,
            labels,
            without,
        )
        assert report.counts == {"read": articles}
        out = tmp_path / "again.jsonl"
        with out.open("wb") as file:
            corpus.write("elevant", corpus.documents(f"elevant:{path}"), file)
        assert read(out)[0] == rows


def test_coreference_that_a_linker_found_is_no_label(tmp_path):
    said = [Link(0, 3, id="Q7259", kb="wikidata", kind=kind) for kind in ("dictionary", "coreference")]
    right = Link(5, 8, id="Q1", kb="wikidata", kind="gold")
    path = tmp_path / "x"
    for links, told in ((said, [0, 2]), ([*said, right], [2, 1])):
        with path.open("wb") as file:
            corpus.write("elevant", batches([Document("7", TEXT, None, None, links)], Report()), file)
        found = [read(path, links=which)[0][0]["links"] for which in ("labels", "mentions")]
        assert [len(one) for one in found] == told
