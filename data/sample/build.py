"""Write the tiny world: a few hundred true Wikidata entities in the layout of a real dump.

    python data/sample/build.py

reads the hand-written tables below `world/` and writes `wikidata.json.gz`, the later release
`wikidata-next.json.gz` and its `redirects.nt.gz`. README.md in the folder above explains the cell notation.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
import uuid
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Row: TypeAlias = dict[str, str]

HERE = Path(__file__).parent
WORLD = HERE / "world"
ENTITY = "http://www.wikidata.org/entity/"
GREGORIAN, JULIAN = ENTITY + "Q1985727", ENTITY + "Q1985786"
SITES = ("enwiki", "zhwiki", "dewiki", "frwiki")
RANKS = {"^": "preferred", "~": "deprecated"}

# A column of an item table: "P2046 area [square kilometre] @factbook"; the words are for the reader.
COLUMN = re.compile(r"(?P<pid>P\d+)[^\[@]*(\[(?P<unit>[^\]]+)\])? ?(@(?P<source>\w+))?$")
# A cell's value: "^Bonn {P580=1949; P582=1990-10-03}".
VALUE = re.compile(r"(?P<rank>[\^~]?)(?P<text>[^{]*?)( \{(?P<qualifiers>[^}]*)\})?$")
DATE = re.compile(r"(?P<year>-?\d+)(-(?P<month>\d\d))?(-(?P<day>\d\d))?(?P<julian>J?)$")


def read_table(path: Path) -> list[Row]:
    """Rows of a tab-separated file; a ragged line is an error, since it would shift facts to other columns."""
    with path.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ValueError(f"{path.name}:{number} has {len(row)} columns, its header {len(header)}")
    return [dict(zip(header, row, strict=True)) for row in rows]


def decimal(text: str) -> str:
    """Wikibase's form of a number: always signed, never with an exponent."""
    return f"{Decimal(text):+f}"


def time_value(text: str) -> Json:
    """A date as precise as it is written; before October 1582 the calendar is the Julian one, as on Wikidata."""
    if text.endswith(". century"):
        year, precision, month, day, julian = int(text.split(".")[0]) * 100, 7, 0, 0, False
    elif text.endswith("s"):
        year, precision, month, day, julian = int(text[:-1]), 8, 0, 0, False
    else:
        found = DATE.match(text)
        if not found:
            raise ValueError(f"not a date: {text!r}")
        year, month, day = (int(found[part] or 0) for part in ("year", "month", "day"))
        precision = 11 if day else 10 if month else 9
        if abs(year) > 99_999:
            precision = 3  # millions of years
        julian = bool(found["julian"]) or (year, month, day) < (1582, 10, 15)
    sign = "-" if year < 0 else "+"
    return {
        "time": f"{sign}{abs(year):04d}-{month:02d}-{day:02d}T00:00:00Z",
        "timezone": 0,
        "before": 0,
        "after": 0,
        "precision": precision,
        "calendarmodel": JULIAN if julian else GREGORIAN,
    }


def coordinate_value(text: str) -> Json:
    latitude, longitude = (Decimal(part) for part in text.split(","))
    digits = max(-int(part.as_tuple().exponent) for part in (latitude, longitude))
    return {
        "latitude": float(latitude),
        "longitude": float(longitude),
        "altitude": None,
        "precision": float(Decimal(1).scaleb(-digits)),
        "globe": ENTITY + "Q2",
    }


