"""Supersenses of words in shards: by lemmas, lists of exceptions and rules, and as they were told."""

from pathlib import Path

import pytest

from kbtools import api
from kbtools.artefact import KbRef
from kbtools.errors import ConfigError
from kbtools.kb.reader import gather
from kbtools.shards.base import Here
from kbtools.shards.views._supersenses import NAMES, POS
from kbtools.shards.views.senses import VIEW, Settings
from kbtools.text.detachment import RULES
from tests import tiny_kb, tiny_tokenizer
from tests.layout_tokens import tokenizer
from tests.viewed import documents, said, seen, texts_of

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
FILES = [
    "adj.all",
    "noun.animal",
    "noun.food",
    "noun.person",
    "noun.possession",
    "noun.time",
    "verb.creation",
]
FILES += ["verb.motion"]
WORDS = [  # lemma, part of speech, its files
    ("cook", "v", "verb.creation"), ("cook", "n", "noun.person"), ("cooked", "s", "adj.all"),
    ("take", "v", "verb.motion verb.creation"), ("take", "n", "noun.possession"),
    ("ingest", "v", "verb.creation"),
    ("Bass", "n", "noun.food noun.animal"), ("cats", "n", "noun.person"), ("cat", "n", "noun.animal"),
    ("boss", "n", "noun.person"), ("bos", "n", "noun.animal"), ("this", "n", "noun.time"),
    ("fast food", "n", "noun.food"), ("fox", "n", "noun.animal"), ("fast", "a", "adj.all"),
    ("Gift", "n", "noun.food", "de"),
]  # fmt: skip
EXCEPTIONS = [("took", "v", "take")]


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    entities = [tiny_kb.entity(eid, name, name) for eid, name in enumerate(FILES)]
    surfaces, types = [], []
    for lemma, pos, files, *lang in WORDS:
        for name in files.split():
            eid = len(entities)
            entities.append(tiny_kb.entity(eid, f"{eid:08}-{pos}", lemma))
            types.append({"eid": eid, "type": FILES.index(name)})
            told = {"eid": eid, "pos": pos, "lang": (lang or ["en"])[0]}
            surfaces.append({**told, "text": lemma, "source": "lemma"})
            surfaces += [
                {**told, "text": form, "source": "exception"}
                for form, part, of in EXCEPTIONS
                if (of, part) == (lemma, pos)
            ]
            if lemma == "take" and name == "verb.creation":  # a synonym of one of its senses
                surfaces.append({**told, "text": "ingest", "source": "lemma"})
    rows = {
        "entities": entities,
        "surfaces": sorted(surfaces, key=lambda row: str(row["text"])),
        "types": types,
    }
    return tiny_kb.write(tmp_path_factory.mktemp("kb") / "kb", rows, name="wordnet")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return tokenizer(tmp_path_factory.mktemp("vocab"), ["cook", "##ed", "took", "bass"])


def here(tokens, *kbs):
    bases = gather(kbs)
    refs = [KbRef(name=one.name, content="") for one in bases]
    return Here(tokens, 64, bases=dict(enumerate(bases)), kbs=refs)


def allowed(tokens, kb, text, **settings):
    """Which supersenses each word has."""
    mine = here(tokens, kb)
    texts = texts_of(documents(text), tokens)
    row = seen(VIEW, Settings(**settings), texts, mine)[0]
    words = said(mine, texts, row["senses.spans"])
    return {
        word: [NAMES[one] for one in some] for word, some in zip(words, row["senses.allowed"], strict=True)
    }


def test_there_are_45_in_wordnets_order():
    assert len(NAMES) == 45
    assert (NAMES[0], NAMES[3], NAMES[5], NAMES[29], NAMES[44]) == (
        "adj.all",
        "noun.Tops",
        "noun.animal",
        "verb.body",
        "adj.ppl",
    )


def test_a_form_has_the_senses_of_its_lemmas(tokens, kb):
    found = allowed(tokens, kb, "Cooked BASS, took foxes!")
    assert found["cooked"] == ["adj.all", "noun.person", "verb.creation"]
    assert found["bass"] == ["noun.animal", "noun.food"]
    assert found["took"] == ["noun.possession", "verb.creation", "verb.motion"]
    assert found["foxes"] == ["noun.animal"]
    assert len(found) == 4


def test_or_those_of_the_part_of_speech_that_the_form_may_be(tokens, kb):
    found = allowed(tokens, kb, "cooked took cook", pos="form")
    assert found["cooked"] == ["adj.all", "verb.creation"]
    assert found["took"] == ["verb.creation", "verb.motion"]
    assert found["cook"] == ["noun.person", "verb.creation"]


def test_short_words_function_words_numbers_and_other_languages_have_none(tokens, kb):
    assert allowed(tokens, kb, "cat this gift 1000 boss fox") == {"boss": ["noun.person"]}
    found = allowed(tokens, kb, "cat this", shortest=1, function_words=True)
    assert found == {"cat": ["noun.animal"], "this": ["noun.time"]}
    assert allowed(tokens, kb, "gift", langs=("de", "en")) == {"gift": ["noun.food"]}
    mine = here(tokens, kb)
    row = seen(VIEW, Settings(), texts_of(documents("cook", lang="fr"), tokens), mine)[0]
    assert row["senses.spans"] == []


def test_a_plural_in_ss_is_none(tokens, kb):
    assert allowed(tokens, kb, "boss", pos="form") == {"boss": ["noun.person"]}


