"""A report folder: whole, readable, the same bytes again, harmless whatever a knowledge base holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kbtools import api, report
from kbtools.artefact import Input, Licence
from kbtools.errors import ArtefactError, MissingExtraError
from kbtools.metrics import Comparison, Curve, Line, Measure, Results
from kbtools.report import pages, plots

NASTY = "<script>alert('|$x$|')</script>\n# 上海"
INPUTS = [Input(path="/somewhere/data.jsonl", kind="file", content="abc")]


def results(title: str = "Candidates") -> Results:
    return Results(
        title=title,
        measures=[
            Measure(system="alias", metric="recall@1", value=0.5, n=1200, low=0.4, high=0.6),
            Measure(system="alias", metric="recall@10", value=0.75, n=1200, low=0.7, high=0.8),
            Measure(system="fused", metric="recall@1", value=0.625, n=1200),
            Measure(system="alias", metric="recall@1", value=0.25, n=400, by="type", group=NASTY),
        ],
        predictions=pa.table({"mention": ["Paris", None], "rank": pa.array([1, None], pa.uint32())}),
        comparisons=[
            Comparison(
                system="fused", other="alias", metric="recall@1",
                difference=0.125, low=0.1, high=0.15, p=0.001, n=1200,
            )
        ],
        curves=[
            Curve(
                name="recall", title="Recall", x="k", y="recall@k", log_x=True,
                lines=[Line(name="alias", x=[1, 10], y=[0.5, 0.75], low=[0.4, 0.7], high=[0.6, 0.8])],
            ),
            Curve(
                name="type", title="By type", x="type", y="recall@10",
                lines=[
                    Line(name=NASTY, x=["human", NASTY], y=[0.5, 0.25], low=[0.4, 0.2], high=[0.6, 0.3]),
                    Line(name="fused", x=["human"], y=[0.5]),
                ],
            ),
        ],
        counts={"read": 1234, "unknown ids": 3},
        notes=[NASTY],
        files={"fusion.toml": b"bias = 1.0\n"},
    )  # fmt: skip


def make(out: Path, **options) -> Path:
    options = {"task": "candidates", "settings": {"seed": 0, "ks": (1, 5)}, "inputs": INPUTS, **options}
    report.make(out, results, **options)
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    pytest.importorskip("matplotlib")
    return make(tmp_path_factory.mktemp("report") / "r")


def test_everything_is_there_and_in_the_manifest(made):
    files = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert files == {
        "manifest.json", "report.json", "report.md", "report.html", "fusion.toml", "predictions.parquet",
        "plots/recall.svg", "plots/type.svg",
    }  # fmt: skip
    assert api.verify(made).problems == []
    assert pq.read_table(made / "predictions.parquet").to_pylist()[1] == {"mention": None, "rank": None}


def test_every_number_can_be_read_back(made):
    found, given = report.load(made), results()
    assert found.measures == given.measures
    assert found.comparisons == given.comparisons
    assert found.counts == given.counts
    assert found.settings == {"seed": 0, "ks": [1, 5]}
    assert [(one.name, one.content) for one in found.inputs] == [("data.jsonl", "abc")]
    assert "somewhere" not in (made / "report.json").read_text()  # the same on every machine


def test_the_same_results_are_the_same_bytes(made, tmp_path):
    again = make(tmp_path / "again")
    for path in made.rglob("*"):
        if path.is_file() and path.name != "manifest.json":
            assert (again / path.relative_to(made)).read_bytes() == path.read_bytes(), path


def test_tables_for_people(made):
    text = (made / "report.md").read_text()
    assert "| alias | 1,200 | 0.500 [0.400, 0.600] | 0.750 [0.700, 0.800] |" in text
    assert "| fused | 1,200 | 0.625 |  |" in text
    assert "| fused | alias | recall@1 | 1,200 | +0.125 [+0.100, +0.150] | 0.0010 |" in text
    assert "![plots/recall.svg](plots/recall.svg)" in text
    widths = {
        len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if "上海" in line and line[0] == "|"
    }
    assert widths == {5}  # group, system, n, recall@1 in one row, whatever the group is called


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href"}]


def test_one_page_by_itself_and_nothing_runs_in_it(made):
    page = (made / "report.html").read_text()
    seen = Tags()
    seen.feed(page)
    assert seen.tags.count("svg") == 2
    assert seen.tags.count("table") == 6
    assert not {"script", "img", "link", "iframe"} & {*seen.tags}
    assert all(link.startswith("#") for link in seen.links)


def test_plots_are_whole_and_show_any_script(made):
    for path in (made / "plots").iterdir():
        ElementTree.parse(path)
    text = (made / "plots/type.svg").read_text()
    assert "上海" in text
    assert "<script" not in text
    assert "date" not in text


def test_without_plots_no_plot_library_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "need", lambda *_, **__: pytest.fail("asked for matplotlib"))
    path = make(tmp_path / "r", draw=False)
    assert not (path / "plots").exists()
    assert "svg" not in (path / "report.html").read_text().partition("<h1>")[2]
    assert api.verify(path).problems == []


def test_a_missing_library_is_told_before_the_work(tmp_path, monkeypatch):
    def absent(module, *, extra, why):
        raise MissingExtraError(f"{why} needs {module}")

    monkeypatch.setattr(plots, "need", absent)
    with pytest.raises(MissingExtraError, match="drawing plots needs matplotlib"):
        report.make(tmp_path / "r", lambda: pytest.fail("worked"), task="t", settings={}, inputs=INPUTS)


def test_an_existing_target_is_refused_before_the_work(made):
    with pytest.raises(ArtefactError, match="exists; give another --out"):
        report.make(made, lambda: pytest.fail("worked"), task="t", settings={}, inputs=INPUTS, draw=False)


def test_what_breaks_off_leaves_no_report(tmp_path):
    def fail() -> Results:
        raise RuntimeError("broken")

    out = tmp_path / "r"
    with pytest.raises(RuntimeError):
        report.make(out, fail, task="candidates", settings={}, inputs=INPUTS, draw=False)
    assert not out.exists()
    report.make(out, results, task="candidates", settings={"other": 1}, inputs=INPUTS, draw=False)
    assert report.load(out).task == "candidates"


def test_licences_travel(tmp_path):
    licence = Licence(source="Wikidata", licence="CC0")
    report_ = report.make(
        tmp_path / "r", results, task="t", settings={}, inputs=INPUTS, licences=[licence, licence], draw=False
    )
    assert report_.licences == [licence]


@pytest.mark.parametrize("data", [b"{", b"[]", msgspec.json.encode({"title": "x"}), b"\xff"])
def test_a_damaged_report_is_one_line(tmp_path, data):
    path = make(tmp_path / "r", draw=False)
    (path / "report.json").write_bytes(data)
    with pytest.raises(ArtefactError, match=r"report\.json: damaged"):
        report.load(path)


def test_numbers_as_people_read_them():
    assert [pages.shown(value) for value in (1.0, 0.0005, -3.25, 12_345.6, 7)] == [
        "1.000", "0.001", "-3.2", "12,345.6", "7",
    ]  # fmt: skip
