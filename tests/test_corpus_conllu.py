"""CoNLL-U: texts with their spaces, multiword tokens, empty nodes; what is written can be read."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbtools import corpus
from kbtools.corpus.base import DOCUMENTS, Document, Link, Report, batches

DATA = r"""# newdoc id = d1
# sent_id = s1
# text = I can't go.
1	I	I	PRON	PRP	Case=Nom	4	nsubj	_	_
2-3	can't	_	_	_	_	_	_	_	_
2	ca	can	AUX	MD	_	4	aux	_	_
3	n't	not	PART	RB	_	4	advmod	_	_
3.1	x	y	_	_	_	_	_	3:dep	_
4	go	go	VERB	VB	_	0	root	_	SpaceAfter=No
5	.	.	PUNCT	.	_	4	punct	_	Note=1

# newpar id = p2
# sent_id = s2
1	Yes	yes	INTJ	UH	_	0	root	_	SpacesAfter=\s\s
2	10 000	_	NUM	_	_	1	dep	_	_

# newdoc
1	_	_	SYM	_	_	_	_	_	_

"""


def read(path, report=None):
    return [row for batch in corpus.documents(str(path), report=report) for row in batch.to_pylist()]


def written(rows):
    file = io.BytesIO()
    corpus.write("conllu", rows, file)
    return file.getvalue()


def test_documents_with_their_texts_and_words(tmp_path):
    (tmp_path / "a.conllu").write_text(DATA)
    report = Report()
    first, second = read(tmp_path / "a.conllu", report)
    text, meta = first["text"], json.loads(first["meta"])
    assert (first["doc_id"], text) == ("d1", "I can't go.\nYes  10 000")
    assert first["links"] is None
    assert [text[start:end] for start, end in meta["tokens"]] == [
        "I", "can't", "can't", "go", ".", "Yes", "10 000",
    ]  # fmt: skip
    assert meta["forms"][1:3] == ["ca", "n't"]
    assert meta["heads"] == [4, 4, 4, 0, 4, 0, 1]
    assert meta["lemmas"][-1] is None
    assert meta["multiword"] == [[1, 3, "_"]]
    assert meta["empty"] == [[3, "3.1\tx\ty\t_\t_\t_\t_\t_\t3:dep\t_"]]
    assert meta["sentences"] == [[0, 11], [12, 23]]
    assert meta["sentence_ids"] == ["s1", "s2"]
    assert meta["misc"][4] == "Note=1"
    assert (second["doc_id"], second["text"]) == ("a.conllu:2", "_")
    assert report.counts == {"read": 2}


def test_what_was_read_is_written_as_it_was(tmp_path):
    (tmp_path / "a.conllu").write_text(DATA)
    rows = read(tmp_path / "a.conllu")
    (tmp_path / "b.conllu").write_bytes(written(list(corpus.documents(str(tmp_path / "a.conllu")))))
    assert read(tmp_path / "b.conllu") == rows


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2\tb", "2 columns, not 10"),
        ("x" + "\tb" * 9, "'x' is no number of a word"),
        ("3" + "\t_" * 9, "word 3 follows 1"),
        ("2\t" + "\t_" * 8, "a word without a form"),
        ("2" + "\t_" * 5 + "\tx" + "\t_" * 3, "the head 'x' is no number"),
        ("2-1" + "\t_" * 9, "a token from 2 to 1"),
    ],
)
def test_a_sentence_with_a_wrong_line_is_left_out(tmp_path, line, reason):
    good = "1\tGood" + "\t_" * 8
    (tmp_path / "a.conllu").write_bytes(
        f"\ufeff1\ta{chr(9)}_{chr(9)}_\t_\t_\t_\t_\t_\t_\n{line}\r\n\r\n{good}\r\n".encode()
    )
    report = Report()
    (row,) = read(tmp_path / "a.conllu", report)
    assert (row["doc_id"], row["text"]) == ("a.conllu", "Good")
    assert [(x["line"], x["reason"]) for x in report.rejects] == [(2, f"{reason}; the sentence is left out")]


WORDS = st.text(st.sampled_from("ab1.,'\" \n\t\r\\|=#_中。é\u0301😀\u00a0\u2028\x0b"), max_size=30)


@st.composite
def documents(draw):
    text = draw(WORDS)
    links = []
    for _ in range(draw(st.integers(0, 3)) if text else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        links.append(
            Link(start, end, draw(st.sampled_from([None, "Q1"])), "wikidata", "gold", "PER", ["Q2"], {"a": 1})
        )
    told = draw(st.booleans())
    return Document("d", text, draw(st.sampled_from([None, "en"])), '{"label":"x"}', links if told else None)


@settings(max_examples=60)
@given(st.lists(documents(), min_size=1, max_size=4))
def test_any_document_survives(tmp_path_factory, given_documents):
    told = list(batches(given_documents, Report()))
    path = tmp_path_factory.getbasetemp() / "any.conllu"
    path.write_bytes(written(told))
    rows = [row for batch in told for row in batch.to_pylist()]
    report = Report()
    back = read(path, report)
    assert not report.rejects
    names = ("doc_id", "text", "lang", "links")
    assert [[row[name] for name in names] for row in back] == [[row[name] for name in names] for row in rows]
    assert all(json.loads(row["meta"])["label"] == "x" for row in back)
    # written once more, nothing changes any longer
    again = written(list(corpus.documents(str(path))))
    assert again == path.read_bytes()


def test_meta_that_does_not_fit_the_text_is_made_anew():
    for meta in (
        '{"tokens":[[0,9]],"sentences":[[0,9]]}',
        '{"tokens":[[0,1]],"sentences":[[0,1]]}',
        "[1]",
        '{"tokens":7,"sentences":1}',
    ):
        row = pa.RecordBatch.from_pylist([{"doc_id": "d", "text": "Go on.", "meta": meta}], schema=DOCUMENTS)
        assert "1\tGo\t" in written([row]).decode()
