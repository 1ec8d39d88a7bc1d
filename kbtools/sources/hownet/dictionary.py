"""Records of the HowNet dictionary, a key a line.

NO.=017144
W_C=打
G_C=V [da3]
E_C=~酱油
W_E=buy
G_E=V
DEF={buy|买}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kbtools.sources.hownet.definition import MalformedError, Node, parse
from kbtools.sources.hownet.encoding import Line
from kbtools.sources.hownet.rows import Found

WORDS = (("zh", "C"), ("en", "E"))
KEYS = {"NO.", "DEF", "RMK", *(f"{what}_{lang}" for what in "WGSE" for _, lang in WORDS)}
KEY = re.compile(r"\s*([A-Z][A-Z_.0-9]{0,9})\s*=(.*)", re.DOTALL)
POS = {"n": "n", "noun": "n", "v": "v", "verb": "v", "adj": "a", "adv": "r"}  # as in WordNet; others stay
SPOKEN = re.compile(r"\[([^\]]*)\]")

Reject = Callable[[str, Line], None]


def read(lines: Iterable[Line], found: Found, reject: Reject) -> None:
    """Read all records; `NO.=` begins one."""
    record: dict[str, str] = {}
    first = definition = Line(0, 0, "")  # where it begins, and where its DEF is
    cache: dict[str, list[Node]] = {}  # many words share a definition
    for line in lines:
        key, equals, value = line.text.partition("=")
        if not equals or key not in KEYS:  # blanks around it, a key that is not known, or none
            match = KEY.fullmatch(line.text)
            key, value = match.groups() if match else ("", "")
        if key == "NO." and record:
            _record(record, first, definition, found, reject, cache)
            record = {}
        if not key:
            reject("not a line of the form KEY=value", line)
        elif key not in KEYS:
            found.out.counts[f"skipped: key {key}"] += 1
        elif key in record:
            reject(f"{key} a second time in one record", line)
        else:
            first = first if record else line
            definition = line if key == "DEF" else definition
            record[key] = value.strip()
    if record:
        _record(record, first, definition, found, reject, cache)


def _record(
    record: dict[str, str],
    first: Line,
    definition: Line,
    found: Found,
    reject: Reject,
    cache: dict[str, list[Node]],
) -> None:
    found.out.counts["read"] += 1
    names = {lang: word for lang, key in WORDS if (word := record.get(f"W_{key}"))}
    if not names:
        reject("a record without a word", first)
        return
    number = record.get("NO.")
    concept = f"NO.{number}" if number else next(iter(names.values())) + record.get("DEF", "")
    if not found.entity(concept, "concept", first.number, names):
        reject("number of an earlier record" if number else "an earlier record again", first)
        return
    for lang, key in WORDS:
        _word(concept, lang, names.get(lang), record.get(f"G_{key}", ""), found)
        if text := record.get(f"E_{key}"):
            found.example(concept, text, lang)
        if text := record.get(f"S_{key}"):
            found.triple(concept, "sentiment", found.sememe(text, first.number))
    if text := record.get("DEF"):
        try:
            nodes = cache[text] if text in cache else cache.setdefault(text, parse(text))
        except MalformedError as error:
            reject(str(error), definition)
        else:
            found.definition(concept, text, nodes, first.number)
    if text := record.get("RMK"):
        found.literal(concept, "RMK", text)


def _word(concept: str, lang: str, word: str | None, grammar: str, found: Found) -> None:
    pos, bracket, _ = grammar.partition("[")
    if word:
        pos = " ".join(pos.split()).lower()
        found.surface(concept, word, lang, "lemma", POS.get(pos, pos) or None)
    spoken = SPOKEN.search(grammar) if bracket else None
    if spoken and spoken[1].strip():
        found.literal(concept, "pronunciation", spoken[1].strip())
