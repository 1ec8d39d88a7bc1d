"""What the numbers in examples are called, as far as what they are of is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools.errors import ArtefactError, ConfigError, KbError
from kbtools.kb.asking import answer
from kbtools.kb.reader import Base
from kbtools.linked.naming import Called
from kbtools.shards.base import NIL, NONE
from kbtools.shards.reader import Shards
from kbtools.shards.views._supersenses import NAMES as SUPERSENSES
from kbtools.tokens.tokenizer import Tokenizer

ENTITIES = {
    "eid", "eids", "gold", "best", "head", "tail", "types", "entity", "entities", "subject", "object",
    "out_tails", "in_heads", "negatives", "corrupted", "heads", "tails", "authors", "parents", "type",
}  # fmt: skip
RELATIONS = {"relation", "relations", "rid", "rids", "out_relations", "in_relations"}
RELATION_ID = "relation_id"
IDS = {"head_id", "tail_id", RELATION_ID}


class Names:
    """Names of numbers."""

    def __init__(
        self, shards: Shards, kbs: Sequence[str | Path] = (), tokenizer: str | Path | None = None
    ) -> None:
        self.shards = shards
        self.places = {ref.name: place for place, ref in enumerate(shards.kbs)}
        self.called = Called(shards.manifest, kbs)
        self.tokenizer, self.lost = _tokenizer(shards, tokenizer)
        self.special = {
            number
            for name, number in shards.tokenizer.items()
            if name in {"pad", "cls", "sep", "mask"} and isinstance(number, int) and number >= 0
        }
        self._relations: dict[int, pa.Array] = {}
        self._by_id: dict[tuple[int, str, bool], str | None] = {}

    @property
    def notes(self) -> Iterator[str]:
        """Say what could not be named."""
        if self.called.note:
            yield self.called.note
        if self.lost:
            yield self.lost

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """Return the tokens; without their tokenizer, numbers."""
        if self.tokenizer is None:
            return [f"#{number}" for number in ids]
        known = np.array([number if 0 <= number < self.tokenizer.size else -1 for number in ids], np.int64)
        told = self.tokenizer.words(np.maximum(known, 0)).to_pylist()
        return [
            f"#{number}" if place < 0 or text is None else text
            for number, place, text in zip(ids, known.tolist(), told, strict=True)
        ]

    def entity(self, eid: int | None, place: int = 0) -> str:
        """Call an entity by its id and label, or its number."""
        if eid is None or eid == NONE:
            return "–"
        if eid == NIL:
            return "NIL"
        id_, label = self.called.names([(place, eid)]).get((place, eid), (None, None))
        return " ".join(part for part in (id_ or f"eid {eid}", label) if part)

    def relation(self, rid: int | None, place: int = 0) -> str:
        """Call a relation by its label, or its number; an arrow says that it goes the other way."""
        if rid is None or rid == NONE:
            return "–"
        if rid == NIL:
            return "none"
        if place not in self._relations:
            base = self.called.bases.get(place)
            told = pa.array([], pa.string())
            if base is not None and "relations" in base.tables:
                table = base.kb.table("relations", ["id", "label"])
                told = table["label"].combine_chunks().fill_null(table["id"].combine_chunks())
            self._relations[place] = told
        names = self._relations[place]
        if not 0 <= rid < 2 * len(names):
            return f"relation {rid}"
        way = "← " if rid >= len(names) else ""
        return f"{way}{names[rid % len(names)].as_py()}"

    def by_id(self, id_: str, *, relation: bool = False) -> str:
        """Write the id of an entity, or of a relation, with its label if a knowledge base has it."""
        for place, base in self.called.bases.items():
            if (place, id_, relation) not in self._by_id:
                self._by_id[place, id_, relation] = _label(base, id_, relation=relation)
            if label := self._by_id[place, id_, relation]:
                return f"{id_} {label}"
        return id_

    def described(self, eid: int) -> str | None:
        """Return what an entity is said to be, where a table of the shards has it."""
        if "entities" not in self.shards.tables or self.tokenizer is None:
            return None
        table = self.shards.table("entities", ["eid", "input_ids"])
        eids = table["eid"].to_numpy()
        row = int(np.searchsorted(eids, eid))
        if row == len(eids) or eids[row] != eid:
            return None
        ids = [one for one in table["input_ids"][row].as_py() or [] if one not in self.special]
        return self.tokenizer.decode(ids)

    def place(self, column: str) -> int:
        """Return which knowledge base a column speaks of: `entities.NAME.…`, else the first."""
        parts = column.split(".")
        return next((self.places[part] for part in parts[1:-1] if part in self.places), 0)

    def value(self, column: str, value: Any, kind: pa.DataType) -> Any:
        """Put a number into words where its column's name, and its type, say what it is of."""
        prefix, _, name = column.rpartition(".")
        if isinstance(value, str) and name in IDS:
            return self.by_id(value, relation=name == RELATION_ID)
        if isinstance(value, bool) or not isinstance(value, int):
            return value
        if prefix == "senses" and 0 <= value < len(SUPERSENSES):
            return SUPERSENSES[value]
        if kind == pa.int64() and name in ENTITIES and self.shards.kbs:
            return self.entity(value, self.place(column))
        if name in RELATIONS and self.shards.kbs and f"{column}_id" not in self.shards.columns:
            return self.relation(value, self.place(column))
        return value


def _label(base: Base, id_: str, *, relation: bool) -> str | None:
    table = "relations" if relation else "entities"
    found = answer(
        base.kb.path,
        f"SELECT t.label AS label FROM asked a JOIN {table} t ON t.id = a.id",
        {"id": [id_]},
        parts=[base.kb],
        only={table},
    )
    label: str | None = next(iter(found["label"].to_pylist()), None)
    return label


def _tokenizer(shards: Shards, given: str | Path | None) -> tuple[Tokenizer | None, str]:
    """Open the tokenizer that made the tokens: the one given, or where it was."""
    content = shards.tokenizer.get("content")
    if content is None:
        return None, ""
    was = next((one.path for one in shards.manifest.inputs if one.kind == "tokenizer"), None)
    found = None
    try:
        if given or was:
            found = Tokenizer.load(str(given or was))
    except (KbError, OSError):
        if given:
            raise
    if found is not None and found.content != content:
        if given:
            raise ArtefactError(f"{given}: another tokenizer than the one these shards were made with")
        found = None
    if found is None and given:
        raise ConfigError(f"{given}: no tokenizer")
    return found, "" if found else "the tokenizer is not where it was; tokens are shown by number"
