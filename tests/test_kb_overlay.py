"""Overlays: more about the entities of a base, which stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kbtools import api
from kbtools.artefact import manifest
from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.kb.reader import Kb
from tests.small_dump import eids, files, no_trace, rows
from tests.started import run

SAMPLES = Path(__file__).parents[1] / "data" / "sample"

BASE = """id,name,kind,lives in,also,born
a,Anna,person,c,Änne,1971
b,Ben,person,d,,
c,Chur,city,,Coira,
d,Delft,city,,,
"""
BASE_MAP = """
[[entities]]
id = "id"
label = { en = "name" }
aliases = "also"
types = "kind"
[[entities.relations]]
column = "lives in"
tail = true
[[entities.relations]]
column = "born"
datatype = "time"
[[entities]]
file = "kinds.csv"
id = "id"
[redirects]
file = "former.csv"
old = "old"
new = "new"
"""
MORE = """id,name,also,knows,born,kind
b,Ben,Benno,a,1970,person
a,Anna,Änne,stranger,1971,person
nobody,No,None,a,1,person
anna,Other,Ännchen,,,city
c,Chur,,,,
nobody,No,None,a,1,person
"""
MORE_MAP = """
[entities]
id = "id"
repeated = true
label = { en = "name", de = "name" }
aliases = "also"
types = "kind"
[[entities.relations]]
column = "knows"
tail = true
[[entities.relations]]
column = "born"
datatype = "time"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A base, the release after it in which b was merged into a, and an overlay of each."""
    home = tmp_path_factory.mktemp("overlay")
    tables = {"people.csv": BASE, "kinds.csv": "id\nperson\ncity\n", "former.csv": "old,new\nanna,a\n"}
    for name, text in {**tables, "more.csv": MORE, "base.toml": BASE_MAP, "more.toml": MORE_MAP}.items():
        (home / name).write_text(text, encoding="utf-8")
    text = BASE_MAP.replace("[[entities]]\nid", '[[entities]]\nfile = "people*.csv"\nid', 1)
    (home / "base.toml").write_text(text, encoding="utf-8")
    ingest_base(home, "base", "people.csv")
    (home / "people2.csv").write_text(BASE.replace("b,Ben,person,d,,\n", ""), encoding="utf-8")
    (home / "former.csv").write_text("old,new\nanna,a\nb,a\n", encoding="utf-8")
    ingest_base(home, "next", "people2.csv", ids_from=home / "base")
    ingest_more(home, home / "more", onto=home / "base")
    ingest_more(home, home / "more next", onto=home / "next")
    return home


def ingest_base(home, out, dump, **options):
    dumps = [home / name for name in (dump, "kinds.csv", "former.csv")]
    api.ingest("table", dumps, home / out, name="people", map=str(home / "base.toml"), **options)


def ingest_more(home, out, *, dump="more.csv", mapping="more.toml", **options):
    return api.ingest("table", [home / dump], out, name="more", map=str(home / mapping), **options)


def named(base, over, table, *columns):
    """Return columns of an overlay's rows, with ids for eids."""
    ids = {eid: name for name, eid in eids(base).items()}
    relations = {row["rid"]: row["id"] for kb in (base, over) for row in rows(kb, "relations")}

    def shown(name, value):
        if name in {"eid", "head", "tail", "type"}:
            return ids[value]
        return relations[value] if name == "relation" else value

    return [tuple(shown(name, row[name]) for name in columns) for row in rows(over, table)]


def test_an_overlay_adds_tables_and_no_entities(folder):
    base, over = manifest.read(folder / "base"), manifest.read(folder / "more")
    assert set(over.tables) == {"labels", "surfaces", "relations", "triples", "literals", "types", "rejects"}
    assert over.base is not None
    assert (over.base.name, over.base.content) == ("people", base.content)
    assert over.id_space == base.id_space
    assert [(one.kind, one.content) for one in over.inputs][-1] == ("kb", base.content)


def test_only_what_the_base_does_not_say(folder):
    base, over = folder / "base", folder / "more"
    assert named(base, over, "labels", "eid", "lang", "text") == [
        ("a", "de", "Anna"),
        ("b", "de", "Ben"),
        ("c", "de", "Chur"),
    ]
    assert set(named(base, over, "surfaces", "eid", "lang", "text", "source")) == {
        ("b", None, "Benno", "alias"),
        ("a", None, "Ännchen", "alias"),
        *(
            (name, "de", text, "label")
            for name, text in [("a", "Anna"), ("b", "Ben"), ("c", "Chur"), ("a", "Other")]
        ),
        ("a", "en", "Other", "label"),
    }
    assert named(base, over, "types", "eid", "type") == [("a", "city")]  # which anna is, who is a


