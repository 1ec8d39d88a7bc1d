"""Prior files: told apart by their look, counted as they say, resolved in every knowledge base."""

from __future__ import annotations

import bz2
import gzip
import random
import re
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.alias.building import prior_formats, priors
from kbtools.alias.building.names import Rules, read_range
from kbtools.alias.building.text import stage_prior
from kbtools.artefact import KbRef, manifest
from kbtools.corpus.base import Report
from kbtools.errors import SourceError
from kbtools.kb.reader import gather
from tests import tiny_kb

CROSSWIKIS = b"""\
Maine\t0.716553 Maine D W:22581/27409 W08 W09 WDB Wx:13813/15925 c dl:0/1 w:7537/8534 w':764/10507 x
Maine\t0.25 USS_Maine_(ACR-1) W:3/27409
Maine\t0 maine_coon KB W08 f
A Piece\t0.777778 A_Piece_of_the_Action_(Star_Trek) NR RWB W:6/7 W08 WDB w':1/2
no counts\t0.5 Maine
"""

PEM = b"""Maine\t200\t1,0.75,Maine\t2,0.2512,USS_Maine_(ACR-1)\t3,0.0001,Maine_coon\t
ME\t10\t1,1,Maine
twice\t100\t1,1.0,Maine\t2,0.6,Maine_coon
unknown\t1\t1,0.25,Maine\t3,0.75,Maine_coon
"""

COUNTS = b"""Maine\t200\t1,150,Maine\t2,50,USS_Maine_(ACR-1)\t
once\t1\t1,1,Maine
both\t2\t1,1,Maine\t3,1,Maine_coon
"""

SURE = b"Maine\t2\t1,Maine\t2,10,000_Maniacs\n"

PLAIN = "surface\tid\tcount\nDownEast\tQ724\t12\n缅因\tQ724\t7\nMaine\tQ1\t0\nMaine\tMaine\t3\r\n".encode()


def listed(data, path):
    path.write_bytes(data)
    report = Report()
    with prior_formats.PriorFile(str(path)) as file:
        table = pa.Table.from_batches(file.rows(report), prior_formats.ROWS)
        told = table.select(["text", "name", "n"]).to_pylist()
        return file.look, [(row["text"], row["name"], row["n"]) for row in told], report


def test_crosswikis_counts_are_the_sum_of_their_samples(tmp_path):
    """(22581 + 13813 + 7537 + 764) of (27409 + 15925 + 8534 + 10507) is .716553."""
    look, found, report = listed(CROSSWIKIS, tmp_path / "x")
    assert look.kind == "crosswikis"
    assert found == [
        ("Maine", "Maine", 44_695),
        ("Maine", "USS_Maine_(ACR-1)", 3),
        ("A Piece", "A_Piece_of_the_Action_(Star_Trek)", 7),
        ("no counts", "Maine", 50),
    ]
    assert report.counts == {"read": 5, "skipped: a count of 0": 1}


def test_probabilities_are_shares_of_the_total(tmp_path):
    look, found, report = listed(PEM, tmp_path / "x")
    assert look == ("p(e|m)", True, True)
    assert found == [
        ("Maine", "Maine", 150),  # the sum, 1.0013, is above 1 by a hair: 149.8
        ("Maine", "USS_Maine_(ACR-1)", 50),
        ("ME", "Maine", 10),
        ("twice", "Maine", 62),  # two distributions added up are halved: 62.5, to even
        ("twice", "Maine_coon", 37),
        ("unknown", "Maine", 25),  # a total of 1 of two candidates says nothing
        ("unknown", "Maine_coon", 75),
    ]
    assert report.counts["skipped: a count of 0"] == 1


def test_counts_are_taken_as_they_are(tmp_path):
    look, found, _ = listed(COUNTS, tmp_path / "x")
    assert look == ("p(e|m)", True, False)
    assert [n for *_, n in found] == [150, 50, 1, 1, 1]
    look, found, _ = listed(SURE, tmp_path / "x")
    assert not look.valued
    assert found == [("Maine", "Maine", 1), ("Maine", "10,000_Maniacs", 1)]


