"""Corpora read in one go, and written from rows, for the tests of their formats."""

from __future__ import annotations

import io
import json

import pyarrow as pa

from kbtools import corpus


class Read:
    """The documents of a corpus as rows, and what is wrong with it."""

    def __init__(self, spec, *settings):
        self.report = corpus.Report()
        found = corpus.documents(str(spec), settings=settings, report=self.report)
        self.rows = [row for batch in found for row in batch.to_pylist()]

    @property
    def rejects(self):
        """Lines and reasons."""
        return [(row["line"], row["reason"]) for row in self.report.rejects]

    @property
    def texts(self):
        return [row["text"] for row in self.rows]

    @property
    def names(self):
        return [row["doc_id"] for row in self.rows]

    def told(self, *fields, of=None):
        """The words of each link with some of its fields."""
        return [
            (row["text"][one["start"] : one["end"]], *(one[field] for field in fields))
            for row in (self.rows if of is None else self.rows[of : of + 1])
            for one in row["links"] or ()
        ]

    def extra(self):
        return [one["extra"] and json.loads(one["extra"]) for row in self.rows for one in row["links"] or ()]

    def meta(self, number=0):
        told = self.rows[number]["meta"]
        return told and json.loads(told)


def link(start, end, **more):
    """A row of `links`."""
    empty = dict.fromkeys(corpus.DOCUMENTS.field("links").type.value_type.names)
    return empty | {"start": start, "end": end, "kind": "gold"} | more


def document(doc_id, text, links=(), **more):
    """A row of documents."""
    return {"doc_id": doc_id, "text": text, "lang": None, "meta": None, "links": list(links)} | more


def written(name, rows):
    """Rows in a format."""
    file = io.BytesIO()
    corpus.write(name, [pa.RecordBatch.from_pylist(rows, schema=corpus.DOCUMENTS)], file)
    return file.getvalue()
