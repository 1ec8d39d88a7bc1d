"""What a Wikidata dump means as tables: read with `json` and loops, slowly, to compare the fast reader with.

Written from the contract of the tables, not from the reader. Rows name entities and relations by their ids
where the tables have numbers, so they can be compared once those are joined back. Records, statements and
terms that make no sense are left out and noted in `rejects` by the line they stand on.
"""

from __future__ import annotations

import bz2
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

Record = dict[str, Any]
Row = dict[str, Any]
Stated = tuple[int, str, Record]  # rank, property, statement
KINDS = {"Q": "item", "P": "property", "L": "lexeme"}
SPACES = {"item": "Q", "property": "P", "lexeme": "L"}
RANKS = {"deprecated": -1, "normal": 0, "preferred": 1}
CALENDARS = {"Q1985727": "gregorian", "Q1985786": "julian"}
NONSENSE = (KeyError, ValueError, TypeError, AttributeError)
EMPTY = dict.fromkeys(("number", "unit", "precision", "calendar", "lang"))


def records(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield (line, entity) of a file in any layout; an answer of the API is unpacked."""
    opened: Any = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    with opened(path, "rt", encoding="utf-8-sig") as file:
        text = file.read()
    decoder, at, line = json.JSONDecoder(), 0, 1
    while at < len(text):
        if text[at] in "[], \r\n\t":
            line += text[at] == "\n"
            at += 1
            continue
        record, end = decoder.raw_decode(text, at)
        yield from ((line, entity) for entity in unpacked(record))
        line += text.count("\n", at, end)
        at = end


def unpacked(record: Record) -> list[Record]:
    """Return the entities of an answer of the API, each with what was `asked`; others as they are."""
    if "entities" not in record:
        return [record]
    return [{**entity, "asked": asked} for asked, entity in record["entities"].items()]


def number_of(name: object) -> tuple[str, int] | None:
    """Take an id apart, if it is one of an item, property or lexeme."""
    match = re.fullmatch(r"([QPL])([1-9][0-9]*)", str(name))
    return (match[1], int(match[2])) if match and int(match[2]) < 2**31 else None


class Dump:
    """Reads records one after the other, then makes the rows of all tables."""

    def __init__(self, langs: Sequence[str]) -> None:
        self.langs, self.all = [lang for lang in langs if lang != "all"] or ["en"], "all" in langs
        self.entities: dict[str, Row] = {}
        self.described: dict[str, Record] = {}
        self.used: set[str] = set()
        self.redirected: dict[str, str] = {}
        self.rejects: list[int] = []
        self.skipped = 0
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.statement = 0

    # records

    def add(self, line: int, record: Record) -> None:
        if record.get("type") in ("mediainfo", "entity-schema") or str(record.get("id")).startswith("M"):
            self.skipped += 1
            return
        name = record.get("id")
        where = number_of(name)
        if "missing" in record or where is None or record.get("type", KINDS[where[0]]) != KINDS[where[0]]:
            self.rejects.append(line)
            return
        assert isinstance(name, str)
        asked = record.get("redirects", {}).get("from", record.get("asked", name))
        if asked != name and number_of(asked):
            self.redirected.setdefault(asked, name)
        statements = list(self.statements(line, record))
        first = self.statement
        self.statement += len(statements)
        self.used |= {p for _, prop, s in statements for p in [prop, *qualifying(s)]}
        if name in self.entities:
            self.rejects.append(line)
            return
        self.entities[name] = {"id": name, "kind": KINDS[where[0]]}
        if where[0] == "P":
            self.described[name] = record
        if where[0] == "L":
            self.lexeme(name, record)
        else:
            self.names(name, record)
        for site, link in (record.get("sitelinks") or {}).items():
            self.rows["sitelinks"].append({"eid": name, "site": site, "title": link["title"]})
        self.entities[name]["sitelinks"] = len(record.get("sitelinks") or ())
        self.facts(name, statements, first)

    def statements(self, line: int, record: Record) -> Iterator[Stated]:
        """Yield (rank, property, statement) in order; those of a lexeme's forms and senses follow its own."""
        groups: dict[str, list[Record]] = {}
        for part in [record, *parts(record, "forms"), *parts(record, "senses")]:
            for name, group in (part.get("claims") or {}).items():
                for statement in group:
                    try:
                        sound(name, statement)
                    except NONSENSE:
                        self.rejects.append(line)
                    else:
                        groups.setdefault(name, []).append(statement)
        for name, group in groups.items():
            for statement in group:
                yield RANKS[statement.get("rank", "normal")], name, statement

    # names

    def wanted(self, lang: str) -> bool:
        return self.all or lang == "mul" or lang in self.langs

    def chosen(self, texts: dict[str, str]) -> tuple[str | None, str | None]:
        """Return the text to show and its language: the first asked for, `mul`, or for all languages any."""
        for lang in [*self.langs, "mul", *(sorted(texts) if self.all else ())]:
            if lang in texts:
                return texts[lang], lang
        return None, None

    def terms(self, record: Record, field: str) -> dict[str, Any]:
        return {lang: term for lang, term in (record.get(field) or {}).items() if self.wanted(lang)}

    def names(self, name: str, record: Record) -> None:
        labels = {lang: term["value"] for lang, term in self.terms(record, "labels").items()}
        about = {lang: term["value"] for lang, term in self.terms(record, "descriptions").items()}
        for lang, text in labels.items():
            self.rows["labels"].append({"eid": name, "lang": lang, "text": text})
            self.surface(name, text, lang, source="label")
        for lang, aliases in self.terms(record, "aliases").items():
            for alias in aliases:
                self.surface(name, alias["value"], lang, source="alias")
        for lang, text in about.items():
            self.describe(name, lang, "short", text, "wikidata")
        label, lang_shown = self.chosen(labels)
        self.entities[name] |= {"label": label, "lang": lang_shown, "description": self.chosen(about)[0]}

    def lexeme(self, name: str, record: Record) -> None:
        """Lemmas and forms are surfaces, in each variant (en-gb) of a language too; glosses describe."""
        pos = record.get("lexicalCategory")
        lemmas = self.variants(record, "lemmas")
        for lang, text in lemmas.items():
            self.rows["labels"].append({"eid": name, "lang": lang, "text": text})
            self.surface(name, text, lang, source="lemma", pos=pos)
        for form in parts(record, "forms"):
            self.rows["xref"].append({"eid": name, "scheme": "form", "value": form["id"]})
            for lang, text in self.variants(form, "representations").items():
                self.surface(name, text, lang, source="form", pos=pos, atom=form["id"])
        shown: dict[str, str] = {}
        for sense in parts(record, "senses"):
            self.rows["xref"].append({"eid": name, "scheme": "sense", "value": sense["id"]})
            glosses = self.variants(sense, "glosses")
            for lang, text in glosses.items():
                self.describe(name, lang, "gloss", text, sense["id"])
            shown = shown or glosses
        label, lang_shown = self.chosen(lemmas)
        if label is None and lemmas:
            lang_shown = min(lemmas)
            label = lemmas[lang_shown]
        self.entities[name] |= {"label": label, "lang": lang_shown, "description": self.chosen(shown)[0]}

    def variants(self, part: Record, field: str) -> dict[str, str]:
        terms = (part.get(field) or {}).items()
        kept = {k: v["value"] for k, v in terms if self.wanted(k) or self.wanted(k.split("-")[0])}
        return dict(sorted(kept.items()))

    def surface(self, name: str, text: str, lang: str, **more: str | None) -> None:
        row = {"eid": name, "text": text, "lang": lang, "pos": None, "count": None, "atom": None}
        self.rows["surfaces"].append({**row, **more})

    def describe(self, name: str, lang: str, kind: str, text: str, source: str) -> None:
        row = {"eid": name, "lang": lang, "kind": kind, "text": text, "source": source}
        self.rows["descriptions"].append(row)

    # statements

    def facts(self, name: str, statements: list[Stated], number: int) -> None:
        ranks = defaultdict(set)
        for rank, relation, _ in statements:
            ranks[relation].add(rank)
        for place, (rank, relation, statement) in enumerate(statements, number):
            best = rank == (1 if 1 in ranks[relation] else 0)
            row = {"head": name, "relation": relation, "rank": rank, "best": best, "statement": place}
            self.rows["statements"].append({**row, **value_of(statement["mainsnak"])})
            order = 0
            for prop, snaks in (statement.get("qualifiers") or {}).items():
                for qualifier in snaks:
                    own = {"statement": place, "relation": prop, "ord": order}
                    self.rows["qualifiers"].append({**own, **value_of(qualifier)})
                    order += 1

    # all

    def tables(self) -> dict[str, list[Row]]:
        """Return all tables, now that every entity is known."""
        made: dict[str, list[Row]] = {name: [] for name in ("triples", "literals", "qualifiers", "types")}
        for row in self.rows.pop("statements", []):
            tail = self.entity(row.pop("tail"))
            if tail in self.entities:
                kept = {k: row[k] for k in ("head", "relation", "rank", "best", "statement")}
                made["triples"].append({**kept, "tail": tail, "split": None})
            else:
                made["literals"].append(outside(row, tail))
            if row["best"] and row["relation"] == "P31" and tail in self.entities:
                made["types"].append({"eid": row["head"], "type": tail})
            if row["best"] and row.get("datatype") == "external-id":
                xref = {"eid": row["head"], "scheme": row["relation"], "value": row["value"]}
                self.rows["xref"].append(xref)
        made["types"] = [dict(pair) for pair in {tuple(row.items()) for row in made["types"]}]
        for row in self.rows.pop("qualifiers", []):
            tail = self.entity(row.pop("tail"))
            if tail in self.entities:
                made["qualifiers"].append({**row, **EMPTY, "tail": tail, "datatype": None, "value": None})
            else:
                made["qualifiers"].append({**outside(row, tail), "tail": None})
        ends = {side: Counter(row[side] for row in made["triples"]) for side in ("head", "tail")}
        made["entities"] = [
            {**row, "out_degree": ends["head"][name], "in_degree": ends["tail"][name], "freq": 0, "flags": 0}
            for name, row in self.entities.items()
        ]
        made["classes"] = closure(made["triples"], made["types"])
        made["relations"] = list(self.relations())
        made["redirects"] = [
            {"from_id": asked, "to_eid": self.entity(asked), "kind": "merge"}
            for asked in self.redirected
            if asked not in self.entities and self.entity(asked) in self.entities
        ]
        named = ("labels", "surfaces", "descriptions", "sitelinks", "xref")
        return made | {name: self.rows[name] for name in named}

    def entity(self, name: str | None) -> str | None:
        """Follow redirects; one that leads nowhere leaves the id as it is."""
        seen, end = {name}, name
        while end not in self.entities and end in self.redirected and self.redirected[end] not in seen:
            end = self.redirected[end]
            seen.add(end)
        return end if end in self.entities else name

    def relations(self) -> Iterator[Row]:
        names = sorted({*self.described, *self.used}, key=lambda name: int(name[1:]))
        for name in names:
            record = self.described.get(name, {})
            labels = {lang: term["value"] for lang, term in self.terms(record, "labels").items()}
            about = {lang: term["value"] for lang, term in self.terms(record, "descriptions").items()}
            stated = [
                (RANKS[s.get("rank", "normal")], value_of(s["mainsnak"])["tail"])
                for s in (record.get("claims") or {}).get("P1696", [])
                if is_sound("P1696", s)
            ]
            best = 1 if any(rank == 1 for rank, _ in stated) else 0
            inverses = [tail for rank, tail in stated if rank == best and tail]
            inverse = inverses[-1] if inverses else None
            yield {
                "id": name,
                "label": self.chosen(labels)[0],
                "description": self.chosen(about)[0],
                "inverse_rid": inverse if inverse in names else None,
            }


def parts(record: Record, field: str) -> list[Record]:
    found = record.get(field) or []
    return list(found.values()) if isinstance(found, dict) else found


def qualifying(statement: Record) -> Iterable[str]:
    return [prop for prop, snaks in (statement.get("qualifiers") or {}).items() if snaks]


def sound(name: str, statement: Record) -> None:
    """Raise if a statement makes no sense."""
    RANKS[statement.get("rank", "normal")]
    qualifiers = (statement.get("qualifiers") or {}).items()
    for prop, snaks in [(name, [statement["mainsnak"]]), *qualifiers]:
        if (number_of(prop) or "")[:1] != ("P",):
            raise ValueError(prop)
        for snak in snaks:
            value_of(snak)


def is_sound(name: str, statement: Record) -> bool:
    try:
        sound(name, statement)
    except NONSENSE:
        return False
    return True


def value_of(snak: Record) -> Row:  # noqa: PLR0911 - one for each type of value
    """Return the `tail` of a snak, or the columns of its literal."""
    found: Row = {**EMPTY, "tail": None}
    if snak.get("datavalue") is None:
        if snak["snaktype"] not in {"somevalue", "novalue"}:
            raise ValueError(snak)
        return {**found, "datatype": snak["snaktype"], "value": ""}
    kind, value = snak["datavalue"].get("type"), snak["datavalue"].get("value")
    found["datatype"] = snak.get("datatype") or {
        "globecoordinate": "globe-coordinate",
        "wikibase-entityid": "wikibase-item",
    }.get(kind, kind)
    if kind == "wikibase-entityid":
        return {**found, **reference(value)}
    if kind == "string":
        if not isinstance(value, str):
            raise ValueError(value)
        return {**found, "value": value}
    if kind == "monolingualtext":
        return {**found, "value": value["text"], "lang": value["language"]}
    if kind == "quantity":
        unit = id_in_url(value.get("unit", "1"))
        return {**found, "value": value["amount"], "number": float(value["amount"]), "unit": unit}
    if kind == "time":
        match = re.match(r"([+-][0-9]+)-", value["time"])
        calendar = id_in_url(value["calendarmodel"])
        if match is None or not -128 <= value["precision"] <= 127:
            raise ValueError(value)
        timed = {"number": float(match[1]), "precision": value["precision"]}
        return {**found, **timed, "value": value["time"], "calendar": CALENDARS.get(str(calendar), calendar)}
    if kind == "globecoordinate":
        place = ",".join(repr(float(value[side])) for side in ("latitude", "longitude"))
        globe = id_in_url(value.get("globe") or "1")
        return {**found, "value": place, "unit": None if globe == "Q2" else globe}
    return {**found, "value": json.dumps(value, ensure_ascii=False, separators=(",", ":"))}


def reference(value: Record) -> Row:
    space, number = SPACES.get(str(value.get("entity-type"))), value.get("numeric-id")
    if space and number and number_of(f"{space}{number}"):
        return {"tail": f"{space}{number}"}
    if number_of(value.get("id")):
        return {"tail": value["id"]}
    if not value.get("id"):
        raise ValueError(value)
    return {"value": value["id"]}


def id_in_url(url: str) -> str | None:
    return None if url in {"1", ""} else url.rpartition("/")[2]


def outside(row: Row, tail: str | None) -> Row:
    """Make a literal of a statement whose value is no entity of the dump."""
    return row if tail is None else {**row, **EMPTY, "datatype": "entity-id", "value": tail}


def closure(triples: list[Row], types: list[Row]) -> list[Row]:
    """Return each class with all its ancestors, itself first, at their shortest distance."""
    above = defaultdict(set)
    classes = {row["type"] for row in types}
    for row in triples:
        if row["relation"] == "P279" and row["best"]:
            above[row["head"]].add(row["tail"])
            classes |= {row["head"], row["tail"]}
    rows = []
    for one in classes:
        depths, frontier = {one: 0}, [one]
        while frontier:
            name = frontier.pop(0)
            for parent in above[name] - depths.keys():
                depths[parent] = depths[name] + 1
                frontier.append(parent)
        rows += [{"type": one, "ancestor": name, "depth": depth} for name, depth in depths.items()]
    return rows


def read(paths: Iterable[Path], langs: Sequence[str]) -> Dump:
    """Read whole files."""
    dump = Dump(langs)
    for path in paths:
        for line, record in records(path):
            dump.add(line, record)
    return dump


NUMBERS = {"eid", "head", "tail", "type", "ancestor", "to_eid"}


def joined(kb: Path) -> dict[str, list[Row]]:
    """Read the tables of a knowledge base with ids where they have numbers."""
    tables = {folder.name: pq.read_table(folder).to_pylist() for folder in kb.iterdir() if folder.is_dir()}
    ids = {row["eid"]: row["id"] for row in tables["entities"]}
    assert list(ids) == list(range(len(ids)))
    relations = {row["rid"]: row["id"] for row in tables["relations"]}
    assert list(relations) == list(range(len(relations)))
    for rows in tables.values():
        for row in rows:
            row.update({k: ids[row[k]] for k in NUMBERS & row.keys() if row[k] is not None})
            row.update(
                {k: relations[row[k]] for k in {"relation", "inverse_rid"} & row.keys() if row[k] is not None}
            )
    for row in tables["entities"]:
        del row["eid"]
    for row in tables["relations"]:
        del row["rid"]
    return tables
