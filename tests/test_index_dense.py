"""Dense indexes from texts to hits: hand-made worlds, a slow oracle, overlays, resuming, older indexes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq
import pytest

from kbtools import api
from kbtools.artefact import read
from kbtools.errors import ConfigError
from kbtools.kb.verify import verify
from kbtools.linkers.index import dense
from kbtools.linkers.index.dense import texts
from tests import tiny_kb

pytest.importorskip("faiss")


def animals(names: Sequence[str], **tables):
    entities = [tiny_kb.entity(eid, f"Q{eid}", name) for eid, name in enumerate(names)]
    return {"entities": entities, **tables}


@pytest.fixture
def world(tmp_path):
    """Six entities with types, descriptions, labels in two languages."""
    tables = tiny_kb.world()
    tables["entities"][1]["description"] = "writer"
    tables["descriptions"] = [
        {"eid": 1, "lang": "zh", "kind": "short", "text": "作家", "source": "x"},
        {"eid": 2, "lang": "en", "kind": "gloss", "text": "everything", "source": "x"},
        {"eid": 2, "lang": "en", "kind": "example", "text": "all", "source": "x"},
    ]
    tables["labels"].append({"eid": 1, "lang": "zh", "text": "道格拉斯"})
    return tiny_kb.write(tmp_path / "kb", tables)


def written(folder, kbs, **settings):
    given = dense.Settings(**settings)
    named = {name: getattr(given, name) for name in ("template", "lang", "types", "max_chars")}
    (folder / "work").mkdir()
    done = texts.write(folder, paths=[str(kb) for kb in kbs], memory=None, threads=1, **named)
    return pq.read_table(folder / texts.FILE).to_pylist(), done.facts


def test_texts_leave_out_what_an_entity_lacks(world, tmp_path):
    rows, facts = written(tmp_path, [world])
    assert [row["text"] for row in rows] == [
        "human", "Douglas Adams (human): writer", "universe: everything", "柏林", "Germany",
    ]  # fmt: skip
    assert [row["eid"] for row in rows] == [0, 1, 2, 3, 4]
    assert facts == {"entities": 6, "tombstones": 0, "texts": 5, "without text": 1}


def test_texts_in_a_language_fall_back_on_the_entitys_own(world, tmp_path):
    rows, _ = written(tmp_path, [world], lang="zh", template="{label}, {description}")
    assert [row["text"] for row in rows] == [
        "human",
        "道格拉斯, 作家",
        "universe, everything",
        "柏林",
        "Germany",
    ]


def test_texts_are_cut_and_types_are_counted(tmp_path):
    names = ["a", "b", "c", "dddddddddd"]
    kb = tiny_kb.write(tmp_path / "kb", animals(names, types=[{"eid": 3, "type": n} for n in (2, 0, 1)]))
    rows, _ = written(tmp_path, [kb], template="{types}/{label}", types=2, max_chars=9)
    assert rows[3]["text"] == "a, b/dddd"
    assert rows[0]["text"] == "/a"


def test_tombstones_are_left_out(tmp_path):
    tables = animals(["a", "b"])
    tables["entities"][0]["flags"] = 1
    rows, facts = written(tmp_path, [tiny_kb.write(tmp_path / "kb", tables)])
    assert [row["eid"] for row in rows] == [1]
    assert facts["tombstones"] == 1


def test_overlays_add_their_descriptions(world, tmp_path):
    base = read(world)
    told = [{"eid": 4, "lang": "en", "kind": "abstract", "text": "a country", "source": "y"}]
    overlay = tiny_kb.write(
        tmp_path / "more", {"descriptions": told}, name="more", base={"name": "tiny", "content": base.content}
    )
    rows, _ = written(tmp_path, [world, overlay])
    assert rows[4]["text"] == "Germany: a country"


WORDS = ["red fox", "grey wolf", "polar bear", "brown bear", "snow leopard", "sea lion", "barn owl", "salmon"]


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf-sq8"])
def test_a_search_finds_what_comparing_with_all_finds(kind, tmp_path):
    names = [f"{a} {b}" for a in WORDS for b in WORDS]
    kb = tiny_kb.write(tmp_path / "kb", animals(names))
    made = dense.build(kb, tmp_path / "index", settings=dense.Settings(search=kind, probes=999))
    assert made.settings["search"] == kind
    assert made.notes["recall@10"] == 1
    index = dense.open_index(tmp_path / "index")
    queries = ["polar bear salmon", "wolf", "owls"]
    hits = index.search(queries, 5)
    scores = dense.HashingEncoder()(queries) @ index.raw.astype(np.float32).T
    for query in range(3):
        mine = slice(hits.offsets[query], hits.offsets[query + 1])
        expected = np.lexsort((np.arange(len(names)), -scores[query].round(6)))[:5]
        np.testing.assert_allclose(hits.score[mine], scores[query][expected], atol=1e-6)
        assert hits.score[mine].tolist() == sorted(hits.score[mine].tolist(), reverse=True)
    assert names[hits.eid[0]] == "polar bear salmon"
    assert verify(tmp_path / "index", deep=True).problems == []


def test_product_quantisation_is_compared_again(tmp_path):
    names = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS[:5]]
    kb = tiny_kb.write(tmp_path / "kb", animals(names))
    settings = dense.Settings(search="ivf-pq", probes=999, rerank=320, template="{label}")
    made = dense.build(kb, tmp_path / "index", settings=settings, encoder=dense.HashingEncoder(32))
    assert made.notes["recall@10"] == 1
    found = dense.open_index(tmp_path / "index").search(["barn owl barn owl red fox"], 1)
    assert names[found.eid[0]] == "barn owl barn owl red fox"


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_equal_scores_are_ordered_by_kb_and_eid(tmp_path, kind):
    one = tiny_kb.write(tmp_path / "one", animals(["fox", "owl", "fox"]), name="one")
    two = tiny_kb.write(tmp_path / "two", animals(["owl", "fox"]), name="two")
    dense.build([one, two], tmp_path / "index", settings=dense.Settings(search=kind))
    index = dense.open_index(tmp_path / "index")
    hits = index.search(["fox", "", "owl"], 3)
    assert hits.offsets.tolist() == [0, 3, 3, 6]  # nothing is like nothing
    assert list(zip(hits.kb[:3].tolist(), hits.eid[:3].tolist(), strict=True)) == [(0, 0), (0, 2), (1, 1)]
    assert [ref.name for ref in index.kbs] == ["one", "two"]


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf-sq8"])
def test_a_hit_is_the_same_whatever_else_is_asked(tmp_path, kind):
    kb = tiny_kb.write(tmp_path / "kb", animals([f"{a} {b}" for a in WORDS for b in WORDS]))
    dense.build(kb, tmp_path / "index", settings=dense.Settings(search=kind, probes=999))
    index = dense.open_index(tmp_path / "index")
    together = index.search([f"{a}s" for a in WORDS] * 5, 4)
    for place, name in enumerate(WORDS):
        alone = index.search([f"{name}s"], 9)
        alone = alone._replace(score=alone.score[:4], eid=alone.eid[:4])
        assert alone.score.tolist() == together.score[place * 4 : place * 4 + 4].tolist()
        assert alone.eid.tolist() == together.eid[place * 4 : place * 4 + 4].tolist()


class Counting(dense.HashingEncoder):
    """Remembers what it was asked to encode."""

    def __init__(self):
        super().__init__(64)
        self.asked: list[str] = []

    def __call__(self, texts):
        self.asked += texts
        return super().__call__(texts)


def files(path):
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name != "manifest.json"}


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf-sq8"])
def test_an_older_index_saves_encoding_and_changes_nothing(kind, tmp_path):
    names = [f"{a} {b}" for a in WORDS for b in WORDS]
    settings = dense.Settings(search=kind, sample=0, block=10)
    old = tiny_kb.write(tmp_path / "old", animals(names))
    dense.build(old, tmp_path / "was", settings=settings, encoder=Counting())
    changed = tiny_kb.write(tmp_path / "new", animals([*names[:20], "a lynx", *names[21:], "an elk"]))
    encoder = Counting()
    made = dense.build(changed, tmp_path / "is", settings=settings, encoder=encoder, base=tmp_path / "was")
    assert encoder.asked == ["a lynx", "an elk"]
    assert (made.counts["encoded"], made.counts["taken over"]) == (2, 63)
    anew = dense.build(changed, tmp_path / "anew", settings=settings, encoder=Counting())
    assert files(tmp_path / "is") == files(tmp_path / "anew")
    assert made.content == anew.content


def test_a_build_that_was_cut_off_goes_on(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", animals([f"{a} {b}" for a in WORDS for b in WORDS]))
    settings = dense.Settings(block=10, sample=0)

    class Failing(Counting):
        def __call__(self, texts):
            if len(self.asked) >= 30:
                raise KeyboardInterrupt
            return super().__call__(texts)

    with pytest.raises(KeyboardInterrupt):
        dense.build(kb, tmp_path / "index", settings=settings, encoder=Failing())
    with (tmp_path / "index.partial/new/vectors.npy").open("ab") as file:
        file.write(b"half a block")
    encoder = Counting()
    dense.build(kb, tmp_path / "index", settings=settings, encoder=encoder)
    assert len(encoder.asked) == 34
    dense.build(kb, tmp_path / "whole", settings=settings, encoder=Counting())
    assert files(tmp_path / "index") == files(tmp_path / "whole")


def test_an_inner_product_keeps_lengths(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", animals(["1", "2", "3"]))

    class Long(Counting):
        name = "long"

        def __call__(self, texts):
            return super().__call__(["same"] * len(texts)) * np.array([[float(t)] for t in texts], np.float32)

    settings = dense.Settings(metric="inner", raw="float32")
    dense.build(kb, tmp_path / "index", settings=settings, encoder=Long())
    found = dense.open_index(tmp_path / "index", encoder=Long()).search(["1"], 3)
    assert found.eid.tolist() == [2, 1, 0]
    np.testing.assert_allclose(found.score, [3, 2, 1], rtol=1e-6)


def test_the_kind_goes_by_size():
    settings = dense.Settings()
    kinds = [settings.kind(rows) for rows in (50_000, 50_001, 3_000_000, 30_000_000)]
    assert kinds == ["flat", "hnsw", "ivf-sq8", "ivf-pq"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{lable}", "no part {lable}; did you mean {label}?"),
        ("{types}", "it needs {label} or {description}"),
        ("{label", "expected '}'"),
        ("{label:>9}", "write {label} and nothing else"),
    ],
)
def test_a_template_that_cannot_be_filled(template, message):
    with pytest.raises(ConfigError, match="template") as caught:
        dense.Settings(template=template)
    assert message in str(caught.value)


def test_the_source_may_be_an_alias_artefact(world, tmp_path):
    tables = tiny_kb.world()
    tables["surfaces"] = [{"eid": 1, "text": "Adams", "lang": "en", "source": "label"}]
    kb = tiny_kb.write(tmp_path / "named", tables)
    api.build_alias([kb], tmp_path / "alias")
    made = dense.build(tmp_path / "alias", tmp_path / "index", settings=dense.Settings())
    assert [one.kind for one in made.inputs] == ["alias", "kb"]
    straight = dense.build(kb, tmp_path / "straight", settings=dense.Settings())
    assert made.content == straight.content
