"""Dumps whose ids are text, made up: what sources would have staged of them, and what finishing makes of it.

A dump is a row of parts, each a dict of tables with plain rows. `tests/oracle_named.py` builds the tables
that they ought to become.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from kbtools.artefact import Done, perform
from kbtools.kb import finish
from kbtools.kb.named import NamedPart
from kbtools.kb.parts import Part, Parts
from tests.staged_world import MEMORY, Row, Tables, rows_of

SUBCLASS_OF = "is a"
TEXTS = ["a", "A", "b", "ab", "é", "苹果", "𐐷", "\uffee", "tab\there", "o'neill", 'say "x"']
RELATIONS = ["likes", "knows", SUBCLASS_OF, "属于", "Knows"]
LANGS = ["en", "zh", "de"]


@dataclass(kw_only=True)
class Dump:
    """What was staged, and how the source wants it to be understood."""

    parts: list[Tables]
    own_names: bool = False
    lang: str | None = None
    names: str = "id"

    def stage(self, folder: Path, *, size: int = 3) -> Path:
        """Write the parts, tables in turns, in batches of `size` rows."""
        made: list[Part] = []
        statement = page = 0
        for number, tables in enumerate(self.parts):
            path = f"work/parts/{number:03}.part"
            statements = statements_of(tables)
            with NamedPart(folder, path) as out:
                out.statements(statements)
                _add(out, tables, size)
            facts = out.outcome().facts
            assert (facts["statements"], facts["pages"]) == (statements, len(tables.get("pages", ())))
            part = Part(
                path=path,
                file=f"dump{number // 2}",
                statement=statement,
                statements=statements,
                page=page,
                pages=facts["pages"],
                line=100 * number,
                byte=1000 * number,
            )
            made.append(part)
            statement, page = statement + part.statements, page + part.pages
        Parts.save(folder, made)
        return folder


def statements_of(tables: Tables) -> int:
    """Count the statements of a part; their numbers count from 0."""
    rows = [*tables.get("triples", ()), *tables.get("literals", ())]
    return max((row["statement"] for row in rows), default=-1) + 1


def _add(out: NamedPart, tables: Tables, size: int) -> None:
    for at in range(0, max(map(len, tables.values()), default=0), size):
        for table, rows in tables.items():
            found = rows[at : at + size]
            if table == "rejects":
                for row in found:
                    out.reject(**row)
            elif found:
                names = {name: None for row in found for name in row}
                out.add(table, **{name: [row.get(name, _usual(name)) for row in found] for name in names})
        out.end_block()


def _usual(name: str) -> Any:
    return {"rank": 0, "best": True}.get(name)


def finished(
    folder: Path,
    dump: Dump,
    *,
    old: Path | None = None,
    onto: Path | None = None,
    subclass_of: str | None = None,
    without: Sequence[str] = (),
    memory: int = MEMORY,
) -> tuple[list[Done], Row]:
    """Run all waves in this process; return the records of the tasks, and all facts."""
    before, base = (None if path is None else str(path) for path in (old, onto))
    names: dict[str, Any] = {"own_names": dump.own_names and base is None, "lang": dump.lang}
    done: list[Done] = []
    facts: Row = {}

    def wave(tasks: Sequence[Any]) -> None:
        for task in tasks:
            done.append(perform(task, folder))
            for what, rows in done[-1].facts.pop("left out", {}).items():
                facts.setdefault("left out", {})[what] = rows
            facts.update(done[-1].facts)

    wave(finish.first_wave(prefixes=[], old=before, onto=base, match=dump.names, memory=memory, **names))
    wave(finish.second_wave(folder, without=without, damage=[], memory=memory, onto=base, **names))
    if onto is None:
        rid = finish.rid_of(folder, subclass_of)
        wave(finish.third_wave(folder, subclass_of=rid, memory=memory, workers=1))
    return done, facts


def tables_of(folder: Path) -> Tables:
    """Read all tables that were written."""
    return {path.name: rows_of(folder, path.name) for path in sorted((folder / "new").iterdir())}


def random_dump(
    rng: Random, *, ids: Sequence[str], rows: int = 12, parts: int = 3, own_names: bool = False
) -> Dump:
    """Make up a dump in which everything happens: repeats, unknown ids, chains and loops of redirects ..."""
    spoken_of = [*ids, *TEXTS[:4], "nowhere", "elsewhere"]
    made = []
    for _ in range(parts):
        maker = _Maker(rng, ids, spoken_of)
        wanted = [name for name in maker.makers if rng.random() < 0.8]
        if own_names:  # whose labels are their ids
            wanted = [name for name in wanted if name != "labels"]
        tables = {name: [maker.makers[name]() for _ in range(rng.randrange(rows + 1))] for name in wanted}
        numbered = [row for name in ("triples", "literals") for row in tables.get(name, ())]
        for number, row in enumerate(rng.sample(numbered, len(numbered))):
            row["statement"] = number
        for row in tables.get("qualifiers", ()):
            row["statement"] = rng.randrange(max(len(numbered), 1))
        if not tables.get("pages"):
            tables.pop("anchors", None)
        for row in tables.get("anchors", ()):
            row["page"] = rng.randrange(len(tables["pages"]))
        made.append(tables)
    lang = None
    if own_names:
        made[0].setdefault("entities", []).extend({"entity": name} for name in spoken_of)
        lang = rng.choice([None, "en"])
    return Dump(parts=made, own_names=own_names, lang=lang)


class _Maker:
    """Makes up rows of each table."""

    def __init__(self, rng: Random, ids: Sequence[str], spoken_of: Sequence[str]) -> None:
        self.rng, self.ids, self.spoken_of = rng, ids, spoken_of
        self.makers: dict[str, Callable[[], Row]] = {
            "entities": self.entity,
            "labels": lambda: self.of(lang=self.lang(), text=self.text(), order=self.maybe(rng.randrange(3))),
            "surfaces": self.surface,
            "descriptions": lambda: self.of(lang="en", kind="gloss", text=self.text(), source="x"),
            "types": lambda: self.of(type=self.known()),
            "sitelinks": lambda: self.of(site=rng.choice(["enwiki", "zhwiki"]), title=self.text()),
            "xref": lambda: self.of(scheme=rng.choice(["isbn", "ssn"]), value=self.text()),
            "triples": self.triple,
            "literals": lambda: self.of(**self.statement(), **self.value()),
            "qualifiers": self.qualifier,
            "relations": self.relation,
            "redirects": self.redirect,
            "pages": self.page,
            "anchors": self.anchor,
            "rejects": lambda: {"reason": self.text(), "line": self.maybe(rng.randrange(9)), "text": "x"},
        }

    def maybe(self, value: Any) -> Any:
        return value if self.rng.random() < 0.6 else None

    def text(self) -> str:
        return self.rng.choice(TEXTS)

    def lang(self) -> str:
        return self.rng.choice(LANGS)

    def known(self) -> str:
        return self.rng.choice(self.spoken_of if self.rng.random() < 0.3 else self.ids)

    def of(self, **more: Any) -> Row:
        return {"entity": self.known(), **more}

    def entity(self) -> Row:
        made = {
            "kind": self.maybe(self.rng.choice(["concept", "item"])),
            "label": self.maybe(self.text()),
            "description": self.maybe(self.text()),
            "lang": self.maybe(self.lang()),
            "sitelinks": self.maybe(self.rng.randrange(3)),
            "freq": self.maybe(self.rng.randrange(1 << 40)),
            "line": self.maybe(self.rng.randrange(50)),
            "order": self.maybe(self.rng.randrange(3)),
        }
        bare = self.rng.random() < 0.4
        return {"entity": self.rng.choice(self.ids), **({} if bare else made)}

    def surface(self) -> Row:
        source = self.rng.choice(["label", "alias"])
        more = {"lang": self.maybe(self.lang()), "pos": self.maybe("noun"), "count": self.maybe(7)}
        return self.of(text=self.text(), source=source, atom=self.maybe("x"), **more)

    def statement(self) -> Row:
        return {
            "relation": self.rng.choice(RELATIONS),
            "rank": self.rng.choice([-1, 0, 1]),
            "best": self.rng.random() < 0.7,
        }

    def value(self) -> Row:
        more = {"number": self.maybe(-1.5), "unit": self.maybe("m"), "precision": self.maybe(9)}
        more |= {"calendar": self.maybe("julian"), "lang": self.maybe(self.lang())}
        return {"datatype": self.rng.choice(["string", "time"]), "value": self.text(), **more}

    def triple(self) -> Row:
        more = {"split": self.maybe("train"), "otherwise": self.maybe("string")}
        return self.of(**self.statement(), tail=self.known(), **more)

    def qualifier(self) -> Row:
        own = {"relation": self.rng.choice(["since", "until", "knows"]), "ord": self.rng.randrange(3)}
        return self.of(**own, **(self.value() if self.rng.random() < 0.5 else {"tail": self.known()}))

    def relation(self) -> Row:
        return {
            "relation": self.rng.choice([*RELATIONS, "unused"]),
            "label": self.maybe(self.text()),
            "description": self.maybe(self.text()),
            "inverse": self.maybe(self.rng.choice(["known by", *RELATIONS])),
        }

    def redirect(self) -> Row:
        some = [*TEXTS, *self.ids, "loop 1", "loop 2"]
        kind = self.rng.choice(["merge", "title"])
        return {"from_id": self.rng.choice(some), "to": self.rng.choice(some), "kind": kind}

    def page(self) -> Row:
        sections = [{"start": 0, "level": 1, "title": self.text()}] * self.rng.randrange(3)
        shown = {"title": self.text(), "lang": "fr", "text": self.text(), "sections": sections}
        return {"entity": self.maybe(self.known()), **shown}

    def anchor(self) -> Row:
        start = self.rng.randrange(5)
        shown = {"start": start, "end": start + 1, "surface": self.text(), "kind": "wikilink"}
        return {"target": self.maybe(self.known()), "target_title": self.text(), **shown}
