"""From the stanzas of ontologies to rows.

What becomes what:

- a Term is a concept, an Instance an entity (its class in `types`), a Typedef a relation and an entity too;
- name: label; synonym: alias, with `atom` its scope and type unless plainly EXACT; def: definition, with its
  sources; xref: scheme and value, parted at the first colon;
- alt_id: a redirect; the id of an obsolete term leads to `replaced_by`, or to `consider` if that is but one;
- is_a, relationship and all other tags that refer to ids: triples; each `{key="value"}` behind one, and the
  relation that `intersection_of` names before its id, is a qualifier;
- every other tag (namespace, comment, subset, ...): a literal under its name.

Of two stanzas with one id the first counts. Anonymous terms are skipped: nothing can speak of them.
"""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

from kbtools.artefact import Outcome
from kbtools.kb.named import NamedPart
from kbtools.sources._rows import Rows
from kbtools.sources.obo.look import look
from kbtools.sources.obo.stanzas import Stanza, Tag, plain, quoted, stanzas

KINDS = {"Term": "concept", "Typedef": "relation", "Instance": "entity"}
LINKS = {  # tags whose value is an id
    "is_a", "disjoint_from", "union_of", "equivalent_to", "disjoint_over", "inverse_of", "transitive_over",
    "domain", "range", "instance_of", "consider", "replaced_by", "equivalent_to_chain",
}  # fmt: skip
TWO = {"relationship", "intersection_of"}  # a relation and an id; the latter also an id alone
DONE = {"id", "name", "is_obsolete"}  # read before the rest
SYNONYMS = {"exact_synonym": "EXACT", "broad_synonym": "BROAD", "narrow_synonym": "NARROW",
            "related_synonym": "RELATED"}  # fmt: skip
SCOPES = {"EXACT", "BROAD", "NARROW", "RELATED"}
LANG = {"lang", "language", "xml:lang"}  # modifiers that name the language of a synonym
UNQUALIFIED = {"def", "synonym", "xref", "alt_id", *SYNONYMS}  # these become rows, not statements
NUMBERS = {"integer", "int", "decimal", "float", "double", "nonNegativeInteger", "positiveInteger"}


def read(folder: Path, *, files: list[str], part: str, obsolete: bool, lang: str) -> Outcome:
    """Stage ontologies; each file is held whole (the largest has some 500 MB)."""
    releases: list[str] = []
    with NamedPart(folder, part) as out:
        ontology = Ontology(out, obsolete=obsolete, lang=lang, several=len(files) > 1)
        for path in files:
            name, header = look(path)
            ontology.read(out.whole(path), Path(path).name, name)
            for tag in header.tags:
                if tag.name == "import":
                    out.notes.setdefault("warnings", []).append(
                        f"{name} imports {plain(tag.value)}, which is read only if it is named too"
                    )
            if release := header.first("data-version") or header.first("date"):
                releases.append(f"{name} {release}")
        ontology.rows.flush()
        if releases:
            out.notes["release"] = "; ".join(releases)
    return out.outcome()


