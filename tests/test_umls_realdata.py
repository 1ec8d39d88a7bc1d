"""The published sample of the NCI Metathesaurus, a small fixture of another program, and our own sample."""

import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kbtools.api import ingest
from kbtools.errors import SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.umls import SOURCE, Settings, codes
from tests.tiny_umls import Staged

SAMPLE = Path(__file__).parents[1] / "data/sample/umls"
OPEN: dict[str, Any] = {"langs": ("all",), "suppress": ("none",), "outdated": True}


@pytest.fixture(scope="module")
def nci(request):
    return request.getfixturevalue("realdata") / "umls/wci-sample/SAMPLE_NCI"


def columns(path, *wanted):
    """Read a file line by line."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield tuple(line.split("|")[place] for place in wanted)


def test_every_row_of_the_sample_is_accounted_for(nci, tmp_path):
    found = Staged(nci, tmp_path, **OPEN, self_relations=True)
    assert found.counts["read: MRCONSO"] == len(found.rows["surfaces"]) == 18_574
    assert found.counts["read: MRREL"] == 38_458
    assert found.counts["rejected"] == 0
    assert len({*found.pairs("surfaces", "entity")}) == 2_192
    assert found.notes == {"concepts without a name": 46}
    assert found.reading.notes["files not read"] == ["MRAUI.RRF", "MRHIER.RRF", "MRHIST.RRF", "MRSMAP.RRF"]
    assert found.reading.notes["release"] == "2015AB"
    heads = Counter(columns(nci / "MRREL.RRF", 4, 0))
    network = {tui for (tui,) in columns(nci / "SRDEF", 1)}
    triples = Counter(pair for pair in found.pairs("triples", "entity", "tail") if pair[0] not in network)
    assert triples == heads
    assert found.counts["skipped: MRCUI, RO and not SY"] == 11


def test_the_preferred_name_by_rank_is_the_one_that_is_flagged(nci, tmp_path):
    found = Staged(nci, tmp_path, **OPEN)
    flagged = {
        cui: text
        for cui, ts, stt, pref, text in columns(nci / "MRCONSO.RRF", 0, 2, 4, 6, 14)
        if (ts, stt, pref) == ("P", "PF", "Y")
    }
    labels = found.labels()
    same = sum(labels[cui] == text for cui, text in flagged.items())
    assert same >= 0.99 * len(flagged)


def test_the_sample_becomes_a_knowledge_base(nci, tmp_path):
    ingest("umls", [str(nci)], tmp_path / "kb", **OPEN)
    kb = Kb(tmp_path / "kb")
    entities = kb.table("entities").to_pylist()
    concepts = [row for row in entities if row["id"][0] == "C"]
    assert len(concepts) == 2_192 + 46
    assert sum(row["label"] is None for row in concepts) == 46
    network = {row["eid"] for row in entities} - {row["eid"] for row in concepts}
    triples = [row for row in kb.table("triples").to_pylist() if row["head"] not in network]
    assert len(triples) == 38_458 - 16_170  # these are between names of one concept
    assert kb.table("redirects").num_rows == 8
    assert kb.table("types").num_rows == len({*columns(nci / "MRSTY.RRF", 0, 1)})  # one is stated twice
    defined = [*columns(nci / "MRDEF.RRF", 0, 4, 5)]
    assert len(defined) == 1_142
    assert kb.table("descriptions").num_rows == len({*defined}) + 133  # five are stated twice
    levels = {licence.source.split()[1]: licence.level for licence in kb.manifest.licences}
    assert levels["SNOMEDCT_US"] == "9"
    assert levels["MSH"] == "0"


def test_the_small_fixture_is_read(realdata, tmp_path):
    found = Staged(realdata / "umls/scispacy/umls_META", tmp_path)
    assert found.labels() == {
        "C0000005": "(131)I-Macroaggregated Albumin",
        "C0000039": "1,2-Dipalmitoylphosphatidylcholine",
        "T116": "Amino Acid, Peptide, or Protein",
        "T109": "Organic Chemical",
        "T121": "Pharmacologic Substance",
    }
    assert found.counts["rejected"] == 0


def test_what_is_no_release_is_refused_in_one_line(realdata):
    folders = ["umls/scispacy", "umls/wci-sample", "umls/wci-sample/SAMPLE_NCI/mr/NET"]
    files = [*(realdata / "umls").rglob("*.*")]
    for path in [*(realdata / folder for folder in folders), *(path for path in files if path.is_file())]:
        with pytest.raises(SourceError) as caught:
            SOURCE.plan([str(path)], Settings())
        assert "MRCONSO.RRF" in str(caught.value)


def test_the_groups_cover_the_network(nci):
    known = {tui for group in codes.GROUPS.values() for tui in group.split()}
    assert {tui for kind, tui in columns(nci / "SRDEF", 0, 1) if kind == "STY"} <= known


def test_our_sample(tmp_path):
    folder = SAMPLE / "META"
    found = Staged(folder, tmp_path, langs=("en", "zh"))
    assert found.labels()["C0004057"] == "aspirin"
    assert ("C0004057", "阿司匹林", "zh") in found.pairs("surfaces", "entity", "text", "lang")
    assert ("C0004057", "may_treat", "C0015967") not in found.pairs("triples", "entity", "relation", "tail")
    assert ("C0025598", "may_treat", "C0011860") in found.pairs("triples", "entity", "relation", "tail")
    assert ("C0011860", "isa", "C0011849") in found.pairs("triples", "entity", "relation", "tail")
    assert ("T191", "isa", "T047") in found.pairs("triples", "entity", "relation", "tail")
    texts = found.pairs("surfaces", "text")
    assert not {"maturity-onset diabetes", "dropsy"} & {*texts}
    assert "fever (TINYX)" in texts
    shareable = Staged(folder, tmp_path, max_srl=0)
    assert not any("TINYX" in text for text in shareable.pairs("surfaces", "text"))
    assert {licence.redistribute for licence in shareable.reading.licences} == {"yes"}
    assert {licence.redistribute for licence in found.reading.licences} == {"yes", "no"}


def test_our_sample_is_what_its_script_writes(tmp_path, monkeypatch):
    script = runpy.run_path(str(SAMPLE / "build.py"))
    monkeypatch.setitem(script["main"].__globals__, "META", tmp_path / "META")
    monkeypatch.setitem(script["main"].__globals__, "NET", tmp_path / "NET")
    script["main"]()
    for name in ("META", "NET"):
        committed = {path.name: path.read_bytes() for path in (SAMPLE / name).iterdir()}
        assert {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} == committed
