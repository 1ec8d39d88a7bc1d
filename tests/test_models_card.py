"""Model cards: all that a model was made from, and nothing that names could smuggle in."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kbtools.models import card
from kbtools.models.configuration import KnowledgeConfig

LINEAGE: dict[str, Any] = {
    "inputs": [{"path": "/home/me/secret/shards-en", "kind": "shards", "content": "0123456789abcdef"}],
    "kbs": [{"name": "wikidata", "date": "2024-05-01", "content": "fedcba9876543210"}],
    "licences": [
        {"source": "Wikidata", "licence": "CC0-1.0", "attribution": "", "redistribute": "yes"},
        {"source": "UMLS", "licence": "UMLS licence", "attribution": "NLM", "redistribute": "no"},
    ],
    "languages": ["zh", "en", "!bad"],
}


def config(**changes: Any) -> KnowledgeConfig:
    told: dict[str, Any] = {
        "body": "bert", "text": {"model_type": "bert", "num_hidden_layers": 2, "hidden_size": 16},
        "heads": {"lm": {"kind": "lm"}}, "vocabulary": {"size": 9000, "content": "c0ffee"},
        "lineage": LINEAGE,
        "tables": {"wikidata": {"rows": 7, "dim": 3, "content": "beef"}}, "settings": {"depth": 3},
    }  # fmt: skip
    return KnowledgeConfig(**{**told, **changes})


def front(text: str) -> dict[str, Any]:
    """Read the front matter: each line a name and a JSON value."""
    lines = text.partition("---\n")[2].partition("\n---\n")[0].split("\n")
    return {name: json.loads(value) for name, _, value in (line.partition(": ") for line in lines)}


def test_what_it_was_made_from_is_said():
    text = card.write(
        config(), parameters=1234, recipe="[run]\nsteps = 1\n", metrics={"loss": 1.23456, "f1": 3}
    )
    for said in (
        "1,234", "bert, 2 layers of 16", "lm (lm)", "9,000", "c0ffee", "2024-05-01", "fedcba987654",
        "shards-en",
        "0123456789ab", "UMLS licence", "NLM", "7 × 3, beef", "| Setting depth | 3 |", "| loss | 1.235 |",
        "```toml\n[run]\nsteps = 1\n```", "**What it was made from may not be passed on** (UMLS)",
    ):  # fmt: skip
        assert said in text
    assert "secret" not in text
    assert front(text) == {
        "library_name": "kbtools",
        "language": ["en", "zh"],
        "tags": ["kbtools", "bert", "wikidata"],
    }


def test_a_licence_is_named_where_there_is_one():
    def licensed(*licences: tuple[str, str]) -> str:
        rows = [{"source": "a", "licence": name, "redistribute": may} for name, may in licences]
        return card.write(config(lineage={"licences": rows}), parameters=1)

    assert front(licensed(("CC-BY-SA-4.0", "yes")))["license"] == "cc-by-sa-4.0"
    assert "may be passed on, with the attributions" in licensed(("CC0-1.0", "yes"))
    assert "license" not in front(licensed(("CC0-1.0", "yes"), ("MIT", "yes")))
    assert "license" not in front(licensed(("as the file says", "ask")))
    assert "Ask before" in licensed(("CC0-1.0", "yes"), ("x", "ask"))
    assert "says nothing of terms" in licensed()


def test_little_is_enough():
    assert "# bert" in card.write(KnowledgeConfig(), parameters=0)
    odd = {"licences": 3, "kbs": [3, None], "inputs": {"a": 1}, "languages": "en"}
    assert "# bert" in card.write(KnowledgeConfig(lineage=odd), parameters=0)


def test_a_fence_is_longer_than_any_in_the_recipe():
    text = card.write(config(), parameters=1, recipe='about = """\n````\n# not a heading\n````\n"""\n')
    assert "\n`````toml\n" in text
    assert text.endswith("\n`````\n")


@given(st.text(min_size=1))
def test_names_are_text_and_nothing_else(name):
    said = card.inert(name)
    assert "\n" not in said
    assert not re.search(r"[<>]|(?<!\\)[|`*\[\]]", said.replace("\\\\", ""))


def test_names_smuggle_nothing_in():
    bad = "x\n---\nlicense: mit\n---\n# <script>alert(1)</script> | ![a](http://b) [c](d) www.e.org `f`"
    rows = {"licences": [{"source": bad, "licence": bad, "redistribute": "no", "attribution": bad}]}
    lineage = {**rows, "kbs": [{"name": bad, "date": bad}], "inputs": [{"path": bad, "kind": bad}]}
    text = card.write(
        config(body=bad, lineage=lineage, heads={"a": {"kind": bad}}, tables={bad: {"rows": bad}},
               settings={bad: bad}),
        parameters=1, metrics={bad: bad},
    )  # fmt: skip
    assert "<script" not in text
    assert text.count("\n---\n") == 1
    assert [*front(text)] == ["library_name", "tags"]
    assert "\\!\\[a\\]" in text or "!\\[a\\]" in text
    assert "http://b" not in text
    assert "www.e" not in text.partition("\n---\n")[2]
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1
