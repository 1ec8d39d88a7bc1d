"""Link prediction data: splits, names, and the sizes that papers state."""

import io
import tarfile
from collections import Counter

import pytest

from kbtools import api
from kbtools.errors import ConfigError, KbError, SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.linkprediction import SOURCE, Settings
from kbtools.sources.linkprediction.read import decode
from tests.lines_read import Staged


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


SPLITS = {
    "train.txt": "/m/1\tr\t/m/2\r\n/m/2\tq\t/m/3\r\n",
    "valid.txt": "/m/1\tq\t/m/3\r\n",
    "test.txt": "/m/9\tr\t/m/1\r\n",
}


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "data", SPLITS)


def ingested(tmp_path, data, **settings):
    made = api.ingest(
        "linkprediction", data if isinstance(data, list) else [data], tmp_path / "kb", **settings
    )
    return made, Kb(tmp_path / "kb")


def triples_of(kb):
    ids = kb.table("entities")["id"].to_pylist()
    names = kb.table("relations")["id"].to_pylist()
    rows = sorted(kb.table("triples").to_pylist(), key=lambda row: row["statement"])
    return [(ids[row["head"]], names[row["relation"]], ids[row["tail"]], row["split"]) for row in rows]


def test_triples_keep_their_split_and_lose_their_line_ends(folder, tmp_path):
    made, kb = ingested(tmp_path, folder)
    assert triples_of(kb) == [
        ("/m/1", "r", "/m/2", "train"),
        ("/m/2", "q", "/m/3", "train"),
        ("/m/1", "q", "/m/3", "valid"),
        ("/m/9", "r", "/m/1", "test"),  # never seen in training
    ]
    assert kb.table("entities")["id"].to_pylist() == ["/m/1", "/m/2", "/m/3", "/m/9"]
    assert kb.table("entities")["label"].to_pylist() == [None] * 4
    assert made.counts["read"] == 4


def test_files_may_be_named_one_by_one_and_otherwise(tmp_path):
    write(
        tmp_path,
        {
            "x_train.tsv": "a\tr\tb\n",
            "dev.txt": "b\tr\ta\n",
            "wikidata5m_test.txt": "a\tr\ta\n",
        },
    )
    paths = [tmp_path / name for name in ("wikidata5m_test.txt", "dev.txt", "x_train.tsv")]
    _, kb = ingested(tmp_path, paths)
    assert [row[3] for row in triples_of(kb)] == ["train", "valid", "test"]


def test_readable_ids_are_labels(tmp_path):
    write(tmp_path / "d", {"train.txt": "body_part\tpart_of\tanimal\n_x_\t_also_see\tanimal\n"})
    _, kb = ingested(tmp_path, tmp_path / "d")
    assert kb.table("entities")["label"].to_pylist() == ["body part", "animal", "x"]
    assert kb.table("relations")["label"].to_pylist() == ["part of", "also see"]
    assert {"body part", "animal", "x"} == set(kb.table("surfaces")["text"].to_pylist())


def test_names_come_from_the_files_beside(folder, tmp_path):
    write(
        folder,
        {
            "FB15k_mid2name.txt": "/m/1\tGary_Rydstrom\n/m/77\tNobody\n",
            "entity2text.txt": "/m/2\tWashington, D.C.\n/m/3\tsea\n\nbroken\n",
            "entity2textlong.txt": "/m/3\tAll of the salt water.\n",
            "relation2text.txt": "r\tborn in\nz\tunused\n",
            "FB15k-237_entity2wikidata.json": '{"/m/3": {"label": "ocean", "description": "salt water", '
            '"alternatives": ["the sea"], "wikidata_id": "Q9430", '
            '"wikipedia": "https://en.wikipedia.org/wiki/World_ocean"}, "/m/8": {"label": "x"}}',
        },
    )
    made, kb = ingested(tmp_path, folder)
    entities = kb.table("entities").select(["id", "label", "description"]).to_pylist()
    assert [tuple(row.values()) for row in entities] == [
        ("/m/1", "Gary Rydstrom", None),
        ("/m/2", "Washington, D.C.", None),
        ("/m/3", "ocean", "salt water"),
        ("/m/9", None, None),
    ]
    surfaces = kb.table("surfaces").to_pylist()
    assert {row["text"] for row in surfaces if row["eid"] == 2} == {"ocean", "the sea", "sea"}
    texts = {(row["kind"], row["text"]) for row in kb.table("descriptions").to_pylist()}
    assert texts == {("short", "salt water"), ("abstract", "All of the salt water.")}
    assert kb.table("xref").to_pylist() == [{"eid": 2, "scheme": "wikidata", "value": "Q9430"}]
    assert kb.table("sitelinks").to_pylist() == [{"eid": 2, "site": "enwiki", "title": "World ocean"}]
    assert kb.table("relations").select(["id", "label"]).to_pylist() == [
        {"id": "r", "label": "born in"},
        {"id": "q", "label": None},
    ]
    assert made.counts["skipped: names of ids without triples"] == 3
    reject = kb.table("rejects").to_pylist()
    assert [(row["file"], row["line"], row["reason"]) for row in reject] == [
        ("entity2text.txt", 4, "no id and name")
    ]


