"""`kbtools.linkers.link`: a corpus in, an artefact of linked documents out."""

from __future__ import annotations

import io
from collections import Counter

import msgspec
import pyarrow.parquet as pq
import pytest

from kbtools import artefact, corpus, linkers
from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.linked import DOCUMENTS, Linked
from kbtools.linkers import exporting, opening
from kbtools.linkers.answers import Answers
from tests import tiny_linking
from tests.tiny_linking import document, found, rows


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    return tiny_linking.alias(tmp_path_factory.mktemp("names"))


def link(alias, folder, *documents, **options):
    path = tiny_linking.corpus(folder, *documents)
    linkers.link(path, folder / "linked", alias=alias, overwrite=True, **options)
    return rows(folder / "linked")


def test_each_name_means_what_it_most_often_means(alias, tmp_path):
    row = link(alias, tmp_path, {"id": "a", "text": "Paris is in France.", "lang": "en", "year": 1999})[0]
    assert found(row, 0) == [("Paris", 0), ("France", 2)]
    assert found(row, 1) == [("Paris", 0)]
    assert (row["doc_id"], row["lang"], msgspec.json.decode(row["meta"])) == ("a", "en", {"year": 1999})
    paris = row["mentions"][0]
    assert [one["eid"] for one in paris["candidates"]] == [0, 1]
    assert sum(one["p"] for one in paris["candidates"]) == pytest.approx(1, abs=1e-3)
    first = paris["candidates"][0]
    assert paris["p"] == first["prior"] == pytest.approx(first["p"], rel=1e-3)
    assert (paris["nil"], paris["kind"], paris["parent"], paris["features"]) == (0, "dictionary", None, None)


def test_mentions_at_one_place_share_a_group(alias, tmp_path):
    row = link(alias, tmp_path, {"text": "Paris, then France."})[0]
    assert [(one["kb"], one["group"]) for one in row["mentions"]] == [(0, 0), (1, 0), (0, 1)]


def test_overlaps_are_resolved_in_each_knowledge_base(alias, tmp_path):
    text = {"text": "New York City"}
    assert found(link(alias, tmp_path, text)[0]) == [("New York City", 4), ("New York City", 1)]
    everything = link(alias, tmp_path, text, overlap="all")[0]
    cities = [("New York City", 4), ("New York City", 1)]
    assert found(everything) == [*cities, ("New York", 3), ("City", 1)]


def test_documents_keep_their_order_and_empty_ones_are_there(alias, tmp_path):
    texts = ["", "Paris", " ", "😀\u0007", "中国人在Paris。", "nothing here"]
    found_rows = link(alias, tmp_path, *({"text": text} for text in texts))
    assert [row["text"] for row in found_rows] == texts
    assert [found(row, 0) for row in found_rows] == [
        [],
        [("Paris", 0)],
        [],
        [],
        [("中国", 5), ("Paris", 0)],
        [],
    ]


def test_the_schema_is_that_of_the_contract(alias, tmp_path):
    link(alias, tmp_path, {"text": "Paris"}, features="all")
    [file] = Linked(tmp_path / "linked").files("documents")
    assert pq.read_schema(file).equals(DOCUMENTS)


@pytest.mark.parametrize(("candidates", "count"), [("none", 0), ("top5", 2), ("all", 2)])
def test_candidates_are_written_as_asked(alias, tmp_path, candidates, count):
    row = link(alias, tmp_path, {"text": "Paris"}, candidates=candidates)[0]
    assert len(row["mentions"][0]["candidates"]) == count


