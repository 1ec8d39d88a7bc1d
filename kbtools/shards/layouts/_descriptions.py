"""What each entity is said to be: the best description, or else its name, as tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools.config import setting
from kbtools.errors import ArtefactError
from kbtools.kb.reader import Base, Kb
from kbtools.kb.schema import STR
from kbtools.shards.assembly import assemble, lists
from kbtools.shards.base import I64, Bools, Here, Segments

AT_ONCE = 1 << 13  # entities
WORDS = r"\p{Han}{1,2}|[^\s\p{Han}]+"  # two Chinese characters make a word, about
LABEL = "label"
READ = {"descriptions": ["eid", "lang", "kind", "text"], "labels": ["eid", "lang", "text"]}


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Which words stand for an entity."""

    langs: tuple[str, ...] = setting("Languages, the best first; none named: any.", ())
    kinds: tuple[str, ...] = setting(
        "Kinds of descriptions, the best first.", ("abstract", "definition", "gloss", "short")
    )
    min_words: int = setting("A description has so many words at least; of another the name is taken.", 5)
    length: int | None = setting("Tokens of a description, special ones too; none: max_length.", None)


def described(base: Base, settings: Wording) -> Bools:
    """Tell of each entity whether there is a description that is long enough."""
    found = np.zeros(base.kb.rows("entities"), np.bool_)
    for kb in base.parts:
        for batch in kb.scan("descriptions", READ["descriptions"]) if kb.rows("descriptions") else ():
            table = _ranked(pa.Table.from_batches([batch]), settings)
            found[table["eid"].to_numpy()] = True
    for batch in base.kb.scan("entities", ["eid", "lang", "description"]):
        table = _ranked(_own(pa.Table.from_batches([batch]), "description", "short"), settings)
        found[table["eid"].to_numpy()] = True
    return found


def texts(base: Base, low: int, high: int, settings: Wording) -> pa.Table:
    """Return the best words for entities low … high − 1 that have any: eid, lang, kind, text."""
    own = _between(base.kb, "entities", ["eid", "lang", "description", LABEL], low, high)
    told = [_own(own, "description", "short"), _own(own, LABEL, LABEL)]
    for kb in base.parts:
        for table, columns in READ.items():
            if kb.rows(table):
                found = _between(kb, table, columns, low, high)
                told.append(_of_kind(found, None if "kind" in columns else LABEL))
    ranked = _ranked(pa.concat_tables(told), settings)
    eid = ranked["eid"].to_numpy()
    order = np.lexsort((ranked["place"].to_numpy(), eid))
    first = order[np.append(True, np.diff(eid[order]) != 0)] if len(order) else order
    return ranked.take(pa.array(first))


def rows(base: Base, low: int, wanted: Bools, settings: Wording, here: Here) -> Iterator[pa.RecordBatch]:
    """Yield eid and input_ids of the entities from `low` on; none for those without words or not wanted."""
    high = low + len(wanted)
    found = texts(base, low, high, settings)
    found = found.filter(pa.array(wanted[found["eid"].to_numpy() - low]))
    here.counts["entities"] += high - low
    here.counts["entities without words"] += int(wanted.sum()) - len(found)
    here.counts["entities by name alone"] += pc.sum(pc.equal(found["kind"], LABEL)).as_py() or 0
    eid = found["eid"].to_numpy()
    for first in range(low, high, AT_ONCE):
        end = min(first + AT_ONCE, high)
        some = slice(*np.searchsorted(eid, [first, end]))
        piece = found.slice(some.start, some.stop - some.start)
        ids = tokens(piece["text"].to_pylist(), piece["lang"].to_pylist(), settings.length, here)
        place = np.full(end - first, -1, np.int64)
        place[eid[some] - first] = np.arange(len(piece))
        column = ids.take(pa.array(place, mask=place < 0))
        yield pa.record_batch([pa.array(np.arange(first, end)), column], names=["eid", "input_ids"])


