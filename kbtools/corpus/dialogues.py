"""Dialogues: turns and their speakers, as JSON or as plain text with `Speaker: words` a line.

A document is a dialogue, its text the turns, each on a line of its own. Meta: turns [start, end, speaker],
and what else is told. JSON: an object a line, or an array of them, with `turns` of `speaker` and `text` or
`utterance`; `links` or `el_annotations` (ConEL: Joko et al. 2021) of a turn become links, by their offsets
in it or by their words. Plain text: empty lines part dialogues; a line without a speaker goes on with the
turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from kbtools.config import setting
from kbtools.corpus._whole import WholeFiles
from kbtools.corpus.base import Document, Link, Report

SPEAKER = re.compile(r"\s*([^:\s][^:\n]{0,39}?)\s*[:：](?!//)\s*(.*)")
NAMES = ("dialogue_id", "id", "doc_id")
WORDS = ("text", "utterance")
ENTITIES = ("links", "el_annotations")
PERSONAL = "personal_entity_annotations"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts."""

    lang: str | None = setting("The language of texts that do not tell it.", None)
    kb: str | None = setting("Whose ids links have if they do not tell it.", "wikipedia")


@dataclass
class _Dialogue:
    """A dialogue that is being laid out."""

    parts: list[str] = field(default_factory=list)
    size: int = 0
    turns: list[tuple[int, int, str | None]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    linked: bool = False

    def add(self, speaker: str | None, text: str) -> int:
        """Put a turn behind the others; return where it begins."""
        start = self.size + bool(self.parts)
        self.parts.append(text)
        self.size = start + len(text)
        self.turns.append((start, self.size, speaker))
        return start

    def document(self, called: str, lang: str | None, meta: dict[str, Any]) -> Document:
        """Make a document of it."""
        told = msgspec.json.encode({"turns": self.turns} | meta, enc_hook=str).decode()
        return Document(called, "\n".join(self.parts), lang, told, self.links if self.linked else None)


class Dialogues(WholeFiles):
    """Reads dialogues."""

    suffixes: ClassVar[Sequence[str]] = ()
    below: ClassVar[Sequence[str]] = (".jsonl", ".ndjson", ".json", ".txt")
    example: ClassVar[str] = "dialogues:chat.jsonl"
    settings: ClassVar[type] = Settings

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the dialogues of a file; its first character tells what it is."""
        if text.lstrip()[:1] not in {"[", "{"} or text.lstrip()[:2].rstrip() not in {
            "[",
            "{",
            '{"',
            "[{",
            "[]",
            "{}",
        }:
            yield from _plain(name, text, settings)
            return
        for number, found in _objects(name, text, report):
            what = _wrong(found)
            if what:
                report.reject(name, what, line=number, text=msgspec.json.encode(found)[:200])
            else:
                yield _told(name, number, found, settings, report)


FORMAT = Dialogues()


def _plain(name: str, text: str, settings: Settings) -> Iterator[Document]:
    """Read lines of `Speaker: words`."""
    held: list[tuple[str | None, str]] = []
    begun = 1
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if not line.strip():
            if held:
                made = _Dialogue()
                for speaker, words in held:
                    made.add(speaker, words)
                yield made.document(f"{name}:{begun}", settings.lang, {})
            held, begun = [], number + 1
            continue
        found = SPEAKER.fullmatch(line.rstrip())
        if found:
            held.append((found[1], found[2]))
        elif held:
            held[-1] = (held[-1][0], f"{held[-1][1]}\n{line.strip()}".strip())
        else:
            held.append((None, line.strip()))


def _objects(name: str, text: str, report: Report) -> Iterator[tuple[int | None, Any]]:
    """Yield the objects of a file, with their lines where they have one."""
    try:
        found = msgspec.json.decode(text)
        yield from ((None, one) for one in (found if isinstance(found, list) else [found]))
        return
    except (msgspec.DecodeError, RecursionError) as error:
        whole = error
    if text.lstrip().startswith("["):
        report.reject(name, f"JSON is malformed: {whole}")
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                report.reject(name, f"JSON is malformed: {error}", line=number, text=line.encode())


def _wrong(found: Any) -> str | None:
    """Say why an object is no dialogue."""
    if not isinstance(found, dict) or not isinstance(found.get("turns"), list):
        return "no dialogue: no list of turns"
    for turn in found["turns"]:
        if not isinstance(turn, dict) or not isinstance(_first(turn, WORDS), str):
            return "a turn without a text"
    return None


def _first(found: dict[str, Any], names: Sequence[str]) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)


def _told(
    name: str, number: int | None, found: dict[str, Any], settings: Settings, report: Report
) -> Document:
    made = _Dialogue()
    personal: list[Any] = []
    for turn in found["turns"]:
        words, speaker = _first(turn, WORDS), turn.get("speaker")
        start = made.add(None if speaker is None else str(speaker), words)
        entities = _first(turn, ENTITIES)
        made.linked |= entities is not None
        links = _Links(words, start, settings.kb)
        for one in entities if isinstance(entities, list) else []:
            if wrong := links.add(one):
                report.reject(name, wrong, line=number, text=msgspec.json.encode(one))
        made.links += links.found
        personal += turn.get(PERSONAL) or []
    aside = {"turns", "lang", *NAMES}
    meta = {field: value for field, value in found.items() if field not in aside}
    if personal:
        meta["personal_entities"] = personal
    called = _first(found, NAMES)
    unnamed = f"{name}:{number}" if number else name
    lang = found.get("lang")
    return made.document(
        unnamed if called is None else str(called), lang if isinstance(lang, str) else settings.lang, meta
    )


class _Links:
    """The links of one turn: those without offsets are looked for, each mention behind its last."""

    def __init__(self, words: str, start: int, kb: str | None) -> None:
        self.found: list[Link] = []
        self._words, self._start, self._kb = words, start, kb
        self._seen: dict[str, int] = {}

    def add(self, told: Any) -> str | None:
        """Add a link; say what is wrong with it."""
        if not isinstance(told, dict):
            return "a link that is no object"
        mention, start, end = told.get("mention"), told.get("start"), told.get("end")
        if isinstance(start, int) and isinstance(end, int):
            if not 0 <= start < end <= len(self._words):
                return f"a link {start}:{end} in a turn of {len(self._words)} code points"
        elif isinstance(mention, str) and mention:
            start = self._words.find(mention, self._seen.get(mention, 0))
            if start < 0:
                return f"{mention!r} does not stand in its turn"
            end = start + len(mention)
            self._seen[mention] = end
        else:
            return "a link without offsets or words"
        entity = told.get("id", told.get("entity"))
        name = None if entity is None else str(entity)
        kb, kind = told.get("kb") or self._kb, told.get("kind") or "gold"
        called = told.get("type", told.get("entity_type"))
        self.found.append(
            Link(start + self._start, end + self._start, name, kb if name else None, kind, called)
        )
        return None