def test_codex_speaks_several_languages_and_has_negatives(tmp_path):
    write(
        tmp_path / "codex",
        {
            "triples/s/train.txt": "Q1\tP1\tQ2\n",
            "triples/s/valid.txt": "Q2\tP1\tQ1\n",
            "triples/s/valid_negatives.txt": "Q2\tP1\tQ2\nQ1\tP1\tQ1\n",
            "triples/s/test.txt": "Q1\tP1\tQ1\n",
            "entities/en/entities.json": '{"Q1": {"label": "apple", "description": "fruit"}}',
            "entities/zh/entities.json": '{"Q1": {"label": "苹果", "description": "水果"}}',
            "relations/en/relations.json": '{"P1": {"label": "likes", "description": "is fond of"}}',
            "relations/zh/relations.json": '{"P1": {"label": "喜欢"}}',
            "types/entity2types.json": '{"Q1": ["Q2", "Q99"]}',
        },
    )
    made, kb = ingested(tmp_path, tmp_path / "codex", lang="zh")
    assert kb.table("entities").select(["label", "description"]).to_pylist()[0] == {
        "label": "苹果",
        "description": "水果",
    }
    assert {(row["lang"], row["text"]) for row in kb.table("labels").to_pylist()} == {
        ("en", "apple"),
        ("zh", "苹果"),
    }
    assert kb.table("relations")["label"].to_pylist() == ["喜欢"]
    assert kb.table("types").to_pylist() == [{"eid": 0, "type": 1}]  # Q99 is in no triple
    assert made.counts["skipped: negative triples"] == 2
    assert len(triples_of(kb)) == 3


def test_the_relation_may_come_last(tmp_path):
    lines = "".join(f"e{n}\te{n * 7 % 90}\tr{n % 3}\n" for n in range(200))
    write(tmp_path / "d", {"train.txt": lines})
    plan = SOURCE.plan([str(tmp_path / "d")], Settings())
    assert plan.feeds[0].args["columns"] == "htr"
    assert any("read as htr" in text for text in plan.notes["warnings"])
    told = SOURCE.plan([str(tmp_path / "d")], Settings(columns="hrt"))
    assert told.feeds[0].args["columns"] == "hrt"


def test_a_column_of_relations_that_is_none_is_told(tmp_path):
    lines = "".join(f"e{n % 40}\tr{n % 3}\tx{n * 7 % 190}\n" for n in range(200))
    write(tmp_path / "d", {"train.txt": lines})
    (usual,) = [SOURCE.plan([str(tmp_path / "d")], Settings()).notes["warnings"]]
    assert usual == ["no valid triples", "no test triples"]
    wrong = SOURCE.plan([str(tmp_path / "d")], Settings(columns="htr")).notes["warnings"]
    assert wrong[2:] == [
        "190 relations and 43 entities in the first 200 triples, 180 of which have a relation of their own: "
        "is the order htr? See --columns"
    ]
    often = "".join(f"e{n // 60}\tr{n % 3}\te{n % 60}\n" for n in range(3600))
    write(tmp_path / "often", {"train.txt": often})
    (warning,) = SOURCE.plan([str(tmp_path / "often")], Settings(columns="htr")).notes["warnings"][2:]
    assert warning.startswith("60 relations and 63 entities in the first 3,600 triples, 0 of which")
    assert len(SOURCE.plan([str(tmp_path / "often")], Settings()).notes["warnings"]) == 2
    write(tmp_path / "few", {"train.txt": "a\tr\tb\nb\ts\tc\n"})
    assert len(SOURCE.plan([str(tmp_path / "few")], Settings()).notes["warnings"]) == 2


