"""Examples of shards, decoded for a person; and what shards are, from their manifest."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kbtools import api, artefact
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError
from kbtools.shards.about.examples import joined
from kbtools.shards.base import SPAN
from tests import tiny_kb, tiny_shards, tiny_tokenizer

I64 = pa.int64()
SCHEMA = pa.schema(
    [
        *(
            tiny_shards.SCHEMA.field(name)
            for name in ("input_ids", "word_start", "sentences", "documents", "segment")
        ),
        pa.field("pair.kind", pa.dictionary(pa.int8(), pa.string())),
        pa.field("heads", pa.list_(pa.int32())),
        pa.field("entities.wikidata.spans", pa.list_(SPAN)),
        pa.field("entities.wikidata.eids", pa.list_(pa.list_(I64))),
        pa.field("entities.wikidata.priors", pa.list_(pa.list_(pa.float32()))),
        pa.field("entities.wikidata.gold", pa.list_(I64)),
        pa.field("entities.wikidata.types", pa.list_(pa.list_(I64))),
        pa.field("senses.spans", pa.list_(SPAN)),
        pa.field("senses.allowed", pa.list_(pa.list_(pa.uint8()))),
        pa.field("units.phrase", pa.list_(SPAN)),
        pa.field("facts.head", SPAN),
        pa.field("facts.relation_id", pa.string()),
        pa.field("facts.head_id", pa.string()),
        pa.field("other", pa.struct([("a", pa.int32()), ("b", pa.float32())])),
    ]
)
WORDS = ["[CLS]", "the", "s", "##ing", "##er", "of", "london", "[SEP]", "in", "[SEP]"]


def example(ids):
    return {
        "input_ids": ids,
        "word_start": [one[:2] != "##" for one in WORDS],
        "sentences": [1, 5, 8],
        "documents": [{"start": 1, "id": "a"}, {"start": 8, "id": "b"}],
        "segment": [0] * 8 + [1, 1],
        "pair.kind": "random",
        "heads": [-100, 2, 2, -100, -100, 6, 2, -100, -100, -100],
        "entities.wikidata.spans": [[2, 5], [6, 7]],
        "entities.wikidata.eids": [[1, 99], []],
        "entities.wikidata.priors": [[0.75, 0.25], []],
        "entities.wikidata.gold": [1, -2],
        "entities.wikidata.types": [[0], []],
        "senses.spans": [[6, 7]],
        "senses.allowed": [[15]],
        "units.phrase": [[1, 5]],
        "facts.head": [6, 7],
        "facts.relation_id": "P31",
        "facts.head_id": "Q64",
        "other": {"a": 3, "b": 0.5},
    }


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("decode")


@pytest.fixture(scope="module")
def base(room):
    return tiny_kb.write(room / "kb", tiny_kb.world(), name="wikidata")


@pytest.fixture(scope="module")
def shards(room, base):
    tokenizer = tiny_tokenizer.loaded()
    ids = tokenizer.ids_of(pa.array(WORDS)).tolist()
    assert tokenizer.words(ids).to_pylist() == WORDS
    out = tiny_shards.write(room / "shards", {"train": [example(ids)]}, schema=SCHEMA)
    manifest = artefact.read(base)
    where = str(tiny_tokenizer.path("wordpiece", 2000))
    special = {**tokenizer.special._asdict(), "content": tokenizer.content, "size": tokenizer.size}
    tiny_kb.edit_manifest(
        out,
        kbs=[{"name": "wikidata", "content": manifest.content}],
        inputs=[
            {"path": str(base), "kind": "kb", "content": manifest.content},
            {"path": where, "kind": "tokenizer", "content": tokenizer.content},
        ],
        notes={"index": {"train": [[1, 10]]}, "tokenizer": special, "layout": "pairs", "views": ["entities"],
               "lengths": {"train": [[16, 1]]}},
        counts={"entities: spans": 200, "entities: spans without room": 3},
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def decoded(shards):
    (found,) = api.decode(shards, 1).examples
    return found


def test_tokens_and_what_is_around_them(decoded):
    assert decoded.tokens == WORDS
    assert decoded.special == [0, 7, 9]
    assert decoded.words == [0, 1, 2, 5, 6, 7, 8, 9]
    assert [(one.start, one.id) for one in decoded.documents] == [(1, "a"), (8, "b")]


def test_entities_have_candidates_gold_and_types(decoded):
    groups = {one.name: one.spans for one in decoded.groups}
    singer, london = groups["entities.wikidata"]
    assert (singer.text, singer.gold, singer.said) == ("singer", "Q42 Douglas Adams", {"types": "[Q5 human]"})
    told = [(one.name, one.prior, one.gold) for one in singer.candidates]
    assert told == [("Q42 Douglas Adams", 0.75, True), ("eid 99", 0.25, False)]
    assert (london.text, london.gold, london.candidates) == ("london", "NIL", [])


def test_senses_units_and_facts_are_in_words(decoded):
    groups = {one.name: one.spans for one in decoded.groups}
    assert groups["senses"][0].said == {"allowed": "[noun.location]"}
    assert groups["units.phrase"][0].text == "the singer"
    assert decoded.rest["facts.head"] == "6–7 london"
    assert decoded.rest["facts.relation_id"] == "P31 instance of"
    assert decoded.rest["facts.head_id"] == "Q64 柏林"


def test_what_is_not_known_is_shown_as_it_is(decoded):
    assert decoded.rest["other"] == "a 3, b 0.5"
    assert decoded.rest["pair.kind"] == "random"
    assert set(decoded.rest) == {"other", "pair.kind", "facts.head", "facts.relation_id", "facts.head_id"}


def test_heads(decoded):
    assert [(one.token, one.head) for one in decoded.heads] == [(1, 2), (2, 2), (5, 6), (6, 2)]


def test_how_it_is_printed(shards):
    done = CliRunner().invoke(main, ["inspect", str(shards), "--decode", "3"], env={"COLUMNS": "60"})
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"{shards}: 1 of 1 example",
        "",
        "train 0  10 tokens",
        "  document a  segment 0",
        "  0  ‹[CLS]› [the [s·ing·er]1]4",
        "  5  of [[london]3]2 ‹[SEP]›",
        "  document b  segment 1",
        "  8  in ‹[SEP]›",
        "  entities.wikidata  2 spans",
        "    1  2–5  singer  → ✓ Q42 Douglas Adams 0.750 · eid 99",
        "         0.250  types [Q5 human]",
        "    2  6–7  london  gold NIL",
        "  senses  1 span",
        "    3  6–7  london  allowed [noun.location]",
        "  units.phrase  1 span",
        "    4  1–5  the singer",
        "  heads  the←singer  singer←root  of←london  london←singer",
        "  pair.kind  random",
        "  facts.head  6–7 london",
        "  facts.relation_id  P31 instance of",
        "  facts.head_id  Q64 柏林",
        "  other  a 3, b 0.5",
    ]


def test_json(shards):
    found = json.loads(CliRunner().invoke(main, ["inspect", str(shards), "--decode", "1", "--json"]).stdout)
    assert found["examples"][0]["groups"][0]["spans"][0]["candidates"][0]["name"] == "Q42 Douglas Adams"


def test_the_overview_is_of_the_manifest(shards):
    found: Any = api.inspect(shards)
    assert (found.layout, found.views) == ("pairs", ["entities"])
    assert [(one.split, one.examples, one.tokens) for one in found.splits] == [("train", 1, 10)]
    assert [(one.above, one.to, one.examples) for one in found.lengths] == [(0, 16, 1)]
    assert [(one.view, one.spans, one.share) for one in found.lost] == [("entities", 200, 0.015)]
    assert [one.name for one in found.columns] == SCHEMA.names
    shown = CliRunner().invoke(main, ["inspect", str(shards)]).stdout
    assert "  entities: 3 of 200 spans (1.50%)" in shown.splitlines()


def test_examples_are_drawn_by_seed(room):
    out = tiny_shards.write(
        room / "many", {"train": tiny_shards.rows([5] * 40), "dev": tiny_shards.rows([4] * 9)}
    )
    places = [
        [(one.split, one.number) for one in api.decode(out, 6, seed=seed).examples] for seed in (1, 1, 2)
    ]
    assert places[0] == places[1] != places[2]
    assert len(set(places[0])) == 6
    assert len(api.decode(out, 99).examples) == api.decode(out, 1).total == 49


def test_without_tokenizer_and_knowledge_base_numbers_are_shown(room):
    out = tiny_shards.write(room / "bare", {"train": tiny_shards.rows([6] * 4)})
    found = api.decode(out, 4)
    assert found.notes == [
        "w: not where it was; numbers are shown, ids and labels with --kb KB",
        "the tokenizer is not where it was; tokens are shown by number",
    ]
    assert found.examples[0].tokens[0] == "#1"
    names = [one.name for example in found.examples for group in example.groups for span in group.spans
             for one in span.candidates]  # fmt: skip
    assert "eid 30" in names


def test_another_tokenizer_is_refused(room):
    out = tiny_shards.write(room / "strange", {"train": tiny_shards.rows([6])})
    with pytest.raises(ArtefactError, match="another tokenizer"):
        api.decode(out, 1, tokenizer=tiny_tokenizer.path("wordpiece", 2000))
    with pytest.raises(ConfigError):
        api.decode(out, 1, tokenizer=room / "nothing")


def test_a_tree_is_drawn(room):
    fields = [pa.field(name, pa.list_(pa.int16())) for name in ("soft", "branch", "word")]
    schema = pa.schema([tiny_shards.SCHEMA.field("input_ids"), *fields, pa.field("id", pa.string())])
    row = {
        "input_ids": [5, 6, 7, 8],
        "soft": [0, 1, 2, 1],
        "branch": [0, 1, 1, 0],
        "word": [0, 0, 0, 1],
        "id": "x",
    }
    out = tiny_shards.write(room / "tree", {"train": [row]}, schema=schema)
    shown = CliRunner().invoke(main, ["inspect", str(out), "--decode", "1"]).stdout.splitlines()
    assert shown[-6:] == ["    #5  #8", "    0   1", "    │", "    └─ #6  #7", "       1   2", "  id  x"]


@given(st.lists(st.sampled_from(["a", "##b", "Ġc", "▁", "##", "中"]), max_size=8), st.data())
def test_no_token_is_lost_when_words_are_joined(tokens, data):
    words = data.draw(st.sets(st.integers(0, 8)))
    shown = joined(tokens, words, 0, len(tokens), "·")
    assert shown.count("·") + shown.count(" ") == max(len(tokens) - 1, 0)
    assert joined(tokens, None, 0, len(tokens)) == " ".join(tokens)
