"""A piece of a corpus as numbers: its words, the lines they stand in, and the mentions of entities.

word        [n] the place of the word among the different ones of this piece
line        [n] no window goes over the ends of lines or documents
mention     [m, 4] an entity, its first word, the word behind it, and its line; in order of first words
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools import corpus
from kbtools.alias import hashing
from kbtools.artefact import Outcome
from kbtools.corpus import Piece, Report
from kbtools.io import tensors
from kbtools.text import FORMS, segment
from kbtools.text.bulk import WALL, normalise_block
from kbtools.text.words import DIGIT, HAN, KATAKANA, LETTER, kinds

ROOM = "work/pieces"
TOGETHER = 1 << 19  # code points that are cut into words together
LINE_END = 0x0A
VOCABULARY = pa.schema([("word", pa.string()), ("count", pa.int64())])
WORDY = np.isin(np.arange(8), [LETTER, DIGIT, HAN, KATAKANA])

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]


class Texts(NamedTuple):
    """Some documents, one after the other with a wall behind each, and their links."""

    codes: U32
    links: I64  # [L, 3] an entity, and from where to where among the codes


class How(NamedTuple):
    """Whose links count, and what a word is; see `Settings`."""

    kb: str | None
    form: str
    zh: Any
    symbols: bool


class Read(NamedTuple):
    """The words of some documents: hashes, what they are hashes of, lines, mentions."""

    text: str
    spans: NDArray[np.int32]  # [n, 2] of the text
    hashes: NDArray[np.uint64]
    line: I64
    mention: I64  # [m, 4]


def read_piece(
    folder: Path, *, piece: dict[str, Any], kb: str | None, form: str, zh: str, symbols: bool
) -> Outcome:
    """Write the words of a piece and how often each occurs; links to other knowledge bases do not count."""
    told = msgspec.convert(piece, Piece)
    report = Report()
    found = list(_all(told, folder, report, How(kb, form, zh, symbols)))
    words, numbers, counts = _numbered(found)
    steps = np.cumsum([0, *(len(one.hashes) for one in found)])
    lines = np.cumsum([0, *(one.text.count("\n") for one in found)])
    line = [one.line + before for one, before in zip(found, lines.tolist(), strict=False)]
    mention = [
        one.mention + np.array([0, at, at, before])
        for one, at, before in zip(found, steps.tolist(), lines.tolist(), strict=False)
    ]
    arrays = {
        "word": numbers.astype(np.int32),
        "line": np.concatenate([np.zeros(0, np.int64), *line]).astype(np.int32),
        "mention": np.concatenate([np.zeros((0, 4), np.int64), *mention]),
    }
    names = [f"{ROOM}/{told.number:06}.{ending}" for ending in ("parquet", "safetensors")]
    (folder / ROOM).mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table([pa.array(words, pa.string()), pa.array(counts)], schema=VOCABULARY), folder / names[0]
    )
    (folder / names[1]).write_bytes(tensors.encode(arrays))
    facts = {"words": len(numbers), "links": sum(len(one.mention) for one in found), **report.facts()}
    return Outcome(files=names, facts=facts)


def load(folder: Path, number: int) -> tuple[pa.ChunkedArray, dict[str, NDArray[Any]]]:
    """Return the different words of a piece, and its arrays."""
    words = pq.read_table(folder / f"{ROOM}/{number:06}.parquet", columns=["word"])["word"]
    return words, tensors.load(folder / f"{ROOM}/{number:06}.safetensors").arrays


def _all(piece: Piece, folder: Path, report: Report, how: How) -> Iterator[Read]:
    for batch in corpus.read(piece, folder, report):
        for texts in _texts(batch, how.kb):
            yield read(texts, how)


def _texts(batch: pa.RecordBatch, kb: str | None) -> Iterator[Texts]:
    """Put documents together, with the links that lead to entities of the knowledge base `kb`."""
    texts = batch["text"].to_pylist()
    document, links = _links(batch["links"], kb)
    low = 0
    while low < len(texts):
        high, size = low, 0
        while high < len(texts) and (high == low or size + len(texts[high]) < TOGETHER):
            size += len(texts[high]) + 1
            high += 1
        begins = np.cumsum([0, *(len(one) + 1 for one in texts[low:high])])
        codes = hashing.codes_of("\n".join([*texts[low:high], ""])).copy()
        codes[begins[1:] - 1] = WALL
        some = slice(*np.searchsorted(document, [low, high]).tolist())
        yield Texts(codes, links[some] + np.array([0, 1, 1]) * begins[document[some] - low][:, None])
        low = high


def _links(column: pa.ListArray, kb: str | None) -> tuple[I64, I64]:
    """Return of each link with an entity the document, and entity, start and end."""
    values = column.flatten()
    if kb is None or not len(values):
        return np.zeros(0, np.int64), np.zeros((0, 3), np.int64)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    document = np.repeat(np.arange(len(column)), lengths)
    ours = pc.and_(values.field("eid").is_valid(), pc.equal(values.field("kb").fill_null(kb), kb)).to_numpy(
        False
    )
    columns = [
        values.field(name).fill_null(0).to_numpy().astype(np.int64) for name in ("eid", "start", "end")
    ]
    return document[ours], np.stack(columns, axis=1)[ours]


def read(texts: Texts, how: How) -> Read:
    """Normalise documents and cut them into words."""
    block = normalise_block(texts.codes, replace(FORMS[how.form], spaces=False))  # line ends stay
    codes = np.where(block.codes == WALL, np.uint32(LINE_END), block.codes)
    text = codes.tobytes().decode("utf-32-le")
    spans = segment.words(text, zh=how.zh)
    if not how.symbols:
        spans = spans[WORDY[kinds()[codes[spans[:, 0]]]]]
    start, end = spans[:, 0].astype(np.int64), spans[:, 1].astype(np.int64)
    ends = np.cumsum(codes == LINE_END)
    places = np.searchsorted(block.starts, texts.links[:, 1:])  # where links stand once normalised
    first = np.searchsorted(end, places[:, 0], side="right")
    behind = np.maximum(np.searchsorted(start, places[:, 1]), first)
    mention = np.stack([texts.links[:, 0], first, behind, np.append(ends, 0)[places[:, 0]]], axis=1)
    mention = mention[np.argsort(first, kind="stable")]
    return Read(text, spans, hashing.spans(hashing.prefix(codes), start, end), ends[start], mention)


def _numbered(found: list[Read]) -> tuple[list[str], I64, I64]:
    """Return the different words, the number of each word of the text, and how often each occurs."""
    hashes = np.concatenate([np.zeros(0, np.uint64), *(one.hashes for one in found)])
    _, first, numbers, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    begins = np.cumsum([0, *(len(one.hashes) for one in found)])
    words = []
    for at, which in zip(
        first.tolist(), (np.searchsorted(begins, first, side="right") - 1).tolist(), strict=True
    ):
        start, end = found[which].spans[at - begins[which]].tolist()
        words.append(found[which].text[start:end])
    return words, numbers, counts
