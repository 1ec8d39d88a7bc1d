"""Rows on their way into the part, gathered table by table."""

from __future__ import annotations

from kbtools.kb.named import NamedPart
from kbtools.sources._rows import Rows
from kbtools.sources.hownet.definition import MAIN, Node

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


class Found:
    """What was found; statements are numbered in the order in which they come."""

    def __init__(self, out: NamedPart, label: str) -> None:
        self.out, self.first = out, label
        self.rows = Rows(out)
        self.known: set[str] = set()
        self.chinese: set[str] = set()  # names of sememes
        self._edges: dict[tuple[str, str, str], int] = {}
        self._relations: set[str] = set()

    def entity(self, name: str, kind: str, line: int, names: dict[str, str]) -> bool:
        """Note an entity with its names by language; say whether it is new."""
        if name in self.known:
            return False
        self.known.add(name)
        lang = self.first if self.first in names else next(iter(names), None)
        self.rows.add("entities", entity=name, kind=kind, label=names.get(lang or ""), lang=lang, line=line)
        for each, text in names.items():
            self.rows.add("labels", entity=name, lang=each, text=text)
        return True

    def sememe(self, name: str, line: int) -> str:
        """Note a sememe, `human|人` or a bare name; return its id."""
        if name in self.known:
            return name
        english, bar, chinese = name.partition("|")
        if not bar:
            english, chinese = (name, "") if name.isascii() else ("", name)
        names = {lang: text.strip() for lang, text in (("zh", chinese), ("en", english)) if text.strip()}
        self.entity(name, "sememe", line, names)
        self.chinese.add(names.get("zh", ""))
        for lang, text in names.items():
            self.surface(name, text, lang, "label")
        return name

    def surface(self, name: str, text: str, lang: str, source: str, pos: str | None = None) -> None:
        """Note a name by which text may speak of an entity."""
        self.rows.add("surfaces", entity=name, text=text, lang=lang, source=source, pos=pos)

    def example(self, name: str, text: str, lang: str) -> None:
        """Note how a word is used."""
        self.rows.add("descriptions", entity=name, lang=lang, kind="example", text=text, source="HowNet")

    def triple(self, head: str, relation: str, tail: str) -> int:
        """Note an edge; return the number of its statement."""
        number = self.rows.statement()
        self._relations.add(relation)
        self.rows.add("triples", statement=number, entity=head, relation=relation, tail=tail)
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
        number = self.rows.statement()
        self._relations.add(relation)
        self.rows.add(
            "literals", statement=number, entity=head, relation=relation, datatype="string", value=value
        )
        return number

    def definition(
        self, head: str, text: str, nodes: list[Node], line: int, above: str | None = None
    ) -> None:
        """Note what a definition says of `head`; `above` is its hypernym, whose edge need not be repeated."""
        self.literal(head, "DEF", text)
        edges: list[int] = []
        for role, name, kind, at in nodes:
            if kind == "place":
                self._place(head, role, name, edges[at] if at >= 0 else -1)
                edges.append(-1)
                continue
            if kind == "text":
                edges.append(self.literal(head, role, name))
            else:
                self.sememe(name, line)
                again = self._edges.get((head, "hypernym", name)) if name == above and role == MAIN else None
                edges.append(self.triple(head, role, name) if again is None else again)
            if at >= 0 and nodes[at].above >= 0:
                self._qualify(edges[-1], head, "within", nodes[at].text)

    def _place(self, head: str, role: str, name: str, statement: int) -> None:
        if statement < 0:
            self.out.counts["skipped: place to be filled that belongs to no sememe"] += 1
        elif name == "~":
            self._qualify(statement, head, role, head)
        else:
            self._qualify(statement, head, role, None, name)

    def _qualify(
        self, statement: int, head: str, relation: str, tail: str | None, value: str | None = None
    ) -> None:
        self._relations.add(relation)
        self.rows.add(
            "qualifiers",
            statement=statement,
            entity=head,
            relation=relation,
            tail=tail,
            datatype=None if value is None else "string",
            value=value,
            ord=0,
        )

    def flush(self) -> None:
        """Say what the relations mean that were found, and hand on what was gathered."""
        for relation, label, description, inverse in RELATIONS:
            if relation in self._relations:
                known = inverse if inverse in self._relations else None
                self.rows.add(
                    "relations", relation=relation, label=label, description=description, inverse=known
                )
        self.rows.flush()
