"""What is in a paragraph: groups of words, references, notes and quotations.

presence &c. (existence in space) 186; coexistence &c. 120, tabula rasa[Lat]; "no joke" [Byron]
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from kbtools.sources.roget.outline import POS, SHORT

CODES = {
    "N": "n",
    "V": "v",
    "Adj": "a",
    "Adv": "r",
    "Phr": "phrase",
    "Int": "int",
}  # others: in small letters
LANGS = {
    "lat": "la", "latin": "la", "l": "la", "fr": "fr", "french": "fr", "it": "it", "italian": "it",
    "ger": "de", "g": "de", "german": "de", "gr": "el", "grk": "el", "greek": "el", "sp": "es",
    "spanish": "es", "port": "pt", "dutch": "nl", "hebrew": "he", "heb": "he", "russian": "ru",
    "rus": "ru", "arabic": "ar",
}  # fmt: skip
LONGEST = 100  # characters; what is longer is a sentence

INNER_POS = re.compile(r"(?<=[.;\]])(?<!&c\.)\s+(?=(?:N|V|Adj|Adv|Phr|Int)\.\s)")
DASH = re.compile(r"\s*(?:--+|—|–)\s*")
ANTONYM = re.compile(r"\{\s*ant\.?\s*(\d{1,5}[a-z]?)\s*\}")
TOKEN = re.compile(
    r"\"[^\"]{0,1000}\"|\[[^\[\]]{0,300}\]|\([^()]{0,300}\)|[.!?]\s+|[^;,.!?\"\[(]+|.", re.DOTALL
)
NOTE = re.compile(r"\[([^\[\]]*)\]|\{[^{}]*\}")
QUOTED = re.compile(r"[\"“]([^\"“”]+)[\"”]")
REFERENCE = re.compile(
    r"(?:\(([^()]*)\)\s*)?\b(\d{1,5}[a-z]?)\b|\b(adj|adv|n|v|phr|int)\b(?!\w)|\(([^()]*)\)"
)
TRAILING = re.compile(r"(?P<word>.*?)\s*(?:\((?P<note>[^()]*)\)\s*)?(?<![\w,.])(?P<head>\d{1,5}[a-z]?)")
MARKS = re.compile(r"\|!|[|_†\"“”]")
SPACES = re.compile(r"\s+")


class Word(NamedTuple):
    """A word or phrase, and its language."""

    text: str
    lang: str


class Reference(NamedTuple):
    """`&c.`: the number of a head or the code of a part of speech in the same head."""

    head: str
    pos: str
    note: str
    word: str


@dataclass
class Entry:
    """A semicolon group; one without words belongs to the paragraph."""

    words: list[Word] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    quotations: list[tuple[str, str]] = field(default_factory=list)  # with who said it
    dropped: int = 0  # what is no word
    marks: int = 0  # brackets behind a word that say something else than its language


def headed(text: str) -> tuple[str, list[str], str]:
    """Take a head's text apart: its name, notes beside it, and the first paragraph."""
    parts = DASH.split(text, maxsplit=1)
    if len(parts) == 1 and (match := re.search(r"(?<=[.\]])\s+(?=(?:N|V|Adj|Adv|Phr)\.\s)", text)):
        parts = [text[: match.start()], text[match.end() :]]
    notes = [note for note in NOTE.findall(parts[0]) if note]
    name = SPACES.sub(" ", NOTE.sub(" ", parts[0])).strip(" .,;")
    return name, [note.strip(" .") for note in notes], parts[1] if len(parts) > 1 else ""


def spoken(text: str) -> list[tuple[str, str]]:
    """Cut a paragraph where a part of speech begins: its code ("" for none) and the text after it."""
    found = []
    for piece in INNER_POS.split(text):
        match = POS.match(piece)
        code = CODES.get(match[1], match[1].lower()) if match else ""
        found.append((code, piece[match.end() :] if match else piece))
    return found


def antonyms(text: str) -> tuple[list[str], str]:
    """Take the marks of opposite heads out of a text."""
    return ANTONYM.findall(text), ANTONYM.sub(" ", text)


def entries(text: str, *, phrases: bool = False) -> list[Entry]:
    """Read the groups of a paragraph; a phrase may have commas in it."""
    found = [Entry()]
    item: list[str] = []
    for sign in TOKEN.findall(text):
        ends = sign[0] in ".!?" and len(sign) > 1 and not (item and SHORT.search(item[-1][-8:] + sign[0]))
        if sign in {";", ","} or ends:
            if sign == "," and phrases:
                item.append(sign)
                continue
            _read("".join(item), found[-1])
            item = []
            if sign != ",":
                found.append(Entry())
        else:
            item.append(sign)
    _read("".join(item), found[-1])
    return [entry for entry in found if any(vars(entry).values())]


def _read(item: str, entry: Entry) -> None:
    """Read one item: a word with its marks, a reference, a note, a quotation."""
    if not item or item.isspace():
        return
    lang, first = "en", item.lstrip()[0]
    notes: list[str] = []
    if "[" in item or "{" in item:
        notes = [note.strip(" .") for note in NOTE.findall(item) if note.strip(" .")]
        item = NOTE.sub("", item)
        lang = next((LANGS[note.lower()] for note in notes if note.lower() in LANGS), "en")
    if quotations := QUOTED.findall(item) if '"' in item or "“" in item else []:
        entry.quotations += [(text.strip(), ", ".join(notes)) for text in quotations]
        item = QUOTED.sub(" ", item)
    elif notes and first == "[" and notes[0].lower() not in LANGS:
        entry.notes += [notes.pop(0)]  # of all that follows: [Science of existence] ontology
    entry.marks += 0 if quotations else sum(note.lower() not in LANGS for note in notes)
    word, _, after = item.partition("&c")
    references: list[tuple[str, str, str]] = []
    if after:
        references = [_reference(match) for match in REFERENCE.finditer(after)]
    elif match := TRAILING.fullmatch(word.strip(" .")):
        word, references = match["word"], [(match["head"], "", match["note"] or "")]
    word = _clean(word)
    for head, pos, note in references:
        if head or pos:
            beside = word or (entry.words[-1].text if entry.words else "")
            entry.references.append(Reference(head, pos, note, beside))
    if not word:
        return
    if len(word) > LONGEST or not any(map(str.isalpha, word)):
        entry.dropped += 1
    elif word not in {known.text for known in entry.words}:
        entry.words.append(Word(word, lang))


def _reference(match: re.Match[str]) -> tuple[str, str, str]:
    note, head, pos, alone = match.groups()
    return head or "", CODES.get((pos or "").capitalize(), pos or ""), (note or alone or "").strip()


def _clean(word: str) -> str:
    """Take off what marks a word as obsolete or foreign, and what is left of broken pairs."""
    word = SPACES.sub(" ", MARKS.sub(" ", word))
    word = word.strip(' "“”()[]{}*=:;,!?<>')
    return word.rstrip(". ") if word.count(".") == 1 else word
