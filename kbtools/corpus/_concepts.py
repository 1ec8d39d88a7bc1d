"""Ids as biomedical corpora write them: `MESH:D003920`, `D001943|D010051`, `OMIM:1+OMIM:2`, `-1`.

`|` and `+` join the parts of a composite mention ("breast and ovarian cancer"), which are all right; so the
first is the id, `others` has the rest, and `extra.composite` says how they were joined. `;` and `,` join ids
of which each is right by itself. An id of another vocabulary than the first keeps its prefix: `omim:115470`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kbtools.errors import KbError

NIL = {"", "-", "-1", "none", "null", "nil"}
SPACES = {  # prefix in small letters -> whose ids they are
    **dict.fromkeys(["mesh", "msh"], "mesh"),
    **dict.fromkeys(["omim", "mim"], "omim"),
    **dict.fromkeys(["umls", "cui"], "umls"),
    **dict.fromkeys(["ncbigene", "ncbi_gene", "ncbi gene", "entrezgene", "gene"], "ncbigene"),
    **dict.fromkeys(["taxonomy", "taxid", "ncbi taxonomy", "species"], "ncbitaxon"),
}
WHOLE = {"go", "hp", "chebi", "doid", "mondo", "cl", "uberon", "so", "pr", "ncbitaxon"}  # the prefix is part
BY_TYPE = {"gene": "ncbigene", "species": "ncbitaxon"}
FORMS = (  # of ids without a prefix
    (re.compile(r"[CD]\d{6}(\d{3})?"), "mesh"),
    (re.compile(r"C\d{7}"), "umls"),
    (re.compile(r"rs\d+"), "dbsnp"),
)
PREFIX = re.compile(r"([A-Za-z][\w. -]*?):(?!\s)(.+)", re.DOTALL)
ONE = r"\s*(?:[A-Za-z][\w.-]*:)?[A-Za-z_]*\d[\w.-]*\s*"
SEVERAL = re.compile(rf"{ONE}(?:[|+;,]{ONE})+")
JOINTS = re.compile(r"[|+;,]")


class Concept(NamedTuple):
    """What an id says; without an id: in no knowledge base."""

    id: str | None
    kb: str | None = None
    others: list[str] | None = None
    extra: dict[str, Any] | None = None


def concept(told: str, kind: str | None = None, kb: str | None = None) -> Concept:
    """Read an id of a mention of some type; `kb` is whose it is if it does not say so itself.

    >>> concept("D001943|OMIM:115470")
    Concept(id='D001943', kb='mesh', others=['omim:115470'], extra={'composite': '|'})
    >>> concept("-1")
    Concept(id=None, kb=None, others=None, extra=None)
    """
    if told.strip().lower() in NIL:
        return Concept(None)
    if not SEVERAL.fullmatch(told):
        space, id_ = _one(told.strip(), kind, kb)
        return Concept(id_, space)
    joints = "".join(JOINTS.findall(told))
    (space, id_), *rest = (_one(one.strip(), kind, kb) for one in JOINTS.split(told))
    others = [other if own == space or own in WHOLE else f"{own}:{other}" for own, other in rest]
    composite = {"composite": joints if len({*joints}) > 1 else joints[0]}
    return Concept(id_, space, others, composite if {*joints} & {*"|+"} else None)


def space_of(prefix: str) -> str:
    """Return whose ids a prefix announces.

    >>> space_of("MESH"), space_of("HGNC")
    ('mesh', 'HGNC')
    """
    small = prefix.lower()
    return SPACES.get(small) or (small if small in WHOLE else prefix)


def _one(told: str, kind: str | None, kb: str | None) -> tuple[str | None, str]:
    if found := PREFIX.fullmatch(told):
        space = space_of(found[1])
        return space, told if space in WHOLE and found[1].lower() == space else found[2]
    if kb:
        return kb, told
    if told.isdecimal():
        return BY_TYPE.get((kind or "").lower()), told
    return next((space for form, space in FORMS if form.fullmatch(told)), None), told


def written(link: dict[str, Any], extra: dict[str, Any], where: str) -> str:
    """Write what a link is to, so that it is read as it was; refuse what would be read as something else."""
    told, kb, others = link["id"], link["kb"], link["others"] or []
    if told is None:
        if link["eid"] is not None:
            raise KbError(
                f"{where}: a link has no id but the number {link['eid']}; name the knowledge base's ids"
            )
        return "-1"
    joints = extra.get("composite") or ";"
    joints = joints if len(joints) == len(others) else joints[0] * len(others)
    parts = [_prefixed(told, kb, link["type"])]
    parts += [other if PREFIX.fullmatch(other) else _prefixed(other, kb, link["type"]) for other in others]
    text = parts[0] + "".join(joint + part for joint, part in zip(joints, parts[1:], strict=True))
    read = concept(text, link["type"])
    if (read.id, read.others or []) != (told, others) or "\t" in text or "\n" in text:
        raise KbError(f"{where}: the id {told!r} cannot be told in this format; write jsonl")
    return text


def _prefixed(id_: str, kb: str | None, kind: str | None) -> str:
    if kb is None or concept(id_, kind)[:2] == (id_, kb):
        return id_
    return f"{kb.upper() if kb in ('mesh', 'omim', 'umls') else kb}:{id_}"