def digest(value: object) -> str:
    """A stand-in for Wikibase's snak hash: as stable, but not the same number."""
    return hashlib.sha1(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


class World:
    """All tables, with what is needed to resolve a name in one to an id."""

    def __init__(self, folder: Path = WORLD) -> None:
        self.properties = read_table(folder / "properties.tsv")
        self.tables = [read_table(path) for path in sorted((folder / "items").glob("*.tsv"))]
        self.added = read_table(folder / "next_items.tsv")
        self.statements = read_table(folder / "statements.tsv")
        self.lexemes = read_table(folder / "lexemes.tsv")
        self.edits = read_table(folder / "next_edits.tsv")
        self.oddities = [json.loads(line) for line in (folder / "oddities.jsonl").open(encoding="utf-8")]
        self.sources = {row["name"]: row["snaks"] for row in read_table(folder / "references.tsv")}
        self.datatypes = {row["id"]: row["datatype"] for row in self.properties}
        self.names: dict[str, set[str]] = defaultdict(set)
        for row in [row for table in [*self.tables, self.added] for row in table]:
            self.names[row["en"]].add(row["id"])

    def resolve(self, name: str) -> str:
        """The id of a name; an ambiguous name must be written as its id."""
        if re.fullmatch(r"[QPL]\d+(-[FS]\d+)?", name):
            return name
        ids = self.names.get(name, set())
        if len(ids) != 1:
            raise LookupError(f"{name!r} names {sorted(ids) or 'nothing'} in the world")
        return next(iter(ids))

    def snak(self, pid: str, text: str, unit: str | None = None) -> Json:
        datatype = self.datatypes[pid]
        if text in {"somevalue", "novalue"}:
            return {"snaktype": text, "property": pid, "datatype": datatype}
        value: Json | str
        match datatype:
            case "wikibase-item" | "wikibase-property":
                target, kind = self.resolve(text), "wikibase-entityid"
                value = {"entity-type": datatype[9:], "numeric-id": int(target[1:]), "id": target}
            case "time":
                value, kind = time_value(text), "time"
            case "quantity":
                value, kind = self.quantity_value(text, unit), "quantity"
            case "globe-coordinate":
                value, kind = coordinate_value(text), "globecoordinate"
            case "monolingualtext":
                language, _, words = text.partition(":")
                value, kind = {"text": words, "language": language}, "monolingualtext"
            case _:
                value, kind = text, "string"
        datavalue = {"value": value, "type": kind}
        return {"snaktype": "value", "property": pid, "datavalue": datavalue, "datatype": datatype}

    def quantity_value(self, text: str, unit: str | None) -> Json:
        amount, _, bound = text.partition("±")
        value = {"amount": decimal(amount), "unit": ENTITY + self.resolve(unit) if unit else "1"}
        if bound:
            value["upperBound"] = f"{Decimal(amount) + Decimal(bound):+f}"
            value["lowerBound"] = f"{Decimal(amount) - Decimal(bound):+f}"
        return value

    def snak_group(self, text: str) -> dict[str, list[Json]]:
        """Snaks by property, in written order: "P580=1949; P582=1990-10-03"."""
        group: dict[str, list[Json]] = {}
        for part in text.split("; "):
            pid, _, value = part.partition("=")
            snak = self.snak(pid, value)
            bare = {key: snak[key] for key in snak if key != "datatype"}
            group.setdefault(pid, []).append({**bare, "hash": digest(bare), "datatype": snak["datatype"]})
        return group

    def statement(
        self, subject: str, column: str, value: str, rank: str = "normal", qualifiers: str = ""
    ) -> tuple[str, Json]:
        found = COLUMN.match(column)
        if not found:
            raise ValueError(f"not a property: {column!r}")
        pid = found["pid"]
        seed = "|".join((subject, pid, value, qualifiers))
        claim: Json = {"mainsnak": self.snak(pid, value, found["unit"]), "type": "statement"}
        if qualifiers:
            claim["qualifiers"] = self.snak_group(qualifiers)
            claim["qualifiers-order"] = list(claim["qualifiers"])
        claim["id"] = f"{subject}${str(uuid.uuid5(uuid.NAMESPACE_URL, seed)).upper()}"
        claim["rank"] = rank
        if found["source"]:
            snaks = self.snak_group(self.sources[found["source"]])
            claim["references"] = [{"hash": digest(snaks), "snaks": snaks, "snaks-order": list(snaks)}]
        return pid, claim

    def claims(self, row: Row) -> dict[str, list[Json]]:
        """Every P-column's values; `|` separates values of one cell."""
        claims: dict[str, list[Json]] = {}
        for column, cell in row.items():
            for text in cell.split("|") if cell and COLUMN.match(column) else []:
                found = VALUE.match(text)
                if not found:
                    raise ValueError(f"{row['id']} {column}: cannot read {text!r}")
                rank = RANKS.get(found["rank"], "normal")
                pid, claim = self.statement(row["id"], column, found["text"], rank, found["qualifiers"] or "")
                claims.setdefault(pid, []).append(claim)
        return claims

    def entity(self, row: Row, kind: str = "item") -> Json:
        entity: Json = {"type": kind, "id": row["id"]}
        if kind == "property":
            entity["datatype"] = row["datatype"]
        pages = [page for page in row.get("pages", "").split("|") if page] or ["-"] * len(SITES)
        titles = [row["zh"] if n == 1 and page == "=" else page.replace("=", row["en"]) for n, page in enumerate(pages)]
        texts = {"en": row["en"], "zh": row["zh"]}
        for language, title in zip(("de", "fr"), titles[2:], strict=True):
            if title != "-":
                texts[language] = re.sub(r" \(.*\)$", "", title)
        abouts = {"en": row["about"], "zh": row.get("zh_about", "")}
        aliases = {"en": row["also"].split("|"), "zh": row["zh_also"].split("|")}
        entity["labels"] = {lang: {"language": lang, "value": text} for lang, text in texts.items() if text}
        entity["descriptions"] = {lang: {"language": lang, "value": text} for lang, text in abouts.items() if text}
        entity["aliases"] = {
            lang: [{"language": lang, "value": name} for name in names] for lang, names in aliases.items() if names[0]
        }
        entity["claims"] = self.claims(row)
        if kind == "item":
            entity["sitelinks"] = {
                site: {"site": site, "title": title, "badges": []}
                for site, title in zip(SITES, titles, strict=True)
                if title != "-"
            }
        return entity

    def lexeme(self, row: Row) -> Json:
        """One word: "singular:bank|plural:banks" are its forms, "en:financial institution>Q22687" a sense."""
        language = row["code"]
        forms, senses = [], []
        for number, text in enumerate(row["forms"].split("|"), 1):
            feature, _, word = text.partition(":")
            forms.append(
                {
                    "id": f"{row['id']}-F{number}",
                    "representations": {language: {"language": language, "value": word}},
                    "grammaticalFeatures": [self.resolve(feature)],
                    "claims": [],  # the JSON of an empty map, as PHP writes it
                }
            )
        for number, text in enumerate(row["senses"].split("|"), 1):
            gloss, _, item = text.partition(">")
            lang, _, words = gloss.partition(":")
            sense = f"{row['id']}-S{number}"
            claims = dict([self.statement(sense, "P5137", item)]) if item else {}
            glosses = {lang: {"language": lang, "value": words}}
            senses.append({"id": sense, "glosses": glosses, "claims": {p: [c] for p, c in claims.items()} or []})
        return {
            "type": "lexeme",
            "id": row["id"],
            "lemmas": {language: {"language": language, "value": row["lemma"]}},
            "lexicalCategory": self.resolve(row["category"]),
            "language": self.resolve(row["language"]),
            "claims": [],
            "forms": forms,
            "senses": senses,
        }

    def release(self) -> dict[str, Json]:
        """The first dump: id -> entity."""
        entities = [self.entity(row, "property") for row in self.properties]
        entities += [self.entity(row) for table in self.tables for row in table]
        entities += [*self.oddities, *(self.lexeme(row) for row in self.lexemes)]
        release = {entity["id"]: entity for entity in entities}
        if len(release) != len(entities):
            raise ValueError("an id occurs twice in the tables")
        for row in self.statements:
            column = row["property"] + (f" @{row['source']}" if row["source"] else "")
            pid, claim = self.statement(row["id"], column, row["value"], row["rank"], row["qualifiers"])
            release[row["id"]]["claims"].setdefault(pid, []).append(claim)
        return release

    def next_release(self) -> tuple[dict[str, Json], list[tuple[str, str]]]:
        """The second dump, and the merges that happened between the two."""
        release = self.release() | {row["id"]: self.entity(row) for row in self.added}
        merges = []
        for edit in self.edits:
            subject, field, value = edit["id"], edit["field"], edit["value"]
            match edit["edit"]:
                case "merge":
                    del release[subject]
                    merges.append((subject, value))
                case "delete":
                    del release[subject]
                case "label":
                    release[subject]["labels"][field] = {"language": field, "value": value}
                case "alias":
                    names = release[subject]["aliases"].setdefault(field, [])
                    names.append({"language": field, "value": value})
                case "retract":
                    del release[subject]["claims"][field]
                case "state":
                    for pid, claims in self.claims({"id": subject, field: value}).items():
                        release[subject]["claims"].setdefault(pid, []).extend(claims)
                case other:
                    raise ValueError(f"unknown edit {other!r}")
        return release, merges


def dump(release: dict[str, Json]) -> str:
    """A dump as Wikidata writes it: an array with one entity a line, by kind and number."""
    order = sorted(release, key=lambda id_: (id_[0], int(id_[1:])))
    lines = [json.dumps(release[id_], ensure_ascii=True, separators=(",", ":")) for id_ in order]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def build() -> dict[str, str]:
    """File name -> text, so that a test can compare without writing."""
    world = World()
    later, merges = world.next_release()
    same = "<http://www.w3.org/2002/07/owl#sameAs>"
    return {
        "wikidata.json.gz": dump(world.release()),
        "wikidata-next.json.gz": dump(later),
        "redirects.nt.gz": "".join(f"<{ENTITY}{old}> {same} <{ENTITY}{new}> .\n" for old, new in merges),
    }


if __name__ == "__main__":
    for name, text in build().items():
        # mtime=0: the same world is the same bytes.
        (HERE / name).write_bytes(gzip.compress(text.encode(), mtime=0))