def test_senses_that_were_told_stay_where_a_word_has_no_set(tokens, kb):
    eids = {row["label"]: row["eid"] for row in gather([kb])[0].kb.table("entities").to_pylist()}
    ids = {row["eid"]: row["id"] for row in gather([kb])[0].kb.table("entities").to_pylist()}

    def link(start, end, word):
        return {"start": start, "end": end, "id": ids[eids[word]], "kb": "wordnet", "kind": "gold"}

    mine = here(tokens, kb)
    batch = documents(
        "fast food cook cat", links=[[link(0, 9, "fast food"), link(10, 14, "cook"), link(15, 18, "cat")]]
    )
    texts = texts_of(batch, tokens)
    row = seen(VIEW, Settings(gold=True), texts, mine)[0]
    told = dict(zip(said(mine, texts, row["senses.spans"]), row["senses.gold"], strict=True))
    assert told == {
        "fast": -1,
        "fast food": NAMES.index("noun.food"),
        "cook": NAMES.index("noun.person"),
        "cat": 5,
    }
    assert [len(one) for one in row["senses.allowed"]] == [1, 0, 2, 0]


def test_without_a_wordnet_it_says_what_helps(tokens, kb, tmp_path):
    other = tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    with pytest.raises(ConfigError, match="senses of words need a wordnet: pass it with --kb"):
        VIEW.prepare(texts_of(documents("cook"), tokens), Settings(), here(tokens, other))
    with pytest.raises(ConfigError, match="no wordnet"):
        VIEW.prepare(texts_of(documents("cook"), tokens), Settings(kb="tiny"), here(tokens, other))
    with pytest.raises(ConfigError, match="need other: pass it"):
        VIEW.prepare(texts_of(documents("cook"), tokens), Settings(kb="other"), here(tokens, other, kb))
    assert VIEW.prepare(
        texts_of(documents("cook"), tokens), Settings(), here(tokens, other, kb)
    ).spans.tolist() == [[0, 1]]


def known_by(kb):
    """Return lemmas and irregular forms with their synsets, and the file of each synset."""
    names = {row["eid"]: row["id"] for row in kb.table("entities", ["eid", "id"]).to_pylist()}
    types = {
        row["eid"]: names[row["type"]] for row in kb.table("types").to_pylist() if names[row["type"]] in NAMES
    }
    lemmas: dict[tuple[str, str], set[int]] = {}
    irregular: dict[tuple[str, str], set[int]] = {}
    for row in kb.table("surfaces", ["eid", "text", "source", "pos"]).to_pylist():
        into = lemmas if row["source"] in ("lemma", "alias") else irregular
        pos = {"s": "a"}.get(row["pos"], row["pos"])
        if row["eid"] in types and row["source"] in ("lemma", "alias", "exception", "form"):
            into.setdefault((row["text"].lower(), pos), set()).add(row["eid"])
    return lemmas, irregular, types


def oracle(known, word, any_pos):
    """Look one word up, rule by rule."""
    lemmas, irregular, types = known
    found = set()
    for pos in POS:
        of = {word}
        if (word, pos) in irregular:
            told = irregular[word, pos]
            found |= told
            whole = {one: len(eids) for (one, part), eids in lemmas.items() if part == pos and eids <= told}
            of |= {one for one, size in whole.items() if any_pos and size == max(whole.values())}
        elif not (pos == "n" and (word.endswith("ss") or len(word) <= 2)):
            of |= {word[: -len(a)] + b for a, b in RULES.get(pos, ()) if word.endswith(a)}
        for one in of:
            if (one, pos) in lemmas:
                found |= set().union(*(lemmas.get((one, part), set()) for part in (POS if any_pos else pos)))
    return sorted({NAMES.index(types[eid]) for eid in found})


@pytest.mark.parametrize("pos", ["any", "form"])
def test_the_tiny_world_like_an_oracle_that_goes_word_by_word(tmp_path_factory, pos):
    folder = tmp_path_factory.getbasetemp() / "sample-wordnet"
    if not folder.exists():
        api.ingest("wordnet", [SAMPLE / "wordnet" / "dict"], folder)
    words = [
        "apples",
        "took",
        "banks",
        "better",
        "houses",
        "rivers",
        "running",
        "men",
        "cities",
        "mercury",
        "jordan",
        "Apple",
        "boxes",
    ]
    like_the_oracle(folder, words, pos)


@pytest.fixture(scope="module")
def real(realdata, tmp_path_factory):
    out = tmp_path_factory.mktemp("real") / "kb"
    api.ingest("wordnet", [realdata / "wordnet" / "princeton-3.0"], out)
    return out


@pytest.mark.parametrize("pos", ["any", "form"])
def test_the_real_wordnet_like_the_oracle(real, pos):
    words = [
        "took",
        "axes",
        "cooked",
        "better",
        "ridden",
        "geese",
        "running",
        "bosses",
        "lives",
        "chocolate",
        "mice",
        "worst",
    ]
    found = like_the_oracle(real, words, pos)
    assert {NAMES.index("verb.social"), NAMES.index("verb.contact")} <= set(found["took"])
    assert NAMES.index("noun.food") in found["chocolate"]


def like_the_oracle(folder, words, pos):
    tokens = tiny_tokenizer.loaded()
    mine = here(tokens, folder)
    texts = texts_of(documents(" ".join(words)), tokens)
    row = seen(VIEW, Settings(shortest=1, pos=pos), texts, mine)[0]
    found = dict(zip(said(mine, texts, row["senses.spans"]), row["senses.allowed"], strict=True))
    known = known_by(gather([folder])[0].kb)
    wanted = {word.lower(): oracle(known, word.lower(), pos == "any") for word in words}
    assert found == {word: some for word, some in wanted.items() if some}
    assert found
    return found
