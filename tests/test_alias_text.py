"""Alias tables with text: link probabilities from pages and corpora, and what prior files add."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
import pytest

from kbtools import api
from kbtools.alias.building import stages
from kbtools.alias.lookup import Alias
from kbtools.errors import SourceError
from tests import small_names
from tests.small_names import Name, ask

TEXT = "Apple sells apple pie. An APPLE a day, an apple and Paris."
NAMES = [
    Name(0, "Apple", "anchor", 1), Name(0, "Apple", "label"), Name(1, "apple", "anchor", 3),
    Name(2, "Paris", "anchor", 1), Name(3, "New York", "label"), Name(4, "York", "alias"),
]  # fmt: skip


def anchor(start, end, target, surface):
    return {
        "page": 0, "start": start, "end": end, "surface": surface, "target": target,
        "target_title": surface, "kind": "link",
    }  # fmt: skip


@pytest.fixture
def kb(tmp_path):
    page: dict[str, Any] = {
        "page": 0,
        "eid": None,
        "title": "A day",
        "lang": "en",
        "text": TEXT,
        "sections": [],
    }
    links = [anchor(0, 5, 0, "Apple"), anchor(12, 17, 1, "apple"), anchor(52, 57, 2, "Paris")]
    return small_names.write(tmp_path / "kb", NAMES, pages=[page], anchors=links)


def forms(alias):
    found = ask(f"SELECT norm, surface, linked, unlinked, link_prob FROM '{alias}/forms/*.parquet'")
    return {(norm, surface): rest for norm, surface, *rest in found}


def corpus(tmp_path, *texts):
    file = tmp_path / "corpus.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(file)


def test_pages_tell_how_often_a_name_is_a_link(kb, tmp_path):
    api.build_alias([kb], tmp_path / "alias")
    found = forms(tmp_path / "alias")
    # "Apple" once, linked; "apple" twice, linked once; "APPLE" is spelt as no one does: of the norm alone
    assert found["apple", "Apple"] == [1, 0, 1.0]
    assert found["apple", "apple"][:2] == [3, 2]
    assert found["apple", None][:2] == [4, 2]
    assert found["paris", "Paris"] == [1, 0, 1.0]
    assert found["york", "York"] == [0, 0, 0.0]


def test_a_look_up_tells_the_link_probability(kb, tmp_path):
    api.build_alias([kb], tmp_path / "alias")
    found = Alias(tmp_path / "alias").lookup(["Apple", "apple", "New York", "nowhere"])
    assert found.link[:3].tolist() == pytest.approx([1.0, 3 / 5, 0.0])
    assert np.isnan(found.link[3])


def test_without_text_nothing_is_known_of_links(kb, tmp_path):
    api.build_alias([kb], tmp_path / "alias", pages=False)
    assert forms(tmp_path / "alias")["apple", "Apple"] == [1, None, None]
    assert np.isnan(Alias(tmp_path / "alias").lookup(["Apple"]).link).all()


def test_a_corpus_without_links_counts_unlinked_places(kb, tmp_path):
    text = corpus(tmp_path, "An apple.", "Apple and New York, York", "")
    api.build_alias([kb], tmp_path / "alias", corpora=[text], pages=False)
    found = forms(tmp_path / "alias")
    assert found["apple", "apple"] == [3, 1, 0.75]
    assert found["york", "York"] == [0, 2, 0.0]  # also inside of New York: whoever asks meets it there


def test_the_same_bytes_with_any_number_of_workers(kb, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "ROWS_IN_RANGE", 2)
    text = corpus(tmp_path, *["An apple in Paris, New York."] * 50)
    made = [
        api.build_alias([kb], tmp_path / f"alias{workers}", corpora=[text], workers=workers)
        for workers in (1, 2)
    ]
    assert made[0].content == made[1].content


def test_a_truncated_corpus_makes_the_table_incomplete(kb, tmp_path):
    whole = gzip.compress(("\n".join([json.dumps({"text": "An apple."})] * 5000) + "\n").encode())
    file = tmp_path / "short.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    made = api.build_alias([kb], tmp_path / "alias", corpora=[str(file)])
    assert made.incomplete


def test_prior_files_are_one_more_source(kb, tmp_path):
    file = tmp_path / "counts.tsv"
    file.write_text("Paris\tE5\t40\nApple\tE7\t10\nLutetia\tE2\t2\nNowhere\tE99\t1\n")
    made = api.build_alias([kb], tmp_path / "alias", prior_files=[file])
    counted = ask(
        f"SELECT surface, eid, n FROM '{tmp_path}/alias/counts/*.parquet' WHERE source = 'prior' ORDER BY ALL"
    )
    assert counted == [("Apple", 7, 10), ("Lutetia", 2, 2), ("Paris", 5, 40)]
    assert made.counts["skipped: no such entity"] == 1
    found = Alias(tmp_path / "alias")
    assert found.candidates(found.lookup(["Lutetia"])).to_pylist()[0]["eid"] == 2


def test_an_earlier_table_keeps_its_prior_counts(kb, tmp_path):
    file = tmp_path / "counts.tsv"
    file.write_text("Paris\tE5\t40\n")
    api.build_alias([kb], tmp_path / "old", prior_files=[file])
    again = api.build_alias([], tmp_path / "again", base=tmp_path / "old", alpha=2.0)
    fresh = api.build_alias([kb], tmp_path / "fresh", prior_files=[file], alpha=2.0)
    assert again.content == fresh.content


@pytest.mark.parametrize("data", [b"", b"no tabs\n", b"\xff\x00\tx\t\xfe\n"])
def test_what_is_no_prior_file_is_refused_before_anything_is_written(kb, tmp_path, data):
    (tmp_path / "counts.tsv").write_bytes(data)
    with pytest.raises(SourceError, match=r"counts\.tsv: (is empty|not a prior file)"):
        api.build_alias([kb], tmp_path / "alias", prior_files=[tmp_path / "counts.tsv"])
    with pytest.raises(SourceError, match="kb: a folder"):
        api.build_alias([kb], tmp_path / "alias", prior_files=[kb])
    assert not (tmp_path / "alias.partial").exists()


def test_a_corpus_without_a_document_is_refused(kb, tmp_path):
    (tmp_path / "news.jsonl").write_text('{"headline": "x"}\n' * 3)
    with pytest.raises(SourceError, match="no document in it can be read; the first of 3 faults: "):
        api.build_alias([kb], tmp_path / "alias", corpora=[f"{tmp_path}/news.jsonl"], pages=False)
