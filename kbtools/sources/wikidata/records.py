"""The shape of a Wikidata dump's records, as far as it is read; fields not named here are skipped unparsed.

Format: https://doc.wikimedia.org/Wikibase/master/php/docs_topics_json.html
A record that does not fit (and dumps hold some) is a `msgspec.ValidationError`; `lenient.py` takes it up.

`gc=False`: a block's objects are plain trees that die together, so the collector need not track them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

# literals, for the decoder need not make a string each time; another value sends the block the slow way
EntityKind = Literal["item", "property", "lexeme", "form", "sense", "mediainfo", "entity-schema"]
Empty = Annotated[list[Any], Meta(max_length=0)]  # PHP writes an empty map as []


class Term(msgspec.Struct, gc=False):
    """A label, alias, description, lemma or gloss; its language is the key it stands under."""

    value: str


class EntityRef(msgspec.Struct, gc=False, rename={"entity_type": "entity-type", "numeric_id": "numeric-id"}):
    """A reference; dumps before 2017 lack `id`, forms, senses and schemas lack `numeric-id`."""

    entity_type: EntityKind | None = None
    numeric_id: int | None = None
    id: str | None = None


class TimePoint(msgspec.Struct, gc=False):
    """Such as +1952-03-11T00:00:00Z: the year has any number of digits, month and day may be 00."""

    time: str
    precision: int
    calendarmodel: str


class Amount(msgspec.Struct, gc=False):
    """A decimal number as text, and the URL of its unit ("1" for none)."""

    amount: str
    unit: str = "1"


class Phrase(msgspec.Struct, gc=False):
    """A text in a language."""

    text: str
    language: str


class Coordinate(msgspec.Struct, gc=False):
    """A place on a globe."""

    latitude: float
    longitude: float
    globe: str | None = None


class EntityValue(msgspec.Struct, gc=False, tag="wikibase-entityid"):
    """A snak's value, told apart by `type`: one struct for each."""

    value: EntityRef


class StringValue(msgspec.Struct, gc=False, tag="string"):  # noqa: D101
    value: str


class TimeValue(msgspec.Struct, gc=False, tag="time"):  # noqa: D101
    value: TimePoint


class QuantityValue(msgspec.Struct, gc=False, tag="quantity"):  # noqa: D101
    value: Amount


class PhraseValue(msgspec.Struct, gc=False, tag="monolingualtext"):  # noqa: D101
    value: Phrase


class CoordinateValue(msgspec.Struct, gc=False, tag="globecoordinate"):  # noqa: D101
    value: Coordinate


class OtherValue(msgspec.Struct, gc=False, tag=" other"):
    """A type this reader does not know; made by `lenient.py`, which keeps the value as JSON text."""

    value: str


Value = EntityValue | StringValue | TimeValue | QuantityValue | PhraseValue | CoordinateValue | OtherValue


class Snak(msgspec.Struct, gc=False):
    """A property's value, or the knowledge that there is none (novalue) or an unknown one (somevalue)."""

    snaktype: Literal["value", "somevalue", "novalue"]
    datavalue: Value | None = None
    datatype: str | None = None  # lacking in dumps before 2014 and in some API answers


class BareStatement(msgspec.Struct, gc=False):
    """A main snak with its rank; references are not read."""

    mainsnak: Snak
    rank: Literal["normal", "preferred", "deprecated"] = "normal"


class Statement(BareStatement, gc=False):
    """A statement with its qualifiers."""

    qualifiers: dict[str, list[Snak]] | Empty | None = None


Claims = dict[str, list[Statement]] | Empty | None


class Sitelink(msgspec.Struct, gc=False):
    """A page about the entity."""

    title: str


class Form(msgspec.Struct, gc=False):
    """A form of a lexeme."""

    id: str
    representations: dict[str, Term] | Empty | None = None
    claims: Claims = None


class Sense(msgspec.Struct, gc=False):
    """A sense of a lexeme."""

    id: str
    glosses: dict[str, Term] | Empty | None = None
    claims: Claims = None


class Entity(msgspec.Struct, gc=False, rename={"category": "lexicalCategory"}):
    """What items, properties and lexemes have in common and what each has alone.

    `labels`, `descriptions` and `aliases` are added by `entity_type`, which knows the languages.
    """

    type: str
    id: str
    claims: Claims = None
    sitelinks: dict[str, Sitelink] | Empty | None = None
    category: str | None = None
    lemmas: dict[str, Term] | Empty | None = None
    forms: list[Form] | dict[str, Form] | None = None
    senses: list[Sense] | dict[str, Sense] | None = None
    labels: Any = None
    descriptions: Any = None
    aliases: Any = None


def entity_type(langs: list[str] | None, *, qualifiers: bool = True) -> type[Entity]:
    """Make the record type that decodes these languages only; None decodes all.

    A struct with a field a language lets the decoder skip the others without making objects of them.
    """
    if langs is None:
        one: Any = dict[str, Term]
        many: Any = dict[str, list[Term]]
    else:
        one, many = (
            msgspec.defstruct(
                name,
                [(f"lang{i}", kind | None, None) for i in range(len(langs))],
                rename={f"lang{i}": lang for i, lang in enumerate(langs)},
                gc=False,
            )
            for name, kind in (("Terms", Term), ("TermLists", list[Term]))
        )
    return msgspec.defstruct(  # type: ignore[return-value]
        "LanguageEntity",
        [
            ("claims", Claims if qualifiers else dict[str, list[BareStatement]] | Empty | None, None),
            ("labels", one | Empty | None, None),
            ("descriptions", one | Empty | None, None),
            ("aliases", many | Empty | None, None),
        ],
        bases=(Entity,),
        gc=False,
    )
