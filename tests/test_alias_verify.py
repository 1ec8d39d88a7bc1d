from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from kbtools import api, artefact
from kbtools.about import verify
from tests import tiny_alias, tiny_kb


@pytest.fixture
def alias(tmp_path):
    return tiny_alias.build(tmp_path)


def problems(alias) -> list[str]:
    assert verify(alias).problems == []  # nothing that the manifest could tell
    return verify(alias, deep=True, threads=1).problems


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_table(alias, deep):
    found = verify(alias, deep=deep)
    assert (found.kind, found.problems) == ("alias", [])


def test_several_knowledge_bases(tmp_path):
    one = tiny_alias.kb(tmp_path / "one")
    two = tiny_alias.kb(tmp_path / "two", tiny_alias.NAMES[:4], name="two")
    api.build_alias([one, two], tmp_path / "both")
    assert verify(tmp_path / "both", deep=True).problems == []


def test_a_name_that_was_never_seen_is_sound(tmp_path):
    alias = tiny_alias.build(tmp_path, [tiny_alias.name(0, "hound", "lemma", 0), tiny_alias.name(1, "hound")])
    assert verify(alias, deep=True).problems == []


def test_a_table_without_names(tmp_path):
    alias = tiny_alias.build(tmp_path, [tiny_alias.name(0, "\u200b")])
    assert verify(alias, deep=True).problems == []


def test_files_gone_and_changed_are_named(alias):
    (alias / "forms/00000.parquet").unlink()
    data = bytearray((alias / "lookup/eids.npy").read_bytes())
    data[-1] ^= 1
    (alias / "lookup/eids.npy").write_bytes(data)
    found = verify(alias, deep=True).problems
    assert any("forms/00000.parquet: gone" in one for one in found)
    assert any("lookup/eids.npy: damaged: its bytes have changed" in one for one in found)
    assert len(found) == 2  # the tables that are whole are sound


def rows_of(alias, table) -> pa.Table:
    return pq.read_table(alias / table / "00000.parquet")


def test_order(alias):
    rows = rows_of(alias, "counts")
    tiny_alias.store(alias, "counts", rows.take(list(range(rows.num_rows))[::-1]))
    found = problems(alias)
    assert found == ["counts: row 1 is out of order; rows are sorted by norm, surface, kb, eid, source"]


def test_priors_and_ranks(alias):
    tiny_alias.change(alias, "candidates", prior=lambda values: [values[0] / 2, *values[1:]])
    found = problems(alias)
    assert found[0] == "candidates: the priors of 1 name do not sum to 1; those of 'germany' to 0.500000"
    assert found[1:] == ["lookup: 1 of its candidates are not those of the table"]


def test_ranks_have_no_gaps(alias):
    tiny_alias.change(alias, "candidates", rank=lambda values: [2 if v == 1 else v for v in values])
    assert any(one.startswith("candidates: ranks are not 0, 1, 2 … in ") for one in problems(alias))


def test_priors_fall_with_rank(alias):
    def turned(values):
        return [values[0], values[2], values[1], *values[3:]]

    tiny_alias.change(alias, "candidates", prior=turned)
    assert any(
        "with a better prior than the rank before, such as of 'nato'" in one for one in problems(alias)
    )


@pytest.mark.parametrize("bad", [float("nan"), 1.5, -0.5])
def test_priors_are_shares(alias, bad):
    tiny_alias.change(alias, "candidates", prior=lambda values: [bad, *values[1:]])
    assert "candidates: 1 row with a prior that is not from 0 to 1" in problems(alias)


def test_other_formulas_need_not_sum_to_one(alias):
    tiny_alias.change(alias, "candidates", prior=lambda values: [value * 0.9 for value in values])
    tiny_kb.edit_manifest(alias, settings={"compat": "rel"})
    assert not any(one.startswith("candidates") for one in problems(alias))


def test_candidates_are_counted(alias):
    counts = rows_of(alias, "counts")
    german = pc.equal(counts["norm"], "germany")
    tiny_alias.store(alias, "counts", counts.filter(pc.invert(german)))
    found = problems(alias)
    assert "candidates: 1 row of entities that are not in counts, such as of 'germany'" in found
    assert "forms: 2 spellings that are not in counts, such as of 'germany'" in found


