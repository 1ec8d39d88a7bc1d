"""Mentions of entities in shards: candidates, priors, what was told and decided, and what is left out."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kbtools import artefact
from kbtools.artefact import KbRef
from kbtools.errors import ConfigError
from kbtools.kb.reader import gather
from kbtools.kb.schema import TOMBSTONE
from kbtools.linked.schema import DOCUMENTS
from kbtools.shards.base import Here
from kbtools.shards.views import _knowledge
from kbtools.shards.views.entities import VIEW, Settings
from tests import tiny_kb, tiny_tokenizer
from tests.tiny_linked import document, mention
from tests.viewed import cut, documents, said, seen, texts_of

TEXT = "Mercury sang with Queen in London."
SING, QUEEN, LONDON = (0, 7), (18, 23), (27, 33)


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    tables = tiny_kb.world()
    tables["entities"][2]["flags"] = TOMBSTONE
    tables["types"] = [{"eid": 1, "type": 0}, {"eid": 1, "type": 5}, {"eid": 3, "type": 5}]
    return tiny_kb.write(tmp_path_factory.mktemp("kb") / "kb", tables)


def here(*kbs, vectors=None, folder=None):
    bases = gather(kbs)
    refs = [KbRef(name=one.name, content=one.kb.manifest.content) for one in bases]
    refs = refs or [KbRef(name="tiny", content="")]
    return Here(
        tiny_tokenizer.loaded(), 64, bases=dict(enumerate(bases)), kbs=refs, vectors=vectors, folder=folder
    )


def linked(*rows):
    return pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)


def columns(mine, batch, size=1 << 30, **settings):
    """The columns with short names, a row after the other."""
    found = seen(VIEW, Settings(**settings), texts_of(batch, mine.tokenizer), mine, size)
    return [{name.removeprefix("entities.tiny."): value for name, value in row.items()} for row in found]


ALL = ("eids", "priors", "ps", "gold", "best", "p", "types")


def test_what_is_written_of_a_mention(kb):
    mine = here(kb)
    batch = linked(
        document("a", TEXT, [
            mention(*SING, 1, 0.75, candidates=[(1, 0.5), (3, 0.25)]),
            mention(*QUEEN, 4, 1.0, kind="gold", candidates=[(0, 1.0)]),
            mention(*LONDON, None, 0.0, kind="user"),
        ]),
        document("b", "London", [mention(0, 6, None, 0.0, candidates=[(3, 0.5)])]),
    )  # fmt: skip
    first, second = columns(mine, batch, columns=ALL)
    assert said(mine, texts_of(batch, mine.tokenizer), first["spans"]) == ["mercury", "queen", "london"]
    assert first["eids"] == [[1, 3], [0], []]
    assert first["priors"] == [[pytest.approx(2 / 3), pytest.approx(1 / 3)], [1], []]
    assert first["ps"] == [[0.75, 0.75], [1], []]
    assert first["gold"] == [-1, 4, -2]
    assert first["best"] == [1, 4, -2]
    assert first["p"] == [0.75, 1, 0]
    assert first["types"] == [[0, 5], [], []]
    assert (second["eids"], second["gold"], second["best"], second["types"]) == ([[3]], [-1], [-2], [[]])
    assert mine.counts["mentions"] == mine.counts["mentions in examples"] == 4


def test_candidates_are_left_out_before_the_list_is_cut(kb, tmp_path):
    listed = [(9, 0.3), (2, 0.3), (5, 0.2), (1, 0.1), (3, 0.1)]  # 9: nobody, 2: a tombstone
    batch = linked(document("a", TEXT, [mention(*SING, 9, candidates=listed), mention(*QUEEN, 2)]))
    mine = here(kb)
    row = columns(mine, batch, columns=("eids", "priors", "best"), candidates=2, renormalise=False)[0]
    assert (row["eids"], row["best"]) == ([[5, 1]], [-1])
    assert row["priors"][0] == pytest.approx([0.2, 0.1])
    assert mine.counts["candidates not in the knowledge base"] == 2
    assert mine.counts["mentions whose entity is not in the knowledge base"] == 2

    mine = here(kb, vectors=vectors(tmp_path / "v", [1, 3], "tiny"), folder=tmp_path)
    row = columns(mine, batch, columns=("eids", "priors"), candidates=2)[0]
    assert row == {"spans": row["spans"], "eids": [[1, 3]], "priors": [[0.5, 0.5]]}
    assert mine.counts["candidates without a vector"] == 1
    assert sorted(file.name for file in (tmp_path / "work" / "views").iterdir()) == ["alive.0", "vectors.0"]
    assert columns(here(kb, vectors=mine.vectors), batch, columns=("eids", "priors"), candidates=2)[0] == row


def test_vectors_of_another_knowledge_base_leave_out_nobody(kb, tmp_path):
    batch = linked(document("a", TEXT, [mention(*SING, 1, candidates=[(1, 0.5), (3, 0.25)])]))
    mine = here(kb, vectors=vectors(tmp_path / "v", [3], "other"))
    assert columns(mine, batch, columns=("eids",))[0]["eids"] == [[1, 3]]


def vectors(out, eids, name):
    with artefact.Staging(out, name) as staging:
        pq.write_table(
            pa.table({"row": pa.array(range(len(eids)), pa.uint32()), "eid": pa.array(eids, pa.uint32())}),
            staging.new / "ids.parquet",
        )
        staging.commit(artefact.begin("vectors", kbs=[KbRef(name=name, content="c")]))
    return out


def test_priors_that_are_all_zero_are_shared_alike(kb):
    batch = linked(document("a", TEXT, [mention(*SING, 1, candidates=[(1, 0.0), (3, 0.0)])]))
    assert columns(here(kb), batch)[0]["priors"] == [[0.5, 0.5]]


def test_overlapping_mentions(kb):
    text = "University College London"
    batch = linked(document("a", text, [
        mention(0, 25, 0, 0.3, candidates=[(0, 1.0)]), mention(0, 18, 1, 0.9, candidates=[(1, 1.0)]),
        mention(11, 25, 3, 0.8, candidates=[(3, 1.0)]), mention(19, 25, 5, 0.7, candidates=[(5, 1.0)]),
    ]))  # fmt: skip
    found = {how: columns(here(kb), batch, overlap=how)[0]["eids"] for how in ("all", "best", "longest")}
    assert found == {"all": [[0], [1], [3], [5]], "best": [[1], [5]], "longest": [[0]]}


def test_only_what_has_an_entity_and_is_likely(kb):
    batch = linked(document("a", TEXT, [
        mention(*SING, 1, 0.2), mention(*QUEEN, None, 0.0, candidates=[(3, 1.0)]),
        mention(*LONDON, 5, 0.1, kind="anchor"),
    ]))  # fmt: skip
    assert columns(here(kb), batch, columns=("best",), linked=True)[0]["best"] == [1, 5]
    assert columns(here(kb), batch, columns=("best",), min_p=0.3)[0]["best"] == [5]  # that one was told
    assert columns(here(kb), batch, columns=("best",))[0]["best"] == [1, -2, 5]


def test_examples_with_few_mentions_can_be_left_out(kb):
    mine = here(kb)
    batch = linked(
        document("a", TEXT, [mention(*SING, 1), mention(*LONDON, 5)]),
        document("b", TEXT, [mention(*SING, 1), mention(*LONDON, None, candidates=[(1, 1.0)])]),
        document("c", TEXT, []),
    )
    texts, few = texts_of(batch, mine.tokenizer), Settings(min_spans=2)
    prepared, rows = VIEW.prepare(texts, few, mine), cut(texts, mine.tokenizer)
    kept = VIEW.keep(prepared, rows, few, mine)
    assert kept is not None
    assert kept.tolist() == [True, False, False]
    assert VIEW.keep(prepared, rows, Settings(), mine) is None


def test_mentions_inside_tokens_and_at_the_ends_of_rows(kb):
    mine = here(kb)
    batch = linked(document("a", "Mercury sang 😀 x", [
        mention(0, 3, 1), mention(0, 12, 3), mention(7, 8, 4), mention(8, 12, 5),
    ]))  # fmt: skip
    texts = texts_of(batch, mine.tokenizer)
    pieces = len(mine.tokenizer.encode(["Mercury"]).ids)
    row = columns(mine, batch, columns=("best",))[0]
    assert row["best"] == ([3, 5] if pieces == 1 else row["best"])
    assert mine.counts["mentions without tokens"] == 1
    found = columns(mine, batch, size=len(mine.tokenizer.encode(["Mercury sang"]).ids) - 1, columns=("best",))
    assert [one["best"] for one in found][:1] == [[]] or 5 in found[0]["best"]
    assert mine.counts["mentions cut by the ends of examples"] >= 1
    whole = columns(mine, batch, columns=("best",), snap="outwards")[0]
    assert whole["best"][:2] == [3, 1] or whole["best"][:2] == [1, 3]
    assert said(mine, texts, whole["spans"])[-1] == "sang"


def test_links_of_a_corpus_are_their_own_candidates(kb):
    def link(start, end, id_=None, kind=None, p=None):
        return {"start": start, "end": end, "id": id_, "kb": None, "kind": kind, "p": p}

    links = [link(*SING, "Q42"), link(*QUEEN, "Q7", "gold"), link(*LONDON, kind="gold")]
    more = [link(0, 6, "Q999", "dictionary", 0.5), link(9, 14, kind="ner")]
    mine = here(kb)
    first, second, third = columns(
        mine,
        documents(TEXT, "London, Queen", "x", links=[links, more, None]),
        columns=("eids", "gold", "best", "p"),
    )
    assert (first["eids"], first["gold"], first["best"]) == ([[1], []], [1, -2], [1, -2])
    assert (second["eids"], second["gold"], second["best"], second["p"]) == ([[1]], [-1], [1], [0.5])
    assert third["eids"] == []
    assert mine.counts["links to no entity here"] == 1


def test_what_cannot_be_done_is_said(kb):
    batch = linked(document("a", TEXT, [mention(*SING, 1)]))
    with pytest.raises(ConfigError, match="no 'tyni' here; there are tiny"):
        columns(here(kb), batch, kbs=("tyni",))
    with pytest.raises(ConfigError, match="pass it with --kb"):
        columns(here(), batch, columns=("types",))
    with pytest.raises(ConfigError, match="1 at least"):
        Settings(candidates=0)
    nobody = here()
    nobody.kbs = ()
    with pytest.raises(ConfigError, match="which knowledge base"):
        VIEW.fields(Settings(), nobody)


def test_types_of_a_base_and_its_overlays_are_one_list(kb, tmp_path):
    base = gather([kb])[0].kb.manifest
    over = tiny_kb.write(
        tmp_path / "over",
        {"types": [{"eid": 0, "type": 4}, {"eid": 1, "type": 5}]},
        name="more",
        base=KbRef(name="tiny", content=base.content, id_space=base.id_space),
    )
    batch = linked(document("a", TEXT, [mention(*SING, 1), mention(*QUEEN, 0), mention(*LONDON, 4)]))
    for folder in (None, tmp_path / "build", tmp_path / "build"):
        assert columns(here(kb, over, folder=folder), batch, columns=("types",))[0]["types"] == [
            [0, 5],
            [4],
            [],
        ]


def test_arrays_that_somebody_else_made_meanwhile_are_taken(tmp_path):
    def made():
        (tmp_path / "x").mkdir()
        np.save(tmp_path / "x" / "all.npy", np.array([1, 2]))
        return {"all": np.array([1, 2])}

    assert _knowledge._mapped(tmp_path / "x", made)["all"].tolist() == [1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["x"]