def test_statements_and_relations_go_on_after_those_of_the_base(folder):
    base, over = folder / "base", folder / "more"
    assert {row["id"]: row["rid"] for row in rows(base, "relations")} == {"born": 0, "lives in": 1}
    assert [(row["rid"], row["id"]) for row in rows(over, "relations")] == [(2, "knows")]
    assert named(base, over, "triples", "head", "relation", "tail") == [("b", "knows", "a")]
    said = named(base, over, "literals", "head", "relation", "datatype", "value")
    assert ("a", "knows", "entity-id", "stranger") in said
    assert ("b", "born", "time", "1970") in said
    last = max(row["statement"] for table in ("triples", "literals") for row in rows(base, table))
    mine = [row["statement"] for table in ("triples", "literals") for row in rows(over, table)]
    assert min(mine) > last
    assert len(set(mine)) == len(mine)


def test_records_of_unknown_entities_are_rejected(folder):
    reason = "people has no such entity, and an overlay adds none"
    assert rows(folder / "more", "rejects") == [
        {"file": "more.csv", "line": 4, "byte": None, "reason": reason, "snippet": "nobody"}
    ]
    assert manifest.read(folder / "more").counts["rejected"] == 1


def test_what_was_merged_is_found_where_it_went(folder):
    base, over = folder / "next", folder / "more next"
    assert ("a", "knows", "a") in named(base, over, "triples", "head", "relation", "tail")
    assert {row[0] for row in named(base, over, "labels", "eid")} == {"a", "c"}
    tombstone = eids(base)["b"]
    spoken_of = {
        row[name] for table in ("labels", "surfaces") for row in rows(over, table) for name in ["eid"]
    }
    assert tombstone not in spoken_of


@pytest.mark.parametrize("name", ["more", "more next"])
def test_it_is_sound(folder, name):
    assert api.verify(folder / name, deep=True).problems == []


def test_sql_sees_one_base(folder):
    def ask(*kbs, sql):
        with api.query([str(folder / kb) for kb in kbs], sql) as found:
            return [tuple(row.values()) for batch in found for row in batch.to_pylist()]

    said = "SELECT statement FROM triples UNION ALL SELECT statement FROM literals"
    count = f"SELECT count(*), count(DISTINCT statement) FROM ({said})"
    ((base, distinct),) = ask("base", sql=count)
    assert base == distinct
    ((both, distinct),) = ask("base", "more", sql=count)
    assert both == distinct > base
    sql = (
        "SELECT h.id AS head, r.id AS relation, t.id AS tail FROM triples JOIN entities h ON head = h.eid "
        "JOIN entities t ON tail = t.eid JOIN relations r ON relation = rid ORDER BY statement"
    )
    assert ("b", "knows", "a") in ask("base", "more", sql=sql)
    assert ask("base", "more", sql=sql)[:2] == [("a", "lives in", "c"), ("b", "lives in", "d")]
    assert ask("base", "more", sql="SELECT count(*), count(DISTINCT rid) FROM relations") == [(3, 3)]


def test_names_of_the_base_are_not_taken_for_new_ones(folder, tmp_path):
    """In triples of text every id is a name; in an overlay ids are the base's, which has names."""
    (tmp_path / "x.spo").write_text("a\tlikes\tb\nanna\tlikes\tnobody\nnobody\tlikes\ta\n")
    made = api.ingest("spo", [tmp_path / "x.spo"], tmp_path / "over", onto=folder / "base", lang="en")
    assert {name for name, table in made.tables.items() if table.rows} == {"relations", "triples", "literals"}
    over = tmp_path / "over"
    assert named(folder / "base", over, "triples", "head", "relation", "tail") == [("a", "likes", "b")]
    said = named(folder / "base", over, "literals", "head", "relation", "datatype", "value")
    assert said == [("a", "likes", "entity-id", "nobody")]
    assert made.counts["skipped: triples of no entity"] == 1
    assert api.verify(over, deep=True).problems == []


def test_an_overlay_is_the_same_however_it_was_made(folder, tmp_path):
    ingest_more(folder, tmp_path / "more", onto=folder / "base", workers=2, memory=1)
    assert files(tmp_path / "more") == files(folder / "more")


def test_another_base_is_another_plan(folder, tmp_path):
    """The same command with a base of other content does not take over what was finished."""
    ingest_more(folder, tmp_path / "more", onto=folder / "base")
    with pytest.raises(KbError, match="overwrite"):
        ingest_more(folder, tmp_path / "more", onto=folder / "next")


# what makes no sense