def test_sources_are_counted(alias):
    tiny_alias.change(alias, "candidates", sources=lambda values: [1 << 12, *values[1:]])
    assert problems(alias) == ["candidates: 1 row with a source that is not in counts"]


def test_links_are_those_of_counts(alias):
    tiny_alias.change(alias, "forms", linked=lambda values: [7, *values[1:]])
    found = "forms: 1 spelling whose links are not those of counts, such as of 'germany'"
    assert problems(alias) == [found]


def test_norms_are_those_of_the_surfaces(alias):
    tiny_alias.change(alias, "counts", surface=lambda values: ["germany!", *values[1:]])
    tiny_alias.change(
        alias, "forms", surface=lambda values: [v and v.replace("Germany", " Germany") for v in values]
    )
    found = problems(alias)
    assert any(one.startswith("forms: 1 row with a surface that does not belong") for one in found)
    assert not any(one.startswith("counts: 1 row with a surface") for one in found)  # "germany!" does
    tiny_alias.change(alias, "counts", surface=lambda values: ["spain", *values[1:]])
    message = "counts: 1 row with a surface that does not belong to its norm, such as 'spain'"
    assert message in problems(alias)


def test_counts_are_counts(alias):
    tiny_alias.change(
        alias,
        "counts",
        kb=lambda values: [3, *values[1:]],
        source=lambda values: ["hearsay", *values[1:]],
    )
    found = problems(alias)
    for line in [
        "counts: 1 row of a knowledge base that the manifest does not name",
        "counts: 1 row of an unknown source",
    ]:
        assert line in found


def array(alias, name, change) -> None:
    path = alias / f"lookup/{name}.npy"
    found = np.load(path)
    change(found)
    np.save(path, found)
    tiny_alias.reseal(alias, "lookup")


def test_the_look_up_leads_where_the_tables_say(alias):
    def shift(firsts):
        firsts[0] += 1

    array(alias, "firsts", shift)
    assert problems(alias) == ["lookup: names that lead to other candidates: 1, such as 'germany'"]


def test_the_look_up_finds_every_name(alias):
    def forget(tags):
        tags[:] = ~tags

    array(alias, "tags", forget)
    found = problems(alias)
    assert found[0].startswith("lookup: names that are not found: ")


def test_the_look_up_has_the_names_of_forms(alias):
    def respell(data):
        data[0] = ord("h")

    array(alias, "norms", respell)
    assert "lookup: its names are not those of forms, from number 0 on" in problems(alias)


@pytest.mark.parametrize("name", ["entries", "offsets", "places", "buckets"])
def test_arrays_that_point_nowhere_are_told_in_one_line(alias, name):
    def far(values):
        values[:-1] += 1_000

    array(alias, name, far)
    (*_, message) = problems(alias)
    assert message.startswith("lookup: ")
    assert "\n" not in message


def test_a_look_up_of_another_table(alias, tmp_path):
    other = tiny_alias.build(tmp_path / "other", tiny_alias.NAMES[:6])
    manifest = artefact.read(alias)
    lookup = artefact.read(other).tables["lookup"]
    for file in lookup.files:
        (alias / file.path).write_bytes((other / file.path).read_bytes())
    tiny_alias.seal(alias, {**manifest.tables, "lookup": msgspec.structs.replace(lookup, rows=3)})
    assert any(one.startswith("lookup: it has ") for one in problems(alias))


def test_an_index_is_verified_by_its_files(tmp_path):
    with artefact.Staging(tmp_path / "index", "plan") as staging:
        (staging.new / "index.faiss").write_bytes(b"x" * 9)
        entry = artefact.entry(staging.new, "index.faiss")
        table = artefact.Table(rows=1, files=[entry], schema="faiss")
        staging.commit(artefact.begin("index", tables={"vectors": table}))
    assert verify(tmp_path / "index", deep=True).problems == []
    (tmp_path / "index/index.faiss").write_bytes(b"y" * 9)
    (message,) = verify(tmp_path / "index", deep=True).problems
    assert message.endswith("damaged: its bytes have changed")
