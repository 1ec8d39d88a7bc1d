"""Write a knowledge base whose names stand in real texts, and corpora of these texts, of any size.

    python benchmarks/make_real_names.py REALDATA OUT [--entities 500000] [--names 2000000] [--seed 1]

The texts are English ones of REALDATA: Brown, MASC, WikiText-2, webtext. Names are the capitalised phrases
and the frequent words of these texts, and, to fill up, made-up sequences of their capitalised words. How many
entities a name has follows a log-normal law, more for frequent names; how often each is meant, a power law.
An entity has a description, 10 to 40 words of a text, and three to five triples: three of five lead to an
entity of the same text, the rest to popular ones. So real texts hold many of the names, and their candidates
differ in what is known of them; which one is right is nobody's knowledge. The same arguments give the same
bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.artefact import Staging, Table, begin, entry
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.sorting import out_of_core
from kbtools.kb.writer import plain, write_sorted

Ints = np.ndarray[Any, np.dtype[np.int64]]

CLOSING = re.compile(r" ([,.;:!?%)\]}]|'s\b|n't\b|'')")
OPENING = re.compile(r"([(\[{$]|``) ")
CAPITAL = r"[A-Z][a-zA-Z’-]+"
PHRASE = re.compile(rf"{CAPITAL}(?: (?:of |the |de |van )?{CAPITAL}){{0,3}}")
WORD = re.compile(r"[a-zA-Z’-]+")
RELATIONS = 40
AMBIGUITY = 0.25  # four candidates a mention
LONG = 300  # words of a document at least, where its text has so many


class Texts(NamedTuple):
    """Real documents, each a list of paragraphs."""

    documents: list[list[str]]

    def whole(self) -> list[str]:
        """Return documents of some hundred words: as many paragraphs as that takes."""
        found = []
        for paragraphs in self.documents:
            held: list[str] = []
            for paragraph in paragraphs:
                held.append(paragraph)
                if sum(map(len, held)) > 6 * LONG:
                    found.append("\n\n".join(held))
                    held = []
            if held:
                found.append("\n\n".join(held))
        return found

    def paragraphs(self) -> list[str]:
        """Return all paragraphs."""
        return [paragraph for document in self.documents for paragraph in document]


def texts(realdata: Path) -> Texts:
    """Read the texts, and write their tokens as people write them."""
    found: list[list[str]] = []
    nltk = realdata / "text" / "nltk"
    for archive, mark in (("brown", "/"), ("masc_tagged", "_"), ("webtext", "")):
        with zipfile.ZipFile(nltk / f"{archive}.zip") as file:
            names = [one for one in sorted(file.namelist()) if not one.endswith("/")]
            for name in names:
                raw = file.read(name).decode("utf-8", "replace")
                if name.endswith(("README", "categories.txt", "CONTENTS")) or not raw.strip():
                    continue
                words = re.sub(rf"{mark}[^{mark}\s]*(?=\s|$)", "", raw) if mark else raw
                found.append(_paragraphs(words))
    wiki = (realdata / "text" / "wikitext-2" / "valid.txt").read_text("utf-8")
    wiki = re.sub(r" @(.)@ ", r"\1", wiki).replace(" <unk>", " unknown")
    found += [_paragraphs(one) for one in re.split(r"\n (?== [^=]+ = \n)", wiki)]
    return Texts([one for one in found if one])


def _paragraphs(text: str) -> list[str]:
    lines = (OPENING.sub(r"\1", CLOSING.sub(r"\1", " ".join(line.split()))) for line in text.split("\n"))
    return [line.replace("``", '"').replace("''", '"') for line in lines if line.count(" ") > 3]


class Names(NamedTuple):
    """The names of the texts, the most frequent first."""

    text: list[str]
    count: Ints
    document: Ints  # one in which it stands
    capitals: list[str]  # all words that are written with a capital


def names_of(real: Texts) -> Names:
    """Take the names of the texts: phrases with capitals, and words that come often."""
    phrases: Counter[str] = Counter()
    words: Counter[str] = Counter()
    where: dict[str, int] = {}
    for number, document in enumerate(real.documents):
        for paragraph in document:
            for word in WORD.findall(paragraph):
                words[word] += 1
                where.setdefault(word, number)
            for phrase in PHRASE.findall(paragraph):
                phrases[phrase] += 1
                where.setdefault(phrase, number)
    named = {
        one: count
        for one, count in phrases.items()
        if " " in one or count > 2 * words[one.lower()]  # not the first words of sentences
    }
    capitals = sorted({word for one in named for word in one.split() if word[0].isupper()})
    common = {one: count for one, count in words.items() if count > 3 and one.islower() and len(one) > 3}
    told = sorted((named | common).items(), key=lambda pair: (-pair[1], pair[0]))
    text = [one for one, _ in told]
    counts = np.array([count for _, count in told], np.int64)
    return Names(text, counts, np.array([where[one] for one in text], np.int64), capitals)


def write(realdata: Path, out: Path, *, entities: int, names: int, seed: int = 1) -> None:
    """Write the knowledge base."""
    real = texts(realdata)
    known = names_of(real)
    told = f"real names {entities} {names} {seed}"
    with Staging(out, told, overwrite=True, restart=True) as staging:
        rng = np.random.default_rng(seed)
        made = _made(rng, real, known, entities, names)
        tables = {}
        for table, columns in made.items():
            schema = plain(TABLES[table].schema)
            batch = pa.record_batch(
                [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema
            )
            rows = out_of_core(staging.folder, table, iter([batch]), 1 << 30, threads=2)
            files = write_sorted(staging.new, table, rows, step=1 << 17, file=1 << 21)
            tables[table] = Table(
                rows=batch.num_rows,
                files=[entry(staging.new, file) for file in files],
                schema=schema_digest(TABLES[table].schema),
            )
        staging.commit(begin("kb", name="names", tables=tables, id_space=[told]))


def _made(
    rng: np.random.Generator, real: Texts, known: Names, entities: int, names: int
) -> dict[str, list[Any]]:
    """Make the columns of all tables."""
    popular = rng.permutation(entities)  # the most popular first
    links = np.empty(entities, np.int64)
    links[popular] = (entities / (np.arange(entities) + 2.0)) ** 0.9
    topic = rng.integers(0, len(real.documents), entities)
    many = np.exp(rng.normal(AMBIGUITY + 0.15 * np.log(known.count), 1.0))
    many = np.clip(np.round(many), 1, 150).astype(np.int64)
    place = np.repeat(np.arange(len(many)), many)
    rank = np.arange(len(place)) - np.repeat(np.cumsum(many) - many, many)
    eid = rng.integers(0, entities, len(place))
    topic[eid[rank == 0]] = known.document[place[rank == 0]]
    count = np.maximum(known.count[place] * 20 / (rank + 1.0) ** rng.uniform(0.6, 2.0, len(place)), 1)
    filled = max(names - len(place), entities)
    extra = _phrases(rng, known.capitals, filled)
    label = extra[:entities]
    head, tail = _triples(rng, popular, topic)
    return {
        "entities": [
            np.arange(entities), [f"Q{one}" for one in range(1, entities + 1)], ["item"] * entities, label,
            [None] * entities, ["en"] * entities, np.minimum(links, 300), np.minimum(links, 1 << 30),
            np.bincount(head, minlength=entities), np.zeros(entities, np.int64), np.zeros(entities, np.int64),
        ],
        "labels": [np.arange(entities), ["en"] * entities, label],
        "surfaces": _surfaces(known, (place, eid, count.astype(np.int64)), extra, entities),
        "descriptions": [
            np.arange(entities), ["en"] * entities, ["short"] * entities, _descriptions(rng, real, topic),
            ["made"] * entities,
        ],
        "relations": [
            np.arange(RELATIONS), [f"P{one}" for one in range(RELATIONS)], *[[None] * RELATIONS] * 3,
        ],
        "triples": [
            head, rng.integers(0, RELATIONS, len(head)), tail, np.zeros(len(head), np.int64),
            np.ones(len(head), np.bool_), np.arange(len(head)), [None] * len(head),
        ],
    }  # fmt: skip


def _surfaces(known: Names, meant: tuple[Ints, Ints, Ints], extra: list[str], entities: int) -> list[Any]:
    """Return names of the texts with how often they are anchors, and those that fill up."""
    place, eid, count = meant
    more = len(extra)
    size = len(place) + more
    text = [known.text[one] for one in place.tolist()] + extra
    whose = np.concatenate([eid, np.arange(more) % entities])
    source = ["anchor"] * len(place) + ["label"] * entities + ["alias"] * (more - entities)
    counts = np.concatenate([count, np.ones(more, np.int64)])
    mask = np.arange(size) >= len(place)
    return [
        whose, text, ["en"] * size, source, [None] * size, pa.array(counts, pa.uint64(), mask=mask),
        [None] * size,
    ]  # fmt: skip


def _phrases(rng: np.random.Generator, capitals: list[str], size: int) -> list[str]:
    """Make up names of two and three words, some words in more of them than others."""
    words = np.array(capitals, object)[rng.permutation(len(capitals))]
    drawn = (len(words) * rng.random((size, 3)) ** 2.5).astype(np.int64)
    two = words[drawn[:, 0]] + " " + words[drawn[:, 1]]
    found: list[str] = np.where(rng.random(size) < 0.3, two + " " + words[drawn[:, 2]], two).tolist()
    return found


def _descriptions(rng: np.random.Generator, real: Texts, topic: Ints) -> list[str]:
    """Cut a run of words out of each entity's text."""
    documents = [" ".join(document).split() for document in real.documents]
    begins = np.array([0, *accumulate(map(len, documents))], np.int64)
    words = [word for document in documents for word in document]
    room = np.diff(begins)[topic]
    low = begins[:-1][topic] + (rng.random(len(topic)) * np.maximum(room - 40, 1)).astype(np.int64)
    high = np.minimum(low + rng.integers(10, 41, len(topic)), begins[1:][topic])
    return [" ".join(words[a:b]) for a, b in zip(low.tolist(), high.tolist(), strict=True)]


