"""The table of a `trees` artefact: a row is a sentence with its branches, flat; visibility is derived."""

from __future__ import annotations

import pyarrow as pa

from kbtools.kb.schema import STR

KIND = "trees"
TABLE = "trees"

I16, I32 = pa.int16(), pa.int32()
TREES = pa.schema(
    [
        pa.field("sentence_id", STR, nullable=False),
        pa.field("doc_id", STR),
        pa.field("text", STR, nullable=False),  # of a pair: both, a line feed between them
        pa.field("tokens", pa.list_(STR), nullable=False),
        pa.field("input_ids", pa.list_(I32)),  # null: no tokenizer was given
        pa.field("segment", pa.list_(pa.int8()), nullable=False),  # 0, and 1 for the second of a pair
        pa.field("soft", pa.list_(I16), nullable=False),  # a branch counts on from its head word
        pa.field("branch", pa.list_(I16), nullable=False),  # 0: trunk
        pa.field("word", pa.list_(I16), nullable=False),  # a branch carries the number of its head word
        pa.field("label", STR),
        pa.field("labels", pa.list_(STR)),  # of the tokens of the trunk; null on branches
        pa.field("lost_trunk", pa.uint16(), nullable=False),  # tokens of the sentence there was no room for
        pa.field("group", STR),  # sentences that are judged together: answers to one question
    ]
)
