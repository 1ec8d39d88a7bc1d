"""Dependency trees by any pipeline of spaCy that has a parser; they travel on as CoNLL-U.

    with open("news.conllu", "wb") as file:
        parse("news.jsonl", file, "en_core_web_sm")

What was said of the documents, and their links, stay. White space is no word in CoNLL-U: what hangs on it
hangs on its head. Memory: a batch of documents (4 MiB of text) and what spaCy makes of BATCH of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from kbtools import corpus
from kbtools.alias.normal import SURROGATE
from kbtools.corpus import Report
from kbtools.corpus.base import DOCUMENTS
from kbtools.errors import ArtefactError, ConfigError
from kbtools.extras import need
from kbtools.kb.schema import STR
from kbtools.linkers.spacy import entities
from kbtools.progress import Progress

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

BATCH = 64  # documents that are parsed together
# what other parsers said of words that are not here
OTHERS = ("sentence_ids", "forms", "feats", "deps", "misc", "multiword", "empty")


def parse(
    documents: str,
    file: IO[bytes],
    pipeline: str | Language,
    *,
    settings: Iterable[str] = (),
    workers: int = 1,
    quiet: bool = True,
) -> Report:
    """Parse a corpus and write it as CoNLL-U; tell what was read and what was left out.

    `pipeline` is one of spaCy's, or the name or path of one; `settings` are `name=value` of the corpus.
    """
    need("spacy", extra="link", why="parsing")
    nlp = entities.pipeline(pipeline) if isinstance(pipeline, str) else pipeline
    report = Report()
    batches = corpus.documents(documents, settings=settings, report=report)
    corpus.write("conllu", _watched(parsed(batches, nlp, report, workers=workers), quiet=quiet), file)
    return report


def parse_to(
    documents: str,
    out: str | Path | None,
    pipeline: str | Language | None,
    *,
    settings: Iterable[str] = (),
    overwrite: bool = False,
    quiet: bool = True,
) -> Report:
    """Parse a corpus into a file, whole or not at all: see `parse`."""
    for value, name, cure in (
        (out, "--out", "the file to write, like news.conllu"),
        (pipeline, "--pipeline", "a pipeline of spaCy with a parser, like en_core_web_sm, or its folder"),
    ):
        if not value:
            raise ConfigError(f"{name} is missing: {cure}")
    target = Path(str(out))
    if target.exists() and not overwrite:
        raise ArtefactError(f"{target} exists; give another --out, or --overwrite to replace it")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.partial")
    try:
        with draft.open("wb") as file:
            report = parse(documents, file, pipeline or "", settings=settings, quiet=quiet)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return report


def _watched(batches: Iterable[pa.RecordBatch], *, quiet: bool) -> Iterator[pa.RecordBatch]:
    with Progress("parse", None, "documents", quiet=quiet) as progress:
        for batch in batches:
            yield batch
            progress.advance(batch.num_rows)


def parsed(
    batches: Iterable[pa.RecordBatch], nlp: Language, report: Report | None = None, *, workers: int = 1
) -> Iterator[pa.RecordBatch]:
    """Yield documents with their trees in `meta`, as the reader of CoNLL-U tells them."""
    report = report or Report()
    for batch in batches:
        texts: list[str] = batch["text"].to_pylist()
        short = [len(text) <= nlp.max_length for text in texts]
        report.counts["documents too long to be parsed"] += short.count(False)
        some = batch.filter(pa.array(short, pa.bool_()))
        found = nlp.pipe(map(_sound, some["text"].to_pylist()), batch_size=BATCH, n_process=workers)
        metas = [_meta(doc, nlp, meta) for doc, meta in zip(found, some["meta"].to_pylist(), strict=True)]
        columns = dict(zip(some.schema.names, some.columns, strict=True)) | {"meta": pa.array(metas, STR)}
        yield pa.RecordBatch.from_arrays([columns[name] for name in DOCUMENTS.names], schema=DOCUMENTS)


def _sound(text: str) -> str:
    """Replace halves of characters, which no pipeline can take."""
    return text if text.isascii() else SURROGATE.sub("\ufffd", text)


def _meta(doc: Doc, nlp: Language, before: str | None) -> str:
    """Return what is known of a document, and its words in place of other words."""
    if len(doc) and not doc.has_annotation("DEP"):
        has = ", ".join(nlp.pipe_names) or "nothing"
        raise ConfigError(f"the pipeline {nlp.meta['name']!r} has no parser; it has {has}")
    told = msgspec.json.decode(before) if before else {}
    told = told if isinstance(told, dict) else {}
    solid = [token for token in doc if not token.is_space]
    heads, sentences = _heads(doc)
    words: dict[str, list[Any]] = {
        "sentences": sentences,
        "tokens": [(token.idx, token.idx + len(token)) for token in solid],
        "lemmas": [token.lemma_ or None for token in solid],
        "pos": [token.pos_ or None for token in solid],
        "xpos": [token.tag_ or None for token in solid],
        "heads": heads,
        "deprels": [_relation(token.dep_, head) for token, head in zip(solid, heads, strict=True)],
    }
    kept = {name: values for name, values in words.items() if any(one is not None for one in values)}
    others = {name: value for name, value in told.items() if name not in OTHERS}
    return msgspec.json.encode(others | kept).decode()


def _relation(name: str, head: int) -> str | None:
    """Return a relation as CoNLL-U has it: what has no head, and nothing else, is a root."""
    return "root" if head == 0 else name or None


def _heads(doc: Doc) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the head of each word, by its number in the sentence from 1 (0: none), and the sentences."""
    heads, sentences = [], []
    for sentence in doc.sents:
        solid = [token for token in sentence if not token.is_space]
        if not solid:
            continue
        number = {token.i: at for at, token in enumerate(solid, 1)}
        sentences.append((solid[0].idx, solid[-1].idx + len(solid[-1])))
        for token in solid:
            head = token.head
            while head.is_space and head.head.i != head.i:
                head = head.head
            root = head.i == token.i or head.i not in number
            heads.append(0 if root else number[head.i])
    return heads, sentences
