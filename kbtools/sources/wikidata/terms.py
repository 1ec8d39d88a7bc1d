"""Names: labels, descriptions, aliases, and the lemmas, forms and senses of lexemes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa

from kbtools.errors import ConfigError
from kbtools.sources.wikidata.columns import batch
from kbtools.sources.wikidata.records import Entity, Term

LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)
ANY = "mul"  # "default for all languages": a name that holds in each language without one of its own


class Languages:
    """The languages asked for, in order of preference; `mul` always comes along, None means all."""

    def __init__(self, asked: Sequence[str]) -> None:
        for lang in asked:
            if not LANGUAGE.fullmatch(lang):
                raise ConfigError(f"--langs: {lang!r} is not a language such as en or zh-hans, nor 'all'")
        self.everything = "all" in asked
        self.preferred = [lang for lang in dict.fromkeys(asked) if lang != "all"] or ["en"]
        if ANY not in self.preferred:
            self.preferred.append(ANY)
        # rows are sorted by language; the decoder's struct has its fields in the order of `read`
        self.wanted = None if self.everything else sorted(self.preferred)
        self.read = self.wanted

    def also_read(self, langs: Sequence[str]) -> None:
        """Decode labels of these languages too, for a rule to look at; no rows come of them."""
        if self.read is not None:
            self.read = sorted({*self.read, *langs})

    def wants(self, lang: str) -> bool:
        """Tell whether rows of this language are kept."""
        return self.wanted is None or lang in self.wanted

    def has(self, entity: Entity, lang: str) -> bool:
        """Tell whether an entity has a label (or lemma) in a language that was read."""
        if entity.lemmas:
            return lang in entity.lemmas
        return any(found == lang for found, _ in self._read(entity.labels))

    def pairs(self, terms: Any) -> Iterator[tuple[str, Any]]:
        """Yield (language, what stands under it) of one decoded map, sorted by language."""
        return (pair for pair in self._read(terms) if self.wants(pair[0]))

    def _read(self, terms: Any) -> Iterator[tuple[str, Any]]:
        if not terms:
            return
        if self.read is None:
            yield from sorted(terms.items())
            return
        for i, lang in enumerate(self.read):
            if (term := getattr(terms, f"lang{i}")) is not None:
                yield lang, term

    def first(self, pairs: dict[str, str]) -> tuple[str | None, str | None]:
        """Choose the text to show, and its language: the most preferred there is, else the first."""
        for lang in self.preferred:
            if lang in pairs:
                return pairs[lang], lang
        if self.everything and pairs:
            lang = min(pairs)
            return pairs[lang], lang
        return None, None


class Surface(NamedTuple):
    """A row of `surfaces`."""

    row: int
    text: str
    lang: str
    source: str
    pos: str | None = None
    atom: str | None = None


class Names(NamedTuple):
    """Rows gathered from the entities of one block."""

    labels: list[tuple[int, str, str]]
    surfaces: list[Surface]
    descriptions: list[tuple[int, str, str, str, str]]
    xref: list[tuple[int, str, str]]
    shown: list[tuple[str | None, str | None, str | None]]  # label, its language, description

    def tables(self) -> dict[str, pa.RecordBatch]:
        """Return the rows as staged tables."""
        found: dict[str, pa.RecordBatch] = {}
        for table, rows, columns in (
            ("labels", self.labels, ("row", "lang", "text")),
            ("surfaces", self.surfaces, Surface._fields),
            ("descriptions", self.descriptions, ("row", "lang", "kind", "text", "source")),
            ("xref", self.xref, ("row", "scheme", "value")),
        ):
            if rows:
                found[table] = batch(table, **dict(zip(columns, _columns(rows), strict=True)))
        return found


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def read(entities: Sequence[Entity], languages: Languages, row: int) -> Names:
    """Gather the names of entities, the first of which is entity `row`."""
    names = Names([], [], [], [], [])
    for number, entity in enumerate(entities, row):
        if entity.type == "lexeme":
            _lexeme(names, entity, languages, number)
            continue
        labels = {lang: term.value for lang, term in languages.pairs(entity.labels)}
        about = {lang: term.value for lang, term in languages.pairs(entity.descriptions)}
        names.labels.extend((number, lang, text) for lang, text in labels.items())
        names.surfaces.extend(Surface(number, text, lang, "label") for lang, text in labels.items())
        names.descriptions.extend((number, lang, "short", text, "wikidata") for lang, text in about.items())
        for lang, aliases in languages.pairs(entity.aliases):
            names.surfaces.extend(Surface(number, alias.value, lang, "alias") for alias in aliases)
        names.shown.append((*languages.first(labels), languages.first(about)[0]))
    return names


def _lexeme(names: Names, entity: Entity, languages: Languages, row: int) -> None:
    """Take a lexeme's lemmas and forms as its surfaces, its senses as glosses and cross references.

    A form or sense is named by its id, in `atom` and `xref`. Lemmas are kept in every spelling variant
    (en, en-gb) of a language asked for.
    """
    pos = entity.category
    lemmas = {lang: term.value for lang, term in _kept(entity.lemmas, languages)}
    names.labels.extend((row, lang, text) for lang, text in lemmas.items())
    names.surfaces.extend(Surface(row, text, lang, "lemma", pos) for lang, text in lemmas.items())
    for form in _listed(entity.forms):
        for lang, term in _kept(form.representations, languages):
            names.surfaces.append(Surface(row, term.value, lang, "form", pos, form.id))
        names.xref.append((row, "form", form.id))
    shown: dict[str, str] = {}
    for sense in _listed(entity.senses):
        glosses = {lang: term.value for lang, term in _kept(sense.glosses, languages)}
        names.descriptions.extend((row, lang, "gloss", text, sense.id) for lang, text in glosses.items())
        names.xref.append((row, "sense", sense.id))
        shown = shown or glosses
    label: tuple[str | None, str | None] = languages.first(lemmas)
    if label[0] is None and lemmas:  # a spelling variant of a language asked for
        lang = min(lemmas)
        label = (lemmas[lang], lang)
    names.shown.append((*label, languages.first(shown)[0]))


def _kept(terms: Any, languages: Languages) -> list[tuple[str, Term]]:
    if not terms:
        return []
    return sorted((k, v) for k, v in terms.items() if languages.wants(k) or languages.wants(k.split("-")[0]))


def _listed(parts: list[Any] | dict[str, Any] | None) -> list[Any]:
    """Forms and senses stand in a list, or in a map by number where entries have been deleted."""
    if not parts:
        return []
    return list(parts.values()) if isinstance(parts, dict) else parts


def claims(entity: Entity) -> dict[str, list[Any]]:
    """Return an entity's statements; those of a lexeme's forms and senses are the lexeme's."""
    own: Any = entity.claims or {}
    if entity.type != "lexeme":
        return own  # type: ignore[no-any-return]
    merged: dict[str, list[Any]] = {}
    for part in chain([entity], _listed(entity.forms), _listed(entity.senses)):
        for name, statements in (part.claims or {}).items():
            if statements:  # an empty group takes no place: the slow path drops it
                merged.setdefault(name, []).extend(statements)
    return merged
