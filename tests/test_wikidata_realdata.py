"""Every file of the collection of odd Wikidata gives what was counted in it by hand, or is refused in a line.

Entities, statements and qualifiers were counted with `json` and loops (a statement is a triple or a
literal, so their sum is what a file says); what is no entity gives one reject a document.
"""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kbtools import api
from kbtools.cli.main import main
from kbtools.errors import SourceError


class Expected(NamedTuple):
    entities: int = 0
    statements: int = 0
    qualifiers: int = 0
    rejects: int = 0
    skipped: int = 0


NO_ENTITY = Expected(rejects=1)
DATAMODEL = "wdtk/wdtk-datamodel/src/test/resources/JsonDeserializer"
DUMPFILES = "wdtk/wdtk-dumpfiles/src/test/resources"
API = "wdtk/wdtk-wikibaseapi/src/test/resources"
ENTITIES = {
    "opentapioca/data/sample_wikidata_items.json.bz2": Expected(100, 12599, 6948),
    "qwikidata/wd_L3354.json": Expected(1, 4, 0),  # two of its own, two of its senses
    "qwikidata/wd_P279.json": Expected(1, 29, 18),
    "qwikidata/wd_Q42.json": Expected(1, 138, 34),
    "wdsub/examples/100lines.json.gz": Expected(99, 17950, 8813),  # a line is the bracket
    "wdsub/examples/2lines.json.gz": Expected(2, 697, 432),
    "wdsub/src/resources/sample-dump-20150815.json.gz": Expected(101, 149, 7),
    f"{DATAMODEL}/item.json": Expected(1, 13, 1),
    f"{DATAMODEL}/lexeme.json": Expected(1, 1, 0),
    f"{DATAMODEL}/property.json": Expected(1, 10, 1),
    f"{DUMPFILES}/mock-dump-for-long-testing.json": Expected(101, 149, 7),
    f"{DUMPFILES}/mock-dump-for-testing.json": Expected(4, 5, 0),
    "wdtk/wdtk-examples/src/resources/sample-dump-20150815.json.gz": Expected(101, 149, 7),
    "wikibase-dump-filter/Q22.json": Expected(1, 81, 17),
    "wikibase-dump-filter/entities": Expected(49, 4282, 1962),
    "wikibaseintegrator/item_Q582.json": Expected(1, 4, 1),
    "wikibaseintegrator/lexeme_L5.json": Expected(1, 1, 0),
    "wikibaseintegrator/mediainfo_M75908279.json": Expected(skipped=1),
    "wikibaseintegrator/property_P50.json": Expected(1, 0, 0),
    "wmde-serialization/items/Q1.json": Expected(1, 12, 4),
    "wmde-serialization/items/Q1752.json": Expected(1, 12, 0),
    "wmde-serialization/items/Q183.json": Expected(1, 323, 392),
    "wmde-serialization/items/simple.json": Expected(1, 0, 0),
    "wmde-serialization/properties/P18.json": Expected(1, 0, 0),
    "wmde-serialization/properties/P6.json": Expected(1, 0, 0),
    "wmde-serialization/properties/simple.json": Expected(1, 0, 0),
}
FOREIGN = {  # JSON, but no entities: what the reject says
    "opentapioca/data/all_items_profile.json": "no id",
    "opentapioca/data/indexing_profile.json": "no id",
    f"{API}/assert-user-failed.json": "an error of the API, not an entity: assertuserfailed: ",
    f"{API}/clientLoginError.json": "an error of the API, not an entity: badtoken: Invalid CSRF token.",
    f"{API}/clientLoginSuccess.json": "no id",
    f"{API}/error-badtoken.json": "an error of the API, not an entity: badtoken: bla bla",
    f"{API}/error-maxlag-full.json": "an error of the API, not an entity: maxlag: Waiting for all: 3.45",
    f"{API}/error-maxlag.json": "an error of the API, not an entity: maxlag: Waiting for 10.64.16.27",
    f"{API}/error-spam-filter.json": "an error of the API, not an entity: failed-save: ",
    f"{API}/error.json": "an error of the API, not an entity: no-such-entity: Could not find",
    f"{API}/loginError.json": "no id",
    f"{API}/loginFailed.json": "no id",
    f"{API}/loginSuccess.json": "no id",
    f"{API}/query-Albert Einstein Head normalized.jpg.json": "no id",
    f"{API}/query-Albert Einstein Head.jpg.json": "no id",
    f"{API}/query-Cat.jpg.json": "no id",
    f"{API}/query-Not Found twice.json": "no id",
    f"{API}/query-Not Found.json": "no id",
    f"{API}/query-csrf-token-loggedin-response.json": "no id",
    f"{API}/query-login-token.json": "no id",
    f"{API}/warnings.json": "no id",
    f"{API}/wbsearchentities-abc.json": "no id",
    f"{API}/wbsearchentities-empty.json": "no id",
}
ONE_DOCUMENT = "opentapioca/data/dummy_sparql_query_response.json"  # whose lines look like records
REFUSED = {".ttl": "@prefix ", ".nt": "<http", ".xml": "<mediawiki", ".sql": "-- MySQL", ".tsv": "31\\t[16"}


