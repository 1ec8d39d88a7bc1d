"""The slow path: records that do not fit the typed decoder, one at a time.

Dumps, API answers and Special:EntityData pages hold odd records. What can be kept of one is kept; each
part that cannot is a `Problem`, counted and written to `rejects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

import msgspec

from kbtools.sources.wikidata import values
from kbtools.sources.wikidata.keys import KINDS, LETTERS, PROPERTY, key_of
from kbtools.sources.wikidata.records import Entity, EntityKind, Snak, Statement

BAD = (msgspec.ValidationError, ValueError, KeyError, OverflowError, TypeError)
SKIPPED = {"mediainfo": "mediainfo", "entity-schema": "schema"}  # by design
CHECKED = (
    "labels", "descriptions", "aliases", "sitelinks", "lemmas", "forms", "senses", "lexicalCategory",
)  # fmt: skip
REFERRED = (None, *get_args(EntityKind))
MOST_QUALIFIERS = 1 << 16  # `ord` is a u16
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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        yield Problem(f"not valid JSON: {error}")
        return
    if not isinstance(record, dict):
        yield Problem(f"not an entity: a JSON {type(record).__name__}")
    elif isinstance(answers := record.get("entities"), dict | list):
        named = answers.items() if isinstance(answers, dict) else ((None, answer) for answer in answers)
        for asked, answer in named:
            yield from _answer(asked, answer, kind)
        if not answers:
            yield Problem("an answer of the API without entities")
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
    name, stated = record.get("id"), str(record.get("type"))
    if stated in SKIPPED or str(name)[:1] == "M":
        yield Skipped(SKIPPED.get(stated, "mediainfo"))
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
        if owner.get("claims") not in (None, [], {}):
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
    if field not in record or (whole := _fault(field, record[field], kind)) is None:
        return []
    raw, problems = record.pop(field), list[Problem]()
    if not isinstance(raw, dict | list):
        return [Problem(f"{field} of {record['id']} left out: {whole}")]
    sound = {}
    for key, value in raw.items() if isinstance(raw, dict) else enumerate(raw):
        fault = _fault(field, {key: value} if isinstance(raw, dict) else [value], kind)
        if fault is None:
            sound[key] = value
        else:
            problems.append(Problem(f"{field} {key} of {record['id']} left out: {fault}"))
    record[field] = sound if isinstance(raw, dict) else list(sound.values())
    return problems


def _fault(field: str, value: Any, kind: type[Entity]) -> Exception | None:
    """Return what is wrong with a field; claims of forms and senses are repaired later, not refused."""
    if field in {"forms", "senses"} and isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        value = [p | {"claims": None} if isinstance(p, dict) else p for p in parts]
    try:
        msgspec.convert({"type": "", "id": "", field: value}, type=kind)
    except BAD as error:
        return error
    return None


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
    if not isinstance(raw, dict):
        raise ValueError("not an object")
    statement = {**raw, "mainsnak": _snak(raw.get("mainsnak"))}
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
    if len(snaks) > 1 + MOST_QUALIFIERS:
        raise ValueError(f"more than {MOST_QUALIFIERS:,} qualifiers")
    values.read(snaks)
    return statement


def _snak(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError("a snak is missing or not an object")
    value = raw.get("datavalue")
    if not isinstance(value, dict):
        return raw
    named, text, ref = str(value.get("type")), None, value.get("value")
    if named not in KNOWN_VALUES:
        text = msgspec.json.encode(ref).decode()
    elif named == "wikibase-entityid" and isinstance(ref, dict) and ref.get("entity-type") not in REFERRED:
        text = ref.get("id")  # of a kind of entity that is not known here
    if text is None:
        return raw
    return {**raw, "datatype": raw.get("datatype") or named, "datavalue": {"type": " other", "value": text}}