def test_bad_lines_are_rejects():
    args = {
        "columns": "hrt",
        "separator": "\t",
        "split": "train",
        "lang": "en",
        "readable": True,
        "label_relations": True,
    }
    found = Staged(decode, b"a\tb\n\tr\tb\na\t\tb\na\tr\t \na\tr\tb\tc\n\xff\tr\tb\na\tr\tb\n", **args)
    assert sorted(found.rows("rejects", "line", "reason")) == [
        (0, "2 fields instead of 3"),
        (1, "no head"),
        (2, "no relation"),
        (3, "no tail"),
        (4, "4 fields instead of 3"),
        (5, "not UTF-8"),
    ]
    assert found.rows("triples", "entity", "relation", "tail", "split") == [("a", "r", "b", "train")]


def archive(folder):
    with tarfile.open(folder / "FB.tar.gz", "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("train.txt"), io.BytesIO())


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ({"valid.txt": "a\tr\tb\n"}, {}, "no train.txt; is it the right folder"),
        ({"a/train.txt": "a\tr\tb\n", "b/train.txt": "a\tr\tb\n"}, {}, "several files of train"),
        ({"train.txt": "3\n0\t1\t0\n0\t2\t0\n1\t0\t0\n"}, {}, "numbers of entities"),
        ({"train.txt": "2\n0 1 0 1\n"}, {}, "numbers of entities"),
        ({"train.txt": "a\tr\tb\t1\n"}, {}, "4 columns between tabs"),
        ({"train.txt": "a\tr\tb\n"}, {"columns": "hr"}, "each of h, r and t once"),
        ({"train.txt": "a\tr\tb\n", "entity2types.json": "{"}, {}, "not the JSON"),
        ({"train.txt": "a\tr\tb\n", "entity2types.json": '{"a": 1}'}, {}, "not the JSON"),
    ],
)
def test_what_is_wrong_is_said(files, settings, message, tmp_path):
    folder = write(tmp_path / "d", files)
    with pytest.raises(KbError, match=message):
        ingested(tmp_path, folder, **settings)


def test_an_archive_must_be_unpacked_first(tmp_path):
    archive(tmp_path)
    with pytest.raises(SourceError, match=r"unpack FB\.tar\.gz first"):
        SOURCE.plan([str(tmp_path)], Settings())
    with pytest.raises(SourceError, match="tar archive; unpack it first"):
        SOURCE.plan([str(tmp_path / "FB.tar.gz")], Settings())


def test_files_of_names_must_be_known_ones(folder, tmp_path):
    write(tmp_path, {"readme.txt": "x"})
    for name, message in [("readme.txt", r"known are .*entity2text"), ("absent.txt", "no such file")]:
        with pytest.raises(ConfigError, match=message):
            SOURCE.plan([str(folder)], Settings(names=(tmp_path / name,)))


def unseen(kb):
    """Count the triples of each split that hold an entity which is in no training triple."""
    rows = kb.table("triples").to_pylist()
    seen = {end for row in rows if row["split"] == "train" for end in (row["head"], row["tail"])}
    return [
        sum(row["split"] == split and not {row["head"], row["tail"]} <= seen for row in rows)
        for split in ("valid", "test")
    ]


@pytest.mark.parametrize(
    ("name", "names", "sizes"),
    [
        ("FB15k-237", "FB15k_mid2name.txt", (14_541, 237, [272_115, 17_535, 20_466], [9, 28])),
        ("WN18RR", "WN18RR_entity2text.txt", (40_943, 11, [86_835, 3_034, 3_134], [210, 210])),
    ],
)
def test_the_sizes_that_papers_state(realdata, tmp_path, name, names, sizes):
    with tarfile.open(realdata / f"kge/{name}.tar.gz") as packed:
        packed.extractall(tmp_path / "d", filter="data")
    made, kb = ingested(tmp_path, tmp_path / "d", names=(str(realdata / "kge" / names),))
    splits = Counter(kb.table("triples")["split"].to_pylist())
    found = [splits[split] for split in ("train", "valid", "test")]
    assert (kb.rows("entities"), kb.rows("relations"), found, unseen(kb)) == sizes
    assert made.counts["rejected"] == 0
    assert kb.table("entities")["label"].null_count <= kb.rows("entities") // 20


def test_codex_and_umls(realdata, tmp_path):
    _, kb = ingested(tmp_path, realdata / "kge/codex")
    assert (kb.rows("entities"), kb.rows("relations"), kb.rows("triples")) == (
        2_034,
        42,
        32_888 + 1_827 + 1_828,
    )
    made = api.ingest("linkprediction", [realdata / "kge/umls"], tmp_path / "umls")
    assert [made.tables[name].rows for name in ("entities", "relations", "triples")] == [
        135,
        46,
        5_216 + 652 + 661,
    ]
