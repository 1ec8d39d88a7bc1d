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
from kbtools.sources.hownet.rows import ROWS, Rows

WORDS = (("zh", "C"), ("en", "E"))
KEYS = {"NO.", "DEF", "RMK", *(f"{what}_{lang}" for what in "WGSE" for _, lang in WORDS)}
KEY = re.compile(r"\s*([A-Z][A-Z_.0-9]{0,9})\s*=(.*)", re.DOTALL)
POS = {"n": "n", "noun": "n", "v": "v", "verb": "v", "adj": "a", "adv": "r"}  # as in WordNet; others stay
SPOKEN = re.compile(r"\[([^\]]*)\]")

Record = dict[str, tuple[str, Line]]


def read(lines: Iterable[Line], rows: Rows, reject: Callable[[str, Line], None]) -> None:
    """Read all records; `NO.=` begins one."""
    record: Record = {}
    cache: dict[str, list[Node]] = {}  # many words share a definition

    def finish() -> None:
        if record:
            rows.out.counts["read"] += 1
            _record(record, rows, reject, cache)
            rows.flush(ROWS)

    for line in lines:
        match = KEY.fullmatch(line.text)
        if match is None:
            reject("not a line of the form KEY=value", line)
        elif match[1] not in KEYS:
            rows.out.counts[f"skipped: key {match[1]}"] += 1
        elif match[1] == "NO.":
            finish()
            record = {"NO.": (match[2].strip(), line)}
        elif match[1] in record:
            reject(f"{match[1]} a second time in one record", line)
        else:
            record[match[1]] = (match[2].strip(), line)
    finish()


def _record(
    record: Record, rows: Rows, reject: Callable[[str, Line], None], cache: dict[str, list[Node]]
) -> None:
    first = next(iter(record.values()))[1]

    def value(key: str) -> str:
        return record[key][0] if key in record else ""

    names = {lang: value(f"W_{key}") for lang, key in WORDS if value(f"W_{key}")}
    if not names:
        reject("a record without a word", first)
        return
    number = value("NO.")
    concept = f"NO.{number}" if number else next(iter(names.values())) + value("DEF")
    if not rows.entity(concept, "concept", first.number, names):
        reject("number of an earlier record" if number else "an earlier record again", first)
        return
    for lang, key in WORDS:
        _word(concept, lang, names.get(lang), value(f"G_{key}"), rows)
        if text := value(f"E_{key}"):
            rows.tables["descriptions"].append((concept, lang, "example", text, "HowNet"))
        if text := value(f"S_{key}"):
            rows.triple(concept, "sentiment", rows.sememe(text, first.number))
    if text := value("DEF"):
        try:
            nodes = cache[text] if text in cache else cache.setdefault(text, parse(text))
        except MalformedError as error:
            reject(str(error), record["DEF"][1])
        else:
            rows.definition(concept, text, nodes, first.number)
    if text := value("RMK"):
        rows.literal(concept, "RMK", text)


def _word(concept: str, lang: str, word: str | None, grammar: str, rows: Rows) -> None:
    pos = " ".join(grammar.partition("[")[0].split())
    spoken = SPOKEN.search(grammar)
    if word:
        rows.surface(concept, word, lang, "lemma", POS.get(pos.lower(), pos.lower()) or None)
    if spoken and spoken[1].strip():
        rows.literal(concept, "pronunciation", spoken[1].strip())
