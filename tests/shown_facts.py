"""Shards of a few rows, written by hand, whose entities are those of a small knowledge base."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer as Made
from tokenizers import models, normalizers, pre_tokenizers

from kbtools import artefact
from kbtools.artefact import Input, KbRef
from kbtools.kb.schema_digest import schema_digest
from kbtools.shards.base import SPAN
from kbtools.tokens.tokenizer import Tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "country",
    "city",
    "capital",
    "river",
    "of",
    "in",
    "the",
    "is",
    "a",
    "by",
    "born",
    "place",
    "birth",
    "##place",
    "instance",
    "x",
    "y",
    "z",
]
VOCABULARY = {word: at for at, word in enumerate([*SPECIAL, *WORDS, *"国家首都的在"])}
LONG = pa.list_(pa.int64())

Mention = tuple[int, int, Sequence[int], int]  # start, end, candidates, gold


def tokenizer(folder: Path) -> Path:
    """Write a tokenizer of a few words and characters."""
    made = Made(models.WordPiece(VOCABULARY, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def row(text: str, mentions: Sequence[Mention] = ()) -> dict[str, Any]:
    """Make an example of words with spaces between; pieces and special tokens as they are called."""
    tokens = text.split()
    return {
        "input_ids": [VOCABULARY.get(token, 1) for token in tokens],
        "word_start": [not token.startswith("##") for token in tokens],
        "entities.tiny.spans": [[start, end] for start, end, *_ in mentions],
        "entities.tiny.eids": [list(eids) for _, _, eids, _ in mentions],
        "entities.tiny.gold": [gold for *_, gold in mentions],
    }


SCHEMA = pa.schema(
    [
        pa.field("input_ids", pa.list_(pa.int32()), False),
        pa.field("word_start", pa.list_(pa.bool_()), False),
        pa.field("entities.tiny.spans", pa.list_(SPAN), False),
        pa.field("entities.tiny.eids", pa.list_(LONG), False),
        pa.field("entities.tiny.gold", LONG, False),
    ]
)


def batch(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([*rows], schema=SCHEMA)


def write(
    out: Path, kb: Path, rows: Sequence[dict[str, Any]], *, made_by: Path | None = None, size: int = 2
) -> Path:
    """Write an artefact with one table of these rows."""
    manifest = artefact.read(kb, "kb")
    ref = KbRef(name=manifest.name or "", content=manifest.content, id_space=manifest.id_space)
    inputs = [Input(path=str(kb), kind="kb", content=manifest.content)]
    notes: dict[str, Any] = {"layout": "sequences", "views": ["entities"], "index": {}}
    if made_by is not None:
        known = Tokenizer.load(str(made_by))
        inputs.append(Input(path=str(made_by), kind="tokenizer", content=known.content))
        notes["tokenizer"] = {"content": known.content, "size": known.size, **known.special._asdict()}
    with artefact.Staging(out, f"tiny {out.name}") as staging:
        name = "train/00000.arrow"
        (staging.new / "train").mkdir()
        with pa.OSFile(str(staging.new / name), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
            for low in range(0, len(rows), size):
                writer.write_batch(batch(rows[low : low + size]))
        table = artefact.Table(
            rows=len(rows), files=[artefact.entry(staging.new, name)], schema=schema_digest(SCHEMA)
        )
        staging.commit(
            artefact.begin(
                "shards",
                settings={},
                inputs=inputs,
                kbs=[ref],
                tables={"train": table},
                counts={},
                notes=notes,
            )
        )
    return out
