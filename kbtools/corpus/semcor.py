"""SemCor as Princeton and Mihalcea publish it: SGML, a file a text (`brown1/tagfiles/br-a01`).

Miller et al. (1993), "A Semantic Concordance". Tokens are joined by spaces (or their `sep`), a line holds a
sentence, an empty line stands between paragraphs; the `_` of a collocation is a space. A sense is a link:
`id` is its key lemma%lexsn, `others` are the keys of further senses, `type` is the part of speech. Sense 0 is
one that WordNet 3.0 has not: gold without an id. Names without a sense are typed spans. Extra: lemma, pos,
wnsn, and what else the tag tells. Meta: sentences, paragraphs, tokens, lemmas and pos.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from kbtools.config import setting
from kbtools.corpus._whole import FilesPart, WholeFiles, contents, decoded
from kbtools.corpus.base import Document, Link, Report

WORDNET = "wordnet"
LINE = re.compile(r"<(?P<close>/?)(?P<tag>[a-z]+)(?P<at>[^>]*)>(?:(?P<word>.*?)</(?P=tag)>)?\s*$")
ATTRIBUTE = re.compile(r"""([A-Za-z_]+)=("[^"]*"|'[^']*'|\S*)""")
MARKER = re.compile(r"\((?:a|p|ip)\)")  # of adjectives: where they may stand; no part of a key
TOLD: tuple[str, ...] = ("lemma", "pos", "wnsn", "pn", "rdf", "ot", "dc")
KNOWN = {"contextfile", "context", "p", "s", "wf", "punc"}

Attributes = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts."""

    lang: str | None = setting("The language of the texts.", "en")


@dataclass
class _Text:
    """A text that is being laid out."""

    parts: list[str] = field(default_factory=list)
    size: int = 0
    between: str = ""  # what stands before the next token
    begun: dict[str, int] = field(default_factory=dict)  # where the open paragraph and sentence began
    meta: dict[str, list[Any]] = field(
        default_factory=lambda: {n: [] for n in ("sentences", "paragraphs", "tokens", "lemmas", "pos")}
    )
    links: list[Link] = field(default_factory=list)

    def add(self, word: str, at: Attributes) -> tuple[int, int]:
        """Put a token behind the others."""
        if self.parts:
            self.parts.append(self.between)
            self.size += len(self.between)
        start, self.size = self.size, self.size + len(word)
        self.parts.append(word)
        self.between = at["sep"].replace("_", " ") if "sep" in at else " "
        for kind in ("s", "p"):
            self.begun.setdefault(kind, start)
        self.meta["tokens"].append([start, self.size])
        self.meta["lemmas"].append(at.get("lemma"))
        self.meta["pos"].append(at.get("pos"))
        return start, self.size

    def close(self, kind: str) -> None:
        """End the sentence or the paragraph, if there is anything in it."""
        begun = self.begun.pop(kind, None)
        if begun is not None:
            self.meta["sentences" if kind == "s" else "paragraphs"].append([begun, self.size])
            self.between = "\n" if kind == "s" else "\n\n"


class SemCor(WholeFiles):
    """Reads files of SemCor."""

    suffixes: ClassVar[Sequence[str]] = ()
    below: ClassVar[Sequence[str]] = ("",)
    example: ClassVar[str] = "semcor:semcor3.0/brown1/tagfiles"
    settings: ClassVar[type] = Settings

    def _documents(self, part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
        below = Path(part.path).is_dir()
        for name, data in contents(part, report):
            if (text := decoded(name, data, report)) is None:
                continue
            if below and not _is_semcor(text):
                report.counts["skipped: no file of SemCor"] += 1  # LICENSE stands among them
            else:
                yield from self.documents(name, text, settings, report)

    def documents(self, name: str, text: str, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the texts of a file: usually one."""
        if not _is_semcor(text):
            report.reject(name, "no file of SemCor: there is no <context> in it", text=text[:100].encode())
            return
        called, made = "", _Text()
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            found = LINE.match(line.strip())
            if not found or found["tag"] not in KNOWN:
                report.reject(name, "not a line of SemCor", line=number, text=line.encode())
                continue
            tag, at = found["tag"], _attributes(found["at"])
            if tag == "context" and (not found["close"] or made.parts):
                if made.parts:
                    yield _document(called or name, made, settings)
                called, made = at.get("filename", ""), _Text()
            elif tag in {"s", "p"}:
                made.close("s")
                if tag == "p":
                    made.close("p")
            elif tag in {"wf", "punc"} and (wrong := _word(found["word"] or "", at, made)):
                report.reject(name, wrong, line=number, text=line.encode())
        if made.parts:
            yield _document(called or name, made, settings)


FORMAT = SemCor()


def _is_semcor(text: str) -> bool:
    return "<contextfile" in text or "<context " in text


def _attributes(told: str) -> Attributes:
    return {name: value.strip("\"'") for name, value in ATTRIBUTE.findall(told)}


def _word(told: str, at: Attributes, made: _Text) -> str | None:
    """Add a token and its link; say what is wrong with it."""
    word = " ".join(told.replace("_", " ").split())
    if not word:
        return "a token without characters"
    start, end = made.add(word, at)
    extra: dict[str, Any] = {field: at[field] for field in TOLD if field in at}
    if at.get("cmd") == "done" and "lexsn" in at:
        keys = _keys(at)
        if keys is None:
            return "senses, their numbers and the lemma do not go together"
        first = keys[0] if keys else None
        if not keys:
            extra["lexsn"] = at["lexsn"]
        kb = WORDNET if keys else None
        made.links.append(Link(start, end, first, kb, "gold", at.get("pos"), keys[1:] or None, extra))
    elif at.get("pn"):
        made.links.append(Link(start, end, None, None, "ner", at["pn"], None, extra))
    return None


def _keys(at: Attributes) -> list[str] | None:
    """Return the sense keys of a tag, but those of sense 0; None if the tag is at odds with itself."""
    lemma, senses = at.get("lemma", ""), at["lexsn"].split(";")
    numbers = at.get("wnsn", "").split(";") if at.get("wnsn") else ["?"] * len(senses)
    if not lemma or len(numbers) != len(senses):
        return None
    told = zip(numbers, senses, strict=True)
    return [f"{lemma}%{MARKER.sub('', sense)}" for number, sense in told if number != "0"]


def _document(called: str, made: _Text, settings: Settings) -> Document:
    made.close("s")
    made.close("p")
    meta = msgspec.json.encode(made.meta).decode()
    return Document(called, "".join(made.parts), settings.lang, meta, made.links)
