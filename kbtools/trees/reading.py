"""Documents become sentences: split or whole, pairs, with labels, tags, and the links that corpora tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.text.segment import sentences
from kbtools.trees.base import F32, I64
from kbtools.trees.matching import Found
from kbtools.trees.settings import Settings

SIZE = 1 << 17  # code points of sentences that are worked on together: what stays in the cache
MOST = 1 << 12  # documents


class Tags(NamedTuple):
    """Tagged tokens of a block's sentences, in order."""

    sentence: I64
    start: I64  # code points of the sentence
    tag: list[str]


class Texts(NamedTuple):
    """A block of sentences, before they are tokens. A pair is two of them."""

    texts: list[str]
    langs: list[str | None]
    tree: I64  # [S] whose sentence it is
    sentence_id: list[str]  # [N] of trees
    doc_id: list[str]
    label: list[str | None]
    group: list[str | None]
    tags: Tags
    tagged: list[bool]  # [N] whether there are tags at all
    links: Found | None  # entities that the corpus tells

    @property
    def whole(self) -> list[str]:
        """The texts of trees: of a pair both."""
        made: list[str] = [""] * len(self.sentence_id)
        last = -1
        for text, tree in zip(self.texts, self.tree.tolist(), strict=True):
            made[tree] = f"{made[tree]}\n{text}" if tree == last else text
            last = tree
        return made


class Links(NamedTuple):
    """Links of documents to entities of one knowledge base, in order."""

    document: I64
    start: I64
    end: I64
    eid: I64
    p: F32


class _Told(msgspec.Struct):
    """What `meta` says that matters here; it is somebody else's, so anything may be anything."""

    label: Any = None
    qid: Any = None
    text_b: Any = None
    tokens: Any = None
    tags: Any = None
    sentences: Any = None


_decode = msgspec.json.Decoder(_Told).decode
_NOTHING = _Told()


def blocks(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch of documents into blocks of some size."""
    sizes = np.cumsum(pc.utf8_length(batch["text"]).to_numpy(zero_copy_only=False), dtype=np.int64)
    low = 0
    while low < len(sizes):
        before = int(sizes[low - 1]) if low else 0
        high = int(np.searchsorted(sizes, before + SIZE, "right"))
        high = min(max(high, low + 1), low + MOST)
        yield batch.slice(low, high - low)
        low = min(high, len(sizes))


class Reader:
    """Makes sentences of documents."""

    def __init__(
        self, settings: Settings, kb: str | None, counts: Counter[str], *, lines: bool = False
    ) -> None:
        self.settings, self.kb, self.counts, self.lines = settings, kb, counts, lines

    def texts(self, documents: pa.RecordBatch) -> Texts:
        """Read a block of documents; with links, those of the knowledge base named."""
        gathered = _Gathered()
        columns = (documents[name].to_pylist() for name in ("doc_id", "text", "lang", "meta"))
        for doc_id, text, lang, meta in zip(*columns, strict=True):
            self._add(gathered, doc_id, text, lang, _told(meta) if meta else _NOTHING)
        links = None
        if self.kb is not None:
            links = gathered.placed(_links(documents["links"], self.kb), self.counts)
        return gathered.block(links)

    def _add(self, gathered: _Gathered, doc_id: str, text: str, lang: str | None, told: _Told) -> None:
        pair = told.text_b if isinstance(told.text_b, str) else None
        tagged = _tagged(told, len(text))
        how = self.settings.sentences
        if how == "auto":
            single = told.label is not None or pair is not None or (tagged and not told.sentences)
            how = "whole" if self.lines or single else "split"
        if how == "whole":
            spans = [[0, len(text)]]
        else:
            spans = _spans(told.sentences, len(text)) or sentences(text, lang).tolist()
        label, group = _written(told.label), _written(told.qid)
        first = len(gathered.texts)
        for number, (start, end) in enumerate(spans):
            gathered.add(text[start:end], lang, start)
            gathered.sentence_id.append(doc_id if how == "whole" else f"{doc_id}:{number}")
            gathered.doc_id.append(doc_id)
            gathered.label.append(label)
            gathered.group.append(group)
            gathered.tagged.append(tagged)
        if tagged and spans:
            gathered.tag(first, told.tokens, told.tags)
        gathered.documents.append(first)
        if pair is not None and spans:
            gathered.add(pair, lang, None)


class _Gathered:
    """A block as it grows."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.langs: list[str | None] = []
        self.tree: list[int] = []
        self.begin: list[int] = []  # of each sentence in its document; −1: the second of a pair
        self.documents: list[int] = []  # the first sentence of each
        self.sentence_id: list[str] = []
        self.doc_id: list[str] = []
        self.label: list[str | None] = []
        self.group: list[str | None] = []
        self.tagged: list[bool] = []
        self._tags: list[tuple[I64, I64, list[str]]] = []

    def add(self, text: str, lang: str | None, begin: int | None) -> None:
        """Add a sentence; None: it belongs to the tree of the one before."""
        self.texts.append(text)
        self.langs.append(lang)
        self.tree.append(len(self.sentence_id) - (begin is None))
        self.begin.append(-1 if begin is None else begin)

    def tag(self, first: int, tokens: list[list[int]], tags: list[str]) -> None:
        """Put tagged tokens of a document to its sentences."""
        places = np.array(tokens, np.int64).reshape(-1, 2)
        begins = np.array(self.begin[first:], np.int64)
        sentence = np.searchsorted(begins, places[:, 0], "right") - 1
        self._tags.append((first + sentence, places[:, 0] - begins[np.maximum(sentence, 0)], tags))

    def placed(self, links: Links, counts: Counter[str]) -> Found:
        """Put links of documents to the sentences that hold them whole."""
        begin = np.array(self.begin, np.int64)
        first = np.array(self.documents, np.int64)
        own = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(begin))))
        main = np.flatnonzero(begin >= 0)
        key = own[main] << 32 | begin[main]
        at = np.searchsorted(key, links.document << 32 | links.start, "right") - 1
        there = at >= 0
        sentence = main[np.maximum(at, 0)] if len(main) else at
        there &= (own[sentence] == links.document) if len(main) else False
        sizes = np.array([len(text) for text in self.texts], np.int64)
        start = links.start - begin[sentence] if len(main) else links.start
        end = links.end - begin[sentence] if len(main) else links.end
        there &= (end <= sizes[sentence]) if len(main) else False
        counts["mentions over the ends of sentences"] += int((~there).sum())
        rows = np.flatnonzero(there)
        return Found(sentence[rows], start[rows], end[rows], links.eid[rows], links.p[rows])

    def block(self, links: Found | None) -> Texts:
        """Return it."""
        none = np.zeros(0, np.int64)
        tags = Tags(
            np.concatenate([none, *(part[0] for part in self._tags)]),
            np.concatenate([none, *(part[1] for part in self._tags)]),
            [tag for part in self._tags for tag in part[2]],
        )
        return Texts(
            self.texts, self.langs, np.array(self.tree, np.int64), self.sentence_id, self.doc_id, self.label,
            self.group, tags, self.tagged, links,
        )  # fmt: skip


