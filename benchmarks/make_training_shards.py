"""Make up shards to train on: random words in pairs of texts, of given lengths, as BERT reads them.

What the words are is no matter for speed; how long examples are is. `lengths` draws those of texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from kbtools import artefact
from kbtools.kb.schema_digest import schema_digest
from kbtools.shards.assembly import lists

PAD, UNK, CLS, SEP, MASK, FIRST = range(6)
I64 = NDArray[np.int64]

# Tokens of sentences and of paragraphs of English Wikipedia, about, as log-normals: (median, sigma).
KINDS = {"sentences": (28, 0.6), "paragraphs": (90, 0.8)}


def lengths(kind: str, count: int, most: int, seed: int = 0) -> I64:
    """Draw how many tokens examples have, at most `most`: what is longer is cut to pieces of it."""
    median, sigma = KINDS[kind]
    drawn = np.exp(np.random.default_rng(seed).normal(np.log(median), sigma, count)).astype(np.int64)
    drawn = np.maximum(drawn, 8)
    pieces = -(-drawn // most)
    found = np.full(int(pieces.sum()), most, np.int64)
    found[np.cumsum(pieces) - 1] = np.maximum(drawn - (pieces - 1) * most, 8)
    return found


def write(out: Path, sizes: I64, *, vocabulary: int, most: int, seed: int = 0) -> Path:
    """Write shards with an example of each of these sizes; return where they are."""
    random = np.random.default_rng(seed)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    ids = random.integers(FIRST, vocabulary, int(ends[-1])).astype(np.int32)
    ids[ends[:-1]], ids[ends[1:] - 1] = CLS, SEP
    at = np.arange(len(ids)) - np.repeat(ends[:-1], sizes)
    middle = np.repeat(sizes // 2, sizes)
    ids[at == middle] = SEP
    kinds = pa.DictionaryArray.from_arrays(
        pa.array(random.integers(0, 2, len(sizes)).astype(np.int32)), pa.array(["next", "random"])
    )
    table = pa.table(
        {
            "input_ids": lists(ends, pa.array(ids)),
            "word_start": lists(ends, pa.array(random.random(len(ids)) < 0.7)),
            "segment": lists(ends, pa.array((at > middle).astype(np.int8))),
            "pair.kind": kinds,
        }
    )
    with artefact.Staging(out, out.name) as staging:
        (staging.new / "train").mkdir()
        name = "train/000000.arrow"
        with pa.ipc.new_file(str(staging.new / name), table.schema) as file:
            for batch in table.to_batches(max_chunksize=4096):
                file.write_batch(batch)
        told = artefact.Table(
            rows=len(sizes), files=[artefact.entry(staging.new, name)], schema=schema_digest(table.schema)
        )
        special: dict[str, Any] = {"pad": PAD, "unk": UNK, "cls": CLS, "sep": SEP, "mask": MASK}
        notes = {
            "index": {"train": [[len(sizes), len(ids)]]},
            "tokenizer": {"content": f"made up, {vocabulary}", "size": vocabulary, **special},
        }
        settings = {"common": {"max_length": most}}
        staging.commit(artefact.begin("shards", settings=settings, tables={"train": told}, notes=notes))
    return out
