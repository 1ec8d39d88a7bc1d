"""The task that reads one piece of a dump into a staged part.

A block of lines is decoded in one call and turned into columns; only if something in it does not fit is
it read again record by record (`lenient.py`). The cyclic garbage collector is off meanwhile: a block's
objects are trees that die together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from kbtools.artefact import Outcome
from kbtools.io import Block, Blocks, Piece
from kbtools.kb.keymap import SPACE_BITS
from kbtools.kb.staged import PartWriter, no_collecting
from kbtools.sources.wikidata import columns, lenient, terms
from kbtools.sources.wikidata.keys import KINDS, key_of
from kbtools.sources.wikidata.records import Entity, entity_type
from kbtools.sources.wikidata.select import Chooser

BLOCK_BYTES = 4 << 20
SNIPPET, REASON = 200, 500  # characters that are kept of a bad line, and of what is said about it
MOST_SITELINKS = (1 << 16) - 1  # that a u16 can count
_SEPARATORS = b"[], \t\r\n"


class Misfit(Exception):  # noqa: N818 - not an error: it sends a block to the slow path
    """Something in a block does not fit the typed decoder."""


UNFIT = (Misfit, msgspec.DecodeError, pa.ArrowInvalid, RecursionError, *lenient.BAD)


class Batch(NamedTuple):
    """Entities of a block with the local line number of each."""

    entities: Sequence[Entity]
    lines: Any


class Reader:
    """Turns blocks into staged tables; one for a piece."""

    def __init__(self, *, langs: Sequence[str], select: str | None, literals: bool, qualifiers: bool) -> None:
        self.languages = terms.Languages(langs)
        self.chooser = Chooser(select) if select else None
        if self.chooser:
            self.languages.also_read(self.chooser.rule.langs)
        self.kind = entity_type(self.languages.read, qualifiers=qualifiers)
        self._decoder = msgspec.json.Decoder(list[self.kind])  # type: ignore[name-defined]
        self._line_decoder = msgspec.json.Decoder(self.kind)
        self.literals, self.qualifiers = literals, qualifiers
        self.rows = self.statements = 0
        self.counts: Counter[str] = Counter()
        self.rejects: list[tuple[int, int, str, str]] = []
        self.redirects: list[lenient.Redirect] = []
        self.used: set[int] = set()

    def tables(self, block: Block) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield the staged tables of a block."""
        try:
            batch = self._fast(block)
            made = self._columns(batch)
        except UNFIT:
            batch = self._slow(block)
            made = self._columns(batch)
        yield from made.items()

    def _fast(self, block: Block) -> Batch:
        text = block.data.strip(_SEPARATORS)
        if not text:
            return Batch([], np.empty(0, np.int64))
        first = text.find(b"\n")
        if first < 0 or text[:first].rstrip().endswith(b","):
            found = self._decoder.decode(b"[" + text + b"]")
        else:
            found = self._line_decoder.decode_lines(text)
        start = block.data.find(text[:1])
        line = block.line + block.data.count(b"\n", 0, start)
        if text.count(b"\n") != len(found) - 1:
            raise Misfit  # empty lines, or several records on one: count lines the slow way
        return Batch(found, np.arange(line, line + len(found)))

    def _slow(self, block: Block) -> Batch:
        found, lines = [], []
        byte = block.byte
        for number, line in enumerate(block.data.split(b"\n"), block.line):
            if text := line.strip(_SEPARATORS):
                for thing in self._sound(text) or lenient.entities(text, self.kind):
                    if isinstance(thing, Entity):
                        found.append(thing)
                        lines.append(number)
                    elif isinstance(thing, lenient.Problem):
                        snippet = line[: 4 * SNIPPET].decode("utf-8", "replace")[:SNIPPET]
                        self.rejects.append((number, byte, thing.reason[:REASON], snippet))
                    elif isinstance(thing, lenient.Skipped):
                        self.counts["read"] += 1
                        self.counts[f"skipped: {thing.why}"] += 1
                    else:
                        self.redirects.append(thing)
            byte += len(line) + 1
        return Batch(found, np.array(lines, np.int64))

    def _sound(self, text: bytes) -> list[Entity]:
        """Try a line by itself first: what becomes of it must not depend on its neighbours."""
        try:
            entity = self._line_decoder.decode(text)
            _keys([entity])
            own = [terms.claims(entity)]
            columns.statement_tables(
                own, row=0, statement=0, literals=self.literals, qualifiers=self.qualifiers
            )
        except UNFIT:
            return []
        return [entity]

    def _columns(self, batch: Batch) -> dict[str, pa.RecordBatch]:
        entities, lines = batch
        keys = _keys(entities)
        claims = [terms.claims(entity) for entity in entities]
        tables: dict[str, pa.RecordBatch] = {}
        described = [i for i, e in enumerate(entities) if e.type == "property"]
        if described:
            tables["relations"] = self._relations(
                [entities[i] for i in described], [claims[i] for i in described], keys[described]
            )
        bits = np.zeros(len(entities), np.uint64)
        skipped = 0
        if self.chooser and len(entities):
            langs = self.chooser.rule.langs
            labels = {lang: [self.languages.has(e, lang) for e in entities] for lang in langs}
            keep, bits, edges, members = self.chooser.choose(entities, keys, claims, labels)
            tables["edges"] = columns.batch(
                "edges", relation=edges[:, 0], key=edges[:, 1], target=edges[:, 2]
            )
            place = np.cumsum(keep) - 1
            members = members[keep[members[:, 0]]]
            tables["members"] = columns.batch(
                "members", row=place[members[:, 0]] + self.rows, relation=members[:, 1], target=members[:, 2]
            )
            kept = np.flatnonzero(keep)
            skipped = len(entities) - len(kept)
            entities, claims = [entities[i] for i in kept.tolist()], [claims[i] for i in kept.tolist()]
            keys, bits, lines = keys[kept], bits[kept], lines[kept]
        tables |= self._kept(entities, keys, claims, bits, lines)
        self.counts["read"] += len(entities) + skipped
        if skipped:
            self.counts["skipped: not selected"] += skipped
        return tables

    def _relations(self, entities: Sequence[Entity], claims: Sequence[Any], keys: Any) -> pa.RecordBatch:
        """Describe properties, chosen or not: a relation that is used should have a name."""
        shown = terms.read(entities, self.languages, 0).shown
        return columns.batch(
            "relations",
            key=keys,
            id=[entity.id for entity in entities],
            label=[label for label, _, _ in shown],
            description=[text for _, _, text in shown],
            inverse=columns.inverses(claims),
        )

    def _kept(
        self, entities: Sequence[Entity], keys: Any, claims: Sequence[Any], bits: Any, lines: Any
    ) -> dict[str, pa.RecordBatch]:
        if not entities:
            return {}
        tables, statements = columns.statement_tables(
            claims,
            row=self.rows,
            statement=self.statements,
            literals=self.literals,
            qualifiers=self.qualifiers,
        )
        names = terms.read(entities, self.languages, self.rows)
        tables["entities"] = columns.batch(
            "entities",
            key=keys,
            id=[e.id for e in entities],
            kind=[e.type for e in entities],
            label=[shown[0] for shown in names.shown],
            lang=[shown[1] for shown in names.shown],
            description=[shown[2] for shown in names.shown],
            sitelinks=[min(len(e.sitelinks or ()), MOST_SITELINKS) for e in entities],
            chosen=bits,
            line=lines,
        )
        for table, made in names.tables().items():
            tables[table] = (
                made if table not in tables else pa.concat_batches([tables[table], made])  # xref
            )
        tables["sitelinks"] = _sitelinks(entities, self.rows)
        self.used |= columns.used_relations(tables)
        self.rows += len(entities)
        self.statements += statements
        return tables