def tokens(words: list[str], langs: list[str | None], length: int | None, here: Here) -> pa.ListArray:
    """Return [CLS] text [SEP] of each text, cut where there is no room."""
    special = here.tokenizer.special
    stream = here.tokenizer.encode(words, langs)
    edges = (special.cls >= 0) + (special.sep >= 0)
    room = (min(length, here.max_length) if length else here.max_length) - edges
    start, stop = stream.begins[:-1], stream.begins[1:]
    here.counts["texts cut"] += int((stop - start > room).sum())
    count = len(start)
    segments = Segments(
        np.arange(count), start, np.minimum(stop, start + room), np.zeros(count, np.int8),
        np.full(count, special.cls, np.int32), np.full(count, special.sep, np.int32),
    )  # fmt: skip
    made = assemble(stream, segments)
    return lists(made.offsets, pa.array(made.ids))


def _own(entities: pa.Table, column: str, kind: str) -> pa.Table:
    """Return what the table of entities itself says."""
    table = entities.select(["eid", "lang", column]).rename_columns(["eid", "lang", "text"])
    return _of_kind(table, kind)


def _of_kind(table: pa.Table, kind: str | None) -> pa.Table:
    """Put a kind on texts that have none; `pa.table` also forgets what may not be null."""
    kinds = table["kind"].cast(STR) if kind is None else pa.array(np.full(len(table), kind, object), STR)
    columns = {"eid": table["eid"], "lang": table["lang"].cast(STR), "kind": kinds, "text": table["text"]}
    return pa.table(columns)


def _ranked(table: pa.Table, settings: Wording) -> pa.Table:
    """Keep what may be taken, and say how good it is: names last, then by language, kind and order."""
    lang, kind, text = table["lang"].cast(STR), table["kind"].cast(STR), table["text"].cast(STR)
    places = np.arange(len(table))
    is_label = pc.equal(kind, LABEL).to_numpy()
    by_lang, by_kind = _place(lang, settings.langs), _place(kind, settings.kinds)
    if not settings.langs:
        by_lang = np.zeros(len(table), np.int64)
    long = pc.count_substring_regex(text, WORDS).fill_null(0).to_numpy() >= settings.min_words
    filled = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(text)), 0).fill_null(False).to_numpy()
    kept = filled & (by_lang >= 0) & (is_label | (long & (by_kind >= 0)))
    size = len(table) + 1
    place = (
        (is_label * (len(settings.langs) + 1) + by_lang) * (len(settings.kinds) + 1) + by_kind + 1
    ) * size + places
    told = pa.table({"eid": table["eid"], "lang": lang, "kind": kind, "text": text, "place": pa.array(place)})
    return told.filter(pa.array(kept)).combine_chunks()


def _place(values: pa.ChunkedArray, order: tuple[str, ...]) -> I64:
    found: I64 = pc.index_in(values, pa.array(order, STR)).fill_null(-1).to_numpy().astype(np.int64)
    return found


def _between(kb: Kb, table: str, columns: list[str], low: int, high: int) -> pa.Table:
    """Read the rows of some entities of a table that is sorted by eid."""
    pieces = []
    for path in kb.files(table):
        try:
            with pq.ParquetFile(path) as file:
                groups = [at for at in range(file.num_row_groups) if _overlaps(file, at, low, high)]
                found = file.read_row_groups(groups, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise ArtefactError(f"{path}: damaged: {' '.join(str(error).split())}") from error
        eid = found["eid"].to_numpy()
        pieces.append(found.filter(pa.array((eid >= low) & (eid < high))).select(columns))
    return _plain(pa.concat_tables(pieces))


def _overlaps(file: Any, group: int, low: int, high: int) -> bool:
    about = file.metadata.row_group(group)
    place = next(i for i in range(about.num_columns) if about.column(i).path_in_schema == "eid")
    told = about.column(place).statistics
    return about.num_rows > 0 and (
        told is None or not told.has_min_max or (told.max >= low and told.min < high)
    )


def _plain(table: pa.Table) -> pa.Table:
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(at, field.name, table[field.name].cast(STR))
    return table


def save(out: Path, found: Bools) -> None:
    """Write what `described` found."""
    np.save(out, found, allow_pickle=False)
