"""Rows of a table become staged rows: a batch at a time, column by column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.artefact import Outcome
from kbtools.kb.named import NamedPart
from kbtools.sources.table import columns, values
from kbtools.sources.table.columns import Cell, Format
from kbtools.sources.table.files import batches
from kbtools.sources.table.rows import Rows
from kbtools.sources.table.values import Array, Seen, Values

UNKNOWN = "und"  # the language of a label whose language nobody tells
NUMBERS = {"number", "integer", "decimal", "double", "float", "quantity"}  # datatypes that are numbers
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?$"
CREATED, NAMED = 1, 2  # an entity's own row, whose `order` is 0, comes before what others say of it


def read(
    folder: Path,
    *,
    files: list[str],
    part: str,
    form: dict[str, Any],
    tables: dict[str, list[dict[str, Any]]],
) -> Outcome:
    """Stage one file for all tables of the map that speak of it."""
    mine = columns.revive(tables)
    wanted = {
        cell.column: None
        for several in mine.values()
        for table in several
        for _, cell in columns.cells(table)
        if cell.column is not None
    }
    damaged: list[list[Any]] = []
    with NamedPart(folder, part) as out:
        seen: dict[str, Seen] = {}
        for path in files:
            rows, damage = batches(path, msgspec.convert(form, Format), list(wanted), out)
            for batch in rows:
                staged = Stager(out, Rows(out, batch, seen))
                for name, several in mine.items():
                    for number, table in enumerate(several):
                        getattr(staged, name)(table, f"{name} {number}")
                staged.state()
                out.counts["read"] += len(batch.lines)
                out.end_block()
            if (found := damage()) is not None:
                damaged.append([Path(path).name, found.byte, found.reason])
    return out.outcome(damaged=damaged)


class Stager:
    """Stages what the tables of the map say of one batch."""

    def __init__(self, out: NamedPart, rows: Rows) -> None:
        self.out, self.rows = out, rows
        self._stated: list[tuple[str, Array, dict[str, Any]]] = []

    def entities(self, table: columns.Entities, name: str) -> None:
        """Each row is an entity."""
        ids, good = self.rows.required(table.id, "id")
        if not table.repeated:
            new = self.rows.new(name, ids)
            for row in np.flatnonzero(good & ~new).tolist():
                self.rows.reject(row, f"repeats the id {ids[row].as_py()!r}")
            good &= new
        langs = self.rows.column(table.lang)
        label, label_lang = self._labels(table, ids, good, langs)
        about = self._descriptions(table, ids, good, langs)
        freq = self.rows.counts(table.freq, good)
        mask = pa.array(good)
        self.out.add(
            "entities",
            entity=ids.filter(mask),
            kind=table.kind,
            label=label.filter(mask),
            description=about.filter(mask),
            lang=label_lang.filter(mask),
            freq=None if freq is None else freq.filter(mask),
            line=self.rows.lines[good],
        )
        for cell in table.aliases:
            found = self.rows.values(cell, good)
            self._name(ids.take(found.rows), found.texts, self._lang(cell, langs).take(found.rows), "alias")
        for cell in table.types:
            self._types(ids, good, cell, table.repeated)
        for extra, column, several in (
            ("xref", "scheme", table.xref),
            ("sitelinks", "site", table.sitelinks),
        ):
            for key, cell in several.items():
                found = self.rows.values(cell, good)
                text = "title" if extra == "sitelinks" else "value"
                self.out.add(extra, entity=ids.take(found.rows), **{column: key, text: found.texts})
        for said in table.relations:
            self._say(ids, good, said)

    def triples(self, table: columns.Triples, _name: str) -> None:
        """Each row is a triple, or several if the tail is split."""
        heads, good = self.rows.required(table.head, "head")
        relations, known = self.rows.required(table.relation, "relation")
        _, some = self.rows.required(table.tail, "tail")
        tails = self.rows.values(table.tail, good & known & some)
        head = heads.take(tails.rows)
        if table.create:
            self._create(head)
            self._create(tails.texts)
        more = {"entity": head, "relation": relations.take(tails.rows), "tail": tails.texts}
        self._stated.append(("triples", tails.rows, {**more, "otherwise": table.datatype}))

    def literals(self, table: columns.Literals, _name: str) -> None:
        """Each row is a value, or several if it is split."""
        heads, good = self.rows.required(table.head, "head")
        relations, known = self.rows.required(table.relation, "relation")
        _, some = self.rows.required(table.value, "value")
        found = self.rows.values(table.value, good & known & some)
        columns = {"entity": heads.take(found.rows), "relation": relations.take(found.rows)}
        for name, cell in (("lang", table.lang), ("unit", table.unit)):
            columns[name] = self.rows.column(cell).take(found.rows)
        self._state_values(found, table.datatype, columns)

    def names(self, table: columns.Names, _name: str) -> None:
        """Each row is a name."""
        ids, good = self.rows.required(table.id, "id")
        _, some = self.rows.required(table.text, "text")
        found = self.rows.values(table.text, good & some)
        langs = self.rows.column(table.lang).take(found.rows)
        self._name(ids.take(found.rows), found.texts, langs, table.source)

    def descriptions(self, table: columns.Descriptions, _name: str) -> None:
        """Each row is a description."""
        ids, good = self.rows.required(table.id, "id")
        _, some = self.rows.required(table.text, "text")
        found = self.rows.values(table.text, good & some)
        lang = self.rows.column(table.lang).fill_null(UNKNOWN).take(found.rows)
        self.out.add(
            "descriptions",
            entity=ids.take(found.rows),
            lang=lang,
            kind=table.kind,
            text=found.texts,
            source="table",
        )

    def types(self, table: columns.Types, _name: str) -> None:
        """Each row is a type of an entity."""
        ids, good = self.rows.required(table.id, "id")
        _, some = self.rows.required(table.type, "type")
        self._types(ids, good & some, table.type, True)

    def xref(self, table: columns.Xref, _name: str) -> None:
        """Each row is what an entity is called elsewhere."""
        ids, good = self.rows.required(table.id, "id")
        _, some = self.rows.required(table.value, "value")
        found = self.rows.values(table.value, good & some)
        schemes, texts = self.rows.column(table.scheme).take(found.rows), found.texts
        if table.cut is not None:
            parts = pc.split_pattern(texts, table.cut, max_splits=1)
            whole = pc.equal(pc.list_value_length(parts), 2)
            for row in found.rows[~np.asarray(whole)].tolist():
                self.rows.reject(row, f"has no {table.cut!r} between scheme and value")
            parts, found = parts.filter(whole), Values(found.rows[np.asarray(whole)], texts.filter(whole))
            schemes, texts = pc.list_element(parts, 0), pc.list_element(parts, 1)
        stated = np.asarray(schemes.is_valid())
        for row in found.rows[~stated].tolist():
            self.rows.reject(row, "no scheme")
        mask = pa.array(stated)
        self.out.add(
            "xref",
            entity=ids.take(found.rows).filter(mask),
            scheme=schemes.filter(mask),
            value=texts.filter(mask),
        )

    def redirects(self, table: columns.Redirects, _name: str) -> None:
        """Each row leads from an id to another."""
        old, good = self.rows.required(table.old, "old")
        new, known = self.rows.required(table.new, "new")
        mask = pa.array(good & known)
        self.out.add("redirects", from_id=old.filter(mask), to=new.filter(mask), kind=table.kind)

    def relations(self, table: columns.Relations, _name: str) -> None:
        """Each row describes a relation."""
        ids, good = self.rows.required(table.id, "id")
        mask = pa.array(good)
        more = {
            name: self.rows.column(getattr(table, name)).filter(mask)
            for name in ("label", "description", "inverse")
        }
        self.out.add("relations", relation=ids.filter(mask), **more)

    def state(self) -> None:
        """Hand over what was said, numbered row by row."""
        sizes = [len(rows) for _, rows, _ in self._stated]
        if not sum(sizes):
            return
        rows = np.concatenate([rows for _, rows, _ in self._stated])
        numbers = np.empty(len(rows), np.uint32)
        numbers[np.argsort(rows, kind="stable")] = self.out.statements(len(rows))
        for (table, _, more), mine in zip(
            self._stated, np.split(numbers, np.cumsum(sizes)[:-1]), strict=True
        ):
            self.out.add(table, **more, statement=mine)

    def _labels(
        self, table: columns.Entities, ids: pa.Array, good: Array, langs: pa.Array
    ) -> tuple[pa.Array, pa.Array]:
        """Stage the labels; return the first of each row, and its language."""
        label = lang = pa.nulls(len(ids), pa.string())
        for cell in table.label:
            found = values.one_each(self.rows.values(cell, good), len(ids))
            mine = self._lang(cell, langs)
            self._name(ids, found, mine, "label")
            lang = pc.if_else(label.is_null(), pc.if_else(found.is_null(), lang, mine), lang)
            label = pc.coalesce(label, found)
        return label, pc.coalesce(lang, langs)

    def _descriptions(self, table: columns.Entities, ids: pa.Array, good: Array, langs: pa.Array) -> pa.Array:
        about = pa.nulls(len(ids), pa.string())
        for cell in table.description:
            found = values.one_each(self.rows.values(cell, good), len(ids))
            mine = self._lang(cell, langs).fill_null(UNKNOWN)
            mask = found.is_valid()
            self.out.add(
                "descriptions",
                entity=ids.filter(mask),
                lang=mine.filter(mask),
                kind="short",
                text=found.filter(mask),
                source="table",
            )
            about = pc.coalesce(about, found)
        return about

    def _name(self, ids: pa.Array, texts: pa.Array, langs: pa.Array, source: str) -> None:
        """Stage names that were not staged before: a table may repeat them for each of something else."""
        mask = texts.is_valid()
        ids, texts, langs = ids.filter(mask), texts.filter(mask), langs.filter(mask)
        known = pc.binary_join_element_wise(ids, texts, langs.fill_null(""), "\0")
        mask = pa.array(self.rows.new(source, known))
        ids, texts, langs = ids.filter(mask), texts.filter(mask), langs.filter(mask)
        self.out.add("surfaces", entity=ids, text=texts, lang=langs, source=source)
        if source == "label":
            self.out.add("labels", entity=ids, lang=langs.fill_null(UNKNOWN), text=texts)

    def _lang(self, cell: Cell, langs: pa.Array) -> pa.Array:
        return langs if cell.lang is None else pa.repeat(cell.lang, len(langs))

    def _types(self, ids: pa.Array, good: Array, cell: Cell, repeated: bool) -> None:
        found = self.rows.values(cell, good)
        self._create(found.texts, "concept")
        rows = pa.table([ids.take(found.rows), found.texts], names=["entity", "type"])
        rows = rows.group_by(["entity", "type"], use_threads=False).aggregate([]) if repeated else rows
        self.out.add("types", entity=rows["entity"], type=rows["type"])

    def _say(self, ids: pa.Array, good: Array, said: columns.Property) -> None:
        found = self.rows.values(said.column, good)
        more: dict[str, Any] = {"entity": ids.take(found.rows), "relation": said.relation}
        if not said.tail:
            self._state_values(found, said.datatype, {**more, "lang": said.lang, "unit": said.unit})
            return
        if said.create:
            self._create(found.texts)
        self._stated.append(("triples", found.rows, {**more, "tail": found.texts, "otherwise": "entity-id"}))

    def _state_values(self, found: Values, datatype: str, more: dict[str, Any]) -> None:
        number = None
        if datatype in NUMBERS:
            fits = pc.match_substring_regex(found.texts, NUMBER)
            number = pc.if_else(fits, found.texts, pa.scalar(None, pa.string())).cast(pa.float64())
        more = {**more, "datatype": datatype, "value": found.texts, "number": number}
        self._stated.append(("literals", found.rows, more))

    def _create(self, texts: pa.Array, kind: str = "entity") -> None:
        """Make entities of ids that no table may name; they are called as their id is."""
        texts = texts.unique()
        fresh = texts.filter(pa.array(self.rows.new("created", texts)))
        self.out.add("entities", entity=fresh, kind=kind, order=CREATED)
        self.out.add("entities", entity=fresh, label=fresh, order=NAMED)
        if kind == "entity":  # a type may well be given as an id that nobody would write
            self.out.add("surfaces", entity=fresh, text=fresh, source="name")
