"""Alias tables of real knowledge bases, beside what plain Python finds in the raw files."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict

import numpy as np
import pytest

from kbtools import api
from kbtools.alias.lookup import Alias
from kbtools.alias.schema import LEVELS
from kbtools.kb.reader import Kb

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}


@pytest.fixture(scope="module")
def wordnet(realdata, tmp_path_factory):
    """WordNet 3.0 with its Chinese overlay, and one alias table of both."""
    room = tmp_path_factory.mktemp("wordnet")
    api.ingest("wordnet", [realdata / "wordnet/princeton-3.0"], room / "kb", workers=2)
    tab = realdata / "wordnet/cow/wn-data-cmn.tab"
    api.ingest("wnlmf", [tab], room / "cow", onto=room / "kb", name="cow")
    api.build_alias([room / "kb", room / "cow"], room / "alias")
    return room


@pytest.fixture(scope="module")
def words(wordnet):
    return Alias(wordnet / "alias")


@pytest.fixture(scope="module")
def lemmas(realdata):
    """Spelling -> ids of synsets."""
    found = defaultdict(set)
    for name, part in PARTS.items():
        for line in (realdata / f"wordnet/princeton-3.0/data.{name}").read_text("latin-1").splitlines():
            if not line.startswith("  "):
                offset, _, _, count, *rest = line.split(" ")
                for word in rest[: 2 * int(count, 16) : 2]:
                    spelt = re.sub(r"\((a|p|ip)\)$", "", word).replace("_", " ")
                    found[spelt].add(f"{offset}-{part}")
    return found


def meanings(alias, kb, name):
    """Return id -> prior of what a name means."""
    ids = Kb(kb).table("entities", ["id"])["id"]
    found = alias.candidates(alias.lookup([name]))
    return dict(zip(ids.take(found["eid"]).to_pylist(), found["prior"].to_pylist(), strict=True))


def tags(realdata, word):
    """Return id -> how often a word was tagged, as index.sense has it."""
    part = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
    found = {}
    for line in (realdata / "wordnet/princeton-3.0/index.sense").read_text().splitlines():
        if line.startswith(f"{word}%"):
            key, offset, _, count = line.split()
            found[f"{offset}-{part[key[len(word) + 1]]}"] = int(count)
    return found


def plain(name):
    """Write a Latin name without what the norm overlooks."""
    spread = unicodedata.normalize("NFKD", name.lower())
    bare = "".join(char for char in spread if not unicodedata.combining(char) and char not in "'.")
    return " ".join(re.sub(r"[^\w+]+", " ", bare).split())


def test_names_are_the_lemmas_and_their_irregular_forms(realdata, words, lemmas):
    known = defaultdict(set)
    for word, ids in lemmas.items():
        for id_ in ids:
            known[id_[-1]].add(word.lower())
    irregular = set()
    for name, part in PARTS.items():
        for line in (realdata / f"wordnet/princeton-3.0/{name}.exc").read_text().splitlines():
            form, *bases = (word.replace("_", " ") for word in line.split())
            if known[part].intersection(bases):
                irregular.add(form)
    ours = {plain(word) for word in lemmas.keys() | irregular}
    assert (len(lemmas), len({plain(word) for word in lemmas}), len(ours)) == (148_730, 146_657, 150_552)
    norms = {norm for norm in words.norms.to_pylist() if norm.isascii()}
    missing = {norm for norm in ours if norm.isascii()} - norms
    assert missing == set()
    files = {norm for norm in norms - ours if re.match("noun|verb|adj|adv", norm)}
    assert len(files) == 45  # the lexicographers' files: noun.animal


@pytest.mark.parametrize("case", [("bank", 18, 51), ("dog", 8, 44), ("set", 45, 177)])
def test_senses_in_the_order_of_their_tags(realdata, wordnet, lemmas, case):
    words = Alias(wordnet / "alias")
    word, senses, tagged = case
    counted = tags(realdata, word)
    assert (len(counted), sum(counted.values())) == (senses, tagged)
    assert lemmas[word] | lemmas[word.title()] == counted.keys()  # Set is a god
    found = meanings(words, wordnet / "kb", word)
    assert len(found) == min(30, senses)
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)
    order = [counted.get(id_, 0) for id_ in found]
    assert order == sorted(order, reverse=True)
    best, rest = sorted(counted.values(), reverse=True)[0], sum(counted.values())
    assert next(iter(found.values())) == pytest.approx(best / rest, abs=0.03)


@pytest.mark.parametrize("case", [("mice", "mouse", "n"), ("geese", "goose", "n"), ("went", "go", "v")])
def test_irregular_forms_lead_to_their_lemmas(words, wordnet, lemmas, case):
    form, base, part = case
    expected = {id_ for id_ in lemmas[base] if id_.endswith(part)}
    assert meanings(words, wordnet / "kb", form).keys() - lemmas[form] == expected
    found = words.lookup([form, form.upper(), f"{base} {form}"])
    assert [LEVELS[level] for level in found.level[:2]] == ["exact", "case"]
    assert found.norm[2] == -1


def test_chinese_lemmas_in_either_script(realdata, words, wordnet):
    expected = defaultdict(set)
    for line in (realdata / "wordnet/cow/wn-data-cmn.tab").read_text("utf-8").splitlines():
        offset, *rest = line.split("\t")
        if len(rest) == 2 and rest[0] == "cmn:lemma":
            expected[rest[1]].add(offset)
    for simplified, traditional in [("图书馆", "圖書館"), ("电脑", "電腦"), ("银行", "銀行"), ("龙", "龍")]:
        assert expected[simplified]
        assert meanings(words, wordnet / "kb", simplified).keys() == expected[simplified]
        assert meanings(words, wordnet / "kb", traditional).keys() == expected[simplified]
        levels = words.lookup([simplified, traditional]).level
        assert [LEVELS[level] for level in levels] == ["exact", "folded"]
    text = "他去圖書館借書"
    spans = words.scan([text])
    assert "圖書館" in {text[a:b] for a, b in zip(spans.start, spans.end, strict=True)}


def test_a_table_of_wordnet_is_sound(wordnet):
    assert api.verify(wordnet / "alias", deep=True).problems == []


def test_every_current_name_of_the_metathesaurus_and_no_suppressed_one(realdata, tmp_path):
    folder = realdata / "umls/wci-sample/SAMPLE_NCI"
    rows = [line.split("|") for line in (folder / "MRCONSO.RRF").read_text("utf-8").splitlines()]
    atoms = Counter((row[0], " ".join(row[14].split())) for row in rows if row[16] == "N")
    suppressed = {(row[0], " ".join(row[14].split())) for row in rows if row[16] != "N"} - atoms.keys()
    api.ingest("umls", [folder], tmp_path / "kb")
    api.build_alias([tmp_path / "kb"], tmp_path / "alias")
    ids = Kb(tmp_path / "kb").table("entities", ["id"])["id"].to_pylist()
    with api.query(
        [tmp_path / "alias"], "SELECT eid, surface, sum(n) AS n FROM counts GROUP BY ALL"
    ) as found:
        counts = {(ids[row["eid"]], row["surface"]): row["n"] for row in found.read_all().to_pylist()}
    assert counts == atoms
    assert len(rows) - sum(atoms.values()) == 488
    assert suppressed
    assert not suppressed & counts.keys()
    alias = Alias(tmp_path / "alias")
    aspirin = [name for id_, name in atoms if id_ == "C0004057"]
    assert len(aspirin) == 20
    found = alias.candidates(alias.lookup(aspirin))
    right = {query for query, eid in zip(*found.select(["query", "eid"]).to_pydict().values(), strict=True)
             if ids[eid] == "C0004057"}  # fmt: skip
    assert right == {*range(len(aspirin))}


@pytest.mark.parametrize(
    ("dump", "known"),
    [
        ("gensim/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2", 110),
        ("dumpster-dive/smallwiki-latest-pages-articles.xml", 2273),
    ],
)
def test_every_link_of_a_wikipedia_is_found_again(realdata, tmp_path, dump, known):
    api.ingest("wikipedia", [realdata / "wikipedia" / dump], tmp_path / "kb")
    api.build_alias([tmp_path / "kb"], tmp_path / "alias")
    kb, alias = Kb(tmp_path / "kb"), Alias(tmp_path / "alias")
    links = [row for row in kb.table("anchors").to_pylist() if row["target"] is not None]
    assert len(links) == known
    found = alias.candidates(alias.lookup([row["surface"] for row in links])).to_pydict()
    pairs = {*zip(found["query"], found["eid"], strict=True)}
    assert all((i, row["target"]) in pairs for i, row in enumerate(links))
    pages = kb.table("pages", ["page", "text"]).to_pydict()
    spans = alias.scan(pages["text"])
    page = np.array(pages["page"])[spans.text].tolist()
    there = {*zip(page, spans.start.tolist(), spans.end.tolist(), strict=True)}
    missed = [row["surface"] for row in links if (row["page"], row["start"], row["end"]) not in there]
    assert missed == []


def test_priors_of_other_people(realdata, tmp_path):
    file = realdata / "el/allenai-kb/linking/priors.txt"
    told = {}
    for line in file.read_text("utf-8").splitlines():
        name, total, *candidates = line.rstrip("\t").split("\t")
        shares = {one.split(",", 2)[2].replace("_", " "): float(one.split(",")[1]) for one in candidates}
        told[name] = (int(total), shares)
    assert len(told) == 50
    titles = [*dict.fromkeys(title for _, shares in told.values() for title in shares)]
    table = tmp_path / "titles.tsv"
    table.write_text("".join(f"{row}\n" for row in ["id\tlabel", *(f"{one}\t{one}" for one in titles)]))
    (tmp_path / "map.toml").write_text('[[entities]]\nid = "id"\nlabel = "label"\n[format]\nquotes = false\n')
    api.ingest("table", [table], tmp_path / "kb", map=str(tmp_path / "map.toml"))
    api.build_alias([tmp_path / "kb"], tmp_path / "alias", prior_files=[file])
    alias = Alias(tmp_path / "alias")
    years = {name for name in told if not re.search("[a-z]", name)} - {"USA"}
    assert max(alias.lookup([*years]).length) == 1  # numbers are names only where a label says so
    norms = Counter(plain(title) for title in titles)
    alone = {name for name in told.keys() - years if norms[plain(name)] == (name in titles)}
    assert len(alone) >= 35  # the others are also labels in other spellings, which are mixed
    for name in alone:
        total, shares = told[name]
        whole = max(sum(shares.values()), 1)
        counted = {title: round(share / whole * total) for title, share in shares.items()}
        n = {title: 0.3 * count + (title == name) for title, count in counted.items() if count}
        weighed = {title: (value + 1 / len(n)) / (sum(n.values()) + 1) for title, value in n.items()}
        best = sorted(weighed, key=lambda title: (-weighed[title], titles.index(title)))[:30]
        kept = sum(weighed[title] for title in best)
        found = meanings(alias, tmp_path / "kb", name)
        assert found == pytest.approx({title: weighed[title] / kept for title in best}, rel=1e-4)
