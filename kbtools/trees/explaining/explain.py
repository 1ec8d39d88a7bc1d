"""Explain one sentence: its tree is made as `kbtools tree` makes it, and all that was considered is told."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from kbtools import config
from kbtools.corpus import DOCUMENTS
from kbtools.kb.ids import Ids
from kbtools.trees import choosing, opening
from kbtools.trees.base import I64, NO_ROOM, OVER_MAX, TAKEN, WHY
from kbtools.trees.choosing import Scored
from kbtools.trees.explaining.explained import Branch, Drawing, Explained, Mention, Source
from kbtools.trees.making import Made, Maker
from kbtools.trees.opening import Asked
from kbtools.trees.reading import Reader
from kbtools.trees.settings import LONGEST

MOST = 1000  # facts of an entity that are told


def explain_tree(
    text: str,
    *,
    second: str | None = None,
    text_lang: str | None = None,
    kbs: Sequence[str | Path] = (),
    alias: str | Path | None = None,
    tokenizer: str | Path | None = None,
    cooccurrence: str | None = None,
    encoder: str | None = None,
    load_encoder: str | None = None,
    force_lineage: bool = False,
    overrides: Iterable[str] = (),
    **settings: Any,
) -> Explained:
    """Explain the tree of a sentence, or of a pair; what else there is to ask is what `tree` takes."""
    how = replace(opening.settled(settings, overrides, cooccurrence), sentences="whole")
    asked = opening.ask(
        None, kbs=kbs, alias=alias, tokenizer=tokenizer, encoder=encoder, load_encoder=load_encoder,
        force_lineage=force_lineage, settings=how,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="kbtools-") as room, opening.passing():
        folder = Path(room)
        opening.prepare_names(asked, folder)
        opening.prepare_facts(asked, folder)
        opening.prepare_choice(asked, folder)
        return _Sentence(asked, opening.maker(asked, folder), (text, second), text_lang).explained()


class _Sentence:
    """One sentence, or a pair, and the tree that is made of it."""

    def __init__(self, asked: Asked, maker: Maker, texts: tuple[str, str | None], lang: str | None) -> None:
        self.asked, self.maker = asked, maker
        text, second = (None if one is None else _clean(one) for one in texts)
        meta = None if second is None else msgspec.json.encode({"text_b": second}).decode()
        row = {"doc_id": "text", "text": text, "lang": lang, "meta": meta, "links": None}
        (batch,) = pa.Table.from_pylist([row], DOCUMENTS).to_batches()
        self.read = Reader(maker.settings, None, Counter(), lines=True).texts(batch)
        self.made = maker.block(self.read)

    def explained(self) -> Explained:
        """Tell all of it."""
        made, how = self.made, self.maker.settings
        scored = choosing.scored(made.sentences, self.maker.facts, how, self.maker.encode)
        mentions = list(_Considered(self.asked, self.maker, made, scored).mentions())
        told = opening.inputs(self.asked)
        return Explained(
            text="\n".join(made.texts.texts),
            tree=_drawing(made),
            lost=int(made.rows.lost.sum()),
            mentions=[one for _, one in sorted([*mentions, *self._others()], key=lambda pair: pair[0])],
            settings=_flat(config.plain(how)),
            sources=[Source(kind=one.kind, path=one.path, content=one.content) for one in told],
            notes=list(self.asked.warnings),
        )

    def _others(self) -> Iterator[tuple[tuple[int, int], Mention]]:
        """Yield names without branches: cut off, of what nothing is said of, or not taken for names."""
        maker, mentions = self.maker, self.made.sentences.mentions
        here = set(zip(mentions.sentence.tolist(), mentions.start.tolist(), strict=True))
        covered = [
            *zip(*(part.tolist() for part in (mentions.sentence, mentions.start, mentions.end)), strict=True)
        ]
        if self.made.rows.lost.any():
            whole = Maker(
                replace(maker.settings, max_length=LONGEST),
                maker.facts,
                maker.names,
                maker.tokenising.tokenizer,
                maker.encode,
            )
            found = whole.block(self.read).sentences
            all_of = found.mentions
            for one in zip(
                *(part.tolist() for part in (all_of.sentence, all_of.start, all_of.end)), strict=True
            ):
                if one[:2] not in here:
                    here.add(one[:2])
                    covered.append(one)
                    yield _place(one), self._bare(one, WHY[WHY.index("mention cut off")])
        if maker.names is None or maker.settings.segmented:
            return
        texts = self.made.texts.texts
        spans = maker.names.alias.scan(texts)
        parts = (spans.text, spans.start, spans.end, spans.level)
        known = spans.length > 0
        for sentence, start, end, level in zip(*(part[known].tolist() for part in parts), strict=True):
            inside = [one for one in covered if one[0] == sentence and one[1] < end and start < one[2]]
            if inside:
                continue
            yield (
                _place((sentence, start, end)),
                self._bare((sentence, start, end), self._unknown(texts[sentence][start:end], level)),
            )

    def _bare(self, place: tuple[int, int, int], why: str) -> Mention:
        sentence, start, end = place
        surface = self.made.texts.texts[sentence][start:end]
        return Mention(surface=surface, word=None, entity=None, label=None, p=None, branches=[], why=why)

    def _unknown(self, surface: str, level: int) -> str:
        """Say why a name that is known was not looked at."""
        how, names = self.maker.settings, self.maker.names
        none = np.zeros(1, np.int64)
        told = names is not None and len(names.look_up([surface], none, none, none).eid)
        if how.exact and level:
            return "known in another spelling only; -o match=any takes those"
        if not told:
            return "a name of something that the knowledge base says nothing about"
        if len(surface) < how.least:
            return f"shorter than least, which is {how.least}"
        return "known in another spelling, and without a capital letter here"


def _clean(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _place(one: tuple[int, int, int]) -> tuple[int, int]:
    return one[0], one[1]


def _drawing(made: Made) -> Drawing:
    rows = made.rows
    return Drawing(
        tokens=made.tokens.to_pylist(),
        soft=rows.soft.tolist(),
        branch=rows.branch.tolist(),
        word=rows.word.tolist(),
        segment=rows.segment.tolist(),
    )


class _Considered:
    """What was considered for the entities of one tree."""

    def __init__(self, asked: Asked, maker: Maker, made: Made, scored: Scored) -> None:
        self.maker, self.made, self.scored = maker, made, scored
        self.ids = Ids(asked.base.kb)
        taken = made.considered
        keys = zip(taken.mention.tolist(), taken.fact.tolist(), strict=True)
        self.row = {key: row for row, key in enumerate(keys)}  # of what was laid out
        inside = made.rows.fact >= 0
        self.number = dict(
            zip(made.rows.fact[inside].tolist(), made.rows.branch[inside].tolist(), strict=True)
        )
        self.room = self._room()

    def _room(self) -> Mapping[int, str]:
        """Say of branches that had no room how much they needed, and how much was left in their turn."""
        made, how = self.made, self.maker.settings
        if how.policy == "reference":
            return dict.fromkeys(np.flatnonzero(made.considered.why == NO_ROOM).tolist(), "cut off")
        lengths = np.diff(made.branches.tokens.begins)
        left = how.max_length - int((made.rows.branch == 0).sum())
        found = {}
        for row, (slot, why) in enumerate(
            zip(made.branches.slot.tolist(), made.considered.why.tolist(), strict=True)
        ):
            needed = int(lengths[slot]) if slot >= 0 else 0
            if why == NO_ROOM:
                found[row] = f"needs {needed}, {left} left"
            elif why == TAKEN:
                left -= needed
        return found

    def mentions(self) -> Iterator[tuple[tuple[int, int], Mention]]:
        """Yield the entities with their places, in order."""
        mentions, considered = self.made.sentences.mentions, self.scored.considered
        ids = self.ids.take(mentions.eid).to_pylist()
        labels = self.maker.facts.names(mentions.eid).to_pylist()
        words = self._words()
        for at in range(len(mentions.eid)):
            rows = np.flatnonzero(considered.mention == at)
            sentence, start = int(mentions.sentence[at]), int(mentions.start[at])
            surface = self.made.texts.texts[sentence][start : int(mentions.end[at])]
            yield (
                (sentence, start),
                Mention(
                    surface=surface,
                    word=words[at],
                    entity=ids[at],
                    label=labels[at],
                    p=float(mentions.p[at]),
                    branches=list(self._branches(rows[:MOST], float(mentions.p[at]))),
                    more=max(len(rows) - MOST, 0),
                ),
            )

    def _words(self) -> list[int | None]:
        """Return the words of the tree that mentions are."""
        rows, mentions = self.made.rows, self.made.sentences.mentions
        trunk = rows.branch == 0
        word = dict(zip(rows.source[trunk].tolist(), rows.word[trunk].tolist(), strict=True))
        return [word.get(first) for first in mentions.first.tolist()]

    def _branches(self, rows: I64, p: float) -> Iterator[Branch]:
        known, considered = self.maker.facts, self.scored.considered
        facts_ = considered.fact[rows]
        tails = known.tail[facts_]
        columns = zip(
            rows.tolist(),
            known.relation_ids.take(pa.array(known.relation[facts_])).to_pylist(),
            known.predicates(facts_).to_pylist(),
            self.ids.take(tails).to_pylist(),
            known.objects(facts_).to_pylist(),
            self.maker.texts_of(facts_).to_pylist(),
            strict=True,
        )
        for row, relation, relation_label, tail, tail_label, text in columns:
            mention, fact = int(considered.mention[row]), int(considered.fact[row])
            laid = self.row.get((mention, fact))
            number = None if laid is None else self.number.get(laid)
            why = int(considered.why[row] if laid is None else self.made.considered.why[laid])
            score = float(considered.score[row])
            yield Branch(
                relation=relation,
                relation_label=relation_label,
                tail=tail,
                tail_label=tail_label,
                text=text,
                score=None if np.isnan(score) else score,
                parts=self._parts(row) if not np.isnan(score) else {},
                number=number,
                why=self._why(why, laid, score, p),
            )

    def _parts(self, row: int) -> dict[str, float | None]:
        told = {name: float(part[row]) for name, part in self.scored.parts.items()}
        return {name: None if np.isnan(value) else value for name, value in told.items()}

    def _why(self, why: int, laid: int | None, score: float, p: float) -> str:
        """Say why a fact is no branch; nothing of one that is."""
        how = self.maker.settings
        told = {
            "over the cap of its relation": f"{WHY[why]}, which is {how.choice.per_relation}",
            "below tau": f"p {p:.2f} below tau {how.choice.tau:g}",
            "score too low": f"score {score:.2f} below {how.choice.least}",
        }
        if why == TAKEN:
            return ""
        if why == OVER_MAX:
            return f"over max_entities, which is {how.max_entities}"
        if why == NO_ROOM and laid is not None:
            return f"no room ({self.room.get(laid, 'cut off')})"
        return told.get(WHY[why], WHY[why])


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Write settings with their full names, as -o takes them."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found
