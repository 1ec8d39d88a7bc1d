"""Definitions in HowNet's markup language, and in the older one.

    {human|人:HostOf={Occupation|职位},domain={medical|医},{doctor|医治:agent={~}}}

A sememe in braces; after the colon what is said of it: roles with what fills them, and sememes without a
role. What stands beside a filler without a comma has its role too. Of several definitions, parted by a
semicolon, each has a first sememe. Before 2003 it was a list, with a sign for the role:

    human|人,*cure|医治,medical|医
"""

from __future__ import annotations

import re
from typing import NamedTuple

DEEPEST = 60  # real definitions are some 8 braces deep
MAIN, PLAIN = "main_sememe", "sememe"
PLACES = frozenset("~*?$")  # to be filled: by the word itself, and by what the sentence has
SIGNS = {
    "%": "PartOf", "$": "PatientOf", "*": "AgentOf", "+": "Implied", "&": "AttributeOf",
    "@": "LocationOf", "?": "MaterialOf", "!": "Essential", "#": "RelateTo", "^": "Not",
}  # fmt: skip

_TOKEN = re.compile(r'\s*(?:([{}=:,;])|"([^"]*)"|([^{}=:,;"]+)|("))')


class Node(NamedTuple):
    """A sememe, a place to be filled or a plain text of a definition."""

    role: str
    text: str
    kind: str  # sememe, place or text
    above: int  # the number of the node in whose braces it stands; -1 for none


class MalformedError(ValueError):
    """The definition cannot be read; says why."""


def parse(text: str) -> list[Node]:
    """Return the nodes of a definition, each after the one above it."""
    text = text.strip()
    if not text:
        return []
    return _braced(text) if "{" in text or "}" in text else _listed(text)


def _node(role: str, text: str, above: int, *, named: bool = True) -> Node:
    """Make a node; only a filler without braces can be something else than a sememe or a place."""
    text = text.strip()
    if not text.strip("| "):
        raise MalformedError("DEF: a sememe without a name")
    if text in PLACES:
        return Node(role, text, "place", above)
    return Node(role, text, "sememe" if named or "|" in text else "text", above)


def _braced(text: str) -> list[Node]:
    """Walk over the tokens; a stack says in whose braces we are, so that no depth can exhaust anything.

    `open_` holds, for each open brace, its role and the number of its node, -1 until that is known.
    """
    nodes: list[Node] = []
    open_: list[tuple[str, int]] = []
    role = ""  # that of the next filler: after `role=`, and beside another filler
    word = ""
    for match in _TOKEN.finditer(text):
        mark, quoted, plain, stray = match.groups()
        if stray is not None:
            raise MalformedError("DEF: a quotation mark has no partner")
        if quoted is not None or plain is not None:
            name = (quoted if quoted is not None else plain).strip()
            if word and name:
                raise MalformedError("DEF: two names side by side")
            word = word or ("" if name == "/" else name)  # {a|b}/{c|d}: either of them
        elif mark == "{":
            if word or (open_ and open_[-1][1] < 0):
                raise MalformedError("DEF: a brace where a sememe should be")
            if len(open_) == DEEPEST:
                raise MalformedError(f"DEF: braces more than {DEEPEST} deep")
            open_.append((role, -1))
        else:
            role = _step(mark, word, role, open_, nodes)
            word = ""
    if open_:
        raise MalformedError("DEF: a brace is never closed")
    if word:
        raise MalformedError("DEF: text after the last brace")
    return nodes


def _step(mark: str, word: str, role: str, open_: list[tuple[str, int]], nodes: list[Node]) -> str:
    """Act on a mark with the word before it; return the role of the next filler."""
    if not open_:
        if mark in ";," and not word:
            return ""
        raise MalformedError(f"DEF: {mark!r} outside of all braces")
    own, number = open_[-1]
    if number < 0:  # the word is the name of the node that the brace opened
        if mark not in ":}" or not word:
            raise MalformedError("DEF: a brace without a sememe")
        above = open_[-2][1] if len(open_) > 1 else -1
        number = len(nodes)
        nodes.append(_node(own or (MAIN if above < 0 else PLAIN), word, above))
        open_[-1] = (own, number)
    elif mark == "=":
        if not word:
            raise MalformedError("DEF: '=' without a role")
        return word
    elif mark == ":":
        raise MalformedError("DEF: a second colon for one sememe")
    elif word:  # a filler without braces
        nodes.append(_node(role or PLAIN, word, number, named=False))
    if mark == "}":
        open_.pop()
        return own
    return ""


def _listed(text: str) -> list[Node]:
    """Read the older kind: the first is the main one, the others belong to it."""
    nodes: list[Node] = []
    for item in (item.strip() for item in text.replace(";", ",").split(",")):
        name = item.strip('()" ')
        role, equals, filler = name.partition("=")
        if equals and role.strip() and filler.strip():
            node = _node(role.strip(), filler, 0)
        elif name[:1] in SIGNS and len(name) > 1:
            node = _node(SIGNS[name[0]], name[1:].lstrip("".join(SIGNS)), 0)
        else:
            node = _node(PLAIN, name, 0)
        nodes.append(node if nodes else node._replace(role=MAIN, above=-1))
    return nodes
