"""`--select`: which entities of a dump become part of the knowledge base.

    rule  := term | rule "and" rule | rule "or" rule | "not" rule | "(" rule ")"
    term  := P31/P279*:Q5    a P31 whose value is Q5 or reaches it over P279 (any two properties)
           | P17:Q142        a statement with this value
           | has:P569        a statement of this property
           | site:enwiki     a sitelink
           | lang:zh         a label in this language
           | kind:item       item, property or lexeme
           | ids:FILE        an id listed in this file, one a line

Only best statements count (preferred, else normal), as in SPARQL's wdt:. A class term cannot be decided
while the dump is read, for the subclasses may come later: each entity is kept while it may still fit, with
a bit for every term that is known (`chosen`), and the rest is decided when all edges are known (`decide`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from kbtools.artefact import Outcome
from kbtools.errors import ConfigError
from kbtools.kb.keymap import SPACE_BITS
from kbtools.kb.parts import Parts
from kbtools.sources.wikidata.columns import statement_tables
from kbtools.sources.wikidata.keys import KINDS, PROPERTY, id_of, key_of
from kbtools.sources.wikidata.records import Entity
from kbtools.sources.wikidata.terms import LANGUAGE

Array = np.ndarray[Any, Any]
_TOKEN = re.compile(r"\s*(\(|\)|(?:ids:(?:\"[^\"]*\"|[^\s()]+))|[^\s()]+)")
_PROPERTY = re.compile(r"P[1-9]\d{0,8}", re.ASCII)
_VALUE = re.compile(rf"({_PROPERTY.pattern})(?:/({_PROPERTY.pattern})\*)?:(Q\d+)", re.ASCII)


class Term(NamedTuple):
    """One test. `relation` and `over` are keys of properties; `over` is the one that is followed."""

    kind: str
    text: str = ""
    relation: int = 0
    over: int = 0
    target: int = 0


Tree = Term | tuple[Any, ...]  # ("and" | "or", left, right), ("not", tree)


class Rule:
    """A parsed rule; `terms` are its tests in order of appearance."""

    def __init__(self, text: str) -> None:
        self.text, self.terms = text, list[Term]()
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", text):
            raise ConfigError(f"--select {text!r}: quotes do not match")
        try:
            self.tree = self._either()
        except RecursionError:
            raise ConfigError("--select is nested too deeply; list the ids and use ids:FILE") from None
        if self._tokens:
            raise ConfigError(f"--select {text!r}: {self._tokens[0]!r} is left over; add 'and' or 'or'?")
        if len(self.terms) > 64:
            raise ConfigError("--select has more than 64 terms; list the ids in a file and use ids:FILE")
        self.langs = sorted({term.text for term in self.terms if term.kind == "lang"})
        self.files = [term.text for term in self.terms if term.kind == "ids"]
        self.followed = sorted({term.over for term in self.terms if term.kind == "class"})

    def _either(self) -> Tree:
        tree = self._both()
        while self._next("or"):
            tree = ("or", tree, self._both())
        return tree

    def _both(self) -> Tree:
        tree = self._single()
        while self._next("and"):
            tree = ("and", tree, self._single())
        return tree

    def _single(self) -> Tree:
        if self._next("not"):
            return ("not", self._single())
        if self._next("("):
            tree = self._either()
            if not self._next(")"):
                raise ConfigError(f"--select {self.text!r}: a ')' is missing")
            return tree
        if not self._tokens:
            raise ConfigError(f"--select {self.text!r}: a term is missing at the end")
        self.terms.append(term := _term(self._tokens.pop(0)))
        return term

    def _next(self, token: str) -> bool:
        if self._tokens and self._tokens[0].lower() == token:
            self._tokens.pop(0)
            return True
        return False

    def possible(self, known: Mapping[Term, tuple[Array, Array]]) -> Array:
        """Evaluate with three values: `known` says of each term where it can be true, where false."""
        return self._walk(self.tree, known)[0]

    def _walk(self, tree: Tree, known: Mapping[Term, tuple[Array, Array]]) -> tuple[Array, Array]:
        if isinstance(tree, Term):
            return known[tree]
        if tree[0] == "not":
            true, false = self._walk(tree[1], known)
            return false, true
        (t1, f1), (t2, f2) = self._walk(tree[1], known), self._walk(tree[2], known)
        return (t1 & t2, f1 | f2) if tree[0] == "and" else (t1 | t2, f1 & f2)


def _term(token: str) -> Term:
    if (match := _VALUE.fullmatch(token)) and (key := key_of(match[3])) is not None:
        relation, over, _ = match.groups()
        if over:
            return Term("class", token, PROPERTY[relation], PROPERTY[over], key)
        return Term("value", token, PROPERTY[relation], 0, key)
    kind, colon, text = token.partition(":")
    text = text.strip('"')
    if colon and text and (kind in {"site", "ids"} or (kind == "lang" and LANGUAGE.fullmatch(text))):
        return Term(kind, text)
    if kind == "has" and _PROPERTY.fullmatch(text):
        return Term(kind, text, PROPERTY[text])
    if kind == "kind" and text in KINDS:
        return Term(kind, text)
    raise ConfigError(
        f"--select: {token!r} is not a term; terms are P31/P279*:Q5, P17:Q142, has:P569, site:enwiki, "
        f"lang:zh, kind:{'|'.join(KINDS)} and ids:FILE, joined by and, or, not and parentheses"
    )


def ids_of(path: str) -> Array:
    """Read the sorted keys of a file of ids; blank lines and what follows a # are passed over."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--select ids:{path}: cannot be read: {error}") from error
    keys = []
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            if (key := key_of(text)) is None:
                raise ConfigError(f"{path}:{number}: {text!r} is not an id such as Q42")
            keys.append(key)
    return np.unique(np.array(keys, np.int64))


