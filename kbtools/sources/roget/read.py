"""Read the thesaurus: one task, linear in the size of the text, all of which (1.4 MB) is in memory."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from kbtools.artefact import Outcome
from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.kb.named import NamedPart
from kbtools.sources._rows import Rows
from kbtools.sources.roget import entries
from kbtools.sources.roget.outline import Head, Outline, Title, lines_of

SAMPLE = 1 << 20  # bytes in which a head must be found
FIRST = re.compile(r"^\s*#\s*\d+[a-z]?\b\.?\s*[\w\[]", re.MULTILINE)

RELATIONS = [
    ("part_of", "part of", "from a group up to its class", None),
    ("see_also", "see also", "&c.: where more such words are", None),
    ("antonym", "antonym", "a head of the opposite meaning", "antonym"),
    ("member_of", "member of", "a word is in a group", None),
    ("synonym", "synonym", "the first word of a group has the other ones as synonyms", "synonym"),
    ("note", "note", "qualifier: which meaning a reference is about", None),
    ("word", "word", "qualifier: the word that a reference stands beside", None),
]


def looks_like(path: str) -> bool:
    """Tell whether there are heads in the text."""
    with open_stream(path) as stream:
        return bool(FIRST.search(stream.read(SAMPLE).replace(b"\0", b"").decode("utf-8", "replace")))


def read(folder: Path, *, files: list[str], part: str, words: bool) -> Outcome:
    """Stage the text."""
    with NamedPart(folder, part) as out:
        (path,) = files
        text = _decoded(out.whole(path), path)
        thesaurus = Thesaurus(out, words=words)
        thesaurus.take(lines_of(text))
        thesaurus.rows.flush()
    return out.outcome()


def _decoded(data: bytes, path: str) -> str:
    for encoding in ("utf-8-sig", "windows-1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            byte = error.start
    what = "encoding unknown; tried UTF-8 and Windows-1252"
    raise SourceError(what, path=path, line=data.count(b"\n", 0, byte) + 1, byte=byte)


class Thesaurus:
    """Where in the text we are, and the rows gathered."""

    def __init__(self, out: NamedPart, *, words: bool) -> None:
        self.out, self.words = out, words
        self.rows = Rows(out)
        for relation, label, description, inverse in RELATIONS:
            self.rows.add(
                "relations", relation=relation, label=label, description=description, inverse=inverse
            )
        self.known: set[str] = set()
        self.synonyms: set[tuple[str, str]] = set()
        self.numbers: dict[str, Counter[str]] = {}  # of the paragraphs of each head, by part of speech
        self.path: list[Title] = []
        self.head = ""
        self.pos = ""

    def take(self, lines: list[str]) -> None:
        """Read all lines."""

        def skip(why: str) -> None:
            self.out.counts[f"skipped: {why}"] += 1

        def reject(reason: str, line: int) -> None:
            self.out.counts["read"] += 1
            self.out.reject(reason, line=line, text=lines[line])

        for number, line in enumerate(lines):
            if "\0" in line:
                reject("NUL bytes", number)
                lines[number] = ""
        for piece in Outline(skip, reject).pieces(lines):
            if isinstance(piece, Title):
                self.path = [*(title for title in self.path if title.depth < piece.depth), piece]
                continue
            self.out.counts["read"] += 1
            if piece.number:
                self._head(piece)
            else:
                self._paragraph(piece.text, piece.line)

    def _entity(
        self, name: str, label: str | None, line: int, above: str | None, kind: str = "concept"
    ) -> None:
        self.known.add(name)
        lang = "en" if label else None
        self.rows.add("entities", entity=name, kind=kind, label=label, lang=lang, line=line)
        if label:
            self.rows.add("labels", entity=name, lang="en", text=label)
        if above:
            self._triple(name, "part_of", above)

    def _surface(self, name: str, text: str, lang: str, source: str, pos: str | None = None) -> None:
        self.rows.add("surfaces", entity=name, text=text, lang=lang, source=source, pos=pos)

    def _describe(self, name: str, text: str, kind: str, source: str = "Roget") -> None:
        self.rows.add("descriptions", entity=name, lang="en", kind=kind, text=text, source=source)

    def _triple(self, head: str, relation: str, tail: str) -> int:
        number = self.rows.statement()
        self.rows.add("triples", entity=head, relation=relation, tail=tail, statement=number)
        return number

    def _titles(self, line: int) -> str | None:
        """Make entities of the titles that we are below; return the id of the lowest."""
        name: str | None = None
        for title in self.path:
            above, name = name, title.key if name is None else f"{name}/{title.key}"
            if name not in self.known:
                self._entity(name, title.text or None, line, above)
                if title.text:
                    self._surface(name, title.text, "en", "label")
        return name

    def _head(self, piece: Head) -> None:
        name, notes, text = entries.headed(piece.text)
        head = f"head-{piece.number}"
        if not name and not text:
            self.out.reject("a head without a name", line=piece.line, text=f"#{piece.number}. {piece.text}")
        self.head, self.pos = head, ""
        if head in self.numbers:
            why = "a head of this number was there before; its paragraphs are added to that one"
            self.out.reject(why, line=piece.line, text=f"#{piece.number}. {piece.text}")
        else:
            self.numbers[head] = Counter()
            self._entity(head, name or None, piece.line, self._titles(piece.line))
            if name:
                self._surface(head, name, "en", "label")
            for note in notes:
                self._describe(head, note, "short")
        if text:
            self._paragraph(text, piece.line)

    def _paragraph(self, text: str, line: int) -> None:
        opposite, text = entries.antonyms(text)
        for number in opposite:
            self._triple(self.head, "antonym", f"head-{number}")
        for pos, piece in entries.spoken(text):
            self.pos = pos or self.pos
            found = entries.entries(piece, phrases=self.pos == "phrase")
            if found:
                self._groups(found, line)

    def _groups(self, found: list[entries.Entry], line: int) -> None:
        code = self.pos or "x"
        self.numbers[self.head][code] += 1
        paragraph = f"{self.head}/{code}-{self.numbers[self.head][code]}"
        first = next((entry.words[0].text for entry in found if entry.words), None)
        self._entity(paragraph, first, line, self.head)
        count = 0
        for entry in found:
            for why, many in (("not a word", entry.dropped), ("mark in brackets", entry.marks)):
                if many:
                    self.out.counts[f"skipped: {why}"] += many
            for note in entry.notes:
                self._describe(paragraph, note, "short")
            for text, by in entry.quotations:
                self._describe(paragraph, text, "example", by or "Roget")
            group = paragraph
            if entry.words:
                count += 1
                group = f"{paragraph}/{count}"
                self._entity(group, entry.words[0].text, line, paragraph)
                self.rows.add("types", entity=group, type=self.head)
                self._words(group, entry.words, line)
            self._references(group, entry.references)

    def _words(self, group: str, words: list[entries.Word], line: int) -> None:
        for word, lang in words:
            self._surface(group, word, lang, "term", self.pos or None)
            if not self.words:
                continue
            if word not in self.known:
                self.known.add(word)
                self.rows.add("entities", entity=word, kind="lexeme", label=word, lang=lang, line=line)
                self.rows.add("labels", entity=word, lang=lang, text=word)
                self._surface(word, word, lang, "term", self.pos or None)
            self._triple(word, "member_of", group)
            if word == words[0].text:
                continue
            if (words[0].text, word) in self.synonyms:
                self.out.counts["skipped: synonyms of another group too"] += 1
            else:
                self.synonyms.add((words[0].text, word))
                self._triple(words[0].text, "synonym", word)

    def _references(self, group: str, references: list[entries.Reference]) -> None:
        for head, pos, note, word in references:
            tail = f"head-{head}" if head else f"{self.head}/{pos}-1"
            statement = self._triple(group, "see_also", tail)
            for name, text in (("note", note), ("word", word)):
                if text:
                    self.rows.add(
                        "qualifiers",
                        entity=group,
                        statement=statement,
                        relation=name,
                        datatype="string",
                        value=text,
                        ord=0,
                    )
