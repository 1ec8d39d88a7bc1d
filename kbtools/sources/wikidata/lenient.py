"""The slow path: records that do not fit the typed decoder, one at a time.

Dumps, API answers and Special:EntityData pages hold odd records. What can be kept of one is kept; each
part that cannot is a `Problem`, counted and written to `rejects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from kbtools.sources.wikidata import values
from kbtools.sources.wikidata.keys import KINDS, LETTERS, PROPERTY, key_of
from kbtools.sources.wikidata.records import Entity, Snak, Statement

BAD = (msgspec.ValidationError, ValueError, KeyError, OverflowError, TypeError)
SKIPPED = {"mediainfo": "mediainfo", "entity-schema": "schema"}  # by design
CHECKED = (
    "labels", "descriptions", "aliases", "sitelinks", "lemmas", "forms", "senses", "lexicalCategory",
)  # fmt: skip
KNOWN_VALUES = {"wikibase-entityid", "string", "time", "quantity", "monolingualtext", "globecoordinate"}


class Problem(NamedTuple):
    """Something that could not be kept."""

    reason: str


class Skipped(NamedTuple):
    """A record that is not meant to be kept."""

    why: str


class Redirect(NamedTuple):
    """An id that now means another entity."""

    from_id: str
    to_key: int


Found = Entity | Problem | Skipped | Redirect


def entities(line: bytes, kind: type[Entity]) -> Iterator[Found]:
    """Yield what a line holds: an entity, or the several of an API answer, and what is wrong with them."""
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield Problem(f"not valid JSON: {error}")
        return
    if not isinstance(record, dict):
        yield Problem(f"not an entity: a JSON {type(record).__name__}")
    elif isinstance(answers := record.get("entities"), dict | list):
        named = answers.items() if isinstance(answers, dict) else ((None, answer) for answer in answers)
        for asked, answer in named:
            yield from _answer(asked, answer, kind)
    elif isinstance(fault := record.get("error"), dict):
        yield Problem(f"an error of the API, not an entity: {fault.get('code')}: {fault.get('info')}")
    else:
        yield from _entity(record, kind)


def _answer(asked: str | None, answer: Any, kind: type[Entity]) -> Iterator[Found]:
    if not isinstance(answer, dict):
        yield Problem(f"not an entity: {asked}")
    elif "missing" in answer:
        yield Problem(f"{answer.get('id', asked)} is missing: the API did not find it")
    else:
        redirects = answer.get("redirects")
        from_id = redirects.get("from") if isinstance(redirects, dict) else asked
        to_key = key_of(str(answer.get("id")))
        if isinstance(from_id, str) and to_key is not None and key_of(from_id) not in {None, to_key}:
            yield Redirect(from_id, to_key)
        yield from _entity(answer, kind)


def _entity(record: dict[str, Any], kind: type[Entity]) -> Iterator[Found]:
    name = record.get("id")
    if record.get("type") in SKIPPED or str(name)[:1] == "M":
        yield Skipped(SKIPPED.get(str(record.get("type")), "mediainfo"))
        return
    key = key_of(name) if isinstance(name, str) else None
    if key is None:
        yield Problem(f"not an entity: its id is {name!r}" if name else "not an entity: it has no id")
        return
    expected = list(KINDS)[LETTERS.index(str(name)[0])]
    if record.get("type", expected) != expected:
        yield Problem(f"{name} says that it is of type {record['type']!r}")
        return
    record = {**record, "type": expected}
    problems: list[Problem] = []
    for field in CHECKED:
        problems += _keep_if_sound(record, field, kind)
    for owner in [record, *_parts(record, "forms"), *_parts(record, "senses")]:
        if owner.get("claims"):
            problems += _repair_claims(owner, str(name))
    yield from problems
    try:
        yield msgspec.convert(record, type=kind)
    except BAD as error:
        yield Problem(f"{name} is left out: {error}")


def _parts(record: dict[str, Any], field: str) -> list[dict[str, Any]]:
    parts = record.get(field) or []
    listed = list(parts.values()) if isinstance(parts, dict) else parts
    return [part for part in listed if isinstance(part, dict)]


def _keep_if_sound(record: dict[str, Any], field: str, kind: type[Entity]) -> list[Problem]:
    if field not in record:
        return []
    try:
        bare = {"type": "", "id": "", field: record[field]}
        if field in {"forms", "senses"}:  # their claims are repaired, not refused
            bare[field] = [{k: v for k, v in p.items() if k != "claims"} for p in _parts(record, field)]
        msgspec.convert(bare, type=kind)
    except BAD as error:
        del record[field]
        return [Problem(f"{field} of {record['id']} left out: {error}")]
    return []


def _repair_claims(owner: dict[str, Any], name: str) -> list[Problem]:
    claims, problems = owner["claims"], []
    if not isinstance(claims, dict):
        owner["claims"] = None
        return [Problem(f"claims of {name} left out: not a map of properties")]
    sound: dict[str, list[Any]] = {}
    for property_id, group in claims.items():
        for statement in group if isinstance(group, list) else [group]:
            try:
                sound.setdefault(property_id, []).append(_statement(property_id, statement))
            except BAD as error:
                problems.append(Problem(f"statement {property_id} of {name} left out: {error}"))
    owner["claims"] = {property_id: group for property_id, group in sound.items() if group}
    return problems


def _statement(property_id: str, raw: Any) -> dict[str, Any]:
    """Return the statement in a form that the typed decoder takes; an unknown value becomes JSON text."""
    PROPERTY[property_id]  # raises for what is no property id
    statement = {**raw, "mainsnak": _snak(raw["mainsnak"])}
    if statement.get("qualifiers"):
        statement["qualifiers"] = {
            name: [_snak(snak) for snak in snaks] for name, snaks in dict(statement["qualifiers"]).items()
        }
        for name in statement["qualifiers"]:
            PROPERTY[name]
    typed = msgspec.convert(statement, type=Statement)
    snaks: list[Snak] = [typed.mainsnak]
    for group in (typed.qualifiers or {}).values():  # type: ignore[union-attr]
        snaks += group
    values.read(snaks)
    return statement


def _snak(raw: dict[str, Any]) -> dict[str, Any]:
    value = raw.get("datavalue")
    if isinstance(value, dict) and value.get("type") not in KNOWN_VALUES:
        text = msgspec.json.encode(value.get("value")).decode()
        named = raw.get("datatype") or str(value.get("type"))
        return {**raw, "datatype": named, "datavalue": {"type": " other", "value": text}}
    return raw