def read(dump: Path, out: Path) -> tuple[Expected, list[dict[str, object]]]:
    made = api.ingest("wikidata", [dump], out)
    rows = {name: table.rows for name, table in made.tables.items()}
    skipped = sum(n for what, n in made.counts.items() if what.startswith("skipped"))
    found = Expected(
        rows["entities"],
        rows["triples"] + rows["literals"],
        rows["qualifiers"],
        made.counts["rejected"],
        skipped,
    )
    assert made.counts["read"] == found.entities + found.skipped
    assert not made.incomplete
    return found, pq.read_table(out / "rejects").to_pylist()


@pytest.mark.parametrize("name", ENTITIES)
def test_what_a_file_of_entities_holds(name, realdata, tmp_path):
    assert read(realdata / "wikidata" / name, tmp_path / "kb") == (ENTITIES[name], [])


@pytest.mark.parametrize("name", FOREIGN)
def test_json_that_is_no_entity_is_one_reject_that_says_why_and_where(name, realdata, tmp_path):
    path = realdata / "wikidata" / name
    found, (reject,) = read(path, tmp_path / "kb")
    assert found == NO_ENTITY
    assert FOREIGN[name] in str(reject["reason"])
    assert (reject["file"], reject["byte"]) == (path.name, 0)
    assert reject["line"] in {1, None}  # a document over many lines has no line number
    assert str(reject["snippet"]).startswith("{")


def test_a_document_whose_lines_look_like_records_is_one_reject(realdata, tmp_path):
    assert read(realdata / "wikidata" / ONE_DOCUMENT, tmp_path / "kb")[0] == NO_ENTITY


def test_every_other_file_is_refused_as_not_json(realdata, tmp_path):
    folder = realdata / "wikidata"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    others = names - ENTITIES.keys() - FOREIGN.keys() - {ONE_DOCUMENT}
    assert len(others) == 23
    for name in sorted(others):
        start = REFUSED[Path(name).suffix]
        with pytest.raises(SourceError) as refusal:
            api.ingest("wikidata", [folder / name], tmp_path / "kb")
        message = str(refusal.value)
        assert message.startswith(
            f"{folder / name}: not JSON: expected '[' or '{{' at byte 0, found '{start}"
        )
        assert message.endswith("is it a Wikidata JSON dump?")
        assert not (tmp_path / "kb").exists()


def test_a_refused_file_is_the_users_fault_and_rejects_ask_to_be_looked_at(realdata, tmp_path):
    def code(name: str) -> int:
        dump, out = str(realdata / "wikidata" / name), str(tmp_path / Path(name).name)
        done = CliRunner().invoke(
            main, ["ingest", "wikidata", dump, "--out", out, "--quiet", "--workers", "1"]
        )
        return done.exit_code

    assert code("wdqs-ttl/Q42.ttl") == 2
    assert code(f"{API}/error.json") == 3
    assert code("wikibaseintegrator/mediainfo_M75908279.json") == 0
    assert code("wikibaseintegrator/item_Q582.json") == 0


# where merged ids lead

ROWS = [*(f"Q{n}" for n in (19, 20, 26709563, 42, 7)), "P31", "L5"]
PAGE = """CREATE TABLE `page` (
  `page_id` int(8) unsigned NOT NULL
);
INSERT INTO `page` VALUES (11,0,'Q100','',1),(12,0,'Q42','',0),(13,120,'P100','',1),(14,1,'Q101','',1);
INSERT INTO `page` VALUES (15,2,'Sam\\'s (16,0,\\'Q104\\',','',1),(16,0,'Q102','',1),(17,146,'L100','',1);
"""
REDIRECT = """CREATE TABLE `redirect` (
  `rd_from` int(8) unsigned NOT NULL
);
INSERT INTO `redirect` VALUES (11,0,'Q42','',''),(13,120,'P31','',''),(14,1,'Q42','',''),(15,2,'Sam','','');
INSERT INTO `redirect` VALUES (16,0,'Q100','',''),(17,146,'L5',NULL,'x'),(99,0,'Q7','','');
"""


def redirects(tmp_path: Path, *files: Path) -> list[tuple[str, str, str]]:
    """Ingest a few entities with these files; return (from, to, kind)."""
    dump = tmp_path / "dump.json"
    dump.write_text("\n".join(json.dumps({"id": name}) for name in ROWS))
    names = [str(file) for file in files]
    made = api.ingest("wikidata", [dump], tmp_path / "kb", redirects=names, overwrite=True)
    rows = pq.read_table(tmp_path / "kb" / "redirects").to_pylist()
    assert len(rows) == made.counts.get("redirects", 0)
    return [(row["from_id"], ROWS[row["to_eid"]], row["kind"]) for row in rows]


