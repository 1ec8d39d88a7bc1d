"""Make the trees of a block of sentences: tokens, entities, facts, layout."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.arrays import ranges
from kbtools.kb.schema import STR
from kbtools.text import CJK
from kbtools.tokens.tokenizer import Tokenizer
from kbtools.trees import segmenting
from kbtools.trees.base import I32, I64, NO_ROOM, TAKEN, Considered, Sentences, Tokens
from kbtools.trees.choosing import choose, control
from kbtools.trees.choosing.base import Encode
from kbtools.trees.facts import Facts
from kbtools.trees.layout import Branches, Rows, kept, lay
from kbtools.trees.matching import Found, Names, aligned
from kbtools.trees.reading import Texts
from kbtools.trees.schema import TREES
from kbtools.trees.settings import Settings
from kbtools.trees.tagging import Pieces, labels, unsaid
from kbtools.trees.tokens import Tokenising


class Made(NamedTuple):
    """The trees of a block, and what they were made of."""

    texts: Texts
    sentences: Sentences
    considered: Considered  # `why` is final
    branches: Branches
    rows: Rows
    strings: pa.StringArray  # tokens, by `rows.source`
    ids: I32 | None

    @property
    def tokens(self) -> pa.StringArray:
        """The tokens of all rows, end to end."""
        return self.strings.take(pa.array(self.rows.source))


class Maker:
    """Makes trees; opened once in each process."""

    def __init__(
        self,
        settings: Settings,
        facts: Facts,
        names: Names | None,
        tokenizer: Tokenizer | None,
        encode: Encode | None = None,
    ) -> None:
        self.settings, self.facts, self.names, self.encode = settings, facts, names, encode
        self.control = control(facts, settings)
        self.tokenising = Tokenising(settings, tokenizer)
        self.specials = self.tokenising.specials()
        self.counts: Counter[str] = Counter()
        self.relations: Counter[int] = Counter()  # branches, by the number of their relation

    def block(self, texts: Texts) -> Made:
        """Make the trees of a block."""
        words = None
        if self.settings.segmented:
            texts, words = segmenting.segmented(texts)
        whole = self.tokenising.trunks(texts.texts, texts.langs)
        if words is not None:
            whole = segmenting.marked(whole, words)
        self.counts["tags inside a token"] += unsaid(texts.tags, whole)
        room = kept(np.diff(whole.begins), texts.tree, self.settings, self.specials)
        sentences = self._sentences(texts, whole, room, words)
        sentences = self.control.sentences(sentences, texts.sentence_id, self.names)
        considered = choose(sentences, self.facts, self.settings, self.encode)
        considered = considered._replace(fact=self.control.told(considered.fact))
        branches = self._branches(considered)
        rows, considered = lay(sentences, considered, branches, self.settings, self.specials)
        parts = [sentences.tokens.strings, branches.tokens.strings, self.specials.strings]
        ids = None
        if (
            sentences.tokens.ids is not None
            and branches.tokens.ids is not None
            and self.specials.ids is not None
        ):
            around = np.array(self.specials.ids, np.int32)
            ids = np.concatenate([sentences.tokens.ids, branches.tokens.ids, around])
        strings = pa.concat_arrays([part.cast(STR) for part in parts])
        made = Made(texts, sentences, considered, branches, rows, strings, ids)
        self._count(made)
        return made

    def _sentences(self, texts: Texts, whole: Tokens, room: I64, words: segmenting.Words | None) -> Sentences:
        """Cut sentences to what there is room for, and find the entities in what is left."""
        sizes = np.diff(whole.begins)
        stay = ranges(whole.begins[:-1], room)
        begins = np.append(0, np.cumsum(room))
        mentions = aligned(self._found(texts, whole, room, words), whole)
        inside = mentions.stop <= whole.begins[mentions.sentence] + room[mentions.sentence]
        self.counts["mentions cut off"] += int((~inside).sum())
        mentions = mentions.take(np.flatnonzero(inside))
        moved = begins[mentions.sentence] - whole.begins[mentions.sentence]
        mentions = mentions._replace(first=mentions.first + moved, stop=mentions.stop + moved)
        tokens = whole
        if len(stay) < len(whole.start):
            tokens = Tokens(
                whole.strings.take(pa.array(stay)), None if whole.ids is None else whole.ids[stay],
                whole.start[stay], whole.end[stay], whole.word[stay], begins,
            )  # fmt: skip
        return Sentences(texts.texts, texts.langs, texts.tree, tokens, mentions, sizes - room)

    def _found(self, texts: Texts, whole: Tokens, room: I64, words: segmenting.Words | None) -> Found:
        if texts.links is not None:
            known = self.facts.counts(texts.links.eid) > 0
            return texts.links.take(np.flatnonzero(known))
        if self.names is None:
            none = np.zeros(0, np.int64)
            return Found(none, none, none, none, none.astype(np.float32))
        if words is not None:
            return self.names.look_up(*words)
        return self.names.find(_shortened(texts.texts, whole, room))

    def _branches(self, considered: Considered) -> Branches:
        """Make tokens of the facts that were taken, of each once."""
        rows = np.flatnonzero(considered.why == TAKEN)
        distinct, back = np.unique(considered.fact[rows], return_inverse=True)
        slot = np.full(len(considered.fact), -1, np.int64)
        slot[rows] = back
        texts = self.texts_of(distinct).to_pylist()
        return Branches(self.tokenising.branches(texts, [self.settings.lang] * len(texts)), slot)

    def texts_of(self, facts: I64) -> pa.StringArray:
        """Write facts as branches: relation and object, or the object alone."""
        objects = self.facts.objects(facts)
        if not self.settings.predicate:
            return objects
        predicates = self.facts.predicates(facts)
        if self.settings.policy == "reference":
            return pc.binary_join_element_wise(predicates, objects, "")
        close = pc.and_(
            pc.match_substring_regex(predicates, f"[{CJK}]$"), pc.match_substring_regex(objects, f"^[{CJK}]")
        )
        return pc.binary_join_element_wise(predicates, objects, pc.if_else(close, "", " "))

    def said(self) -> dict[str, int]:
        """Count branches by the ids and labels of their relations."""
        some = np.array(sorted(self.relations), np.int64)
        ids, labels = (
            names.take(pa.array(some)) for names in (self.facts.relation_ids, self.facts.relations)
        )
        named = pc.if_else(pc.equal(ids, labels), ids, pc.binary_join_element_wise(ids, labels, " "))
        return dict(zip(named.to_pylist(), (self.relations[one] for one in some.tolist()), strict=True))

    def _count(self, made: Made) -> None:
        rows, mentions = made.rows, made.sentences.mentions
        why = made.considered.why
        taken = made.considered.mention[why == TAKEN]
        told = made.considered.fact[why == TAKEN]
        said, times = np.unique(self.facts.relation[told], return_counts=True)
        self.relations.update(dict(zip(said.tolist(), times.tolist(), strict=True)))
        self.counts.update(
            {
                "sentences": rows.size,
                "tokens": len(rows.source),
                "trunk tokens lost": int(rows.lost.sum()),
                "sentences cut": int((rows.lost > 0).sum()),
                "mentions": len(mentions.eid),
                "mentions with branches": len(np.unique(taken)),
                "branches": len(taken),
                "branches without room": int((why == NO_ROOM).sum()),
                "tokens of branches": int((rows.branch > 0).sum()),
            }
        )


def _shortened(texts: list[str], whole: Tokens, room: I64) -> list[str]:
    """Leave out what lies far behind the last token that there is room for: names there are of no use."""
    cut = np.flatnonzero(room < np.diff(whole.begins))
    if not len(cut):
        return texts
    shorter = list(texts)
    for sentence in cut.tolist():  # few words of Python for each sentence that is too long
        last = whole.begins[sentence] + room[sentence]
        shorter[sentence] = texts[sentence][: int(whole.end[last - 1]) + BEYOND if room[sentence] else 0]
    return shorter


BEYOND = 64  # longer than names are: one that begins before the cut is seen whole


def table(made: Made, pieces: Pieces = "inside") -> pa.RecordBatch:
    """Write trees as rows of the table."""
    rows, texts = made.rows, made.texts
    offsets = pa.array(rows.offsets, pa.int32())
    source = pa.array(rows.source)

    def lists(values: Any) -> pa.ListArray:
        return pa.ListArray.from_arrays(offsets, values if isinstance(values, pa.Array) else pa.array(values))

    ids = pa.nulls(rows.size, TREES.field("input_ids").type)
    columns = {
        "sentence_id": pa.array(texts.sentence_id, STR),
        "doc_id": pa.array(texts.doc_id, STR),
        "text": pa.array(texts.whole, STR),
        "tokens": lists(made.strings.take(source)),
        "input_ids": ids if made.ids is None else lists(made.ids[rows.source]),
        "segment": lists(rows.segment),
        "soft": lists(rows.soft),
        "branch": lists(rows.branch),
        "word": lists(rows.word),
        "label": pa.array(texts.label, STR),
        "labels": _labels(made, offsets, pieces),
        "lost_trunk": pa.array(np.minimum(rows.lost, 0xFFFF), pa.uint16()),
        "group": pa.array(texts.group, STR),
    }
    arrays = [columns[field.name].cast(field.type) for field in TREES]
    return pa.RecordBatch.from_arrays(arrays, schema=TREES)


def _labels(made: Made, offsets: pa.Array, pieces: Pieces) -> pa.Array:
    if not any(made.texts.tagged):
        return pa.nulls(made.rows.size, TREES.field("labels").type)
    own = labels(made.texts.tags, made.sentences.tokens, pieces)
    total = len(own)
    place = np.where(made.rows.source < total, made.rows.source, -1)
    values = own.take(pa.array(place, mask=place < 0))
    untold = pa.array([not one for one in made.texts.tagged])
    return pa.ListArray.from_arrays(offsets, values, mask=untold)