class Chooser:
    """Applies a rule to the entities of one block after the other."""

    def __init__(self, text: str) -> None:
        self.rule = Rule(text)
        self._ids = {path: ids_of(path) for path in self.rule.files}
        wanted = {t.relation for t in self.rule.terms if t.kind in {"value", "class"}}
        self._asked = [id_of(key) for key in sorted(wanted | set(self.rule.followed))]

    def choose(
        self,
        entities: Sequence[Entity],
        keys: Array,
        claims: Sequence[dict[str, Any]],
        labels: Mapping[str, Any],
    ) -> tuple[Array, Array, Array, Array]:
        """Return which entities may be chosen, their bits, and the (relation, head key, target) edges.

        `labels` tells for each language of the rule which entities have a label in it. Edges are those of
        followed relations, of all entities; and [n, 3] members: (row in block, relation, target).
        """
        asked = [{p: c[p] for p in self._asked if p in c} for c in claims]
        tables, _ = statement_tables(asked, row=0, statement=0, literals=False, qualifiers=False)
        if tables:
            triples = tables["triples"].filter(tables["triples"]["best"])
            facts = _stack(triples, "row", "relation", "tail")
        else:
            facts = np.empty((0, 3), np.int64)
        known, bits = {}, np.zeros(len(entities), np.uint64)
        for place, term in enumerate(self.rule.terms):
            if term.kind == "lang":
                true = np.asarray(labels[term.text], bool)
            else:
                true = self._test(term, entities, keys, claims, facts)
            known[term] = (true, ~true if term.kind != "class" else np.ones_like(true))
            bits |= true.astype(np.uint64) << np.uint64(place)
        edges = facts[np.isin(facts[:, 1], self.rule.followed)]
        heads = {term.relation for term in self.rule.terms if term.kind == "class"}
        members = facts[np.isin(facts[:, 1], list(heads))]
        edges = np.stack([edges[:, 1], keys[edges[:, 0]], edges[:, 2]], axis=1)
        return self.rule.possible(known), bits, edges, members

    def _test(
        self,
        term: Term,
        entities: Sequence[Entity],
        keys: Array,
        claims: Sequence[dict[str, Any]],
        facts: Array,
    ) -> Any:
        """Decide a term; a class term is true where it may turn out so."""
        if term.kind == "site":
            return np.array([term.text in (e.sitelinks or ()) for e in entities], bool)
        if term.kind == "has":
            stated = [c.get(term.text, ()) for c in claims]
            return np.array([any(s.rank != "deprecated" for s in group) for group in stated], bool)
        if term.kind == "kind":
            return keys >> SPACE_BITS == KINDS[term.text]
        if term.kind == "ids":
            return np.isin(keys, self._ids[term.text])
        chosen = facts[:, 1] == term.relation
        if term.kind == "value":
            chosen &= facts[:, 2] == term.target
        found = np.zeros(len(entities), bool)
        found[facts[chosen, 0]] = True
        return found


def decide(rule: Rule, bits: Array, edges: Array, members: Array) -> Array:
    """Tell for each row of the whole dump whether it is chosen, now that all edges are known.

    `edges` [n, 3] are (relation, head key, target key), `members` [m, 3] (row, relation, target key).
    """
    known = {}
    for place, term in enumerate(rule.terms):
        true = (bits >> np.uint64(place)) & np.uint64(1) != 0
        if term.kind == "class":
            classes = _below(term.target, edges[edges[:, 0] == term.over, 1:])
            chosen = (members[:, 1] == term.relation) & np.isin(members[:, 2], classes)
            true = np.zeros(len(bits), bool)
            true[members[chosen, 0]] = True
        known[term] = (true, ~true)
    return rule.possible(known)


def _below(root: int, edges: Array) -> Array:
    """Return all keys from which `root` is reached, itself included; cycles do no harm."""
    seen = frontier = np.array([root], np.int64)
    while frontier.size:
        above = np.isin(edges[:, 1], frontier)
        frontier = np.setdiff1d(edges[above, 0], seen)
        seen = np.union1d(seen, frontier)
    return seen


def choose(folder: Path, *, select: str, keep: str) -> Outcome:
    """Decide about all staged entities; a task that writes a mask [rows] bool."""
    parts = Parts(folder)
    bits = [batch["chosen"].to_numpy() for _, batch in parts.batches("entities", ["chosen"])]
    edges = [_stack(batch, "relation", "key", "target") for _, batch in parts.batches("edges")]
    members = []
    for part, batch in parts.batches("members"):
        found = _stack(batch, "row", "relation", "target")
        found[:, 0] += part.row
        members.append(found)
    none = np.empty((0, 3), np.int64)
    mask = decide(
        Rule(select),
        np.concatenate([np.empty(0, np.uint64), *bits]),
        np.concatenate([none, *edges]),
        np.concatenate([none, *members]),
    )
    (folder / keep).parent.mkdir(parents=True, exist_ok=True)
    np.save(folder / keep, mask, allow_pickle=False)
    return Outcome(files=[keep], facts={"not selected": int((~mask).sum())})


def _stack(batch: pa.RecordBatch, *columns: str) -> Array:
    return np.stack([batch[name].to_numpy().astype(np.int64) for name in columns], axis=1)