@pytest.mark.parametrize("compress", [None, gzip.compress, bz2.compress])
def test_same_as_in_rdf(compress, realdata, tmp_path):
    # Q20 is an entity of the dump, so it is no redirect, whatever the RDF says
    files = []
    for name in ("test.ttl", "small_dump.ttl", "Q42.ttl", "T213375.nt"):
        data = (realdata / "wikidata/wdqs-ttl" / name).read_bytes()
        files.append(tmp_path / name)
        files[-1].write_bytes(compress(data) if compress else data)
    expected = [("Q21", "Q19", "merge"), ("Q6825", "Q26709563", "merge")]
    assert redirects(tmp_path, *files) == expected


def test_same_as_with_full_addresses(tmp_path):
    same, at = "<http://www.w3.org/2002/07/owl#sameAs>", "http://www.wikidata.org/entity"
    file = tmp_path / "dump.nt.gz"
    lines = [
        f"<{at}/Q5> {same} <{at}/Q42> .",
        f"<{at}/Q6> {same} <{at}/Q5> .",  # a chain
        f"<{at}/Q8> {same} <{at}/Q9> .",  # which leads nowhere
        f"<{at}/Q10> {same} <{at}/Q11> .",
        f"<{at}/Q11> {same} <{at}/Q10> .",  # a loop
        f"<http://dbpedia.org/resource/Q13> {same} <{at}/Q42> .",
        f"<{at}/statement/Q14> {same} <{at}/Q42> .",
        f"<{at}/L9> {same} <{at}/L5> .",
    ]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    expected = [("L9", "L5", "merge"), ("Q5", "Q42", "merge"), ("Q6", "Q42", "merge")]
    assert redirects(tmp_path, file) == expected


@pytest.mark.parametrize("a_row_a_line", [False, True])
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_redirects_of_the_sql_tables(compress, a_row_a_line, tmp_path):
    files = []
    for name, text in (("redirect.sql", REDIRECT), ("page.sql", PAGE)):
        laid = text.replace("VALUES (", "VALUES\n(").replace("),(", "),\n(") if a_row_a_line else text
        files.append(tmp_path / name)
        files[-1].write_bytes(compress(laid.encode()))
    # Q101 is a talk page of that name, Q104 stands in the title of a user's page; Q102 leads on over Q100
    expected = [("L100", "L5"), ("P100", "P31"), ("Q100", "Q42"), ("Q102", "Q42")]
    assert redirects(tmp_path, *files) == [(*pair, "merge") for pair in expected]
    assert redirects(tmp_path, *reversed(files)) == [(*pair, "merge") for pair in expected]


@pytest.mark.parametrize(("name", "other"), [("redirect", "page"), ("page", "redirect")])
def test_one_table_alone_asks_for_the_other(tmp_path, name, other):
    file = tmp_path / f"{name}.sql.gz"
    file.write_bytes(gzip.compress({"redirect": REDIRECT, "page": PAGE}[name].encode()))
    with pytest.raises(SourceError, match=f"give the {other} table too"):
        redirects(tmp_path, file)


def test_another_table_is_refused(realdata, tmp_path):
    with pytest.raises(SourceError, match="neither the redirect nor the page table"):
        redirects(tmp_path, realdata / "wikidata" / DUMPFILES / "wikidatawiki-20140420-sites.sql")


def test_a_damaged_file_of_redirects_is_refused(tmp_path):
    file = tmp_path / "page.sql.gz"
    file.write_bytes(gzip.compress(PAGE.encode() * 99)[:-40])
    whole = tmp_path / "redirect.sql.gz"
    whole.write_bytes(gzip.compress(REDIRECT.encode()))
    with pytest.raises(SourceError, match="fetch it again"):
        redirects(tmp_path, whole, file)


def test_an_answer_of_the_api_under_another_id_is_a_redirect(tmp_path):
    dump = tmp_path / "dump.json"
    asked = {"Q1000": {"id": "Q42", "type": "item"}, "Q5": {"id": "Q5", "missing": ""}}
    other = {"id": "Q7", "redirects": {"from": "Q1001", "to": "Q7"}, "type": "item"}
    dump.write_text(json.dumps({"entities": {**asked, "Q7": other}}))
    made = api.ingest("wikidata", [dump], tmp_path / "kb")
    rows = pq.read_table(tmp_path / "kb" / "redirects").to_pylist()
    assert [(row["from_id"], row["to_eid"]) for row in rows] == [("Q1000", 0), ("Q1001", 1)]
    assert made.counts["rejected"] == 1
    (reject,) = pq.read_table(tmp_path / "kb" / "rejects").to_pylist()
    assert reject["reason"] == "Q5 is missing: the API did not find it"
