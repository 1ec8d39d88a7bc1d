"""From the sample of Wikipedia to tables: pages, names, redirects, categories, and the three kinds of ids."""

import bz2
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kbtools import api
from kbtools.errors import SourceError
from kbtools.io import Dump
from kbtools.kb import staged
from kbtools.kb.named import SCHEMAS
from kbtools.kb.reader import Kb
from kbtools.sources.wikipedia import SOURCE, read
from kbtools.sources.wikipedia.settings import Settings

SAMPLE = Path(__file__).parent.parent / "data" / "sample" / "wikipedia"
ENGLISH = SAMPLE / "enwiki-pages-articles.xml"
Rows = dict[str, list[dict[str, Any]]]


def stage(
    path: Path, folder: Path, *, size: int = 1 << 30, **settings: Any
) -> tuple[Rows, list[dict[str, Any]]]:
    """Read a dump in one task after another; return all rows, and what each task says."""
    (feed,) = SOURCE.plan([str(path)], Settings(**settings)).feeds
    rows: Rows = {table: [] for table in [*SCHEMAS, "rejects"]}
    facts = []
    for piece in Dump(str(path), layout=feed.layout).pieces(folder, size=size, skip=lambda _: False):
        done = read.decode(folder, piece=msgspec.to_builtins(piece), part="x.part", **feed.args)
        facts.append(done.facts)
        for table in rows:
            name = table if table == "rejects" else f"named {table}"
            rows[table] += [
                row for batch in staged.read(folder / "x.part", name) for row in batch.to_pylist()
            ]
    return rows, facts


@pytest.fixture(scope="module")
def staged_sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, list[dict[str, Any]]]:
    return stage(ENGLISH, tmp_path_factory.mktemp("wikipedia"))


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Kb:
    out = tmp_path_factory.mktemp("wikipedia") / "kb"
    api.ingest("wikipedia", [str(ENGLISH)], out, quiet=True)
    return Kb(out)


def by_name(kb: Kb) -> dict[int, str]:
    return {row["eid"]: row["id"] for row in kb.table("entities").to_pylist()}


def test_what_is_read_and_what_is_not(staged_sample):
    rows, (facts,) = staged_sample
    counts = facts["counts"]
    assert counts["read"] == 61
    assert (len(rows["pages"]), counts["redirects"], counts["categories"]) == (39, 13, 7)
    assert counts["skipped: other namespaces"] == 2
    assert counts["disambiguation pages"] == 3
    assert rows["rejects"] == []


def test_anchors_are_what_the_text_says(staged_sample):
    rows, _ = staged_sample
    for anchor in rows["anchors"]:
        text = rows["pages"][anchor["page"]]["text"]
        assert text[anchor["start"] : anchor["end"]] == anchor["surface"]
    mine = [row for row in rows["anchors"] if rows["pages"][row["page"]]["title"] == "Apple Inc."]
    targets = {row["surface"]: row["target"] for row in mine}
    assert targets["fruit"] == targets["the apple in stories"] == "Apple"
    assert not {"This is no link", "this"} & {row["surface"] for row in rows["anchors"]}


def test_redirects_lead_on_and_loops_lead_nowhere(kb):
    names = by_name(kb)
    found = {row["from_id"]: names[row["to_eid"]] for row in kb.table("redirects").to_pylist()}
    assert found["Apple Computer, Inc."] == found["Apple Computer"] == "Apple Inc."
    assert found["City of Light"] == "Paris"
    assert not {"Loop one", "Loop two", "Nowhere"} & (found.keys() | set(names.values()))
    texts = {row["text"] for row in kb.table("surfaces").to_pylist() if row["source"] == "redirect"}
    assert texts == found.keys()
    pages = {row["page"]: row["title"] for row in kb.table("pages").to_pylist()}
    anchors = [row for row in kb.table("anchors").to_pylist() if row["target_title"] == "Apple Computer"]
    assert [(pages[row["page"]], names[row["target"]]) for row in anchors] == [
        ("Douglas Adams", "Apple Inc.")
    ]


def test_names(kb):
    names = by_name(kb)
    rows = kb.table("surfaces").to_pylist()
    found = {(row["source"], row["text"], names[row["eid"]]) for row in rows}
    assert ("title", "Mercury (planet)", "Mercury (planet)") in found
    assert ("title", "Mercury", "Mercury (planet)") in found
    meant = {entity for source, text, entity in found if (source, text) == ("disambiguation", "Mercury")}
    assert meant == {"Mercury (planet)", "Mercury (element)", "Mercury (mythology)", "Freddie Mercury"}
    assert ("disambiguation", "Apple", "Apple Records") in found
    # a page that lists meanings is none itself
    assert "Apple (disambiguation)" not in {text for _, text, _ in found}


