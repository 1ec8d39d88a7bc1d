"""Addresses of entities, and what is meant by them: whose id it is, and the id.

A title of the English Wikipedia belongs to `wikipedia`, one of another language to its site (`dewiki`);
DBpedia's resources are called after titles. An address that nobody knows is an id of `url`, as in `xref`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from kbtools.errors import ConfigError

WIKIPEDIA, WIKIDATA, URL = "wikipedia", "wikidata", "url"
OWN = "urn:kbtools:"  # then what it is, and names without `:`; addresses of what has none
SAFE = "/()!*',;@$_.~-"  # stay as they are in a title

_RESOURCE = re.compile(r"https?://(?:(www|live|wikidata|[a-z-]{2,12})\.)?dbpedia\.org/(?:resource|page)/(.+)")
_WIKI = re.compile(r"https?://(?:([a-z-]+)\.)?(?:m\.)?wikipedia\.org/wiki/(.+)")
_ITEM = re.compile(r"https?://(?:www\.|m\.)?wikidata\.org/(?:entity|wiki|wiki/Special:EntityPage)/([QPL]\d+)")
_BARE_ITEM = re.compile(r"Q[1-9]\d*")
_NOWHERE = re.compile(r"https?://(?:www\.)?aksw\.org/(?!N3/)|.*[/#](?:NIL|notInWiki)(?:[/#:].*)?$")
NONE = {"", "NIL", "--NME--", "*null*", "null", "notInWiki", "<NIL>", "OOKB", "-NIL-"}


class Entity(NamedTuple):
    """An entity by an id."""

    kb: str
    id: str


def is_nil(told: str) -> bool:
    """Tell whether it says that the entity is in no knowledge base.

    >>> is_nil("--NME--"), is_nil("http://aksw.org/notInWiki/John_Dosher"), is_nil("Nil")
    (True, True, False)
    """
    return told in NONE or told == OWN + "nil" or _NOWHERE.match(told) is not None


def entity_of(uri: str) -> Entity | None:
    """Say which entity an address is of; None: of none in any knowledge base.

    >>> entity_of("http://dbpedia.org/resource/Caf%C3%A9_au_lait#this")
    Entity(kb='wikipedia', id='Café au lait#this')
    >>> entity_of("http://www.wikidata.org/entity/Q42"), entity_of("http://de.dbpedia.org/resource/Lohn")
    (Entity(kb='wikidata', id='Q42'), Entity(kb='dewiki', id='Lohn'))
    """
    uri = uri.strip()
    if is_nil(uri):
        return None
    if found := _ITEM.fullmatch(uri) or _BARE_ITEM.fullmatch(uri):
        return Entity(WIKIDATA, found[found.re.groups])
    if found := _RESOURCE.fullmatch(uri) or _WIKI.fullmatch(uri):
        of = found[1]
        if of == "wikidata":
            return entity_of(title_of(found[2]))
        return Entity(WIKIPEDIA if of in {None, "www", "live", "en"} else f"{of.replace('-', '_')}wiki",
                      title_of(found[2]))  # fmt: skip
    if uri.startswith(OWN + "id:"):
        kb, _, name = uri.removeprefix(OWN + "id:").partition(":")
        return Entity(unquote(kb), unquote(name))
    return Entity(URL, uri)


def uri_of(kb: str | None, name: str) -> str:
    """Return an address from which `entity_of` gets the same back.

    >>> uri_of("wikipedia", "Café au lait"), uri_of("umls", "C0004057")
    ('http://dbpedia.org/resource/Caf%C3%A9_au_lait', 'urn:kbtools:id:umls:C0004057')
    """
    uri = f"{OWN}id:{quote(kb or '', safe='')}:{quote(name, safe='')}"
    usual = {
        WIKIPEDIA: f"http://dbpedia.org/resource/{quoted(name)}",
        WIKIDATA: f"http://www.wikidata.org/entity/{name}",
        URL: name if ":" in name and not re.search(r'[\x00-\x20<>"{}|\\^`]', name) else uri,
    }.get(kb or "", uri)
    return usual if entity_of(usual) == (kb, name) else uri


def title_of(name: str) -> str:
    r"""Undo what addresses and YAGO do to titles: percent signs, underscores, `\u00e9`.

    >>> title_of(r"Marcelo_R\u00edos"), title_of("AT%26T_Inc.")
    ('Marcelo Ríos', 'AT&T Inc.')
    """
    if "\\u" in name:
        name = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: _character(found[1]), name)
    if "%" in name:
        name = unquote(name, errors="replace")
    return " ".join(name.replace("_", " ").split())


def quoted(title: str) -> str:
    """Write a title as addresses do."""
    return quote(title.replace(" ", "_"), safe=SAFE)


def id_of(link: Mapping[str, Any]) -> Entity | None:
    """Return the entity of a row of `links` that is to be written; None if it is in no knowledge base."""
    if link["id"] is None and link["eid"] is not None:
        raise ConfigError(
            "these links tell numbers of entities, which mean nothing elsewhere; write links that tell ids"
        )
    return None if link["id"] is None else Entity(link["kb"] or "", link["id"])


def _character(digits: str) -> str:
    """Return a character; half of a pair is none."""
    code = int(digits, 16)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
