"""Hypothesis strategies for Wikidata entities: everything the format allows, and some things it does not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Record = dict[str, Any]

ITEMS = [f"Q{number}" for number in (1, 2, 3, 5, 42, 2147483647)]
PROPERTIES = ["P31", "P279", "P1696", "P17", "P2", "P999999999"]
LEXEMES = ["L1", "L2"]
ELSEWHERE = ["Q77", "P77", "L77"]
LANGS = ["en", "zh", "mul", "en-gb", "de", "zh-hans"]
URL = "http://www.wikidata.org/entity/"

# no surrogates: JSON of a dump cannot hold them; but NUL, astral planes, quotes and line separators it can
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["Paris", "巴黎", "a\u2028b", "\x00", '"\\"', "}{", "👩‍👩‍👧", " ", "é"]
)
years = st.sampled_from(["1952", "0000", "0044", "13798000000", "00000012024", "9999"])
integers = st.integers(-(10**6), 10**6)
floats = st.floats(-180, 180) | integers | st.sampled_from([1e-7, 0.1, -0.0])
units = st.sampled_from(["1", f"{URL}Q11573", f"{URL}Q42", ""])


def dropping(record: Record, *names: str) -> st.SearchStrategy[Record]:
    """Leave out any of these keys."""
    gone = st.sets(st.sampled_from(names)) if names else st.just(set())
    return gone.map(lambda without: {k: v for k, v in record.items() if k not in without})


@st.composite
def references(draw: st.DrawFn) -> Record:
    name = draw(st.sampled_from([*ITEMS, *ITEMS, *PROPERTIES, *LEXEMES, *ELSEWHERE]))
    kind = {"Q": "item", "P": "property", "L": "lexeme"}[name[0]]
    whole = {"entity-type": kind, "numeric-id": int(name[1:]), "id": name}
    odd = [
        {"entity-type": "form", "id": "L1-F2"},
        {"entity-type": "sense", "id": "L1-S1"},
        {"entity-type": "entity-schema", "id": "E10"},
        {"entity-type": "sign", "id": "S7"},
        {"entity-type": "item", "numeric-id": 2**31, "id": f"Q{2**31}"},
        {"entity-type": "item", "numeric-id": 0, "id": "Q0"},
    ]
    usual = [
        whole,
        {k: v for k, v in whole.items() if k != "id"},
        {"entity-type": kind, "id": name},
        {"id": name},
    ]
    return {"type": "wikibase-entityid", "value": draw(st.sampled_from([*usual, whole, *odd]))}


@st.composite
def times(draw: st.DrawFn) -> Record:
    day = draw(st.sampled_from(["00-00", "03-11", "13-32"]))
    calendar = draw(st.sampled_from(["Q1985727", "Q1985786", "Q5"]))
    value = {
        "time": f"{draw(st.sampled_from('+-'))}{draw(years)}-{day}T00:00:00Z",
        "timezone": 0,
        "before": 0,
        "precision": draw(st.integers(0, 14)),
        "calendarmodel": URL + calendar,
    }
    return {"type": "time", "value": draw(dropping(value, "timezone", "before"))}


@st.composite
def amounts(draw: st.DrawFn) -> Record:
    number = draw(st.sampled_from(["+1", "-12.50", "+0", "+1e400", "+98765432109876543210.5", "10"]))
    value = {"amount": number, "unit": draw(units), "upperBound": "+2", "lowerBound": "x"}
    return {"type": "quantity", "value": draw(dropping(value, "unit", "upperBound", "lowerBound"))}


@st.composite
def places(draw: st.DrawFn) -> Record:
    globe = draw(st.sampled_from([f"{URL}Q2", f"{URL}Q111", None]))
    value = {"latitude": draw(floats), "longitude": draw(floats), "altitude": None, "globe": globe}
    return {"type": "globecoordinate", "value": draw(dropping(value, "globe", "altitude"))}


strings = st.builds(lambda text: {"type": "string", "value": text}, texts)
phrases = st.builds(
    lambda text, lang: {"type": "monolingualtext", "value": {"text": text, "language": lang}},
    texts,
    st.sampled_from(LANGS),
)
unknown = st.builds(
    lambda value: {"type": "hologram", "value": value},
    st.recursive(
        st.none() | st.booleans() | integers | texts,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
        max_leaves=4,
    ),
)
DATATYPES: list[tuple[str, st.SearchStrategy[Record]]] = [
    ("wikibase-item", references()),
    ("string", strings),
    ("external-id", strings),
    ("commonsMedia", strings),
    ("time", times()),
    ("quantity", amounts()),
    ("globe-coordinate", places()),
    ("monolingualtext", phrases),
    ("not-yet-invented", strings | unknown),
]
BAD: list[Any] = [
    None,
    "x",
    {},
    {"snaktype": "value"},
    {"snaktype": "rumour"},
    {"snaktype": "value", "datavalue": "x"},
    {"snaktype": "value", "datavalue": {"type": "quantity", "value": {"amount": "many"}}},
    {"snaktype": "value", "datavalue": {"type": "time", "value": {"time": "+1-01", "precision": 9}}},
    {"snaktype": "value", "datavalue": {"type": "wikibase-entityid", "value": {"entity-type": "item"}}},
    {"snaktype": "value", "datavalue": {"type": "string", "value": 5}},
]


@st.composite
def snaks(draw: st.DrawFn, prop: str) -> Record:
    if draw(st.integers(0, 9)) == 0:
        return {"snaktype": draw(st.sampled_from(["somevalue", "novalue"])), "property": prop}
    datatype, values = draw(st.sampled_from([*DATATYPES, *DATATYPES[:1] * 4]))
    value = draw(values)
    snak = {"snaktype": "value", "property": prop, "hash": "x", "datatype": datatype, "datavalue": value}
    return (
        snak
        if value["type"] in {"wikibase-entityid", "hologram"}
        else draw(dropping(snak, "hash", "datatype"))
    )


def maps_of_snaks(odd: bool) -> st.SearchStrategy[Any]:
    one = st.sampled_from(PROPERTIES).flatmap(
        lambda prop: st.tuples(st.just(prop), st.lists(snaks(prop), max_size=2))
    )
    usual = st.lists(one, max_size=2).map(dict)
    return usual | st.sampled_from([[], None, {"P17": [BAD[2]]}, {"X1": []}]) if odd else usual


@st.composite
def statements(draw: st.DrawFn, prop: str, odd: bool) -> Any:
    if odd and draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from([*BAD, *({"mainsnak": snak, "rank": "normal"} for snak in BAD)]))
    ranks = ["normal", "normal", "preferred", "deprecated", *(["best"] if odd else [])]
    whole = {
        "mainsnak": draw(snaks(prop)),
        "type": "statement",
        "rank": draw(st.sampled_from(ranks)),
        "qualifiers": draw(maps_of_snaks(odd)),
        "references": [{"snaks": {"P248": [BAD[1]]}}],
    }
    return draw(dropping(whole, "rank", "qualifiers", "references", "type"))


def claims(odd: bool) -> st.SearchStrategy[Any]:
    names = st.sampled_from([*PROPERTIES, *(["Q5", "P0", "p31"] if odd else [])])
    one = names.flatmap(lambda prop: st.tuples(st.just(prop), st.lists(statements(prop, odd), max_size=3)))
    usual = st.lists(one, max_size=4).map(dict)
    return usual | st.sampled_from([[], None, {}]) if odd else usual


def terms() -> st.SearchStrategy[Any]:
    usual = st.dictionaries(
        st.sampled_from(LANGS), texts.map(lambda text: {"language": "??", "value": text}), max_size=3
    )
    return usual | st.just([])


def lists_of_terms() -> st.SearchStrategy[Any]:
    some = st.lists(texts.map(lambda text: {"language": "en", "value": text}), max_size=2)
    return st.dictionaries(st.sampled_from(LANGS), some, max_size=3) | st.just([])


def sitelinks() -> st.SearchStrategy[Any]:
    link = texts.map(lambda text: {"title": text, "badges": []})
    return st.dictionaries(st.sampled_from(["enwiki", "zhwiki", "commonswiki"]), link) | st.just([])


@st.composite
def things(draw: st.DrawFn, name: str, odd: bool) -> Record:
    """Make an item or a property."""
    record = {
        "type": "item" if name[0] == "Q" else "property",
        "id": name,
        "labels": draw(terms()),
        "descriptions": draw(terms()),
        "aliases": draw(lists_of_terms()),
        "claims": draw(claims(odd)),
        "sitelinks": draw(sitelinks()),
        "lastrevid": 1,
    }
    if not odd:
        return record
    return draw(dropping(record, "type", *(name for name in record if name not in {"type", "id"})))


@st.composite
def lexemes(draw: st.DrawFn, name: str, odd: bool) -> Record:
    def numbered(letter: str, field: str) -> Any:
        count = draw(st.integers(0, 2))
        found = [
            {"id": f"{name}-{letter}{i}", field: draw(terms()), "claims": draw(claims(odd))}
            for i in range(1, count + 1)
        ]
        if odd and draw(st.booleans()):  # entries that were deleted leave a map by number
            return {str(i): part for i, part in enumerate(found, 3)}
        return found

    record = {
        "type": "lexeme",
        "id": name,
        "lemmas": draw(terms()),
        "lexicalCategory": draw(st.sampled_from(["Q1084", "Q24905"])),
        "language": "Q1860",
        "claims": draw(claims(odd)),
        "forms": numbered("F", "representations"),
        "senses": numbered("S", "glosses"),
    }
    if not odd:
        return record
    return draw(dropping(record, "type", "lemmas", "lexicalCategory", "claims", "forms", "senses"))


@st.composite
def entities(draw: st.DrawFn, odd: bool = True) -> Record:
    """Make a record of any kind; the few that a reader must refuse or skip are among them."""
    name = draw(st.sampled_from([*ITEMS, *ITEMS, *PROPERTIES, *LEXEMES]))
    if odd and draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from(REFUSED))
    record = draw(lexemes(name, odd) if name[0] == "L" else things(name, odd))
    if odd and name[0] == "Q" and draw(st.integers(0, 9)) == 0:
        return {"entities": {draw(st.sampled_from(["Q42", "Q900", "Q901", "Q77"])): record}}
    return record


REFUSED: list[Record] = [
    {"type": "mediainfo", "id": "M7", "labels": {"en": {"value": "x"}}},
    {"id": "M7"},
    {"type": "entity-schema", "id": "E10"},
    {"type": "item"},
    {"type": "item", "id": "P5"},
    {"type": "item", "id": "Q0"},
    {"type": "item", "id": None},
    {"type": "item", "id": f"Q{2**31}"},
    {"type": ["item"], "id": "Q1"},
    {"entities": {"Q9": {"id": "Q9", "missing": ""}}},
]


@st.composite
def dumps(draw: st.DrawFn, odd: bool = True) -> list[Record]:
    """Make a dump; ids repeat now and then."""
    return draw(st.lists(entities(odd), min_size=1, max_size=9))


def written(records: list[Record], layout: str) -> bytes:
    """Lay a dump out as the big dumps are ("array"), an object a line ("lines"), or over many lines."""
    texts = [json.dumps(record, ensure_ascii=False) for record in records]
    if layout == "array":
        return ("[\n" + ",\n".join(texts) + "\n]\n").encode()
    if layout == "open":  # a comma after the last, and never closed
        return ("[\n" + "".join(f"{text},\n" for text in texts)).encode()
    if layout == "pretty":
        return json.dumps(records, indent=1).encode()
    return "\n".join(texts).encode()