def test_categories(kb):
    names = by_name(kb)
    edges = {(names[row["head"]], names[row["tail"]]) for row in kb.table("triples").to_pylist()}
    assert ("Apple", "Category:Fruit") in edges
    assert ("BMW", "Category:Companies of Germany") in edges
    assert ("Category:Countries in Europe", "Category:Countries") in edges
    kinds = {row["id"]: row["kind"] for row in kb.table("entities").to_pylist()}
    assert kinds["Category:Fruit"] == "concept"  # which has no page
    assert kinds["Apple (disambiguation)"] == "entity"
    assert {row["id"] for row in kb.table("relations").to_pylist()} == {"category"}


def test_abstracts_and_sitelinks(kb):
    names = by_name(kb)
    abstracts = {names[row["eid"]]: row for row in kb.table("descriptions").to_pylist()}
    assert abstracts["Bonn"]["text"] == "Bonn is a city on the Rhine in Germany."
    assert (abstracts["Bonn"]["kind"], abstracts["Bonn"]["source"]) == ("abstract", "enwiki")
    links = {(row["site"], row["title"]): names[row["eid"]] for row in kb.table("sitelinks").to_pylist()}
    assert links["enwiki", "Bonn"] == "Bonn"


def packed(folder: Path) -> Iterator[Path]:
    data = ENGLISH.read_bytes()
    third = len(data) // 3
    parts = [data[:third], data[third : 2 * third], data[2 * third :]]
    contents = {
        "stream.bz2": bz2.compress(data),
        "multistream.bz2": b"".join(map(bz2.compress, parts)),
        "single.gz": gzip.compress(data),
        "members.gz": b"".join(map(gzip.compress, parts)),
        "utf16.xml": data.decode().encode("utf-16"),
        "bom.xml": b"\xef\xbb\xbf" + data,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        yield folder / name


def test_no_container_changes_the_result(tmp_path, kb):
    for path in packed(tmp_path):
        out = tmp_path / path.name.replace(".", "-")
        api.ingest("wikipedia", [str(path)], out, quiet=True)
        assert Kb(out).manifest.content == kb.manifest.content, path.name


def test_pieces_do_not_change_the_rows(tmp_path, staged_sample):
    whole, _ = staged_sample
    rows, facts = stage(ENGLISH, tmp_path, size=3000)
    assert len(facts) > 5
    for table in ("pages", "surfaces", "redirects", "labels", "descriptions", "sitelinks"):
        assert rows[table] == whole[table]
    first = [dict.fromkeys(row["entity"] for row in some["entities"]) for some in (rows, whole)]
    assert list(first[0]) == list(first[1])


PROPS = (
    "CREATE TABLE `page_props` (\n  `pp_page` int,\n  `pp_propname` varbinary(60),\n  `pp_value` blob\n);\n"
)


def test_pages_get_the_ids_of_their_items(tmp_path):
    props = tmp_path / "page_props.sql.gz"
    rows = "(1,'wikibase_item','Q89'),(2,'wikibase_item','Q312'),(4,'wikibase_item','Q213710')"
    props.write_bytes(gzip.compress(f"{PROPS}INSERT INTO `page_props` VALUES {rows};\n".encode()))
    assert SOURCE.plan([str(ENGLISH)], Settings(page_props=(props,))).names == "id"
    api.ingest("wikipedia", [str(ENGLISH)], tmp_path / "kb", page_props=(props,), quiet=True)
    kb = Kb(tmp_path / "kb")
    names = by_name(kb)
    assert {"Q89", "Q312", "Q213710", "Paris"} <= set(names.values())
    assert "Apple" not in names.values()
    found = {row["from_id"]: names[row["to_eid"]] for row in kb.table("redirects").to_pylist()}
    assert (found["Apple"], found["Apple Computer, Inc."], found["UK"]) == ("Q89", "Q312", "United Kingdom")
    pages = {row["title"]: names[row["eid"]] for row in kb.table("pages").to_pylist()}
    assert (pages["Apple"], pages["Paris"]) == ("Q89", "Paris")
    anchors = kb.table("anchors").to_pylist()
    assert {names[row["target"]] for row in anchors if row["target_title"] == "Apple"} == {"Q89"}


def test_a_wikidata_kb_as_base(tmp_path):
    dump = SAMPLE.parent / "wikidata.json.gz"
    api.ingest("wikidata", [str(dump)], tmp_path / "wikidata", quiet=True)
    api.ingest("wikipedia", [str(ENGLISH)], tmp_path / "over", onto=tmp_path / "wikidata", quiet=True)
    over, names = Kb(tmp_path / "over"), by_name(Kb(tmp_path / "wikidata"))
    pages = {row["title"]: names.get(row["eid"]) for row in over.table("pages").to_pylist()}
    assert (pages["Apple"], pages["Apple Inc."], pages["China"]) == ("Q89", "Q312", "Q148")
    assert pages["Planet Vulcan"] is None
    anchors = {row["target_title"]: names.get(row["target"]) for row in over.table("anchors").to_pylist()}
    assert (anchors["Apple Computer"], anchors["Tim Cook"]) == ("Q312", None)
    assert not over.rows("rejects")  # that a page has no item is nothing to report


def test_bad_pages_are_rejected_where_they_stand(tmp_path):
    data = ENGLISH.read_text(encoding="utf-8")
    bad = (
        data.replace("</page>", "", 1)
        .replace("Eiffel Tower", "Eiffel\0Tower", 1)
        .replace("&lt;math", "&maths", 1)
    )
    path = tmp_path / "dump.xml"
    path.write_text(bad[: bad.rindex("</page>")], encoding="utf-8")
    rows, (facts,) = stage(path, tmp_path)
    reasons = [row["reason"] for row in rows["rejects"]]
    assert len(reasons) == 4
    assert "cut off" in reasons[0]
    assert "cut off" in reasons[-1]
    text = path.read_bytes()
    for row in rows["rejects"]:
        assert text[row["byte"] :].startswith(b"<page>")
        assert text.count(b"\n", 0, row["byte"]) == row["line"]
    assert facts["counts"]["read"] == 61


def test_a_chinese_wikipedia(tmp_path):
    rows, _ = stage(SAMPLE / "zh" / "zhwiki-pages-articles.xml", tmp_path)
    assert {row["to"] for row in rows["redirects"]} == {
        "北京市",
        "中华人民共和国",
        "阿尔伯特·爱因斯坦",
        "苹果",
    }
    tails = {row["tail"] for row in rows["triples"] if row["entity"] == "苹果"}
    assert tails == {"Category:水果", "Category:植物"}
    meant = {row["entity"] for row in rows["surfaces"] if row["source"] == "disambiguation"}
    assert meant == {"苹果", "苹果公司"}


# pages, redirects, anchors at least, categories' pages, rejects, pages that are skipped
REAL = {
    "gensim/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2": (106, 99, 20_000, 0, 0, 1),
    "dumpster-dive/smallwiki-latest-pages-articles.xml": (903, 147, 5_000, 539, 0, 415),
    "dumpster-dive/tinywiki-latest-pages-articles.xml": (7, 1, 100, 0, 0, 0),
    "dbpedia-minidumps/de/wiki.xml.bz2": (2, 0, 1_500, 0, 0, 0),
    "dbpedia-minidumps/en/wiki.xml.bz2": (24, 2, 4_500, 1, 0, 0),
    "dbpedia-minidumps/ja/wiki.xml.bz2": (1, 0, 450, 0, 0, 0),
    "dbpedia-minidumps/zh/wiki.xml.bz2": (1, 0, 200, 0, 0, 0),
    "mwxml/dump.xml": (1, 0, 0, 0, 0, 2),
}


def test_items_of_wikidata_are_no_pages(realdata, tmp_path):
    with pytest.raises(SourceError, match=r"is Wikidata, .* kbtools ingest wikidata"):
        stage(realdata / "wikipedia/dbpedia-minidumps/wikidata/wiki.xml.bz2", tmp_path)


@pytest.mark.parametrize("name", REAL)
def test_real_dumps(realdata, tmp_path, name):
    lang = name.split("/")[1]
    override: dict[str, Any] = (
        {"site": f"{lang}wiki"} if lang in {"de", "ja", "zh"} else {}
    )  # all call themselves enwiki
    rows, (facts,) = stage(realdata / "wikipedia" / name, tmp_path, **override)
    counts = facts["counts"]
    skipped = sum(n for why, n in counts.items() if why.startswith("skipped"))
    pages, redirects, anchors, categories, rejects, others = REAL[name]
    assert (len(rows["pages"]), counts.get("redirects", 0)) == (pages, redirects)
    assert len(rows["anchors"]) >= anchors
    assert (counts.get("categories", 0), len(rows["rejects"]), skipped) == (categories, rejects, others)
    for anchor in rows["anchors"]:
        assert rows["pages"][anchor["page"]]["text"][anchor["start"] : anchor["end"]] == anchor["surface"]