def plain(texts: list[str], lang: str | None = None) -> Texts:
    """Make a block of sentences of which nothing else is known."""
    gathered = _Gathered()
    for number, text in enumerate(texts):
        gathered.add(text, lang, 0)
        gathered.sentence_id.append(str(number))
        gathered.doc_id.append(str(number))
        gathered.label.append(None)
        gathered.group.append(None)
        gathered.tagged.append(False)
        gathered.documents.append(number)
    return gathered.block(None)


def parts(block: Texts) -> Iterator[Texts]:
    """Cut a block whose documents were long."""
    ends = np.cumsum([len(text) for text in block.texts], dtype=np.int64)
    heads = np.flatnonzero(np.append(True, block.tree[1:] != block.tree[:-1])[: len(ends)])
    low = 0
    while low < len(ends):
        before = int(ends[low - 1]) if low else 0
        high = int(np.searchsorted(ends, before + 2 * SIZE, "right"))
        if high < len(ends):  # a tree stays whole
            fits = heads[(heads > low) & (heads <= high)]
            after = heads[heads > low]
            high = int(fits[-1]) if len(fits) else int(after[0]) if len(after) else len(ends)
        yield block if high - low == len(ends) else _part(block, low, high)
        low = high


def _part(block: Texts, low: int, high: int) -> Texts:
    """Keep some sentences."""
    first, last = int(block.tree[low]), int(block.tree[high - 1]) + 1
    tags, links = block.tags, block.links
    some = slice(*np.searchsorted(tags.sentence, [low, high]).tolist())
    if links is not None:
        here = slice(*np.searchsorted(links.sentence, [low, high]).tolist())
        links = links.take(here)
        links = links._replace(sentence=links.sentence - low)
    return Texts(
        block.texts[low:high], block.langs[low:high], block.tree[low:high] - first,
        block.sentence_id[first:last], block.doc_id[first:last], block.label[first:last],
        block.group[first:last],
        Tags(tags.sentence[some] - low, tags.start[some], tags.tag[some]), block.tagged[first:last], links,
    )  # fmt: skip


def _told(meta: str) -> _Told:
    try:
        return _decode(meta)
    except msgspec.DecodeError:  # no object
        return _NOTHING


def _written(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _tagged(told: _Told, size: int) -> bool:
    """Tell whether there are tags, one for each token."""
    tokens, tags = told.tokens, told.tags
    if not (isinstance(tokens, list) and isinstance(tags, list) and tokens and len(tokens) == len(tags)):
        return False
    return _pairs(tokens, size) and all(isinstance(tag, str) for tag in tags)


def _pairs(places: list[Any], size: int) -> bool:
    """Tell whether these are spans of a text, in order."""
    last = 0
    for one in places:
        if not (isinstance(one, list) and len(one) == 2 and type(one[0]) is type(one[1]) is int):
            return False
        if not last <= one[0] <= one[1] <= size:
            return False
        last = one[0]
    return True


def _spans(told: Any, size: int) -> list[list[int]]:
    """Return the sentences that a corpus tells, if they are some."""
    if not (isinstance(told, list) and _pairs(told, size)):
        return []
    return [one for one in told if one[0] < one[1]]


def _links(links: pa.ListArray, kb: str) -> Links:
    """Return the links with an entity of a knowledge base, by start, longer ones first."""
    values = links.flatten()
    eid = pc.fill_null(values.field("eid").cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    own = pc.fill_null(pc.equal(values.field("kb"), kb), False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero((eid >= 0) & own)
    sizes = pc.fill_null(pc.list_value_length(links), 0).to_numpy(zero_copy_only=False)
    document = np.repeat(np.arange(len(links)), sizes)
    p = pc.fill_null(values.field("p"), 1.0).to_numpy(zero_copy_only=False).astype(np.float32)
    start, end = (values.field(name).to_numpy().astype(np.int64) for name in ("start", "end"))
    return Links(document[rows], start[rows], end[rows], eid[rows], p[rows])
