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
NO_MARGIN = {"timezone": 0, "before": 0, "after": 0}
SITES = ("enwiki", "zhwiki", "dewiki", "frwiki")
RANKS = {"^": "preferred", "~": "deprecated"}

# A column of an item table: "P2046 area [square kilometre] @factbook"; the words are for the reader.
COLUMN = re.compile(r"(?P<pid>P\d+)[^\[@]*(\[(?P<unit>[^\]]+)\])? ?(@(?P<source>\w+))?$")
# A cell's value: "^Bonn {P580=1949; P582=1990-10-03}".
VALUE = re.compile(r"(?P<rank>[\^~]?)(?P<text>[^{]*?)( \{(?P<qualifiers>[^}]*)\})?$")
DATE = re.compile(r"(?P<year>-?\d+)(-(?P<month>\d\d))?(-(?P<day>\d\d))?(?P<julian>J?)$")


def read_table(path: Path) -> list[Row]:
    """Read a tab-separated file; a ragged line is an error: it would shift facts to other columns."""
    with path.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise ValueError(f"{path.name}:{number} has {len(row)} columns, its header {len(header)}")
    return [dict(zip(header, row, strict=True)) for row in rows]


def time_value(text: str) -> Json:
    """Read a date as precisely as it is written; the calendar before October 1582 is the Julian one."""
    if text.endswith(". century"):
        year, precision, month, day, julian = int(text[:2]) * 100, 7, 0, 0, False
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
    written = f"{'-' if year < 0 else '+'}{abs(year):04d}-{month:02d}-{day:02d}T00:00:00Z"
    calendar = JULIAN if julian else GREGORIAN
    return {"time": written, **NO_MARGIN, "precision": precision, "calendarmodel": calendar}


def coordinate_value(text: str) -> Json:
    latitude, longitude = (Decimal(part) for part in text.split(","))
    digits = max(-int(part.as_tuple().exponent) for part in (latitude, longitude))
    precision, globe = float(Decimal(1).scaleb(-digits)), ENTITY + "Q2"
    place = {"latitude": float(latitude), "longitude": float(longitude), "altitude": None}
    return {**place, "precision": precision, "globe": globe}


def terms(texts: dict[str, str]) -> Json:
    return {language: {"language": language, "value": text} for language, text in texts.items() if text}