def test_plain_files(tmp_path):
    look, found, report = listed(PLAIN, tmp_path / "x")
    assert look.kind == "plain"
    assert found == [("DownEast", "Q724", 12), ("缅因", "Q724", 7), ("Maine", "Maine", 3)]
    assert report.rejects == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (CROSSWIKIS, ["x\t1.5 A", "x\tnan A", "x\t0.5", "x", "x\t-1 A W:1/2", "\t\t"]),
        (PEM, ["x\t1\t1;2", "x\tmany\t1,0.5,A", "x\t5", "x\t1\t1,-1,A", "x\t1\t1,nan,A", "x\t1e99\t1,1,A"]),
        (PLAIN, ["x\tQ1\t-1", "x\tQ1\t1.5", "x\tQ1", "x\tQ1\t1\t1", "x\tQ1\t99999999999999999999"]),
    ],
)  # fmt: skip
def test_bad_lines_are_rejected_with_their_numbers(good, bad, tmp_path):
    _, before, _ = listed(good, tmp_path / "x")
    lines = [line.encode() for line in bad] + [b"\xff" + good.split(b"\n")[1], b"a\0" + good.split(b"\n")[1]]
    data = good + b"\n".join(lines)
    _, after, report = listed(data, tmp_path / "x")
    first = good.count(b"\n") + 1
    assert after == before
    assert [one["line"] for one in sorted(report.rejects, key=lambda one: one["line"])] == [
        first + i for i, line in enumerate(lines)
    ]
    for one in report.rejects:
        assert data[one["byte"] :].startswith(data.split(b"\n")[one["line"] - 1])
        assert one["reason"]


def test_a_file_of_another_kind_is_refused(tmp_path):
    for data in [b"just text\n", b"{}\n", b"\x89PNG\r\n\x1a\n\0\0"]:
        with pytest.raises(SourceError, match="not a prior file") as error:
            listed(data, tmp_path / "x")
        assert "\n" not in str(error.value)
    for path in ["none", "."]:
        with pytest.raises(SourceError):
            prior_formats.PriorFile(str(tmp_path / path))


KEYS = ("W", "Wx", "w", "w'", "dl", "c")


def slow_crosswikis(text):
    for line in text.splitlines():
        surface, rest = line.split("\t")
        share, name, *info = rest.split(" ")
        counts = [int(found[1]) for one in info if (found := re.fullmatch(r"(?:Wx?|w'?):(\d+)/\d+", one))]
        yield surface, name, sum(counts) if counts else round(float(share) * 100)


def test_blocks_change_nothing(tmp_path, monkeypatch):
    rng = random.Random(1)
    lines = []
    for i in range(3000):
        info = [
            f"{key}:{rng.randrange(9)}/{9}" for key in ("W", "Wx", "w", "w'", "dl", "c") if rng.random() < 0.5
        ]
        lines.append(f"s{rng.randrange(50)} é\t{rng.random():.3g} T_{i} {' '.join(info)}".rstrip())
    data = "\n".join(lines)
    expected = [row for row in slow_crosswikis(data) if row[2]]
    for head, size in [(1 << 20, 4 << 20), (700, 100), (5000, 3000)]:
        monkeypatch.setattr(prior_formats, "HEAD", head)
        monkeypatch.setattr(prior_formats, "SIZE", size)
        for pack in (bytes, gzip.compress, bz2.compress):
            _, found, report = listed(pack(data.encode()), tmp_path / "x")
            assert found == expected
            assert report.counts["read"] == 3000


@given(st.lists(st.tuples(st.integers(0, 10**6), st.lists(st.floats(0, 2), min_size=1, max_size=5))))
def test_no_probabilities_outweigh_their_total(tmp_path_factory, told):
    lines = ["x\t3\t1,0.5,A\t2,0.5,B"]
    for total, shares in told:
        lines.append(f"s\t{total}\t" + "\t".join(f"{i},{share:.6f},T" for i, share in enumerate(shares)))
    path = tmp_path_factory.mktemp("x") / "x"
    path.write_text("\n".join(lines))
    with prior_formats.PriorFile(str(path)) as file:
        (batch,) = file.rows(Report())
    line = np.cumsum([1, *(len(shares) for _, shares in told)])
    assert batch["n"].to_numpy().sum() <= sum(max(total, 100) + len(shares) for total, shares in told) + 4
    assert len(line) == len(lines)


def worlds(tmp_path):
    """A base of items with sitelinks, an overlay with redirects of titles, and a base of titles."""
    items = [tiny_kb.entity(i, f"Q{n}", None) for i, n in enumerate([1, 724, 55, 99])]
    items[3]["flags"] = 1
    wikidata = tiny_kb.write(
        tmp_path / "wikidata",
        {
            "entities": items,
            "redirects": [{"from_id": "Q99", "to_eid": 1, "kind": "merge"}],
            "sitelinks": [
                {"eid": 1, "site": "enwiki", "title": "Maine"},
                {"eid": 2, "site": "dewiki", "title": "Maine coon"},
                {"eid": 2, "site": "enwiki", "title": "Maine Coon"},
            ],
        },
        name="wikidata",
        id_space=["a"],
    )
    wiki = tiny_kb.write(
        tmp_path / "wiki",
        {"redirects": [{"from_id": "Maine coon", "to_eid": 2, "kind": "title"}]},
        name="wiki",
        base=ref(wikidata),
    )
    titled = tiny_kb.write(
        tmp_path / "titled",
        {"entities": [tiny_kb.entity(0, "Q724", None), tiny_kb.entity(1, "USS Maine (ACR-1)", None)]},
        name="titled",
    )
    return gather([wikidata, wiki, titled])


