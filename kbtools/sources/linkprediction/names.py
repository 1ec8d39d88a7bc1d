"""Read the files of names that come with link prediction data.

Memory: the ids that the triples speak of, and the largest of the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pyarrow as pa

from kbtools.artefact import Outcome
from kbtools.errors import SourceError
from kbtools.io import Block, open_stream
from kbtools.io.delimited import split
from kbtools.kb.named import NamedPart
from kbtools.sources._rows import Rows

SIZE = 4 << 20
UNKNOWN = "skipped: names of ids without triples"


class Names:
    """Hands on what files say of ids, if the triples know them."""

    def __init__(self, out: NamedPart, entities: set[str], relations: set[str], lang: str) -> None:
        self.out, self.rows = out, Rows(out)
        self.entities, self.relations, self.lang = entities, relations, lang

    def knows(self, entity: str) -> bool:
        """Count an id, and tell whether the triples speak of it."""
        self.out.counts["read"] += 1
        known = entity in self.entities
        if not known:
            self.out.counts[UNKNOWN] += 1
        return known

    def label(self, entity: str, text: str, lang: str, description: str | None = None) -> None:
        """Name an entity; only names in the chosen language are its label."""
        if text and lang == self.lang:
            self.rows.add("entities", entity=entity, label=text, description=description, lang=lang)
        if text:
            self.rows.add("labels", entity=entity, lang=lang, text=text)
            self.rows.add("surfaces", entity=entity, text=text, lang=lang, source="label")

    def alias(self, entity: str, text: str, lang: str) -> None:
        """Add a further name."""
        if text:
            self.rows.add("surfaces", entity=entity, text=text, lang=lang, source="alias")

    def describe(self, entity: str, text: str, lang: str, kind: str, source: str) -> None:
        """Add a description."""
        if text:
            self.rows.add("descriptions", entity=entity, lang=lang, kind=kind, text=text, source=source)


def read(
    folder: Path,
    *,
    files: Sequence[str],
    part: str,
    kinds: Sequence[Sequence[str]],
    triples: Sequence[str],
    columns: str,
    separator: str,
    lang: str,
) -> Outcome:
    """Stage the names of what the triples speak of."""
    entities, relations = known_ids(triples, columns, separator.encode())
    with NamedPart(folder, part) as out:
        names = Names(out, entities, relations, lang)
        for path, (kind, spoken) in zip(files, kinds, strict=True):
            data = out.whole(path).removeprefix(b"\xef\xbb\xbf")
            if Path(path.lower()).name.find(".json") >= 0:
                _objects(names, path, data, kind, spoken)
            else:
                _lines(names, path, data, kind, spoken)
        names.rows.flush()
    return out.outcome()


def known_ids(paths: Sequence[str], columns: str, separator: bytes) -> tuple[set[str], set[str]]:
    """Return the ids of entities and of relations in files of triples."""
    entities: set[str] = set()
    relations: set[str] = set()
    wanted = [columns.index(letter) for letter in "hrt"]
    for path in paths:
        with open_stream(path) as stream:
            rest = b""
            while data := stream.read(SIZE):
                data, _, rest = (rest + data).rpartition(b"\n")
                _take(data, separator, wanted, entities, relations)
            _take(rest, separator, wanted, entities, relations)
    return entities, relations


def _take(data: bytes, separator: bytes, wanted: list[int], entities: set[str], relations: set[str]) -> None:
    data = data.removeprefix(b"\xef\xbb\xbf")
    heads, named, tails = split(Block(data, 0, 0), separator, fields=3, wanted=wanted).columns
    entities.update(text.strip() for text in pa.concat_arrays([heads, tails]).unique().to_pylist())
    relations.update(text.strip() for text in named.unique().to_pylist())


def _lines(names: Names, path: str, data: bytes, kind: str, lang: str) -> None:
    source = Path(path).name
    for at, entity, fields in _fields(names.out, source, data):
        text = fields[0]
        if kind == "relations":
            _relation(names, entity, text, None)
        elif not names.knows(entity):
            continue
        elif kind == "texts":
            names.describe(entity, " ".join(fields), lang, "abstract", source)
        elif kind == "mid2name":
            names.label(entity, text.replace("_", " ").strip(), lang)
        elif kind == "entity2text" and entity.isdigit() and ", " in text:  # WordNet's number: name, gloss
            name, _, gloss = text.partition(", ")
            names.label(entity, name, lang)
            names.describe(entity, gloss, lang, "gloss", source)
        else:
            names.label(entity, text, lang)
            for alias in fields[1:]:
                names.alias(entity, alias, lang)
        if at % (1 << 16) == 0:
            names.out.end_block()


def _fields(out: NamedPart, source: str, data: bytes) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the id and what follows it on each line; reject lines without."""
    byte = 0
    for at, line in enumerate(data.split(b"\n")):
        start, byte = byte, byte + len(line) + 1
        if not line.strip():
            continue
        try:
            entity, *fields = (text.strip() for text in line.decode().split("\t"))
        except UnicodeDecodeError:
            entity, fields = "", []
        if entity and fields and "\0" not in line.decode():
            yield at, entity, fields
        else:
            out.counts["read"] += 1
            reason = "no id and name" if b"\0" not in line else "NUL byte"
            out.reject(reason, line=at, byte=start, text=line, file=source)


def _objects(names: Names, path: str, data: bytes, kind: str, lang: str) -> None:
    source = Path(path).name
    try:
        if kind == "types":
            for entity, classes in msgspec.json.decode(data, type=dict[str, list[str]]).items():
                if names.knows(entity):
                    for each in classes:
                        names.rows.add("types", entity=entity, type=each)
            return
        objects = msgspec.json.decode(data, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"is not the JSON that was expected: {error}", path=path) from None
    for entity, facts in objects.items():
        label, about = (_text(facts.get(name)) for name in ("label", "description"))
        if kind == "relations":
            _relation(names, entity, label if lang == names.lang else "", about)
        elif names.knows(entity):
            names.label(entity, label, lang, about or None)
            names.describe(entity, about, lang, "short", source)
            alternatives = facts.get("alternatives")
            for alias in alternatives if isinstance(alternatives, list) else []:
                names.alias(entity, _text(alias), lang)
            _elsewhere(names, entity, facts)


def _relation(names: Names, relation: str, label: str, about: str | None) -> None:
    names.out.counts["read"] += 1
    if relation not in names.relations:
        names.out.counts[UNKNOWN] += 1
    elif label:
        names.rows.add("relations", relation=relation, label=label, description=about or None)


def _elsewhere(names: Names, entity: str, facts: dict[str, Any]) -> None:
    """Add the id in Wikidata and the title in Wikipedia."""
    if item := _text(facts.get("wikidata_id")):
        names.rows.add("xref", entity=entity, scheme="wikidata", value=item)
    try:
        address = urlsplit(_text(facts.get("wikipedia")) or _text(facts.get("wiki")))
    except ValueError:  # no address at all
        return
    host, _, title = address.netloc.partition(".")[0], *address.path.rpartition("/wiki/")[1:]
    if title and host:
        title = unquote(title).replace("_", " ")
        names.rows.add("sitelinks", entity=entity, site=f"{host.replace('-', '_')}wiki", title=title)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