def _triples(rng: np.random.Generator, popular: Ints, topic: Ints) -> tuple[Ints, Ints]:
    """Draw the ends of triples."""
    entities = len(topic)
    head = np.repeat(np.arange(entities), rng.integers(3, 6, entities))
    order = np.argsort(topic, kind="stable")
    first, last = (np.searchsorted(topic[order], topic, side) for side in ("left", "right"))
    near = order[first[head] + (rng.random(len(head)) * (last - first)[head]).astype(np.int64)]
    far = popular[(entities * rng.random(len(head)) ** 3).astype(np.int64)]
    tail = np.where(rng.random(len(head)) < 0.6, near, far)
    apart = head != tail
    return head[apart], tail[apart]


def corpus(
    documents: list[str], out: Path, *, tokens: int = 0, rows: int = 0, seed: int = 1
) -> dict[str, int]:
    """Write documents as JSON lines, shuffled again and again, until there are so many tokens, or so many."""
    done = Counter(tokens=0, documents=0, characters=0)
    lengths = [len(one.split()) for one in documents]
    with out.open("w", encoding="utf-8") as file:
        for at in _shuffled(len(documents), seed):
            file.write(json.dumps({"id": str(done["documents"]), "text": documents[at]}) + "\n")
            done.update(tokens=lengths[at], documents=1, characters=len(documents[at]))
            if done["documents"] >= rows and done["tokens"] >= tokens:
                return dict(done)
    return dict(done)


def _shuffled(size: int, seed: int) -> Iterator[int]:
    rng = np.random.default_rng([seed, 9])
    while True:
        yield from rng.permutation(size).tolist()


def main() -> None:
    """Read the arguments and write the knowledge base."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("realdata", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--entities", type=int, default=500_000)
    parser.add_argument("--names", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    write(asked.realdata, asked.out, entities=asked.entities, names=asked.names, seed=asked.seed)


if __name__ == "__main__":
    main()