def test_the_same_bytes_for_any_workers(alias, tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus._files.PIECE", 400)
    path = tiny_linking.corpus(tmp_path, *({"text": f"Paris {n}, New York City in China"} for n in range(60)))
    contents = {
        linkers.link(path, tmp_path / str(workers), alias=alias, workers=workers).content
        for workers in (1, 2)
    }
    assert len(contents) == 1
    assert len(artefact.read(tmp_path / "1").tables["documents"].files) > 3


def test_what_broke_off_goes_on_where_it_stopped(alias, tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus._files.PIECE", 200)
    path = tiny_linking.corpus(tmp_path, *({"text": f"Paris {n}"} for n in range(40)))
    whole = linkers.link(path, tmp_path / "whole", alias=alias)
    pieces: list[int] = []
    real = linkers.corpora.link_batch

    def breaks(*args):
        if len(pieces) == 3:
            raise KeyboardInterrupt
        pieces.append(1)
        return real(*args)

    def goes_on(*args):
        pieces.append(1)
        return real(*args)

    monkeypatch.setattr("kbtools.linkers.corpora.link_batch", breaks)
    with pytest.raises(KeyboardInterrupt):
        linkers.link(path, tmp_path / "again", alias=alias)
    assert not (tmp_path / "again").exists()
    monkeypatch.setattr("kbtools.linkers.corpora.link_batch", goes_on)
    assert linkers.link(path, tmp_path / "again", alias=alias).content == whole.content
    assert len(pieces) == len(whole.tables["documents"].files)  # those that were done are not done again


def test_texts_can_be_referred_to(alias, tmp_path):
    link(alias, tmp_path, {"text": "x"}, {"text": "Paris"}, text="ref")
    told = rows(tmp_path / "linked")
    assert [(row["text"], row["source"]) for row in told] == [(None, "0:0"), (None, "0:1")]
    with pytest.raises(ArtefactError, match="--text ref"):
        list(corpus.documents(str(tmp_path / "linked")))


def test_a_line_that_is_no_document_is_rejected(alias, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"text": "Paris"}\n{bad\n{"text": "\\ud800 Paris"}\n')
    made = linkers.link(path, tmp_path / "linked", alias=alias)
    assert made.counts["rejected"] == made.tables["rejects"].rows >= 1
    assert found(rows(tmp_path / "linked")[0], 0) == [("Paris", 0)]


GOLD = [
    document("Paris and Paris, Texas", ("Paris, Texas", "Q830149"), ("Paris", "Q90")),
    document("Gotham is in D010311", ("Gotham", None)),
]


def test_gold_becomes_linked_documents(alias, tmp_path):
    """Merged ids lead on; an id of another knowledge base stays there; NIL stays NIL."""
    text = "Paris, France"
    told = {"text": text, "mentions": [
        {"start": 0, "end": 5, "id": "Q999", "kind": "gold"},
        {"start": 0, "end": 5, "id": "paris-n", "kb": "senses", "kind": "gold"},
        {"start": 7, "end": 13, "id": "Q0815", "kind": "gold"},
    ]}  # fmt: skip
    both = link(alias, tmp_path, told, *GOLD, linker="gold")
    assert found(both[0], 0) == [("Paris", 0), ("France", None)]
    assert found(both[0], 1) == [("Paris", 0)]
    assert {one["kind"] for row in both for one in row["mentions"]} == {"gold"}
    assert found(both[2]) == [("Gotham", None)]


def test_nested_gold_stays_and_a_foreign_id_does_not_hide_one_that_is_known(alias, tmp_path):
    links = [
        {"start": 0, "end": 12, "id": "Q830149", "kind": "gold"},
        {"start": 0, "end": 5, "id": "巴黎", "kb": "elsewhere", "kind": "gold"},
        {"start": 0, "end": 5, "id": "Q90", "kind": "gold"},
    ]
    told = link(alias, tmp_path, {"text": "Paris, Texas", "mentions": links}, linker="gold")
    assert found(told[0]) == [("Paris, Texas", 1), ("Paris", 0)]


def given(tmp_path, text=""):
    path = tmp_path / "given.toml"
    path.write_text(f"[mentions.given]\n{text}")
    return str(path)


def test_given_mentions_are_looked_up(alias, tmp_path):
    told = link(alias, tmp_path, *GOLD, linker=given(tmp_path))
    assert found(told[0], 0) == [("Paris", 0), ("Paris, Texas", 1)]
    assert found(told[1]) == [("Gotham", None)]


def test_gold_of_one_knowledge_base_is_asked_there(alias, tmp_path):
    one = {"text": "Paris", "mentions": [{"start": 0, "end": 5, "id": "paris-n", "kb": "senses"}]}
    assert [m["kb"] for m in link(alias, tmp_path, one, linker=given(tmp_path))[0]["mentions"]] == [1]


def test_answers_line_by_line(alias):
    answers = Answers(opening.opened(opening.ask(alias)))
    counts: Counter[str] = Counter()
    lines = [b'{"id": 7, "text": "Paris"}\n', b"\n", b"{bad\n", b'{"text": "NYC"}']
    first, second, third = map(msgspec.json.decode, answers.stream(lines, counts))
    assert first["id"] == "7"
    assert (first["mentions"][0]["id"], first["mentions"][0]["label"]) == ("Q90", "Q90 label")
    assert second["line"] == 3
    assert "malformed" in second["error"]
    assert third["mentions"][0]["id"] == "Q60"
    assert (counts["read"], counts["rejected"]) == (2, 1)


@pytest.mark.parametrize("name", ["jsonl", "nif"])
def test_what_is_exported_reads_the_same(alias, tmp_path, name):
    link(alias, tmp_path, {"id": "a", "text": "Paris 😀 中国, \n\nNew York City"}, {"id": "b", "text": "x"})
    out = tmp_path / f"out.{name}"
    assert exporting.export(tmp_path / "linked", out, to=name) == 2
    back = [row for batch in corpus.documents(f"{name}:{out}") for row in batch.to_pylist()]
    assert [row["text"] for row in back] == [row["text"] for row in rows(tmp_path / "linked")]
    ids = {(one["start"], one["end"], one["id"]) for one in back[0]["links"]}
    assert {(0, 5, "Q90"), (8, 10, "Q148")} <= ids
    with pytest.raises(ArtefactError, match="--overwrite"):
        exporting.export(tmp_path / "linked", out, to=name)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"linker": "priors"}, "did you mean 'prior'"),
        ({"overrides": ["mentions.dictionary.capitol=false"]}, "did you mean 'capital'"),
        ({"overrides": ["ranking.weights.context=1"]}, "no feature is called"),
        ({"overrides": ["candidates.most=0"]}, "from 1 to"),
        ({"overrides": ["nil.keep=dictionary,wrong"]}, "no kind 'wrong'"),
        ({"candidates": "top7"}, "top7"),
        ({"alias": None}, "--alias"),
    ],
)
def test_wrong_settings_are_told_in_one_line(alias, tmp_path, options, what):
    path = tiny_linking.corpus(tmp_path, {"text": "Paris"})
    with pytest.raises(KbError) as error:
        linkers.link(path, tmp_path / "linked", **{"alias": alias, **options})
    assert what in str(error.value)
    assert "\n" not in str(error.value)


