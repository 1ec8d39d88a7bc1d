"""Read HowNet's files: one task, since sememes named in one file are described in another.

Memory: the largest file, and the ids of all sememes and concepts: some hundred MB for the full dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kbtools.artefact import Outcome
from kbtools.kb.named import NamedPart
from kbtools.sources.hownet import dictionary
from kbtools.sources.hownet.definition import MalformedError, parse
from kbtools.sources.hownet.encoding import Line, lines_of
from kbtools.sources.hownet.rows import Found

Reject = Callable[[str, Line], None]

LEAD = " \t\u3000|+`-" + "".join(map(chr, range(0x2500, 0x2580)))  # what draws the tree before a name
BARE = re.compile(r"[^\s{}\[\]]+")
NAME = re.compile(r"\{([^{}]+)\}")


def read(folder: Path, *, files: list[str], part: str, kinds: list[str], label: str) -> Outcome:
    """Stage what the files say, each read as its kind."""
    with NamedPart(folder, part) as out:
        found = Found(out, label)
        for kind, path in zip(kinds, files, strict=True):
            name = Path(path).name

            def reject(reason: str, line: Line, name: str = name) -> None:
                out.reject(reason, line=line.number, byte=line.byte, text=line.raw, file=name)

            READERS[kind](_sound(lines_of(out.whole(path), path), out, reject), found, reject)
        found.flush()
    return out.outcome()


def _sound(lines: Iterable[Line], out: NamedPart, reject: Reject) -> Iterator[Line]:
    """Pass on the lines that can be read."""
    for line in lines:
        if line.reason:
            out.counts["read"] += 1
            reject(line.reason, line)
        else:
            yield line


def _tree(lines: Iterable[Line], found: Found, reject: Reject) -> None:
    """Read a taxonomy: who stands further to the right below a name belongs to it."""
    above: list[tuple[int, str]] = []
    for line in lines:
        found.out.counts["read"] += 1
        column = len(line.text) - len(line.text.lstrip(LEAD))
        match = NAME.match(line.text, column) or BARE.match(line.text, column)
        name = (match[1] if match and match.re is NAME else match[0] if match else "").strip()
        if not match or not name.strip("|"):
            reject("no sememe in a line of a taxonomy", line)
            continue
        while above and above[-1][0] >= column:
            above.pop()
        sememe = found.sememe(name, line.number)
        parent = above[-1][1] if above else None
        above.append((column, sememe))
        if parent is not None:
            found.once(sememe, "hypernym", parent)
        rest = line.text[match.end() :].strip()
        if rest.startswith("{"):
            try:
                nodes = parse(rest)
            except MalformedError as error:
                reject(str(error), line)
                continue
            found.definition(sememe, rest, nodes, line.number, parent)
        elif rest:
            found.literal(sememe, "RMK", rest)


def _relations(lines: Iterable[Line], found: Found, reject: Reject) -> None:
    """Read OpenHowNet's triples of sememes."""
    for line in lines:
        found.out.counts["read"] += 1
        fields = line.text.split("\t") if "\t" in line.text else line.text.split()
        fields = [field.strip() for field in fields]
        if len(fields) != 3 or not all(field.strip("|") for field in fields):
            reject(_fault(fields), line)
            continue
        head, relation, tail = fields
        found.once(found.sememe(head, line.number), relation, found.sememe(tail, line.number))


def _list(lines: Iterable[Line], found: Found, reject: Reject) -> None:
    """Read a list of sememes; a Chinese name that belongs to a sememe that is known adds nothing."""
    for line in lines:
        for name in line.text.split():
            found.out.counts["read"] += 1
            if name in found.known or ("|" not in name and name in found.chinese):
                found.out.counts["skipped: sememe known from another file"] += 1
            elif name.strip("|"):
                found.sememe(name, line.number)
            else:
                reject("a sememe without a name", line)


def _spo(lines: Iterable[Line], found: Found, reject: Reject) -> None:
    """Read subject, predicate and object; a bad line gives nothing, whatever stood before it."""
    for line in lines:
        found.out.counts["read"] += 1
        fields = [field.strip() for field in line.text.split("\t")]
        if len(fields) != 3 or not all(fields):
            reject(_fault(fields), line)
            continue
        head, relation, tail = fields
        for name in (head, tail):
            if found.entity(name, "entity", line.number, {"zh": name}):
                found.surface(name, name, "zh", "name")
        found.once(head, relation, tail)


def _fault(fields: list[str]) -> str:
    """Say what is wrong with a triple."""
    if len(fields) != 3:
        return f"{len(fields)} fields instead of 3"
    parts = zip(("subject", "predicate", "object"), fields, strict=True)
    return f"{next(what for what, field in parts if not field.strip('|'))} is empty"


READERS: dict[str, Callable[[Iterable[Line], Found, Reject], None]] = {
    "tree": _tree,
    "relations": _relations,
    "list": _list,
    "spo": _spo,
    "dictionary": dictionary.read,
}
