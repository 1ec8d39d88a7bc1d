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
from functools import lru_cache

from kbtools.sources.hownet.definition import MalformedError, Node, parse
from kbtools.sources.hownet.encoding import Line
from kbtools.sources.hownet.rows import Found

WORDS = [("zh", "W_C", "G_C", "E_C", "S_C"), ("en", "W_E", "G_E", "E_E", "S_E")]
KEYS = {"NO.", "DEF", "RMK", *(key for _, *keys in WORDS for key in keys)}
KEY = re.compile(r"\s*([A-Z][A-Z_.0-9]{0,9})\s*=(.*)", re.DOTALL)
POS = {"n": "n", "noun": "n", "v": "v", "verb": "v", "adj": "a", "adv": "r"}  # as in WordNet; others stay

Reject = Callable[[str, Line], None]


def read(lines: Iterable[Line], found: Found, reject: Reject) -> None:
    """Read all records; `NO.=` begins one."""
    records = Records(found, reject)
    record: dict[str, str] = {}
    first = definition = Line(0, 0, "")  # where it begins, and where its DEF is
    for line in lines:
        key, equals, value = line.text.partition("=")
        if not equals or key not in KEYS:  # blanks around it, a key that is not known, or none
            match = KEY.fullmatch(line.text)
            key, value = match.groups() if match else ("", "")
        if key == "NO." and record:
            records.take(record, first, definition)
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
        records.take(record, first, definition)


class Records:
    """What becomes of records."""

    def __init__(self, found: Found, reject: Reject) -> None:
        self.found, self.reject = found, reject
        self._parsed: dict[str, list[Node]] = {}  # many words share a definition

    def take(self, record: dict[str, str], first: Line, definition: Line) -> None:
        """Note a record that begins at a line, and has its DEF in another."""
        found = self.found
        found.out.counts["read"] += 1
        names = {lang: word for lang, key, *_ in WORDS if (word := record.get(key))}
        if not names:
            self.reject("a record without a word", first)
            return
        number = record.get("NO.")
        concept = f"NO.{number}" if number else next(iter(names.values())) + record.get("DEF", "")
        if not found.entity(concept, "concept", first.number, names):
            self.reject("number of an earlier record" if number else "an earlier record again", first)
            return
        for lang, word, grammar, example, sentiment in WORDS:
            self._word(concept, lang, record.get(word), record.get(grammar))
            if text := record.get(example):
                found.example(concept, text, lang)
            if text := record.get(sentiment):
                found.triple(concept, "sentiment", found.sememe(text, first.number))
        if text := record.get("DEF"):
            try:
                nodes = self._parsed.get(text) or self._parsed.setdefault(text, parse(text))
            except MalformedError as error:
                self.reject(str(error), definition)
            else:
                found.definition(concept, text, nodes, first.number)
        if text := record.get("RMK"):
            found.literal(concept, "RMK", text)

    def _word(self, concept: str, lang: str, word: str | None, grammar: str | None) -> None:
        pos, _, rest = grammar.partition("[") if grammar else ("", "", "")
        if word:
            self.found.surface(concept, word, lang, "lemma", _pos(pos))
        spoken, closed, _ = rest.partition("]")
        if closed and (spoken := spoken.strip()):
            self.found.literal(concept, "pronunciation", spoken)


@lru_cache
def _pos(written: str) -> str | None:
    pos = " ".join(written.split()).lower()
    return POS.get(pos, pos) or None