def test_an_index_of_another_table_is_refused(alias, tmp_path):
    other = tiny_linking.alias(tmp_path)
    linkers.build_index(alias, tmp_path / "fuzzy", kind="fuzzy")
    (tmp_path / "x").mkdir()
    manifest = artefact.read(other)
    from tests.tiny_kb import edit_manifest  # noqa: PLC0415

    edit_manifest(other, content="0" * 32)
    assert manifest.content != "0" * 32
    with pytest.raises(ArtefactError, match="another alias table"):
        opening.opened(opening.ask(other, indexes=[tmp_path / "fuzzy"]))


def test_a_misspelt_mention_is_asked_of_a_fuzzy_index(alias, tmp_path):
    linkers.build_index(alias, tmp_path / "fuzzy", kind="fuzzy")
    one = document("He lives in Parris.", ("Parris", "Q90"))
    told = link(alias, tmp_path, one, linker=given(tmp_path), indexes=[tmp_path / "fuzzy"])
    assert ("Parris", 0) in found(told[0])


def test_standard_input_can_be_a_corpus(alias, tmp_path, monkeypatch):
    stream = io.BytesIO(b'{"text": "Paris"}\n')
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": stream})())
    linkers.link("jsonl:-", tmp_path / "linked", alias=alias)
    assert found(rows(tmp_path / "linked")[0], 0) == [("Paris", 0)]


def test_no_target_is_an_error():
    with pytest.raises(ConfigError, match="--out"):
        linkers.link("x.jsonl", None, alias="alias")


def test_a_file_of_several_row_groups_is_read(alias, tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.linkers.corpora.GROUP", 1)
    monkeypatch.setattr("kbtools.linkers.corpora.SIZE", 10)
    link(alias, tmp_path, *({"text": f"Paris {n}, New York City"} for n in range(9)))
    linked = Linked(tmp_path / "linked")
    [file] = linked.files("documents")
    assert pq.read_metadata(file).num_row_groups > 3
    assert sum(batch.num_rows for batch in linked.scan("documents")) == 9
    assert linked.table("documents").num_rows == 9
    assert sum(batch.num_rows for batch in corpus.documents(str(linked.path))) == 9
