"""Linked documents in words: ids and labels instead of numbers, one JSON object a document.

`kbtools link -` answers so line by line, as soon as a line is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from kbtools.corpus import jsonl
from kbtools.corpus.base import Report, batches
from kbtools.errors import KbError
from kbtools.kb.ids import Ids
from kbtools.linkers.corpora import Written, link_batch
from kbtools.linkers.opening import Opened


class Answers:
    """Answers of one linker."""

    def __init__(self, here: Opened, how: Written | None = None) -> None:
        self.here, self.how = here, how or Written()

    @cached_property
    def _ids(self) -> dict[int, Ids]:
        """The entities of the knowledge bases that are at hand; of others, numbers are told."""
        try:
            return {place: Ids(base.kb) for place, base in self.here.bases.items()}
        except KbError:
            return {}

    def stream(self, lines: Iterable[bytes], counts: Counter[str]) -> Iterator[bytes]:
        """Answer each line of JSON with one; a line that is no document, with what is wrong with it."""
        settings = jsonl.Settings()
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            report = Report()
            document = jsonl.document_of(line, settings, report, file="-", number=number)
            if document is None:
                counts["rejected"] += 1
                yield msgspec.json.encode({"line": number, "error": report.rejects[-1]["reason"]}) + b"\n"
                continue
            counts["read"] += 1
            for batch in batches([document], report):
                for linked in link_batch(self.here, batch, counts, self.how):
                    for row in linked.to_pylist():
                        yield msgspec.json.encode(self.answer(row)) + b"\n"

    def answer(self, row: dict[str, Any]) -> dict[str, Any]:
        """Put one row of `linked` into words."""
        text, mentions = row["text"], row["mentions"]
        said = {place: self._called(mentions, place) for place in {one["kb"] for one in mentions}}
        told = [
            {
                "start": one["start"],
                "end": one["end"],
                "surface": text[one["start"] : one["end"]],
                "kb": self.here.names[one["kb"]],
                **said[one["kb"]].get(one["eid"], {"id": None}),
                "p": round(one["p"], 4),
                "nil": round(one["nil"], 4),
                "kind": one["kind"],
                "candidates": [
                    said[one["kb"]][each["eid"]]
                    | {"p": round(each["p"], 4), "prior": round(each["prior"], 4)}
                    for each in one["candidates"]
                ],
            }
            for one in mentions
        ]
        lang = {"lang": row["lang"]} if row["lang"] else {}
        return {"id": row["doc_id"], "text": text, **lang, "mentions": told}

    def _called(self, mentions: list[dict[str, Any]], place: int) -> dict[int, dict[str, Any]]:
        """Look up what all entities of one knowledge base are called."""
        mine = [one for one in mentions if one["kb"] == place]
        eids = {each["eid"] for one in mine for each in one["candidates"]} | {one["eid"] for one in mine}
        wanted = np.array(sorted(eids - {None}), np.int64)
        ids = self._ids.get(place)
        if ids is None:
            return {eid: {"eid": eid} for eid in wanted.tolist()}
        columns = (ids.take(wanted, column).to_pylist() for column in ("id", "label"))
        told = zip(wanted.tolist(), *columns, strict=True)
        return {eid: {"id": id_} | ({"label": label} if label else {}) for eid, id_, label in told}
