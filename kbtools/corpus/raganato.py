"""Word senses as in Raganato's framework: `NAME.data.xml`, and `NAME.gold.key.txt` beside it.

Raganato et al. (2017), "Word Sense Disambiguation: A Unified Evaluation Framework and Empirical Comparison".
A document is a text; its tokens are joined by spaces, a line holds a sentence. An instance is a link: `id` is
its first sense key, `others` are the rest, `type` is its part of speech; extra: instance, lemma and pos.
Without a key it is a span that somebody wants to be linked (kind user). Meta: source, sentences,
sentence_ids, tokens, lemmas and pos.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import msgspec

from kbtools.artefact import digest
from kbtools.config import setting
from kbtools.corpus._files import files_of, identities
from kbtools.corpus._spacing import laid
from kbtools.corpus._streams import StreamedFiles, streams, trees_in
from kbtools.corpus._whole import FilesPart, contents, decoded
from kbtools.corpus.base import Document, Link, Report
from kbtools.io.inputs import local
from kbtools.io.markup import Element, Take

DATA, KEYS = ".data.xml", ".gold.key.txt"
WORDNET = "wordnet"

Keys = dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is said of the texts, and where the keys are."""

    lang: str | None = setting("The language of texts that do not tell it.", "en")
    keys: str | None = setting("The file of keys, if it is not NAME.gold.key.txt beside the texts.", None)


class Raganato(StreamedFiles):
    """Reads the XML with its keys."""

    suffixes: ClassVar[Sequence[str]] = ()
    below: ClassVar[Sequence[str]] = (".xml",)
    example: ClassVar[str] = "raganato:senseval2/senseval2.data.xml"
    settings: ClassVar[type] = Settings

    def inputs(self, path: str) -> list[tuple[str, str, str]]:
        """Identify the files, and the keys beside them."""
        found = identities(path, self.below)
        for file in files_of(path, self.below) if local(path) else ():
            keys = _beside(file)
            if keys and Path(keys).is_file() and Path(keys).stat().st_size:
                found.append((keys, "corpus", digest.of_dump(Path(keys))))
        return found

    def found(self, part: FilesPart, settings: Settings, report: Report) -> Iterator[Document]:
        """Yield the texts with their links."""
        for name, stream in streams(part, report):
            keys = _keys(part.path, settings.keys or _beside(stream.path), report)
            lang, source = settings.lang, None
            for _, element in trees_in(name, stream, _take, report):
                if element.tag == "corpus":
                    lang, source = element.at.get("lang") or settings.lang, element.at.get("source")
                    continue
                yield _document(_Place(name, source, lang), element, keys, report)
            if keys:
                what = f"{len(keys)} keys of instances that the texts do not have: {next(iter(keys))} ..."
                report.reject(name, what)


FORMAT = Raganato()


def _take(depth: int, tag: str) -> Take:
    return "start" if depth == 0 and tag == "corpus" else "whole" if depth == 1 and tag == "text" else None


def _beside(file: str) -> str | None:
    """Name the file of keys that belongs to texts."""
    here = local(file)
    return here[: -len(DATA)] + KEYS if here and here.endswith(DATA) else None


def _keys(path: str, file: str | None, report: Report) -> Keys | None:
    """Read the keys; None if there is no such file."""
    here = file and local(file)
    if not here or not Path(here).is_file():
        return None
    found: Keys = {}
    for name, data in contents(FilesPart(path=path, files=[here]), report):
        for number, line in enumerate((decoded(name, data, report) or "").splitlines(), 1):
            instance, *keys = line.split() or [""]
            if instance and not keys:
                report.reject(name, "an instance without a key", line=number, text=line.encode())
            elif instance in found:
                report.reject(name, f"a second line of {instance}", line=number, text=line.encode())
            elif instance:
                found[instance] = keys
    return found


class _Place(NamedTuple):
    """Where a text stands."""

    name: str
    source: str | None
    lang: str | None


def _document(place: _Place, element: Element, keys: Keys | None, report: Report) -> Document:
    """Lay out a text; each key that is used is taken from `keys`."""
    sentences = [one for one in element.all("sentence") if _tokens(one)]
    told = [token for sentence in sentences for token in _tokens(sentence)]
    made = laid([[token.text for token in _tokens(one)] for one in sentences], plain=True)
    links = []
    for span, token in zip(made.tokens, told, strict=True):
        if token.tag == "instance":
            links.append(_link(place.name, token, span, keys, report))
    meta = {
        "source": place.source,
        "sentences": made.sentences,
        "sentence_ids": [one.at.get("id") for one in sentences],
        "tokens": made.tokens,
        "lemmas": [token.at.get("lemma") for token in told],
        "pos": [token.at.get("pos") for token in told],
    }
    called = (
        ".".join(filter(None, (place.source, element.at.get("id")))) or f"{place.name}:{element.line + 1}"
    )
    return Document(called, made.text, place.lang, msgspec.json.encode(meta).decode(), links)


def _tokens(sentence: Element) -> list[Element]:
    return [token for token in sentence.all("wf", "instance") if token.text]


def _link(name: str, token: Element, span: tuple[int, int], keys: Keys | None, report: Report) -> Link:
    instance, pos = token.at.get("id"), token.at.get("pos")
    extra = {"instance": instance, "lemma": token.at.get("lemma"), "pos": pos}
    extra = {field: value for field, value in extra.items() if value is not None}
    senses = keys.pop(instance, None) if keys is not None and instance else None
    if senses:
        return Link(*span, senses[0], WORDNET, "gold", pos, senses[1:] or None, extra)
    if keys is not None:
        report.reject(name, f"no key of the instance {instance}", line=token.line + 1)
    return Link(*span, None, None, "user", pos, None, extra)
