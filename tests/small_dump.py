"""A small Wikidata dump, made up but with everything in it; and helpers of the tests that ingest it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq

from kbtools import api
from kbtools.artefact import Manifest, manifest

Json = dict[str, Any]

ITEMS, CLASSES = 180, 12
PIECE = 60_000  # bytes: a dump of this module has some fifteen such pieces
WORDS = [
    "apple",
    "river",
    "苹果",
    "长城",
    "Jordan",
    "Paris",
    "paris",
    "naïve",
    "ΑΘΗΝΑ",
    "x₂",
    "o'neill",
    "“q”",
]
WORDS += ["tab\there", "null\x00byte", "🐎"]
ODD_LINES = {  # where they are put in, and what they are
    40: b'{"type": "item", "id": "Q9001", "labels": {',
    90: b'{"type": "mediainfo", "id": "M5", "statements": []}',
    91: b"neither fish nor fowl",
    150: b'{"type": "item", "id": "Q9002", "labels": [], "claims": {"P31": [{"rank": "odd"}]}}',
}


def snak(property_id: str, kind: str, value: Any, datatype: str) -> Json:
    data = {"value": value, "type": kind}
    return {"snaktype": "value", "property": property_id, "datavalue": data, "datatype": datatype}


def to_item(property_id: str, number: int) -> Json:
    return snak(
        property_id, "wikibase-entityid", {"entity-type": "item", "id": f"Q{number}"}, "wikibase-item"
    )


def statement(main: Json, rank: str = "normal", qualifiers: Iterable[Json] = ()) -> Json:
    made: Json = {"mainsnak": main, "type": "statement", "rank": rank}
    for one in qualifiers:
        made.setdefault("qualifiers", {}).setdefault(one["property"], []).append(one)
    return made


def claims(*statements: Json) -> Json:
    found: Json = {}
    for one in statements:
        found.setdefault(one["mainsnak"]["property"], []).append(one)
    return found


def item(number: int, *statements: Json, label: str | None = None, **more: Any) -> Json:
    name = label or f"item {number}"
    labels = {lang: {"language": lang, "value": f"{name} {lang}"} for lang in ("en", "de")}
    return {"type": "item", "id": f"Q{number}", "labels": labels, "claims": claims(*statements), **more}


def links(*targets: int, relation: str = "P17") -> list[Json]:
    return [statement(to_item(relation, target)) for target in targets]


class World:
    """Makes the entities, the same each time."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.numbers = self.rng.sample(range(20, 5000), ITEMS)

    def entities(self) -> list[Json]:
        made = [self.item(number) for number in self.numbers] + [self.class_(n) for n in range(1, CLASSES)]
        self.rng.shuffle(made)
        made[7:7] = [self.property(n) for n in (17, 31, 279, 569, 1082)]
        made[100:100] = [self.lexeme(n) for n in (5, 3)]
        return made

    def words(self, n: int) -> str:
        return " ".join(self.rng.choice(WORDS) for _ in range(n))

    def terms(self, name: str) -> Json:
        langs = [lang for lang in ("en", "zh", "de", "fr", "zh-hant") if self.rng.random() < 0.7]
        return {
            "labels": {lang: {"language": lang, "value": f"{name} {lang[:2]}"} for lang in langs},
            "descriptions": {lang: {"language": lang, "value": self.words(4)} for lang in langs[:2]},
            "aliases": {
                lang: [{"language": lang, "value": self.words(2)} for _ in "ab"] for lang in langs[:3]
            },
        }

    def item(self, number: int) -> Json:
        rng = self.rng
        target = lambda: rng.choice(self.numbers) if rng.random() < 0.9 else 90_000 + rng.randrange(9)  # noqa: E731
        found = links(1 + rng.randrange(CLASSES - 1), relation="P31")
        for _ in range(rng.randrange(4)):
            rank = rng.choice(["normal", "normal", "preferred", "deprecated"])
            found.append(statement(to_item("P17", target()), rank, self.qualifiers(target())))
        year = f"{rng.choice('+-')}{rng.randrange(20_000):04}"
        found.append(statement(snak("P569", "time", self.time(year), "time"), qualifiers=self.qualifiers(1)))
        amount = {"amount": f"{rng.randrange(-99, 99):+}.50", "unit": "http://www.wikidata.org/entity/Q11573"}
        found.append(statement(snak("P1082", "quantity", amount, "quantity")))
        text = {"text": self.words(3), "language": "fr"}
        found.append(statement(snak("P1448", "monolingualtext", text, "monolingualtext")))
        found.append(statement(snak("P214", "string", f"{rng.randrange(10**9)}", "external-id")))
        found.append(statement({"snaktype": "somevalue", "property": "P570", "datatype": "time"}))
        name = self.words(2)
        sites = {
            s: {"site": s, "title": f"{name} {number}"} for s in ("enwiki", "zhwiki") if rng.random() < 0.5
        }
        made = {"type": "item", "id": f"Q{number}", **self.terms(name), "claims": claims(*found)}
        return {**made, "sitelinks": sites or []}

    def time(self, year: str) -> Json:
        calendar = "http://www.wikidata.org/entity/Q1985727"
        return {"time": f"{year}-00-00T00:00:00Z", "precision": 9, "calendarmodel": calendar, "timezone": 0}

    def qualifiers(self, target: int) -> list[Json]:
        made = [to_item("P642", target), snak("P1545", "string", self.words(1), "string")]
        return made[: self.rng.randrange(3)]

    def class_(self, number: int) -> Json:
        above = {3: 4, 4: 5, 5: 3}.get(number, number // 2)  # a ring of three, else a tree
        return item(number, *(links(above, relation="P279") if above else []), label=f"class {number}")

    def property(self, number: int) -> Json:
        labels = {lang: {"language": lang, "value": f"relation {number} {lang}"} for lang in ("zh", "en")}
        return {"type": "property", "id": f"P{number}", "datatype": "wikibase-item", "labels": labels}

    def lexeme(self, number: int) -> Json:
        def term(text: str) -> Json:
            return {"en": {"language": "en", "value": text}}

        return {
            "type": "lexeme", "id": f"L{number}", "lemmas": term("run"), "lexicalCategory": "Q1",
            "language": "Q2", "claims": [],
            "forms": [{"id": f"L{number}-F1", "representations": term("ran"), "claims": []}],
            "senses": [{"id": f"L{number}-S1", "glosses": term("to move fast"), "claims": []}],
        }  # fmt: skip


def lines(entities: Iterable[Json]) -> list[bytes]:
    return [json.dumps(one, ensure_ascii=True).encode() for one in entities]


def dump(records: Iterable[bytes]) -> bytes:
    """Lay records out as the official dumps do: an array, one a line."""
    return b"[\n" + b",\n".join(records) + b"\n]\n"


def records(seed: int = 1, *, odd: bool = True) -> list[bytes]:
    """Make the lines of a dump; odd ones are rejected or skipped, and one id comes twice."""
    made = lines(World(seed).entities())
    if odd:
        made.insert(60, made[20])
        for at, line in ODD_LINES.items():
            made.insert(at, line)
    return made


def data(seed: int = 1, *, odd: bool = True) -> bytes:
    return dump(records(seed, odd=odd))


def redirects(pairs: dict[str, str]) -> bytes:
    """Write an RDF file that says where merged ids lead."""
    entity, same = "<http://www.wikidata.org/entity/{}>", "<http://www.w3.org/2002/07/owl#sameAs>"
    found = [f"{entity.format(a)} {same} {entity.format(b)} .\n" for a, b in pairs.items()]
    return "".join(found).encode()


def ingest(dumps: str | Path | Sequence[Path], out: str | Path, **options: Any) -> Manifest:
    options = {"langs": ("en", "zh"), **options}
    return api.ingest("wikidata", [dumps] if isinstance(dumps, str | Path) else dumps, out, **options)


def files(kb: Path) -> dict[str, bytes]:
    """Read all files of an artefact but the manifest, which holds the time and the command."""
    found = {str(path.relative_to(kb)): path.read_bytes() for path in sorted(kb.rglob("*")) if path.is_file()}
    assert found.pop(manifest.NAME)
    return found


def same(one: Path, other: Path) -> bool:
    """Tell whether two artefacts are the same: byte by byte, and by what they say of themselves."""
    mine, theirs = manifest.read(one), manifest.read(other)
    assert files(one) == files(other)
    return (mine.content, mine.counts, mine.id_space) == (theirs.content, theirs.counts, theirs.id_space)


def rows(kb: Path, table: str) -> list[Json]:
    found: list[Json] = pq.read_table(kb / table).to_pylist()
    return found


def eids(kb: Path) -> dict[str, int]:
    return {row["id"]: row["eid"] for row in rows(kb, "entities")}


def entity(kb: Path, name: str) -> Json:
    (found,) = [row for row in rows(kb, "entities") if row["id"] == name]
    return found


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background is deaf to it
import kbtools.sources._stages as ingest
ingest.SMALLEST = {}
from kbtools.cli.main import main
main()
"""


def command(*args: object, piece: int | None = PIECE) -> list[str]:
    """Return the command line of kbtools; with small pieces, so that a small dump has many."""
    program = ["-m", "kbtools.cli.main"] if piece is None else ["-c", PROGRAM.format(piece)]
    return [sys.executable, *program, *map(str, args)]


def kbtools(*args: object, piece: int | None = PIECE, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run kbtools to its end."""
    options = {"text": True, "timeout": 60, **options}
    return subprocess.run(command(*args, piece=piece), check=False, capture_output=True, **options)


def no_trace(text: str) -> bool:
    return "Traceback" not in text and "has a bug" not in text