def test_pages_by_their_titles(folder, tmp_path):
    dump = SAMPLES / "wikipedia" / "enwiki-pages-articles.xml"
    with pytest.raises(ConfigError, match="has no sitelinks to find enwiki titles by"):
        api.ingest("wikipedia", [dump], tmp_path / "over", onto=folder / "base")
    assert list(tmp_path.iterdir()) == []


def test_an_overlay_bears_no_overlay(folder, tmp_path):
    with pytest.raises(ArtefactError, match="is an overlay of people itself; give that base"):
        ingest_more(folder, tmp_path / "x", onto=folder / "more")


def test_an_overlay_is_no_release(folder, tmp_path):
    with pytest.raises(ArtefactError, match="is an overlay of people; give the base instead"):
        ingest_more(folder, tmp_path / "x", ids_from=folder / "more")


@pytest.mark.parametrize(
    ("source", "more", "message"),
    [
        ("table", ["--onto", "base", "--ids-from", "base"], "--onto cannot go together with --ids-from"),
        ("wikidata", ["--onto", "base"], "--onto cannot go together with wikidata, whose ids are its own"),
        ("table", ["--onto", "missing"], "missing"),
        ("table", ["--onto", "more.csv"], "more.csv"),
        ("table", ["--onto", "more"], "is an overlay"),
        ("table", ["--onto", "empty"], "empty"),
    ],
)
def test_refused_in_one_line(folder, monkeypatch, source, more, message):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir(exist_ok=True)
    given = ["--map", "more.toml"] if source == "table" else []
    done = run("ingest", source, "more.csv", *given, "--out", "out", *more)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert message in done.stderr
    assert no_trace(done.stderr)
    assert not list(folder.glob("out*"))


def test_a_damaged_base_is_told(folder, tmp_path):
    shutil.copytree(folder / "base", tmp_path / "base")
    next((tmp_path / "base" / "entities").iterdir()).unlink()
    with pytest.raises(ArtefactError, match="gone"):
        ingest_more(folder, tmp_path / "x", onto=tmp_path / "base")
    assert Kb(tmp_path / "base").rows("entities")


def test_two_overlays_do_not_mix_their_numbers(folder, tmp_path):
    """Each numbers its relations, statements and pages without knowing of the other."""
    for name, relation, text in (("one", "likes", "x"), ("two", "fears", "y")):
        (tmp_path / f"{name}.spo").write_text(f"a\t{relation}\tb\na\tknows\t{text}\n", encoding="utf-8")
        api.ingest("spo", [tmp_path / f"{name}.spo"], tmp_path / name, onto=folder / "base", name=name)
    kbs = [folder / "base", tmp_path / "one", tmp_path / "two"]
    said = """SELECT h.id AS head, r.id AS relation, coalesce(t.id, value) AS tail FROM (
        SELECT head, relation, tail, NULL AS value, statement FROM triples
        UNION ALL SELECT head, relation, NULL, value, statement FROM literals)
        JOIN entities h ON h.eid = head JOIN relations r ON rid = relation
        LEFT JOIN entities t ON t.eid = tail
        WHERE r.id IN ('likes', 'fears', 'knows') ORDER BY ALL"""
    with api.query(kbs, said) as found:
        assert [tuple(row.values()) for batch in found for row in batch.to_pylist()] == [
            ("a", "fears", "b"),
            ("a", "knows", "x"),
            ("a", "knows", "y"),
            ("a", "likes", "b"),
        ]
    numbers = "SELECT statement FROM triples UNION ALL SELECT statement FROM literals"
    with api.query(kbs, numbers) as found:
        statements = [row["statement"] for batch in found for row in batch.to_pylist()]
    assert len(set(statements)) == len(statements)


def test_two_wikis_over_one_base(tmp_path):
    base = tmp_path / "wikidata"
    api.ingest("wikidata", [SAMPLES / "wikidata.json.gz"], base)
    dumps = {"en": "enwiki-pages-articles.xml", "zh": "zh/zhwiki-pages-articles.xml"}
    for lang, dump in dumps.items():
        path = SAMPLES / "wikipedia" / dump
        api.ingest("wikipedia", [path], tmp_path / lang, onto=base, name=lang)
    wikis = {lang: Kb(tmp_path / lang) for lang in dumps}
    pages = """SELECT p.lang, count(DISTINCT p.page) AS pages, count(a.page) AS anchors,
        bool_and(p.text[a.start + 1:a.end] = a.surface) AS right
        FROM pages p LEFT JOIN anchors a USING (page) GROUP BY ALL ORDER BY ALL"""
    with api.query([base, *(tmp_path / lang for lang in dumps)], pages) as found:
        counted = [tuple(row.values()) for batch in found for row in batch.to_pylist()]
    expected = [(lang, wikis[lang].rows("pages"), wikis[lang].rows("anchors"), True) for lang in dumps]
    assert counted == expected