class Ontology:
    """Reads files into one part."""

    def __init__(self, out: NamedPart, *, obsolete: bool, lang: str, several: bool) -> None:
        self.out, self.rows = out, Rows(out)
        self.obsolete, self.lang, self.several = obsolete, lang, several
        self._seen: set[str] = set()
        self._file: str | None = None
        self._name = ""  # of the ontology
        self._tags = {
            "def": self._definition, "synonym": self._synonym, "xref": self._xref,
            "alt_id": self._alternative, "property_value": self._property,
            **dict.fromkeys(SYNONYMS, self._synonym), **dict.fromkeys(LINKS, self._link),
            **dict.fromkeys(TWO, self._relationship),
            "xref_analog": self._xref, "xref_unknown": self._xref,
        }  # fmt: skip

    def read(self, data: bytes, file: str, name: str) -> None:
        """Read a file; `file` is what rejects call it if there are several, `name` the ontology's."""
        self._file, self._name = file if self.several else None, name

        def reject(reason: str, line: int, byte: int, text: bytes) -> None:
            self.out.reject(reason, line=line, byte=byte, text=text, file=self._file)

        for stanza in stanzas(data, reject):
            if stanza.kind in KINDS:
                self.out.counts["read"] += 1
                self._stanza(stanza)
            elif stanza.kind:
                self.out.counts[f"skipped: stanzas [{stanza.kind}]"] += 1

    def _stanza(self, stanza: Stanza) -> None:
        own = stanza.first("id").strip()
        if stanza.true("is_anonymous"):
            self.out.counts["skipped: anonymous"] += 1
        elif not own:
            self._reject(f"a [{stanza.kind}] without an id", stanza)
        elif own in self._seen:
            self._reject(f"a second stanza with the id {own!r}", stanza)
        else:
            self._seen.add(own)
            if stanza.true("is_obsolete") and not self.obsolete:
                self.out.counts["skipped: obsolete"] += 1
                self._retire(own, stanza)
            else:
                self._entity(own, stanza)

    def _reject(self, reason: str, at: Stanza | Tag) -> None:
        text = f"{at.name}: {at.value}" if isinstance(at, Tag) else f"[{at.kind}]"
        self.out.reject(reason, line=at.line, byte=at.byte, text=text, file=self._file)

    def _retire(self, own: str, stanza: Stanza) -> None:
        """Lead an obsolete id to what replaced it, if there is no choice."""
        for name in ("replaced_by", "consider"):
            targets = [plain(tag.value).strip() for tag in stanza.tags if tag.name == name]
            if targets and (name == "replaced_by" or len(targets) == 1):
                self.rows.add("redirects", from_id=own, to=targets[0], kind="retired")
                return

    def _entity(self, own: str, stanza: Stanza) -> None:
        name = stanza.first("name") or None
        text = next((quoted(tag.value) for tag in stanza.tags if tag.name == "def"), None)
        about = text[0] if text else None
        self.rows.add(
            "entities",
            entity=own, kind=KINDS[stanza.kind], label=name, description=about, lang=self.lang,
            line=stanza.line,
        )  # fmt: skip
        if stanza.kind == "Typedef":
            inverse = stanza.first("inverse_of").split()[:1]
            self.rows.add(
                "relations",
                relation=own,
                label=name,
                description=about,
                inverse=inverse[0] if inverse else None,
            )
        if name:
            self.rows.add("labels", entity=own, lang=self.lang, text=name)
            self.rows.add("surfaces", entity=own, text=name, lang=self.lang, source="label", atom=None)
        if stanza.true("is_obsolete"):
            self._literal(own, "is_obsolete", "true")
        for tag in stanza.tags:
            if tag.name in DONE:
                continue
            if not tag.value:
                self._reject(f"{tag.name} without a value", tag)
            else:
                if tag.name in UNQUALIFIED and (lost := {key for key, _ in tag.modifiers} - LANG):
                    self.out.counts["skipped: qualifiers of names, definitions and xrefs"] += len(lost)
                self._tags.get(tag.name, self._other)(own, tag)

    # tags

    def _definition(self, own: str, tag: Tag) -> None:
        found = quoted(tag.value)
        if not found or not found[0].strip():
            return self._reject("a definition is a text in quotes", tag)
        source = plain(found[1].strip().removeprefix("[").removesuffix("]")).strip() or self._name
        return self.rows.add(
            "descriptions", entity=own, lang=self.lang, kind="definition", text=found[0], source=source
        )

    def _synonym(self, own: str, tag: Tag) -> None:
        found = quoted(tag.value)
        if not found or not found[0].strip():
            return self._reject("a synonym is a text in quotes", tag)
        words = found[1].partition("[")[0].split()
        scope = SYNONYMS.get(tag.name) or (words.pop(0) if words and words[0] in SCOPES else "RELATED")
        atom = " ".join([scope, *words])
        lang = next((value for key, value in tag.modifiers if key in LANG), self.lang)
        return self.rows.add(
            "surfaces",
            entity=own, text=found[0], lang=lang, source="alias", atom=None if atom == "EXACT" else atom,
        )  # fmt: skip

    def _xref(self, own: str, tag: Tag) -> None:
        value = plain(tag.value.partition(' "')[0]).strip()
        scheme, colon, rest = value.partition(":")
        if "://" in value:
            scheme, rest = "url", value
        elif not colon or not scheme or not rest.strip():
            scheme, rest = "other", value
        self.rows.add("xref", entity=own, scheme=scheme, value=rest.strip())

    def _alternative(self, own: str, tag: Tag) -> None:
        self.rows.add("redirects", from_id=plain(tag.value).strip(), to=own, kind="merge")

    def _link(self, own: str, tag: Tag) -> None:
        self._triple(own, tag.name, plain(tag.value.split()[0]), tag)

    def _relationship(self, own: str, tag: Tag) -> None:
        words = [plain(word) for word in tag.value.split()]
        if len(words) == 1 and tag.name == "intersection_of":
            self._triple(own, tag.name, words[0], tag)
        elif len(words) < 2:
            self._reject("a relationship is a relation and an id", tag)
        elif tag.name == "relationship":
            self._triple(own, words[0], words[1], tag)
        else:
            self._triple(own, tag.name, words[1], tag, [("relation", words[0])])

    def _property(self, own: str, tag: Tag) -> None:
        relation, _, value = tag.value.partition(" ")
        relation, value = plain(relation), value.strip()
        found = quoted(value)
        if not value:
            self._reject("a property is a relation and a value", tag)
        elif found:
            self._literal(own, relation, found[0], (found[1].split() or [""])[0], tag)
        else:
            self._triple(own, relation, plain(value.split()[0]), tag)

    def _other(self, own: str, tag: Tag) -> None:
        found = quoted(tag.value)
        self._literal(own, tag.name, found[0] if found else plain(tag.value), "", tag)

    # rows

    def _triple(
        self, own: str, relation: str, tail: str, tag: Tag, more: list[tuple[str, str]] | None = None
    ) -> None:
        number = self.rows.statement()
        self.rows.add("triples", entity=own, relation=relation, tail=tail, statement=number)
        if relation == "instance_of":
            self.rows.add("types", entity=own, type=tail)
        self._qualify(own, number, [*(more or []), *tag.modifiers])

    def _literal(
        self, own: str, relation: str, value: str, datatype: str = "", tag: Tag | None = None
    ) -> None:
        kind = datatype.rpartition(":")[2] or "string"
        number = None
        if kind in NUMBERS:
            with suppress(ValueError):  # the text stays what it is
                number = float(value) if math.isfinite(float(value)) else None
        statement = self.rows.statement()
        self.rows.add(
            "literals",
            entity=own, relation=relation, datatype=kind, value=value, number=number, statement=statement,
        )  # fmt: skip
        self._qualify(own, statement, tag.modifiers if tag else ())

    def _qualify(
        self, own: str, statement: int, pairs: list[tuple[str, str]] | tuple[tuple[str, str], ...]
    ) -> None:
        for place, (relation, value) in enumerate(pairs):
            self.rows.add(
                "qualifiers",
                entity=own, statement=statement, relation=relation, datatype="string", value=value, ord=place,
            )  # fmt: skip
