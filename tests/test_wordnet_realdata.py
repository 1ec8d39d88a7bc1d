"""Princeton WordNet 3.0, whole: counts, ids that other people use, and senses that they annotated."""

from __future__ import annotations

import tarfile
from collections import defaultdict
from xml.etree import ElementTree

import pytest

from kbtools import api
from kbtools.kb.query import query
from tests import oracle_wordnet

POS = {"NOUN": "n", "VERB": "v", "ADJ": "a", "ADV": "r"}


@pytest.fixture(scope="module")
def made(realdata, tmp_path_factory):
    out = tmp_path_factory.mktemp("wordnet") / "kb"
    return out, api.ingest("wordnet", [realdata / "wordnet/princeton-3.0"], out, quiet=True)


@pytest.fixture(scope="module")
def kb(made):
    return made[0]


def ask(kb, sql):
    with query([kb], sql) as found:
        columns = found.read_all().columns
    return [*zip(*(column.to_pylist() for column in columns), strict=True)]


def test_all_of_it_is_read(made):
    _, manifest = made
    assert manifest.notes["release"] == "3.0"
    assert "warnings" not in manifest.notes
    assert (manifest.counts["read"], manifest.counts["rejected"]) == (117_659, 0)
    assert manifest.notes["synsets"] == {"noun": 82_115, "verb": 13_767, "adj": 18_156, "adv": 3_621}


@pytest.mark.parametrize(
    ("sql", "n"),
    [
        ("select count(*) from entities where kind = 'synset'", 117_659),
        ("select count(*) from entities where kind = 'concept'", 45),
        ("select count(*) from surfaces where source = 'lemma'", 206_941),
        ("select count(distinct atom) from surfaces where source = 'lemma'", 206_941),
        ("select count(*) from xref where scheme = 'sense_key'", 206_941),
        ("select count(*) from xref where scheme = 'sense'", 206_941),
        (
            "select count(*) from (select distinct lower(text), replace(pos, 's', 'a') from surfaces "
            "where source = 'lemma')",
            155_287,
        ),
        ("select count(*) from types", 117_659),
        (
            "select count(*) from relations r join triples t on t.relation = r.rid where r.id = 'hypernym'",
            89_089,
        ),
        ("select count(*) from triples", 377_592),
        ("select count(*) from descriptions where kind = 'definition'", 117_659),
        ("select count(*) from descriptions where text = ''", 0),
    ],
)
def test_counts_are_those_of_princeton(kb, sql, n):
    assert ask(kb, sql) == [(n,)]


def test_keys_numbers_and_counts_are_those_of_index_sense(realdata, kb):
    listed = {}
    for line in (realdata / "wordnet/princeton-3.0/index.sense").read_text().splitlines():
        key, offset, number, count = line.split()
        listed[key] = (offset, number, int(count))
    words = ask(
        kb, "select atom, id, s.count from surfaces s join entities using (eid) where source = 'lemma'"
    )
    assert {key: (id_[:8], count) for key, id_, count in words} == {
        k: (o, c) for k, (o, _, c) in listed.items()
    }
    sense = ask(kb, "select id, value from xref join entities using (eid) where scheme = 'sense'")
    numbers = {(id_, value.split("#")[0]): value.split("#")[2] for id_, value in sense}
    part = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
    for key, (offset, number, _) in listed.items():
        lemma, _, rest = key.partition("%")
        assert numbers[f"{offset}-{part[rest[0]]}", lemma] == number
    freq = ask(kb, "select sum(freq) from entities")
    assert freq == [(sum(count for _, _, count in listed.values()),)]


def test_a_slow_reader_finds_the_same(realdata, kb):
    known = oracle_wordnet.synsets(realdata / "wordnet/princeton-3.0")
    assert ask(kb, "select id from entities where kind = 'synset' order by eid") == [(id_,) for id_ in known]
    pointers = sorted((one.id, target) for one in known.values() for _, target, *_ in one.pointers)
    sql = """
        select h.id, t.id from triples x join entities h on h.eid = x.head join entities t on t.eid = x.tail
        order by 1, 2"""
    assert ask(kb, sql) == pointers
    frames = sum(len(one.frames) for one in known.values())
    sql = "select count(*) from literals l join relations r on r.rid = l.relation where r.id = 'verb_frame'"
    assert ask(kb, sql) == [(frames,)]


def test_wn18rr_is_about_these_synsets(realdata, kb):
    ids = set()
    with tarfile.open(realdata / "kge/WN18RR.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".txt") else None
            for line in file.read().decode().splitlines() if file else ():
                fields = line.split("\t")
                if len(fields) == 3:
                    ids |= {fields[0], fields[2]}
    assert len(ids) == 40_943
    assert ids <= {id_[:8] for (id_,) in ask(kb, "select id from entities")}


def test_the_chinese_wordnet_is_about_these_synsets(realdata, kb):
    lines = (realdata / "wordnet/cow/wn-data-cmn.tab").read_text("utf-8").splitlines()
    ids = {line.split("\t")[0] for line in lines if not line.startswith("#")}
    assert len(ids) == 42_300
    assert ids <= {id_ for (id_,) in ask(kb, "select id from entities")}


@pytest.mark.parametrize(("name", "f1"), [("senseval2", 66.8), ("semeval2007", 55.2)])
def test_the_first_sense_is_right_as_often_as_is_known(realdata, kb, name, f1):
    sql = """
        select k.value, s.value as sense from xref s join xref k using (eid)
        where s.scheme = 'sense' and k.scheme = 'sense_key'"""
    first: dict[tuple[str, str], set[str]] = defaultdict(set)
    for key, sense in ask(kb, sql):
        lemma, part, number = sense.rsplit("#", 2)
        if number == "1" and key.startswith(f"{lemma}%"):
            first[lemma, part].add(key)
    folder = realdata / "wsd/raganato" / name
    gold = {}
    for line in (folder / f"{name}.gold.key.txt").read_text().splitlines():
        instance, *keys = line.split()
        gold[instance] = {*keys}
    answers = {}
    for one in ElementTree.parse(folder / f"{name}.data.xml").iter("instance"):
        answers[one.attrib["id"]] = first[one.attrib["lemma"].lower(), POS[one.attrib["pos"]]]
    assert answers.keys() == gold.keys()
    right = sum(bool(answers[instance] & keys) for instance, keys in gold.items())
    answered = sum(bool(keys) for keys in answers.values())
    precision, recall = right / answered, right / len(gold)
    assert round(100 * 2 * precision * recall / (precision + recall), 1) == f1


def test_glosses_keep_what_they_say(realdata, kb):
    """Letters and digits of a gloss are all in its definition and examples, or name an author."""
    said: dict[str, str] = defaultdict(str)
    for id_, text, source in ask(kb, "select id, text, source from descriptions join entities using (eid)"):
        said[id_] += text + (source if source != "wordnet" else "")
    joined = ask(kb, "select count(*) from descriptions where kind = 'example' and text like '%\"%'")
    assert joined == [(0,)]
    lost = 0
    for one in oracle_wordnet.synsets(realdata / "wordnet/princeton-3.0").values():
        kept, whole = (sorted(filter(str.isalnum, text)) for text in (said[one.id], one.gloss))
        lost += len(whole) - len(kept)
    # `or` and `and` between two examples
    assert 0 <= lost < 300