def digest(value: object) -> str:
    """Stand in for Wikibase's snak hash: as stable and as long, but another number."""
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
        self.oddities = [
            json.loads(line) for line in (folder / "oddities.jsonl").read_text("utf-8").splitlines()
        ]
        self.sources = {row["name"]: row["snaks"] for row in read_table(folder / "references.tsv")}
        self.datatypes = {row["id"]: row["datatype"] for row in self.properties}
        self.names: dict[str, set[str]] = defaultdict(set)
        for row in [row for table in [*self.tables, self.added] for row in table]:
            self.names[row["en"]].add(row["id"])

    def resolve(self, name: str) -> str:
        """Find the id of a name; an ambiguous name must be written as its id."""
        if re.fullmatch(r"[QPL]\d+(-[FS]\d+)?", name):
            return name
        ids = self.names.get(name, set())
        if len(ids) != 1:
            raise LookupError(f"{name!r} names {sorted(ids) or 'nothing'} in the world")
        return next(iter(ids))

    def snak(self, pid: str, text: str, unit: str | None = None) -> Json:
        """Pair a property with a value of the type it asks for."""
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
        """Read "1.008±0.001"; Wikibase's numbers are always signed and never have an exponent."""
        amount, bound = (Decimal(part or 0) for part in text.partition("±")[::2])
        value = {"amount": f"{amount:+f}", "unit": ENTITY + self.resolve(unit) if unit else "1"}
        if bound:
            value |= {"upperBound": f"{amount + bound:+f}", "lowerBound": f"{amount - bound:+f}"}
        return value

    def snak_group(self, text: str) -> dict[str, list[Json]]:
        """Read qualifiers or a reference: "P580=1949; P582=1990-10-03"."""
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
        """Make a statement; its id follows from its content, so a rebuild does not change it."""
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
        """Read the P-columns of a row; `|` separates the values of a cell."""
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
        """Build an item or property; a page "=" has the entity's own name as title, "-" does not exist."""
        entity: Json = {"type": kind, "id": row["id"]}
        if kind == "property":
            entity["datatype"] = row["datatype"]
        pages = row["pages"].split("|") if row["pages"] else ["-"] * len(SITES)
        own = [name[:1].upper() + name[1:] for name in (row["en"], row["zh"], row["en"], row["en"])]
        titles = [name if page == "=" else page for name, page in zip(own, pages, strict=True)]
        texts = {"en": row["en"], "zh": row["zh"]}
        for language, title in zip(("de", "fr"), titles[2:], strict=True):
            if title != "-":
                texts[language] = re.sub(r" \(.*\)$", "", title)
        if "fr" in texts and row["en"][0].islower():
            texts["fr"] = texts["fr"][0].lower() + texts["fr"][1:]
        entity["labels"] = terms(texts)
        entity["descriptions"] = terms({"en": row["about"], "zh": row.get("zh_about", "")})
        entity["aliases"] = {
            language: [{"language": language, "value": name} for name in row[column].split("|")]
            for language, column in (("en", "also"), ("zh", "zh_also"))
            if row[column]
        }
        entity["claims"] = self.claims(row)
        if kind == "item":
            links = [(site, title) for site, title in zip(SITES, titles, strict=True) if title != "-"]
            entity["sitelinks"] = {
                site: {"site": site, "title": title, "badges": []} for site, title in links
            }
        return entity

    def lexeme(self, row: Row) -> Json:
        """Build a word: a form is "plural:banks", a sense "en:financial institution>Q22687"."""
        forms: list[Json] = []
        senses: list[Json] = []
        for number, text in enumerate(row["forms"].split("|"), 1):
            feature, _, word = text.partition(":")
            form: Json = {"id": f"{row['id']}-F{number}", "representations": terms({row["code"]: word})}
            # `[]` is PHP's JSON for an empty map.
            forms.append(form | {"grammaticalFeatures": [self.resolve(feature)], "claims": []})
        for number, text in enumerate(row["senses"].split("|"), 1):
            gloss, _, item = text.partition(">")
            language, _, words = gloss.partition(":")
            id_ = f"{row['id']}-S{number}"
            claims = self.claims({"id": id_, "P5137": item})
            senses.append({"id": id_, "glosses": terms({language: words}), "claims": claims or []})
        head = {"type": "lexeme", "id": row["id"], "lemmas": terms({row["code"]: row["lemma"]})}
        kind = {"lexicalCategory": self.resolve(row["category"]), "language": self.resolve(row["language"])}
        return {**head, **kind, "claims": [], "forms": forms, "senses": senses}

    def release(self) -> dict[str, Json]:
        """Make the first dump: id -> entity."""
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
        """Make the second dump, and list the merges that happened between the two."""
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
                    release[subject]["aliases"][field].append({"language": field, "value": value})
                case "retract":
                    del release[subject]["claims"][field]
                case "state":
                    for pid, claims in self.claims({"id": subject, field: value}).items():
                        release[subject]["claims"].setdefault(pid, []).extend(claims)
                case other:
                    raise ValueError(f"unknown edit {other!r}")
        return release, merges


def dump(release: dict[str, Json]) -> str:
    """Write a dump as Wikidata does: an array with one entity a line, by kind and number."""
    order = sorted(release, key=lambda id_: (id_[0], int(id_[1:])))
    lines = [json.dumps(release[id_], separators=(",", ":")) for id_ in order]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def build() -> dict[str, str]:
    """Make every file, name -> text, so that a test can compare without writing."""
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
