"""Write the corpus of the tiny world: documents whose mentions are known, and sentences to be completed.

    python data/sample/corpus/build.py

makes documents from the world's facts and the templates beside it, adds those of `written_*.txt`, and writes
`en.jsonl`, `zh.jsonl` and `probes.jsonl`. README.md of `data` explains the fields and the mark-up.
"""

from __future__ import annotations

import json
from typing import Any

from tiny_facts import HERE, LANGS, World, number, parsed, rows
from tiny_sentences import Writer

PROBES = 14  # of each sentence
Json = dict[str, Any]


def written(lang: str) -> list[str]:
    """Read the documents that were written by hand: blank lines part them, # speaks to the reader."""
    lines = (HERE / f"written_{lang}.txt").read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    return [one.strip("\n") for one in text.split("\n\n") if one.strip("\n")]


def documents(world: World, lang: str) -> list[Json]:
    """Make the documents of a language."""
    made = [(*one, "template") for one in Writer(world, lang).documents()]
    made += [(text, "written", ("dev", "test")[i % 2], "written") for i, text in enumerate(written(lang))]
    found = []
    for i, (marked, style, split, origin) in enumerate(made, 1):
        text, mentions, relations = parsed(marked, world)
        about = {one.get("ids", {}).get("wikidata") for one in mentions}
        told: Json = {"id": f"{lang}-{i:04d}", "text": text, "lang": lang, "mentions": mentions}
        told |= {"origin": origin, "split": "test" if about & world.heldout else split}
        if origin == "template":
            told |= {"style": style, "relations": relations}
        found.append(told)
    return found


def probes(world: World) -> list[Json]:
    """Make sentences with a gap; those of dev and test state what no document of train does."""
    found: list[Json] = []
    for relation, lang, template in rows("probes.txt"):
        order = [fact for fact in world.facts if fact.relation == relation]
        order.sort(key=lambda fact: number(f"{lang} {fact}"))
        for fact in order[:PROBES]:
            told = {"id": f"probe-{len(found) + 1:04d}", "lang": lang, "template": template}
            told |= {"relation": relation, "sub": fact.head, "obj": fact.tail}
            labels = (world.names(id_, lang)[0] for id_ in (fact.head, fact.tail))
            told |= dict(zip(("sub_label", "obj_label"), labels, strict=True))
            found.append(told | {"split": world.split(fact)})
    return found


def build() -> dict[str, str]:
    """Make every file, name -> text, so that a test can compare without writing."""
    world = World()
    made = {f"{lang}.jsonl": documents(world, lang) for lang in LANGS} | {"probes.jsonl": probes(world)}
    return {name: "".join(_line(row) for row in told) for name, told in made.items()}


def _line(row: Json) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    for name, text in build().items():
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"{name}: {text.count(chr(10)):,} lines, {len(text.encode()):,} bytes")
