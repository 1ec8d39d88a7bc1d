"""Facts that a knowledge base tells, pairs without a relation, and all facts of whole corpora."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest

from kbtools import corpus
from kbtools.artefact import KbRef
from kbtools.corpus.base import DOCUMENTS, Document, Link
from kbtools.errors import ConfigError
from kbtools.kb.reader import gather
from kbtools.tokens.tokenizer import Tokenizer
from tests import tiny_kb
from tests.layout_facts import TEXT, WORDS, document, here_of, made
from tests.layout_tokens import tokenizer

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "corpus"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return tokenizer(tmp_path_factory.mktemp("tokens"), WORDS)


def test_what_a_knowledge_base_says(tokens: Tokenizer, tmp_path: Path) -> None:
    """The tiny base says: Berlin is a city in Germany. Nothing is said over the end of a sentence."""
    base = gather([tiny_kb.write(tmp_path / "kb", tiny_kb.world())])[0]
    text = "India was a large city in London. Gandhi was born. London was a city in India."
    links = [
        Link(0, 5, "Q183"),
        Link(18, 22, "Q515"),
        Link(26, 32, "Q64"),
        Link(34, 40, "Q42"),
        Link(51, 57, "Q64"),
        Link(72, 77, "Q183"),
    ]
    documents = [Document("d", text, "en", None, links)]
    refs = [KbRef(name=base.name, content="c", id_space=[])]
    for folder in (None, tmp_path / "w"):
        here = here_of(tokens, bases={0: base}, kbs=refs, folder=folder)
        rows = made(here, documents, "distant=true")
        names = [f"facts.{name}" for name in ("head_id", "relation_id", "tail_id", "relation")]
        assert [tuple(row[name] for name in names) for row in rows] == [
            ("Q64", "P17", "Q183", 1), ("Q64", "P31", "Q515", 0), ("Q64", "P17", "Q183", 1)
        ]  # fmt: skip
        assert [row["head"] for row in rows] == ["london"] * 3
    with pytest.raises(ConfigError, match="pass it with --kb KB"):
        made(here_of(tokens), documents, "distant=true")


def test_pairs_without_a_relation(tokens: Tokenizer) -> None:
    text = "Gandhi was born in India, London, a city, the university."
    links = [Link(0, 6), Link(19, 24), Link(26, 32), Link(36, 40), Link(46, 56)]
    documents = [
        document(text, links, [{"relation": "r", "head": 0, "tail": 1}], name) for name in ("d1", "d2")
    ]
    rows = made(here_of(tokens), documents, "unrelated=3")
    none = [row for row in rows if row["facts.relation_id"] is None]
    assert len(none) == 6
    assert {row["facts.relation"] for row in none} == {-2}
    assert not {("gandhi", "india"), ("india", "gandhi")} & {(row["head"], row["tail"]) for row in none}
    assert len({(row["head"], row["tail"]) for row in none[:3]}) == 3
    alone = made(here_of(tokens), documents[1:], "unrelated=3")
    assert alone == rows[len(rows) // 2 :]  # whatever documents stand beside it
    assert made(here_of(tokens), documents, "unrelated=3", copy=1) != rows
    assert len(made(here_of(tokens), documents, "unrelated=1000")) == 2 + 2 * (5 * 4 - 2)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_sample(tmp_path: Path, lang: str) -> None:
    """Every fact of the corpus is an example, and its ends are the words of its mentions."""
    lines = [json.loads(line) for line in (SAMPLE / f"{lang}.jsonl").read_text(encoding="utf-8").splitlines()]
    letters = sorted({letter for line in lines for letter in bare(line["text"])})
    here = here_of(tokenizer(tmp_path, [*letters, *(f"##{letter}" for letter in letters)]), max_length=512)
    rows = [
        row
        for batch in corpus.documents(str(SAMPLE / f"{lang}.jsonl"))
        for row in made(here, batch, "kb=none")
    ]
    wanted = []
    for line in lines:
        at = [line["text"][one["start"] : one["end"]] for one in line["mentions"]]
        wanted += [
            (plain(at[one["head"]]), one["relation"], plain(at[one["tail"]]))
            for one in line.get("relations", ())
        ]
    assert sorted(
        (plain(row["head"]), row["facts.relation_id"], plain(row["tail"])) for row in rows
    ) == sorted(wanted)
    assert len(wanted) > 100


def plain(text: str) -> str:
    return "".join(bare(text.replace("##", "")).split())


def bare(text: str) -> str:
    """Write a text as a tokenizer of small letters does: without accents."""
    return "".join(
        one for one in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(one) != "Mn"
    )


def test_trex(tmp_path: Path) -> None:
    record = {
        "docid": "http://www.wikidata.org/entity/Q1", "title": "G", "text": TEXT,
        "sentences_boundaries": [[0, 43], [44, 65]],
        "entities": [],
        "triples": [{
            "subject": {"uri": "http://www.wikidata.org/entity/Q1", "boundaries": [0, 6]},
            "predicate": {"uri": "http://www.wikidata.org/prop/direct/P69"},
            "object": {"uri": "http://www.wikidata.org/entity/Q2", "boundaries": [22, 42]},
            "sentence_id": 0,
        }],
    }  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps([record]))
    here = here_of(tokenizer(tmp_path, WORDS))
    [row] = [row for batch in corpus.documents(f"trex:{tmp_path}/t.json") for row in made(here, batch)]
    assert (row["head"], row["facts.relation_id"], row["tail"]) == ("gandhi", "P69", "university of london")
    assert (row["facts.head_id"], row["facts.tail_id"]) == ("Q1", "Q2")
    assert row["text"] == "[CLS] gandhi studied at the university of london . [SEP]"


def test_no_documents(tokens: Tokenizer) -> None:
    empty = pa.RecordBatch.from_pylist([{"doc_id": "d", "text": "", "links": []}], DOCUMENTS)
    assert made(here_of(tokens), empty, "unrelated=2") == []