def _keys(entities: Sequence[Entity]) -> Any:
    """Return the keys; what is none of the kinds that are kept (MediaInfo, say) goes the slow way."""
    keys = np.array([key_of(e.id) or -1 for e in entities], np.int64)
    kinds = np.array([KINDS.get(e.type, -2) for e in entities], np.int64)
    if (keys >> SPACE_BITS != kinds).any() or (keys < 0).any():
        raise Misfit
    return keys


def _sitelinks(entities: Sequence[Entity], row: int) -> pa.RecordBatch:
    maps = [e.sitelinks or {} for e in entities]
    owners = np.repeat(np.arange(row, row + len(maps)), np.array([len(m) for m in maps], np.int64))
    sites = [site for links in maps for site in links]
    titles = [link.title for links in maps for link in links.values()]  # type: ignore[union-attr]
    return columns.batch("sitelinks", row=owners, site=sites, title=titles)


def decode(folder: Path, *, piece: dict[str, Any], part: str, **options: Any) -> Outcome:
    """Read a piece of the dump into `part`; see `Reader` for the options."""
    reader = Reader(**options)
    blocks = Blocks(msgspec.convert(piece, Piece), folder, size=BLOCK_BYTES)
    with no_collecting(), PartWriter(folder / part) as out:
        for block in blocks:
            for table, made in reader.tables(block):
                out.add(table, made)
            out.end_block()
        for table, rows in _at_the_end(reader).items():
            out.add(table, rows)
    damage = blocks.damage
    return Outcome(
        files=[part],
        facts={
            "rows": reader.rows,
            "statements": reader.statements,
            "bytes": blocks.bytes,
            "lines": blocks.lines,
            "counts": {**reader.counts, "rejected": len(reader.rejects)},
            "damage": None if damage is None else [damage.byte, damage.reason],
        },
    )


def _at_the_end(reader: Reader) -> dict[str, pa.RecordBatch]:
    tables = {"used": columns.batch("used", key=sorted(reader.used))}
    if reader.rejects:
        line, byte, reason, snippet = (list(column) for column in zip(*reader.rejects, strict=True))
        tables["rejects"] = columns.batch("rejects", line=line, byte=byte, reason=reason, snippet=snippet)
    if reader.redirects:
        from_id, to = (list(column) for column in zip(*reader.redirects, strict=True))
        keys = [key_of(name) for name in from_id]
        tables["redirects"] = columns.batch("redirects", from_id=from_id, key=keys, to=to, kind="merge")
    return tables
