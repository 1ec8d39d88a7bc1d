"""Rows on their way into the part, gathered table by table."""

from __future__ import annotations

from typing import Any

from kbtools.kb.named import NamedPart
from kbtools.sources.hownet.definition import MAIN, Node

ROWS = 50_000  # how many are gathered before they are handed on

COLUMNS: dict[str, tuple[str, ...]] = {
    "entities": ("entity", "kind", "label", "lang", "line"),
    "labels": ("entity", "lang", "text"),
    "surfaces": ("entity", "text", "lang", "source", "pos"),
    "descriptions": ("entity", "lang", "kind", "text", "source"),
    "triples": ("statement", "entity", "relation", "tail"),
    "literals": ("statement", "entity", "relation", "datatype", "value"),
    "qualifiers": ("statement", "entity", "relation", "tail", "datatype", "value", "ord"),
    "relations": ("relation", "label", "description", "inverse"),
}

RELATIONS = [
    ("hypernym", "hypernym", "a wider sememe", "hyponym"),
    ("hyponym", "hyponym", "a narrower sememe", "hypernym"),
    ("antonym", "antonym", "a sememe of the opposite meaning", "antonym"),
    ("converse", "converse", "the same event seen from the other side", "converse"),
    (MAIN, "main sememe", "the first sememe of the definition", None),
    ("sememe", "sememe", "a sememe of the definition that has no role", None),
    ("sentiment", "sentiment", "what the dictionary says of the word's tone", None),
    ("within", "within", "qualifier: the sememe in whose braces this one stands", None),
    ("DEF", "definition", "the definition as written", None),
    ("pronunciation", "pronunciation", "pinyin, as written", None),
    ("RMK", "remark", None, None),
    ("义原", "义原", "the sememes of a word", None),
]


class Rows:
    """What was found; statements are numbered in the order in which they come."""

    def __init__(self, out: NamedPart, label: str) -> None:
        self.out, self.first = out, label
        self.tables: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        self.known: set[str] = set()
        self.chinese: set[str] = set()  # names of sememes
        self._edges: dict[tuple[str, str, str], int] = {}
        self._next = 0  # statement
        self._claimed = 0

    def entity(self, name: str, kind: str, line: int, names: dict[str, str]) -> bool:
        """Note an entity with its names by language; say whether it is new."""
        if name in self.known:
            return False
        self.known.add(name)
        lang = self.first if self.first in names else next(iter(names), None)
        self.tables["entities"].append((name, kind, names.get(lang or ""), lang, line))
        self.tables["labels"] += [(name, lang, text) for lang, text in names.items()]
        return True

    def sememe(self, name: str, line: int) -> str:
        """Note a sememe, `human|人` or a bare name; return its id."""
        english, bar, chinese = name.partition("|")
        if not bar:
            english, chinese = (name, "") if name.isascii() else ("", name)
        names = {lang: text.strip() for lang, text in (("zh", chinese), ("en", english)) if text.strip()}
        if self.entity(name, "sememe", line, names):
            self.chinese.add(names.get("zh", ""))
            for lang, text in names.items():
                self.surface(name, text, lang, "label")
        return name

    def surface(self, name: str, text: str, lang: str, source: str, pos: str | None = None) -> None:
        """Note a name by which text may speak of an entity."""
        self.tables["surfaces"].append((name, text, lang, source, pos))

    def triple(self, head: str, relation: str, tail: str) -> int:
        """Note an edge; return the number of its statement."""
        number = self._number()
        self.tables["triples"].append((number, head, relation, tail))
        return number

    def once(self, head: str, relation: str, tail: str) -> int:
        """Note an edge that other files may give too."""
        key = (head, relation, tail)
        if key in self._edges:
            self.out.counts["skipped: edge said again"] += 1
        else:
            self._edges[key] = self.triple(*key)
        return self._edges[key]

    def literal(self, head: str, relation: str, value: str) -> int:
        """Note a text that belongs to an entity; return the number of its statement."""
        number = self._number()
        self.tables["literals"].append((number, head, relation, "string", value))
        return number

    def definition(
        self, head: str, text: str, nodes: list[Node], line: int, above: str | None = None
    ) -> None:
        """Note what a definition says of `head`; `above` is its hypernym, whose edge need not be repeated."""
        self.literal(head, "DEF", text)
        edges: list[int] = []
        for node in nodes:
            if node.kind == "place":
                self._place(head, node, edges)
                edges.append(-1)
            elif node.kind == "text":
                edges.append(self.literal(head, node.role, node.text))
            else:
                tail = self.sememe(node.text, line)
                again = (
                    self._edges.get((head, "hypernym", tail)) if node.role == MAIN and tail == above else None
                )
                edges.append(self.triple(head, node.role, tail) if again is None else again)
            if node.above >= 0 and nodes[node.above].above >= 0 and node.kind != "place":
                row = (edges[-1], head, "within", nodes[node.above].text, None, None, 0)
                self.tables["qualifiers"].append(row)

    def _place(self, head: str, node: Node, edges: list[int]) -> None:
        statement = edges[node.above] if node.above >= 0 else -1
        if statement < 0:
            self.out.counts["skipped: place to be filled that belongs to no sememe"] += 1
            return
        own = node.text == "~"
        filler = (head, None, None) if own else (None, "string", node.text)
        self.tables["qualifiers"].append((statement, head, node.role, *filler, 0))

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def flush(self, least: int = 1) -> None:
        """Hand on what was gathered, if that is enough."""
        if sum(map(len, self.tables.values())) < least:
            return
        self.out.statements(self._next - self._claimed)
        self._claimed = self._next
        for table, rows in self.tables.items():
            if rows:
                columns = dict(zip(COLUMNS[table], map(list, zip(*rows, strict=True)), strict=True))
                self.out.add(table, **columns)
                rows.clear()
        self.out.end_block()
