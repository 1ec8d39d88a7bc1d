"""The table of a `linked` artefact: a row is a document, with its mentions in order (start, −end, kb)."""

from __future__ import annotations

import pyarrow as pa

from kbtools.kb.schema import DICT, F32, STR, U8, U32

KIND = "linked"
TABLE = "documents"
KINDS = ("dictionary", "ner", "anchor", "abbreviation", "coreference", "gold", "user")
SCORES = ("context", "coherence", "dense", "string", "type")  # features that are written

CANDIDATE = pa.struct([pa.field("eid", U32, False), pa.field("prior", F32, False), pa.field("p", F32, False)])
FEATURES = pa.struct([pa.field(name, F32) for name in SCORES])
MENTION = pa.struct(
    [
        pa.field("start", U32, False),  # code points of the text
        pa.field("end", U32, False),
        pa.field("kb", U8, False),  # a place in the manifest's `kbs`
        pa.field("eid", U32),  # null: the entity is in no knowledge base (NIL)
        pa.field("p", F32, False),  # how likely it is this one
        pa.field("nil", F32, False),  # how likely it is none
        pa.field("kind", DICT, False),  # of KINDS
        pa.field("group", U32, False),  # mentions of several knowledge bases at one place share it
        pa.field("parent", U32),  # the mention of the document that this one was derived from
        pa.field("candidates", pa.list_(CANDIDATE), False),
        pa.field("features", pa.list_(FEATURES)),  # a row for each candidate
    ]
)
DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", STR, nullable=False),
        pa.field("text", pa.large_string()),  # null: see `source`
        pa.field("lang", DICT),
        pa.field("source", STR),  # piece:row of the corpus named in the manifest
        pa.field("meta", STR),  # JSON
        pa.field("mentions", pa.list_(MENTION), nullable=False),
    ]
)
