"""Candidates of real disease mentions (NCBI disease corpus) among the names of the Disease Ontology."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict

import pyarrow.parquet as pq
import pytest

from kbtools import api, linkers, report
from kbtools.linkers.index.evaluation import Evaluation, Settings

MAP = """
[[entities]]
file = "entities.tsv"
id = "id"
label = "label"

[[names]]
file = "names.tsv"
id = "id"
text = "name"
source = "user"

[format]
quotes = false
"""


def mentions(path):
    """Yield the mention and its codes, as the Disease Ontology writes them."""
    for line in path.read_text("utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) == 6:
            codes = [re.sub("^(MESH|O?MIM):", "", code.strip()) for code in re.split(r"[|+]", fields[5])]
            yield fields[3], [f"MESH:{code}" if code[0] in "DC" else f"MIM:{code}" for code in codes]


@pytest.fixture(scope="module")
def room(realdata, tmp_path_factory):
    """A knowledge base of MeSH and OMIM codes, its table and indexes, and mentions of the corpus."""
    here = tmp_path_factory.mktemp("diseases")
    labels = defaultdict(list)
    with (realdata / "obo/do/DOreports/allXREFinDO.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["xref"].startswith(("MESH:", "MIM:")):
                labels[row["xref"]].append(row["label"])
    corpus = realdata / "bio/ncbi-disease"
    read = {part.name: [*mentions(next(part.glob("*.txt")))] for part in (corpus / "train", corpus / "devel")}
    seen = [(codes[0], name) for name, codes in read["train"] if len(codes) == 1 and codes[0] in labels]
    names = [(code, label) for code, all_ in labels.items() for label in all_[1:]] + seen
    first = [(code, all_[0]) for code, all_ in labels.items()]
    for table, head, rows in (("entities", "label", first), ("names", "name", names)):
        (here / f"{table}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in [("id", head), *rows]))
    (here / "map.toml").write_text(MAP)
    single = [{"surface": name, "id": codes[0]} for name, codes in read["devel"] if len(codes) == 1]
    (here / "devel.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in single))
    tables = [here / "entities.tsv", here / "names.tsv"]
    api.ingest("table", tables, here / "kb", name="diseases", map=str(here / "map.toml"))
    api.build_alias([here / "kb"], here / "alias")
    linkers.build_index(here / "alias", here / "fuzzy", kind="fuzzy")
    linkers.build_index(here / "kb", here / "dense", kind="dense")
    return here


@pytest.fixture(scope="module")
def found(room):
    """What the command finds for the mentions of the development set."""
    asked = Evaluation(
        room / "alias",
        room / "devel.jsonl",
        indexes=[linkers.open_index(room / name) for name in ("fuzzy", "dense")],
        settings=Settings(plots=False, resamples=100),
    )
    report.make(room / "report", asked.run, task="candidates", **asked.lineage)
    return report.load(room / "report")


def recall(found, system, k):
    wanted = (system, f"recall@{k}", "")
    return next(one.value for one in found.measures if (one.system, one.metric, one.by) == wanted)


def test_every_mention_is_accounted_for(found):
    assert found.counts == {"read": 757, "unknown ids": 73, "mentions": 684}
    assert found.notes == ["73 of 757 mentions have an id that no knowledge base knows; they are left out."]


@pytest.mark.parametrize(
    ("system", "floors"),  # recall@1, @5, @10, @30, @100: measured .737 .747, .804 .854 .867 .876 .877, ...
    [
        ("alias", (0.72, 0.73, 0.73, 0.73, 0.73)),
        ("fuzzy", (0.79, 0.84, 0.85, 0.86, 0.865)),
        ("dense", (0.38, 0.46, 0.50, 0.53, 0.55)),
        ("fused", (0.78, 0.855, 0.875, 0.895, 0.905)),
    ],
)
def test_recall(found, system, floors):
    values = [recall(found, system, k) for k in (1, 5, 10, 30, 100)]
    assert values == sorted(values)
    assert all(value >= floor for value, floor in zip(values, floors, strict=True))


def test_the_fused_list_has_more_than_any_source(found):
    for k in (5, 10, 30, 100):
        assert recall(found, "fused", k) > max(recall(found, one, k) for one in ("alias", "fuzzy", "dense"))


def test_exact_recall_is_that_of_a_dictionary(room, found):
    names = defaultdict(set)
    for table in ("entities", "names"):
        for line in (room / f"{table}.tsv").read_text("utf-8").splitlines()[1:]:
            code, name = line.split("\t")
            names[name].add(code)
    rows = pq.read_table(room / "report/predictions.parquet").to_pylist()
    literal = {i for i, row in enumerate(rows) if row["id"] in names[row["mention"]]}
    ours = {i for i, row in enumerate(rows) if row["rank alias"] is not None}
    assert literal <= ours  # and what differs by case, punctuation, or an English plural
    assert len(literal) / len(rows) > 0.6
    assert recall(found, "alias", 100) == pytest.approx(len(ours) / len(rows))


def test_typos_find_the_true_name(room):
    rows = pq.read_table(room / "report/predictions.parquet").to_pylist()
    known = sorted({row["mention"] for row in rows if row["rank alias"] == 1 and len(row["mention"]) > 7})
    index = linkers.open_index(room / "fuzzy")
    wrong = [name[:3] + name[4] + name[3] + name[5:] for name in known]
    right, hits = index.search(known, 1), index.search(wrong, 10)
    pairs = [
        (right.eid[right.offsets[i]], set(hits.eid[hits.offsets[i] : hits.offsets[i + 1]].tolist()))
        for i in range(len(known))
    ]
    assert len(known) > 100
    assert sum(int(eid) in ten for eid, ten in pairs) / len(pairs) >= 0.99