def ref(path):
    made = manifest.read(path)
    return KbRef(name=made.name or "", content=made.content, id_space=made.id_space)


def resolved(data, tmp_path, **more):
    path = tmp_path / "priors"
    path.write_bytes(data)
    report = Report()
    batches = list(priors.read(str(path), worlds(tmp_path), report=report, **more))
    assert all(batch.schema == priors.SCHEMA for batch in batches)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()], report


def test_titles_are_resolved_in_every_knowledge_base(tmp_path):
    found, report = resolved(COUNTS + b"coon\t9\t5,4,maine_coon\t6,3,Nobody\t7,2,Q99\t", tmp_path)
    assert found == [
        ("Maine", 0, 1, 150), ("Maine", 1, 1, 50), ("once", 0, 1, 1), ("both", 0, 1, 1),
        ("both", 0, 2, 1), ("coon", 0, 2, 4), ("coon", 0, 1, 2),
    ]  # fmt: skip
    assert report.counts["skipped: no such entity"] == 1


def test_other_wikis(tmp_path):
    found, _ = resolved(b"x\t2\t1,1,Maine\t3,1,Maine_coon\n", tmp_path, site="dewiki")
    assert found == [("x", 0, 2, 1)]


def test_ids_are_resolved_before_titles(tmp_path):
    found, report = resolved(PLAIN + b"x\tQ99\t5\nx\tq99\t1\n", tmp_path, folder=tmp_path, memory=1)
    assert found == [
        ("DownEast", 0, 1, 12), ("DownEast", 1, 0, 12), ("缅因", 0, 1, 7), ("缅因", 1, 0, 7),
        ("Maine", 0, 1, 3), ("x", 0, 1, 5), ("x", 0, 1, 1),
    ]  # fmt: skip
    assert report.counts["read"] == 6
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("priors-")]


def test_staged_names_of_every_knowledge_base(tmp_path):
    bases = worlds(tmp_path)
    (tmp_path / "priors").write_bytes(PLAIN + b"x\tQ99\t5\n\tQ724\t3\n")
    (tmp_path / "out/work").mkdir(parents=True)
    outcome = stage_prior(
        tmp_path / "out",
        part="work/priors/000",
        memory=1 << 28,
        file=str(tmp_path / "priors"),
        kbs=[str(part.path) for base in bases for part in base.parts],
        rules=Rules([], 1, 300, "keep", [], ["m"])._asdict(),
        site="enwiki",
    )
    names: dict[tuple[int, int], list[tuple[str, int, int]]] = defaultdict(list)
    for number in range(2):
        for batch in read_range([tmp_path / "out" / file for file in outcome.files], number):
            for row in batch.to_pylist():
                names[row["kb"], number].append((row["norm"], row["eid"], row["n"]))
    assert names == {
        (0, 0): [("downeast", 1, 12)], (0, 1): [("缅因", 1, 7), ("maine", 1, 3), ("x", 1, 5)],
        (1, 0): [("downeast", 0, 12)], (1, 1): [("缅因", 0, 7)],
    }  # fmt: skip
    assert outcome.facts["counts"]["rejected"] == len(outcome.facts["rejects"]) == 2  # in either base


def test_a_published_file(realdata, tmp_path):
    path = str(realdata / "el/allenai-kb/linking/priors.txt")
    report = Report()
    with prior_formats.PriorFile(path) as file:
        table = pa.Table.from_batches(file.rows(report))
        assert file.look == ("p(e|m)", True, True)
    assert report.rejects == []
    text = (realdata / "el/allenai-kb/linking/priors.txt").read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.split("\n") if line]
    assert report.counts["read"] == sum(len([field for field in line[2:] if field]) for line in lines)
    slow = []
    for surface, total, *fields in lines:
        shares = [field.split(",", 2) for field in fields if field]
        summed = max(1.0, sum(float(share) for _, share, _ in shares))
        slow += [(surface, title, round(float(share) / summed * int(total))) for _, share, title in shares]
    fast = list(zip(*(table[name].to_pylist() for name in ("text", "name", "n")), strict=True))
    assert fast == [row for row in slow if row[2]]
